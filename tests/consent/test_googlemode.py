"""What tags of Google and Microsoft say in their requests that they were told."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.consent.googlemode import TYPES, ConsentMode, Told, consent_mode, contradictions
from proxy_addon.consent.model import Consent

ALL = dict.fromkeys(("analytics", "marketing"), True)
NONE = dict.fromkeys(("analytics", "marketing"), False)


def read(query: str) -> ConsentMode:
    decoded = consent_mode(parse_qsl(query))
    assert decoded is not None
    return decoded


@pytest.mark.parametrize(
    ("letter", "default", "update"),
    [
        ("l", None, None),
        ("m", None, False),
        ("n", None, True),
        ("p", False, None),
        ("q", False, False),
        ("r", False, True),
        ("t", True, None),
        ("u", True, False),
        ("v", True, True),
    ],
)
def test_a_letter_of_gcd_tells_default_and_update(letter: str, default: bool | None, update: bool | None) -> None:
    assert read(f"gcd=11{letter}1l1l1l5").types["ad_storage"] == Told(None, default, update)


def test_gcd_tells_all_four_types_in_order() -> None:
    told = read("v=2&gcd=13r3q2t1l5l1&gcs=G101").types
    assert tuple(told) == TYPES
    assert [each.now for each in told.values()] == [True, False, True, None]


def test_gcs_alone_tells_the_two_types_of_storage() -> None:
    assert {name: each.now for name, each in read("gcs=G1-0").types.items()} == {
        "ad_storage": None,
        "analytics_storage": False,
    }


def test_what_was_declared_holds_only_if_nothing_else_was_said() -> None:
    # Place 37 in the alphabet is 10 01 01: declared denied, the rest not set.
    assert read("gcd=11B1l1l1l5").types["ad_storage"] == Told(declared=False)
    assert Told(declared=False).now is False
    assert Told(declared=False, default=True).now is True


def test_gcs_and_gcd_that_differ_are_reported() -> None:
    assert read("gcs=G111&gcd=11q1r1l1l5").problem == "gcs and gcd differ on ad_storage"
    assert read("gcs=G101&gcd=11q1r1l1l5").problem == ""


def test_microsofts_tag_tells_advertising_storage() -> None:
    assert read("ti=1&asc=G").types["ad_storage"].now is True
    assert read("ti=1&asc=D").types["ad_storage"].now is False


@pytest.mark.parametrize("query", ["", "v=2&en=page_view", "asc=desc", "asc=", "GCS=G111"])
def test_a_request_that_says_nothing_gives_none(query: str) -> None:
    assert consent_mode(parse_qsl(query, keep_blank_values=True)) is None


@pytest.mark.parametrize(
    "query", ["gcs=", "gcs=G2", "gcd=1", "gcd=21l1l1l1l5", "gcd=11%201l1l1l5", "gcd=11" + "l" * 70000]
)
def test_a_value_of_another_form_is_named_and_tells_nothing(query: str) -> None:
    decoded = consent_mode(parse_qsl(query, keep_blank_values=True))
    assert decoded is not None
    assert "known form" in decoded.problem
    assert not decoded.types
    assert all(len(value) <= 64 for value in decoded.parameters.values())


def test_a_tag_that_was_told_granted_after_a_refusal_is_a_contradiction() -> None:
    found = contradictions(read("gcd=11t1q1q1q5"), Consent(NONE))
    assert found == ("google was told granted for ad_storage, and the visitor denied marketing",)


def test_a_tag_that_was_told_nothing_after_a_refusal_is_a_contradiction_too() -> None:
    found = contradictions(read("gcs=G1-0"), Consent(NONE))
    assert found == (
        "google was told nothing, which counts as granted for ad_storage, and the visitor denied marketing",
    )


def test_a_tag_that_was_told_denied_after_a_grant_is_a_contradiction() -> None:
    assert contradictions(read("asc=D"), Consent(ALL)) == (
        "microsoft-uet was told denied for ad_storage, and the visitor granted marketing",
    )


@pytest.mark.parametrize(
    ("query", "consent"),
    [
        ("gcd=11r1r1r1r5", Consent(ALL)),
        ("gcd=11p1p1p1p5", Consent(NONE)),
        ("gcd=11t1t1t1t5", Consent()),
        ("gcd=broken", Consent(NONE)),
    ],
)
def test_where_tag_and_visitor_agree_or_the_visitor_said_nothing_there_is_none(query: str, consent: Consent) -> None:
    assert contradictions(read(query), consent) == ()


NAMES = st.sampled_from(["gcs", "gcd", "asc"]) | st.text(max_size=4)
VALUES = st.text(max_size=30) | st.text("G10-lpqrt5", max_size=12)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_any_pairs_are_read_without_an_error(pairs: list[tuple[str, str]]) -> None:
    decoded = consent_mode(pairs)
    if decoded is not None:
        contradictions(decoded, Consent(NONE))
