"""What tags say in their bodies that they were told of consent."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.consent.googlemode import contradictions
from proxy_addon.consent.model import CATEGORIES, Consent
from proxy_addon.consent.told import clarity_mode, preference_contradictions

CHOSEN = Consent({"functional": True, "analytics": True, "marketing": False})


def differ(preferences: object, consent: Consent = CHOSEN, names: Mapping[str, str] | None = None) -> tuple[str, ...]:
    return preference_contradictions("acme", preferences, consent, names or {})


def test_preferences_that_say_what_the_visitor_chose_contradict_nothing() -> None:
    assert differ({"Advertising": False, "Analytics": True, "Functional": True, "DataSharing": True}) == ()


def test_each_category_that_was_told_otherwise_is_a_sentence() -> None:
    assert differ({"Advertising": True, "analytics": False, "Functional": True}) == (
        "acme was told denied for 'analytics', and the visitor granted analytics",
        "acme was told granted for 'Advertising', and the visitor denied marketing",
    )


def test_what_the_visitor_left_unset_contradicts_nothing() -> None:
    assert differ({"Advertising": True, "Analytics": False}, Consent()) == ()


def test_of_several_names_of_a_category_a_refusal_counts() -> None:
    assert differ({"Advertising": True, "targeting": False}) == ()
    assert differ({"Advertising": True, "targeting": False}, Consent({"marketing": True})) == (
        "acme was told denied for 'Advertising' and 'targeting', and the visitor granted marketing",
    )


def test_a_site_says_what_its_own_names_stand_for() -> None:
    names = {"C0005": "marketing", "Advertising": "necessary", "analytics": "functional"}
    assert differ({"C0005": True, "Advertising": True}, names=names) == (
        "acme was told granted for 'C0005', and the visitor denied marketing",
    )
    assert differ({"analytics": False}, Consent({"analytics": True}), names) == ()


@pytest.mark.parametrize(
    "preferences", [None, [], "x", 7, {}, {"Advertising": 1}, {"Advertising": "true"}, {3: True}, {"__proto__": True}]
)
def test_what_are_no_preferences_says_nothing(preferences: object) -> None:
    assert differ(preferences) == ()


def test_a_name_steers_no_terminal_and_is_cut() -> None:
    names = dict.fromkeys(["\x1b[31m" + "a" * 100], "marketing")
    assert differ(dict.fromkeys(names, True), names=names) == (
        f"acme was told granted for '{'[31m' + 'a' * 60}', and the visitor denied marketing",
    )
    many = {f"m{number}": "marketing" for number in range(1001)}
    (said,) = differ({**dict.fromkeys(list(many)[:1000], True), "m1000": False}, names=many)
    assert said.startswith("acme was told granted for 'm0' and 'm1' and 'm2' and 'm3' and 'm4' and others, and ")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(ANY, st.dictionaries(st.sampled_from(CATEGORIES), st.booleans()))
def test_any_preferences_are_compared_without_an_error(preferences: object, chosen: dict[str, bool]) -> None:
    assert len(differ(preferences, Consent(chosen))) <= len(chosen)


def payload(*events: object) -> bytes:
    return json.dumps({"e": ["0.8.70", 1, 0, 9, "id", "u", "s", 1, 0, 0, 0, ""], "a": list(events)}).encode()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_claritys_payload_tells_the_two_types_of_storage(pack: type[bytes]) -> None:
    mode = clarity_mode(pack(payload([5, 2, "x"], [12, 47, 5, 0, 1])))
    assert mode is not None
    assert {name: told.now for name, told in mode.types.items()} == {"ad_storage": False, "analytics_storage": True}
    assert contradictions(mode, Consent({"analytics": False, "marketing": False})) == (
        "microsoft-clarity was told granted for analytics_storage, and the visitor denied analytics",
    )


def test_of_several_events_the_last_holds() -> None:
    mode = clarity_mode(payload([1, 47, 5, 0, 0], [2, 47, 5, 1, 1]))
    assert mode is not None
    assert all(told.now for told in mode.types.values())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\x1f\x8b",
        b"\x1f\x8bxxxxxxxxxxxxxxxxx",
        gzip.compress(b'{"a":[[1,47,5,0,1]]}', mtime=0)[:-9],
        gzip.compress(b" " * (5 * 1024 * 1024), mtime=0),
        b" " * (5 * 1024 * 1024),
        b'{"a":' + b"[" * 100_000,
        b'{"a":{"47":1}}',
        b'{"a":[47,[1,47],[1,48,5,0,1],[1,"47",5,0,1]]}',
        payload([1, 47, 5, 2, 1]),
        payload([1, 47, 5, "0", 1]),
        payload([1, 47, 5, None, 1]),
        payload([1, 2, 3]),
    ],
    ids=lambda body: f"{len(body)} bytes",
)
def test_a_body_that_does_not_tell_gives_none(body: bytes) -> None:
    assert clarity_mode(body) is None


@given(ANY, st.binary(max_size=100))
def test_any_body_is_read_without_an_error(plain: object, raw: bytes) -> None:
    for body in (json.dumps({"a": plain}).encode(), json.dumps({"a": [[1, 47, plain, plain, 1]]}).encode(), raw):
        clarity_mode(body)
        clarity_mode(b"\x1f\x8b" + body)
        clarity_mode(gzip.compress(body))
