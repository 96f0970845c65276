"""What is going on in this run: sites, visitors, page loads and what vendors tried. In memory, and bounded.

The proxy tells it on its own thread, as a Sink of evidence and as a Watcher; the dashboard asks it on another. So
every method takes the lock, and keeps it for a few dictionary look-ups only.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from .. import ledger
from ..consent.model import Consent
from ..ledger import Evidence
from ..watch import Cookie, Who
from .words import browser_words

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

HELD, RAN, LEAKED, OTHER = "held", "ran", "leaked", "other"
KINDS = (HELD, RAN, LEAKED, OTHER)
_KIND = {
    ledger.HELD: HELD,
    ledger.ANSWERED: HELD,
    ledger.PASSED: RAN,
    ledger.RELEASED: RAN,
    ledger.FILTERED: RAN,
    ledger.LEAK: LEAKED,
    ledger.VIOLATION: LEAKED,
}
_MOST_SITES = 100
_MOST_PAGES = 200
_MOST_VISITORS = 500
_MOST_LOADS = 60
_MOST_MARKS = 600
_MOST_CHOICES = 40
_MOST_HOSTS = 500
_MOST_COOKIES = 1000
_MOST_PLACES = 5
_MOST_RECENT = 5000
# A viewer that has fallen so far behind is shown everything anew.
_MOST_WAITING = 1000
# Of what a stranger names no more than this is kept.
_LONGEST = 2000


def kind_of(outcome: str) -> str:
    """What an outcome counts as: held, ran, leaked, or other (trouble, and tags that were told something else)."""
    return _KIND.get(outcome, OTHER)


@dataclass(slots=True)
class Count:
    """How often a vendor was held, ran and leaked, and when it was seen first and last."""

    held: int = 0
    ran: int = 0
    leaked: int = 0
    other: int = 0
    first: float = 0.0
    last: float = 0.0
    # The sets of categories that its rows needed.
    needs: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, kind: str, evidence: Evidence) -> None:
        """Count one row."""
        setattr(self, kind, getattr(self, kind) + 1)
        time = evidence.time
        if not self.first or time < self.first:
            self.first = time
        self.last = max(self.last, time)
        if evidence.categories and len(self.needs) < 16:
            self.needs.add(evidence.categories)

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {name: getattr(self, name) for name in ("held", "ran", "leaked", "other", "first", "last")}


@dataclass(frozen=True, slots=True)
class Seen:
    """A row of evidence as it came by: `number` counts rows, `load` is the page load that it belongs to, or 0."""

    number: int
    kind: str
    load: int
    evidence: Evidence

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        evidence = self.evidence
        return {
            "number": self.number,
            "kind": self.kind,
            "load": self.load,
            "time": evidence.time,
            "outcome": evidence.outcome,
            "layer": evidence.layer,
            "vendor": evidence.vendor or "",
            "rule": evidence.rule or "",
            "categories": list(evidence.categories),
            "reason": evidence.reason,
            "url": evidence.url,
            "page": evidence.page,
            "type": evidence.type,
            "consent": evidence.consent,
            "signal": evidence.signal,
            "regime": evidence.regime,
            "site": evidence.site,
            "visitor": evidence.visitor,
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """A visitor's consent from some moment on."""

    time: float
    words: str
    signal: str
    decided: bool

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"time": self.time, "words": self.words, "signal": self.signal, "decided": self.decided}


@dataclass(slots=True)
class Load:
    """One page as it was loaded, and what came of it. Only so many rows are kept; `left_out` counts the rest."""

    number: int
    visitor: str
    site: str
    page: str
    started: float
    regime: str
    mode: str
    consent: str
    rows: list[Seen] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    left_out: int = 0

    def plain(self) -> dict[str, Any]:
        """JSON-ready, without its rows."""
        return {
            "number": self.number,
            "visitor": self.visitor,
            "site": self.site,
            "page": self.page,
            "started": self.started,
            "regime": self.regime,
            "mode": self.mode,
            "consent": self.consent,
            "choices": [each.plain() for each in self.choices],
            "left_out": self.left_out,
        }


