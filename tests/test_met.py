"""Which vendors the pages of a site meet."""

from __future__ import annotations

from proxy_addon.catalogue.model import Match
from proxy_addon.met import Met


def match(vendor: str, category: str = "analytics", exempt: str = "") -> Match:
    return Match(vendor, "rule", "script", (category,), category, exempt=exempt)


def test_vendors_are_remembered_by_site_in_the_order_in_which_they_were_met() -> None:
    met = Met()
    for vendor in ("beta", "acme", "beta"):
        met.see("shop.test", match(vendor))
    met.add("blog.test", ("meter",))
    assert met.of("shop.test") == ("beta", "acme")
    assert met.of("blog.test") == ("meter",)
    assert met.of("other.test") == ()


def test_what_is_never_held_is_not_remembered() -> None:
    met = Met()
    met.see("shop.test", match("acme", "necessary"))
    met.see("shop.test", match("beta", exempt="the handbook"))
    assert met.of("shop.test") == ()


def test_neither_sites_nor_vendors_are_remembered_without_end() -> None:
    met = Met()
    for number in range(1500):
        met.add(f"{number}.test", ("acme",))
    assert (met.of("0.test"), met.of("1499.test")) == ((), ("acme",))
    met.add("1499.test", tuple(f"vendor-{number}" for number in range(100)))
    assert len(met.of("1499.test")) == 24
