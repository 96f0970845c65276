"""An invented router for tests, with the cases that Python and JavaScript both have to answer alike."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from proxy_addon.catalogue.load import load
from proxy_addon.catalogue.match import Catalogue
from proxy_addon.consent.model import Consent, Regime
from proxy_addon.rewrite.destinations import Filter, Roster

# A folder of rules: the vendors `relay`, which routes, and `meter`, which it forwards to.
RELAY = Path(__file__).parent / "relay"
# Each case: `consent`, `regime`, `categories` (the site's own), and either `settings` and what they shall become,
# or `listing` and the names in it, or `event` with what is `active`, and what it shall become. Null: not understood.
VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "router_vectors.json").read_text("utf-8"))


@lru_cache(maxsize=1)
def relay() -> Catalogue:
    """The shipped catalogue with the invented router."""
    return load([RELAY])


def roster(categories: dict[str, str] | None = None) -> Roster:
    """The invented router's destinations."""
    router = relay().vendors["relay"].router
    assert router is not None
    return Roster("relay", router, relay().destinations["relay"].values(), categories or {})


def filter_of(case: dict[str, Any]) -> Filter:
    """The filter that a case is put to."""
    said, law = case["consent"], case["regime"]
    consent = Consent(
        said.get("categories", {}), said.get("vendors", {}), gpc=said.get("gpc", False), implied=said.get("implied", {})
    )
    regime = Regime(law["regime"], "", "", law["unset"], frozenset(law["gpc_denies"]))
    return Filter(roster(case.get("categories")), consent, regime)
