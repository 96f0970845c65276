"""Frozen values of a list that a user brings."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import UsageError


class ListError(UsageError):
    """A list cannot be had, read or kept: one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Company:
    """Whom a list names behind entries: a vendor of the list's own words. `category` is one of ours."""

    vendor: str
    name: str
    owner: str
    website: str
    category: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list: a domain with its subdomains, or a network filter in ABP's syntax.

    `holder` is the vendor id of the company behind it. `where` says where it stands: a line, or a file of a folder.
    """

    text: str
    holder: str
    where: int | str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a list says, in our words. `skipped` counts entries that say nothing a proxy can use."""

    companies: tuple[Company, ...]
    domains: tuple[Entry, ...]
    filters: tuple[Entry, ...] = ()
    skipped: int = 0
    title: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a list came from, and what is needed to ask there whether it has changed."""

    source: str
    sha256: str
    size: int
    fetched: str
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class UserList:
    """A list as it is kept: its name, where it came from, how it was read, and what it says.

    `category` is the one that the user chose for all of it, '' where the list's own were taken.
    """

    name: str
    title: str
    form: str
    category: str
    domains_only: bool
    origin: Origin
    parsed: Parsed

    def place(self, entry: Entry) -> str:
        """An entry's name in evidence: the list, and where in it."""
        return f"{self.name}:{entry.where}"
