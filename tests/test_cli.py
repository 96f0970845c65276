"""The command line: exit codes, sentences, shapes, precedence."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mitmproxy.master import Master

from proxy_addon import __version__, proxy
from proxy_addon.cli import main
from proxy_addon.console import Console
from proxy_addon.engine import Engine
from proxy_addon.listeners import Listener, Transport

from .rewrite.routers import RELAY
from .small import ACME, ship, write

TAG = "https://cdn.acme.test/a.js"


class Result(NamedTuple):
    """How a command ended."""

    code: object
    out: str
    err: str


@dataclass
class Started:
    """What a serving command would have started."""

    engine: Engine
    listeners: Sequence[Listener]
    transport: Transport
    console: Console
    live: object = None

    @property
    def addresses(self) -> list[tuple[str | None, str, int]]:
        return [(each.upstream, each.host, each.port) for each in self.listeners]

    @property
    def site(self) -> tuple[str, str, bool]:
        site = self.engine.visit_reverse("https://x.test", "http://localhost:8080", "https://x.test/", {}).site
        return site.mode, site.regime.regime, site.strict_labels


Run = Callable[..., Result]
Serve = Callable[..., Started]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    ship(tmp_path / "shipped", monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("CONSENTRY_NO_DASHBOARD", "1")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process, with its own exit code."""

    def run(*args: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "argv", ["consentry", *args])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Result(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, run: Run) -> Serve:
    """Run a serving command up to where it would open its listeners."""

    def serve(*args: str) -> Started:
        served: list[Started] = []

        def take(
            engine: Engine, listeners: Sequence[Listener], transport: Transport, console: Console, **given: object
        ) -> None:
            served.append(Started(engine, listeners, transport, console, given["live"]))

        monkeypatch.setattr(proxy, "serve", take)
        result = run(*args)
        assert (result.code, len(served)) == (0, 1), result
        return served[0]

    return serve


