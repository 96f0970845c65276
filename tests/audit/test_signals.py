"""What requests say that their tags were told, held against the visitor's consent and the law."""

from __future__ import annotations

import pytest

from proxy_addon.audit.signals import stands, told
from proxy_addon.config import read_rules
from proxy_addon.consent.model import Consent

REGIMES = read_rules(())[1]
GDPR, CCPA = REGIMES["gdpr"], REGIMES["ccpa"]
GRANTED = Consent({"functional": True, "analytics": True, "marketing": True})
DENIED = Consent({"functional": False, "analytics": False, "marketing": False})
SILENT = Consent()
COLLECT = "https://www.google-analytics.com/g/collect?v=2&"


def wrong(url: str, consent: Consent, regime: str = "gdpr") -> str:
    return "; ".join(each.wrong for each in told(url, consent, REGIMES[regime], tells_mode=True) if each.wrong)


def test_a_tag_that_was_told_granted_before_any_choice_was_told_wrong_where_silence_refuses() -> None:
    assert "told granted for analytics_storage, though the visitor has not said anything" in wrong(
        COLLECT + "gcs=G111", SILENT
    )
    assert wrong(COLLECT + "gcs=G111", SILENT, "ccpa") == ""


@pytest.mark.parametrize(
    ("query", "consent", "said"),
    [
        ("gcs=G111", GRANTED, ""),
        ("gcs=G100", GRANTED, ""),
        ("gcs=G100", DENIED, ""),
        ("gcs=G101", DENIED, "analytics_storage, though the visitor denied analytics"),
        ("gcs=G1--", DENIED, "nothing, which counts as granted, for ad_storage"),
        ("asc=G", DENIED, "microsoft-uet was told granted for ad_storage"),
        ("us_privacy=1YNN", DENIED, "the string in us_privacy says that marketing is granted"),
        ("us_privacy=1YNN", SILENT, ""),
        ("us_privacy=1YYN", DENIED, ""),
        ("gdpr_consent=nonsense", DENIED, ""),
        ("gcs=nonsense", DENIED, ""),
        ("", DENIED, ""),
    ],
    ids=range(12),
)
def test_only_a_consent_that_nobody_gave_is_wrong(query: str, consent: Consent, said: str) -> None:
    found = wrong(COLLECT + query, consent)
    assert said in found
    assert bool(found) == bool(said)


def test_what_a_string_says_is_shown_whether_wrong_or_not() -> None:
    found = told(COLLECT + "gcs=G100&us_privacy=1YYN&tid=G-1", DENIED, GDPR, tells_mode=True)
    assert [(each.kind, each.name, each.value) for each in found] == [
        ("google-consent-mode", "gcs", "G100"),
        ("us-privacy", "us_privacy", "1YYN"),
    ]


def test_consent_mode_is_read_only_where_its_names_mean_it() -> None:
    assert told("https://other.example/?gcs=G111", DENIED, GDPR, tells_mode=False) == ()


def test_global_privacy_control_stands_before_silence_and_grants() -> None:
    assert stands(Consent(gpc=True), CCPA) == {"functional": True, "analytics": True, "marketing": False}
    assert stands(Consent({"marketing": True}, gpc=True), CCPA)["marketing"] is False
    assert stands(SILENT, GDPR) == {"functional": False, "analytics": False, "marketing": False}
