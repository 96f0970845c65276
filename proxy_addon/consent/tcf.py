"""The Transparency and Consent String of the IAB Europe TCF v2.2 and v2.3 (cookie `euconsent-v2`), and TCF Canada.

Follows "IAB Tech Lab - Consent string and vendor list formats v2" and, for GPP section 5, "IAB Canada TCF". A string
that breaks the format anywhere is Unreadable as a whole: half of a consent is not consent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from .bits import Bits, Ids, MalformedError, Unreadable, too_long
from .model import Consent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DISCLOSED, _ALLOWED, _PUBLISHER = 1, 2, 3

# Restriction types of publisher restrictions.
NOT_ALLOWED, REQUIRE_CONSENT, REQUIRE_LEGITIMATE_INTEREST = 0, 1, 2

PURPOSES: Mapping[int, str] = MappingProxyType(
    {
        1: "store and access information on a device",
        2: "advertising chosen with limited data",
        3: "profiles for personalised advertising",
        4: "advertising chosen by profile",
        5: "profiles for personalised content",
        6: "content chosen by profile",
        7: "measuring advertising",
        8: "measuring content",
        9: "understanding audiences through statistics",
        10: "developing and improving services",
        11: "content chosen with limited data",
    }
)
# All of a category's purposes must be consented to. No purpose of the TCF stands for our `functional`.
CATEGORY_PURPOSES: Mapping[str, frozenset[int]] = MappingProxyType(
    {"analytics": frozenset({1, 8}), "marketing": frozenset({1, 3, 4})}
)
_STORAGE = frozenset({1})
# The purposes for which the TCF's policies know a legitimate interest, since version 4.
_INTEREST = frozenset({2, 7, 8, 9, 10, 11})
# Under these restrictions a vendor can't act on consent.
_NO_CONSENT = (NOT_ALLOWED, REQUIRE_LEGITIMATE_INTEREST)


@dataclass(frozen=True, slots=True)
class Restriction:
    """What the publisher imposes on vendors for one purpose; `kind` is 0 not allowed, 1 consent only, 2 LI only."""

    purpose: int
    kind: int
    vendors: Ids


@dataclass(frozen=True, slots=True)
class PublisherPurposes:
    """The publisher's own purposes: standard ones 1 to 24, custom ones from 1 to `custom_count`."""

    consents: frozenset[int]
    legitimate_interests: frozenset[int]
    custom_count: int
    custom_consents: frozenset[int]
    custom_legitimate_interests: frozenset[int]


@dataclass(frozen=True, slots=True)
class TcfString:
    """Everything that a TC string says. Segments that it does not carry are None."""

    version: int
    created: datetime
    updated: datetime
    cmp_id: int
    cmp_version: int
    screen: int
    language: str
    vendor_list_version: int
    policy_version: int
    service_specific: bool
    non_standard_texts: bool
    special_features: frozenset[int]
    purpose_consents: frozenset[int]
    purpose_legitimate_interests: frozenset[int]
    purpose_one_treatment: bool
    country: str
    vendor_consents: Ids
    vendor_legitimate_interests: Ids
    restrictions: tuple[Restriction, ...]
    vendors_disclosed: Ids | None = None
    vendors_allowed: Ids | None = None
    publisher: PublisherPurposes | None = None


@dataclass(frozen=True, slots=True)
class TcfCanadaString:
    """What a TC string of TCF Canada says (GPP section 5): express and implied consent in place of consent and LI."""

    version: int
    created: datetime
    updated: datetime
    cmp_id: int
    cmp_version: int
    screen: int
    language: str
    vendor_list_version: int
    policy_version: int
    non_standard_texts: bool
    special_features: frozenset[int]
    purpose_express: frozenset[int]
    purpose_implied: frozenset[int]
    vendor_express: Ids
    vendor_implied: Ids
    restrictions: tuple[Restriction, ...]
    vendors_disclosed: Ids | None = None
    publisher: PublisherPurposes | None = None


