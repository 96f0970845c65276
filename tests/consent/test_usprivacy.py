"""US Privacy strings."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.consent.bits import Unreadable
from proxy_addon.consent.usprivacy import UsPrivacy, consent_of_usprivacy, decode_usprivacy


def test_every_string_that_the_specification_allows_is_read() -> None:
    meaning = {"Y": True, "N": False, "-": None}
    for letters in product("YN-", repeat=3):
        assert decode_usprivacy("1" + "".join(letters)) == UsPrivacy(1, *(meaning[letter] for letter in letters))


@pytest.mark.parametrize(
    ("text", "categories"),
    [
        ("1YYY", {"marketing": False}),
        ("1NYN", {"marketing": False}),
        ("1YYN", {"marketing": False}),
        ("1yyn", {"marketing": False}),
        ("1YNN", {"marketing": True}),
        ("1Y-N", {}),
        ("1---", {}),
    ],
)
def test_the_third_character_decides_marketing(text: str, categories: dict[str, bool]) -> None:
    decoded = decode_usprivacy(text)
    assert isinstance(decoded, UsPrivacy)
    assert consent_of_usprivacy(decoded).categories == categories


def test_not_having_opted_out_is_said_to_be_no_opt_in() -> None:
    assert "no opt-in" in consent_of_usprivacy(UsPrivacy(1, True, False, False)).note


@pytest.mark.parametrize(
    "text", ["", "1", "1YN", "1YNNN", "2YNN", "1YXN", "1YNN\n", " 1YNN", "¹YNN", "1" + "Y" * 70000]
)
def test_anything_else_is_refused(text: str) -> None:
    assert isinstance(decode_usprivacy(text), Unreadable)


@given(st.text(max_size=50) | st.text("1YNyn-", max_size=5))
def test_any_text_is_read_or_refused(text: str) -> None:
    decoded = decode_usprivacy(text)
    assert isinstance(decoded, UsPrivacy) or decoded.problem
