"""Consent in words."""

from __future__ import annotations

from proxy_addon.consent.model import NOTHING_SAID, Consent


def test_consent_is_told_in_one_line() -> None:
    consent = Consent({"analytics": True, "marketing": False}, {"hotjar": False, "acme": True}, gpc=True)
    assert consent.words() == "functional unset, analytics granted, marketing denied, acme granted, hotjar denied, GPC"


def test_who_said_nothing_has_decided_nothing() -> None:
    assert not NOTHING_SAID.decided
    assert Consent(vendors={"acme": False}).decided


def test_what_a_platform_has_set_is_no_decision_and_is_told_apart() -> None:
    consent = Consent({"analytics": False}, implied={"analytics": True, "marketing": True, "functional": False})
    assert not Consent(implied={"marketing": True}).decided
    assert consent.words() == (
        "functional unset (the site's default: denied), analytics denied, marketing unset (the site's default: granted)"
    )
