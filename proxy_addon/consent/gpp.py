"""The IAB's Global Privacy Platform string (cookies and parameters `gpp`, `__gpp`; which sections bind: `gpp_sid`).

Follows "Global Privacy Platform String", version 1: a header with the ids of the sections that follow, joined by `~`.
One section that cannot be read leaves the others as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from .bits import Bits, MalformedError, Unreadable, too_long
from .model import Consent
from .tcf import TcfCanadaString, TcfString, consent_of, consent_of_canada, decode_tcf, decode_tcf_canada
from .usprivacy import UsPrivacy, consent_of_usprivacy, decode_usprivacy
from .usstates import LAYOUTS, UsSection, consent_of_us_section, decode_us_section

_TYPE, _VERSION = 3, 1
EUROPE = 2
_CANADA, _US_PRIVACY = 5, 6
_SIDS = re.compile(r"[0-9]{1,5}(?:[,_.][0-9]{1,5}){0,99}\Z")

SECTION_NAMES: Mapping[int, str] = MappingProxyType(
    {EUROPE: "tcfeuv2", _CANADA: "tcfcav1", _US_PRIVACY: "uspv1"}
    | {section: layout.name for section, layout in LAYOUTS.items()}
)

Section = TcfString | TcfCanadaString | UsPrivacy | UsSection


@dataclass(frozen=True, slots=True)
class Gpp:
    """The sections of a GPP string by id, in the header's order. An unreadable one, or an unknown id, says why."""

    sections: Mapping[int, Section | Unreadable]


def decode_gpp(text: str) -> Gpp | Unreadable:
    """Decode a GPP string, plain as the specification writes it."""
    long = too_long(text)
    if long:
        return long
    header, *texts = text.split("~")
    try:
        numbers = _header(Bits(header), len(texts))
    except MalformedError as problem:
        return Unreadable(f"not a GPP string: {problem}")
    sections = {number: _section(number, text) for number, text in zip(numbers, texts, strict=True)}
    return Gpp(MappingProxyType(sections))


def decode_gpp_sid(text: str) -> tuple[int, ...]:
    """The ids of the sections in force from `gpp_sid`: `7`, `7,8` or `7_8`.

    Empty if it names none, as `0` and `-1` do, or is not of this form.
    """
    if len(text) > 600 or not _SIDS.match(text):
        return ()
    return tuple(number for number in map(int, re.split("[,_.]", text)) if number > 0)


def _header(bits: Bits, count: int) -> tuple[int, ...]:
    kind, version = bits.number(6), bits.number(6)
    if kind != _TYPE:
        raise MalformedError(f"its type is {kind}, not {_TYPE}")
    if version != _VERSION:
        raise MalformedError(f"its version is {version}, not {_VERSION}")
    ids = bits.fibonacci_ranges()
    # Compared before it is expanded: a range in a header of ten letters may claim 65,535 sections.
    if len(ids) != count:
        raise MalformedError(f"its header announces {len(ids)} sections, {count} follow")
    return tuple(ids)


def _section(number: int, text: str) -> Section | Unreadable:
    if number == EUROPE:
        return decode_tcf(text)
    if number == _CANADA:
        return decode_tcf_canada(text)
    if number == _US_PRIVACY:
        return decode_usprivacy(text)
    return decode_us_section(number, text)


def sections_in_force(gpp: Gpp, applicable: Sequence[int] = ()) -> list[int]:
    """The ids of those sections that count: the applicable ones, or all if none of these is here."""
    return [number for number in gpp.sections if number in applicable] or list(gpp.sections)


def consent_of_gpp(gpp: Gpp, applicable: Sequence[int] = (), signal: str = "gpp") -> Consent:
    """What a GPP string says per category.

    `applicable` are the sections in force (`gpp_sid`); without it, or if none of them is here, all sections count.
    Where sections differ, the refusal counts. A section in force that cannot be read may hold a refusal, so that
    nothing is granted then.
    """
    said: dict[str, bool] = {}
    notes = []
    gpc = unreadable = False
    for number in sections_in_force(gpp, applicable):
        section = gpp.sections[number]
        if isinstance(section, Unreadable):
            unreadable = True
            notes.append(f"section {number} was not read, {section.problem}")
            continue
        consent = consent_of_section(number, section, signal)
        gpc = gpc or consent.gpc
        notes.append(consent.note)
        for category, granted in consent.categories.items():
            said[category] = said.get(category, True) and granted
    if unreadable:
        said = {category: granted for category, granted in said.items() if not granted}
    return Consent(said, gpc=gpc, signal=signal, note="; ".join(notes) or f"{signal} holds no section")


def consent_of_section(number: int, section: Section, signal: str = "gpp") -> Consent:
    """What one section says per category."""
    name = f"{signal} {SECTION_NAMES[number]}"
    if isinstance(section, TcfString):
        return consent_of(section, name)
    if isinstance(section, TcfCanadaString):
        return consent_of_canada(section, name)
    if isinstance(section, UsPrivacy):
        return consent_of_usprivacy(section, name)
    return consent_of_us_section(section, name)
