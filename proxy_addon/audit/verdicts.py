"""From what was seen in every state to findings, the matrix of vendors, and the hosts in nobody's file. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ..catalogue.model import Match, Vendor
from ..consent.model import Consent, Regime
from ..policy import decide
from . import model
from .collect import Collected
from .laws import law
from .model import (
    AFTER,
    BEFORE,
    WITHDRAWN,
    Cell,
    Clicks,
    CookieSeen,
    Finding,
    HostSeen,
    RequestSeen,
    SignalSent,
    StateRun,
    StorageSeen,
    VendorRow,
)
from .states import ACCEPT, REJECT, WITHDRAW, State

_Row = TypeVar("_Row")
# So many sentences of evidence are told of one finding.
_MOST = 5
# In keys: what happens before any choice is one thing, whichever state it was seen in.
_BEFORE = "before-choice"


@dataclass(frozen=True, slots=True)
class Seen:
    """A state, and what was collected in it."""

    state: State
    collected: Collected

    @property
    def run(self) -> StateRun:
        """What is told of it."""
        return self.collected.run


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges one site's states under one law. `third_party` says whether a host is not the site's own."""

    vendors: Mapping[str, Vendor]
    regime: Regime
    third_party: Callable[[str], bool]

    def findings(self, seen: Sequence[Seen]) -> tuple[Finding, ...]:
        """All findings, violations first, each once."""
        found: dict[str, Finding] = {}
        for each in (
            *self._ran(seen),
            *self._set(seen),
            *self._kept(seen),
            *self._signals(seen),
            *self._harder(seen),
            *self._ignored_gpc(seen),
            *self._broken(seen),
            *self._never_ran(seen),
            *self._unreached(seen),
            *self._unopened(seen),
            *self._uncatalogued(seen),
        ):
            found.setdefault(each.key, each)
        return tuple(sorted(found.values(), key=lambda each: each.severity != model.VIOLATION))

    def clicks(self, seen: Sequence[Seen]) -> Clicks:
        """How many clicks accepting and refusing took."""
        return Clicks(_clicks(_of(seen, "accept")), _clicks(_of(seen, "reject")))

    def matrix(self, seen: Sequence[Seen]) -> tuple[VendorRow, ...]:
        """A row for each vendor that the site carries, a cell for each state."""
        carried = sorted(frozenset[str]().union(*(each.collected.vendors for each in seen)))
        return tuple(
            VendorRow(
                vendor=name,
                name=self.vendors[name].name,
                category=self.vendors[name].category,
                categories=_needed(name, seen) or (self.vendors[name].category,),
                cells={each.state.name: self._cell(name, each) for each in seen},
            )
            for name in carried
        )

    def hosts(self, seen: Sequence[Seen]) -> tuple[HostSeen, ...]:
        """The third parties that are in nobody's file."""
        requests: dict[str, list[tuple[str, RequestSeen]]] = {}
        for each in seen:
            for request in each.run.requests:
                if not request.vendor and request.host and self.third_party(request.host):
                    requests.setdefault(request.host, []).append((each.state.name, request))
        return tuple(
            HostSeen(
                host,
                len(rows),
                tuple(sorted({request.type for _, request in rows})),
                tuple(dict.fromkeys(state for state, _ in rows)),
            )
            for host, rows in sorted(requests.items())
        )

    # Violations

    def _ran(self, seen: Sequence[Seen]) -> Iterator[Finding]:
        for each in seen:
            for vendor, phase, rows in _grouped(
                (request.vendor, request.phase, request) for request in each.run.requests if _violates(request)
            ):
                kind = model.RAN if phase != WITHDRAWN else model.AFTER_WITHDRAWAL
                if phase == BEFORE and each.state.gpc and self._allows(rows[0]):
                    kind = model.GPC
                yield self._finding(
                    kind,
                    each,
                    vendor,
                    phase,
                    f"{self._name(vendor)} ran {_when(each.state, phase)}",
                    categories=self._missing(each.state, phase, rows[0].categories),
                    evidence=[_request_words(row) for row in rows],
                    page=rows[0].page,
                )

    def _set(self, seen: Sequence[Seen]) -> Iterator[Finding]:
        for each in seen:
            for kind, things, word in (
                (model.COOKIE, each.run.cookies, "set a cookie"),
                (model.STORAGE, each.run.storage, "kept something in the browser"),
            ):
                rows: Iterable[tuple[str, str, CookieSeen | StorageSeen]] = (
                    (thing.vendor, thing.first, thing)
                    for thing in things
                    if self._missing(each.state, thing.first, thing.categories, thing.vendor)
                )
                for vendor, phase, grouped in _grouped(rows):
                    yield self._finding(
                        kind,
                        each,
                        vendor,
                        phase,
                        f"{self._name(vendor)} {word} {_when(each.state, phase)}",
                        categories=self._missing(each.state, phase, grouped[0].categories, vendor),
                        evidence=[_thing_words(thing) for thing in grouped],
                    )

    def _kept(self, seen: Sequence[Seen]) -> Iterator[Finding]:
        for each in seen:
            if each.state.choice != WITHDRAW or each.run.error:
                continue
            things: list[CookieSeen | StorageSeen] = [*each.run.cookies, *each.run.storage]
            rows = (
                (thing.vendor, WITHDRAWN, thing)
                for thing in things
                if WITHDRAWN in thing.phases
                and thing.first != WITHDRAWN
                and self._missing(each.state, WITHDRAWN, thing.categories, thing.vendor)
            )
            for vendor, phase, grouped in _grouped(rows):
                yield self._finding(
                    model.KEPT,
                    each,
                    vendor,
                    phase,
                    f"What {self._name(vendor)} keeps in the browser stayed after consent was withdrawn",
                    categories=self._missing(each.state, phase, grouped[0].categories, vendor),
                    evidence=[_thing_words(thing) for thing in grouped],
                )

    def _signals(self, seen: Sequence[Seen]) -> Iterator[Finding]:
        for each in seen:
            for vendor, phase, rows in _grouped(
                (signal.vendor, signal.phase, signal) for signal in each.run.signals if signal.wrong
            ):
                yield self._finding(
                    model.WRONG_SIGNAL,
                    each,
                    vendor,
                    phase,
                    f"{self._name(vendor) or 'A third party'} was told of a consent that nobody gave "
                    f"{_when(each.state, phase)}",
                    categories=(),
                    evidence=[f"{row.wrong} ({_signal_words(row)})" for row in rows],
                )

    def _harder(self, seen: Sequence[Seen]) -> Iterator[Finding]:
        accept, reject = _of(seen, "accept"), _of(seen, "reject")
        taken = self.clicks(seen)
        if accept is None or reject is None or taken.accept is None:
            return
        if reject.collected.nothing_there:
            title, evidence = "The banner offers no way to refuse", f"Accepting takes {_count(taken.accept, 'click')}"
        elif taken.reject is not None and taken.reject > taken.accept:
            title = f"Refusing takes {_count(taken.reject, 'click')}, accepting {taken.accept}"
            evidence = title
        else:
            return
        yield self._finding(model.HARDER, reject, "", AFTER, title, categories=(), evidence=[evidence])

    # Warnings, in part

    def _ignored_gpc(self, seen: Sequence[Seen]) -> Iterator[Finding]:
        """Where the law does not bind Global Privacy Control, to run all the same is worth a look."""
        for each in seen:
            if not each.state.gpc or self.regime.gpc_denies:
                continue
            for vendor, phase, rows in _grouped(
                (request.vendor, request.phase, request)
                for request in each.run.requests
                if request.outcome == "passed" and request.verdict == "allow" and "marketing" in request.categories
            ):
                yield self._finding(
                    model.GPC,
                    each,
                    vendor,
                    phase,
                    f"{self._name(vendor)} ran though the browser sent Global Privacy Control",
                    categories=("marketing",),
                    evidence=[_request_words(row) for row in rows],
                    page=rows[0].page,
                    severity=model.WARNING,
                    unlawful=False,
                )

    def _broken(self, seen: Sequence[Seen]) -> Iterator[Finding]:
        """Errors that a page throws unless everything is granted."""
        accept = _of(seen, "accept")
        usual = {each.text for each in accept.run.console if each.phase == AFTER} if accept else set[str]()
        thrown: dict[str, list[Seen]] = {}
        for each in seen:
            for error in each.run.console:
                if error.kind == "exception" and error.text not in usual:
                    thrown.setdefault(error.text, []).append(each)
        for text, where in thrown.items():
            states = list(dict.fromkeys(each.state.name for each in where))
            finding = self._finding(
                model.BROKEN,
                where[0],
                "",
                AFTER,
                "The page breaks without consent",
                categories=(),
                evidence=[text, _states(states)],
                severity=model.WARNING,
                unlawful=False,
            )
            yield replace(finding, key=f"{model.BROKEN} {text[:120]}")

    def _never_ran(self, seen: Sequence[Seen]) -> Iterator[Finding]:
        accept = _of(seen, "accept")
        if accept is None or accept.run.error:
            return
        ran = {request.vendor for request in accept.run.requests if request.outcome == "passed"}
        carried = frozenset[str]().union(*(each.collected.vendors for each in seen))
        for vendor in sorted(carried - ran):
            yield self._finding(
                model.NEVER_RAN,
                accept,
                vendor,
                AFTER,
                f"{self._name(vendor)} never ran, though everything was accepted",
                categories=(self.vendors[vendor].category,),
                evidence=["The site carries it, and made no request to it in this state"],
                severity=model.WARNING,
                unlawful=False,
            )

    def _unreached(self, seen: Sequence[Seen]) -> Iterator[Finding]:
        why: dict[str, list[Seen]] = {}
        for each in seen:
            # That there is no way to refuse is told as a violation where there is one to accept.
            told = each.state.choice == REJECT and any(True for _ in self._harder(seen))
            if each.run.error and not told and not each.collected.needless:
                why.setdefault(each.run.error, []).append(each)
        for error, where in why.items():
            states = [each.state.name for each in where]
            binding = any(each.collected.nothing_there and each.state.choice == WITHDRAW for each in where)
            finding = self._finding(
                model.UNREACHED,
                where[0],
                "",
                AFTER,
                f"{_count(len(states), 'state')} could not be reached: {', '.join(states)}",
                categories=(),
                evidence=[error],
                severity=model.WARNING,
                unlawful=binding,
            )
            yield replace(finding, key=f"{model.UNREACHED} {' '.join(states)}")

    def _unopened(self, seen: Sequence[Seen]) -> Iterator[Finding]:
        why: dict[str, list[tuple[str, Seen]]] = {}
        for each in seen:
            for missed in each.run.missed:
                why.setdefault(missed.page, []).append((missed.why, each))
        for page, where in why.items():
            finding = self._finding(
                model.UNOPENED,
                where[0][1],
                "",
                BEFORE,
                f"{page} could not be opened, and was not judged",
                categories=(),
                evidence=[
                    *dict.fromkeys(said for said, _ in where),
                    _states(dict.fromkeys(each.state.name for _, each in where)),
                ],
                page=page,
                severity=model.WARNING,
                unlawful=False,
            )
            yield replace(finding, key=f"{model.UNOPENED} {page}")

    def _uncatalogued(self, seen: Sequence[Seen]) -> Iterator[Finding]:
        for host in self.hosts(seen):
            first = next(each for each in seen if each.state.name == host.states[0])
            finding = self._finding(
                model.UNCATALOGUED,
                first,
                "",
                BEFORE,
                f"{host.host} is a third party in nobody's file",
                categories=(),
                evidence=[f"{_count(host.requests, 'request')} ({', '.join(host.types)})", _states(host.states)],
                severity=model.WARNING,
                unlawful=False,
            )
            yield replace(finding, key=f"{model.UNCATALOGUED} {host.host}")

    # What all have in common

    def _finding(
        self,
        kind: str,
        seen: Seen,
        vendor: str,
        phase: str,
        title: str,
        *,
        categories: Sequence[str],
        evidence: Sequence[str],
        page: str = "",
        severity: str = model.VIOLATION,
        unlawful: bool = True,
    ) -> Finding:
        scope = _BEFORE if phase == BEFORE and kind != model.GPC else seen.state.name
        more = len(evidence) - _MOST
        return Finding(
            key=" ".join(filter(None, (kind, vendor, scope))),
            kind=kind,
            severity=severity,
            title=title,
            page=page or next(iter(seen.run.pages), ""),
            state=seen.state.name,
            vendor=vendor,
            category=" ".join(categories),
            evidence=(*evidence[:_MOST], *([f"and {more} more"] if more > 0 else [])),
            law=law(kind, self.regime) if unlawful else "",
            remedy=_REMEDIES[kind],
        )

    def _cell(self, vendor: str, seen: Seen) -> Cell:
        rows = [
            each
            for each in seen.run.requests
            if each.vendor == vendor and each.categories and each.phase == seen.state.last
        ]
        passed = [each for each in rows if each.outcome == "passed"]
        violations = sum(map(_violates, passed))
        what = model.CELL_SILENT
        if violations:
            what = model.CELL_VIOLATION
        elif seen.run.error:
            what = model.CELL_UNKNOWN
        elif passed:
            what = model.CELL_RAN
        elif len(rows) > len(passed) or vendor in seen.collected.held:
            what = model.CELL_HELD
        elif not self._missing(seen.state, seen.state.last, (self.vendors[vendor].category,), vendor):
            what = model.CELL_MISSING
        return Cell(what, len(passed), violations)

    def _missing(self, state: State, phase: str, categories: Sequence[str], vendor: str = "") -> tuple[str, ...]:
        """The categories of these that the visitor's consent in a phase does not grant."""
        if not categories:
            return ()
        match = Match(vendor, "", "", tuple(categories), categories[0])
        return decide(match, state.consent(phase), self.regime).missing

    def _allows(self, request: RequestSeen) -> bool:
        """Whether a request would be allowed to a visitor who says nothing, without Global Privacy Control."""
        match = Match(request.vendor, request.rule, "", request.categories, request.categories[0])
        return not decide(match, Consent(), self.regime).blocks

    def _name(self, vendor: str) -> str:
        return self.vendors[vendor].name if vendor in self.vendors else vendor


