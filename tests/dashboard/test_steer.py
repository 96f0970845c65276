"""What the switches make of a consent, and what pages are told."""

from __future__ import annotations

import pytest

from proxy_addon.consent.cookie import parse_cookie
from proxy_addon.consent.model import CATEGORIES, Consent
from proxy_addon.dashboard.steer import PRESETS, OrderError, order

from .world import SAID

VENDORS = {"acme", "ads"}
BEFORE = Consent(SAID, {"acme": False}, signal="cookie consentry", note="read from cookie consentry")


@pytest.mark.parametrize(
    ("preset", "granted"),
    [
        ("accept", set(CATEGORIES)),
        ("reject", set()),
        ("only-functional", {"functional"}),
        ("only-analytics", {"analytics"}),
        ("only-marketing", {"marketing"}),
    ],
)
def test_a_preset_decides_every_category_and_no_vendor(preset: str, granted: set[str]) -> None:
    message = order({"preset": preset}, BEFORE, VENDORS).message(7)
    said = parse_cookie(message["cookie"])
    assert said.categories == {name: name in granted for name in CATEGORIES}
    assert said.vendors == {}
    assert message["consent"]["categories"] == said.categories
    assert message["consent"]["order"] == 7
    assert not message["forget"]


def test_nothing_yet_forgets_every_choice() -> None:
    message = order({"preset": "nothing"}, BEFORE, VENDORS).message(7)
    assert (message["cookie"], message["forget"], message["restore"]) == ("", True, False)
    assert message["consent"]["categories"] == {}


def test_the_sites_own_choice_counts_again_when_ours_is_taken_back() -> None:
    message = order({"preset": "site"}, BEFORE, VENDORS).message(7)
    assert (message["cookie"], message["forget"], message["restore"]) == ("", False, True)


def test_one_category_changes_and_the_rest_stays() -> None:
    said = parse_cookie(order({"category": "marketing", "value": True}, BEFORE, VENDORS).message(7)["cookie"])
    assert said.categories == {**SAID, "marketing": True}
    assert said.vendors == {"acme": False}


def test_a_category_can_become_unset() -> None:
    said = parse_cookie(order({"category": "marketing", "value": None}, BEFORE, VENDORS).message(7)["cookie"])
    assert said.categories == {"functional": False, "analytics": True}


def test_a_vendor_gets_a_choice_of_its_own_and_loses_it_again() -> None:
    given = order({"vendor": "ads", "value": True}, BEFORE, VENDORS).consent
    assert given.vendors == {"acme": False, "ads": True}
    assert order({"vendor": "ads", "value": None}, given, VENDORS).consent.vendors == {"acme": False}


def test_when_the_last_choice_is_taken_back_the_sites_own_counts() -> None:
    message = order({"category": "analytics", "value": None}, Consent({"analytics": True}), VENDORS).message(7)
    assert (message["cookie"], message["restore"]) == ("", True)


def test_what_another_signal_says_of_vendors_is_not_written_down() -> None:
    before = Consent(SAID, {"acme": False}, signal="tcf", refused={"ads": frozenset({"marketing"})})
    consent = order({"category": "marketing", "value": True}, before, VENDORS).consent
    assert (consent.vendors, consent.refused) == ({}, {})
    assert consent.categories == {**SAID, "marketing": True}


@pytest.mark.parametrize("preset", ["accept", "nothing", "site"])
def test_what_the_browser_says_by_itself_stays(preset: str) -> None:
    before = Consent(gpc=True, dnt=True, implied={"marketing": False, "functional": True})
    consent = order({"preset": preset}, before, VENDORS).consent
    assert (consent.gpc, consent.dnt) == (True, True)
    assert consent.implied == {"analytics": False, "marketing": False}


@pytest.mark.parametrize(("preset", "gpc"), [("gpc-on", True), ("gpc-off", False)])
def test_what_a_browser_sends_is_no_choice_and_writes_no_cookie(preset: str, gpc: bool) -> None:
    given = order({"preset": preset}, BEFORE, VENDORS)
    message = given.message(7)
    assert given.gpc is gpc
    assert (message["cookie"], message["forget"], message["restore"]) == ("", False, False)
    assert message["consent"]["gpc"] is gpc
    assert message["consent"]["categories"] == SAID


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"preset": "everything"},
        {"preset": None},
        {"preset": ["accept"]},
        {"category": "necessary", "value": True},
        {"category": "analytics", "value": "yes"},
        {"category": "analytics", "value": 1},
        {"category": ["analytics"], "value": True},
        {"vendor": "nobody", "value": True},
        {"vendor": "<script>", "value": True},
    ],
)
def test_what_makes_no_sense_is_refused_in_words(plain: dict[str, object]) -> None:
    with pytest.raises(OrderError, match=r"\w.*\."):
        order(plain, BEFORE, VENDORS)


def test_every_preset_that_is_named_works() -> None:
    for preset in PRESETS:
        order({"preset": preset}, BEFORE, VENDORS)
