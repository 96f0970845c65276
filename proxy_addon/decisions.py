"""Verdicts that were made before: the pages of a visitor ask the same again and again."""

from __future__ import annotations

from .catalogue.model import Match
from .consent.model import Consent, Regime
from .policy import Verdict, decide

_MOST = 2048


class Decisions:
    """Decides, and remembers; see policy.decide. Safe to share between threads."""

    def __init__(self) -> None:
        """Nothing was decided yet."""
        # By identity, which is asked fastest. Each is kept beside its verdict, so that no other takes its place.
        self._known: dict[tuple[int, int, int, bool], tuple[Match, Consent, Regime, Verdict]] = {}

    def of(self, match: Match, consent: Consent, regime: Regime, *, strict_labels: bool) -> Verdict:
        """The verdict on a match that the catalogue hands out, not on one that was made for this question."""
        key = (id(match), id(consent), id(regime), strict_labels)
        known = self._known.get(key)
        if known is not None:
            return known[3]
        verdict = decide(match, consent, regime, strict_labels=strict_labels)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = (match, consent, regime, verdict)
        return verdict
