"""What a filter for oneself makes of silence. It is no law, so it does not stand among the regimes."""

from __future__ import annotations

from ..consent.model import Regime

SILENCE = Regime(
    "filter",
    "A filter for oneself",
    "What sites offer works; nothing measures or follows until one says so.",
    {"functional": True, "analytics": False, "marketing": False},
)
