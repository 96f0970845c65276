"""Why a URL would be held: the same decision as on the wire."""

from __future__ import annotations

import json

import pytest

from proxy_addon.catalogue.model import Domain, Exemption, RequestRule
from proxy_addon.config import UsageError
from proxy_addon.consent.model import CATEGORIES, Consent
from proxy_addon.explain import ask, connected, consent_of, explain

from .rewrite.routers import relay
from .small import CCPA, GDPR, catalogue, vendor

CATALOGUE = catalogue(
    vendor(
        "acme",
        domains=(Domain("acme.test", "marketing"),),
        requests=(RequestRule("tag", "script", "cdn.acme.test", "/*.js", "The tag."),),
        exempt=(Exemption("acme.test", "/help/**", "a handbook"),),
    ),
    vendor("safe", "necessary", domains=(Domain("safe.test", "necessary"),)),
    vendor("meter", requests=(RequestRule("tagged", "script", "*", "/**/s.js", "", attribute="data-meter"),)),
)
TAG = "https://cdn.acme.test/a.js"


def test_an_explanation_is_plain_data() -> None:
    plain = explain(CATALOGUE, TAG, Consent(), GDPR).plain()
    assert json.loads(json.dumps(plain)) == {
        "url": TAG,
        "verdict": "block",
        "vendor": "acme",
        "categories": ["analytics"],
        "missing": ["analytics"],
        "rule": "tag",
        "kind": "script",
        "label": "marketing",
        "what": "The tag.",
        "reason": "acme needs analytics: analytics is unset, which gdpr counts as denied",
    }


def test_of_what_nobody_catalogued_there_is_neither_vendor_nor_rule() -> None:
    plain = explain(CATALOGUE, "https://shop.test/", Consent(), GDPR).plain()
    assert (plain["verdict"], plain["vendor"], plain["rule"], plain["categories"]) == ("allow", None, None, [])
    assert plain["reason"]


@pytest.mark.parametrize(
    ("url", "categories"), [("https://safe.test/", ["necessary"]), ("https://acme.test/help/x", [])]
)
def test_what_is_necessary_or_exempt_is_allowed(url: str, categories: list[str]) -> None:
    plain = explain(CATALOGUE, url, Consent(dict.fromkeys(CATEGORIES, False)), GDPR).plain()
    assert (plain["verdict"], plain["categories"], plain["missing"]) == ("allow", categories, [])


def test_strict_labels_require_the_category_of_the_domain_as_well() -> None:
    said = Consent({"analytics": True})
    assert explain(CATALOGUE, TAG, said, GDPR).verdict.action == "allow"
    strict = explain(CATALOGUE, TAG, said, GDPR, strict_labels=True)
    assert strict.verdict.missing == ("marketing",)


def test_an_attribute_of_the_tag_counts() -> None:
    url = "https://shop.test/x/s.js"
    assert explain(CATALOGUE, url, Consent(), GDPR).match is None
    assert explain(CATALOGUE, url, Consent(), GDPR, attributes=["data-meter"]).verdict.blocks


@pytest.mark.parametrize(
    "site", ["acme.test", "www.acme.test", "https://www.acme.test/x", "ACME.test", "http://acme.test:8080"]
)
def test_the_site_may_be_a_host_or_a_url(site: str) -> None:
    assert not explain(CATALOGUE, TAG, Consent(), GDPR, site=site).verdict.blocks


@pytest.mark.parametrize("site", ["not a host", "https://[bad", "a b.test"])
def test_a_site_that_is_none_is_refused(site: str) -> None:
    with pytest.raises(UsageError, match="site"):
        explain(CATALOGUE, TAG, Consent(), GDPR, site=site)


@pytest.mark.parametrize("url", ["", "cdn.acme.test/a.js", "//cdn.acme.test/a.js", "data:,x", "https://"])
def test_what_is_no_web_url_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(UsageError, match="is no web URL; write it whole"):
        explain(CATALOGUE, url, Consent(), GDPR)


# --consent


def said(text: str | None, gpc: bool = False) -> Consent:
    return consent_of(text, gpc, CATALOGUE)


def only(*granted: str) -> dict[str, bool]:
    return {name: name in granted for name in CATEGORIES}


def test_left_out_nothing_was_said() -> None:
    assert not said(None).decided
    assert said(None, True).gpc


@pytest.mark.parametrize(
    ("text", "granted"),
    [
        ("analytics", ["analytics"]),
        ("analytics,functional", ["analytics", "functional"]),
        (" analytics , functional ,", ["analytics", "functional"]),
        ("none", []),
        ("necessary", []),
        ("-analytics", []),
        ("all", list(CATEGORIES)),
        ("all,-marketing", ["functional", "analytics"]),
        ("-marketing,all", ["functional", "analytics"]),
        ("analytics,-analytics", []),
    ],
)
def test_to_name_a_category_is_to_decide_on_all_and_a_refusal_counts(text: str, granted: list[str]) -> None:
    assert said(text).categories == only(*granted)


