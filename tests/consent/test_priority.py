"""Which of several answers counts, from the cookies that a browser sends to the verdict, and that it says so in words.

The order: an explicit choice for the vendor, one for the category, the standards' strings, Global Privacy Control, and
last the regime. Global Privacy Control comes first where the law binds it.
"""

from __future__ import annotations

from itertools import combinations

import pytest

from proxy_addon.catalogue.model import Match
from proxy_addon.config import read_rules
from proxy_addon.consent.cookie import PlainCookie
from proxy_addon.consent.model import CATEGORIES, Consent, Listing, Regime
from proxy_addon.consent.platforms import compile_platforms
from proxy_addon.consent.regimes import regimes, strictest
from proxy_addon.consent.signals import Reader
from proxy_addon.policy import Verdict, decide

RULES = read_rules(())[0]
REGIMES = regimes(RULES.regimes)
GDPR, CCPA = REGIMES["gdpr"], REGIMES["ccpa"]
BINDING = [each for each in REGIMES.values() if each.gpc_denies]
READER = Reader(
    PlainCookie("choice", {"all": frozenset(CATEGORIES), "none": frozenset()}),
    compile_platforms(RULES.platforms),
    listed=(Listing("acme", frozenset({"marketing"}), True, tcf=755),),
)

ONETRUST = "OptanonConsent=groups=C0002%3A{0}%2CC0003%3A{0}%2CC0004%3A{0}; OptanonAlertBoxClosed=2026-01-01"
VANILLA = "cc_cookie=%7B%22categories%22%3A%5B%22analytics%22%2C%22marketing%22%5D%2C%22services%22%3A%7B%7D%7D"
VANILLA_REFUSED = (
    "cc_cookie=%7B%22categories%22%3A%5B%22necessary%22%5D%2C%22services%22%3A"
    "%7B%22analytics%22%3A%5B%5D%2C%22marketing%22%3A%5B%5D%7D%7D"
)
# All purposes of both categories: with the vendor 755, and with another. Made with @iabtechlabtcf/core 1.5.21.
TC_GRANTED = "euconsent-v2=CQraFkAQraFkAAKABBENCyFgAPPAAAAAAAYgF5wAgAAgLzAAAAAA"
TC_WITHOUT = "euconsent-v2=CQraFkAQraFkAAKABBENCyFgAPPAAAAAAAYgAAoAAAAA"
TC_REFUSED = "euconsent-v2=CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
# Every kind of cookie in which an older choice may grant marketing, or say that nobody opted out.
GRANTS = {
    "our own": "consentry=v=1&functional=granted&analytics=granted&marketing=granted",
    "our own, for the vendor": "consentry=v=1&marketing=granted&vendor.acme=granted",
    "the site's own": "choice=all",
    "a platform's": ONETRUST.format(1),
    "another platform's": VANILLA,
    "a TC string": TC_GRANTED,
    # The National section, made with @iabgpp/cmpapi 3.2.0, says that nobody opted out.
    "a GPP string": "__gpp=DBABLA~CFQqAAAAAACA.QA; __gpp_sid=7",
    "a US Privacy string": "usprivacy=1YNN",
    "what a page told": "consentry-told=v=1&functional=granted&analytics=granted&marketing=granted",
}


def verdict(cookies: str, regime: Regime = GDPR, gpc: str | None = None, category: str = "marketing") -> Verdict:
    return decide(Match("acme", "r", "script", (category,), category), READER.read(cookies, gpc), regime)


@pytest.mark.parametrize("regime", BINDING, ids=lambda each: each.regime)
@pytest.mark.parametrize("cookies", GRANTS.values(), ids=GRANTS)
def test_where_the_law_binds_gpc_no_older_cookie_weakens_it(cookies: str, regime: Regime) -> None:
    for category in regime.gpc_denies:
        held = verdict(cookies, regime, "1", category)
        assert held.blocks
        assert held.reason.endswith(f"Global Privacy Control denies {category} under {regime.regime}")
    assert verdict(cookies, strictest(REGIMES.values()), "1").blocks