@pytest.fixture
def ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a mistake pass for a start, do not run until interrupted."""

    async def run(_: Master) -> None:
        return

    monkeypatch.setattr(Master, "run", run)
    monkeypatch.setattr(logging.getLogger(), "level", logging.getLogger().level)
    monkeypatch.setattr(logging.getLogger("mitmproxy"), "propagate", True)


def refused(result: Result) -> str:
    """The one sentence with which a command refused."""
    assert (result.code, result.out) == (2, ""), result
    assert "Traceback" not in result.err
    sentence = result.err.strip().splitlines()[-1]
    assert sentence.startswith("Error: ")
    return sentence.removeprefix("Error: ")


# Help


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["-h"],
        ["reverse", "-h"],
        ["forward", "-h"],
        ["demo", "-h"],
        ["explain", "-h"],
        ["vendors", "-h"],
        ["vendors", "show", "-h"],
        ["vendors", "list", "-h"],
        ["addon", "-h"],
    ],
)
def test_every_command_has_help_with_an_example(run: Run, args: list[str]) -> None:
    result = run(*args)
    assert result.code == 0
    assert "consentry" in result.out.partition("Usage:")[2].partition("\n")[2]


def test_the_help_names_the_exit_codes(run: Run) -> None:
    assert "Exit codes: 0 fine, 1 violations found, 2 wrong usage" in run("--help").out


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").out.strip() == f"consentry, version {__version__}"


def test_without_arguments_the_help_is_shown(run: Run) -> None:
    result = run()
    assert "consentry explain URL" in result.out + result.err


def test_the_path_of_the_add_on_is_that_of_a_file(run: Run) -> None:
    assert Path(run("addon").out.strip()).is_file()


# Mistakes


@pytest.mark.parametrize(
    "args",
    [
        ["nosuch"],
        ["reverse"],
        ["reverse", "--nosuch"],
        ["explain"],
        ["explain", "nonsense"],
        ["explain", TAG, "--consent", "nonsense"],
        ["explain", TAG, "--regime", "nonsense"],
        ["explain", TAG, "--region", "nowhere"],
        ["explain", TAG, "--site", "not a host"],
        ["explain", TAG, "--rules", "nowhere"],
        ["vendors", "nosuch"],
        ["vendors", "show"],
        ["vendors", "show", "nonsense"],
        ["vendors", "list", "--rules", "nowhere"],
        ["https://x.test/path"],
        ["https://x.test/?q"],
        ["ftp://x.test"],
        ["https://user@x.test"],
        ["https://"],
        ["https://[bad"],
        ["https://x.test:port"],
        ["https://x.test:99999"],
        ["https://a b.test"],
        ["https://x.test", "--listen", "x"],
        ["https://x.test", "--listen", "99999"],
        ["https://x.test", "--listen", "-1"],
        ["https://x.test", "--listen", "²"],
        ["https://x.test", "--listen", ""],
        ["https://x.test", "--listen", "1", "--listen", "2"],
        ["https://x.test", "--mode", "nonsense"],
        ["https://x.test", "--regime", "nonsense"],
        ["https://x.test", "--region-header", "CF IPCountry"],
        ["https://x.test", "--subdivision-header", "CF-Region-Code"],
        ["https://x.test", "--geoip", "nowhere.mmdb"],
        ["https://x.test", "--trust-forwarded", "-1"],
        ["https://x.test", "--config", "nowhere.yaml"],
        ["https://x.test", "--rules", "nowhere"],
        ["https://x.test", "--resolve", "nonsense"],
        ["https://x.test", "--resolve", "x.test:443:127.0.0.1:99999"],
        ["https://x.test", "--tls-cert", "nowhere.pem"],
        ["https://x.test", "--upstream-ca", "nowhere.pem"],
        ["forward", "extra"],
        ["forward", "--listen", "1", "--listen", "2"],
    ],
    ids=" ".join,
)
@pytest.mark.timeout(20)
def test_a_mistake_is_one_sentence_and_exit_code_two(run: Run, ends_at_once: None, args: list[str]) -> None:
    refused(run(*args, *(["--confdir", "ca"] if "x.test" in " ".join(args) else [])))


@pytest.mark.parametrize("name", ["--tls-cert", "--upstream-ca"])
@pytest.mark.timeout(20)
def test_a_file_that_is_no_pem_is_one_sentence(run: Run, ends_at_once: None, name: str) -> None:
    Path("bad.pem").write_text("no certificate")
    assert "bad.pem" in refused(run("https://x.test", "--listen", "0", "--confdir", "ca", name, "bad.pem"))


def test_a_mistake_in_the_rules_names_file_and_line(run: Run) -> None:
    path = write(Path("mine"), "vendors/beta.yaml", ACME.replace("acme", "beta").replace("owner:", "ower:"))
    sentence = refused(run("vendors", "list", "--rules", "mine"))
    assert sentence == f"{path}, line 4: 'ower' is not known here; did you mean 'owner'?"


def test_a_mistake_in_the_configuration_names_file_and_line(run: Run) -> None:
    Path("consentry.yaml").write_text("mode: observe\nregmie: gdpr\n")
    assert (
        refused(run("https://x.test")) == "consentry.yaml, line 2: 'regmie' is not known here; did you mean 'regime'?"
    )


def test_a_mistake_in_the_environment_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENTRY_MODE", "nonsense")
    assert "nonsense" in refused(run("https://x.test"))


# vendors


def test_vendors_lists_and_so_does_vendors_list(run: Run) -> None:
    assert run("vendors") == run("vendors", "list") == (0, "acme  analytics   Acme Counter  Acme Ltd\n", "")


def test_the_list_for_a_program_is_an_array(run: Run) -> None:
    result = run("vendors", "list", "--json")
    assert [each["vendor"] for each in json.loads(result.out)] == ["acme"]


def test_vendors_takes_the_options_of_its_list(run: Run) -> None:
    assert [each["vendor"] for each in json.loads(run("vendors", "--json").out)] == ["acme"]


@pytest.mark.parametrize("name", ["acme", "ACME", "Acme Counter", "the counter"])
def test_a_vendor_is_shown_by_id_name_or_alias(run: Run, name: str) -> None:
    result = run("vendors", "show", name)
    assert result.code == 0
    assert result.out.startswith("Acme Counter\n")
    assert json.loads(run("vendors", "show", name, "--json").out)["vendor"] == "acme"


def test_an_unknown_vendor_is_told_where_the_known_ones_are(run: Run) -> None:
    sentence = refused(run("vendors", "show", "beta"))
    assert sentence == "There is no vendor 'beta'; `consentry vendors` lists them."


def beta(folder: str = "mine") -> None:
    write(Path(folder), "vendors/beta.yaml", ACME.replace("acme", "beta").replace("surrogate: beta.js\n", ""))


@pytest.mark.parametrize(
    "args", [["vendors"], ["vendors", "list"], ["vendors", "show", "beta"], ["explain", "https://beta.test/"]]
)
def test_the_environment_names_a_folder_of_rules_for_every_command(
    run: Run, monkeypatch: pytest.MonkeyPatch, args: list[str]
) -> None:
    beta()
    monkeypatch.setenv("CONSENTRY_RULES", "mine")
    result = run(*args)
    assert result.code == 0
    assert "beta" in result.out.replace("https://beta.test/", "")


def test_the_flag_names_a_folder_of_rules(run: Run) -> None:
    beta()
    assert "beta" in run("vendors", "list", "--rules", "mine").out
    assert json.loads(run("explain", "https://beta.test/", "--rules", "mine", "--json").out)["vendor"] == "beta"


# explain


def explained(run: Run, *args: str) -> dict[str, Any]:
    result = run("explain", *args, "--json")
    assert (result.code, result.err, result.out.count("\n")) == (0, "", 1)
    plain: dict[str, Any] = json.loads(result.out)
    return plain


def test_explain_gives_an_object(run: Run) -> None:
    plain = explained(run, TAG)
    assert {name: plain[name] for name in ("verdict", "vendor", "categories", "missing", "rule")} == {
        "verdict": "block",
        "vendor": "acme",
        "categories": ["analytics"],
        "missing": ["analytics"],
        "rule": "acme-script",
    }
    assert isinstance(plain["reason"], str)
    assert "type" not in plain
    assert explained(run, TAG, "--type", "script")["type"] == "script"


def test_explain_of_what_nobody_catalogued_gives_the_same_shape(run: Run) -> None:
    plain = explained(run, "https://shop.test/")
    assert (plain["verdict"], plain["vendor"], plain["rule"], plain["categories"], plain["missing"]) == (
        "allow",
        None,
        None,
        [],
        [],
    )
    assert set(plain) == set(explained(run, TAG))


@pytest.mark.parametrize(
    ("args", "verdict"),
    [
        ([], "block"),
        (["--consent", "analytics"], "allow"),
        (["--consent", "functional"], "block"),
        (["--consent", "none,acme"], "allow"),
        (["--consent", "all,-acme"], "block"),
        (["--regime", "ccpa"], "allow"),
        (["--regime", "ccpa", "--gpc"], "allow"),
        (["--regime", "ccpa", "--gpc", "--strict-labels"], "block"),
        (["--regime", "ccpa", "--dnt"], "block"),
        (["--regime", "ccpa", "--dnt", "--consent", "analytics"], "allow"),
        (["--region", "US-CA"], "allow"),
        (["--region", "US-CA", "--gpc", "--strict-labels"], "block"),
        (["--region", "NO"], "block"),
        (["--regime", "auto"], "block"),
        (["--consent", "analytics", "--strict-labels"], "block"),
        (["--site", "www.acme.test"], "allow"),
        (["--site", "shop.test"], "block"),
    ],
)
def test_explain_takes_consent_regime_gpc_labels_and_site(run: Run, args: list[str], verdict: str) -> None:
    assert explained(run, TAG, *args)["verdict"] == verdict


def test_explain_in_words_says_why(run: Run) -> None:
    result = run("explain", TAG)
    assert result.code == 0
    assert result.out.startswith(f"BLOCK  {TAG}\n")
    assert "Acme Counter" in result.out


def test_explain_reads_one_url_a_line_and_answers_one_object_a_line(run: Run) -> None:
    result = run(
        "explain", "-", "--consent", "none", stdin=f"{TAG}\n\n  https://shop.test/ \r\nnonsense\n{TAG}".encode()
    )
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 0
    assert [line["url"] for line in lines] == [TAG, "https://shop.test/", "nonsense", TAG]
    assert [line.get("verdict") for line in lines] == ["block", "allow", None, "block"]
    assert "is no web URL" in lines[2]["error"]


ROUTED = "https://cdn.relay.test/js/K1/relay.js"


def test_explain_reads_a_routers_settings_from_a_file(run: Run) -> None:
    args = ("--rules", str(RELAY), "--consent", "analytics", "--settings", "settings.json")
    Path("settings.json").write_text('{"integrations":{"Ads":{},"Tally":{}}}')
    plain = explained(run, ROUTED, *args)
    assert [(each["name"], each["verdict"]) for each in plain["destinations"]] == [("Ads", "block"), ("Tally", "allow")]
    assert plain["will"] == "it runs, and does not reach: Ads"
    assert explained(run, ROUTED, *args, "--router-policy", "strict")["verdict"] == "block"
    assert explained(run, ROUTED, "--rules", str(RELAY))["destinations"] is None
    Path("settings.json").write_bytes(b"\xff")
    result = run("explain", ROUTED, *args)
    assert (result.code, result.err) == (2, "Error: These are no settings of relay: they list destinations nowhere.\n")
    assert run("explain", ROUTED, *args[:-1], "nowhere.json").code == 2


def test_explain_asks_a_router_only_when_told_to(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fetch(_: object, url: str) -> str | None:
        asked.append(url)
        return '[{"name":"Tally"}]' if url.endswith("list") else None

    monkeypatch.setattr("proxy_addon.ask.Fetcher.__call__", fetch)
    assert explained(run, ROUTED, "--rules", str(RELAY))["destinations"] is None
    assert asked == []
    plain = explained(run, ROUTED, "--rules", str(RELAY), "--ask")
    assert [each["name"] for each in plain["destinations"]] == ["Tally"]
    assert len(asked) == 2


def test_vendors_show_counts_a_routers_destinations(run: Run) -> None:
    assert "of which 5 are known" in " ".join(run("vendors", "show", "relay", "--rules", str(RELAY)).out.split())
    plain = json.loads(run("vendors", "show", "relay", "--rules", str(RELAY), "--json").out)
    assert len(plain["destinations"]) == 5


def test_explain_of_nothing_answers_nothing(run: Run) -> None:
    assert run("explain", "-") == (0, "", "")


def test_explain_goes_on_after_a_line_that_is_not_utf8(run: Run) -> None:
    result = run("explain", "-", stdin=b"https://\xff.test/\n" + TAG.encode() + b"\n")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert (result.code, len(lines)) == (0, 2)
    assert "error" in lines[0]
    assert lines[1]["verdict"] == "block"


def test_explain_over_a_pipe_that_closes_early_shows_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "proxy_addon", "explain", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(b"https://shop.test/\n" * 1000)
        with suppress(BrokenPipeError):
            process.stdin.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("args", [["explain", TAG], ["vendors"], ["vendors", "show", "segment"], ["--help"]])
def test_what_serves_nothing_does_not_wait_for_mitmproxy(args: list[str]) -> None:
    code = f"""