_REMEDIES = {
    model.RAN: "Let the tag wait until its category is granted: name it in the consent platform, and take out any copy "
    "of it that stands in the page itself or in a tag manager.",
    model.COOKIE: "Set the cookie only once its category is granted; one that the server sets has to look at the "
    "visitor's choice there.",
    model.STORAGE: "Write it only once its category is granted.",
    model.KEPT: "Delete it when consent is withdrawn, at the domain and path that it was set for.",
    model.AFTER_WITHDRAWAL: "Stop the tag when consent is withdrawn, or load the page anew then, and keep it from "
    "starting on later pages.",
    model.WRONG_SIGNAL: "Set the consent defaults to denied before the tag loads, and update them by what the visitor "
    "chose.",
    model.HARDER: "Put a button that refuses everything beside the one that accepts everything, as easy to find.",
    model.GPC: "Read Sec-GPC or navigator.globalPrivacyControl, and keep marketing silent where it is 1.",
    model.UNCATALOGUED: "Find out whose it is and what it does; if it tracks, describe it in a folder of rules "
    "(--rules).",
    model.NEVER_RAN: "See whether it is still wanted; if so, why the platform does not start it.",
    model.BROKEN: "Let the page's own code check that a tag's function is there before calling it, or define a stub.",
    model.UNREACHED: "Describe how a visitor makes this choice in a steps file (--steps), or name the platform "
    "(--platform); offer the choice if the site has no way to make it.",
    model.UNOPENED: "Repair the link or the page, or leave it out of what is audited.",
}


