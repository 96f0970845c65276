"""GPP strings: published ones, the reference implementation's for every section, and whatever anybody may send."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.consent.bits import LONGEST, Ids, Unreadable
from proxy_addon.consent.gpp import SECTION_NAMES, Gpp, Section, consent_of_gpp, decode_gpp, decode_gpp_sid
from proxy_addon.consent.tcf import TcfCanadaString, TcfString
from proxy_addon.consent.usprivacy import UsPrivacy
from proxy_addon.consent.usstates import LAYOUTS, UsSection, decode_us_section

from .oracle import written
from .test_tcf import ALPHABET, pack

# The examples of the IAB's GPP specification.
EUROPE = "DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
EUROPE_AND_US = "DBACNYA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN"
# Made with @iabgpp/cmpapi 3.2.0.
CALIFORNIA_OUT = "DBACBmA~BAUAAABA.QA~BAoAAEA.QA"
NATIONAL_GPC = "DBABLA~CAAqAAAAAACA.YA"
NATIONAL_IN = "DBABLA~CFQqAAAAAACA.QA"


def read(text: str) -> Gpp:
    decoded = decode_gpp(text)
    assert isinstance(decoded, Gpp), decoded
    return decoded


def marketing(text: str, *applicable: int) -> bool | None:
    return consent_of_gpp(read(text), applicable).categories.get("marketing")


def test_the_published_examples_are_read() -> None:
    assert list(read(EUROPE).sections) == [2]
    both = read(EUROPE_AND_US).sections
    assert isinstance(both[2], TcfString)
    assert both[6] == UsPrivacy(1, True, False, False)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def positions(flags: list[bool]) -> frozenset[int]:
    return frozenset(at + 1 for at, flag in enumerate(flags) if flag)


def agrees(section: Section | Unreadable, fields: dict[str, Any], text: str) -> None:
    """Compare a decoded section with what the reference implementation read in its text."""
    if isinstance(section, UsPrivacy):
        letters = {True: "Y", False: "N", None: "-"}
        said = [letters[section.notice], letters[section.opted_out], letters[section.lspa]]
        assert said == [fields["Notice"], fields["OptOutSale"], fields["LspaCovered"]]
    elif isinstance(section, UsSection):
        # It lists an optional segment's fields whether or not the segment is there.
        gpc = fields.get("Gpc") if "." in text else None
        fields = {name: value for name, value in fields.items() if not name.startswith("Gpc")}
        if LAYOUTS[section.section].sensitive_segment and "." not in text:
            del fields["SensitiveDataProcessing"]
        assert {
            name: [*value] if isinstance(value, tuple) else value for name, value in section.fields.items()
        } == fields
        assert section.gpc == gpc
    else:
        assert isinstance(section, TcfString | TcfCanadaString), section
        agrees_tcf(section, fields)


def agrees_tcf(section: TcfString | TcfCanadaString, fields: dict[str, Any]) -> None:
    europe = isinstance(section, TcfString)
    publisher = section.publisher
    assert publisher is not None
    common = {
        "Version": section.version,
        "CmpId": section.cmp_id,
        "CmpVersion": section.cmp_version,
        "ConsentScreen": section.screen,
        "ConsentLanguage": section.language,
        "VendorListVersion": section.vendor_list_version,
        "UseNonStandardStacks": section.non_standard_texts,
        "NumCustomPurposes": publisher.custom_count,
    }
    assert common.items() <= fields.items()
    assert (section.created, section.updated) == (moment(fields["Created"]), moment(fields["LastUpdated"]))
    assert section.policy_version == fields["PolicyVersion" if europe else "TcfPolicyVersion"]
    assert section.special_features == positions(
        fields["SpecialFeatureOptins" if europe else "SpecialFeatureExpressConsent"]
    )
    restrictions = [[each.purpose, each.kind, list(each.vendors)] for each in section.restrictions]
    expected = fields["PublisherRestrictions" if europe else "PubRestrictions"]
    assert restrictions == [[each["key"], each["type"], each["ids"]] for each in expected]
    names = (
        ("PublisherConsents", "PublisherLegitimateInterests"),
        ("PublisherCustomConsents", "PublisherCustomLegitimateInterests"),
    )
    if not europe:
        names = (
            ("PubPurposesExpressConsent", "PubPurposesImpliedConsent"),
            ("CustomPurposesExpressConsent", "CustomPurposesImpliedConsent"),
        )
    assert (publisher.consents, publisher.legitimate_interests) == tuple(positions(fields[name]) for name in names[0])
    assert (publisher.custom_consents, publisher.custom_legitimate_interests) == tuple(
        positions(fields[name]) for name in names[1]
    )
    if isinstance(section, TcfString):
        assert section.service_specific == fields["IsServiceSpecific"]
        assert section.purpose_one_treatment == fields["PurposeOneTreatment"]
        assert section.country == fields["PublisherCountryCode"]
        assert section.purpose_consents == positions(fields["PurposeConsents"])
        assert section.purpose_legitimate_interests == positions(fields["PurposeLegitimateInterests"])
        assert list(section.vendor_consents) == fields["VendorConsents"]
        assert list(section.vendor_legitimate_interests) == fields["VendorLegitimateInterests"]
        assert list(section.vendors_disclosed or ()) == fields["VendorsDisclosed"]
    else:
        assert section.purpose_express == positions(fields["PurposesExpressConsent"])
        assert section.purpose_implied == positions(fields["PurposesImpliedConsent"])
        assert list(section.vendor_express) == fields["VendorExpressConsent"]
        assert list(section.vendor_implied) == fields["VendorImpliedConsent"]
        assert list(section.vendors_disclosed or Ids()) == fields["DisclosedVendors"]


def test_two_thousand_strings_of_the_reference_implementation_are_read_as_it_reads_them() -> None:
    seen: Counter[str] = Counter()
    strings = written("gpp", 2025, 2000)
    assert len(strings) == 2000
    for text, expected in strings:
        sections = read(text).sections
        named = {SECTION_NAMES[number]: section for number, section in sections.items()}
        assert set(named) == set(expected), text
        texts = dict(zip(sections, text.split("~")[1:], strict=True))
        for number, section in sections.items():
            name = SECTION_NAMES[number]
            agrees(section, dict(expected[name]), texts[number])
            seen[name] += 1
    assert set(seen) == set(SECTION_NAMES.values())
    assert min(seen.values()) > 100


def test_the_ids_and_names_of_the_sections_are_the_registered_ones() -> None:
    states = "ca va co ut ct fl mt or tx de ia ne nh nj tn mn md in ky ri".split()
    registered = {2: "tcfeuv2", 5: "tcfcav1", 6: "uspv1", 7: "usnat"}
    registered |= {8 + at: f"us{state}" for at, state in enumerate(states)}
    assert dict(SECTION_NAMES) == registered


def test_any_beginning_of_a_string_is_read_or_refused() -> None:
    for text, _ in written("gpp", 7, 48):
        for end in range(len(text)):
            decoded = decode_gpp(text[:end])
            if isinstance(decoded, Gpp):
                consent_of_gpp(decoded)


@given(st.text(max_size=300) | st.text(ALPHABET + "~.", max_size=3000))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    decoded = decode_gpp(text)
    assert isinstance(decoded, Gpp) or decoded.problem


@given(st.sampled_from(["DBABMA", "DBABTA", "DBABLA", "DBABBg"]), st.text(ALPHABET + ".", max_size=200))
def test_any_section_after_a_sound_header_is_read_or_says_why_not(header: str, section: str) -> None:
    decoded = decode_gpp(f"{header}~{section}")
    assert isinstance(decoded, Gpp)
    assert consent_of_gpp(decoded).note


@given(st.integers(0, 40), st.text(max_size=100) | st.text(ALPHABET + ".", max_size=40))
def test_any_us_section_is_read_or_refused(section: int, text: str) -> None:
    decoded = decode_us_section(section, text)
    assert isinstance(decoded, UsSection) or decoded.problem


@settings(max_examples=20)
@given(st.integers(0, 70000), st.sampled_from([*ALPHABET, "~", ".", "é"]))
def test_up_to_64_kilobytes_of_one_letter_are_refused(length: int, letter: str) -> None:
    assert isinstance(decode_gpp(letter * length), Unreadable)


def test_a_header_that_announces_every_section_is_refused_before_it_is_spelled_out() -> None:
    # One range: from 1, for as many as the largest number of 22 bits in Fibonacci coding that is still an id.
    header = pack((3, 6), (1, 6), (1, 12), (1, 1), (0b11, 2), (0b0000000000000000000011, 22))
    assert "announces" in problem(header)


def problem(text: str) -> str:
    decoded = decode_gpp(text)
    assert isinstance(decoded, Unreadable)
    return decoded.problem


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", "type is 2"),
        ("DCABMA~1YNN", "version is 2"),
        ("DBABMA", "announces 1 sections, 0 follow"),
        ("DBABTA~1YNN~1YNN", "announces 1 sections, 2 follow"),
        ("DB", "too early"),
        ("DBABTA~" + "1" * LONGEST, "longer"),
    ],
)
def test_what_breaks_the_format_is_refused_in_words(text: str, words: str) -> None:
    assert words in problem(text)


@pytest.mark.parametrize(
    ("text", "granted"),
    [
        (CALIFORNIA_OUT, False),
        ("DBABTA~1YYN", False),
        ("DBABTA~1YNN", True),
        ("DBABTA~1---", None),
        (NATIONAL_GPC, False),
        ("DBABBg~BUoAAABA.QA", True),
        (NATIONAL_IN, True),
        ("DBABRg~BAkAABA", False),
        ("DBABRg~BAAAABA", None),
    ],
)
def test_opting_out_of_sale_sharing_or_targeted_advertising_decides_marketing(text: str, granted: bool | None) -> None:
    assert marketing(text) is granted


def test_the_gpc_sub_section_is_the_global_privacy_control() -> None:
    assert consent_of_gpp(read(NATIONAL_GPC)).gpc
    assert not consent_of_gpp(read(NATIONAL_IN)).gpc


def test_a_question_that_was_not_applicable_leaves_marketing_unset_unless_another_was_answered_by_opting_out() -> None:
    # US National, version 2: six notices, then sale, sharing and targeted advertising.
    def national(sale: int, sharing: int, targeted: int) -> bool | None:
        text = pack((2, 6), (0, 12), (sale, 2), (sharing, 2), (targeted, 2), (0, 46))
        return marketing(f"DBABLA~{text}")

    assert national(2, 2, 0) is None
    assert national(2, 0, 1) is False
    assert national(2, 2, 3) is None
    assert national(2, 2, 2) is True


def test_the_longer_row_that_some_wrote_under_version_1_is_read() -> None:
    decoded = decode_us_section(7, pack((1, 6), (0, 18), *[(1, 2)] * 16, *[(2, 2)] * 3, (1, 2), (2, 2), (0, 4)))
    assert isinstance(decoded, UsSection)
    assert decoded.fields["SensitiveDataProcessing"] == (1,) * 16
    assert decoded.fields["MspaCoveredTransaction"] == 2


def test_the_sections_in_force_are_the_ones_that_count() -> None:
    assert marketing(CALIFORNIA_OUT, 10) is True
    assert marketing(CALIFORNIA_OUT, 8) is False
    assert marketing(CALIFORNIA_OUT, 8, 10) is False
    assert marketing(CALIFORNIA_OUT, 27) is False


def test_where_a_section_in_force_cannot_be_read_nothing_is_granted_and_refusals_stay() -> None:
    assert marketing("DBACBmA~BAUAAABA.QA~B") is False
    broken = consent_of_gpp(read("DBACBmA~B~BAoAAEA.QA"))
    assert broken.categories == {}
    assert "section 8 was not read" in broken.note
    assert marketing("DBACBmA~B~BAoAAEA.QA", 10) is True


def test_a_section_that_nobody_knows_yet_is_kept_as_unreadable() -> None:
    # 1000000011 is 1 + 55 in Fibonacci coding.
    header = pack((3, 6), (1, 6), (1, 12), (0, 1), (0b1000000011, 10))
    section = read(f"{header}~BAAA").sections[56]
    assert isinstance(section, Unreadable)
    assert "known here" in section.problem


@pytest.mark.parametrize(
    ("section", "text", "words"),
    [
        (8, "BUoAAABA.QA.QA", "more segments"),
        (9, "BAkAABA.YA", "more segments"),
        (8, "BUoAAABA.gA", "unknown kind 2"),
        (8, "CUoAAABA", "Version is 2"),
        (24, "YBAAA", "MspaVersion is 24"),
        (8, "BUo", "too early"),
    ],
)
def test_a_us_section_that_breaks_its_format_is_refused_in_words(section: int, text: str, words: str) -> None:
    decoded = decode_us_section(section, text)
    assert isinstance(decoded, Unreadable)
    assert words in decoded.problem


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("7", (7,)),
        ("7,8", (7, 8)),
        ("7_8", (7, 8)),
        ("0", ()),
        ("-1", ()),
        ("", ()),
        ("seven", ()),
        ("7,", ()),
        ("1" * 6, ()),
        ("7," * 70000, ()),
        ("\u0667", ()),
    ],
)
def test_the_ids_of_the_sections_in_force_are_read(text: str, ids: tuple[int, ...]) -> None:
    assert decode_gpp_sid(text) == ids