import sys
from proxy_addon.cli import main
sys.argv = ["consentry", *{args!r}]
try:
    main()
except SystemExit as ended:
    assert ended.code == 0
assert "mitmproxy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


# Serving


def test_a_site_needs_no_command(serve: Serve) -> None:
    assert serve("https://shop.test").addresses == [("https://shop.test", "127.0.0.1", 8080)]
    assert serve("shop.test").addresses[0][0] == "https://shop.test"
    assert serve("localhost:3000").addresses[0][0] == "https://localhost:3000"
    assert serve("reverse", "https://shop.test/").addresses[0][0] == "https://shop.test"


def test_options_may_stand_before_the_site_and_after_it(serve: Serve) -> None:
    for args in (("--mode", "observe", "https://shop.test"), ("https://shop.test", "--mode", "observe")):
        started = serve(*args)
        assert (started.addresses[0][0], started.site[0]) == ("https://shop.test", "observe")


def test_options_may_stand_before_a_command_too(serve: Serve) -> None:
    started = serve("--mode", "observe", "forward")
    assert (started.addresses[0][0], started.site[0]) == (None, "observe")
    assert ports(serve("--mode", "observe", "forward", "--listen", "9000")) == [9000]


def test_the_value_of_an_option_is_not_taken_for_a_command(serve: Serve) -> None:
    beta("vendors")
    started = serve("--rules", "vendors", "https://shop.test")
    assert started.addresses[0][0] == "https://shop.test"
    assert "beta" in started.engine.catalogue.vendors


