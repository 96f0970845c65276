"""The decision: what the catalogue says of a request, and what the visitor said, make a verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .catalogue.model import Match
from .consent.model import DNT_DENIES, NECESSARY, Consent, Regime

ALLOW = "allow"
BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Allow or block, and why. `categories` were required; `missing` are those of them not granted."""

    action: str
    vendor: str | None
    rule: str | None
    categories: tuple[str, ...]
    missing: tuple[str, ...]
    reason: str

    @property
    def blocks(self) -> bool:
        """Whether the request is to be held."""
        return self.action == BLOCK


UNCATALOGUED = Verdict(ALLOW, None, None, (), (), "no catalogued vendor is behind it")


def decide(match: Match | None, consent: Consent, regime: Regime, *, strict_labels: bool = False) -> Verdict:
    """The verdict on a match.

    Precedence: necessary and exempt pass; an explicit refusal of the vendor; then, for each category required,
    GPC where the regime binds it, an explicit choice for the vendor, the refusal of the vendor in this category, an
    explicit choice for the category, what a platform has set without being told or Do Not Track denies, and last what
    the regime makes of silence. What a platform has set may
    deny what the regime would allow, but is no consent: it grants nothing that the regime denies. With
    `strict_labels` the category that the domain is usually listed under is required as well.
    """
    if match is None:
        return UNCATALOGUED
    if match.exempt:
        return Verdict(ALLOW, match.vendor, match.rule, (), (), f"exempt: {match.exempt}")
    required = tuple(name for name in _required(match, strict_labels) if name != NECESSARY)
    if not required:
        return Verdict(ALLOW, match.vendor, match.rule, (NECESSARY,), (), f"{match.vendor} is necessary")
    exception = consent.vendors.get(match.vendor)
    if exception is False:
        return Verdict(
            BLOCK,
            match.vendor,
            match.rule,
            required,
            required,
            f"{match.vendor} itself is refused ({consent.read_from(match.vendor)})",
        )
    reasons: dict[str, str] = {}
    for category in required:
        reason = _missing(match.vendor, category, exception, consent, regime)
        if reason:
            reasons[category] = reason
    needs = " and ".join(required)
    if reasons:
        why = "; ".join(dict.fromkeys(reasons.values()))
        return Verdict(
            BLOCK, match.vendor, match.rule, required, tuple(reasons), f"{match.vendor} needs {needs}: {why}"
        )
    why = _granted(match.vendor, required, exception, consent, regime)
    return Verdict(ALLOW, match.vendor, match.rule, required, (), f"{match.vendor} needs {needs}: {why}")


def requiring(match: Match, categories: Iterable[str]) -> Match:
    """The match with further categories required: those of what a router forwards to, where its policy says so."""
    return replace(match, categories=tuple(dict.fromkeys((*match.categories, *categories))))


def _required(match: Match, strict_labels: bool) -> tuple[str, ...]:
    if strict_labels and match.label not in match.categories:
        return (*match.categories, match.label)
    return match.categories


def _missing(vendor: str, category: str, exception: bool | None, consent: Consent, regime: Regime) -> str:
    """Why a category is not granted, or '' if it is."""
    if consent.gpc and category in regime.gpc_denies:
        return f"Global Privacy Control denies {category} under {regime.regime}"
    if exception:
        return ""
    said = consent.categories.get(category)
    if said is False:
        return f"{category} is denied ({consent.read_from(category)})"
    if category in consent.refused.get(vendor, ()):
        return f"{vendor} itself is refused for {category} ({consent.read_from(vendor)})"
    if said:
        return ""
    implied = consent.implied.get(category)
    if not regime.unset.get(category, False):
        though = f", though the site's default grants it ({consent.signal})" if implied else ""
        return f"{category} is unset, which {regime.regime} counts as denied{though}"
    if implied is not False:
        return ""
    if consent.dnt and category in DNT_DENIES:
        return f"{category} is unset, and Do Not Track denies it"
    return f"{category} is unset, and the site's default denies it ({consent.signal})"


def _granted(vendor: str, required: tuple[str, ...], exception: bool | None, consent: Consent, regime: Regime) -> str:
    if exception:
        return f"the visitor allowed {vendor} itself ({consent.read_from(vendor)})"
    by_law = [name for name in required if name not in consent.categories]
    if by_law:
        return f"{' and '.join(by_law)} is unset, which {regime.regime} counts as granted"
    places = dict.fromkeys(consent.read_from(name) for name in required)
    return f"granted ({' and '.join(places)})"
