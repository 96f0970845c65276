"""The US sections of the IAB's GPP string: US National (7) and one per state (8 to 27).

Follows the "US Privacy Technical Specification" of each section and, where the two part, the reference implementation
`@iabgpp/cmpapi` 3.2, because that is what consent platforms write with. The specifications of Maryland, Indiana,
Kentucky and Rhode Island describe a section header of their own that the implementation does not write; how a string
with it would look is not certain, so one that starts with its own section id is Unreadable. A core segment is a row of
fields: an integer of 6 bits, then integers or lists of integers of 2 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .bits import Bits, MalformedError, Unreadable, too_long
from .model import Consent

# The answers to an opt-out; 0 is 'not applicable' and 3 is not assigned.
OPTED_OUT, DID_NOT_OPT_OUT = 1, 2
# The fields that decide our category `marketing`, in the sections that have them.
OPT_OUTS = ("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut")
_GPC_SUBSECTION = 1

_MSPA = "MspaCoveredTransaction MspaOptOutOptionMode MspaServiceProviderMode"
_OPT_OUT_NOTICES = "SaleOptOutNotice TargetedAdvertisingOptOutNotice"


def _national(sensitive: int, child: int) -> str:
    return (
        "SharingNotice SaleOptOutNotice SharingOptOutNotice TargetedAdvertisingOptOutNotice"
        " SensitiveDataProcessingOptOutNotice SensitiveDataLimitUseNotice"
        " SaleOptOut SharingOptOut TargetedAdvertisingOptOut"
        f" SensitiveDataProcessing*{sensitive} KnownChildSensitiveDataConsents*{child} PersonalDataConsents {_MSPA}"
    )


def _state(sensitive: int, child: int, *, notice: str = "ProcessingNotice", more: str = "", added: bool = True) -> str:
    """The common layout: `notice` is its first field, `more` a third opt-out notice, `added` an additional consent."""
    children = "KnownChildSensitiveDataConsents" + (f"*{child}" if child else "")
    return (
        f"{notice} {_OPT_OUT_NOTICES} {more} SaleOptOut TargetedAdvertisingOptOut"
        f" SensitiveDataProcessing*{sensitive} {children}"
        f" {'AdditionalDataProcessingConsent' if added else ''} {_MSPA}"
    )


def _newer(child: str = "KnownChildSensitiveDataConsents") -> str:
    """The layout of the sections from 24 on, which start with the agreement."""
    return (
        f"MspaCoveredTransaction MspaMode ProcessingNotice {_OPT_OUT_NOTICES} SaleOptOut TargetedAdvertisingOptOut"
        f" {child} AdditionalDataProcessingConsent"
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """A section's name and its fields in order: a plain name is one integer of 2 bits, `Name*3` a list of three."""

    name: str
    fields: str
    gpc: bool = True
    first: str = "Version"
    sensitive_segment: bool = False


_SHARING = "SharingNotice"
LAYOUTS: Mapping[int, Layout] = MappingProxyType(
    {
        7: Layout("usnat", _national(16, 3)),
        8: Layout(
            "usca",
            "SaleOptOutNotice SharingOptOutNotice SensitiveDataLimitUseNotice SaleOptOut SharingOptOut"
            f" SensitiveDataProcessing*9 KnownChildSensitiveDataConsents*2 PersonalDataConsents {_MSPA}",
        ),
        9: Layout("usva", _state(8, 0, notice=_SHARING, added=False), gpc=False),
        10: Layout("usco", _state(7, 0, notice=_SHARING, added=False)),
        11: Layout(
            "usut",
            _state(8, 0, notice=_SHARING, more="SensitiveDataProcessingOptOutNotice", added=False),
            gpc=False,
        ),
        12: Layout("usct", _state(8, 3, notice=_SHARING, added=False)),
        13: Layout("usfl", _state(8, 3), gpc=False),
        14: Layout("usmt", _state(8, 3, notice=_SHARING)),
        15: Layout("usor", _state(11, 3)),
        16: Layout("ustx", _state(8, 0)),
        17: Layout("usde", _state(9, 5)),
        18: Layout("usia", _state(8, 0, more="SensitiveDataOptOutNotice", added=False)),
        19: Layout("usne", _state(8, 0)),
        20: Layout("usnh", _state(8, 3)),
        21: Layout("usnj", _state(10, 5)),
        22: Layout("ustn", _state(8, 0)),
        23: Layout("usmn", _state(8, 0)),
        24: Layout("usmd", _newer(child=""), first="MspaVersion"),
        25: Layout("usin", _newer(), gpc=False, first="MspaVersion", sensitive_segment=True),
        26: Layout("usky", _newer(), gpc=False, first="MspaVersion", sensitive_segment=True),
        27: Layout("usri", _newer(), gpc=False, first="MspaVersion", sensitive_segment=True),
    }
)
# US National grew from version 1 to 2; some encoders wrote the longer row under version 1.
_NATIONAL_1 = _national(12, 2)
_NATIONAL_2_BITS = 70
_VERSIONS = {7: (1, 2)}