def test_forward_mode_stands_in_front_of_no_site(serve: Serve) -> None:
    assert serve("forward").addresses == [(None, "127.0.0.1", 8080)]


def test_without_a_word_it_enforces_the_gdpr(serve: Serve) -> None:
    assert serve("forward").site == ("enforce", "gdpr", False)


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        ("9000", "127.0.0.1", 9000),
        ("0.0.0.0:9000", "0.0.0.0", 9000),
        (":9000", "127.0.0.1", 9000),
        ("[::1]:9000", "::1", 9000),
        ("localhost:0", "localhost", 0),
    ],
)
def test_an_address_to_listen_on_is_a_port_with_or_without_a_host(
    serve: Serve, listen: str, host: str, port: int
) -> None:
    assert serve("https://x.test", "--listen", listen).addresses[0][1:] == (host, port)


def ports(started: Started) -> list[int]:
    return [each.port for each in started.listeners]


def test_each_site_gets_an_address_of_its_own(serve: Serve) -> None:
    assert ports(serve("https://a.test", "https://b.test", "https://c.test")) == [8080, 8081, 8082]
    assert ports(serve("https://a.test", "https://b.test", "--listen", "9000", "--listen", "9001")) == [9000, 9001]
    assert ports(serve("https://a.test", "https://b.test", "--listen", "8080")) == [8080, 8081]


