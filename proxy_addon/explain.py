"""Why a URL would be allowed or held: the same decision as on the wire, in words and as an object."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from .catalogue.domains import registrable_domain
from .catalogue.index import PAYLOADS
from .catalogue.match import Catalogue
from .catalogue.model import Match, Router
from .catalogue.payloads import Payloads
from .catalogue.urls import split
from .config import BASE, FILTER, STRICT, UsageError
from .consent.model import CATEGORIES, NECESSARY, Consent, Regime
from .lists.filters import Filters
from .policy import BLOCK, Verdict, decide, requiring
from .rewrite.destinations import Filter, Roster, connected_in, listed_in
from .routers import Fetch


@dataclass(frozen=True, slots=True)
class Reached:
    """One destination of a router, and whether it may be reached. `category` is None where every one is needed."""

    name: str
    category: str | None
    vendor: str | None
    listed: bool
    verdict: str
    reason: str

    def plain(self) -> dict[str, Any]:
        """The destination as a JSON-ready mapping."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Routed:
    """What becomes of a router's destinations, None where these are not known: `will` says it in words."""

    policy: str
    destinations: tuple[Reached, ...] | None
    will: str

    def plain(self) -> dict[str, Any]:
        """What a router's explanation has more than another vendor's, JSON-ready."""
        known = None if self.destinations is None else [each.plain() for each in self.destinations]
        return {"router_policy": self.policy, "destinations": known, "will": self.will}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A URL's match and verdict, and for a router's what becomes of its destinations."""

    url: str
    match: Match | None
    verdict: Verdict
    routed: Routed | None = None

    def plain(self) -> dict[str, Any]:
        """The explanation as a JSON-ready mapping."""
        match, verdict = self.match, self.verdict
        return {
            "url": self.url,
            "verdict": verdict.action,
            "vendor": verdict.vendor,
            "categories": list(verdict.categories),
            "missing": list(verdict.missing),
            "rule": verdict.rule,
            "kind": match.kind if match else None,
            "label": match.label if match else None,
            "what": match.what if match else "",
            "reason": verdict.reason,
            **(self.routed.plain() if self.routed else {}),
        }


def explain(
    catalogue: Catalogue,
    url: str,
    consent: Consent,
    regime: Regime,
    *,
    site: str | None = None,
    attributes: Iterable[str] = (),
    strict_labels: bool = False,
    policy: str = FILTER,
    active: Collection[str] | None = None,
    filters: Filters | None = None,
    kind: str | None = None,
    payloads: Payloads | None = None,
) -> Explanation:
    """Decide on a URL. `site` is the host or URL of the page that asks. Raises UsageError for what is no URL.

    For a router `policy` says what it needs, and `active` are the destinations that are connected, if that is known.
    `filters` are those of lists, which may depend on the `kind` of request, in words of Sec-Fetch-Dest.
    `payloads` are the catalogue's, for who asks of many addresses.
    """
    if split(url) is None:
        raise UsageError(f"'{url}' is no web URL; write it whole, as in https://cdn.segment.com/analytics.js.")
    match = catalogue.match(url, site=_first_party(site) if site else None, attributes=tuple(attributes))
    if match is None:
        match = (payloads or Payloads(catalogue.having(PAYLOADS))).match(url)
    if match is None and filters is not None:
        match = filters.match(url, page=f"https://{_first_party(site)}/" if site else "", kind=kind or "")
    roster = _roster(catalogue, match)
    asked = match
    if match is not None and roster is not None and policy == STRICT:
        asked = requiring(match, roster.needs(active))
    verdict = decide(asked, consent, regime, strict_labels=strict_labels)
    routed = _routed(Filter(roster, consent, regime), roster, verdict, policy, active) if roster is not None else None
    return Explanation(url, match, verdict, routed)


def connected(catalogue: Catalogue, url: str, text: str) -> frozenset[str] | None:
    """The destinations in the text of settings, or of a listing, of the router behind a URL; None if there is none.

    Raises UsageError if the text is neither.
    """
    roster = _roster(catalogue, catalogue.match(url))
    if roster is None:
        return None
    names = _connected(roster.router, text)
    if names is None:
        raise UsageError(f"These are no settings of {roster.vendor}: they list destinations nowhere.")
    return names


def _connected(router: Router, text: str) -> frozenset[str] | None:
    found = connected_in(router, text)
    return listed_in(router, text) if found is None else found


def ask(catalogue: Catalogue, url: str, fetch: Fetch) -> frozenset[str] | None:
    """The destinations that a router says are connected to the source that a URL names; None if it says nothing."""
    roster = _roster(catalogue, catalogue.match(url))
    key = roster.key_in(url) if roster is not None else None
    if roster is None or key is None:
        return None
    texts = (fetch(address.replace("{key}", key)) for address in roster.router.ask)
    known = [names for text in texts if text is not None and (names := _connected(roster.router, text)) is not None]
    return frozenset().union(*known) if known else None


def _roster(catalogue: Catalogue, match: Match | None) -> Roster | None:
    router = catalogue.vendors[match.vendor].router if match is not None and not match.exempt else None
    if match is None or router is None:
        return None
    return Roster(match.vendor, router, catalogue.destinations.get(match.vendor, {}).values(), {})


def _routed(filtering: Filter, roster: Roster, verdict: Verdict, policy: str, active: Collection[str] | None) -> Routed:
    reached: list[Reached] = []
    for name in sorted(active or ()):
        known = roster.find(name)
        decided = filtering.verdict(name)
        category = known.categories[0] if known.listed else None
        reached.append(Reached(name, category, known.vendor, known.listed, decided.action, filtering.why(name)))
    out = [each.name for each in reached if each.verdict == BLOCK]
    if verdict.blocks:
        will = "it is held, and nothing reaches any destination"
    elif policy == BASE:
        will = "it runs, and nothing is taken out"
    elif filtering.allows_all or (active is not None and not out):
        will = "it runs, and reaches all of its destinations"
    elif active is None:
        will = "it runs, and reaches only destinations that are allowed; which are connected is not known"
    else:
        will = f"it runs, and does not reach: {', '.join(out)}"
    return Routed(policy, None if active is None else tuple(reached), will)


def consent_of(granted: str | None, gpc: bool, catalogue: Catalogue) -> Consent:
    """The consent that `--consent` says: granted categories and vendors, a '-' before what is refused.

    Naming any category decides on all: those not named are denied. Named twice, the refusal counts. Raises UsageError.
    """
    if granted is None:
        return Consent(gpc=gpc)
    groups = {name: (name,) for name in CATEGORIES} | {"all": CATEGORIES, "none": (), NECESSARY: ()}
    categories: dict[str, bool] = {}
    vendors: dict[str, bool] = {}
    decided = False
    for word in filter(None, (each.strip() for each in granted.split(","))):
        name, allowed = word.removeprefix("-"), not word.startswith("-")
        if name in catalogue.vendors:
            vendors[name] = vendors.get(name, True) and allowed
        elif name in groups:
            categories |= {each: categories.get(each, True) and allowed for each in groups[name]}
            decided = True
        else:
            raise UsageError(f"'{name}' is neither a category ({', '.join(CATEGORIES)}, all, none) nor a vendor.")
    if decided or not vendors:
        categories = {name: categories.get(name, False) for name in CATEGORIES}
    return Consent(categories, vendors, gpc=gpc, signal="--consent", note="given on the command line")


def _first_party(site: str) -> str:
    parts = split(site if "://" in site else f"https://{site}/")
    if parts is None:
        raise UsageError(f"'{site}' is no site; write its host, as in www.example.com.")
    return registrable_domain(parts.host)
