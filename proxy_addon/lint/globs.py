"""Whether one path glob takes everything that another takes: decided, not guessed, by walking both as automata."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A step of a glob: a literal character, or a run.
_RUN, _LONG_RUN = "*", "**"
# Stands for every character that neither glob names.
_OTHER = "\0"


def covers(wide: str, narrow: str) -> bool:
    """Whether every path that `narrow` accepts is accepted by `wide` as well; see catalogue.match.glob."""
    outer, inner = _steps(wide), _steps(narrow)
    alphabet = {each for each in (*outer, *inner) if each not in (_RUN, _LONG_RUN)} | {"/", _OTHER}
    start = (_closed(inner, {0}), _closed(outer, {0}))
    seen, pending = {start}, [start]
    while pending:
        within, around = pending.pop()
        if len(inner) in within and len(outer) not in around:
            return False
        for character in alphabet:
            after = _closed(inner, _moved(inner, within, character))
            state = (after, _closed(outer, _moved(outer, around, character)))
            if after and state not in seen:
                seen.add(state)
                pending.append(state)
    return True


def _steps(pattern: str) -> tuple[str, ...]:
    return tuple(
        step
        for part in re.split(r"(\*\*|\*)", pattern)
        for step in ((part,) if part in (_RUN, _LONG_RUN) else tuple(part))
    )


def _closed(steps: tuple[str, ...], states: Iterable[int]) -> frozenset[int]:
    """The states, with those that are reached without a character: a run may be empty."""
    found = set[int]()
    for state in states:
        last = state
        while last < len(steps) and steps[last] in (_RUN, _LONG_RUN):
            last += 1
        found.update(range(state, last + 1))
    return frozenset(found)


def _moved(steps: tuple[str, ...], states: frozenset[int], character: str) -> set[int]:
    moved = set[int]()
    for state in states:
        if state == len(steps):
            continue
        step = steps[state]
        if step == _LONG_RUN or (step == _RUN and character != "/"):
            moved.add(state)
        elif step == character:
            moved.add(state + 1)
    return moved
