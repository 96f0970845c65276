"""Vendors and verdicts as text and as data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy_addon.catalogue.load import load
from proxy_addon.catalogue.match import Catalogue
from proxy_addon.consent.model import Consent
from proxy_addon.explain import explain
from proxy_addon.show import vendor_list, vendor_page, vendor_plain, verdict_words

from .rewrite.routers import relay
from .small import GDPR, catalogue, ship, vendor


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    ship(tmp_path, monkeypatch)
    monkeypatch.setenv("COLUMNS", "100")
    return load()


def test_the_list_has_one_line_a_vendor_in_order() -> None:
    listed = vendor_list(catalogue(vendor("zeta", "marketing", name="Zeta Ads"), vendor("acme", owner="Acme Ltd")))
    assert [line.split() for line in listed.splitlines()] == [
        ["acme", "analytics", "Acme", "Acme", "Ltd"],
        ["zeta", "marketing", "Zeta", "Ads", "Nobody"],
    ]


def test_an_empty_catalogue_is_an_empty_list() -> None:
    assert vendor_list(catalogue()) == ""


def test_a_vendor_as_data_is_all_that_its_file_says(acme: Catalogue) -> None:
    plain = json.loads(json.dumps(vendor_plain(acme.vendors["acme"])))
    assert plain["vendor"] == "acme"
    assert plain["domains"] == [{"domain": "acme.test", "label": "marketing", "scope": "host"}]
    assert plain["requests"][0]["rule"] == "acme-script"
    assert plain["cookies"][0]["name"] == "acme_*"
    assert plain["law"] == {}


def test_a_vendor_as_text_says_the_same(acme: Catalogue) -> None:
    page = vendor_page(acme.vendors["acme"])
    for words in (
        "Acme Counter",
        "Acme Ltd",
        "The Counter",
        "Counts page views",
        "acme.test",
        "acme-script",
        "cdn.acme.test/*.js",
        "The handbook counts nobody.",
        "acme-loader",
        "acme_*",
        "first party",
        "a year",
        "acme.js",
    ):
        assert words in page, words


def test_a_bare_vendor_has_no_empty_sections() -> None:
    page = vendor_page(vendor("bare"))
    assert "Cookies" not in page
    assert "\n\n\n" not in page
    assert not page.endswith("\n")


@pytest.mark.parametrize("columns", ["1", "60", "100", "1000"])
def test_the_text_fits_the_terminal_within_reason(
    acme: Catalogue, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    width = min(max(int(columns), 60), 120)
    assert max(map(len, vendor_page(acme.vendors["acme"]).splitlines())) <= width


def test_a_verdict_in_words_names_url_reason_vendor_and_rule(acme: Catalogue) -> None:
    words = verdict_words(explain(acme, "https://cdn.acme.test/a.js", Consent(), GDPR), acme)
    assert words.startswith("BLOCK  https://cdn.acme.test/a.js\n")
    for said in ("which gdpr counts as denied", "Acme Counter (acme), Acme Ltd", "acme-script (script): The script."):
        assert said in " ".join(words.split())


def test_a_verdict_on_what_nobody_catalogued_says_so(acme: Catalogue) -> None:
    words = verdict_words(explain(acme, "https://shop.test/", Consent(), GDPR), acme)
    assert words.startswith("ALLOW  https://shop.test/\n")
    assert "no catalogued vendor" in words
    assert "Vendor" not in words


def test_a_router_says_how_many_destinations_are_known() -> None:
    known = relay().destinations["relay"].values()
    page = vendor_page(relay().vendors["relay"], known)
    words = "it forwards to destinations, of which 5 are known: 1 functional, 2 analytics, 2 marketing"
    assert words in " ".join(page.split())
    assert "Router" not in vendor_page(relay().vendors["meter"])
    plain = json.loads(json.dumps(vendor_plain(relay().vendors["relay"], known)))
    assert [each["name"] for each in plain["destinations"]] == ["Ads", "Chat", "Meter", "Pixels", "Tally"]
    assert "destinations" not in vendor_plain(relay().vendors["meter"], ())


@pytest.mark.parametrize(
    ("active", "words"),
    [
        (None, ["which are connected is not known (policy: filter)", "--settings FILE"]),
        (
            {"Ads", "Tally", "Secret"},
            [
                "does not reach: Ads, Secret",
                "allow Tally analytics",
                "block Secret every category, since it is in no list",
            ],
        ),
    ],
)
def test_a_routers_verdict_tells_of_its_destinations(active: set[str] | None, words: list[str]) -> None:
    said = Consent({"analytics": True, "functional": True, "marketing": False})
    found = explain(relay(), "https://cdn.relay.test/js/K1/relay.js", said, GDPR, active=active)
    text = " ".join(verdict_words(found, relay()).split())
    assert [each for each in words if each not in text] == []
