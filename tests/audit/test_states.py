"""The states, and the consent that a visitor has in each phase of them."""

from __future__ import annotations

import pytest

from proxy_addon.audit.model import AFTER, BEFORE, WITHDRAWN
from proxy_addon.audit.states import STATES, State, states_named
from proxy_addon.config import UsageError
from proxy_addon.consent.model import CATEGORIES

_ALL = dict.fromkeys(CATEGORIES, True)
_NONE = dict.fromkeys(CATEGORIES, False)


def named(name: str) -> State:
    return states_named([name])[0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", {BEFORE: {}}),
        ("reject", {BEFORE: {}, AFTER: _NONE}),
        ("accept", {BEFORE: {}, AFTER: _ALL}),
        ("only:analytics", {BEFORE: {}, AFTER: {**_NONE, "analytics": True}}),
        ("withdraw", {BEFORE: {}, AFTER: _ALL, WITHDRAWN: _NONE}),
        ("gpc", {BEFORE: {}}),
        ("returning", {AFTER: _NONE}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_phase_has_its_consent(name: str, said: dict[str, dict[str, bool]]) -> None:
    state = named(name)
    assert {phase: dict(state.consent(phase).categories) for phase in state.phases} == said
    assert state.consent(BEFORE).gpc == (name == "gpc")


def test_the_end_is_told_in_words() -> None:
    assert named("nothing").expected() == dict.fromkeys(CATEGORIES, "unset")
    assert named("withdraw").expected() == dict.fromkeys(CATEGORIES, "denied")
    assert named("only:marketing").expected() == {
        "functional": "denied", "analytics": "denied", "marketing": "granted"
    }  # fmt: skip


def test_states_come_in_their_own_order_and_all_without_names() -> None:
    assert states_named([]) == STATES
    assert [each.name for each in states_named(["only", " gpc", "nothing"])] == [
        "nothing", *(f"only:{category}" for category in CATEGORIES), "gpc"
    ]  # fmt: skip


def test_an_unknown_state_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"There is no state 'asleep'; it is one of: accept, .*withdraw"):
        states_named(["nothing", "asleep"])
