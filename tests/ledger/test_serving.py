"""The ledger of a running proxy: what is in it, what must not be, and what happens when it cannot be had."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from proxy_addon import setup
from proxy_addon.config import EMPTY, UsageError, read_config
from proxy_addon.ledger import Evidence
from proxy_addon.ledger.asked import Filters
from proxy_addon.ledger.ledger import Ledger
from proxy_addon.ledger.place import Place
from proxy_addon.ledger.retention import Keep
from proxy_addon.ledger.store import Store
from proxy_addon.setup import Choices, build_engine, open_ledger
from tests.kit.client import fetch
from tests.kit.postgres import Postgres
from tests.kit.proxy import Proxy, run
from tests.kit.server import Server
from tests.kit.site import Site

from .rows import ROW, numbers, row
from .test_faults import small_disk  # noqa: F401 - a fixture

TAG = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
PAGE = f'<!doctype html><html><head><script src="{TAG}?secret-query=s3cr3t"></script></head><body>shop'.encode()
AGENT = "Mozilla/5.0 (Agent-That-Nobody-May-Read)"
COOKIES = "session=c00kie-value; consentry=v=1&functional=granted&analytics=denied&marketing=denied"
SECRETS = (
    *("127.0.0.1", "203.0.113.77", "Agent-That-Nobody-May-Read", "c00kie-value", "v4lue", "h1dden", "qu3ry", "s3cr3t"),
    *("r3ferer", "fragm3nt", "p4ssword", "p4yload"),
)
FIELDS = {
    "Sec-Fetch-Dest": "document",
    "User-Agent": AGENT,
    "Cookie": COOKIES,
    "Referer": "http://shop.test/before?ref=r3ferer#fragm3nt",
    "X-Forwarded-For": "203.0.113.77",
}


@pytest.fixture
def site() -> Iterator[Server]:
    page = Site()
    page.page("/", PAGE, headers=[("set-cookie", "_ga=GA1.2.v4lue; Path=/"), ("set-cookie", "own=h1dden; Path=/")])
    server = Server(page)
    yield server
    server.close()


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where what runs keeps its state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "consentry"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a configuration."""
    monkeypatch.chdir(tmp_path)


def resolved(site: Server) -> list[str]:
    """The arguments that stand in front of the site under a name of its own."""
    return ["http://shop.test", "--resolve", f"shop.test:80:127.0.0.1:{site.port}"]


def visit(proxy: Proxy, **fields: str) -> None:
    assert fetch(f"{proxy.url}/?page-query=qu3ry", {**FIELDS, **fields}).status == 200


def kept(place: Place, filters: Filters | None = None) -> Sequence[Evidence]:
    store = Store.open(place, create=False)
    try:
        return list(store.rows(filters))
    finally:
        store.close()


def test_what_a_page_tried_is_in_the_users_ledger_when_the_proxy_has_ended(
    site: Server, state: Path, tmp_path: Path
) -> None:
    with Proxy(*resolved(site), folder=tmp_path) as proxy:
        visit(proxy)
        assert proxy.interrupt() == 0
        assert proxy.stderr == ""
    found = kept(Place(state / "evidence.db"))
    held = next(each for each in found if each.vendor == "segment")
    assert (held.outcome, held.layer, held.type, held.url) == ("held", "html", "script", f"{TAG}?secret-query=…")
    assert (held.site, held.page, held.signal) == ("shop.test", "http://shop.test/?page-query=…", "cookie consentry")
    assert numbers(found) == list(range(1, len(found) + 1))
    assert len({each.session for each in found}) == len({each.visitor for each in found}) == 1
    assert re.fullmatch(r"[0-9a-f]{16}", held.visitor)


