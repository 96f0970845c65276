"""What a look finds: one sighting for each thing of a vendor's, and the hosts that nobody has catalogued."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..answer import PAGES
from ..catalogue.domains import registrable_domain
from ..catalogue.index import BUNDLES, PAYLOADS, TEMPLATES
from ..catalogue.match import Catalogue
from ..catalogue.model import Match
from ..catalogue.payloads import Payloads
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
    """One thing of a vendor's.

    `what` is a word of Sec-Fetch-Dest, `inline script`, `cookie`, `bundled SDK` (the vendor's library in a script of
    somebody else's), `tag` (of a tag manager), or `address` (which stands in a script).
    """

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


@dataclass(frozen=True, slots=True)
class _Known:
    """What the catalogue knows beside addresses: payloads, signs of bundled libraries, templates of tag managers."""

    payloads: Payloads
    bundles: Mapping[str, Sequence[str]]
    templates: Mapping[str, str]


@lru_cache(maxsize=2)
def _known(catalogue: Catalogue) -> _Known:
    return _Known(
        Payloads(catalogue.having(PAYLOADS)),
        {vendor.vendor: vendor.bundle for vendor in catalogue.having(BUNDLES)},
        {code: vendor.vendor for vendor in catalogue.having(TEMPLATES) for code in vendor.gtm},
    )


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
    # Whether something that was looked at is a container of a tag manager.
    container: bool = False

    def request(
        self, reference: str, what: str, where: Where, attributes: Collection[str] = (), *, body: str = ""
    ) -> None:
        """An address that is fetched, as it is written; `body` is what is sent there."""
        url = resolve(self.base or "about:blank", reference)
        parts = split(url) if url is not None else None
        if url is None or parts is None:
            return
        match = self.catalogue.match(url, site=self.site, attributes=attributes)
        if match is None and what not in PAGES:
            match = self._known.payloads.match(url) or (self._known.payloads.match_body(url, body) if body else None)
        if match is not None:
            self.sees(match, what, where, url)
        elif registrable_domain(parts.host) != self.site:
            self.strangers[parts.host] += 1

    def snippet(self, code: str, where: Where) -> None:
        """An inline script."""
        for match in self.catalogue.match_snippets(code):
            self.sees(match, "inline script", where)

    def bundles(self, code: str, where: Callable[[int], Where]) -> frozenset[str]:
        """The vendors whose libraries stand in a script; `where` tells the place of a position in it."""
        found: set[str] = set()
        for vendor, signs in self._known.bundles.items():
            if all(sign in code for sign in signs):
                found.add(vendor)
                self.sees(self._match(vendor, "bundle", "bundled"), "bundled SDK", where(code.find(signs[0])))
        return frozenset(found)

    def template(self, vendor: str, code: str, where: Where) -> None:
        """A tag that a tag manager's own template for a vendor makes."""
        self.sees(self._match(vendor, f"gtm-{code}", "template"), "tag", where)

    def mention(self, address: str, where: Where, *, but: Collection[str] = ()) -> None:
        """An address that stands in a script, unless it is of these vendors."""
        url = resolve("https://nowhere.invalid/", address)
        match = self.catalogue.match(url, site=self.site) if url is not None else None
        if url is not None and match is not None and not match.exempt and match.vendor not in but:
            self.sees(match, "address", where, url)

    @property
    def templates(self) -> Mapping[str, str]:
        """The vendor of each template of a tag manager's own, by the template's code."""
        return self._known.templates

    def _match(self, vendor: str, rule: str, kind: str) -> Match:
        category = self.catalogue.vendors[vendor].category
        return Match(vendor, rule, kind, (category,), category)

    @property
    def _known(self) -> _Known:
        return _known(self.catalogue)

    def cookie(self, name: str, host: str, where: Where) -> None:
        """A cookie that an answer of `host` set."""
        match = self.catalogue.match_cookie(name, host=host)
        if match is not None and not (self.site and self.catalogue.owns(match.vendor, self.site)):
            self.sees(match, "cookie", where, f"cookie {name}")

    @property
    def site(self) -> str | None:
        """The registrable domain that the visitor is on, if it is known."""
        parts = split(self.base) if self.base is not None else None
        return registrable_domain(parts.host) if parts is not None else None

    def look(self, source: str, page: str) -> Look:
        """What has been collected, in the order of the file."""
        return Look(source, page, tuple(self.sightings), tuple(self.strangers.most_common()))

    def sees(self, match: Match, what: str, where: Where, url: str = "") -> None:
        """Something of a vendor's."""
        self.sightings.append(Sighting(where(), what, match, self.decide(match), url))


def held(looks: Iterable[Look]) -> int:
    """How many of the things seen would be held."""
    return sum(each.verdict.blocks for look in looks for each in look.sightings)
