"""TC strings: published ones, the reference implementation's, and whatever anybody may send."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.consent.bits import LONGEST, Bits, Ids, MalformedError, Unreadable, ids_of
from proxy_addon.consent.tcf import (
    PublisherPurposes,
    Restriction,
    TcfCanadaString,
    TcfString,
    consent_of,
    consent_of_canada,
    decode_tcf,
    decode_tcf_canada,
    refuses_vendor,
)

from .oracle import written

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# The example of the IAB's GPP specification.
PUBLISHED = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
# Made with @iabtechlabtcf/core 1.5.21; CAPTURED is in the shape of one that a real platform wrote.
CONTEXTUAL = "CQuMEMAQuMEMAAKABBENAREgAMIAAAAAAAYgF5wAQF5gAAAA.IAAA.YAAAAAAAAAAA"
STORAGE_ONLY = "CQuMEMAQuMEMAAKABBENAREgAIAAAAAAAAYgAAAAAAAA.IAAA.YAAAAAAAAAAA"
PERSONALISED = "CQuMEMAQuMEMAAKABBENAREgAPIAAAAAAAYgF5wAQF5gAAAA.IAAA.YAAAAAAAAAAA"
INTEREST_ONLY = "CQuMEMAQuMEMAAKABBENAREgAAAAAEPAAAYgAAAAcAAAACAA.IAAA.YAAAAAAAAAAA"
MEASUREMENT = "CQuMEMAQuMEMAAKABBENAREgAIPAAAAAAAYgF5wAQF5gAAAA.IAAA.YAAAAAAAAAAA"
CAPTURED = "CP9AEggP9AEggAfSDBRUAwEgAAAAAEPAAAYgAABBQgJgA4AM-AjwBKoDfAHbAO5AgoBIgCSgEowJaATHAmSBNICfYFBAKDhBQAAA"
# TCF Canada, made with @iabgpp/cmpapi 3.2.0, in today's coding of vendors.
CANADIAN = (
    "BP4u7EAQIVlIAAcEi9ENPaCOXx-nYWLEggU_AEourlWp4By6kaKYGxwBKtE8FoTlHVHVLIWAGOgGNAFEsQ0jJGmLAB9ABgNTBgCxgCMRoVkY"
    ".dePjRbVLJw7I3Sg"
)

EVERYTHING = frozenset(range(1, 12))


def pack(*fields: tuple[int, int]) -> str:
    """Base64 of (value, width) fields, with zeros up to a whole letter."""
    bits = "".join(format(value, f"0{width}b") for value, width in fields)
    bits += "0" * (-len(bits) % 6)
    return "".join(ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def core(*tail: tuple[int, int], version: int = 2, purposes: int = 0xFFFFFF) -> str:
    """A TC core with the given purposes, and `tail` from the vendors on."""
    return pack(
        *((version, 6), (0, 36), (0, 36), (0, 12), (0, 12), (0, 6), (0, 12), (0, 12), (0, 6), (0, 2), (0, 12)),
        *((purposes, 24), (0, 24), (0, 1), (0, 12)),
        *tail,
    )


NOBODY = ((0, 16), (0, 1))


def read(text: str) -> TcfString:
    decoded = decode_tcf(text)
    assert isinstance(decoded, TcfString), decoded
    return decoded


def problem(text: str) -> str:
    decoded = decode_tcf(text)
    assert isinstance(decoded, Unreadable)
    return decoded.problem


def test_the_published_example_is_read_field_by_field() -> None:
    assert read(PUBLISHED) == TcfString(
        version=2,
        created=datetime(2022, 4, 20, 22, tzinfo=UTC),
        updated=datetime(2022, 4, 20, 22, tzinfo=UTC),
        cmp_id=31,
        cmp_version=640,
        screen=1,
        language="EN",
        vendor_list_version=126,
        policy_version=2,
        service_specific=True,
        non_standard_texts=False,
        special_features=frozenset(),
        purpose_consents=frozenset(),
        purpose_legitimate_interests=frozenset(),
        purpose_one_treatment=False,
        country="DE",
        vendor_consents=Ids(),
        vendor_legitimate_interests=Ids(),
        restrictions=(),
    )


def test_a_string_that_a_platform_wrote_is_read_with_its_vendor_ranges() -> None:
    decoded = read(CAPTURED)
    assert decoded.cmp_id == 31
    assert decoded.purpose_consents == frozenset()
    assert decoded.purpose_legitimate_interests == {2, 7, 8, 9, 10}
    assert len(decoded.vendor_legitimate_interests) == 19


@pytest.mark.parametrize(
    ("text", "categories"),
    [
        (CONTEXTUAL, {"analytics": False, "marketing": False}),
        (STORAGE_ONLY, {"analytics": False, "marketing": False}),
        (PERSONALISED, {"analytics": False, "marketing": True}),
        (MEASUREMENT, {"analytics": True, "marketing": False}),
        (INTEREST_ONLY, {"functional": False, "analytics": False, "marketing": False}),
        (CAPTURED, {"functional": False, "analytics": False, "marketing": False}),
        (PUBLISHED, {"functional": False, "analytics": False, "marketing": False}),
    ],
)
def test_purposes_decide_the_categories(text: str, categories: dict[str, bool]) -> None:
    assert consent_of(read(text)).categories == categories


def plain(decoded: TcfString) -> dict[str, Any]:
    """A decoded string in the oracle's plain values."""
    publisher = decoded.publisher
    return {
        "version": decoded.version,
        "created": round(decoded.created.timestamp() * 1000),
        "updated": round(decoded.updated.timestamp() * 1000),
        "cmp_id": decoded.cmp_id,
        "cmp_version": decoded.cmp_version,
        "screen": decoded.screen,
        "language": decoded.language,
        "vendor_list_version": decoded.vendor_list_version,
        "policy_version": decoded.policy_version,
        "service_specific": decoded.service_specific,
        "non_standard_texts": decoded.non_standard_texts,
        "special_features": sorted(decoded.special_features),
        "purpose_consents": sorted(decoded.purpose_consents),
        "purpose_legitimate_interests": sorted(decoded.purpose_legitimate_interests),
        "purpose_one_treatment": decoded.purpose_one_treatment,
        "country": decoded.country,
        "vendor_consents": list(decoded.vendor_consents),
        "vendor_legitimate_interests": list(decoded.vendor_legitimate_interests),
        "restrictions": sorted([each.purpose, each.kind, list(each.vendors)] for each in decoded.restrictions),
        "vendors_disclosed": listed(decoded.vendors_disclosed),
        "vendors_allowed": listed(decoded.vendors_allowed),
        "publisher": publisher
        and {
            "consents": sorted(publisher.consents),
            "legitimate_interests": sorted(publisher.legitimate_interests),
            "custom_count": publisher.custom_count,
            "custom_consents": sorted(publisher.custom_consents),
            "custom_legitimate_interests": sorted(publisher.custom_legitimate_interests),
        },
    }


