"""Runs of text and tags in which nothing is to be judged: found, and known again on the next page of a site."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

# So many bytes of a run are what it is looked up by.
_KEY = 48
# Runs up to this size are remembered, and of all of them so many bytes.
_LONGEST, _REMEMBERED = 256 * 1024, 4 * 1024 * 1024


class _Run(NamedTuple):
    """A run with the beginning of what stopped it, how long it is without that, and whether something rare is in it."""

    text: bytes
    length: int
    rare: bool


class Runs:
    """Finds where runs end. Safe to share between threads."""

    def __init__(self, pattern: re.Pattern[bytes], stop: re.Pattern[bytes]) -> None:
        """`pattern` is a run, `stop` the beginning of what ends one whatever follows."""
        self._pattern = pattern
        self._stop = stop
        self._known: dict[bytes, _Run] = {}
        # Bytes that are kept.
        self.size = 0

    def find(
        self, source: bytes, start: int, rare: Callable[[int, int], bool], *, keeps: bool = True
    ) -> tuple[int, bool]:
        """Where the run ends that starts there, and whether something rare is in it.

        `rare` says whether such things begin between two places of the source; it is asked only about a run that is not
        known. With `keeps` false the run is not remembered.
        """
        key = source[start : start + _KEY]
        known = self._known.get(key)
        # What was read before is read the same again: a run up to a certain stop depends on nothing that follows.
        if known is not None and source.startswith(known.text, start):
            return start + known.length, known.rare
        run = self._pattern.match(source, start)
        end = run.end() if run else start
        is_rare = rare(start, end)
        stop = self._stop.match(source, end)
        if keeps and stop is not None and end - start <= _LONGEST:
            self._keep(key, _Run(source[start : stop.end()], end - start, is_rare))
        return end, is_rare

    def _keep(self, key: bytes, run: _Run) -> None:
        # Threads that come here at once may count one twice or not at all: the bound need not be exact.
        former = self._known.get(key)
        self.size += len(run.text) - (len(former.text) if former else 0)
        if self.size > _REMEMBERED:
            self._known.clear()
            self.size = len(run.text)
        self._known[key] = run
