"""The soak works, finds what is wrong, and nothing is wrong with a few hundred requests."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from .memory import Memory
from .soak.client import Seen
from .soak.soak import Soak, measure, table
from .soak.traffic import BY_NAME, KINDS, Ask, asks, made

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory) -> Soak:
    return measure(400, tmp_path_factory.mktemp("soak"), lambda _: None)


def test_every_request_comes_out_as_it_should(soak: Soak) -> None:
    assert soak.seen.odd == []
    assert (soak.requests, soak.leaked, soak.alive) == (400, 0, True)
    assert "Traceback" not in soak.said
    assert soak.seen.right["held"] > 20
    assert soak.seen.right["answered"] > 250


def test_the_table_says_what_came_of_it(soak: Soak) -> None:
    assert "| growth over the last half | +2.0% |" in table(
        soaked(memory=Memory(((0, 1), (10, 50), (20, 100), (30, 101), (40, 102))))
    )
    assert "| requests | 400 in " in table(soak)


def test_the_traffic_is_mixed_and_no_two_requests_are_alike() -> None:
    some = list(asks(20_000))
    assert len({each.url for each in some}) == len(some)
    sorts = Counter("held" if each.tracker else each.kind.fault or "answered" for each in some)
    assert set(sorts) == {"held", "answered", "broken", "stalled", "refused"}
    assert {each.kind.name for each in some if not each.tracker} >= {kind.name for kind in KINDS}
    assert list(islice(asks(20_000), 50)) == some[:50]


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_both_sides_know_what_is_answered(kind: str) -> None:
    assert made(kind, 7) == made(kind, 7)


ASK = Ask("http://shop1.example/json/1", BY_NAME["json"], 1, "http://shop1.example/")
# It grows while caches fill, and no more than it wavers from then on.
GOOD = Memory(((0, 50), (10, 100), (20, 141), (30, 140), (40, 142)))


def soaked(**differs: object) -> Soak:
    seen = Seen()
    seen.note(ASK, "")
    values = {"seen": seen, "memory": GOOD, "seconds": 1.0, "leaked": 0, "said": "", "alive": True, **differs}
    return Soak(**values)  # type: ignore[arg-type]


def test_what_came_out_as_it_should_is_clean() -> None:
    assert soaked().clean


WRONG = Seen()
WRONG.note(ASK, "404 in place of 200")


@pytest.mark.parametrize(
    "differs",
    [
        {"seen": WRONG},
        {"memory": Memory(((0, 50), (10, 100), (20, 141), (30, 144), (40, 147)))},
        {"leaked": 1},
        {"said": "Traceback (most recent call last)"},
        {"alive": False},
    ],
    ids=lambda differs: next(iter(differs)),
)
def test_whatever_is_wrong_is_told(differs: dict[str, object]) -> None:
    assert not soaked(**differs).clean


def test_what_is_wrong_is_told_in_words() -> None:
    assert "- http://shop1.example/json/1 as empty: 404 in place of 200" in table(soaked(seen=WRONG))