def listed(ids: Ids | None) -> list[int] | None:
    return None if ids is None else list(ids)


def test_two_thousand_strings_of_the_reference_implementation_are_read_as_it_reads_them() -> None:
    strings = written("tcf", 2025, 2000)
    assert len(strings) == 2000
    with_restrictions = 0
    for text, fields in strings:
        assert plain(read(text)) == {**fields, "restrictions": sorted(fields["restrictions"])}, text
        with_restrictions += bool(fields["restrictions"])
    assert with_restrictions > 200


def test_any_beginning_of_a_string_is_read_or_refused_and_never_grants_more() -> None:
    for text, _ in written("tcf", 7, 16):
        whole = read(text)
        granted = {name for name, said in consent_of(whole).categories.items() if said}
        for end in range(len(text)):
            part = decode_tcf(text[:end])
            if isinstance(part, TcfString):
                # What is cut where its segments meet, or in its padding, still holds a whole core.
                assert part.purpose_consents == whole.purpose_consents
                assert {name for name, said in consent_of(part).categories.items() if said} <= granted


@given(st.text(max_size=300) | st.text(ALPHABET + ".", max_size=3000))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    for decoded in (decode_tcf(text), decode_tcf_canada(text)):
        assert isinstance(decoded, TcfString | TcfCanadaString) or decoded.problem