@pytest.mark.parametrize("regime", [each for each in REGIMES.values() if not each.gpc_denies], ids=lambda e: e.regime)
@pytest.mark.parametrize("cookies", GRANTS.values(), ids=GRANTS)
def test_where_no_law_binds_gpc_it_changes_no_verdict(cookies: str, regime: Regime) -> None:
    for category in CATEGORIES:
        with_it, without = (verdict(cookies, regime, gpc, category) for gpc in ("1", None))
        assert with_it == without


@pytest.mark.parametrize(
    "gpp", ["__gpp=DBABLA~CAAqAAAAAACA.YA", "__gpp=DBABLA~CAAqAAAAAACA.YA; __gpp_sid=7"], ids=["all", "in force"]
)
def test_gpc_in_a_gpp_string_counts_beside_a_platform_that_answers_everything(gpp: str) -> None:
    said = READER.read(f"{ONETRUST.format(1)}; {gpp}", None)
    assert (said.categories, said.gpc) == (dict.fromkeys(CATEGORIES, True), True)
    assert verdict(f"{ONETRUST.format(1)}; {gpp}", CCPA).blocks
    assert not verdict(f"{ONETRUST.format(1)}; {gpp}", GDPR).blocks


@pytest.mark.parametrize("value", ["0", "", "2", "true", "1, 1", None])
def test_what_is_no_gpc_denies_nothing(value: str | None) -> None:
    assert not verdict(GRANTS["our own"], CCPA, value).blocks


def test_an_explicit_choice_for_the_vendor_comes_before_that_for_the_category() -> None:
    assert not verdict("consentry=v=1&marketing=denied&vendor.acme=granted").blocks
    assert verdict("consentry=v=1&marketing=granted&vendor.acme=denied").blocks


def test_an_explicit_choice_comes_before_the_standards_strings() -> None:
    for explicit, blocks in ((ONETRUST.format(1), False), ("choice=all", False), (GRANTS["our own"], False)):
        assert verdict(f"{explicit}; {TC_REFUSED}").blocks is blocks
        assert verdict(f"{explicit}; usprivacy=1YYN", CCPA).blocks is blocks
    for explicit in (ONETRUST.format(0), "choice=none", "consentry=v=1&marketing=denied"):
        assert verdict(f"{explicit}; {TC_GRANTED}").blocks
    # The refusal of a vendor is finer than a platform's answer for the category; our own cookie is finer still.
    assert verdict(f"{ONETRUST.format(1)}; {TC_WITHOUT}").blocks
    assert not verdict(f"consentry=v=1&marketing=granted&vendor.acme=granted; {TC_WITHOUT}").blocks


def test_the_standards_strings_come_before_the_regime() -> None:
    assert not verdict(TC_GRANTED, GDPR).blocks
    assert verdict(TC_REFUSED, CCPA).blocks
    assert verdict("usprivacy=1YYN", CCPA).blocks


def test_not_having_opted_out_leaves_it_to_the_regime() -> None:
    for cookies in ("", "usprivacy=1YNN", GRANTS["a GPP string"]):
        assert verdict(cookies, GDPR).blocks
        assert not verdict(cookies, CCPA).blocks


def test_our_own_cookie_comes_before_the_sites_and_that_before_a_platforms() -> None:
    for first, then in combinations(("consentry=v=1&marketing={}", "choice={}", "onetrust {}"), 2):
        granted, denied = (_say(each, True) for each in (first, then)), (_say(each, False) for each in (first, then))
        (one, other), (no, nor) = granted, denied
        assert not verdict(f"{nor}; {one}").blocks
        assert verdict(f"{other}; {no}").blocks