def test_a_free_port_is_none_that_another_site_was_given(serve: Serve) -> None:
    Path("consentry.yaml").write_text("sites: [{url: 'https://a.test'}, {url: 'https://b.test', listen: '8080'}]")
    assert ports(serve("reverse")) == [8081, 8080]


def test_the_sites_of_the_file_are_served_where_none_is_named(serve: Serve) -> None:
    Path("consentry.yaml").write_text(
        "sites: [{url: 'https://a.test', listen: '0.0.0.0:9000', mode: observe}, {url: 'https://b.test'}]"
    )
    started = serve("reverse")
    assert started.addresses == [("https://a.test", "0.0.0.0", 9000), ("https://b.test", "127.0.0.1", 8080)]
    assert (
        started.engine.visit_reverse("https://a.test", "http://localhost:8080", "https://a.test/", {}).site.mode
        == "observe"
    )
    assert serve("https://c.test").addresses == [("https://c.test", "127.0.0.1", 8080)]


def test_the_common_address_of_the_file_is_for_the_first_site_without_its_own(serve: Serve) -> None:
    Path("consentry.yaml").write_text(
        "listen: '9999'\nsites: [{url: 'https://a.test', listen: '9000'}, {url: 'https://b.test'}]"
    )
    assert ports(serve("reverse")) == [9000, 9999]


# Precedence


def write_config(**values: str) -> None:
    Path("consentry.yaml").write_text("".join(f"{name}: {value}\n" for name, value in values.items()))


