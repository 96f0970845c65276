"""Why a URL would be allowed or held: the same decision as on the wire, in words and as an object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    parts = split(site if site is None or "://" in site else f"https://{site}/") if site else None
    first_party = registrable_domain(parts.host) if parts else None
    match = catalogue.match(url, site=first_party, attributes=tuple(attributes))
    return Explanation(url, match, decide(match, consent, regime, strict_labels=strict_labels))


def consent_of(granted: str | None, gpc: bool, catalogue: Catalogue) -> Consent:
    """The consent that `--consent` says: granted categories and vendors, a '-' before what is refused.

    Naming any category decides on all: those not named are denied. Raises UsageError.
    """
    if granted is None:
        return Consent(gpc=gpc)
    categories: dict[str, bool] = {}
    vendors: dict[str, bool] = {}
    for word in filter(None, (each.strip() for each in granted.split(","))):
        name, allowed = word.removeprefix("-"), not word.startswith("-")
        if name in CATEGORIES:
            categories[name] = allowed
        elif name in catalogue.vendors:
            vendors[name] = allowed
        elif name not in (NECESSARY, "none", "all"):
            raise UsageError(f"'{name}' is neither a category ({', '.join(CATEGORIES)}, all, none) nor a vendor.")
        elif name == "all":
            categories |= dict.fromkeys(CATEGORIES, allowed)
    complete: Mapping[str, bool] = {name: categories.get(name, False) for name in CATEGORIES}
    return Consent(complete, vendors, gpc=gpc, signal="--consent", note="given on the command line")