def _say(form: str, granted: bool) -> str:
    if form.startswith("choice"):
        return form.format("all" if granted else "none")
    return (
        ONETRUST.format(int(granted))
        if form.startswith("onetrust")
        else form.format("granted" if granted else "denied")
    )


def test_of_several_platforms_the_strictest_counts_and_the_note_says_what_each_said() -> None:
    said = READER.read(f"{ONETRUST.format(1)}; {VANILLA_REFUSED}", None)
    assert said.categories == {"functional": True, "analytics": False, "marketing": False}
    assert said.signal == "platform onetrust and platform vanilla-cookieconsent"
    assert said.note == (
        "2 values: refusals count ("
        "platform onetrust: functional granted, analytics granted, marketing granted; "
        "platform vanilla-cookieconsent: functional unset, analytics denied, marketing denied)"
    )
    assert [said.read_from(name) for name in CATEGORIES] == [
        "platform onetrust",
        "platform vanilla-cookieconsent",
        "platform vanilla-cookieconsent",
    ]


def test_the_order_of_the_cookies_changes_nothing() -> None:
    for one, other in combinations([*GRANTS.values(), ONETRUST.format(0), VANILLA_REFUSED, TC_REFUSED], 2):
        first, then = READER.read(f"{one}; {other}", None), READER.read(f"{other}; {one}", None)
        assert (first.categories, first.vendors, first.gpc) == (then.categories, then.vendors, then.gpc)


@pytest.mark.parametrize(
    ("cookies", "regime", "gpc", "reason"),
    [
        ("consentry=v=1&vendor.acme=denied", GDPR, None, "acme itself is refused (cookie consentry)"),
        ("", CCPA, "1", "acme needs marketing: Global Privacy Control denies marketing under ccpa"),
        (ONETRUST.format(0), GDPR, None, "acme needs marketing: marketing is denied (platform onetrust)"),
        (TC_REFUSED, GDPR, None, "acme needs marketing: marketing is denied (cookie euconsent-v2)"),
        (TC_WITHOUT, GDPR, None, "acme itself is refused (cookie euconsent-v2)"),
        (f"{ONETRUST.format(1)}; {TC_WITHOUT}", GDPR, None, "acme itself is refused (cookie euconsent-v2)"),
        (
            f"{ONETRUST.format(1)}; {VANILLA_REFUSED}",
            GDPR,
            None,
            "acme needs marketing: marketing is denied (platform vanilla-cookieconsent)",
        ),
        (
            "OptanonConsent=groups=C0002%3A1; OptanonAlertBoxClosed=2026-01-01; usprivacy=1YYN",
            CCPA,
            None,
            "acme needs marketing: marketing is denied (cookie usprivacy)",
        ),
        ("", GDPR, None, "acme needs marketing: marketing is unset, which gdpr counts as denied"),
        ("", CCPA, None, "acme needs marketing: marketing is unset, which ccpa counts as granted"),
        (TC_GRANTED, GDPR, None, "acme needs marketing: granted (cookie euconsent-v2)"),
    ],
)
def test_each_resolution_says_what_decided_and_where_it_was_read(
    cookies: str, regime: Regime, gpc: str | None, reason: str
) -> None:
    assert verdict(cookies, regime, gpc).reason == reason


def test_a_grant_for_several_categories_names_all_its_sources() -> None:
    said = Consent(dict.fromkeys(CATEGORIES, True), signal="a", sources={"marketing": "b"})
    match = Match("acme", "r", "script", ("functional", "analytics", "marketing"), "marketing")
    assert decide(match, said, GDPR).reason.endswith(": granted (a and b)")


def test_many_values_of_one_cookie_fill_no_note() -> None:
    vendors = "&".join(f"vendor.v{number}=granted" for number in range(200))
    said = READER.read("; ".join([f"consentry=v=1&marketing=granted&{vendors}"] * 20), None)
    assert said.signal == "cookie consentry"
    assert said.note.endswith("; and others)")
    assert len(said.note) < 2000
