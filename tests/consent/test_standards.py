"""What the standards' strings refuse single vendors, and that they grant them nothing."""

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.catalogue.model import Match
from proxy_addon.config import read_rules
from proxy_addon.consent.cookie import COOKIE, TOLD_COOKIE, format_cookie
from proxy_addon.consent.model import CATEGORIES, Consent, Listing
from proxy_addon.consent.platforms import Deferred, compile_platforms
from proxy_addon.consent.signals import Reader, Told
from proxy_addon.consent.standards import consents_of_strings
from proxy_addon.policy import decide

from ..small import GDPR
from .test_tcf import ALPHABET, core, pack

ADS = Listing("ads", frozenset({"marketing"}), True, tcf=7)
TAGS = Listing("tags", frozenset({"marketing"}), False, tcf=8)
BOTH = Listing("both", frozenset({"analytics", "marketing"}), True, tcf=9, google_ac=30)
SOCIAL = Listing("social", frozenset({"marketing"}), True, google_ac=20)
LISTED = (ADS, TAGS, BOTH, SOCIAL)
PLATFORMS = compile_platforms(read_rules(())[0].platforms)
EVERY_PURPOSE, NO_MARKETING = 0xFFFFFF, 0b1000_0001 << 16


def bits(*ids: int, largest: int = 63) -> tuple[tuple[int, int], ...]:
    """A field of vendors, one bit each."""
    return (largest, 16), (0, 1), (sum(1 << (largest - each) for each in ids), largest)


def restriction(purpose: int, kind: int, vendor: int) -> tuple[tuple[int, int], ...]:
    return (purpose, 6), (kind, 2), (1, 12), (0, 1), (vendor, 16)


def tc(*vendors: int, purposes: int = EVERY_PURPOSE, shown: tuple[int, ...] | None = None, barred: object = ()) -> str:
    """A TC string that consents to these vendors. `barred` are restrictions, `shown` the vendors disclosed."""
    restrictions = barred if isinstance(barred, tuple) else ()
    text = core(
        *(bits(*vendors) if vendors else ((0, 16), (0, 1))),
        *((0, 16), (0, 1)),
        (len(restrictions), 12),
        *(field for each in restrictions for field in each),
        purposes=purposes,
    )
    return text if shown is None else f"{text}.{pack((1, 3), *bits(*shown))}"


def read(cookies: str, listed: tuple[Listing, ...] = LISTED) -> Consent:
    return Reader(platforms=PLATFORMS, listed=listed).read(cookies, None)


def test_a_vendor_that_is_not_consented_to_is_refused_and_one_that_is_gets_no_grant() -> None:
    said = read(f"euconsent-v2={tc(7)}")
    assert said.categories == {"analytics": True, "marketing": True}
    assert said.vendors == {"both": False}
    assert said.refused == {"tags": frozenset({"marketing"})}
    assert said.note.endswith("; no consent to both, tags")
    assert said.words() == (
        "functional unset, analytics granted, marketing granted, both denied, tags denied for marketing"
    )


def test_a_vendor_that_other_categories_have_too_is_refused_only_where_its_entry_speaks() -> None:
    said = read(f"euconsent-v2={tc(7)}")
    allowed = {
        category: not decide(Match("tags", "r", "script", (category,), category), said, GDPR).blocks
        for category in CATEGORIES
    }
    assert allowed == {"functional": False, "analytics": True, "marketing": False}
    verdict = decide(Match("tags", "r", "script", ("marketing",), "marketing"), said, GDPR)
    assert verdict.reason == "tags needs marketing: tags itself is refused for marketing (cookie euconsent-v2)"


@pytest.mark.parametrize("purposes", [EVERY_PURPOSE, NO_MARKETING, 0])
@pytest.mark.parametrize("vendors", [(), (7,), (7, 8, 9)])
def test_the_consent_to_a_vendor_never_allows_what_its_purposes_deny(purposes: int, vendors: tuple[int, ...]) -> None:
    said = read(f"euconsent-v2={tc(*vendors, purposes=purposes)}")
    without = read(f"euconsent-v2={tc(*vendors, purposes=purposes)}", ())
    for vendor, category in product(("ads", "tags", "both", "social", "other"), CATEGORIES):
        match = Match(vendor, "r", "script", (category,), category)
        if not decide(match, said, GDPR).blocks:
            assert not decide(match, without, GDPR).blocks


def test_a_string_without_vendors_and_a_vendor_that_was_not_shown_say_nothing() -> None:
    assert read(f"euconsent-v2={tc()}").vendors == {}
    said = read(f"euconsent-v2={tc(7, shown=(7, 9))}")
    assert (said.vendors, said.refused) == ({"both": False}, {})


