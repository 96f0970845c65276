"""Segments of documents that came before: written again without being read, where the judge says the same again.

The pages of a site have most of their markup in common, and one page is sent to many visitors. What reading a segment
comes to depends on its bytes, on where its references lead and on what the judge answers; so the judge is asked the
same questions in the same order, keeps its record of them, and as long as its answers are those of an earlier time,
what was written then is right now.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol

# So many bytes of a segment are what it is looked up by; so many after it may have told where it ends.
_KEY, _AHEAD = 48, 16
# Segments up to this size are remembered, and of all of them so many bytes.
_LONGEST, _REMEMBERED = 256 * 1024, 16 * 1024 * 1024
# So many may begin alike, or be written in different ways for visitors who said different things.
_MOST_ALIKE = 64
_MOST_PLACES = 1000

# An address, as what it is fetched and the attributes of its tag; or an inline script.
_Question = tuple[str, str, Collection[str]] | str


class Judge(Protocol):
    """Says whether a page's request or inline script is to be held, and keeps the record of it."""

    def request(self, url: str, kind: str, attributes: Collection[str]) -> str | None:
        """The vendor to hold an absolute URL for, or None. `attributes` are the names on its tag."""

    def snippet(self, code: str) -> str | None:
        """The vendor to hold an inline script for, or None."""


class Asked:
    """A judge that remembers what it was asked, and what it said."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.questions: list[_Question] = []
        self.answers: list[str | None] = []

    def forget(self) -> None:
        """Begin anew."""
        self.questions, self.answers = [], []

    def request(self, url: str, kind: str, attributes: Collection[str]) -> str | None:
        """See Judge."""
        self.questions.append((url, kind, attributes))
        self.answers.append(answer := self.judge.request(url, kind, attributes))
        return answer

    def snippet(self, code: str) -> str | None:
        """See Judge."""
        self.questions.append(code)
        self.answers.append(answer := self.judge.snippet(code))
        return answer


class Segment(NamedTuple):
    """A part of a document between two places at which a reader keeps nothing in mind, and what it was written as.

    `text` has some bytes of what follows. `base` is the address on which references in it depend, None if they lead to
    the same places from any page of their origin.
    """

    text: bytes
    length: int
    base: str | None
    questions: list[_Question]
    answers: list[str | None]
    written: bytes

    @property
    def size(self) -> int:
        """Bytes that it takes, nearly: addresses are short."""
        scripts = sum(len(each) for each in self.questions if isinstance(each, str))
        return len(self.text) + len(self.written) + scripts


class Place(NamedTuple):
    """What reading depends on besides the text: the origin of the page, and what a reader knows of the document."""

    origin: str
    injects: bool
    careful: bool
    based: bool
    frames: bool | None


# The segments of one kind of place, by their beginnings.
Known = dict[bytes, list[Segment]]


class Segments:
    """Remembers segments. Not safe to share between threads."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._places: dict[Place, Known] = {}
        # Bytes that are kept.
        self.size = 0

    def at(self, place: Place) -> Known:
        """The segments that are known where all this is so."""
        known = self._places.get(place)
        if known is None:
            if len(self._places) >= _MOST_PLACES:
                self._forget()
                self._places.clear()
            known = self._places[place] = {}
        return known

    @staticmethod
    def find(known: Known, source: bytes, start: int, judge: Judge, base: str) -> Segment | None:
        """The segment that begins there, in which the judge, who is asked, said what it says now; None without one."""
        alike = known.get(source[start : start + _KEY])
        if alike is None:
            return None
        left = [each for each in alike if source.startswith(each.text, start) and each.base in (None, base)]
        number = 0
        while left and number < len(left[0].questions):
            # To those who had the same answers so far the same question comes next.
            question = left[0].questions[number]
            answer = judge.snippet(question) if isinstance(question, str) else judge.request(*question)
            left = [each for each in left if each.answers[number] == answer]
            number += 1
        return left[0] if left else None

    def keep(
        self, known: Known, source: bytes, start: int, end: int, *, base: str | None, asked: Asked, written: bytes
    ) -> None:
        """Remember what a segment was written as."""
        if end - start > _LONGEST or end + _AHEAD > len(source):
            return
        text = source[start : end + _AHEAD]
        segment = Segment(text, end - start, base, asked.questions, asked.answers, written)
        self.size += segment.size
        if self.size > _REMEMBERED:
            self._forget()
            self.size = segment.size
        alike = known.setdefault(source[start : start + _KEY], [])
        if len(alike) >= _MOST_ALIKE:
            self.size -= alike.pop(0).size
        alike.append(segment)

    def _forget(self) -> None:
        for known in self._places.values():
            known.clear()
        self.size = 0
