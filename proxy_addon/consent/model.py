"""Frozen values of consent: what was read, from which signal, under which regime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# The categories that a visitor decides on. `necessary` is not among them: it is never held.
CATEGORIES = ("functional", "analytics", "marketing")
NECESSARY = "necessary"


@dataclass(frozen=True, slots=True)
class Regime:
    """A law: what an undecided category counts as, and which categories Sec-GPC denies whatever else was said."""

    regime: str
    title: str
    what: str
    unset: Mapping[str, bool]
    gpc_denies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Consent:
    """What one visitor has said on one site.

    `categories` and `vendors` map to granted (True) or denied (False); what is not in them is unset.
    `signal` names the place it was read from, `note` says in words what was read or why not.
    """

    categories: Mapping[str, bool] = field(default_factory=dict)
    vendors: Mapping[str, bool] = field(default_factory=dict)
    gpc: bool = False
    signal: str = "none"
    note: str = "the visitor has said nothing yet"

    @property
    def decided(self) -> bool:
        """Whether the visitor has made any choice."""
        return bool(self.categories or self.vendors)

    def words(self) -> str:
        """The consent in one line: 'analytics granted, marketing denied, functional unset'."""
        said = {True: "granted", False: "denied", None: "unset"}
        parts = [f"{category} {said[self.categories.get(category)]}" for category in CATEGORIES]
        parts += [f"{vendor} {said[granted]}" for vendor, granted in sorted(self.vendors.items())]
        return ", ".join(parts) + (", GPC" if self.gpc else "")


NOTHING_SAID = Consent()
