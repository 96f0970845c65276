"""The decision, against an independent statement of its rules, in every combination."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.catalogue.model import Match
from proxy_addon.consent.model import CATEGORIES, Consent, Regime
from proxy_addon.policy import ALLOW, BLOCK, decide

from .small import CCPA, GDPR

ALL = ("necessary", *CATEGORIES)
SAID = (None, True, False)


def match_of(*categories: str, label: str = "", exempt: str = "") -> Match:
    return Match("acme", "acme-script", "script", categories, label or categories[0], exempt=exempt)


def consent_of(said: tuple[bool | None, ...], exception: bool | None, gpc: bool) -> Consent:
    categories = {name: answer for name, answer in zip(CATEGORIES, said, strict=True) if answer is not None}
    vendors = {} if exception is None else {"acme": exception}
    return Consent(categories, vendors, gpc=gpc, signal="cookie test")


def expected_missing(
    required: set[str], said: dict[str, bool | None], exception: bool | None, gpc: bool, regime: Regime
) -> set[str]:
    """The rules once more, one line each, in the other direction: first all is missing, then things are granted."""
    wanted = required - {"necessary"}
    if exception is False:
        return wanted
    granted_by_visitor = {name for name in wanted if said[name] is True or exception is True}
    granted_by_law = {name for name in wanted if said[name] is None and regime.regime == "ccpa"}
    denied_by_gpc = {"marketing"} if gpc and regime.regime == "ccpa" else set()
    return wanted - ((granted_by_visitor | granted_by_law) - denied_by_gpc)


@pytest.mark.parametrize("regime", [GDPR, CCPA], ids=lambda regime: regime.regime)
@pytest.mark.parametrize("strict", [False, True], ids=["plain", "strict-labels"])
@pytest.mark.parametrize("gpc", [False, True], ids=["silent", "gpc"])
def test_every_combination_gives_the_verdict_that_the_rules_state(regime: Regime, strict: bool, gpc: bool) -> None:
    required = [(name,) for name in ALL] + [(one, two) for one, two in product(ALL, ALL) if one != two]
    for categories, label, said, exception in product(required, ALL, product(SAID, repeat=3), SAID):
        consent = consent_of(said, exception, gpc)
        verdict = decide(match_of(*categories, label=label), consent, regime, strict_labels=strict)
        wanted = {*categories, *((label,) if strict else ())}
        missing = expected_missing(wanted, dict(zip(CATEGORIES, said, strict=True)), exception, gpc, regime)
        case = (categories, label, consent, verdict)
        assert (verdict.action, set(verdict.missing)) == (BLOCK if missing else ALLOW, missing), case
        assert set(verdict.categories) == (wanted - {"necessary"} or {"necessary"}), case
        assert verdict.blocks is bool(missing), case
        assert len(set(verdict.categories)) == len(verdict.categories), case
        assert (verdict.vendor, verdict.rule) == ("acme", "acme-script"), case
        assert verdict.reason, case


@pytest.mark.parametrize("regime", [GDPR, CCPA], ids=lambda regime: regime.regime)
def test_what_a_platform_has_set_for_its_region_may_deny_but_never_grants(regime: Regime) -> None:
    for said, exception, gpc, implied in product(SAID, SAID, (False, True), SAID):
        chosen = {} if said is None else {"marketing": said}
        vendors = {} if exception is None else {"acme": exception}
        preset = {} if implied is None else {"marketing": implied}
        with_it = decide(match_of("marketing"), Consent(chosen, vendors, gpc=gpc, implied=preset), regime)
        without = decide(match_of("marketing"), Consent(chosen, vendors, gpc=gpc), regime)
        takes_away = implied is False and said is None and exception is None
        assert with_it.blocks is (without.blocks or takes_away), (said, exception, gpc, implied)


@pytest.mark.parametrize("regime", [GDPR, CCPA], ids=lambda regime: regime.regime)
def test_a_refusal_of_a_vendor_in_one_category_takes_away_and_grants_nothing(regime: Regime) -> None:
    for said, exception, gpc, names in product(SAID, SAID, (False, True), (("marketing",), ("analytics",))):
        chosen = {} if said is None else {"marketing": said}
        vendors = {} if exception is None else {"acme": exception}
        consent = Consent(chosen, vendors, gpc=gpc)
        refused = {"acme": frozenset(names), "other": frozenset({"marketing"})}
        with_it = decide(match_of("marketing"), replace(consent, refused=refused), regime)
        without = decide(match_of("marketing"), consent, regime)
        # A choice for the vendor itself is the visitor's, and comes before what a string says of it.
        takes_away = "marketing" in names and exception is None
        assert with_it.blocks is (without.blocks or takes_away), (said, exception, gpc, names)


def test_a_vendors_grant_is_not_undone_by_the_refusal_of_its_category_but_by_gpc_where_it_binds() -> None:
    consent = Consent({"marketing": False}, {"acme": True})
    assert not decide(match_of("marketing"), consent, CCPA).blocks
    assert decide(match_of("marketing"), replace(consent, gpc=True), CCPA).blocks
    assert not decide(match_of("marketing"), replace(consent, gpc=True), GDPR).blocks


@settings(deadline=None)
@given(
    st.lists(st.text(max_size=12), max_size=4),
    st.dictionaries(st.text(max_size=12), st.booleans(), max_size=4),
    st.dictionaries(st.just("acme") | st.text(max_size=4), st.booleans(), max_size=2),
    st.booleans(),
    st.sampled_from([GDPR, CCPA]),
)
def test_it_decides_whatever_it_is_given(
    required: list[str], said: dict[str, bool], vendors: dict[str, bool], gpc: bool, regime: Regime
) -> None:
    match = Match("acme", "r", "script", tuple(required), required[0] if required else "x")
    verdict = decide(match, Consent(said, vendors, gpc=gpc), regime)
    assert verdict.blocks is bool(verdict.missing)
    assert set(verdict.missing) <= set(verdict.categories)


def test_a_category_of_which_a_regime_says_nothing_is_held() -> None:
    assert decide(match_of("novel"), Consent(), CCPA).blocks


def test_what_nobody_catalogued_passes() -> None:
    verdict = decide(None, Consent(dict.fromkeys(CATEGORIES, False), gpc=True), GDPR)
    assert (verdict.action, verdict.vendor, verdict.rule, verdict.categories) == (ALLOW, None, None, ())


def test_an_exemption_passes_whatever_the_visitor_refused() -> None:
    consent = Consent({"marketing": False}, {"acme": False}, gpc=True)
    verdict = decide(match_of("marketing", exempt="it shows a map"), consent, CCPA, strict_labels=True)
    assert (verdict.action, verdict.reason) == (ALLOW, "exempt: it shows a map")


def test_the_refusal_of_a_vendor_names_all_that_it_requires_as_missing() -> None:
    consent = Consent(dict.fromkeys(CATEGORIES, True), {"acme": False})
    verdict = decide(match_of("analytics", "marketing"), consent, GDPR)
    assert verdict.missing == ("analytics", "marketing")
    assert verdict.reason == "acme itself is refused (none)"


def test_the_refusal_of_another_vendor_changes_nothing() -> None:
    consent = Consent({"analytics": True}, {"other": False})
    assert not decide(match_of("analytics"), consent, GDPR).blocks


@pytest.mark.parametrize(
    ("consent", "regime", "reason"),
    [
        (Consent(), GDPR, "acme needs marketing: marketing is unset, which gdpr counts as denied"),
        (Consent(), CCPA, "acme needs marketing: marketing is unset, which ccpa counts as granted"),
        (
            Consent({"marketing": False}, signal="cookie x"),
            CCPA,
            "acme needs marketing: marketing is denied (cookie x)",
        ),
        (Consent({"marketing": True}, signal="cookie x"), GDPR, "acme needs marketing: granted (cookie x)"),
        (
            Consent({"marketing": True}, gpc=True),
            CCPA,
            "acme needs marketing: Global Privacy Control denies marketing under ccpa",
        ),
        (
            Consent(implied={"marketing": False}, signal="platform x"),
            CCPA,
            "acme needs marketing: marketing is unset, and the site's default denies it (platform x)",
        ),
        (
            Consent(implied={"marketing": False}, dnt=True),
            CCPA,
            "acme needs marketing: marketing is unset, and Do Not Track denies it",
        ),
        (
            Consent(implied={"marketing": True}, signal="platform x"),
            GDPR,
            (
                "acme needs marketing: marketing is unset, which gdpr counts as denied, "
                "though the site's default grants it (platform x)"
            ),
        ),
        (
            Consent({"marketing": True}, refused={"acme": frozenset({"marketing"})}, signal="cookie x"),
            GDPR,
            "acme needs marketing: acme itself is refused for marketing (cookie x)",
        ),
        (
            Consent({}, {"acme": True}, signal="cookie x"),
            GDPR,
            "acme needs marketing: the visitor allowed acme itself (cookie x)",
        ),
    ],
)
def test_the_reason_says_why_in_words(consent: Consent, regime: Regime, reason: str) -> None:
    assert decide(match_of("marketing"), consent, regime).reason == reason
