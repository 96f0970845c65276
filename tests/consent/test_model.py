"""Consent in words, and the regimes as they are shipped."""

from __future__ import annotations

import yaml

from proxy_addon.catalogue.load import shipped_rules
from proxy_addon.consent.model import CATEGORIES, NOTHING_SAID, Consent
from proxy_addon.consent.regimes import regimes


def test_consent_is_told_in_one_line() -> None:
    consent = Consent({"analytics": True, "marketing": False}, {"hotjar": False, "acme": True}, gpc=True)
    assert consent.words() == "functional unset, analytics granted, marketing denied, acme granted, hotjar denied, GPC"


def test_who_said_nothing_has_decided_nothing() -> None:
    assert not NOTHING_SAID.decided
    assert Consent(vendors={"acme": False}).decided


def test_the_shipped_regimes_are_opt_in_and_opt_out() -> None:
    known = regimes(yaml.safe_load((shipped_rules() / "regimes.yaml").read_text("utf-8")))
    assert set(known) == {"gdpr", "ccpa"}
    assert known["gdpr"].unset == dict.fromkeys(CATEGORIES, False)
    assert known["gdpr"].gpc_denies == frozenset()
    assert known["ccpa"].unset == dict.fromkeys(CATEGORIES, True)
    assert known["ccpa"].gpc_denies == {"marketing"}