def _grouped(rows: Iterable[tuple[str, str, _Row]]) -> Iterator[tuple[str, str, list[_Row]]]:
    """Rows by vendor and phase."""
    groups: dict[tuple[str, str], list[_Row]] = {}
    for vendor, phase, row in rows:
        groups.setdefault((vendor, phase), []).append(row)
    for (vendor, phase), grouped in groups.items():
        yield vendor, phase, grouped


def _violates(request: RequestSeen) -> bool:
    return request.outcome == "passed" and request.verdict == "block"


def _of(seen: Iterable[Seen], name: str) -> Seen | None:
    return next((each for each in seen if each.state.name == name), None)


def _clicks(seen: Seen | None) -> int | None:
    return seen.collected.clicks if seen is not None else None


def _needed(vendor: str, seen: Iterable[Seen]) -> tuple[str, ...]:
    found = (request.categories for each in seen for request in each.run.requests if request.vendor == vendor)
    return tuple(dict.fromkeys(name for categories in found for name in categories))


def _when(state: State, phase: str) -> str:
    if phase == BEFORE:
        return "though the browser sent Global Privacy Control" if state.gpc else "before any choice was made"
    if phase == WITHDRAWN:
        return "after consent was withdrawn"
    if state.returning:
        return "on a later visit, though everything was refused"
    if state.choice == REJECT:
        return "though everything was refused"
    if state.choice in (ACCEPT, WITHDRAW):
        return "though it was not accepted"
    return f"though only {' and '.join(sorted(state.granted))} was allowed"


def _request_words(request: RequestSeen) -> str:
    by = f", asked for by {request.initiator}" if request.initiator else ""
    return f"{request.method} {request.url} ({request.type}) {request.time:.1f} s into the visit{by}: {request.reason}"


def _thing_words(thing: CookieSeen | StorageSeen) -> str:
    by = f", set by {thing.set_by}" if thing.set_by else ""
    if isinstance(thing, CookieSeen):
        return f"Cookie {thing.name} on {thing.domain}, kept for: {thing.lifetime}{by}"
    return f"Key {thing.key} in {thing.area} storage of {thing.origin}{by}"


def _signal_words(signal: SignalSent) -> str:
    return f"{signal.name}={signal.value} in {signal.url}" if signal.name else signal.url


def _states(names: Iterable[str]) -> str:
    return f"In the states: {', '.join(names)}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