def test_what_the_publisher_forbids_a_vendor_is_refused_it_in_that_category() -> None:
    said = read(f"euconsent-v2={tc(7, 8, 9, barred=(restriction(4, 0, 9),))}")
    assert (said.vendors, said.refused) == ({}, {"both": frozenset({"marketing"})})
    said = read(f"euconsent-v2={tc(7, 8, 9, barred=(restriction(1, 0, 9),))}")
    assert (said.vendors, said.refused) == ({"both": False}, {})


@pytest.mark.parametrize(
    ("additional", "refused"),
    [
        ("1~20.5", False),
        ("1~5", True),
        ("1~", False),
        ("2~20~dv.5", False),
        ("2~5~dv.20", True),
        ("2~~dv.20", True),
        ("2~5~dv.6", False),
        ("2~5", False),
        ("3~5", False),
        ("broken", False),
    ],
)
def test_a_provider_of_googles_list_is_refused_by_the_string_that_goes_with_a_tc_string(
    additional: str, refused: bool
) -> None:
    said = read(f"euconsent-v2={tc(7, 8, 9)}; addtl_consent={additional}")
    assert said.vendors == ({"social": False} if refused else {})
    # A vendor with an id of both lists is what the TC string says.
    assert "both" not in said.vendors
    assert read(f"addtl_consent={additional}").vendors == {}
    assert read(f"addtl_consent={additional}; usprivacy=1YYN").vendors == {}
    assert read(f"addtl_consent={additional}; euconsent-v2=broken").vendors == {}


def test_a_platform_that_answers_every_category_leaves_the_vendors_to_the_string() -> None:
    onetrust = "OptanonConsent=groups=C0002%3A1%2CC0003%3A1%2CC0004%3A1; OptanonAlertBoxClosed=2026-01-01"
    for cookie in ("euconsent-v2", "eupubconsent-v2"):
        said = read(f"{onetrust}; {cookie}={tc(7, 8)}")
        assert said.categories == dict.fromkeys(CATEGORIES, True)
        assert said.vendors == {"both": False}
        assert said.signal == "platform onetrust"


def test_our_own_cookie_is_the_whole_answer() -> None:
    said = read(f"consentry=v=1&marketing=granted&vendor.both=granted; euconsent-v2={tc(7)}")
    assert (said.vendors, said.refused) == ({"both": True}, {})


def test_of_two_strings_a_refusal_in_either_counts() -> None:
    said = read(f"euconsent-v2={tc(7, 8)}; euconsent-v2={tc(8, 9)}")
    assert (said.vendors, said.refused) == ({"ads": False, "both": False}, {})
    partly = [tc(7, 8, 9, barred=(restriction(purpose, 0, 9),)) for purpose in (4, 8)]
    assert read("; ".join(f"euconsent-v2={each}" for each in partly)).refused == {
        "both": frozenset({"analytics", "marketing"})
    }


def test_a_section_of_gpp_refuses_vendors_where_it_is_in_force() -> None:
    # A header of type 3, version 1, with sections 2 and 6 in Fibonacci coding (2, then 4 more).
    header = pack((3, 6), (1, 6), (2, 12), (0, 1), (0b011, 3), (0, 1), (0b1011, 4))
    gpp = f"__gpp={header}~{tc(7)}~1YNN"
    assert read(gpp).vendors == {"both": False}
    assert read(f"{gpp}; __gpp_sid=2").vendors == {"both": False}
    assert read(f"{gpp}; __gpp_sid=6").vendors == {}
    assert read(f"{gpp}; addtl_consent=2~~dv.20").vendors == {"both": False, "social": False}


def test_what_a_page_tells_of_vendors_is_kept_for_the_next_one() -> None:
    reader = Reader(platforms=PLATFORMS, listed=LISTED)
    stored = json.dumps({"gdpr": {"euconsent": tc(7), "addtlConsent": "2~~dv.20"}})
    said = reader.read_told("", None, Told({"_sp_user_consent_1": stored}, {}))
    assert (said.vendors, said.refused) == ({"both": False, "social": False}, {"tags": frozenset({"marketing"})})
    kept = reader.read(f"{TOLD_COOKIE}={format_cookie(said)}", None)
    assert (kept.categories, kept.vendors, kept.refused) == (said.categories, said.vendors, said.refused)
    # Our own cookie is not so fine.
    assert reader.read(f"{COOKIE}={format_cookie(said)}", None).refused == {}


LENGTHS = st.text(ALPHABET, max_size=200)


@settings(deadline=None)
@given(st.sampled_from(["tcf", "gpp", "usp", "ac"]), LENGTHS | st.text(max_size=60), LENGTHS)
def test_any_strings_are_read_and_refuse_only_listed_vendors(standard: str, text: str, tail: str) -> None:
    strings = [
        Deferred(standard, text, "here"),
        Deferred("tcf", tc(7)[:40] + tail, "there"),
        Deferred("ac", "1~5", "x"),
    ]
    for consents in consents_of_strings(strings, {}, LISTED):
        for consent in consents:
            assert {*consent.vendors, *consent.refused} <= {each.vendor for each in LISTED}
            assert not any(consent.vendors.values())
