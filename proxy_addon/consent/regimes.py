"""The regimes of `rules/regimes.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import Regime


def regimes(plain: Mapping[str, Any]) -> dict[str, Regime]:
    """The regimes of a validated regimes file, by name."""
    return {
        each["regime"]: Regime(
            regime=each["regime"],
            title=each["title"],
            what=each["what"],
            unset={category: answer == "allow" for category, answer in each["unset"].items()},
            gpc_denies=frozenset(each["gpc_denies"]),
        )
        for each in plain["regimes"]
    }