def test_a_flag_comes_before_the_environment_and_that_before_the_file(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(mode="observe", regime="ccpa", strict_labels="true", confdir="file")
    assert serve("forward").site == ("observe", "ccpa", True)
    assert serve("forward").transport.confdir == Path("file")
    monkeypatch.setenv("CONSENTRY_MODE", "enforce")
    monkeypatch.setenv("CONSENTRY_STRICT_LABELS", "0")
    monkeypatch.setenv("CONSENTRY_CONFDIR", "environment")
    assert serve("forward").site == ("enforce", "ccpa", False)
    assert serve("forward").transport.confdir == Path("environment")
    started = serve("forward", "--mode", "observe", "--regime", "gdpr", "--strict-labels", "--confdir", "flag")
    assert started.site == ("observe", "gdpr", True)
    assert started.transport.confdir == Path("flag")


def test_do_not_track_is_heeded_by_flag_environment_or_file(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def heeded(*args: str) -> str:
        engine = serve("forward", *args).engine
        return engine.visit_reverse("https://a.test", "http://localhost:8080", "https://a.test/", {}).site.dnt

    assert heeded() == "ignore"
    write_config(dnt="deny")
    assert heeded() == "deny"
    monkeypatch.setenv("CONSENTRY_DNT", "ignore")
    assert heeded() == "ignore"
    assert heeded("--dnt", "deny") == "deny"


@pytest.mark.parametrize(
    ("flag", "expected"),
    [([], True), (["--no-strict-labels"], False), (["--strict-labels"], True)],
)
def test_a_switch_of_the_file_can_be_switched_off(serve: Serve, flag: list[str], expected: bool) -> None:
    write_config(strict_labels="true")
    assert serve("forward", *flag).site[2] is expected


def test_lists_are_replaced_and_not_joined(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(resolve="['*:443:10.0.0.1']", listen="'9001'")
    assert serve("forward").transport.resolver.resolve("x.test", 443) == ("10.0.0.1", 443)
    assert ports(serve("forward")) == [9001]
    monkeypatch.setenv("CONSENTRY_RESOLVE", "*:443:10.0.0.2 *:80:10.0.0.3")
    monkeypatch.setenv("CONSENTRY_LISTEN", "9002")
    started = serve("forward")
    assert started.transport.resolver.resolve("x.test", 443) == ("10.0.0.2", 443)
    assert started.transport.resolver.resolve("x.test", 80) == ("10.0.0.3", 80)
    assert ports(started) == [9002]
    started = serve("forward", "--resolve", "x.test:443:10.0.0.4", "--listen", "9003")
    assert started.transport.resolver.resolve("x.test", 443) == ("10.0.0.4", 443)
    assert started.transport.resolver.resolve("y.test", 443) == ("y.test", 443)
    assert ports(started) == [9003]


def test_the_file_may_be_named_by_flag_or_environment(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("one.yaml").write_text("mode: observe\n")
    Path("two.yaml").write_text("regime: ccpa\n")
    monkeypatch.setenv("CONSENTRY_CONFIG", "one.yaml")
    assert serve("forward").site == ("observe", "gdpr", False)
    assert serve("forward", "--config", "two.yaml").site == ("enforce", "ccpa", False)


def test_what_tells_the_visitors_place_makes_the_regime_follow_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def regime(started: Started, **fields: str) -> str:
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        visit = started.engine.visit_reverse("https://x.test", "http://localhost:8080", "https://x.test/", named)
        return visit.regime.regime

    started = serve("https://x.test", "--region-header", "CF-IPCountry", "--subdivision-header", "CF-Region-Code")
    assert regime(started, cf_ipcountry="US", cf_region_code="CA") == "ccpa"
    assert regime(started, cf_ipcountry="CH") == "ch"
    monkeypatch.setenv("CONSENTRY_REGION_HEADER", "X-Country")
    assert regime(serve("https://x.test"), x_country="GB") == "uk"
    assert regime(serve("https://x.test", "--regime", "ccpa"), x_country="GB") == "ccpa"
    monkeypatch.delenv("CONSENTRY_REGION_HEADER")
    write_config(region_header="X-Land", trust_forwarded="1")
    assert regime(serve("https://x.test"), x_land="jp") == "appi"


def test_the_certificate_authority_is_kept_in_the_users_home_by_default(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert serve("forward").transport.confdir == Path("/home/someone/.consentry")


def test_the_remaining_options_reach_the_transport(serve: Serve) -> None:
    transport = serve(
        "forward", "--insecure-upstream", "--tls-cert", "a.pem", "--upstream-ca", "b.pem", "--confdir", "ca"
    ).transport
    assert transport.insecure_upstream
    assert (transport.tls_cert, transport.upstream_ca, transport.confdir) == (Path("a.pem"), Path("b.pem"), Path("ca"))