def decode_tcf(text: str) -> TcfString | Unreadable:
    """Decode a TC string, plain as the specification writes it: a percent-encoded cookie is decoded by the caller."""
    long = too_long(text)
    if long:
        return long
    core, *others = text.split(".")
    try:
        return _core(Bits(core), _segments(others, fibonacci=False))
    except MalformedError as problem:
        return Unreadable(f"not a TC string: {problem}")


def decode_tcf_canada(text: str) -> TcfCanadaString | Unreadable:
    """Decode a TC string of TCF Canada.

    The specification codes vendor ids as Fibonacci ranges, which early encoders did not: where the one way does not
    come out even, the other is tried, as the reference implementation does.
    """
    long = too_long(text)
    if long:
        return long
    core, *others = text.split(".")
    problems = []
    for fibonacci in (True, False):
        try:
            return _canadian_core(Bits(core), others, fibonacci=fibonacci)
        except MalformedError as problem:
            problems.append(str(problem))
    return Unreadable(f"not a TC string of TCF Canada: {problems[0]}")


@dataclass(frozen=True, slots=True)
class _Segments:
    disclosed: Ids | None = None
    allowed: Ids | None = None
    publisher: PublisherPurposes | None = None


def _segments(texts: list[str], *, fibonacci: bool) -> _Segments:
    disclosed = allowed = publisher = None
    seen = set()
    for text in texts:
        bits = Bits(text)
        kind = bits.number(3)
        if kind in seen:
            raise MalformedError(f"segment {kind} stands in it twice")
        seen.add(kind)
        if kind == _DISCLOSED:
            disclosed = bits.ids(fibonacci=fibonacci)
        elif kind == _ALLOWED:
            allowed = bits.ids(fibonacci=fibonacci)
        elif kind == _PUBLISHER:
            publisher = _publisher(bits)
        else:
            raise MalformedError(f"it holds a segment of the unknown kind {kind}")
        if fibonacci and not bits.rest_is_padding():
            raise MalformedError("a segment does not end where its fields do")
    return _Segments(disclosed, allowed, publisher)


def _publisher(bits: Bits) -> PublisherPurposes:
    consents, interests = bits.members(24), bits.members(24)
    count = bits.number(6)
    return PublisherPurposes(consents, interests, count, bits.members(count), bits.members(count))


def _moment(bits: Bits) -> datetime:
    return _EPOCH + timedelta(milliseconds=100 * bits.number(36))


def _restrictions(bits: Bits, *, fibonacci: bool = False) -> tuple[Restriction, ...]:
    # Canada's lists are coded like its vendors, with the largest id in front; Europe's are bare ranges.
    return tuple(
        Restriction(bits.number(6), bits.number(2), bits.ids(fibonacci=True) if fibonacci else bits.ranges())
        for _ in range(bits.number(12))
    )


def _core(bits: Bits, segments: _Segments) -> TcfString:
    version = bits.number(6)
    if version != 2:
        raise MalformedError(f"its version is {version}, not 2")
    return TcfString(
        version=version,
        created=_moment(bits),
        updated=_moment(bits),
        cmp_id=bits.number(12),
        cmp_version=bits.number(12),
        screen=bits.number(6),
        language=bits.letters(),
        vendor_list_version=bits.number(12),
        policy_version=bits.number(6),
        service_specific=bits.flag(),
        non_standard_texts=bits.flag(),
        special_features=bits.members(12),
        purpose_consents=bits.members(24),
        purpose_legitimate_interests=bits.members(24),
        purpose_one_treatment=bits.flag(),
        country=bits.letters(),
        vendor_consents=bits.ids(),
        vendor_legitimate_interests=bits.ids(),
        restrictions=_restrictions(bits),
        vendors_disclosed=segments.disclosed,
        vendors_allowed=segments.allowed,
        publisher=segments.publisher,
    )


