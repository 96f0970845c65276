"""Every vendor file's own examples hold."""

from __future__ import annotations

import pytest

from proxy_addon.catalogue.load import load
from proxy_addon.catalogue.model import MatchExample, SnippetExample, Vendor

CATALOGUE = load()
VENDORS = list(CATALOGUE.vendors.values())


def each(attribute: str) -> list[object]:
    return [
        pytest.param(vendor, example, id=f"{vendor.vendor}-{str(getattr(example, 'url', example))[:70]}")
        for vendor in VENDORS
        for example in getattr(vendor.examples, attribute)
    ]


@pytest.mark.parametrize(("vendor", "example"), each("match"))
def test_a_url_of_a_vendor_matches_the_rule_it_names(vendor: Vendor, example: MatchExample) -> None:
    match = CATALOGUE.match(example.url, attributes=example.attributes)
    assert match is not None
    assert (match.vendor, match.rule, match.exempt) == (vendor.vendor, example.rule, "")


@pytest.mark.parametrize(("vendor", "example"), each("passes"))
def test_a_url_that_is_no_tracking_passes(vendor: Vendor, example: str) -> None:
    match = CATALOGUE.match(example)
    assert match is None or match.exempt, match


@pytest.mark.parametrize(("vendor", "example"), each("snippets"))
def test_a_snippet_of_a_vendor_matches_the_rule_it_names(vendor: Vendor, example: SnippetExample) -> None:
    match = CATALOGUE.match_snippet(example.code)
    assert match is not None
    assert (match.vendor, match.rule) == (vendor.vendor, example.rule)


@pytest.mark.parametrize(("vendor", "example"), each("pass_snippets"))
def test_code_that_is_no_snippet_passes(vendor: Vendor, example: str) -> None:
    assert CATALOGUE.match_snippet(example) is None


@pytest.mark.parametrize(("vendor", "example"), each("cookies"))
def test_a_cookie_of_a_vendor_matches(vendor: Vendor, example: str) -> None:
    match = CATALOGUE.match_cookie(example)
    assert match is not None
    assert match.vendor == vendor.vendor


@pytest.mark.parametrize(("vendor", "example"), each("pass_cookies"))
def test_a_cookie_of_nobody_passes(vendor: Vendor, example: str) -> None:
    assert CATALOGUE.match_cookie(example) is None


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.vendor)
def test_every_rule_of_a_vendor_has_an_example(vendor: Vendor) -> None:
    named = {example.rule for example in vendor.examples.match} | {example.rule for example in vendor.examples.snippets}
    rules = {rule.rule for rule in vendor.requests} | {snippet.rule for snippet in vendor.snippets}
    domains = {domain.domain for domain in vendor.domains if domain.scope == "host"}
    assert (rules | domains) - named == set()


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.vendor)
def test_a_vendor_with_a_snippet_says_what_is_no_snippet(vendor: Vendor) -> None:
    assert not vendor.snippets or vendor.examples.pass_snippets
