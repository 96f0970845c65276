"""Google's Additional Consent strings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.consent.additional import AdditionalConsent, decode_additional
from proxy_addon.consent.bits import LONGEST, Unreadable


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        # The examples of Google's specification, versions 1 and 2.
        ("1~1.35.41.101", AdditionalConsent(1, frozenset({1, 35, 41, 101}))),
        ("2~1.35.41.101~dv.9.21.81", AdditionalConsent(2, frozenset({1, 35, 41, 101}), frozenset({9, 21, 81}))),
        ("1~", AdditionalConsent(1, frozenset())),
        ("2~~dv.", AdditionalConsent(2, frozenset(), frozenset())),
        ("2~~dv.7", AdditionalConsent(2, frozenset(), frozenset({7}))),
        ("2~7", AdditionalConsent(2, frozenset({7}), frozenset())),
    ],
)
def test_both_versions_are_read(text: str, decoded: AdditionalConsent) -> None:
    assert decode_additional(text) == decoded


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "~",
        "3~1",
        "1~1~dv.2",
        "1~1.",
        "1~.1",
        "1~a",
        "1~-1",
        "1~1..2",
        "2~1~2",
        "2~1~dv.x",
        "2~1~dv.1~",
        "1~\u0661",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    assert isinstance(decode_additional(text), Unreadable)


def test_a_string_longer_than_any_browser_sends_is_not_read() -> None:
    decoded = decode_additional("1~" + "1." * LONGEST + "1")
    assert isinstance(decoded, Unreadable)
    assert "longer" in decoded.problem


def test_a_number_of_thousands_of_digits_is_no_id() -> None:
    assert isinstance(decode_additional("1~" + "9" * 20000), Unreadable)


@given(st.text(max_size=100) | st.text("12~.dv", max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    decoded = decode_additional(text)
    assert isinstance(decoded, AdditionalConsent) or decoded.problem


@given(st.frozensets(st.integers(0, 99999)), st.frozensets(st.integers(0, 99999)))
def test_what_is_written_is_read_back(consented: frozenset[int], disclosed: frozenset[int]) -> None:
    text = f"2~{'.'.join(map(str, consented))}~dv.{'.'.join(map(str, disclosed))}"
    assert decode_additional(text) == AdditionalConsent(2, consented, disclosed)
