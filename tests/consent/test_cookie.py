"""Our own consent cookie, and a site's plain one."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.consent.cookie import PlainCookie, format_cookie, parse_cookie
from proxy_addon.consent.model import CATEGORIES, Consent

VENDOR_IDS = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)
CONSENTS = st.builds(
    Consent,
    categories=st.dictionaries(st.sampled_from(CATEGORIES), st.booleans()),
    vendors=st.dictionaries(VENDOR_IDS, st.booleans(), max_size=20),
)


@settings(deadline=None)
@given(CONSENTS)
def test_what_is_written_is_read_back(consent: Consent) -> None:
    read = parse_cookie(format_cookie(consent))
    assert (read.categories, read.vendors) == (consent.categories, consent.vendors)


@settings(deadline=None)
@given(CONSENTS)
def test_a_value_that_was_percent_encoded_as_a_whole_is_read_back(consent: Consent) -> None:
    read = parse_cookie(quote(format_cookie(consent), safe=""))
    assert (read.categories, read.vendors) == (consent.categories, consent.vendors)


@settings(deadline=None)
@given(st.text(max_size=200) | st.text("v=1&%3dgranteddeniedvendor.+;", max_size=200))
def test_any_value_is_read_without_an_error(value: str) -> None:
    read = parse_cookie(value)
    assert set(read.categories) <= set(CATEGORIES)
    assert read.signal == "cookie consentry"
    assert read.note


def test_a_refusal_of_every_one_of_a_hundred_vendors_is_read_back() -> None:
    vendors = {f"vendor-{number}": False for number in range(100)}
    value = format_cookie(Consent({}, vendors))
    assert len(value) < 4096
    assert parse_cookie(value).vendors == vendors


def test_the_value_is_as_documented() -> None:
    consent = Consent({"marketing": False, "functional": True, "analytics": True}, {"hotjar": False})
    assert format_cookie(consent) == "v=1&functional=granted&analytics=granted&marketing=denied&vendor.hotjar=denied"


def test_a_category_left_out_is_unset() -> None:
    assert parse_cookie("v=1&analytics=granted").categories == {"analytics": True}


@pytest.mark.parametrize("value", ["", "v=2&analytics=granted", "analytics=granted", "v=&analytics=granted", "true"])
def test_a_value_of_another_version_or_none_leaves_everything_unset(value: str) -> None:
    read = parse_cookie(value)
    assert not read.decided
    assert "version" in read.note


def test_unknown_keys_and_answers_are_ignored() -> None:
    read = parse_cookie("v=1&necessary=denied&analytics=yes&functional=granted&vendor.=denied&vendor.A=denied&x=denied")
    assert (read.categories, read.vendors) == ({"functional": True}, {})


@pytest.mark.parametrize("value", ["analytics=granted&analytics=denied", "analytics=denied&analytics=granted"])
def test_of_two_answers_to_one_question_the_refusal_counts(value: str) -> None:
    assert parse_cookie(f"v=1&{value}").categories == {"analytics": False}
    vendors = value.replace("analytics", "vendor.acme")
    assert parse_cookie(f"v=1&{vendors}").vendors == {"acme": False}


def test_a_value_that_is_too_long_is_not_read() -> None:
    read = parse_cookie("v=1&analytics=granted&" + "x" * 4096)
    assert not read.decided
    assert "4096" in read.note


PLAIN = PlainCookie(
    "choice", {"all": frozenset(CATEGORIES), "none": frozenset(), "stats only": frozenset({"analytics"})}
)
TOKENS = PlainCookie("choice", tokens={"stats": "analytics", "ads": "marketing", "chat": "functional"}, separator="|")


def test_a_whole_value_grants_what_the_configuration_says_and_denies_the_rest() -> None:
    assert PLAIN.parse("all").categories == dict.fromkeys(CATEGORIES, True)
    assert PLAIN.parse("none").categories == dict.fromkeys(CATEGORIES, False)


def test_a_plain_value_may_be_percent_encoded() -> None:
    assert PLAIN.parse("stats%20only").categories == {"functional": False, "analytics": True, "marketing": False}


@pytest.mark.parametrize("value", ["ALL", "all,none", "x", ""])
def test_a_value_that_the_configuration_does_not_name_leaves_everything_unset(value: str) -> None:
    assert not PLAIN.parse(value).decided


@pytest.mark.parametrize(
    ("value", "granted"),
    [
        ("stats|ads", {"analytics", "marketing"}),
        (" ads | chat ", {"marketing", "functional"}),
        ("stats%7Cads", {"analytics", "marketing"}),
        ("stats||stats", {"analytics"}),
        ("", set()),
    ],
)
def test_each_token_of_a_list_grants_its_category_and_the_rest_is_denied(value: str, granted: set[str]) -> None:
    assert TOKENS.parse(value).categories == {name: name in granted for name in CATEGORIES}


@pytest.mark.parametrize("value", ["stats|novel", "stats,ads"])
def test_a_list_with_a_token_that_nobody_named_leaves_everything_unset(value: str) -> None:
    assert not TOKENS.parse(value).decided


@settings(deadline=None)
@given(st.text(max_size=100))
def test_any_plain_value_is_read_without_an_error(value: str) -> None:
    for cookie in (PLAIN, TOKENS):
        read = cookie.parse(value)
        assert set(read.categories) in (set(), set(CATEGORIES))


def test_a_plain_value_that_is_too_long_is_not_read() -> None:
    assert not TOKENS.parse("stats|" * 1000).decided
