"""Hosts and registrable domains."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.catalogue.domains import registrable_domain, within


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("shop.example.com", "example.com"),
        ("example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("SHOP.Example.COM.", "example.com"),
        ("someone.github.io", "someone.github.io"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("shop.test", "shop.test"),
        ("a.shop.test", "shop.test"),
        ("", ""),
    ],
)
def test_a_host_has_a_registrable_domain_or_stands_for_itself(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_host_has_one_and_it_is_its_own(host: str) -> None:
    assert registrable_domain(registrable_domain(host)) == registrable_domain(host)


def test_only_whole_labels_make_a_subdomain() -> None:
    assert within("acme.test", "acme.test")
    assert within("a.b.acme.test", "acme.test")
    assert not within("notacme.test", "acme.test")
    assert not within("acme.test", "a.acme.test")
