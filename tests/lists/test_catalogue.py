"""Lists add to the catalogue, and change nothing that it says."""

from __future__ import annotations

import pytest

from proxy_addon.catalogue.model import Domain, Exemption, Match, RequestRule
from proxy_addon.lists.catalogue import Listed, with_lists
from proxy_addon.lists.filters import Filters, open_filters
from proxy_addon.lists.formats import parse
from proxy_addon.lists.model import Origin, UserList

from ..small import catalogue, vendor
from .samples import ABP, DISCONNECT, HOSTS

ACME = vendor(
    "acme",
    "marketing",
    domains=(Domain("acme.test", "marketing"), Domain("shelf.test", "marketing", "paths")),
    requests=(RequestRule("acme-script", "script", "shelf.test", "/acme.js", "The script."),),
    exempt=(Exemption("acme.test", "/help/**", "The handbook."),),
)


def brought(text: str, name: str = "small", category: str = "analytics") -> UserList:
    form, parsed = parse(text.encode(), "", name=name, category=category)
    return UserList(
        name, parsed.title or name, form, category, False, Origin("https://lists.test/x", "0", 1, ""), parsed
    )


def matched(*lists: UserList, url: str) -> Match | None:
    return with_lists(catalogue(ACME), lists).match(url)


def test_without_lists_the_catalogue_is_what_it_was() -> None:
    base = catalogue(ACME)
    assert with_lists(base, ()) is base


def test_a_domain_of_a_list_is_a_vendor_of_the_lists_own_and_names_its_line() -> None:
    match = matched(brought(HOSTS), url="https://sub.tracker.test/x.js")
    assert match is not None
    assert (match.vendor, match.rule, match.categories) == ("small", "small:4", ("analytics",))
    assert match.what == "tracker.test, brought by a list"


def test_what_is_catalogued_stays_as_it_is() -> None:
    base = catalogue(ACME)
    lists = [brought("0.0.0.0 acme.test\n0.0.0.0 www.acme.test\n0.0.0.0 shelf.test\n")]
    for url in (
        "https://acme.test/x",
        "https://www.acme.test/x",
        "https://acme.test/help/me",
        "https://shelf.test/acme.js",
        "https://shelf.test/other.js",
    ):
        assert with_lists(base, lists).match(url) == base.match(url)


def test_a_new_domain_of_a_catalogued_vendor_is_laid_to_it() -> None:
    match = matched(brought("0.0.0.0 count.shelf.test\n"), url="https://count.shelf.test/x")
    assert match is not None
    assert (match.vendor, match.rule, match.categories) == ("acme", "small:1", ("marketing",))


def test_a_company_whose_id_is_taken_gets_the_lists_name_before_it() -> None:
    text = DISCONNECT.replace("Beta Counter", "Acme")
    match = matched(brought(text, "their"), url="https://beta.test/")
    assert match is not None
    assert match.vendor == "their-acme"


def test_a_company_takes_no_catalogued_vendors_place_though_the_name_before_it_makes_it_that_ones() -> None:
    other = vendor("their-acme", domains=(Domain("other.test", "analytics"),))
    known = with_lists(catalogue(ACME, other), [brought(DISCONNECT.replace("Beta Counter", "Acme"), "their")])
    found = known.match("https://beta.test/"), known.match("https://other.test/")
    assert [match and match.vendor for match in found] == ["their-their-acme", "their-acme"]


def test_two_lists_that_name_one_company_share_its_vendor() -> None:
    more = DISCONNECT.replace("cdn-adverts.test", "new-adverts.test")
    both = with_lists(catalogue(ACME), [brought(DISCONNECT, "one", ""), brought(more, "two", "")])
    first, second = both.match("https://cdn-adverts.test/"), both.match("https://new-adverts.test/")
    assert first is not None
    assert second is not None
    assert (first.vendor, first.rule.partition(":")[0]) == ("adverts", "one")
    assert (second.vendor, second.rule.partition(":")[0]) == ("adverts", "two")


def test_the_first_list_that_names_a_domain_counts() -> None:
    match = matched(
        brought("0.0.0.0 x.test", "one"), brought("0.0.0.0 x.test", "two", "marketing"), url="https://x.test/"
    )
    assert match is not None
    assert (match.rule, match.categories) == ("one:1", ("analytics",))


def test_nobody_tracks_on_a_site_of_its_own() -> None:
    both = with_lists(catalogue(ACME), [brought(HOSTS)])
    match = both.match("https://tracker.test/", site="tracker.test")
    assert match is not None
    assert match.exempt


# Filters


def filters(*lists: UserList) -> Filters:
    both = with_lists(catalogue(ACME), lists)
    found = open_filters(both, lists)
    assert found is not None
    return found


def judged(url: str, kind: str = "script", page: str = "https://shop.test/", text: str = ABP) -> str | None:
    match = filters(brought(text)).match(url, page=page, kind=kind)
    return match.rule if match else None


JUDGED = [
    ("https://whole.test/x", "image", "https://shop.test/", "small:3"),
    ("https://third.test/x", "image", "https://shop.test/", "small:4"),
    ("https://third.test/x", "image", "https://third.test/", None),
    ("https://typed.test/x", "script", "https://shop.test/", "small:5"),
    ("https://typed.test/x", "image", "https://shop.test/", None),
    ("https://there.test/x", "empty", "https://shop.test/", "small:6"),
    ("https://there.test/x", "empty", "https://blog.test/", None),
    ("https://mixed.test/login.js", "script", "https://shop.test/", None),
    ("https://mixed.test/other.js", "script", "https://shop.test/", "small:7"),
    ("https://bad.test/x", "script", "https://shop.test/", None),
    ("https://any.test/count.gif?id=1", "image", "https://shop.test/", "small:11"),
    ("https://any.test/count.gif", "image", "https://shop.test/", None),
    ("https://whole.test/x", "document", "https://shop.test/", None),
    ("wss://whole.test/x", "websocket", "https://shop.test/", "small:3"),
]


@pytest.mark.parametrize(("url", "kind", "page", "rule"), JUDGED)
def test_a_filter_is_judged_by_page_and_kind_and_exceptions(url: str, kind: str, page: str, rule: str | None) -> None:
    assert judged(url, kind, page) == rule


def test_a_filter_says_what_it_is_and_what_it_needs() -> None:
    match = filters(brought(ABP)).match("https://any.test/count.gif?id=1", page="https://shop.test/", kind="image")
    assert match is not None
    assert (match.vendor, match.categories) == ("small", ("analytics",))
    assert match.what == "/count.gif?id=, on the list Small List"


def test_a_filter_that_hits_a_catalogued_vendors_site_is_laid_to_that_vendor() -> None:
    found = filters(brought("||x.test^\n/acme-count^$image\n")).match(
        "https://www.acme.test/acme-count?1", page="https://shop.test/", kind="image"
    )
    assert found is not None
    assert (found.vendor, found.categories) == ("acme", ("marketing",))


def test_an_exception_of_one_list_holds_for_another() -> None:
    both = filters(brought("||x.test/a^", "one"), brought("@@||x.test/a^\n||y.test/^", "two"))
    assert both.match("https://x.test/a", page="https://shop.test/", kind="script") is None


def test_lists_without_filters_need_no_engine() -> None:
    lists = [brought(HOSTS)]
    assert open_filters(with_lists(catalogue(ACME), lists), lists) is None


def test_a_catalogue_with_lists_is_still_a_catalogue_of_all_vendors() -> None:
    both = with_lists(catalogue(ACME), [brought(HOSTS)])
    assert isinstance(both, Listed)
    assert set(both.vendors) == {"acme", "small"}
