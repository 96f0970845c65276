"""What fuzzing starts from, and a fixed number of changes of it, come through every target. Nothing here is random."""

from __future__ import annotations

import random

import pytest

from .seeds import mutated, seeds
from .targets import TARGETS, counted

SEEDS = seeds()
_CHANGES = 150


def test_every_target_has_seeds() -> None:
    assert set(SEEDS) == set(TARGETS)
    assert all(len(each) >= 5 for each in SEEDS.values())


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_is_read_in_bounded_steps(name: str) -> None:
    for data in SEEDS[name]:
        counted(TARGETS[name], data)


@pytest.mark.parametrize("name", TARGETS)
def test_changed_seeds_are_read_in_bounded_steps(name: str) -> None:
    chance = random.Random(name)
    for _ in range(_CHANGES):
        counted(TARGETS[name], mutated(chance.choice(SEEDS[name]), SEEDS[name], chance))


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "piece", [b"A", b"%", b"%7B", b"{", b'{"a":', b"[", b'"', b"\\", b"=", b";", b"a=b; ", b"~", b"."]
)
def test_64_kilobytes_of_anything_are_read_in_bounded_steps(name: str, piece: bytes) -> None:
    counted(TARGETS[name], (piece * 65_536)[:65_536])
    start = SEEDS[name][0]
    counted(TARGETS[name], start + (piece * 65_536)[: 65_536 - len(start)])


def test_the_same_chance_makes_the_same_change() -> None:
    first, second = (
        [mutated(b"a=b; c=d", (b"x",), chance) for _ in range(50)] for chance in (random.Random(1), random.Random(1))
    )
    assert first == second
