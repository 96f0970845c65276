"""What the JSON formats share: companies by key, and where in the text a word stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .model import Company, Entry, ListError, Parsed
from .names import domain

# The line on which a word first stands as a string.
Lines = Callable[[str], int]
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def lines_of(text: str) -> Lines:
    """Where each string of a JSON text first stands; 0 for what does not."""
    first: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for found in _STRING.finditer(line):
            first.setdefault(found[1], number)
    return lambda word: first.get(word, 0)


def mapping(plain: Mapping[str, Any], word: str) -> Mapping[str, Any]:
    """A member that must be a mapping. Raises ListError."""
    found = plain.get(word)
    if not isinstance(found, dict):
        raise ListError(f"this list has no '{word}'; say what it is with --format.")
    return found


class Maker:
    """Gathers companies and entries; each domain counts once, for whoever names it first."""

    def __init__(self, lines: Lines) -> None:
        """`lines` says where a string stands."""
        self._lines = lines
        self._companies: dict[str, Company] = {}
        self._domains: dict[str, Entry] = {}
        self.filters: list[Entry] = []
        self.skipped = 0

    def company(self, key: str, name: str, owner: str, website: str, category: str) -> str:
        """The vendor id of a company for one category: with several it has one of its own for each."""
        vendor = key
        # Another company may be called as this one is for a category.
        while self._companies.setdefault(vendor, Company(vendor, name, owner, website, category)).category != category:
            vendor = f"{vendor}-{category}"
        return vendor

    def domain(self, text: Any, holder: str, where: int | str | None = None) -> None:
        """Take a domain, or count what is none."""
        name = domain(text) if isinstance(text, str) else None
        if name is None:
            self.skipped += 1
        else:
            self._domains.setdefault(name, Entry(name, holder, self._lines(text) if where is None else where))

    def filter(self, text: Any, holder: str) -> None:
        """Take a network filter."""
        if isinstance(text, str):
            self.filters.append(Entry(text, holder, self._lines(text)))

    def parsed(self, title: str) -> Parsed:
        """All that was gathered."""
        used = {each.holder for each in (*self._domains.values(), *self.filters)}
        companies = tuple(each for key, each in self._companies.items() if key in used)
        return Parsed(companies, tuple(self._domains.values()), tuple(self.filters), self.skipped, title)
