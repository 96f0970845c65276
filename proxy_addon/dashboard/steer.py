"""Steering: what the dashboard's switches make of a visitor's consent, and what its open pages are told to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..browser.assets import consent_state
from ..consent.cookie import COOKIE, format_cookie
from ..consent.model import CATEGORIES, Consent
from ..consent.signals import with_dnt

# Presets by name: the categories that they grant, all others being denied.
_GRANTS: Mapping[str, tuple[str, ...]] = {
    "accept": CATEGORIES,
    "reject": (),
    **{f"only-{name}": (name,) for name in CATEGORIES},
}
NOTHING, SITE, GPC_ON, GPC_OFF = "nothing", "site", "gpc-on", "gpc-off"
PRESETS = (NOTHING, "reject", "accept", *(f"only-{name}" for name in CATEGORIES), SITE, GPC_ON, GPC_OFF)


class OrderError(Exception):
    """What was asked for makes no sense; the message says what would."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a visitor's pages are to do.

    `consent` is what counts from now on. With `forget` every choice that the page can reach is taken back, with
    `restore` only ours, so that the site's own counts again. `gpc` is None where it stays as it is.
    """

    consent: Consent
    forget: bool = False
    restore: bool = False
    gpc: bool | None = None

    def message(self, number: int) -> dict[str, Any]:
        """As live.js takes it, JSON-ready; pages name the number when they say what they have done."""
        # What a browser sends by itself is no choice that a cookie keeps.
        kept = self.consent.decided and self.gpc is None
        return {
            "cookie": format_cookie(self.consent) if kept else "",
            "consent": {**consent_state(self.consent), "order": number},
            "forget": self.forget,
            "restore": self.restore,
        }


def order(plain: Mapping[str, Any], consent: Consent, vendors: Collection[str]) -> Order:
    """What a switch that was flipped asks for, of a visitor with this consent. Raises OrderError.

    `plain` is {preset} or {category, value} or {vendor, value}, where value is true, false or null for unset.
    `vendors` are the ids there are.
    """
    chosen = _by_cookie(consent)
    if "preset" in plain:
        return _preset(plain["preset"], consent, chosen)
    value = plain.get("value")
    if value is not None and not isinstance(value, bool):
        raise OrderError("The value is true, false or null.")
    category, vendor = plain.get("category"), plain.get("vendor")
    if isinstance(category, str) and category in CATEGORIES:
        chosen = replace(chosen, categories=_with(chosen.categories, category, value))
    elif isinstance(vendor, str) and vendor in vendors:
        chosen = replace(chosen, vendors=_with(chosen.vendors, vendor, value))
    else:
        raise OrderError("There is no such category or vendor.")
    return Order(chosen, restore=not chosen.decided)


def _preset(name: object, consent: Consent, chosen: Consent) -> Order:
    match name:
        case "nothing":
            return Order(_of_browser(consent), forget=True)
        case "site":
            return Order(_of_browser(consent), restore=True)
        case "gpc-on" | "gpc-off":
            return Order(replace(consent, gpc=name == GPC_ON), gpc=name == GPC_ON)
        case str() if name in _GRANTS:
            return Order(replace(chosen, categories={each: each in _GRANTS[name] for each in CATEGORIES}, vendors={}))
    raise OrderError(f"There is no such preset; it is one of: {', '.join(PRESETS)}.")


def _of_browser(consent: Consent) -> Consent:
    """What the browser says by itself, without any choice."""
    said = Consent(gpc=consent.gpc)
    return with_dnt(said) if consent.dnt else said


def _by_cookie(consent: Consent) -> Consent:
    """The consent as our cookie would say it, which is then the whole answer: see window.consentry.set in guard.js.

    Answers for vendors are taken over from itself only: a standard's string may hold hundreds.
    """
    signal = f"cookie {COOKIE}"
    vendors = consent.vendors if consent.signal == signal else {}
    return replace(
        _of_browser(consent), categories=consent.categories, vendors=vendors, signal=signal, note="set in the dashboard"
    )


def _with(said: Mapping[str, bool], name: str, value: bool | None) -> dict[str, bool]:
    rest = {key: each for key, each in said.items() if key != name}
    return rest if value is None else {**rest, name: value}