@dataclass(frozen=True, slots=True)
class UsSection:
    """What a US section says: its fields by the specification's names, and its GPC sub-section (None: it has none)."""

    section: int
    name: str
    fields: Mapping[str, int | tuple[int, ...]]
    gpc: bool | None = None


def decode_us_section(section: int, text: str) -> UsSection | Unreadable:
    """Decode the text of one US section, by its GPP id (7 to 27)."""
    long = too_long(text)
    if long:
        return long
    layout = LAYOUTS.get(section)
    if layout is None:
        return Unreadable(f"section {section} is no US section that is known here")
    core, *others = text.split(".")
    try:
        fields = _core(section, layout, Bits(core))
        gpc = _others(layout, others, fields)
    except MalformedError as problem:
        return Unreadable(f"not a {layout.name} section: {problem}")
    return UsSection(section, layout.name, MappingProxyType(fields), gpc)


def _core(section: int, layout: Layout, bits: Bits) -> dict[str, int | tuple[int, ...]]:
    version = bits.number(6)
    if version not in _VERSIONS.get(section, (1,)):
        raise MalformedError(f"its {layout.first} is {version}, which is not known here")
    row = _NATIONAL_1 if section == 7 and version == 1 and bits.length < _NATIONAL_2_BITS else layout.fields
    fields: dict[str, int | tuple[int, ...]] = {layout.first: version}
    for each in row.split():
        name, listed, count = each.partition("*")
        fields[name] = bits.numbers(2, int(count)) if listed else bits.number(2)
    return fields


def _others(layout: Layout, texts: list[str], fields: dict[str, int | tuple[int, ...]]) -> bool | None:
    """Read what follows the core: sensitive data goes into `fields`, the GPC sub-section is answered."""
    if not texts:
        return None
    if len(texts) > 1 or not (layout.gpc or layout.sensitive_segment):
        raise MalformedError("it has more segments than the specification knows")
    bits = Bits(texts[0])
    if layout.sensitive_segment:
        fields["SensitiveDataProcessing"] = bits.numbers(2, 8)
        return None
    kind = bits.number(2)
    if kind != _GPC_SUBSECTION:
        raise MalformedError(f"it holds a sub-section of the unknown kind {kind}")
    return bits.flag()


def marketing(said: UsSection) -> bool | None:
    """Whether a section grants marketing: an opt-out or GPC denies it, 'did not opt out' to every question grants it.

    None, unset, if a question was not applicable.
    """
    answers = [said.fields[name] for name in OPT_OUTS if name in said.fields]
    if said.gpc or OPTED_OUT in answers:
        return False
    return True if all(answer == DID_NOT_OPT_OUT for answer in answers) else None


def consent_of_us_section(said: UsSection, signal: str = "") -> Consent:
    """What a US section says per category, with `gpc` if its GPC sub-section is set."""
    signal = signal or f"gpp {said.name}"
    granted = marketing(said)
    words = {True: "did not opt out, which is no opt-in", False: "opted out", None: "no opt-out applies"}[granted]
    if said.gpc:
        words = "Global Privacy Control"
    categories = {} if granted is None else {"marketing": granted}
    return Consent(categories, gpc=bool(said.gpc), signal=signal, note=f"read from {signal}: {words}")