@given(st.text(ALPHABET, max_size=400), st.lists(st.text(ALPHABET, min_size=1, max_size=100), max_size=4))
def test_any_vendors_after_a_sound_beginning_are_read_or_refused(tail: str, segments: list[str]) -> None:
    decoded = decode_tcf(".".join([PERSONALISED[:36] + tail, *segments]))
    if isinstance(decoded, TcfString):
        consent_of(decoded)
        assert all(0 < vendor < 65536 for vendor in decoded.vendor_consents)


@settings(max_examples=20)
@given(st.integers(0, 70000), st.sampled_from([*ALPHABET, ".", "é", "%"]))
def test_up_to_64_kilobytes_of_one_letter_are_refused(length: int, letter: str) -> None:
    text = letter * length
    assert isinstance(decode_tcf(text), Unreadable)
    assert isinstance(decode_tcf_canada(text), Unreadable)


def test_a_string_longer_than_any_browser_sends_is_not_read() -> None:
    assert "longer" in problem(PUBLISHED + "A" * LONGEST)


def test_ranges_over_every_vendor_thousands_of_times_take_no_more_room_than_one() -> None:
    everyone = ((1, 1), (1, 16), (65535, 16))
    text = core((65535, 16), (1, 1), (4095, 12), *everyone * 4095, *NOBODY, (0, 12))
    assert len(text) < LONGEST
    assert read(text).vendor_consents == Ids(((1, 65535),))


def test_a_bit_field_of_every_vendor_is_read() -> None:
    text = core((65535, 16), (0, 1), (2**65535 - 1, 65535), *NOBODY, (0, 12))
    assert read(text).vendor_consents == Ids(((1, 65535),))


def test_thousands_of_restrictions_on_thousands_of_vendors_are_weighed_without_comparing_each_with_each() -> None:
    every_other = int("10" * 32767 + "1", 2)
    restriction = ((1, 6), (0, 2), (1, 12), (1, 1), (1, 16), (65535, 16))
    text = core((65535, 16), (0, 1), (every_other, 65535), *NOBODY, (2000, 12), *restriction * 2000)
    assert len(text) < LONGEST
    decoded = read(text)
    assert (len(decoded.vendor_consents), len(decoded.restrictions)) == (32768, 2000)
    assert consent_of(decoded).categories["marketing"] is False


@pytest.mark.parametrize("ends", [(9, 3), (0, 3)])
def test_a_range_that_cannot_be_is_refused(ends: tuple[int, int]) -> None:
    text = core((9, 16), (1, 1), (1, 12), (1, 1), (ends[0], 16), (ends[1], 16), *NOBODY, (0, 12))
    assert "impossible range" in problem(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (".", "empty"),
        (PUBLISHED + ".", "empty"),
        (PUBLISHED + "=", "base64"),
        (PUBLISHED.replace("-", "+"), "base64"),
        (PUBLISHED[:30], "too early"),
        ("BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", "version is 1"),
        (f"{PUBLISHED}.IAAA.IAAA", "twice"),
        (f"{PUBLISHED}.wAAA", "unknown kind 6"),
    ],
)
def test_what_breaks_the_format_is_refused_in_words(text: str, words: str) -> None:
    assert words in problem(text)


def test_letters_that_are_none_read_as_question_marks() -> None:
    bits = Bits(pack((30, 6), (25, 6)))
    assert bits.letters() == "?Z"


def sample(**changes: Any) -> TcfString:
    consents = changes.pop("consents", EVERYTHING)
    return replace(read(PUBLISHED), purpose_consents=frozenset(consents), **changes)


