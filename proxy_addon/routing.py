"""What becomes of a router's requests: its settings as they come in, and its events as they go out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from . import ledger
from .catalogue.match import Catalogue
from .catalogue.model import Match
from .catalogue.urls import split
from .config import BASE, STRICT
from .consent.told import chosen, preference_contradictions
from .own import Row
from .policy import BLOCK, Verdict, decide, requiring
from .rewrite import coding
from .rewrite.destinations import BY_SITE, MOST_BYTES, Filter, Sent, connected_in, fits, key_of, listed_in, pack, unpack
from .rewrite.text import Gathered, Overheard
from .routers import DROP, EVENTS, LISTING, SETTINGS, Routers, Way

if TYPE_CHECKING:
    from .engine import Visit

# So many events of one body are told of.
_MOST_ROWS = 100
# What is answered in place of settings that are not understood: nothing is connected.
_NO_SETTINGS = b"{}"
_BODIES = frozenset({"POST", "PUT", "PATCH"})
_KIND = "event"


class Record(Protocol):
    """Writes down one verdict."""

    def __call__(self, visit: Visit, layer: str, done: str, verdict: Verdict, url: str, *, kind: str) -> None:
        """See Engine."""


class Judged(NamedTuple):
    """What becomes of a body of events: it passes as it is, in other bytes, or is held for a match."""

    body: bytes | None = None
    held: Match | None = None


PASSES = Judged()


class Routing:
    """Judges a router's requests. A site whose policy is `base` has none of this."""

    def __init__(self, catalogue: Catalogue, routers: Routers, record: Record) -> None:
        self.routers = routers
        self._catalogue = catalogue
        self._record = record

    # Requirements

    def asked(self, visit: Visit, match: Match, url: str = "") -> Match:
        """The match with what the site's policy requires beside the vendor's own category."""
        roster = self.routers.roster(visit.site, match.vendor)
        if roster is None or match.exempt or visit.site.router_policy != STRICT:
            return match
        key = roster.key_in(url) if url else None
        if key is not None:
            active = self.routers.active(visit.first_party, match.vendor, key)
        else:
            active = self.routers.active_on(visit.first_party, match.vendor)
        return requiring(match, roster.needs(active))

    def notices(self, visit: Visit, match: Match, what: str) -> None:
        """Note the source that a URL or an inline script of a router names, and ask what is connected to it."""
        roster = self.routers.roster(visit.site, match.vendor)
        key = roster.key_in(what) if roster is not None and not match.exempt else None
        if key is not None:
            self._meets(visit, match.vendor, key)

    def needs(self, visit: Visit) -> dict[str, list[str]]:
        """What each router needs on a site whose policy is strict, JSON-ready."""
        if visit.site.router_policy != STRICT:
            return {}
        found: dict[str, list[str]] = {}
        for vendor in self.routers.routers:
            roster = self.routers.roster(visit.site, vendor)
            if roster is not None:
                found[vendor] = list(roster.needs(self.routers.active_on(visit.first_party, vendor)))
        return found

    def state(self, visit: Visit) -> dict[str, Any] | None:
        """What a page is told of routers; None where nothing is filtered. See browser.assets.page_state."""
        if visit.site.router_policy == BASE:
            return None
        own: dict[str, str] = {}
        for vendor in self.routers.routers:
            roster = self.routers.roster(visit.site, vendor)
            own |= roster.own if roster is not None else {}
        return {"categories": own, "active": self.routers.plain(visit.first_party), "needs": self.needs(visit)}

    def _meets(self, visit: Visit, vendor: str, key: str) -> None:
        self.routers.sees(visit.first_party, vendor, key)
        if not visit.site.ask_routers or self.routers.active(visit.first_party, vendor, key) is not None:
            return
        if visit.forward:
            # Nothing of this machine may reach a vendor that is refused.
            own = self._catalogue.vendors[vendor].category
            if decide(Match(vendor, "", "", (own,), own), visit.consent, visit.regime).blocks:
                return
        self.routers.ask(vendor, key)

    # Events

    def way(self, visit: Visit, match: Match | None, url: str, method: str) -> Way | None:
        """What a request is to a router, None where nothing is filtered."""
        return None if visit.site.router_policy == BASE else self.routers.way(match, url, method)

    def carries_events(self, visit: Visit, match: Match | None, url: str, method: str) -> bool:
        """Whether a request's body is to be judged: it carries events, or may."""
        way = self.way(visit, match, url, method) if method in _BODIES else None
        return way is not None and way.part == EVENTS

    def unfiltered(self, visit: Visit, match: Match, url: str, method: str) -> Verdict | None:
        """The verdict on what carries events where they cannot be filtered; None if that is not so."""
        way = self.way(visit, match, url, method)
        parts = split(url)
        in_query = way is not None and way.part == EVENTS and method in ("GET", "HEAD") and bool(parts and parts.query)
        if way is None or method == "OPTIONS" or not (way.part == DROP or in_query):
            return None
        filtering = self.routers.filter(visit.site, match.vendor, visit.consent, visit.regime)
        return None if filtering.allows_all else _unclear(match, "events in an address cannot be filtered")

    def events(
        self, visit: Visit, match: Match | None, url: str, method: str, *, encoding: str, body: bytes | None
    ) -> Judged:
        """Judge a request that may carry events, with its whole body (None: too long); see carries_events()."""
        way = self.way(visit, match, url, method)
        if way is None or way.part != EVENTS:
            return PASSES
        encodings = coding.codings(encoding)
        unpacked = unpack(body, encodings) if body is not None and encodings is not None else None
        if match is None:
            found = self._stranger(url, unpacked[0]) if unpacked else None
            if found is None:
                # It only looked so by its path.
                return PASSES
            match = found
        text = unpacked[0] if unpacked else None
        key = key_of(self.routers.routers[match.vendor], text) if text is not None else None
        if key is not None and way.stranger:
            # It may be of a look-alike, which the router need not hear of.
            self.routers.sees(visit.first_party, match.vendor, key)
        elif key is not None:
            self._meets(visit, match.vendor, key)
        active = self.routers.active(visit.first_party, match.vendor, key)
        verdict = self._decide(visit, match, active)
        filtering = self.routers.filter(visit.site, match.vendor, visit.consent, visit.regime)
        passed = filtering.event(text, active) if text is not None and not verdict.blocks else None
        if passed is None and not verdict.blocks and not filtering.allows_all:
            verdict = _unclear(match, "the body was not understood as events")
        if verdict.blocks or passed is None:
            held = verdict.blocks and visit.enforces
            done = ledger.ANSWERED if held else ledger.VIOLATION if verdict.blocks else ledger.PASSED
            self._record(visit, ledger.WIRE, done, verdict, url, kind=_KIND)
            return Judged(held=match) if held else PASSES
        for sent in passed.events[:_MOST_ROWS]:
            refused = sent.refused or (sent.kept is None and not filtering.allows_all)
            done = ledger.PASSED if not refused else ledger.FILTERED if visit.enforces else ledger.VIOLATION
            self._record(visit, ledger.WIRE, done, _told(verdict, sent), url, kind=_KIND)
            self._compare(visit, verdict, sent, url)
        if more := len(passed.events[_MOST_ROWS:]):
            self._record(visit, ledger.WIRE, ledger.FILTERED, _why(verdict, f"and {more} events more"), url, kind=_KIND)
        if not visit.enforces or passed.text == text or unpacked is None:
            return PASSES
        return Judged(body=pack(passed.text, unpacked[1]))

    def _compare(self, visit: Visit, verdict: Verdict, sent: Sent, url: str) -> None:
        """Record where an event told its router something else than the visitor chose."""
        vendor = verdict.vendor or ""
        choice = chosen(visit.consent, visit.regime, vendor)
        names = self.routers.routers[vendor].events.names
        for reason in preference_contradictions(vendor, sent.told, choice, names) if choice else ():
            self._record(visit, ledger.WIRE, ledger.MISMATCH, _why(verdict, reason), url, kind=_KIND)

    def reported(self, visit: Visit, row: Row, verdict: Verdict) -> Verdict:
        """The verdict on what a page reports of one of its events, in the words of ours."""
        event = row.event
        if event is None or self.routers.roster(visit.site, row.vendor) is None:
            return verdict
        filtering = self.routers.filter(visit.site, row.vendor, visit.consent, visit.regime)
        off = [(name, filtering.why(name)) for name in event.off] + [(name, BY_SITE) for name in event.site]
        return _told(verdict, Sent(event.kind, event.title, event.kept, tuple(off)))

    def _decide(self, visit: Visit, match: Match, active: frozenset[str] | None) -> Verdict:
        roster = self.routers.roster(visit.site, match.vendor)
        if roster is not None and visit.site.router_policy == STRICT:
            match = requiring(match, roster.needs(active))
        return decide(match, visit.consent, visit.regime, strict_labels=visit.site.strict_labels)

    def _stranger(self, url: str, text: str) -> Match | None:
        """The router whose events a body on another host is, by its shape."""
        parts = split(url)
        for name, router in self.routers.routers.items():
            if parts is not None and fits(router.events.shape, parts.path, text):
                own = self._catalogue.vendors[name].category
                return Match(name, "shape", "endpoint", (own,), own, "events, by their shape")
        return None

    # Settings

    def answers(self, visit: Visit, match: Match | None, url: str, method: str) -> bool:
        """Whether the answer to a request is to be read, or filtered: it says what is connected, or may."""
        way = self.way(visit, match, url, method) if method == "GET" else None
        return way is not None and way.part in (SETTINGS, LISTING)

    def body(
        self,
        visit: Visit,
        match: Match | None,
        url: str,
        encodings: tuple[str, ...] | None,
        on_trouble: Callable[[str], None],
    ) -> Gathered | Overheard | None:
        """What reads, and where needed filters, such an answer. `encodings` None: in a coding that is not known."""
        way = self.routers.way(match, url, "GET")
        if way is None:
            return None
        filtering = self.routers.filter(visit.site, way.vendor, visit.consent, visit.regime)
        if way.part == LISTING or not visit.enforces or filtering.allows_all:
            return Overheard(partial(self._overhears, visit, way, url), encodings or (), most=MOST_BYTES)
        if encodings is None and way.stranger:
            return None
        change = partial(self._changes, visit, way, url, filtering)
        # In a coding that is not known nothing can be read, so that nothing of it passes.
        most = MOST_BYTES if encodings is not None else 0
        return Gathered(change, encodings or (), on_trouble, most=most, lenient=way.stranger)

    def _overhears(self, visit: Visit, way: Way, url: str, data: bytes) -> None:
        router, text = self.routers.routers[way.vendor], _text(data)
        if text is None or not self._is_settings(way, url, text):
            return
        names = listed_in(router, text) if way.part == LISTING else connected_in(router, text)
        if names is not None:
            self._learns(visit, way, url, names)

    def _changes(self, visit: Visit, way: Way, url: str, filtering: Filter, data: bytes | None) -> bytes:
        text = _text(data) if data is not None else None
        if way.stranger and (text is None or not self._is_settings(way, url, text)):
            return data or b""
        found = filtering.settings(text) if text is not None else None
        match = Match(way.vendor, way.part, "settings", (self._catalogue.vendors[way.vendor].category,), "")
        if found is None:
            verdict = _unclear(match, "the settings were not understood")
            self._record(visit, ledger.WIRE, ledger.ANSWERED, verdict, url, kind=SETTINGS)
            return _NO_SETTINGS
        self._learns(visit, way, url, found.active)
        if not found.refused:
            return data or b""
        out = ", ".join(f"{name} ({filtering.why(name)})" for name in found.refused)
        verdict = decide(match, visit.consent, visit.regime)
        self._record(
            visit, ledger.WIRE, ledger.FILTERED, _why(verdict, f"settings → taken out: {out}"), url, kind=SETTINGS
        )
        return found.text.encode("utf-8")

    def _is_settings(self, way: Way, url: str, text: str) -> bool:
        parts = split(url)
        return not way.stranger or (
            parts is not None and fits(self.routers.routers[way.vendor].shape, parts.path, text)
        )

    def _learns(self, visit: Visit, way: Way, url: str, names: frozenset[str]) -> None:
        roster = self.routers.roster(visit.site, way.vendor)
        key = roster.key_in(url) if roster is not None else None
        if key is None:
            return
        # Whoever serves settings on a host of their own says nothing of what other sites use.
        place = visit.first_party if way.stranger else ""
        self.routers.learn(place, way.vendor, key, names, listing=way.part == LISTING)
        self.routers.sees(visit.first_party, way.vendor, key)


def _text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _unclear(match: Match, what: str) -> Verdict:
    reason = f"{what}, and not every destination of {match.vendor} is allowed"
    return Verdict(BLOCK, match.vendor, match.rule, match.categories, (), reason)


def _why(verdict: Verdict, reason: str) -> Verdict:
    return Verdict(verdict.action, verdict.vendor, verdict.rule, verdict.categories, verdict.missing, reason)


def _told(verdict: Verdict, sent: Sent) -> Verdict:
    return _why(verdict, sent.words())