def _canadian_core(bits: Bits, others: list[str], *, fibonacci: bool) -> TcfCanadaString:
    version = bits.number(6)
    if version != 1:
        raise MalformedError(f"its version is {version}, not 1")
    segments = _segments(others, fibonacci=fibonacci)
    decoded = TcfCanadaString(
        version=version,
        created=_moment(bits),
        updated=_moment(bits),
        cmp_id=bits.number(12),
        cmp_version=bits.number(12),
        screen=bits.number(6),
        language=bits.letters(),
        vendor_list_version=bits.number(12),
        policy_version=bits.number(6),
        non_standard_texts=bits.flag(),
        special_features=bits.members(12),
        purpose_express=bits.members(24),
        purpose_implied=bits.members(24),
        vendor_express=bits.ids(fibonacci=fibonacci),
        vendor_implied=bits.ids(fibonacci=fibonacci),
        restrictions=_restrictions(bits, fibonacci=fibonacci),
        vendors_disclosed=segments.disclosed,
        publisher=segments.publisher,
    )
    if fibonacci and not bits.rest_is_padding():
        raise MalformedError("it does not end where its fields do")
    return decoded


def consent_of(tcf: TcfString, signal: str = "tcf") -> Consent:
    """What a TC string says per category.

    A category is granted when all its purposes are consented to, whatever legitimate interest says, and denied when
    one is not. Two cases leave a category unset, for the regime to decide: `functional`, for which the TCF has no
    purpose, unless storage itself (purpose 1) is refused; and whatever lacks only purpose 1 in a string that says
    that purpose 1 was not asked about.
    """
    granted = tcf.purpose_consents - _barred_for_all(tcf)
    categories = {
        category: purposes <= granted
        for category, purposes in CATEGORY_PURPOSES.items()
        if not (tcf.purpose_one_treatment and purposes - granted == {1})
    }
    if 1 not in granted and not tcf.purpose_one_treatment:
        categories["functional"] = False
    note = f"read from {signal}: consent to purposes {_listed(tcf.purpose_consents)}"
    return Consent(categories, signal=signal, note=note)


def consent_of_canada(tcf: TcfCanadaString, signal: str = "tcf-canada") -> Consent:
    """What a TC string of TCF Canada says per category: express consent grants; implied consent leaves it unset."""
    express, implied = tcf.purpose_express, tcf.purpose_implied
    categories = {
        category: purposes <= express
        for category, purposes in CATEGORY_PURPOSES.items()
        if purposes <= express or not purposes <= express | implied
    }
    if 1 not in express | implied:
        categories["functional"] = False
    note = f"read from {signal}: express consent to purposes {_listed(express)}"
    return Consent(categories, signal=signal, note=note)


def refuses_vendor(tcf: TcfString, vendor: int, category: str) -> bool:
    """Whether the string refuses a vendor of the Global Vendor List what a category stands for.

    What it says of the purposes themselves is another question, see consent_of(). A vendor is refused by the
    publisher, who restricts one of the category's purposes to nothing or to legitimate interest, or by the visitor,
    who did not consent to it. It is not refused where the string says nothing of it: it lists no vendors at all, or
    says which were shown to the visitor, and this one was not. Nor is it where the string says that purpose 1 was not
    asked about, and the visitor leaves the vendor its legitimate interest in all other purposes: then nothing is said
    that could have been consented to.
    """
    purposes = CATEGORY_PURPOSES.get(category, _STORAGE)
    for each in tcf.restrictions:
        if each.kind in _NO_CONSENT and each.purpose in purposes and vendor in each.vendors:
            return True
    if vendor in tcf.vendor_consents:
        return False
    disclosed = tcf.vendors_disclosed
    if vendor not in disclosed if disclosed is not None else not tcf.vendor_consents.ranges:
        return False
    others = purposes - _STORAGE
    interest = vendor in tcf.vendor_legitimate_interests and others <= _INTEREST & tcf.purpose_legitimate_interests
    return not (tcf.purpose_one_treatment and others and interest)


def _barred_for_all(tcf: TcfString) -> set[int]:
    """The purposes that the publisher forbids to every vendor that the visitor consented to."""
    if not tcf.vendor_consents.ranges:
        return set()
    return {
        each.purpose
        for each in tcf.restrictions
        if each.kind == NOT_ALLOWED and tcf.vendor_consents.within(each.vendors)
    }


def _listed(purposes: frozenset[int]) -> str:
    return ", ".join(str(purpose) for purpose in sorted(purposes)) or "none"