def test_legitimate_interest_alone_grants_nothing() -> None:
    said = consent_of(sample(consents={1}, purpose_legitimate_interests=EVERYTHING))
    assert said.categories == {"analytics": False, "marketing": False}


def test_a_string_that_did_not_ask_for_storage_leaves_open_what_lacks_only_that() -> None:
    said = consent_of(sample(consents={3, 4}, purpose_one_treatment=True))
    assert said.categories == {"analytics": False}
    assert consent_of(sample(consents={3, 4})).categories["marketing"] is False


def test_a_purpose_that_the_publisher_forbids_to_every_vendor_is_denied() -> None:
    vendors = ids_of([(5, 9), (20, 20)])
    barred = Restriction(4, 0, ids_of([(1, 30)]))
    assert consent_of(sample(vendor_consents=vendors, restrictions=(barred,))).categories["marketing"] is False


@pytest.mark.parametrize("restriction", [Restriction(4, 0, ids_of([(5, 8)])), Restriction(4, 1, ids_of([(1, 30)]))])
def test_a_restriction_on_some_vendors_or_of_another_kind_leaves_the_category_granted(restriction: Restriction) -> None:
    said = consent_of(sample(vendor_consents=ids_of([(5, 9)]), restrictions=(restriction,)))
    assert said.categories["marketing"] is True


def test_a_vendor_is_refused_that_was_shown_and_not_consented_to() -> None:
    tcf = sample(vendor_consents=ids_of([(5, 9)]), vendors_disclosed=ids_of([(1, 50)]))
    assert [refuses_vendor(tcf, vendor, "marketing") for vendor in (5, 10, 60)] == [False, True, False]
    # Without the segment of vendors that were shown, all are taken to be.
    assert refuses_vendor(replace(tcf, vendors_disclosed=None), 60, "marketing")


def test_a_string_that_lists_no_vendors_refuses_none() -> None:
    tcf = sample(vendor_consents=Ids())
    assert not refuses_vendor(tcf, 5, "marketing")
    assert refuses_vendor(replace(tcf, vendors_disclosed=ids_of([(5, 5)])), 5, "marketing")


@pytest.mark.parametrize(
    ("purpose", "kind", "marketing", "analytics"),
    [
        (4, 0, True, False),
        (4, 2, True, False),
        (8, 0, False, True),
        (8, 2, False, True),
        (1, 0, True, True),
        (4, 1, False, False),
        (7, 0, False, False),
    ],
)
def test_a_publisher_who_leaves_a_vendor_no_consent_for_a_purpose_refuses_it_what_needs_that(
    purpose: int, kind: int, marketing: bool, analytics: bool
) -> None:
    barred = Restriction(purpose, kind, ids_of([(5, 6)]))
    tcf = sample(vendor_consents=ids_of([(5, 9)]), restrictions=(barred,))
    assert refuses_vendor(tcf, 5, "marketing") is marketing
    assert refuses_vendor(tcf, 5, "analytics") is analytics
    assert not refuses_vendor(tcf, 7, "marketing")
    assert not refuses_vendor(tcf, 7, "analytics")


def test_no_legitimate_interest_saves_a_vendor_where_storage_needs_consent() -> None:
    everyone = ids_of([(1, 99)])
    tcf = sample(
        vendor_consents=ids_of([(5, 9)]),
        vendor_legitimate_interests=everyone,
        purpose_legitimate_interests=EVERYTHING,
    )
    assert all(refuses_vendor(tcf, 20, category) for category in ("functional", "analytics", "marketing"))
    # Where storage was not asked about, measuring may rest on legitimate interest, and profiles may not.
    unasked = replace(tcf, purpose_one_treatment=True)
    assert [refuses_vendor(unasked, 20, category) for category in ("functional", "analytics", "marketing")] == [
        True,
        False,
        True,
    ]
    assert refuses_vendor(replace(unasked, purpose_legitimate_interests=frozenset({7})), 20, "analytics")
    assert refuses_vendor(replace(unasked, vendor_legitimate_interests=Ids()), 20, "analytics")