def test_a_vendor_may_be_allowed_or_refused_by_itself() -> None:
    assert said("none,acme").vendors == {"acme": True}
    assert said("all,-acme").vendors == {"acme": False}
    assert not explain(CATALOGUE, TAG, said("none,acme"), GDPR).verdict.blocks
    assert explain(CATALOGUE, TAG, said("all,-acme"), GDPR).verdict.blocks


def test_to_name_a_vendor_alone_decides_on_no_category() -> None:
    """As with the cookie: what is not named there is unset."""
    consent = said("-acme")
    assert (consent.categories, consent.vendors) == ({}, {"acme": False})
    assert not explain(CATALOGUE, "https://shop.test/x/s.js", consent, CCPA, attributes=["data-meter"]).verdict.blocks


@pytest.mark.parametrize("text", ["analytic", "gamma", "analytics;functional", "--analytics"])
def test_an_unknown_word_is_refused_and_the_known_ones_are_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"is neither a category \(functional, analytics, marketing"):
        said(text)


def test_gpc_goes_with_it() -> None:
    verdict = explain(CATALOGUE, TAG, said("all", True), CCPA, strict_labels=True).verdict
    assert verdict.missing == ("marketing",)


# Routers

SCRIPT = "https://cdn.relay.test/js/K1/relay.js"
ANALYTICS = Consent({"analytics": True, "functional": False, "marketing": False}, signal="x")
EVERYTHING = Consent(dict.fromkeys(CATEGORIES, True))
ACTIVE = {"Ads", "Meter", "Secret"}


def test_of_a_router_every_active_destination_is_explained() -> None:
    plain = explain(relay(), SCRIPT, ANALYTICS, GDPR, active=ACTIVE).plain()
    assert plain["destinations"] == [
        {
            "name": "Ads",
            "category": "marketing",
            "vendor": None,
            "listed": True,
            "verdict": "block",
            "reason": "marketing is denied (x)",
        },
        {
            "name": "Meter",
            "category": "analytics",
            "vendor": "meter",
            "listed": True,
            "verdict": "allow",
            "reason": "granted (x)",
        },
        {
            "name": "Secret",
            "category": None,
            "vendor": None,
            "listed": False,
            "verdict": "block",
            "reason": "functional is denied (x); marketing is denied (x)",
        },
    ]
    assert (plain["verdict"], plain["router_policy"]) == ("allow", "filter")


@pytest.mark.parametrize(
    ("said", "policy", "active", "verdict", "will"),
    [
        (ANALYTICS, "filter", ACTIVE, "allow", "it runs, and does not reach: Ads, Secret"),
        (ANALYTICS, "filter", {"Tally"}, "allow", "it runs, and reaches all of its destinations"),
        (
            ANALYTICS,
            "filter",
            None,
            "allow",
            "it runs, and reaches only destinations that are allowed; which are connected is not known",
        ),
        (EVERYTHING, "filter", None, "allow", "it runs, and reaches all of its destinations"),
        (ANALYTICS, "base", ACTIVE, "allow", "it runs, and nothing is taken out"),
        (ANALYTICS, "strict", ACTIVE, "block", "it is held, and nothing reaches any destination"),
        (ANALYTICS, "strict", None, "block", "it is held, and nothing reaches any destination"),
        (ANALYTICS, "strict", {"Tally"}, "allow", "it runs, and reaches all of its destinations"),
        (Consent(), "base", ACTIVE, "block", "it is held, and nothing reaches any destination"),
    ],
)
def test_what_will_happen_is_said_in_words(
    said: Consent, policy: str, active: set[str] | None, verdict: str, will: str
) -> None:
    found = explain(relay(), SCRIPT, said, GDPR, policy=policy, active=active)
    assert found.routed is not None
    assert (found.verdict.action, found.routed.will) == (verdict, will)
    assert (found.routed.destinations is None) == (active is None)


def test_what_is_no_router_has_no_destinations() -> None:
    for url in (TAG, "https://shop.test/"):
        assert "destinations" not in explain(CATALOGUE, url, Consent(), GDPR, active=ACTIVE).plain()


def test_settings_and_listings_say_what_is_active() -> None:
    assert connected(relay(), SCRIPT, '{"integrations":{"Ads":{},"Relay":{}}}') == frozenset({"Ads"})
    assert connected(relay(), SCRIPT, '[{"name":"Tally"}]') == frozenset({"Tally"})
    assert connected(relay(), "https://shop.test/", "nonsense") is None
    with pytest.raises(UsageError, match="These are no settings of relay"):
        connected(relay(), SCRIPT, "nonsense")


def test_a_router_is_asked_for_its_settings_and_its_listing() -> None:
    asked: list[str] = []

    def fetch(url: str) -> str | None:
        asked.append(url)
        return '{"integrations":{"Ads":{}}}' if url.endswith("settings") else None

    assert ask(relay(), SCRIPT, fetch) == frozenset({"Ads"})
    assert asked == ["https://cdn.relay.test/sources/K1/settings", "https://cdn.relay.test/sources/K1/list"]
    assert ask(relay(), SCRIPT, lambda _: "nonsense") is None
    assert ask(relay(), "https://api.relay.test/v1/t", fetch) is None
    assert ask(relay(), "https://shop.test/", fetch) is None
    assert len(asked) == 2
