"""The regimes of `rules/regimes.yaml`, and which of them is the strictest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .model import CATEGORIES, Regime

# Names that no regime of a rules file has: one that follows the visitor, and one put together of several.
AUTO = "auto"
STRICTEST = "strictest"


def regimes(plain: Mapping[str, Any]) -> dict[str, Regime]:
    """The regimes of a validated regimes file, by name."""
    return {
        each["regime"]: Regime(
            regime=each["regime"],
            title=each["title"],
            what=each["what"],
            unset={category: answer == "allow" for category, answer in each["unset"].items()},
            gpc_denies=frozenset(each["gpc_denies"]),
            regions=tuple(each.get("regions", ())),
            note=each.get("note", ""),
            sources=tuple(each.get("sources", ())),
        )
        for each in plain["regimes"]
    }


def strictest(candidates: Iterable[Regime]) -> Regime:
    """The regime under which no candidate is broken: it allows on silence what all allow, and GPC denies what any says.

    That is the first candidate that is as strict as all of them together, or else one of its own called `strictest`.
    Without candidates everything is denied.
    """
    known = tuple(candidates)
    unset = {
        category: bool(known) and all(each.unset.get(category, False) for each in known) for category in CATEGORIES
    }
    gpc_denies = frozenset[str]().union(*(each.gpc_denies for each in known))
    for each in known:
        if each.gpc_denies == gpc_denies and {name: each.unset.get(name, False) for name in CATEGORIES} == unset:
            return each
    return Regime(
        STRICTEST,
        "The strictest of the laws that may apply",
        "For visitors of whom too little is known: whichever law is theirs, it is kept.",
        unset,
        gpc_denies,
    )
