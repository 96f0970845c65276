"""The judge of one page, and the record it keeps."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from proxy_addon.catalogue.model import Cookie, Domain, Exemption, Match, RequestRule, Snippet
from proxy_addon.consent.model import Consent
from proxy_addon.judge import PageJudge
from proxy_addon.policy import Verdict, decide

from .small import GDPR, catalogue, vendor

Row = tuple[str, str, str | None, str, str]

CATALOGUE = catalogue(
    vendor(
        "acme",
        domains=(Domain("acme.test", "analytics"),),
        exempt=(Exemption("acme.test", "/help/**", "a handbook"),),
        snippets=(Snippet("loader", ("acme.load",), ""),),
        cookies=(Cookie("_acme", "first", "", ""), Cookie("uid", "third", "", "")),
    ),
    vendor(
        "beta",
        "marketing",
        domains=(Domain("beta.test", "marketing"),),
        snippets=(Snippet("loader", ("beta.load",), ""),),
    ),
    vendor("meter", requests=(RequestRule("tagged", "script", "*", "/**/s.js", "", attribute="data-meter"),)),
)


class Page:
    """A judge and its rows."""

    def __init__(
        self,
        said: Mapping[str, bool] | None = None,
        *,
        site: str = "shop.test",
        enforce: bool = True,
        passes: bool = True,
    ) -> None:
        self.rows: list[Row] = []
        consent = Consent(said or {})
        self.judge = PageJudge(
            CATALOGUE,
            lambda match: self.decided(match, consent),
            self.record,
            site=site,
            layer="html",
            enforce=enforce,
            passes=passes,
        )

    def decided(self, match: Match, consent: Consent) -> Verdict:
        return decide(match, consent, GDPR)

    def record(self, layer: str, outcome: str, verdict: Verdict, url: str, kind: str) -> None:
        self.rows.append((layer, outcome, verdict.vendor, url, kind))


def test_a_vendor_without_consent_is_held_and_recorded() -> None:
    page = Page()
    assert page.judge.request("https://acme.test/a.js", "script", ()) == "acme"
    assert page.rows == [("html", "held", "acme", "https://acme.test/a.js", "script")]


def test_a_vendor_with_consent_passes_and_is_recorded() -> None:
    page = Page({"analytics": True})
    assert page.judge.request("https://acme.test/a.js", "script", ()) is None
    assert [row[1] for row in page.rows] == ["passed"]


def test_what_the_wire_sees_anyway_is_not_recorded_as_passed() -> None:
    page = Page({"analytics": True}, passes=False)
    assert page.judge.request("https://acme.test/a.js", "script", ()) is None
    assert page.rows == []


def test_to_observe_is_to_record_a_violation_and_to_hold_nothing() -> None:
    page = Page(enforce=False)
    assert page.judge.request("https://acme.test/a.js", "script", ()) is None
    assert page.judge.snippet("acme.load()") is None
    assert not page.judge.cookie("_acme", "shop.test")
    assert [row[1] for row in page.rows] == ["violation"] * 3


@pytest.mark.parametrize("url", ["https://shop.test/a.js", "https://acme.test/help/x", "data:,x", ""])
def test_what_is_nobodys_or_exempt_is_neither_held_nor_recorded(url: str) -> None:
    page = Page()
    assert page.judge.request(url, "script", ()) is None
    assert page.rows == []


def test_the_attributes_of_the_tag_count() -> None:
    page = Page()
    assert page.judge.request("https://shop.test/x/s.js", "script", {"src"}) is None
    assert page.judge.request("https://shop.test/x/s.js", "script", {"src", "data-meter"}) == "meter"


def test_on_a_vendors_own_site_nothing_of_it_is_held() -> None:
    page = Page(site="acme.test")
    assert page.judge.request("https://acme.test/a.js", "script", ()) is None
    assert not page.judge.cookie("_acme", "acme.test")
    assert page.judge.request("https://beta.test/a.js", "script", ()) == "beta"


def test_one_address_is_one_row_however_often_a_page_names_it() -> None:
    page = Page()
    for query in ("", "?id=1", "?id=2"):
        for _ in range(3):
            assert page.judge.request(f"https://acme.test/a.js{query}", "script", ()) == "acme"
    assert [row[3] for row in page.rows] == ["https://acme.test/a.js", "https://acme.test/a.js?id=1"]


def test_an_inline_script_of_two_vendors_is_held_for_both_and_both_are_recorded() -> None:
    page = Page()
    assert page.judge.snippet("acme.load(); beta.load()") == "acme beta"
    assert page.rows == [
        ("html", "held", "acme", "inline script", "script"),
        ("html", "held", "beta", "inline script", "script"),
    ]


def test_an_inline_script_is_held_for_those_only_that_lack_consent() -> None:
    page = Page({"analytics": True})
    assert page.judge.snippet("acme.load(); beta.load()") == "beta"
    assert [row[1] for row in page.rows] == ["passed", "held"]


def test_an_inline_script_of_nobody_passes() -> None:
    assert Page().judge.snippet("shop.load()") is None


def test_a_cookie_of_a_vendor_is_withheld_wherever_the_vendor_sets_it() -> None:
    page = Page()
    assert page.judge.cookie("_acme", "www.shop.test")
    assert not page.judge.cookie("uid", "www.shop.test")
    assert page.judge.cookie("uid", "px.acme.test")
    assert not page.judge.cookie("session", "www.shop.test")
    assert [(row[2], row[3], row[4]) for row in page.rows] == [
        ("acme", "cookie _acme", "cookie"),
        ("acme", "cookie uid", "cookie"),
    ]


@pytest.mark.parametrize(
    ("reference", "held"),
    [
        ("https://acme.test", True),
        ("//acme.test/x", True),
        ("/a.css", False),
        ("https://cdn.test", False),
        ("data:,", False),
    ],
)
def test_a_hint_is_withheld_where_it_leads_to_a_vendor(reference: str, held: bool) -> None:
    assert Page().judge.hint("https://shop.test/p", reference) is held


def test_whoever_wants_to_know_is_told_of_each_match_and_of_what_it_was() -> None:
    told: list[tuple[str, str]] = []
    judge = PageJudge(
        CATALOGUE,
        lambda match: decide(match, Consent(), GDPR),
        lambda *_, **__: None,
        site="shop.test",
        layer="html",
        enforce=True,
        passes=True,
        notice=lambda match, what: told.append((match.vendor, what)),
    )
    judge.request("https://acme.test/x", "script", ())
    judge.request("https://shop.test/x", "script", ())
    judge.snippet("acme.load(1); beta.load(2);")
    assert told == [
        ("acme", "https://acme.test/x"),
        ("acme", "acme.load(1); beta.load(2);"),
        ("beta", "acme.load(1); beta.load(2);"),
    ]
