"""From what was noted of a state to what is told of it: vendors named, verdicts made, addresses redacted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..catalogue.domains import registrable_domain
from ..catalogue.index import BUNDLES
from ..catalogue.match import Catalogue
from ..catalogue.model import Match
from ..catalogue.urls import split
from ..consent.googlemode import consent_mode
from ..consent.model import NECESSARY, Consent, Regime
from ..inspect.script import look_at_script
from ..inspect.sighting import Spotter
from ..ledger.evidence import HELD, redact
from ..policy import UNCATALOGUED, Verdict, decide
from ..rewrite.headers import cookie_name, deletes
from ..watch import duration
from .drive import Snapshot, Walk, Written
from .model import (
    PHASES,
    CarriedSeen,
    ConsoleError,
    CookieSeen,
    PageMissed,
    RequestSeen,
    SignalSent,
    StateRun,
    StorageSeen,
)
from .overhear import Heard
from .signals import pairs, told

_PASSED = "passed"
_Thing = TypeVar("_Thing", CookieSeen, StorageSeen)


@dataclass(frozen=True, slots=True)
class Collected:
    """A state as it is told, and what else verdicts need to know.

    `vendors` are those that the site carries in this state, whether they ran or not, `held` those that were held in
    the page. `nothing_there` says that the page offers no way to make the choice; it may have been made by other means
    all the same; `needless` that there is nothing of this kind to choose. `clicks` is None where they were not counted.
    `unheard` is how much more there was than is kept.
    """

    run: StateRun
    vendors: frozenset[str]
    held: frozenset[str]
    nothing_there: bool
    needless: bool
    clicks: int | None
    platform: str
    unheard: int = 0


class Collector:
    """Tells states of one site, under one law."""

    def __init__(self, catalogue: Catalogue, regime: Regime, url: str) -> None:
        self._catalogue = catalogue
        self._regime = regime
        self._url = url
        self._site = registrable_domain(_host(url))
        # States mostly have the same scripts.
        self._looks: dict[tuple[str, int], tuple[CarriedSeen, ...]] = {}
        self._names: dict[str, str] | None = None

    def is_third_party(self, host: str) -> bool:
        """Whether a host is not the site's own."""
        return registrable_domain(host) != self._site

    def collect(self, walk: Walk) -> Collected:
        """What is told of a walk."""
        requests = tuple(self._request(walk, heard) for heard in walk.heard)
        consent = next((each.consent for each in reversed(walk.heard) if each.consent and self._is_page(each)), None)
        run = StateRun(
            state=walk.state.name,
            title=walk.state.title,
            expected=walk.state.expected(),
            how=walk.how,
            clicks=walk.clicks or 0,
            consent=consent.words() if consent else "",
            signal=consent.signal if consent else "",
            error=walk.error,
            started=walk.started,
            seconds=round(walk.ended - walk.started, 3),
            pages=tuple(redact(url) for url in walk.pages),
            requests=requests,
            cookies=self._cookies(walk),
            storage=self._storage(walk),
            signals=self._signals(walk),
            carried=self._in_scripts(walk, requests),
            console=tuple(
                ConsoleError(
                    self._since(walk, each.time), walk.phase_at(each.time), each.kind, each.text, redact(each.page)
                )
                for each in walk.said
            ),
            missed=tuple(PageMissed(self._since(walk, each.time), redact(each.url), each.why) for each in walk.missed),
            screenshots=tuple(replace(each, page=redact(each.page)) for each in walk.shots),
        )
        held = frozenset(str(row.vendor) for row in walk.noticed if row.vendor and row.outcome == HELD)
        return Collected(
            run=run,
            vendors=self._carried(walk, requests),
            held=held,
            nothing_there=walk.nothing_there,
            needless=walk.needless,
            clicks=None if walk.kept else walk.clicks,
            platform=walk.platform,
            unheard=walk.unheard,
        )

    def verdict(self, walk: Walk, phase: str, vendor: str, rule: str, categories: Sequence[str]) -> Verdict:
        """What the visitor's consent in a phase makes of something that needs these categories."""
        match = Match(vendor, rule, "", tuple(categories), "")
        return decide(match, walk.state.consent(phase), self._regime)

    def _request(self, walk: Walk, heard: Heard) -> RequestSeen:
        vendor, rule, categories = self._known(heard)
        phase = walk.phase_at(heard.time)
        verdict = self.verdict(walk, phase, vendor, rule, categories) if vendor and categories else UNCATALOGUED
        address = heard.url.partition("#")[0]
        by = walk.initiators.get(address, "")
        return RequestSeen(
            number=heard.number,
            time=self._since(walk, heard.time),
            phase=phase,
            method=heard.method,
            url=redact(heard.url),
            host=_host(heard.url),
            type=heard.type,
            page=redact(heard.url if heard.type == "document" else walk.page_at(heard.time, heard.referer)),
            initiator=redact(by if by != address else ""),
            vendor=vendor,
            rule=rule,
            categories=tuple(categories),
            verdict=verdict.action,
            outcome=HELD if heard.held else _PASSED,
            reason=verdict.reason if vendor else UNCATALOGUED.reason,
            status=heard.status,
        )

    def _known(self, heard: Heard) -> tuple[str, str, tuple[str, ...]]:
        """Vendor, rule and categories of a request; no categories where it is exempt, no vendor where nobody's."""
        named = [each for each in heard.evidence if each.vendor]
        if named:
            # Of an event to a router the body says more than the address.
            last = named[-1]
            categories = tuple(each for each in last.categories if each != NECESSARY)
            return str(last.vendor), last.rule or "", categories
        match = self._catalogue.match(heard.url, site=self._site)
        if match is None:
            return "", "", ()
        categories = () if match.exempt else tuple(each for each in match.categories if each != NECESSARY)
        return match.vendor, match.rule, categories

    def _cookies(self, walk: Walk) -> tuple[CookieSeen, ...]:
        set_by = _set_by_headers(walk.heard)
        found: dict[tuple[str, str, str], CookieSeen] = {}
        for snapshot in _in_order(walk.snapshots):
            for cookie in snapshot.cookies:
                name, domain, path = str(cookie["name"]), str(cookie["domain"]), str(cookie["path"])
                key = (name, domain, path)
                if key in found:
                    found[key] = _also_in(found[key], snapshot.phase)
                    continue
                host = domain.lstrip(".")
                match = self._catalogue.match_cookie(name, host=host)
                by, via = self._setter(walk, name, host, set_by)
                found[key] = CookieSeen(
                    name=name,
                    domain=domain,
                    path=path,
                    vendor=match.vendor if match else "",
                    categories=_asked(match),
                    set_by=redact(by),
                    via=via,
                    lifetime=_lifetime(cookie, walk.ended),
                    first=snapshot.phase,
                    phases=(snapshot.phase,),
                    http_only=bool(cookie.get("httpOnly")),
                    secure=bool(cookie.get("secure")),
                    same_site=str(cookie.get("sameSite", "")),
                )
        return tuple(found.values())

    def _setter(self, walk: Walk, name: str, host: str, set_by: Mapping[tuple[str, str], str]) -> tuple[str, str]:
        for each in walk.written:
            if each.kind == "cookie" and each.name == name:
                return each.script or each.frame, "script"
        by = set_by.get((name, registrable_domain(host)), "")
        return by, "header" if by else ""

    def _storage(self, walk: Walk) -> tuple[StorageSeen, ...]:
        found: dict[tuple[str, str, str], StorageSeen] = {}
        for snapshot in _in_order(walk.snapshots):
            for entry in snapshot.storage:
                if entry in found:
                    found[entry] = _also_in(found[entry], snapshot.phase)
                    continue
                at, area, key = entry
                vendor = self._keeper(area, key)
                found[entry] = StorageSeen(
                    origin=at,
                    area=area,
                    key=key,
                    vendor=vendor,
                    categories=(self._catalogue.vendors[vendor].category,) if vendor else (),
                    set_by=redact(_writer(walk.written, area, key)),
                    first=snapshot.phase,
                    phases=(snapshot.phase,),
                )
        return tuple(found.values())

    def _keeper(self, area: str, key: str) -> str:
        """The vendor that keeps a storage key, or ''."""
        for vendor in self._catalogue.vendors.values():
            for each in vendor.storage:
                if each.area == area and _fits(each.key, key) and vendor.category != NECESSARY:
                    return vendor.vendor
        return ""

    def _signals(self, walk: Walk) -> tuple[SignalSent, ...]:
        found = []
        for heard in walk.heard:
            vendor = self._known(heard)[0]
            if heard.held or not (vendor or self.is_third_party(_host(heard.url))):
                continue
            phase = walk.phase_at(heard.time)
            tells = bool(vendor) and self._catalogue.vendors[vendor].tells_consent
            found += [
                SignalSent(
                    self._since(walk, heard.time),
                    phase,
                    vendor,
                    redact(heard.url),
                    each.kind,
                    each.name,
                    each.value,
                    each.wrong,
                )
                for each in told(heard.url, walk.state.consent(phase), self._regime, tells_mode=tells)
            ]
        for row in walk.mismatches:
            # What an address says was compared above.
            if consent_mode(pairs(row.url)) is None:
                found.append(
                    SignalSent(
                        self._since(walk, row.time), walk.phase_at(row.time), row.vendor or "", redact(row.url),
                        "preferences", "", "", row.reason,
                    )
                )  # fmt: skip
        return tuple(found)

    def _carried(self, walk: Walk, requests: Iterable[RequestSeen]) -> frozenset[str]:
        """The vendors that ran, were held, or wait in a tag that something has made inert."""
        found = {each.vendor for each in requests if each.vendor and each.categories}
        found |= {str(row.vendor) for row in walk.noticed if row.vendor and row.categories}
        for address, code in walk.waiting:
            matches = [*self._catalogue.match_snippets(code)] if code else []
            if address and (match := self._catalogue.match(address, site=self._site)):
                matches.append(match)
            found |= {each.vendor for each in matches if not each.exempt and _asked(each)}
        return frozenset(found)

    def _in_scripts(self, walk: Walk, requests: Iterable[RequestSeen]) -> tuple[CarriedSeen, ...]:
        """What the state's scripts carry, and names on window that only a vendor has whose script nobody asked for."""
        found: dict[CarriedSeen, None] = {}
        for address, text in walk.scripts.items():
            for each in self._inspected(address, text):
                found[each] = None
        asked = {each.vendor for each in requests if each.type == "script"}
        owners = self._owners()
        for name in sorted(walk.globals & owners.keys()):
            if owners[name] not in asked:
                found[CarriedSeen(owners[name], "global", "", f"window.{name}")] = None
        return tuple(found)

    def _inspected(self, address: str, text: str) -> tuple[CarriedSeen, ...]:
        """What a script carries of vendors; a script of a vendor's own says nothing by carrying itself."""
        kept = self._looks.get((address, hash(text)))
        if kept is None:
            spotter = Spotter(self._catalogue, lambda match: decide(match, Consent(), self._regime), self._url)
            look_at_script(text, spotter)
            own = self._catalogue.match(address, site=self._site)
            container = own is not None and spotter.container
            kept = self._looks[address, hash(text)] = tuple(
                CarriedSeen(each.match.vendor, each.what, redact(address), str(each.place))
                for each in spotter.sightings
                if (own is None or container) and not each.match.exempt and each.what != "address"
            )
        return kept

    def _owners(self) -> dict[str, str]:
        """The vendor of each name on window that is one's alone."""
        if self._names is None:
            named: dict[str, set[str]] = {}
            for vendor in self._catalogue.having(BUNDLES):
                for name in vendor.globals:
                    named.setdefault(name, set()).add(vendor.vendor)
            self._names = {name: next(iter(vendors)) for name, vendors in named.items() if len(vendors) == 1}
        return self._names

    def _is_page(self, heard: Heard) -> bool:
        return heard.type == "document" and not self.is_third_party(_host(heard.url))

    def _since(self, walk: Walk, moment: float) -> float:
        return round(max(0.0, moment - walk.started), 3)


