"""A verdict that is remembered is the one that would be made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy_addon import decisions
from proxy_addon.catalogue.model import Match
from proxy_addon.consent.model import Consent, Regime
from proxy_addon.decisions import Decisions
from proxy_addon.policy import decide

_MATCH = Match("acme", "rule", "script", ("analytics",), "marketing")
_GRANTED = Consent(categories={"analytics": True})
_LAW = Regime("gdpr", "GDPR", "", {})


def test_a_verdict_is_remembered_with_all_that_it_depends_on() -> None:
    decided = Decisions()
    first = decided.of(_MATCH, _GRANTED, _LAW, strict_labels=False)
    assert decided.of(_MATCH, _GRANTED, _LAW, strict_labels=False) is first
    for match, consent, law, strict in (
        (replace(_MATCH, categories=("marketing",)), _GRANTED, _LAW, False),
        (_MATCH, replace(_GRANTED, categories={}), _LAW, False),
        (_MATCH, replace(_GRANTED, categories={}), replace(_LAW, unset={"analytics": True}), False),
        (_MATCH, _GRANTED, _LAW, True),
        (_MATCH, _GRANTED, _LAW, False),
    ):
        expected = decide(match, consent, law, strict_labels=strict)
        assert decided.of(match, consent, law, strict_labels=strict) == expected


def test_what_is_forgotten_is_decided_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "_MOST", 2)
    decided = Decisions()
    for number in range(10):
        match = replace(_MATCH, vendor=f"acme-{number}")
        assert decided.of(match, _GRANTED, _LAW, strict_labels=False).vendor == f"acme-{number}"
