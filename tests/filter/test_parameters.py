"""Addresses lose what tracks, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.catalogue.load import load_rules
from proxy_addon.filter.parameters import Parameters

NAMES = ("utm_*", "fbclid", "gclid", "_gl")
PARAMETERS = Parameters(NAMES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("https://a.test/?utm_source=x", "https://a.test/"),
        ("https://a.test/p?id=1&utm_source=x&utm_medium=y&b=2", "https://a.test/p?id=1&b=2"),
        ("https://a.test/p?fbclid=1&id=1", "https://a.test/p?id=1"),
        ("https://a.test/p?UTM_Source=1&FBCLID=2", "https://a.test/p"),
        ("https://a.test/p?utm%5Fsource=1&x=%20+", "https://a.test/p?x=%20+"),
        ("https://a.test/p?gclid", "https://a.test/p"),
        ("https://a.test/p?a=1&&gclid=2&&b", "https://a.test/p?a=1&&&b"),
        ("https://a.test/p?gclid=1#top?x", "https://a.test/p#top?x"),
    ],
)
def test_what_tracks_is_taken_out(before: str, after: str) -> None:
    assert PARAMETERS.without(before) == after


@pytest.mark.parametrize(
    "url",
    [
        "https://a.test/",
        "https://a.test/?",
        "https://a.test/utm_source=1",
        "https://a.test/?q=utm_source",
        "https://a.test/?xutm_source=1",
        "https://a.test/?fbclid2=1",
        "https://a.test/#?gclid=1",
    ],
)
def test_an_address_without_any_is_left_alone(url: str) -> None:
    assert PARAMETERS.without(url) is None


@given(st.lists(st.sampled_from(["utm_x=1", "gclid", "a=1", "b", "", "c=%26utm_x%3D1", "q=a=b"]), max_size=8))
def test_what_is_left_keeps_its_order_and_is_clean(pairs: list[str]) -> None:
    url = "https://a.test/?" + "&".join(pairs)
    clean = PARAMETERS.without(url)
    kept = [pair for pair in pairs if pair.partition("=")[0] not in ("utm_x", "gclid")]
    if clean is None:
        assert kept == pairs
    else:
        assert clean.partition("?")[2] == "&".join(kept)
        assert PARAMETERS.without(clean) is None


def test_without_names_nothing_is_taken_out() -> None:
    assert Parameters(()).without("https://a.test/?utm_source=1") is None


@pytest.mark.parametrize(
    "query", ["id=1", "q=shoes", "page=2", "ref=42", "token=x", "state=y", "code=z", "lang=en", "sid=1"]
)
def test_the_shipped_list_takes_nothing_that_sites_need(query: str) -> None:
    shipped = Parameters(each["parameter"] for each in load_rules().parameters)
    assert shipped.without(f"https://a.test/?{query}") is None
    assert shipped.without(f"https://a.test/?{query}&utm_campaign=1&fbclid=2") == f"https://a.test/?{query}"
