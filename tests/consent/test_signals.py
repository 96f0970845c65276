"""Where consent is read, and in which order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.consent.cookie import PlainCookie
from proxy_addon.consent.model import CATEGORIES
from proxy_addon.consent.signals import Reader, parse_header

PLAIN = PlainCookie("choice", {"all": frozenset(CATEGORIES), "none": frozenset()})


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("", {}),
        ("a=1", {"a": ["1"]}),
        ("a=1; b=2", {"a": ["1"], "b": ["2"]}),
        ("a=1;b=2; ", {"a": ["1"], "b": ["2"]}),
        ("a=1; a=2", {"a": ["1", "2"]}),
        ("a=b=c", {"a": ["b=c"]}),
        ('a="quoted"', {"a": ["quoted"]}),
        ('a="', {"a": ['"']}),
        ("a=", {"a": [""]}),
        ("nameless", {}),
        (" a = 1 ", {"a": ["1"]}),
        ("A=1; a=2", {"A": ["1"], "a": ["2"]}),
    ],
)
def test_a_cookie_header_is_split_into_names_and_values(header: str, cookies: dict[str, list[str]]) -> None:
    assert parse_header(header) == cookies


NAMES = st.text("abcdefghij-_.", min_size=1, max_size=6)
VALUES = st.text("abc123=&%.", max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_every_pair_of_a_header_is_found_in_order(pairs: list[tuple[str, str]]) -> None:
    cookies = parse_header("; ".join(f"{name}={value}" for name, value in pairs))
    assert cookies == {name: [value for other, value in pairs if other == name] for name, _ in pairs}


@settings(deadline=None)
@given(st.text(max_size=300), st.none() | st.text(max_size=5))
def test_any_header_is_read_without_an_error(header: str, gpc: str | None) -> None:
    Reader(PLAIN).read(header, gpc)


def test_no_cookie_means_that_nothing_was_said() -> None:
    consent = Reader().read("", None)
    assert (consent.decided, consent.gpc, consent.signal) == (False, False, "none")


def test_our_own_cookie_comes_before_the_configured_one() -> None:
    consent = Reader(PLAIN).read("choice=all; consentry=v=1&analytics=denied", None)
    assert (consent.signal, consent.categories) == ("cookie consentry", {"analytics": False})


def test_the_configured_cookie_counts_where_ours_says_nothing() -> None:
    for ours in ("", "consentry=v=1; ", "consentry=v=9&analytics=denied; "):
        consent = Reader(PLAIN).read(f"{ours}choice=all", None)
        assert (consent.signal, consent.categories) == ("cookie choice", dict.fromkeys(CATEGORIES, True))


def test_a_cookie_that_cannot_be_understood_says_so_in_the_note() -> None:
    assert "choice" in Reader(PLAIN).read("choice=perhaps", None).note


def test_without_a_configured_cookie_none_but_ours_is_read() -> None:
    assert not Reader().read("choice=all", None).decided


@pytest.mark.parametrize("header", ["consentry=v=1&analytics={}; consentry=v=1&analytics={}"])
@pytest.mark.parametrize("answers", [("granted", "denied"), ("denied", "granted")])
def test_of_one_name_with_two_values_a_refusal_in_either_counts(header: str, answers: tuple[str, str]) -> None:
    assert Reader().read(header.format(*answers), None).categories == {"analytics": False}


def test_of_two_values_of_the_configured_cookie_the_refusal_counts() -> None:
    assert Reader(PLAIN).read("choice=all; choice=none", None).categories == dict.fromkeys(CATEGORIES, False)


@pytest.mark.parametrize(("header", "gpc"), [("1", True), (" 1 ", True), ("0", False), ("", False), (None, False)])
def test_only_the_value_one_is_global_privacy_control(header: str | None, gpc: bool) -> None:
    assert Reader().read("consentry=v=1&analytics=granted", header).gpc is gpc


def test_a_visitor_with_and_one_without_gpc_are_told_apart_though_their_cookies_are_equal() -> None:
    reader = Reader()
    assert [reader.read("consentry=v=1&analytics=granted", header).gpc for header in ("1", None, "1")] == [
        True,
        False,
        True,
    ]