@dataclass(slots=True)
class Visitor:
    """A visitor on one site, what it said, and what it said before."""

    who: Who
    consent: Consent
    first: float
    last: float
    page: str
    history: deque[Choice] = field(default_factory=lambda: deque(maxlen=_MOST_CHOICES))
    # Whether the dashboard lets it pass for a browser that sends Global Privacy Control.
    gpc: bool = False
    # Pages of it that listen for what the dashboard sets.
    pages: int = 0
    # Counts what is told of it, so that who hears of it in two ways knows what is newer.
    changes: int = 0
    # The number of the latest order that was sent to its pages, and of the latest that one of them carried out.
    ordered: int = 0
    done: int = 0

    def plain(self) -> dict[str, Any]:
        """JSON-ready; nothing of its address, and of its user agent a few words."""
        consent = self.consent
        return {
            "visitor": self.who.visitor,
            "site": self.who.site,
            "origin": self.who.origin,
            "browser": browser_words(self.who.client[1]),
            "regime": self.who.regime,
            "mode": self.who.mode,
            "forward": self.who.forward,
            "first": self.first,
            "last": self.last,
            "page": self.page,
            "pages": self.pages,
            "changes": self.changes,
            "pretends": self.gpc,
            "categories": dict(consent.categories),
            "vendors": dict(consent.vendors),
            "implied": dict(consent.implied),
            "gpc": consent.gpc,
            "signal": consent.signal,
            "note": consent.note,
            "words": consent.words(),
            "history": [each.plain() for each in self.history],
        }


@dataclass(slots=True)
class Host:
    """A host that nobody has catalogued, and who asked it for what."""

    host: str
    first: float
    last: float = 0.0
    times: int = 0
    kinds: set[str] = field(default_factory=set)
    pages: OrderedDict[str, None] = field(default_factory=OrderedDict)


@dataclass(slots=True)
class SeenCookie:
    """A cookie that was seen, and when."""

    cookie: Cookie
    first: float
    last: float


@dataclass(slots=True)
class Site:
    """All that was seen on one site."""

    site: str
    last: float = 0.0
    vendors: dict[str, Count] = field(default_factory=dict)
    pages: OrderedDict[str, dict[str, Count]] = field(default_factory=OrderedDict)
    hosts: OrderedDict[str, Host] = field(default_factory=OrderedDict)
    cookies: OrderedDict[tuple[str, str], SeenCookie] = field(default_factory=OrderedDict)
    forward: bool = False


class Subscription:
    """News for one viewer. `take` gives what came since the last time, or None if some of it was lost."""

    def __init__(self, wake: Callable[[], object]) -> None:
        """`wake` is called, on any thread, when there is news and none was waiting."""
        self._wake = wake
        self._news: list[tuple[str, dict[str, Any]]] = []
        self._lost = False

    def put(self, what: str, plain: dict[str, Any]) -> None:
        """Add to the news. Called under the scene's lock."""
        if len(self._news) >= _MOST_WAITING:
            self._news.clear()
            self._lost = True
        if self._lost:
            return
        self._news.append((what, plain))
        if len(self._news) == 1:
            self._wake()

    def _drain(self) -> list[tuple[str, dict[str, Any]]] | None:
        news, lost = self._news, self._lost
        self._news, self._lost = [], False
        return None if lost else news


