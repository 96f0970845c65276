"""From choices and a configuration to an engine that treats each site as it should."""

from __future__ import annotations

from pathlib import Path

import pytest
from mitmproxy.http import Headers

from proxy_addon.catalogue.yamlfile import RulesError
from proxy_addon.config import EMPTY, ConfigFile, UsageError, read_config
from proxy_addon.engine import Engine, Visit
from proxy_addon.ledger import Evidence
from proxy_addon.setup import Choices, build_engine

from .small import ship


class Sink:
    """Takes evidence and forgets it."""

    def record(self, evidence: Evidence) -> None:
        """See ledger.Sink."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    ship(tmp_path / "shipped", monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def engine(config: ConfigFile = EMPTY, choices: Choices | None = None) -> Engine:
    return build_engine(choices or Choices(), config, Sink())


def configured(text: str) -> ConfigFile:
    path = Path("consentry.yaml")
    path.write_text(text, "utf-8")
    return read_config(path)


def visited(built: Engine, origin: str, cookie: str = "") -> Visit:
    return built.visit_reverse(origin, "http://localhost:8080", f"{origin}/", {"cookie": cookie} if cookie else {})


def reverse(built: Engine, origin: str) -> tuple[str, str]:
    site = visited(built, origin).site
    return site.mode, site.regime.regime


def test_without_a_word_it_enforces_the_gdpr() -> None:
    assert reverse(engine(), "https://shop.test") == ("enforce", "gdpr")


def test_choices_hold_for_every_site() -> None:
    choices = Choices("observe", "ccpa", strict_labels=True, strict=True, worker=False, report_leaks=True)
    config = configured("sites: [{url: 'https://shop.test', mode: enforce}]")
    for origin, mode in (("https://shop.test", "enforce"), ("https://blog.test", "observe")):
        site = visited(engine(config, choices), origin).site
        assert (site.mode, site.regime.regime) == (mode, "ccpa")
        assert (site.strict_labels, site.bootstrap, site.worker, site.report_leaks) == (True, True, False, True)


def test_a_site_of_the_configuration_differs_in_what_it_says_and_in_nothing_else() -> None:
    built = engine(
        configured("sites: [{url: 'https://shop.test', regime: ccpa}, {url: 'https://blog.test', mode: observe}]"),
        Choices(mode="enforce", regime="gdpr"),
    )
    assert reverse(built, "https://shop.test") == ("enforce", "ccpa")
    assert reverse(built, "https://blog.test") == ("observe", "gdpr")
    assert reverse(built, "https://other.test") == ("enforce", "gdpr")


def test_do_not_track_is_ignored_unless_the_site_or_all_sites_heed_it() -> None:
    config = configured("sites: [{url: 'https://shop.test', dnt: deny}, {url: 'https://blog.test', dnt: ignore}]")
    for choices, others in ((Choices(), "ignore"), (Choices(dnt="deny"), "deny")):
        built = engine(config, choices)
        found = [visited(built, f"https://{name}.test").site.dnt for name in ("shop", "blog", "other")]
        assert found == ["deny", "ignore", others]


def test_two_sites_of_one_domain_are_told_apart() -> None:
    built = engine(configured("sites: [{url: 'https://a.shop.test', mode: observe}, {url: 'https://b.shop.test'}]"))
    assert reverse(built, "https://a.shop.test")[0] == "observe"
    assert reverse(built, "https://b.shop.test")[0] == "enforce"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://B.Shop.test", "https://b.shop.test"),
        ("https://b.shop.test/", "https://b.shop.test"),
        ("https://b.shop.test:443", "https://b.shop.test"),
        ("http://b.shop.test:80", "http://b.shop.test"),
        ("https://b.shop.test:8443", "https://b.shop.test:8443"),
    ],
)
def test_a_site_is_known_however_its_origin_is_spelt(url: str, origin: str) -> None:
    built = engine(configured(f"sites: [{{url: 'https://a.shop.test'}}, {{url: '{url}', mode: observe}}]"))
    assert reverse(built, origin)[0] == "observe"


def test_in_forward_mode_a_site_is_known_by_its_domain() -> None:
    built = engine(configured("sites: [{url: 'https://www.shop.test', mode: observe}]"))
    fields = {"sec-fetch-dest": "document"}
    for host, mode in (("shop.test", "observe"), ("m.shop.test", "observe"), ("blog.test", "enforce")):
        assert built.visit_forward("10.0.0.1", f"https://{host}/", host, fields).site.mode == mode


def test_a_site_reads_its_own_consent_cookie_and_the_others_the_common_one() -> None:
    built = engine(
        configured(
            """
            consent_cookie: {name: common, values: {"all": [analytics]}}
            sites:
              - {url: "https://shop.test", consent_cookie: {name: own, values: {"all": [analytics]}}}
              - {url: "https://blog.test"}
            """
        )
    )
    assert visited(built, "https://shop.test", "own=all").consent.decided
    assert not visited(built, "https://blog.test", "own=all").consent.decided
    assert not visited(built, "https://shop.test", "common=all").consent.decided
    assert visited(built, "https://blog.test", "common=all").consent.decided


def test_a_site_has_its_own_word_on_routers() -> None:
    config = configured(
        """
        destinations: {Mixpanel: functional, Slack: marketing}
        sites:
          - {url: "https://shop.test", router_policy: base, ask_routers: true, destinations: {Slack: functional}}
          - {url: "https://blog.test"}
        """
    )
    built = engine(config, Choices(router_policy="strict", ask_routers=False))
    shop, blog = (visited(built, f"https://{name}.test").site for name in ("shop", "blog"))
    assert (shop.router_policy, shop.ask_routers) == ("base", True)
    assert shop.destinations == {"Mixpanel": "functional", "Slack": "functional"}
    assert (blog.router_policy, blog.ask_routers) == ("strict", False)
    assert blog.destinations == {"Mixpanel": "functional", "Slack": "marketing"}
    assert visited(engine(), "https://shop.test").site.router_policy == "filter"


def test_an_unknown_regime_is_refused_wherever_it_stands() -> None:
    with pytest.raises(UsageError, match="There is no regime 'lex'"):
        engine(choices=Choices(regime="lex"))
    with pytest.raises(UsageError, match="There is no regime 'lex'"):
        engine(configured("sites: [{url: 'https://shop.test', regime: lex}]"))


def regime_of(built: Engine, origin: str = "https://shop.test", address: str = "", **fields: str) -> str:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return built.visit_reverse(origin, "http://localhost:8080", f"{origin}/", named, address=address).regime.regime


def test_without_a_word_a_header_that_names_a_country_is_not_believed() -> None:
    assert regime_of(engine(), cf_ipcountry="US", cf_region_code="CA") == "gdpr"


def test_a_region_header_makes_the_regime_follow_the_visitor() -> None:
    built = engine(choices=Choices(region_header="CF-IPCountry", subdivision_header="CF-Region-Code"))
    assert regime_of(built, cf_ipcountry="US", cf_region_code="CA") == "ccpa"
    assert regime_of(built, cf_ipcountry="US", cf_region_code="TX") == "us-gpc"
    assert regime_of(built, cf_ipcountry="NO") == "gdpr"
    assert regime_of(built, cf_ipcountry="XX") == regime_of(built) == "strictest"


def test_a_regime_that_is_named_is_fixed_whatever_else_is_given() -> None:
    built = engine(choices=Choices(regime="ccpa", region_header="CF-IPCountry"))
    assert regime_of(built, cf_ipcountry="DE") == "ccpa"


def test_a_site_may_have_a_fixed_regime_beside_others_that_follow_the_visitor() -> None:
    config = configured(
        "sites: [{url: 'https://shop.test', regime: uk}, {url: 'https://news.test', regime: auto},"
        " {url: 'https://blog.test'}]"
    )
    built = engine(config, Choices(regime="ccpa", region_header="CF-IPCountry"))
    for origin, regime in (("shop", "uk"), ("news", "gdpr"), ("blog", "ccpa")):
        assert regime_of(built, f"https://{origin}.test", cf_ipcountry="DE") == regime


def test_auto_without_anything_to_tell_the_place_by_is_the_strictest() -> None:
    assert regime_of(engine(choices=Choices(regime="auto")), cf_ipcountry="US") == "strictest"


def test_in_forward_mode_no_header_says_where_the_browser_is() -> None:
    built = engine(choices=Choices(region_header="CF-IPCountry"))
    fields = {"cf-ipcountry": "US", "sec-fetch-dest": "document"}
    assert built.visit_forward("10.0.0.1", "https://shop.test/", "shop.test", fields).regime.regime == "strictest"


def test_what_is_decided_and_recorded_and_told_to_the_page_is_the_visitors_regime() -> None:
    rows: list[Evidence] = []

    class Kept(Sink):
        def record(self, evidence: Evidence) -> None:
            rows.append(evidence)

    built = build_engine(Choices(region_header="CF-IPCountry", subdivision_header="CF-Region-Code"), EMPTY, Kept())
    page = "<script src=https://acme.test/x></script>"
    for place, outcome in ((("DE", ""), "held"), (("US", "CA"), "passed")):
        fields = {"cf-ipcountry": place[0], "cf-region-code": place[1], "sec-fetch-dest": "document"}
        visit = built.visit_reverse("https://shop.test", "http://localhost:8080", "https://shop.test/", fields)
        headers = Headers(content_type="text/html")
        body = built.response(visit, "GET", "https://shop.test/", 200, request=fields, headers=headers, recode=False)
        assert body is not None
        sent = b"".join([*body.feed(page.encode()), *body.close()]).decode()
        assert f"&quot;regime&quot;:&quot;{visit.regime.regime}&quot;" in sent
        assert (rows[-1].outcome, rows[-1].regime) == (outcome, visit.regime.regime)
        assert headers["cache-control"] == "private, no-cache", "no cache may keep it for visitors elsewhere"


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (Choices(region_header="CF IPCountry"), "'CF IPCountry' is no name of a request field"),
        (Choices(subdivision_header="CF-Region-Code"), "says nothing without the country"),
        (Choices(geoip="nowhere.mmdb"), "There is no file nowhere.mmdb; check the path given to --geoip."),
    ],
)
def test_what_cannot_tell_a_place_is_refused_in_one_sentence(choices: Choices, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        engine(choices=choices)
    assert words in str(caught.value)


def test_a_folder_of_rules_that_is_not_there_is_refused() -> None:
    with pytest.raises(RulesError, match="there is no such rules folder"):
        engine(choices=Choices(rules=("nowhere",)))
