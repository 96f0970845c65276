"""Documents that came before: rewritten again without being read, where the judge says the same of them again.

A site sends most of its visitors the same page. What reading it comes to depends on its bytes, on its address and on
what the judge answers; so the judge is asked the same questions in the same order, keeps its record of them, and as
long as its answers are those of an earlier time, what was written then is right now.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, NamedTuple, Protocol, TypeVar

# All that is kept of documents, in bytes, and what one may take of it.
_KEPT, _LARGEST = 16 * 1024 * 1024, 1024 * 1024
# Visitors who said different things get different pages of one document; so many are kept.
_MOST_OF_ONE = 4

_State = TypeVar("_State")
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
        self._judge = judge
        self.questions: list[_Question] = []
        self.answers: list[str | None] = []

    def request(self, url: str, kind: str, attributes: Collection[str]) -> str | None:
        """See Judge."""
        self.questions.append((url, kind, attributes))
        self.answers.append(answer := self._judge.request(url, kind, attributes))
        return answer

    def snippet(self, code: str) -> str | None:
        """See Judge."""
        self.questions.append(code)
        self.answers.append(answer := self._judge.snippet(code))
        return answer


class Reading(NamedTuple, Generic[_State]):
    """What reading a document came to: what was written before and after the injected script, and how it ended."""

    questions: list[_Question]
    answers: list[str | None]
    before: bytes
    after: bytes
    state: _State


class _Document(NamedTuple, Generic[_State]):
    source: bytes
    readings: list[Reading[_State]]

    @property
    def size(self) -> int:
        return len(self.source) + sum(len(each.before) + len(each.after) for each in self.readings)


class Readings(Generic[_State]):
    """Remembers documents. `_State` is where a reader stands after one; it must not change any more."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        # The longest unused first.
        self._documents: dict[tuple[str, bool, int], _Document[_State]] = {}
        self._size = 0

    def find(self, base: str, injects: bool, source: bytes, judge: Judge) -> Reading[_State] | None:
        """The reading of this document in which the judge, who is asked, said what it says now; None without one."""
        key = (base, injects, len(source))
        document = self._documents.get(key)
        if document is None or document.source != source:
            return None
        # To those who had the same answers so far the same question comes next.
        left, number = document.readings, 0
        while left and number < len(left[0].questions):
            question = left[0].questions[number]
            answer = judge.snippet(question) if isinstance(question, str) else judge.request(*question)
            left = [each for each in left if each.answers[number] == answer]
            number += 1
        if not left:
            return None
        self._documents[key] = self._documents.pop(key)
        return left[0]

    def keep(self, base: str, injects: bool, source: bytes, reading: Reading[_State]) -> None:
        """Remember what reading a document came to."""
        key = (base, injects, len(source))
        known = self._documents.pop(key, None)
        if known is not None:
            self._size -= known.size
        others = known.readings[1 - _MOST_OF_ONE :] if known is not None and known.source == source else []
        document = _Document(source, [*others, reading])
        if document.size > _LARGEST:
            return
        self._documents[key] = document
        self._size += document.size
        while self._size > _KEPT:
            self._size -= self._documents.pop(next(iter(self._documents))).size
