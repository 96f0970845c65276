"""Which vendors of the catalogue are in the IAB's and in Google's lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy_addon.catalogue.load import load
from proxy_addon.catalogue.model import Cookie, RequestRule
from proxy_addon.consent.model import Listing
from proxy_addon.listed import listings

from .small import ship, vendor, write

VENDORS = load().vendors
SHIPPED = listings(VENDORS.values())


def rule(category: str | None = None) -> RequestRule:
    return RequestRule("r", "script", "x.test", "/", "", category=category)


def test_a_vendor_without_an_entry_is_not_listed() -> None:
    assert listings([vendor("acme"), vendor("ads", "marketing")]) == ()


def test_an_entry_speaks_for_the_vendors_own_category() -> None:
    parts = {"requests": (rule(), rule("analytics")), "tcf": 7}
    assert listings([vendor("ads", "marketing", **parts)]) == (Listing("ads", frozenset({"marketing"}), False, 7),)


def test_an_entry_that_speaks_for_all_that_a_vendor_needs_is_the_whole_vendor() -> None:
    cookies = (Cookie("a", "first", "", "", "necessary"), Cookie("b", "first", "", ""))
    both = ("analytics", "marketing")
    named = vendor("ads", "marketing", requests=(rule("analytics"),), cookies=cookies, tcf=7, listed_for=both)
    alone = vendor("pixel", "marketing", cookies=cookies, google_ac=89)
    assert listings([named, alone]) == (
        Listing("ads", frozenset(both), True, 7),
        Listing("pixel", frozenset({"marketing"}), True, None, 89),
    )


def test_a_vendors_ids_are_read_from_its_file_and_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = ship(tmp_path / "shipped", monkeypatch)
    acme = (shipped / "vendors" / "acme.yaml").read_text("utf-8")
    write(shipped, "vendors/acme.yaml", f"{acme}tcf: 7\ngoogle_ac: 9\nlisted_for: [analytics]\n")
    for _ in range(2):
        found = load(cache=tmp_path / "cache").vendors["acme"]
        assert (found.tcf, found.google_ac, found.listed_for) == (7, 9, ("analytics",))


def test_of_the_shipped_vendors_those_are_listed_of_which_it_is_certain() -> None:
    found = {each.vendor: (each.tcf, each.google_ac, sorted(each.covers), each.whole) for each in SHIPPED}
    known = {
        "criteo": (91, None, ["marketing"], True),
        "google": (755, None, ["marketing"], False),
        "linkedin-insight-tag": (804, None, ["marketing"], True),
        "meta-pixel": (None, 89, ["marketing"], True),
        "microsoft": (1126, None, ["analytics", "marketing"], True),
    }
    assert {name: found.get(name) for name in known} == known


@pytest.mark.parametrize("name", [each.vendor for each in SHIPPED])
def test_a_vendor_that_is_listed_names_the_evidence(name: str) -> None:
    # The list itself, or the list's metadata that Prebid.js ships with the vendor's own adapter.
    evidence = ("vendor-list.json", "additional-consent-providers", "npm: prebid.js")
    assert any(word in source for source in VENDORS[name].sources for word in evidence)
