"""Frozen values of consent: what was read, from which signal, under which regime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# The categories that a visitor decides on. `necessary` is not among them: it is never held.
CATEGORIES = ("functional", "analytics", "marketing")
NECESSARY = "necessary"
# What Do Not Track asks not to do.
DNT_DENIES = ("analytics", "marketing")


@dataclass(frozen=True, slots=True)
class Regime:
    """A law: what an undecided category counts as, and which categories Sec-GPC denies whatever else was said.

    `regions` are the ISO 3166 codes of where it applies, `note` and `sources` say how sure all this is.
    """

    regime: str
    title: str
    what: str
    unset: Mapping[str, bool]
    gpc_denies: frozenset[str] = frozenset()
    regions: tuple[str, ...] = ()
    note: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A vendor as the lists of others know it: the IAB's Global Vendor List, and Google's list of providers.

    `covers` are those of its categories that the entry speaks for; `whole` says that it has no others.
    """

    vendor: str
    covers: frozenset[str]
    whole: bool
    tcf: int | None = None
    google_ac: int | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What one visitor has said on one site.

    `categories` and `vendors` map to granted (True) or denied (False); what is not in them is unset. `refused` are
    the categories in which a vendor is refused that may act in others.
    `signal` names the place it was read from, `sources` the places of those categories and vendors that were read
    elsewhere, and `note` says in words what was read or why not. `implied` is what a
    platform has set for its region while the visitor chose nothing, or what `dnt` denies (Do Not Track, where the site
    wants it to): no choice, so it is in neither of the two.
    """

    categories: Mapping[str, bool] = field(default_factory=dict)
    vendors: Mapping[str, bool] = field(default_factory=dict)
    gpc: bool = False
    signal: str = "none"
    note: str = "the visitor has said nothing yet"
    implied: Mapping[str, bool] = field(default_factory=dict)
    refused: Mapping[str, frozenset[str]] = field(default_factory=dict)
    dnt: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def decided(self) -> bool:
        """Whether the visitor has made any choice."""
        return bool(self.categories or self.vendors or self.refused)

    def read_from(self, name: str) -> str:
        """The place where the answer for a category or a vendor was read."""
        return self.sources.get(name, self.signal)

    def words(self) -> str:
        """The consent in one line: 'analytics granted, marketing denied, functional unset'."""
        said = {True: "granted", False: "denied", None: "unset"}
        parts = [f"{category} {said[self.categories.get(category)]}{self._preset(category)}" for category in CATEGORIES]
        parts += [f"{vendor} {said[granted]}" for vendor, granted in sorted(self.vendors.items())]
        parts += [
            f"{vendor} denied for {' and '.join(sorted(names))}" for vendor, names in sorted(self.refused.items())
        ]
        return ", ".join(parts) + (", GPC" if self.gpc else "") + (", DNT" if self.dnt else "")

    def _preset(self, category: str) -> str:
        preset = self.implied.get(category)
        if preset is None or category in self.categories:
            return ""
        if self.dnt and category in DNT_DENIES:
            return " (Do Not Track: denied)"
        return " (the site's default: granted)" if preset else " (the site's default: denied)"


NOTHING_SAID = Consent()
