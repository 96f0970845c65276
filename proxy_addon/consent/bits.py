"""Bits out of web-safe base64, as the IAB's consent strings carry them.

The field types are those of the GPP string specification ("Core/Consent String Specification"), of which the TCF
uses a part. Nothing is expanded: sets of ids stay ranges, so that a few bytes of a hostile string never become
millions of numbers.
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# No cookie or header of a browser holds more than this; what is longer is not read at all.
LONGEST = 32768
# A Fibonacci number of this many bits is beyond any id that exists.
_LONGEST_FIBONACCI = 32
_LARGEST_ID = 65535
_ALPHABET = re.compile(r"[A-Za-z0-9_-]+\Z")
_ONES = re.compile("1+")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What a decoder answers instead of a value when a string is not of its format; `problem` says why."""

    problem: str


class MalformedError(ValueError):
    """A string that breaks its format. It never leaves the decoders: they answer Unreadable."""


@dataclass(frozen=True, slots=True)
class Ids:
    """A set of ids from 1, kept as ascending, separate (first, last) ranges."""

    ranges: tuple[tuple[int, int], ...] = ()

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        place = bisect_right(self.ranges, (number, _LARGEST_ID))
        return place > 0 and number <= self.ranges[place - 1][1]

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def within(self, other: Ids) -> bool:
        """Whether every id of this set is in the other."""
        # Looks into the other's gaps, so that many small sets are cheap to compare with one large one.
        before = 0
        for first, last in (*other.ranges, (_LARGEST_ID + 1, _LARGEST_ID + 1)):
            place = bisect_right(self.ranges, (first - 1, _LARGEST_ID))
            # The last id of this set in front of the other's range must not lie behind the range before.
            if place > 0 and min(self.ranges[place - 1][1], first - 1) > before:
                return False
            before = last
        return True


def ids_of(ranges: Iterable[tuple[int, int]]) -> Ids:
    """The set of the ids in (first, last) ranges that may overlap and come in any order."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return Ids(tuple(merged))


class Bits:
    """Reads one base64 segment from its first bit to its last. Every method raises MalformedError past the end."""

    def __init__(self, text: str) -> None:
        """`text` is web-safe base64 without padding; anything else raises MalformedError."""
        if not text:
            raise MalformedError("a part of it is empty")
        if not _ALPHABET.match(text):
            raise MalformedError("it holds characters that are not web-safe base64")
        # Base64 proper comes in fours; what is added here is never read.
        self._bytes = base64.urlsafe_b64decode(text + "A" * (-len(text) % 4))
        self.length = len(text) * 6
        self.at = 0

    def number(self, width: int) -> int:
        """The next `width` bits as an unsigned integer."""
        end = self.at + width
        if end > self.length:
            raise MalformedError("it ends too early")
        part = self._bytes[self.at // 8 : (end + 7) // 8]
        self.at = end
        return (int.from_bytes(part, "big") >> (-end % 8)) & ((1 << width) - 1)

    def flag(self) -> bool:
        """The next bit."""
        return self.number(1) == 1

    def numbers(self, width: int, count: int) -> tuple[int, ...]:
        """The next `count` integers of `width` bits each."""
        return tuple(self.number(width) for _ in range(count))

    def letters(self) -> str:
        """Two letters of six bits each, A being 0. What is no letter reads '?'."""
        return "".join(chr(65 + code) if code < 26 else "?" for code in self.numbers(6, 2))

    def members(self, width: int) -> frozenset[int]:
        """The positions, from 1, of the ones in a short bit field."""
        return frozenset(self.field(width))

    def field(self, width: int) -> Ids:
        """The positions, from 1, of the ones in a bit field of any length."""
        bits = format(self.number(width), f"0{width}b") if width else ""
        return Ids(tuple((run.start() + 1, run.end()) for run in _ONES.finditer(bits)))

    def ids(self, *, fibonacci: bool = False) -> Ids:
        """A set of ids with its largest one in front: as a bit field or as ranges, whichever the writer chose."""
        largest = self.number(16)
        if not self.flag():
            return self.field(largest)
        return self.fibonacci_ranges() if fibonacci else self.ranges()

    def ranges(self) -> Ids:
        """A counted list of single 16-bit ids and of ranges of them."""
        found = []
        for _ in range(self.number(12)):
            is_range = self.flag()
            first = self.number(16)
            found.append(_checked(first, self.number(16) if is_range else first))
        return ids_of(found)

    def fibonacci_ranges(self) -> Ids:
        """A counted list of ids and ranges, each number coded as its Fibonacci distance from the one before."""
        found = []
        reached = 0
        for _ in range(self.number(12)):
            is_range = self.flag()
            first = reached + self.fibonacci()
            reached = first + self.fibonacci() if is_range else first
            found.append(_checked(first, reached))
        return ids_of(found)

    def fibonacci(self) -> int:
        """An integer from 1 in Fibonacci coding: each bit stands for a Fibonacci number, two ones end it."""
        value, before = 0, False
        this, following = 1, 2
        for _ in range(_LONGEST_FIBONACCI):
            bit = self.flag()
            if bit and before:
                return value
            value += this if bit else 0
            this, following = following, this + following
            before = bit
        raise MalformedError("a number in it is too large")

    def rest_is_padding(self) -> bool:
        """Whether nothing but zeros is left, and few enough of them to be padding."""
        left = self.length - self.at
        return left < 24 and self._peek(left) == 0

    def _peek(self, width: int) -> int:
        here = self.at
        value = self.number(width)
        self.at = here
        return value


def _checked(first: int, last: int) -> tuple[int, int]:
    if not 0 < first <= last <= _LARGEST_ID:
        raise MalformedError(f"it holds the impossible range {first} to {last}")
    return first, last


def too_long(text: str) -> Unreadable | None:
    """The answer to a string that is longer than anything worth reading, or None if it is not."""
    return Unreadable(f"it is longer than {LONGEST} characters and was not read") if len(text) > LONGEST else None