class Scene:
    """See the module."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sites: OrderedDict[str, Site] = OrderedDict()
        self._visitors: OrderedDict[str, Visitor] = OrderedDict()
        self._loads: OrderedDict[int, Load] = OrderedDict()
        # The latest load of a visitor, and its latest of each page.
        self._latest: dict[tuple[str, str], int] = {}
        self._recent: deque[Seen] = deque(maxlen=_MOST_RECENT)
        self._viewers: list[Subscription] = []
        self._rows = 0
        self._number = 0
        # The last that was said of the ledger itself.
        self._ledger_said = ""

    # What the proxy tells

    def record(self, evidence: Evidence) -> None:
        """See ledger.Sink."""
        kind = kind_of(evidence.outcome)
        with self._lock:
            self._rows += 1
            if evidence.layer == ledger.LEDGER:
                self._ledger_said = evidence.reason
            load = self._load_of(evidence)
            seen = Seen(self._rows, kind, load.number if load else 0, evidence)
            self._recent.append(seen)
            if load is not None:
                if len(load.rows) < _MOST_MARKS:
                    load.rows.append(seen)
                else:
                    load.left_out += 1
            if evidence.vendor:
                site = self._site(evidence.site, evidence.time)
                page = _kept(site.pages, evidence.page[:_LONGEST], dict, _MOST_PAGES)
                for counts in (site.vendors, page):
                    count = counts.get(evidence.vendor)
                    if count is None:
                        count = counts[evidence.vendor] = Count()
                    count.add(kind, evidence)
            if self._viewers:
                self._tell("row", seen.plain())

    def page(self, who: Who, url: str, consent: Consent, time: float) -> None:
        """See Watcher."""
        with self._lock:
            self._number += 1
            url = url[:_LONGEST]
            load = Load(self._number, who.visitor, who.site, url, time, who.regime, who.mode, consent.words())
            self._loads[load.number] = load
            if len(self._loads) > _MOST_LOADS:
                self._forget(self._loads.popitem(last=False)[1])
            self._latest[who.visitor, ""] = self._latest[who.visitor, url] = load.number
            self._site(who.site, time).forward = who.forward
            visitor = self._visitor(who, consent, time)
            visitor.page = url
            if self._viewers:
                self._tell("load", load.plain())
            self._tell_visitor(visitor)

    def consent(self, who: Who, consent: Consent, time: float, order: int = 0) -> None:
        """See Watcher."""
        with self._lock:
            known = self._visitors.get(who.visitor)
            if known is not None and 0 < order < known.ordered:
                # The page has heard of a newer one meanwhile, and will say so.
                return
            before = known.consent.words() if known else None
            visitor = self._visitor(who, consent, time)
            if consent.words() != before:
                load = self._loads.get(self._latest.get((who.visitor, ""), 0))
                if load is not None and len(load.choices) < _MOST_CHOICES:
                    load.choices.append(_choice(consent, time))
                    self._tell("load", load.plain())
            self._tell_visitor(visitor)

    def done(self, visitor: str, order: int) -> None:
        """See Watcher."""
        with self._lock:
            known = self._visitors.get(visitor)
            if known is not None and known.done < order <= known.ordered:
                known.done = order

    def cookies(self, who: Who, seen: tuple[Cookie, ...], time: float) -> None:
        """See Watcher."""
        with self._lock:
            site = self._site(who.site, time)
            for each in seen:
                cookie = each if len(each.name) <= _LONGEST else replace(each, name=each.name[:_LONGEST])
                key = (cookie.name, cookie.host)
                found = _kept(site.cookies, key, partial(SeenCookie, cookie, time, time), _MOST_COOKIES)
                found.last = time
                if cookie.lifetime:
                    found.cookie = cookie

    def host(self, who: Who, host: str, page: str, kind: str, time: float) -> None:
        """See Watcher."""
        with self._lock:
            site = self._site(who.site, time)
            found = _kept(site.hosts, host[:253], lambda: Host(host[:253], time), _MOST_HOSTS)
            found.last, found.times = time, found.times + 1
            if len(found.kinds) < 10:
                found.kinds.add(kind[:32] or "empty")
            if page:
                found.pages[page[:_LONGEST]] = None
                if len(found.pages) > _MOST_PLACES:
                    found.pages.popitem(last=False)

    def counts(self, who: Who, page: str) -> dict[str, Any]:
        """See Watcher: {vendors: {id: {held, ran, leaked, …}}}."""
        with self._lock:
            number = self._latest.get((who.visitor, page)) or self._latest.get((who.visitor, ""), 0)
            load = self._loads.get(number)
            counts: dict[str, Count] = {}
            for seen in load.rows if load else ():
                if seen.evidence.vendor:
                    counts.setdefault(seen.evidence.vendor, Count()).add(seen.kind, seen.evidence)
            return {"vendors": {vendor: count.plain() for vendor, count in counts.items()}}

    def pretends(self, visitor: str, gpc: bool) -> None:
        """See Watcher."""
        with self._lock:
            if known := self._visitors.get(visitor):
                known.gpc = gpc
                self._tell_visitor(known)

    # What the dashboard asks

    def subscribe(self, wake: Callable[[], object]) -> Subscription:
        """A viewer from now on; `leave` ends it."""
        subscription = Subscription(wake)
        with self._lock:
            self._viewers.append(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Tell this viewer nothing more."""
        with self._lock:
            self._viewers.remove(subscription)

    def news(self, subscription: Subscription) -> list[tuple[str, dict[str, Any]]] | None:
        """What came since it was last asked, or None if some was lost: then show a new picture."""
        with self._lock:
            return subscription._drain()

    def picture(self, subscription: Subscription | None = None) -> dict[str, Any]:
        """Everything that the live pages begin with; later news of the subscription build upon it. JSON-ready."""
        with self._lock:
            if subscription is not None:
                subscription._drain()
            loads = list(self._loads.values())
            return {
                "rows": self._rows,
                "sites": {
                    site.site: {vendor: count.plain() for vendor, count in site.vendors.items()}
                    for site in self._sites.values()
                },
                "loads": [load.plain() for load in loads],
                # Timelines of older loads are asked for.
                "latest": [seen.plain() for load in loads[-1:] for seen in load.rows],
                "troubles": [seen.plain() for seen in self._troubles()],
                "visitors": [visitor.plain() for visitor in self._visitors.values()],
            }

    def load(self, number: int) -> tuple[dict[str, Any], list[Seen]] | None:
        """A page load and its rows, or None if it is not remembered."""
        with self._lock:
            load = self._loads.get(number)
            return (load.plain(), list(load.rows)) if load else None

    def rows(self, *, vendor: str = "", site: str = "", kind: str = "", before: int = 0, most: int = 100) -> list[Seen]:
        """The latest rows first; '' stands for any. `before` leaves out rows from this number on."""
        with self._lock:
            found = (
                seen
                for seen in reversed(self._recent)
                if (not vendor or seen.evidence.vendor == vendor)
                and (not site or seen.evidence.site == site)
                and (not kind or seen.kind == kind)
                and (not before or seen.number < before)
            )
            return list(islice(found, most))

    def oldest(self) -> Evidence | None:
        """The oldest row that is remembered, of those that have a number."""
        with self._lock:
            return next((seen.evidence for seen in self._recent if seen.evidence.number), None)

    def ledger_said(self) -> str:
        """The last that was said of the ledger itself, '' if nothing was."""
        with self._lock:
            return self._ledger_said

    def sites(self) -> list[str]:
        """The sites, the latest first."""
        with self._lock:
            return [site.site for site in reversed(self._sites.values())]

    def site(self, name: str) -> Site | None:
        """A copy of what is known of a site."""
        with self._lock:
            site = self._sites.get(name)
            if site is None:
                return None
            return Site(
                site.site,
                site.last,
                _copies(site.vendors),
                OrderedDict((page, _copies(vendors)) for page, vendors in site.pages.items()),
                OrderedDict(
                    (name, replace(host, kinds=set(host.kinds), pages=host.pages.copy()))
                    for name, host in site.hosts.items()
                ),
                OrderedDict((key, replace(cookie)) for key, cookie in site.cookies.items()),
                site.forward,
            )

    def visitor(self, name: str) -> tuple[Who, Consent] | None:
        """A visitor by its name in the evidence, and its consent."""
        with self._lock:
            visitor = self._visitors.get(name)
            return (visitor.who, visitor.consent) if visitor else None

    def owed(self, name: str) -> int:
        """The number of the order that was sent to a visitor's pages and that none has carried out, or 0."""
        with self._lock:
            visitor = self._visitors.get(name)
            return visitor.ordered if visitor is not None and visitor.done < visitor.ordered else 0

    def listening(self, name: str, pages: int) -> None:
        """Note how many pages of a visitor listen."""
        with self._lock:
            if visitor := self._visitors.get(name):
                visitor.pages = pages
                self._tell_visitor(visitor)

    def expect(self, name: str, consent: Consent, order: int) -> dict[str, Any] | None:
        """Take it for said until the visitor's pages say it themselves; the visitor as it is now, JSON-ready."""
        with self._lock:
            visitor = self._visitors.get(name)
            if visitor is None:
                return None
            visitor.consent, visitor.ordered = consent, order
            self._tell_visitor(visitor)
            return visitor.plain()

    # Within

    def _tell(self, what: str, plain: dict[str, Any]) -> None:
        for viewer in self._viewers:
            viewer.put(what, plain)

    def _tell_visitor(self, visitor: Visitor) -> None:
        visitor.changes += 1
        if self._viewers:
            self._tell("visitor", visitor.plain())

    def _site(self, name: str, time: float) -> Site:
        site = _kept(self._sites, name, lambda: Site(name), _MOST_SITES)
        site.last = time
        return site

    def _visitor(self, who: Who, consent: Consent, time: float) -> Visitor:
        known = self._visitors.get(who.visitor)
        if known is None:
            known = Visitor(who, consent, time, time, "")
            known.history.append(_choice(consent, time))
        elif known.consent is not consent and known.consent.words() != consent.words():
            known.history.append(_choice(consent, time))
        known.who, known.consent, known.last = who, consent, time
        self._visitors[who.visitor] = known
        self._visitors.move_to_end(who.visitor)
        if len(self._visitors) > _MOST_VISITORS:
            self._visitors.popitem(last=False)
        return known

    def _load_of(self, evidence: Evidence) -> Load | None:
        """The load that a row belongs to. A cross-origin Referer names only the site: then it is the latest."""
        visitor = evidence.visitor
        number = self._latest.get((visitor, evidence.page)) or self._latest.get((visitor, ""))
        load = self._loads.get(number) if number else None
        return load if load is not None and load.site == evidence.site else None

    def _forget(self, load: Load) -> None:
        for key in ((load.visitor, load.page), (load.visitor, "")):
            if self._latest.get(key) == load.number:
                del self._latest[key]

    def _troubles(self) -> Iterator[Seen]:
        return islice((seen for seen in reversed(self._recent) if seen.kind == OTHER), 50)


def _choice(consent: Consent, time: float) -> Choice:
    return Choice(time, consent.words(), consent.signal, consent.decided)


def _copies(counts: Mapping[str, Count]) -> dict[str, Count]:
    return {vendor: replace(count, needs=set(count.needs)) for vendor, count in counts.items()}


def _kept(known: OrderedDict[_Key, _Value], key: _Key, make: Callable[[], _Value], most: int) -> _Value:
    """The value under a key, made if it is not there; the least recently used go when there are too many."""
    found = known.get(key)
    if found is None:
        found = known[key] = make()
        if len(known) > most:
            known.popitem(last=False)
    else:
        known.move_to_end(key)
    return found