def test_the_note_says_which_purposes_were_consented_to() -> None:
    assert consent_of(read(CONTEXTUAL), "cookie euconsent-v2").note == (
        "read from cookie euconsent-v2: consent to purposes 1, 2, 7"
    )


def read_canadian(text: str) -> TcfCanadaString:
    decoded = decode_tcf_canada(text)
    assert isinstance(decoded, TcfCanadaString), decoded
    return decoded


@pytest.mark.parametrize(
    ("express", "implied", "categories"),
    [
        ({1, 3, 4, 8}, set(), {"analytics": True, "marketing": True}),
        ({1, 3}, {4, 8}, {}),
        ({1}, {8}, {"marketing": False}),
        (set(), set(), {"functional": False, "analytics": False, "marketing": False}),
    ],
)
def test_in_canada_express_consent_grants_and_implied_consent_decides_nothing(
    express: set[int], implied: set[int], categories: dict[str, bool]
) -> None:
    decoded = replace(read_canadian(CANADIAN), purpose_express=frozenset(express), purpose_implied=frozenset(implied))
    assert consent_of_canada(decoded).categories == categories


def canadian(*tail: tuple[int, int]) -> str:
    return pack(
        *((1, 6), (0, 36), (0, 36), (0, 12), (0, 12), (0, 6), (0, 12), (0, 12), (0, 6), (0, 1), (0, 12)),
        *((0b1011 << 20, 24), (0, 24)),
        *tail,
    )


def test_canadas_earlier_coding_of_vendors_is_read_too() -> None:
    earlier = canadian((900, 16), (1, 1), (2, 12), (1, 1), (3, 16), (700, 16), (0, 1), (900, 16), *NOBODY, (0, 12))
    assert read_canadian(earlier).vendor_express == Ids(((3, 700), (900, 900)))
    # In Fibonacci coding 3 is 0011 and 1, the distance to 4, is 11.
    todays = canadian((4, 16), (1, 1), (1, 12), (1, 1), (0b0011, 4), (0b11, 2), *NOBODY, (0, 12))
    assert read_canadian(todays).vendor_express == Ids(((3, 4),))


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 30)), max_size=30), st.integers(0, 400))
def test_a_set_of_ids_behaves_like_a_set(drawn: list[tuple[int, int]], number: int) -> None:
    ranges = [(first, first + more) for first, more in drawn]
    expected = {each for first, last in ranges for each in range(first, last + 1)}
    ids = ids_of(ranges)
    assert list(ids) == sorted(expected)
    assert len(ids) == len(expected)
    assert (number in ids) == (number in expected)
    half = ids_of(ranges[::2])
    assert half.within(ids)
    assert ids.within(half) == (set(half) == expected)


@given(st.lists(st.tuples(st.integers(0, 2**70), st.integers(1, 70)), max_size=40))
def test_numbers_of_any_width_come_out_as_they_went_in(drawn: list[tuple[int, int]]) -> None:
    fields = [(value % (1 << width), width) for value, width in drawn] or [(0, 6)]
    bits = Bits(pack(*fields))
    assert [bits.number(width) for _, width in fields] == [value for value, _ in fields]
    with pytest.raises(MalformedError):
        bits.number(bits.length + 1)


def test_a_fibonacci_number_without_an_end_is_refused() -> None:
    with pytest.raises(MalformedError, match="too large"):
        Bits(pack((0, 60))).fibonacci()


def test_a_publisher_segment_is_read() -> None:
    text = f"{PUBLISHED}.{pack((3, 3), (1 << 23, 24), (1 << 22, 24), (3, 6), (0b101, 3), (0b010, 3))}"
    assert read(text).publisher == PublisherPurposes(
        frozenset({1}), frozenset({2}), 3, frozenset({1, 3}), frozenset({2})
    )
