"""Every vendor file's own examples hold."""

from __future__ import annotations

import pytest

from proxy_addon.catalogue.load import load
from proxy_addon.catalogue.model import Match, Vendor
from proxy_addon.consent.model import NECESSARY

CATALOGUE = load()
VENDORS = list(CATALOGUE.vendors.values())


each_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.vendor)


def told(match: Match | None) -> tuple[str, str, str] | None:
    return (match.vendor, match.rule, match.exempt) if match is not None else None


@each_vendor
def test_a_url_of_a_vendor_matches_the_rule_it_names(vendor: Vendor) -> None:
    found = {each.url: told(CATALOGUE.match(each.url, attributes=each.attributes)) for each in vendor.examples.match}
    assert found == {each.url: (vendor.vendor, each.rule, "") for each in vendor.examples.match}


@each_vendor
def test_a_url_that_is_no_tracking_passes(vendor: Vendor) -> None:
    found = {each: match for each in vendor.examples.passes if (match := CATALOGUE.match(each)) is not None}
    # What is near to a vendor may be another's who is named and never held.
    held = {each: told(match) for each, match in found.items() if not match.exempt and match.categories != (NECESSARY,)}
    own = {each: told(match) for each, match in found.items() if not match.exempt and match.vendor == vendor.vendor}
    assert (held, own) == ({}, {})


@each_vendor
def test_a_snippet_of_a_vendor_matches_the_rule_it_names(vendor: Vendor) -> None:
    found = [(each.rule, told(CATALOGUE.match_snippet(each.code))) for each in vendor.examples.snippets]
    assert found == [(each.rule, (vendor.vendor, each.rule, "")) for each in vendor.examples.snippets]


@each_vendor
def test_code_that_is_no_snippet_passes(vendor: Vendor) -> None:
    found = {each: told(CATALOGUE.match_snippet(each)) for each in vendor.examples.pass_snippets}
    assert {each: match for each, match in found.items() if match is not None} == {}


@each_vendor
def test_a_cookie_of_a_vendor_matches(vendor: Vendor) -> None:
    found = {each: CATALOGUE.match_cookie(each) for each in vendor.examples.cookies}
    assert {each: match and match.vendor for each, match in found.items()} == dict.fromkeys(found, vendor.vendor)


@each_vendor
def test_a_cookie_of_nobody_passes(vendor: Vendor) -> None:
    found = {each: told(CATALOGUE.match_cookie(each)) for each in vendor.examples.pass_cookies}
    assert {each: match for each, match in found.items() if match is not None} == {}


@each_vendor
def test_every_rule_of_a_vendor_has_an_example(vendor: Vendor) -> None:
    named = {example.rule for example in vendor.examples.match} | {example.rule for example in vendor.examples.snippets}
    rules = {rule.rule for rule in vendor.requests} | {snippet.rule for snippet in vendor.snippets}
    domains = {domain.domain for domain in vendor.domains if domain.scope == "host"}
    assert (rules | domains) - named == set()


@each_vendor
def test_a_vendor_with_a_snippet_says_what_is_no_snippet(vendor: Vendor) -> None:
    assert not vendor.snippets or vendor.examples.pass_snippets
