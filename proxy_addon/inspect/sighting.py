"""What a look finds: one sighting for each thing of a vendor's, and the hosts that nobody has catalogued."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..catalogue.domains import registrable_domain
from ..catalogue.match import Catalogue
from ..catalogue.model import Match
from ..catalogue.urls import resolve, split
from ..policy import Verdict

Decide = Callable[[Match], Verdict]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: `line` and `column` count from 1, and are None where a file has none (HAR entries).

    `path` is a CSS selector of the element, or what names the entry.
    """

    line: int | None
    column: int | None
    path: str

    def __str__(self) -> str:
        """The place as editors write it, `line:column`, or else what names it."""
        return self.path if self.line is None else f"{self.line}:{self.column}"


# Tells the place once something is seen there: most of a page is nobody's, and a path costs time.
Where = Callable[[], Place]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing of a vendor's. `what` is a word of Sec-Fetch-Dest, `inline script` or `cookie`."""

    place: Place
    what: str
    match: Match
    verdict: Verdict
    url: str

    def plain(self) -> dict[str, Any]:
        """The sighting as a JSON-ready mapping."""
        return {
            "line": self.place.line,
            "column": self.place.column,
            "path": self.place.path,
            "what": self.what,
            "vendor": self.match.vendor,
            "rule": self.match.rule,
            "categories": list(self.verdict.categories),
            "verdict": self.verdict.action,
            "missing": list(self.verdict.missing),
            "reason": self.verdict.reason,
            "url": self.url,
        }


@dataclass(frozen=True, slots=True)
class Look:
    """What was found in one file. `strangers`: hosts of others that no vendor's file lists, and how often."""

    source: str
    page: str
    sightings: tuple[Sighting, ...]
    strangers: tuple[tuple[str, int], ...]

    def plain(self) -> dict[str, Any]:
        """The look as a JSON-ready mapping."""
        return {
            "source": self.source,
            "page": self.page,
            "sightings": [each.plain() for each in self.sightings],
            "uncatalogued": dict(self.strangers),
        }


@dataclass(slots=True)
class Spotter:
    """Collects what the catalogue knows of a page's requests, inline scripts and cookies.

    `base` is where the page came from; None leaves open what is first-party, and relative addresses are no request.
    """

    catalogue: Catalogue
    decide: Decide
    base: str | None
    sightings: list[Sighting] = field(default_factory=list)
    strangers: Counter[str] = field(default_factory=Counter)

    def request(self, reference: str, what: str, where: Where, attributes: Collection[str] = ()) -> None:
        """An address that is fetched, as it is written."""
        url = resolve(self.base or "about:blank", reference)
        parts = split(url) if url is not None else None
        if url is None or parts is None:
            return
        match = self.catalogue.match(url, site=self.site, attributes=attributes)
        if match is not None:
            self._see(match, what, where, url)
        elif registrable_domain(parts.host) != self.site:
            self.strangers[parts.host] += 1

    def snippet(self, code: str, where: Where) -> None:
        """An inline script."""
        for match in self.catalogue.match_snippets(code):
            self._see(match, "inline script", where, "")

    def cookie(self, name: str, host: str, where: Where) -> None:
        """A cookie that an answer of `host` set."""
        match = self.catalogue.match_cookie(name, host=host)
        if match is not None and not (self.site and self.catalogue.owns(match.vendor, self.site)):
            self._see(match, "cookie", where, f"cookie {name}")

    @property
    def site(self) -> str | None:
        """The registrable domain that the visitor is on, if it is known."""
        parts = split(self.base) if self.base is not None else None
        return registrable_domain(parts.host) if parts is not None else None

    def look(self, source: str, page: str) -> Look:
        """What has been collected, in the order of the file."""
        return Look(source, page, tuple(self.sightings), tuple(self.strangers.most_common()))

    def _see(self, match: Match, what: str, where: Where, url: str) -> None:
        self.sightings.append(Sighting(where(), what, match, self.decide(match), url))


def held(looks: Iterable[Look]) -> int:
    """How many of the things seen would be held."""
    return sum(each.verdict.blocks for look in looks for each in look.sightings)
