"""Where consent is read, and in which order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.catalogue.model import Match
from proxy_addon.config import read_rules
from proxy_addon.consent.cookie import PlainCookie
from proxy_addon.consent.model import CATEGORIES
from proxy_addon.consent.platforms import compile_platforms
from proxy_addon.consent.signals import Reader, Told, parse_header
from proxy_addon.policy import decide

from ..small import CCPA

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


@pytest.mark.parametrize(
    ("header", "denies"), [("1", True), (" 1 ", True), ("1xyz", True), ("0", False), ("", False), (None, False)]
)
def test_do_not_track_denies_what_was_left_unset_where_the_site_heeds_it(header: str | None, denies: bool) -> None:
    reader = Reader(dnt_denies=True)
    for cookie in ("", "consentry=v=1&functional=granted"):
        said = reader.read(cookie, None, header)
        assert said.dnt is denies
        assert said.implied == ({"analytics": False, "marketing": False} if denies else {})
    assert Reader().read("", None, header).dnt is False


def test_do_not_track_undoes_no_choice() -> None:
    said = Reader(dnt_denies=True).read("consentry=v=1&analytics=granted", None, "1")
    assert said.categories == {"analytics": True}
    assert said.words() == "functional unset, analytics granted, marketing unset (Do Not Track: denied), DNT"
    assert not decide(Match("x", "r", "script", ("analytics",), "analytics"), said, CCPA).blocks
    assert decide(Match("x", "r", "script", ("marketing",), "marketing"), said, CCPA).blocks
    assert not decide(Match("x", "r", "script", ("functional",), "functional"), said, CCPA).blocks


def test_do_not_track_denies_what_a_platform_has_granted_without_being_told() -> None:
    reader = Reader(platforms=compile_platforms(read_rules(())[0].platforms), dnt_denies=True)
    preset = "CookieConsent={stamp:%27-1%27%2Cnecessary:true%2Cpreferences:true%2Cstatistics:true%2Cmarketing:true}"
    assert reader.read(preset, None).implied == dict.fromkeys(CATEGORIES, True)
    assert reader.read(preset, None, "1").implied == {"functional": True, "analytics": False, "marketing": False}
    assert reader.read_told(preset, None, Told({}, {}), "1").implied["marketing"] is False


PLATFORMS = compile_platforms(read_rules(())[0].platforms)
REJECTED = "cc_cookie=%7B%22categories%22%3A%5B%22necessary%22%5D%2C%22services%22%3A%7B%22analytics%22%3A%5B%5D%7D%7D"
OPTED_OUT = "usprivacy=1YYN"


def test_a_platforms_cookie_is_read_without_configuration() -> None:
    said = Reader(platforms=PLATFORMS).read(REJECTED, None)
    assert said.categories == {"analytics": False}
    assert said.signal == "platform vanilla-cookieconsent"


def test_of_two_platforms_on_a_site_refusals_count() -> None:
    accepted = "OptanonConsent=groups=C0002%3A1%2CC0004%3A1; OptanonAlertBoxClosed=2026-01-01"
    said = Reader(platforms=PLATFORMS).read(f"{accepted}; {REJECTED}", None)
    assert said.categories == {"analytics": False, "marketing": True}
    assert said.note.startswith("2 values: refusals count (")


def test_what_a_platform_leaves_open_is_filled_by_a_standard() -> None:
    said = Reader(platforms=PLATFORMS).read(f"{REJECTED}; {OPTED_OUT}", None)
    assert said.categories == {"analytics": False, "marketing": False}


def test_not_having_opted_out_is_no_consent() -> None:
    assert Reader().read("usprivacy=1YNN", None).categories == {}


def test_a_gpp_string_may_carry_gpc() -> None:
    vectors = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))
    headers = [each["cookie_header"] for each in vectors if each["platform"] == "iab-gpp"]
    read = [Reader().read(header, None) for header in headers]
    assert any(said.decided for said in read)


def test_a_site_may_map_a_platforms_own_names() -> None:
    header = "OptanonConsent=groups=C0005%3A0; OptanonAlertBoxClosed=2026-01-01"
    assert not Reader(platforms=PLATFORMS).read(header, None).decided
    mapped = Reader(platforms=PLATFORMS, overrides={"onetrust": {"C0005": "marketing"}})
    assert mapped.read(header, None).categories == {"marketing": False}


def test_what_a_page_told_before_counts_last_and_not_while_it_tells_anew() -> None:
    reader = Reader(platforms=PLATFORMS)
    told = "consentry-told=v=1&analytics=granted"
    assert reader.read(told, None).categories == {"analytics": True}
    assert reader.read(f"{told}; {REJECTED}", None).categories == {"analytics": False}
    assert reader.read_told(told, None, Told({}, {})).categories == {}


def test_what_only_a_page_can_see_is_read_from_what_it_tells() -> None:
    storage = {"cc_cookie": '{"categories":["necessary","analytics"],"services":{"analytics":[],"marketing":[]}}'}
    said = Reader(platforms=PLATFORMS).read_told("", None, Told(storage, {}))
    assert said.categories == {"analytics": True, "marketing": False}


@given(st.text(max_size=2000), st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=5))
def test_no_header_and_no_storage_makes_a_reader_fail(header: str, storage: dict[str, str]) -> None:
    Reader(platforms=PLATFORMS).read_told(header, "1", Told(storage, dict(storage)))
