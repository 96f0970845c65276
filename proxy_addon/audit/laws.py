"""What a finding offends, in a few words. Engineering, not legal advice."""

from __future__ import annotations

from ..consent.model import Regime
from .model import AFTER_WITHDRAWAL, GPC, HARDER, KEPT, UNREACHED

# By regime: what asks for a choice as easy one way as the other, and for a way back.
_EQUAL = {
    "gdpr": "Regulation (EU) 2016/679 (GDPR), Article 7(3); EDPB Cookie Banner Taskforce report of January 2023",
    "uk": "UK GDPR, Article 7(3)",
    "ccpa": "California Code of Regulations, title 11, § 7004 (symmetry in choice)",
}
_TAKEN_BACK = {"gdpr": "Regulation (EU) 2016/679 (GDPR), Article 7(3)", "uk": "UK GDPR, Article 7(3)"}


def law(kind: str, regime: Regime) -> str:
    """What a finding of this kind offends under a regime; '' where no source is known."""
    if kind == HARDER:
        return _EQUAL.get(regime.regime, "")
    if kind in (KEPT, AFTER_WITHDRAWAL, UNREACHED):
        return _TAKEN_BACK.get(regime.regime, next(iter(regime.sources), ""))
    if kind == GPC:
        signals = [each for each in regime.sources if "opt-out" in each.lower()]
        return next(iter(signals or regime.sources), "")
    return next(iter(regime.sources), "")
