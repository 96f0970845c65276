"""What must stand in a text for a regular expression to match: looked for first, as a plain search is far faster.

It reads the tree that the standard library parses an expression into. Were that to change its form, a test
would say so: every example must match with needles as it does without.
"""

from __future__ import annotations

from collections.abc import Sequence
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any


def needles(pattern: str) -> frozenset[str]:
    """Strings of which at least one is in every text that `pattern` matches; empty if none can be named."""
    parsed = _parser.parse(pattern)
    if parsed.state.flags & 2:  # ignoring case
        return frozenset()
    return _of_sequence(parsed) or frozenset()


def _of_sequence(items: Sequence[Any]) -> frozenset[str]:
    found: list[frozenset[str]] = []
    run = ""
    for code, value in [*items, (None, None)]:
        if code is op.LITERAL:
            run += chr(value)
            continue
        if run:
            found.append(frozenset({run}))
            run = ""
        if code is op.BRANCH:
            ways = [_of_sequence(way) for way in value[1]]
            if all(ways):
                found.append(frozenset().union(*ways))
        elif code is op.SUBPATTERN and not value[1] & 2:
            found.append(_of_sequence(value[3]))
        elif code is op.ASSERT:
            found.append(_of_sequence(value[1]))
        elif code in (op.MAX_REPEAT, op.MIN_REPEAT) and value[0] > 0:
            found.append(_of_sequence(value[2]))
    return max(
        (each for each in found if each), key=lambda each: (min(map(len, each)), -len(each)), default=frozenset()
    )