def _set_by_headers(heard: Iterable[Heard]) -> dict[tuple[str, str], str]:
    """Who set each cookie, by its name and the registrable domain that it was set on."""
    found: dict[tuple[str, str], str] = {}
    for each in heard:
        for field in each.cookies:
            if not deletes(field):
                found.setdefault((cookie_name(field), registrable_domain(_host(each.url))), each.url)
    return found


def _writer(written: Iterable[Written], area: str, key: str) -> str:
    return next((each.script or each.frame for each in written if each.kind == area and each.name == key), "")


def _in_order(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    return sorted(snapshots, key=lambda each: PHASES.index(each.phase))


def _also_in(seen: _Thing, phase: str) -> _Thing:
    """The same cookie or key, seen in a further phase."""
    return replace(seen, phases=tuple(dict.fromkeys((*seen.phases, phase))))


def _lifetime(cookie: Mapping[str, Any], now: float) -> str:
    expires = cookie.get("expires", -1)
    return duration(None if expires == -1 else max(0.0, expires - now))


def _asked(match: Match | None) -> tuple[str, ...]:
    return tuple(each for each in match.categories if each != NECESSARY) if match else ()


def _fits(pattern: str, key: str) -> bool:
    before, star, after = pattern.partition("*")
    if not star:
        return key == before
    return len(key) >= len(before) + len(after) and key.startswith(before) and key.endswith(after)


def _host(url: str) -> str:
    parts = split(url)
    return parts.host if parts else ""
