"""What is known of the routers that sites use: which requests are theirs, and what is connected to each source.

A source is known by its key. What is connected to it is learnt from answers that pass, or asked for once, beside the
traffic; where it is not known, that is said, and nothing waits for it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .catalogue.index import ROUTER
from .catalogue.match import Catalogue
from .catalogue.model import Match, Router
from .catalogue.urls import split
from .config import Site
from .consent.model import Consent, Regime
from .rewrite.destinations import Filter, Roster, connected_in, fits, listed_in

# Gets an address for us: its text, or None. It may take a while, and must end.
Fetch = Callable[[str], str | None]

SETTINGS, LISTING, EVENTS, DROP = "settings", "listing", "events", "drop"
# So many sources are remembered, and so many of each site.
_MOST_SOURCES, _MOST_OF_A_SITE = 1000, 8
# A source with more destinations than anyone has is not remembered.
_MOST_NAMES = 1000
# What was asked is asked again after so many seconds, what could not be answered after fewer.
_LASTS, _RETRIES = 86_400.0, 600.0
_MOST_ASKING = 4


@dataclass(frozen=True, slots=True)
class Way:
    """What a request is to a router: `part` is one of the words above. `stranger`: only its shape says so."""

    vendor: str
    part: str
    stranger: bool = False


@dataclass(slots=True)
class _Source:
    """What is connected, by where it was said."""

    settings: frozenset[str] | None = None
    listing: frozenset[str] | None = None
    asked: float = 0.0

    @property
    def active(self) -> frozenset[str] | None:
        if self.settings is None and self.listing is None:
            return None
        return (self.settings or frozenset()) | (self.listing or frozenset())


class Routers:
    """The routers of a catalogue, and what is connected to the sources that were seen."""

    def __init__(
        self,
        catalogue: Catalogue,
        sites: Iterable[Site],
        fetch: Fetch | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`fetch` asks for what is connected; None asks nobody. It runs in threads of its own."""
        self.routers: dict[str, Router] = {
            vendor.vendor: vendor.router for vendor in catalogue.having(ROUTER) if vendor.router is not None
        }
        self._parts = {
            (name, rule): part
            for name, router in self.routers.items()
            for part, rules in (
                (SETTINGS, router.settings),
                (LISTING, router.listings),
                (EVENTS, router.events.rules),
                (DROP, router.events.drop),
            )
            for rule in rules
        }
        self._catalogue = catalogue
        # By identity: sites are values that hold mappings, and live as long as this does.
        self._rosters = {(id(site), name): self._roster(site, name) for site in sites for name in self.routers}
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._asking = 0
        # By where it counts ('' is everywhere), the router, and the source's key.
        self._sources: OrderedDict[tuple[str, str, str], _Source] = OrderedDict()
        self._keys: OrderedDict[tuple[str, str], list[str]] = OrderedDict()

    # Whose a request is

    def way(self, match: Match | None, url: str, method: str) -> Way | None:
        """What a request is to a router, by the catalogue's match; without one by its path alone."""
        if match is not None:
            part = None if match.exempt else self._parts.get((match.vendor, match.rule))
            return Way(match.vendor, part) if part else None
        parts = split(url) if self.routers else None
        if parts is None:
            return None
        for name, router in self.routers.items():
            if method == "GET" and fits(router.shape, parts.path):
                return Way(name, SETTINGS, stranger=True)
            if method in ("POST", "PUT") and fits(router.events.shape, parts.path):
                return Way(name, EVENTS, stranger=True)
        return None

    def roster(self, site: Site, vendor: str) -> Roster | None:
        """A router's destinations as a site has them; None for a vendor that is no router."""
        if vendor not in self.routers:
            return None
        return self._rosters.get((id(site), vendor)) or self._roster(site, vendor)

    def filter(self, site: Site, vendor: str, consent: Consent, regime: Regime) -> Filter:
        """The filter of a router's settings and events for one visitor."""
        return Filter(self._rosters.get((id(site), vendor)) or self._roster(site, vendor), consent, regime)

    def _roster(self, site: Site, vendor: str) -> Roster:
        destinations = self._catalogue.destinations.get(vendor, {}).values()
        return Roster(vendor, self.routers[vendor], destinations, site.destinations)

    # What is connected

    def active(self, place: str, vendor: str, key: str | None) -> frozenset[str] | None:
        """What is connected to a source as a site may know it; None if that is not known."""
        if key is None:
            return None
        with self._lock:
            for where in ("", place):
                source = self._sources.get((where, vendor, key))
                if source is not None and source.active is not None:
                    self._sources.move_to_end((where, vendor, key))
                    return source.active
        return None

    def active_on(self, place: str, vendor: str) -> frozenset[str] | None:
        """What is connected to all the sources that were seen on a site; None if that is not known of each."""
        found = [self.active(place, vendor, key) for key in self._keys.get((place, vendor), ())]
        known = [each for each in found if each is not None]
        return frozenset().union(*known) if known and len(known) == len(found) else None

    def plain(self, place: str) -> dict[str, dict[str, list[str]]]:
        """What is connected to the sources of a site, JSON-ready: router → key → names."""
        found: dict[str, dict[str, list[str]]] = {}
        for vendor in self.routers:
            for key in self._keys.get((place, vendor), ()):
                if (active := self.active(place, vendor, key)) is not None:
                    found.setdefault(vendor, {})[key] = sorted(active)
        return found

    def sees(self, place: str, vendor: str, key: str) -> None:
        """Note that a site uses a source."""
        keys = self._keys.setdefault((place, vendor), [])
        if key not in keys:
            keys.append(key)
            del keys[:-_MOST_OF_A_SITE]
        self._keys.move_to_end((place, vendor))
        while len(self._keys) > _MOST_SOURCES:
            self._keys.popitem(last=False)

    def learn(self, place: str, vendor: str, key: str, names: frozenset[str], *, listing: bool = False) -> None:
        """Note what is connected to a source. `place` is the site where that counts, '' for all."""
        if len(names) > _MOST_NAMES:
            return
        with self._lock:
            source = self._sources.setdefault((place, vendor, key), _Source())
            if listing:
                source.listing = names
            else:
                source.settings = names
            self._trim()

    def ask(self, vendor: str, key: str) -> None:
        """Ask what is connected to a source, once and in the background, if that is not known."""
        router = self.routers[vendor]
        if self._fetch is None or not router.ask:
            return
        with self._lock:
            source = self._sources.setdefault(("", vendor, key), _Source())
            wait = _RETRIES if source.active is None else _LASTS
            if self._asking >= _MOST_ASKING or (source.asked and self._clock() < source.asked + wait):
                return
            source.asked = self._clock()
            self._asking += 1
            self._trim()
        threading.Thread(target=self._ask, args=(vendor, key), daemon=True).start()

    def _ask(self, vendor: str, key: str) -> None:
        try:
            for address in self.routers[vendor].ask:
                self.read(vendor, key, address.replace("{key}", key))
        finally:
            with self._lock:
                self._asking -= 1

    def read(self, vendor: str, key: str, url: str) -> None:
        """Ask one address, and learn what it says."""
        router = self.routers[vendor]
        try:
            text = self._fetch(url) if self._fetch else None
        except Exception:
            # Whatever goes wrong while asking, the answer is: not known.
            text = None
        if text is None:
            return
        names = connected_in(router, text)
        if names is not None:
            self.learn("", vendor, key, names)
        elif (names := listed_in(router, text)) is not None:
            self.learn("", vendor, key, names, listing=True)

    def _trim(self) -> None:
        while len(self._sources) > _MOST_SOURCES:
            self._sources.popitem(last=False)
