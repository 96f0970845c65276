"""The configuration file becomes values, or one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy_addon.config import EMPTY, ConfigError, UsageError, cache_folder, read_config, regime_named
from proxy_addon.consent.cookie import PlainCookie
from proxy_addon.consent.model import CATEGORIES

from .small import CCPA, GDPR


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(text: str, name: str = "consentry.yaml") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_config(written(text))
    assert "\n" not in str(caught.value)
    return caught.value


def test_without_a_file_everything_is_left_open() -> None:
    assert read_config(None) is EMPTY


def test_a_file_of_the_usual_name_is_read_unasked() -> None:
    written("mode: observe\n")
    assert read_config(None).options == {"mode": "observe"}


def test_every_option_keeps_the_name_it_has_on_the_command_line() -> None:
    config = read_config(
        written(
            """
            mode: observe
            regime: ccpa
            strict_labels: true
            keep_query: true
            insecure_upstream: true
            listen: "8081"
            resolve: ["*:443:127.0.0.1:8443"]
            router_policy: strict
            ask_routers: false
            """
        )
    )
    assert config.options == {
        "mode": "observe",
        "regime": "ccpa",
        "strict_labels": True,
        "keep_query": True,
        "insecure_upstream": True,
        "listen": "8081",
        "resolve": ["*:443:127.0.0.1:8443"],
        "router_policy": "strict",
        "ask_routers": False,
    }


def test_paths_are_relative_to_the_file() -> None:
    config = read_config(
        written(
            "confdir: ca\ntls_cert: /etc/cert.pem\nupstream_ca: ../ca.pem\ngeoip: db.mmdb\nrules: [mine, /other]\n",
            "etc/consentry.yaml",
        )
    )
    assert config.options == {
        "confdir": "etc/ca",
        "tls_cert": "/etc/cert.pem",
        "upstream_ca": "etc/../ca.pem",
        "geoip": "etc/db.mmdb",
        "rules": ["etc/mine", "/other"],
    }


def test_a_path_may_begin_in_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    config = read_config(written("confdir: ~/ca\nrules: [~/rules]\n", "etc/consentry.yaml"))
    assert Path(config.options["confdir"]).expanduser() == Path("/home/someone/ca")
    assert Path(config.options["rules"][0]).expanduser() == Path("/home/someone/rules")


@pytest.mark.parametrize("text", ["", "\n\n", "# mode: observe\n", "---\n"])
def test_a_file_in_which_nothing_is_said_is_fine(text: str) -> None:
    config = read_config(written(text))
    assert (config.options, config.sites, config.consent_cookie) == ({}, (), None)


@pytest.mark.parametrize("listen", ["8080", '"8080"', "127.0.0.1:8080", '":8080"', '"[::1]:8080"'])
def test_an_address_to_listen_on_may_be_written_as_people_write_it(listen: str) -> None:
    assert str(read_config(written(f"listen: {listen}\n")).options["listen"]) == listen.strip('"')


def test_sites_have_settings_of_their_own() -> None:
    config = read_config(
        written(
            """
            consent_cookie: {name: choice, values: {all: [analytics, marketing]}}
            sites:
              - url: https://shop.test/
                listen: "9000"
                mode: observe
                regime: ccpa
                consent_cookie: {name: cc, tokens: {stats: analytics}, separator: "|"}
              - url: https://blog.test
            """
        )
    )
    shop, blog = config.sites
    assert (shop.url, shop.listen, shop.mode, shop.regime) == ("https://shop.test", "9000", "observe", "ccpa")
    assert shop.consent_cookie is not None
    assert shop.consent_cookie.parse("stats").categories["analytics"]
    assert (blog.url, blog.listen, blog.mode, blog.regime, blog.consent_cookie) == (
        "https://blog.test",
        None,
        None,
        None,
        None,
    )
    assert config.consent_cookie is not None
    assert config.consent_cookie.parse("all").categories == {"functional": False, "analytics": True, "marketing": True}


def test_a_site_says_what_a_routers_destinations_are_for_it() -> None:
    config = read_config(
        written(
            """
            destinations: {Mixpanel: functional}
            sites:
              - url: https://shop.test
                router_policy: base
                ask_routers: false
                destinations: {"Facebook Pixel": analytics}
              - url: https://blog.test
            """
        )
    )
    shop, blog = config.sites
    assert config.destinations == {"Mixpanel": "functional"}
    assert (shop.router_policy, shop.ask_routers, shop.destinations) == ("base", False, {"Facebook Pixel": "analytics"})
    assert (blog.router_policy, blog.ask_routers, blog.destinations) == (None, None, {})


def cookie_or_hint(path: Path) -> PlainCookie | None:
    """The consent cookie of a configuration, or None where the file is refused with the hint to use quotes."""
    try:
        return read_config(path).consent_cookie
    except ConfigError as error:
        if "quotes" not in str(error):
            raise
        return None


@pytest.mark.parametrize("word", ["yes", "no", "true", "false", "on", "off", "1", "0", "010", "1.50", "null", "~"])
def test_a_value_of_the_consent_cookie_counts_as_it_is_written_or_is_refused(word: str) -> None:
    """YAML takes many of these words for something else; a cookie says them as they are."""
    path = written(f"consent_cookie:\n  name: choice\n  values:\n    {word}: [analytics]\n")
    cookie = cookie_or_hint(path)
    if cookie is None:
        return
    assert cookie.parse(word).categories == {name: name == "analytics" for name in CATEGORIES}


@pytest.mark.parametrize("word", ["yes", "1"])
def test_a_token_of_the_consent_cookie_counts_as_it_is_written_or_is_refused(word: str) -> None:
    path = written(f"consent_cookie:\n  name: choice\n  tokens:\n    {word}: analytics\n")
    cookie = cookie_or_hint(path)
    if cookie is None:
        return
    assert cookie.parse(word).decided


def test_a_list_that_always_names_necessary_can_be_described() -> None:
    cookie = read_config(
        written("consent_cookie: {name: choice, tokens: {necessary: necessary, stats: analytics}}\n")
    ).consent_cookie
    assert cookie is not None
    assert cookie.parse("necessary,stats").categories == {name: name == "analytics" for name in CATEGORIES}
    assert cookie.parse("necessary").categories == dict.fromkeys(CATEGORIES, False)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("mode: observed\n", 1, ["'mode' is 'observed'", "did you mean 'observe'?"]),
        ("mdoe: observe\n", 1, ["'mdoe' is not known here", "did you mean 'mode'?"]),
        ("mode: observe\nregime: GDPR\n", 2, ["'regime' is 'GDPR'"]),
        ("region_header: 'CF IPCountry'\n", 1, ["'region_header' is 'CF IPCountry'"]),
        ("trust_forwarded: 17\n", 1, ["'trust_forwarded' does not fit"]),
        ("trust_forwarded: yes\n", 1, ["'trust_forwarded' is yes or no", "make it an integer"]),
        ("strict_labels: maybe\n", 1, ["'strict_labels' is a text", "make it yes or no"]),
        ("rules: mine\n", 1, ["'rules' is a text", "make it a list"]),
        ("sites:\n  - url: https://shop.test/path\n", 2, ["'url' is 'https://shop.test/path'"]),
        ("sites:\n  - url: shop.test\n", 2, ["'url' is 'shop.test'"]),
        ("sites:\n  - url: https://a b.test\n", 2, ["'https://a b.test' is no URL"]),
        ("listen: 99999\n", 1, ["'listen' does not fit"]),
        ("listen: [80]\n", 1, ["'listen' is a list", "a text or an integer"]),
        ("sites:\n  - listen: '80'\n", 2, ["has no 'url'"]),
        ("sites:\n  - {url: 'https://shop.test', modes: observe}\n", 2, ["did you mean 'mode'?"]),
        ("consent_cookie: {values: {all: []}}\n", 1, ["'consent_cookie' has no 'name'"]),
        ("consent_cookie:\n  name: x\n", 1, ["'consent_cookie'", "values", "tokens"]),
        ("consent_cookie: {name: x, values: {}}\n", 1, ["'values'"]),
        ("consent_cookie: {name: x, values: {all: [analitics]}}\n", 1, ["did you mean 'analytics'?"]),
        ("consent_cookie: {name: 'a b', tokens: {a: analytics}}\n", 1, ["'name' is 'a b'"]),
        ("router_policy: filters\n", 1, ["'router_policy' is 'filters'", "did you mean 'filter'?"]),
        ("ask_routers: never\n", 1, ["'ask_routers' is a text", "make it yes or no"]),
        ("destinations: {Mixpanel: necessary}\n", 1, ["'Mixpanel' is 'necessary'"]),
        ("mode: observe\nmode: enforce\n", 2, ["'mode' stands here twice"]),
        ("mode: [\n", None, ["is not YAML"]),
        ("- mode\n", 1, ["the file is a list"]),
    ],
)
def test_a_mistake_names_the_line_and_the_remedy(text: str, line: int | None, words: list[str]) -> None:
    error = refusal(text)
    assert line is None or error.line == line
    assert [word for word in words if word not in str(error)] == []
    assert "in its first line" not in str(error), "a configuration need not name its schema"


def test_a_file_that_was_asked_for_and_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(Path("nowhere.yaml"))
    assert str(caught.value) == (
        "nowhere.yaml: cannot be read (No such file or directory); check the path given to --config."
    )


def test_a_folder_is_no_file() -> None:
    Path("folder").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(Path("folder"))


def test_a_file_that_is_not_utf8_is_refused() -> None:
    Path("consentry.yaml").write_bytes(b"mode: observe\n# \xff\n")
    with pytest.raises(ConfigError, match="line 2: is not UTF-8"):
        read_config(None)


def test_an_unknown_regime_names_the_known_ones() -> None:
    known = {"gdpr": GDPR, "ccpa": CCPA}
    assert regime_named("ccpa", known) is CCPA
    with pytest.raises(UsageError, match=r"There is no regime 'lgpd'; it is one of: ccpa, gdpr, or auto\."):
        regime_named("lgpd", known)


def test_auto_is_the_strictest_regime_while_nothing_is_known_of_the_visitor() -> None:
    regime = regime_named("auto", {"gdpr": GDPR, "ccpa": CCPA})
    assert (regime.unset, regime.gpc_denies) == (GDPR.unset, CCPA.gpc_denies)


def test_the_cache_lies_where_the_user_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/me")
    assert cache_folder() == Path("/var/cache/me/consentry")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_folder() == Path("/home/me/.cache/consentry")