def test_no_address_no_agent_no_cookie_and_no_query_is_stored(site: Server, state: Path, tmp_path: Path) -> None:
    with Proxy(*resolved(site), "--trust-forwarded", "1", folder=tmp_path) as proxy:
        visit(proxy)
        visit(proxy, Referer="http://someone:p4ssword@shop.test/")
        report = {"page": f"{proxy.url}/?x=qu3ry", "rows": [
            {"outcome": "held", "vendor": "segment", "url": f"{TAG}?id=p4yload", "type": "script"},
            {"outcome": "trouble", "vendor": "", "url": "http://a.test/?y=p4yload", "type": ""},
        ]}  # fmt: skip
        body = json.dumps(report).encode()
        same = {**FIELDS, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
        assert fetch(f"{proxy.url}/__consentry/report", same, method="POST", body=body).status == 204
        assert proxy.interrupt() == 0
    assert len(kept(Place(state / "evidence.db"))) >= 4
    stored = b"".join(file.read_bytes() for file in state.glob("evidence.db*"))
    for secret in SECRETS:
        assert secret.encode() not in stored, secret
    assert b"cookie _ga" in stored, "names of cookies are evidence, their values are not"


def test_query_values_are_kept_where_that_is_wanted(site: Server, state: Path, tmp_path: Path) -> None:
    with Proxy(*resolved(site), "--keep-query", folder=tmp_path) as proxy:
        visit(proxy)
        proxy.interrupt()
    assert kept(Place(state / "evidence.db"), Filters(vendor="segment"))[0].url == f"{TAG}?secret-query=s3cr3t"


def test_a_visitor_has_the_same_name_in_the_next_run(site: Server, state: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with Proxy(*resolved(site), "--trust-forwarded", "1", folder=tmp_path) as proxy:
            visit(proxy)
            visit(proxy, **{"X-Forwarded-For": "203.0.113.78"})
            proxy.interrupt()
    found = kept(Place(state / "evidence.db"))
    by_run = {each.session: {other.visitor for other in found if other.session == each.session} for each in found}
    assert len(by_run) == 2
    one, other = by_run.values()
    assert one == other
    assert len(one) == 2, "behind a trusted server, visitors are told apart by the address that it tells"


def test_a_run_may_keep_nothing(site: Server, state: Path, tmp_path: Path) -> None:
    with Proxy(*resolved(site), "--no-ledger", folder=tmp_path) as proxy:
        visit(proxy)
        assert proxy.wait_for_verdict(lambda verdict: verdict.vendor == "segment")
        proxy.interrupt()
    assert not (state / "evidence.db").exists()


def test_a_database_takes_the_evidence_of_a_run(site: Server, state: Path, tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.empty()
    with Proxy(*resolved(site), "--ledger", url, folder=tmp_path) as proxy:
        visit(proxy)
        proxy.interrupt()
    assert kept(Place(None, url), Filters(vendor="segment"))
    assert not (state / "evidence.db").exists()
    shown = run("log", "--ledger", url, "--by", "vendor", folder=tmp_path)
    assert (shown.returncode, "segment" in shown.stdout) == (0, True)


def test_with_a_full_disk_pages_are_served_and_the_trouble_is_told(
    site: Server,
    tmp_path: Path,
    small_disk: Path,  # noqa: F811 - the fixture
) -> None:
    with Proxy(*resolved(site), "--ledger", str(small_disk / "evidence.db"), folder=tmp_path) as proxy:
        visit(proxy)
        (small_disk / "ballast").write_bytes(b"")
        with (small_disk / "ballast").open("wb", buffering=0) as ballast:
            try:
                while ballast.write(b"x" * 4096):
                    pass
            except OSError:
                pass

        def told() -> bool:
            return any("evidence cannot be stored" in each.reason for each in proxy.verdicts())

        for _ in range(5000):
            visit(proxy)
            if told():
                break
        assert told()
        for _ in range(20):
            visit(proxy)
        (small_disk / "ballast").unlink()
        proxy.wait_until(lambda seen: any(each.reason == "evidence is stored again, and none is lost" for each in seen))
        assert proxy.interrupt() == 0
        assert proxy.stderr == ""
    found = [each.number for each in kept(Place(small_disk / "evidence.db"))]
    assert found == list(range(1, len(found) + 1))


def test_a_ledger_of_a_proxy_that_was_killed_can_be_asked_and_used_again(
    site: Server, state: Path, tmp_path: Path
) -> None:
    place = Place(state / "evidence.db")
    with Proxy(*resolved(site), folder=tmp_path) as proxy:
        visit(proxy)
        store = Store.open(place)
        while not store.newest():
            proxy.wait_for_verdict(lambda verdict: verdict.vendor == "segment")
        store.close()
        proxy.process.send_signal(signal.SIGKILL)
        proxy.wait()
    before = len(kept(place))
    with Proxy(*resolved(site), folder=tmp_path) as proxy:
        visit(proxy)
        proxy.interrupt()
    assert len(kept(place)) > before


def test_the_add_on_in_mitmproxy_keeps_evidence_where_it_is_told(site: Server, state: Path, tmp_path: Path) -> None:
    script = run("addon", folder=tmp_path).stdout.strip()
    command = [
        str(Path(sys.executable).with_name("mitmdump")), "-s", script, "--mode", f"reverse:{site.url}",
        "--listen-host", "127.0.0.1", "-p", "0", "--set", f"confdir={tmp_path}", "--set", "consentry_ledger=mine.db",
    ]  # fmt: skip
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            listening = next(
                found for line in process.stdout if (found := re.search(r"listening at \S*?(\d+)\.?\s*$", line))
            )
            fetch(f"http://127.0.0.1:{listening[1]}/", FIELDS)
        finally:
            process.terminate()
        process.stdout.read()
    assert kept(Place(tmp_path / "mine.db"), Filters(vendor="segment"))
    assert not (state / "evidence.db").exists()


# Which ledger, and for how long


class Told:
    """What was told of a ledger."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def __call__(self, evidence: Evidence) -> None:
        self.reasons.append(evidence.reason)


@pytest.fixture
def kept_for(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Place, Keep | None]]:
    """What ledgers would be opened, and for how long they would keep."""
    seen: list[tuple[Place, Keep | None]] = []
    monkeypatch.setattr(Ledger, "open", lambda place, tell, *, keep: seen.append((place, keep)))
    return seen


def test_the_usual_ledger_is_kept_for_a_while_and_another_for_ever(
    state: Path, kept_for: list[tuple[Place, Keep | None]]
) -> None:
    open_ledger(None, None, Told())
    open_ledger(None, "7d", Told())
    open_ledger("x.db", None, Told())
    open_ledger("x.db", "500MB", Told())
    assert kept_for == [
        (Place(state / "evidence.db"), Keep(30 * 86400, 10**9)),
        (Place(state / "evidence.db"), Keep(7 * 86400)),
        (Place(Path("x.db")), Keep()),
        (Place(Path("x.db")), Keep(bytes=500_000_000)),
    ]


def test_no_ledger_is_wanted_with_no_words(kept_for: list[tuple[Place, Keep | None]]) -> None:
    assert open_ledger("", None, Told()) is None
    assert kept_for == []


@pytest.mark.parametrize(
    ("where", "keep", "words"),
    [
        ("mysql://x/y", None, "is no ledger"),
        (None, "some", "does not say what to keep"),
        ("x.db", "some", "does not say what to keep"),
        ("/proc/nowhere/x.db", None, "The ledger /proc/nowhere/x.db cannot be used: "),
    ],
)
def test_a_ledger_that_was_asked_for_and_cannot_be_had_is_refused(
    where: str | None, keep: str | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        open_ledger(where, keep, Told())


def test_without_the_usual_ledger_it_goes_on_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    told = Told()
    assert open_ledger(None, None, told) is None
    [reason] = told.reasons
    assert reason.startswith("evidence is not kept: The ledger /proc/nowhere/consentry/evidence.db cannot be used: ")


def test_a_file_beside_the_configuration_is_meant(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    config = tmp_path / "etc" / "c.yaml"
    for said, meant in (
        ("mine.db", str(tmp_path / "etc" / "mine.db")),
        ("/var/x.db", "/var/x.db"),
        ("postgresql://db/x", "postgresql://db/x"),
        ("false", False),
        ("true", True),
    ):
        config.write_text(f"ledger: {said}\nledger_keep: 7d\n")
        assert read_config(config).options["ledger"] == meant
        assert read_config(config).options["ledger_keep"] == "7d"


@pytest.mark.parametrize(
    ("args", "environment", "file", "opened"),
    [
        ([], {}, "", None),
        (["--ledger", "a.db"], {}, "", "a.db"),
        (["--no-ledger"], {}, "", ""),
        ([], {"CONSENTRY_LEDGER": "b.db"}, "ledger: c.db", "b.db"),
        ([], {"CONSENTRY_NO_LEDGER": "1"}, "ledger: c.db", ""),
        ([], {}, "ledger: c.db", "c.db"),
        ([], {}, "ledger: false", ""),
        ([], {}, "ledger: true", None),
        (["--ledger", "a.db"], {"CONSENTRY_NO_LEDGER": "1"}, "ledger: false", "a.db"),
        (["--no-ledger"], {"CONSENTRY_LEDGER": "b.db"}, "", ""),
    ],
    ids=str,
)
@pytest.mark.usefixtures("elsewhere")
def test_a_flag_comes_before_the_environment_and_that_before_the_file(
    monkeypatch: pytest.MonkeyPatch, *, args: list[str], environment: dict[str, str], file: str, opened: str | None
) -> None:
    from proxy_addon import cli, proxy, serving

    seen: list[str | None] = []
    Path("consentry.yaml").write_text(file)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(serving, "open_ledger", lambda where, keep, tell: seen.append(where))
    monkeypatch.setattr(proxy, "serve", lambda *_, **__: None)
    monkeypatch.setattr(sys, "argv", ["consentry", "https://shop.test", "--no-dashboard", *args])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert seen == [opened]


def test_an_engine_names_its_run_and_numbers_its_rows(tmp_path: Path) -> None:
    class Kept:
        def __init__(self) -> None:
            self.rows: list[Evidence] = []

        def record(self, evidence: Evidence) -> None:
            self.rows.append(evidence)

    sink = Kept()
    engines = [build_engine(Choices(), EMPTY, sink) for _ in range(2)]
    for engine in engines:
        for _ in range(2):
            seen = engine.visit_forward("10.0.0.1", TAG, "cdn.segment.com", {"referer": "https://shop.test/"})
            engine.request(seen, "GET", TAG, "/x", {})
    assert numbers(sink.rows) == [1, 2, 1, 2]
    assert [each.session for each in sink.rows] == [engine.session for engine in engines for _ in range(2)]
    assert engines[0].session != engines[1].session
    assert {each.site for each in sink.rows} == {"shop.test"}
    assert len({each.visitor for each in sink.rows}) == 2, "without a salt that is kept, names last as long as the run"


def test_a_ledger_shows_live_what_it_stores(tmp_path: Path) -> None:
    with Ledger.open(Place(tmp_path / "x.db"), Told()) as ledger, ledger.feed.subscribe() as viewer:
        ledger.record(ROW)
        ledger.record(row(2))
        assert numbers(viewer.take()) == [1, 2]
        assert ledger.writer.flush()
        assert numbers(ledger.store.query()) == [2, 1]


def test_what_serves_nothing_loads_no_database() -> None:
    code = """
import sys
from proxy_addon.cli import main
sys.argv = ["consentry", "vendors"]
try:
    main()
except SystemExit as ended:
    assert ended.code == 0
assert "sqlalchemy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_the_default_is_said_where_it_is_set() -> None:
    assert setup.DEFAULT_KEEP == "30d,1GB"
