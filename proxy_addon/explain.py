"""Why a URL would be allowed or held: the same decision as on the wire, in words and as an object."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .catalogue.domains import registrable_domain
from .catalogue.match import Catalogue
from .catalogue.model import Match
from .catalogue.urls import split
from .config import UsageError
from .consent.model import CATEGORIES, NECESSARY, Consent, Regime
from .policy import Verdict, decide


@dataclass(frozen=True, slots=True)
class Explanation:
    """A URL's match and verdict."""

    url: str
    match: Match | None
    verdict: Verdict

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
) -> Explanation:
    """Decide on a URL. `site` is the host or URL of the page that asks. Raises UsageError for what is no URL."""
    if split(url) is None:
        raise UsageError(f"'{url}' is no web URL; write it whole, as in https://cdn.segment.com/analytics.js.")
    match = catalogue.match(url, site=_first_party(site) if site else None, attributes=tuple(attributes))
    return Explanation(url, match, decide(match, consent, regime, strict_labels=strict_labels))


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
