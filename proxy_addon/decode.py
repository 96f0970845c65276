"""What a cookie header or a single consent string says, taken apart so that a person can check it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .consent.additional import AdditionalConsent, decode_additional
from .consent.bits import Unreadable
from .consent.gpp import SECTION_NAMES, Gpp, decode_gpp
from .consent.model import CATEGORIES, Consent, Listing
from .consent.platforms import Deferred
from .consent.signals import NOTHING_TOLD, Platforms, Reader, Standards, parse_header
from .consent.standards import consent_of_string, standard_strings, tc_string_of
from .consent.tcf import PURPOSES, TcfString, decode_tcf
from .consent.usprivacy import UsPrivacy, decode_usprivacy

_USP = re.compile(r"[0-9][YNyn-]{3}")
_STANDARDS = {"tcf": "IAB TCF", "gpp": "IAB GPP", "usp": "US Privacy", "ac": "Google Additional Consent"}


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was recognised: what it is, where it lies, how sure its reading is, and what it says."""

    what: str
    where: str
    sure: str
    consent: Consent
    details: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        facts = {"what": self.what, "where": self.where, "sure": self.sure}
        return {**facts, **said(self.consent), "details": dict(self.details)}


@dataclass(frozen=True, slots=True)
class Decoded:
    """All that was recognised, in order, and what it comes to."""

    found: tuple[Found, ...]
    consent: Consent

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"recognised": [each.plain() for each in self.found], "consent": said(self.consent)}


def said(consent: Consent) -> dict[str, Any]:
    """A consent as JSON-ready data; None is unset."""
    return {
        "categories": {name: consent.categories.get(name) for name in CATEGORIES},
        "vendors": dict(consent.vendors),
        "refused": {vendor: sorted(names) for vendor, names in sorted(consent.refused.items())},
        "implied": dict(consent.implied),
        "gpc": consent.gpc,
        "signal": consent.signal,
        "sources": dict(consent.sources),
        "note": consent.note,
    }


def decode(text: str, reader: Reader, *, gpc: bool = False) -> Decoded:
    """Take a Cookie header, or one string of a standard, apart. What is not understood is left out or says why."""
    # What is printed must not steer the terminal.
    plain = "".join(character for character in text if character.isprintable())
    header = re.sub(r"\Acookie:", "", plain.strip(), flags=re.IGNORECASE).strip()
    alone = _alone(header)
    if alone is not None:
        one = _standard(alone, {}, reader.listed, beside_tc=False)
        return Decoded((one,), one.consent)
    cookies = parse_header(header)
    found: list[Found] = []
    for signal in reader.signals:
        # Platforms and standards are taken apart one by one, below.
        consent = None if isinstance(signal, Platforms | Standards) else signal.read(cookies, NOTHING_TOLD)
        if consent is not None:
            found.append(Found(consent.signal, consent.signal, "source", consent))
    strings: dict[tuple[str, str], Deferred] = {}
    for reading in reader.platforms.readings(cookies, NOTHING_TOLD):
        answers = {name: "granted" if granted else "denied" for name, granted in reading.answers.items()}
        found.append(Found(reading.platform, reading.consent.signal, reading.sure, reading.consent, answers))
        strings |= {(each.standard, each.value): each for each in reading.defer_to}
    strings = {(each.standard, each.value): each for each in standard_strings(cookies)} | strings
    beside_tc = any(tc_string_of(each) for each in strings.values())
    found += [_standard(each, cookies, reader.listed, beside_tc=beside_tc) for each in strings.values()]
    return Decoded(tuple(found), reader.read(header, "1" if gpc else None))


def _alone(text: str) -> Deferred | None:
    """The text as one string of a standard, if it is one."""
    if _USP.fullmatch(text):
        return Deferred("usp", text, "the text given")
    if isinstance(decode_tcf(text), TcfString):
        return Deferred("tcf", text, "the text given")
    if isinstance(decode_gpp(text), Gpp):
        return Deferred("gpp", text, "the text given")
    return Deferred("ac", text, "the text given") if isinstance(decode_additional(text), AdditionalConsent) else None


def _standard(
    found: Deferred, cookies: Mapping[str, Sequence[str]], listed: Sequence[Listing], *, beside_tc: bool
) -> Found:
    said = consent_of_string(found, cookies, listed) if beside_tc or found.standard != "ac" else None
    consent = said or Consent(signal=found.where, note="this string decides no category by itself")
    return Found(_STANDARDS[found.standard], found.where, "standard", consent, _details(found, listed))


def _details(found: Deferred, listed: Sequence[Listing]) -> dict[str, str]:
    decoders = {"tcf": decode_tcf, "gpp": decode_gpp, "usp": decode_usprivacy, "ac": decode_additional}
    value = decoders[found.standard](found.value)
    if isinstance(value, Unreadable):
        return {"unreadable": value.problem}
    if isinstance(value, TcfString):
        purposes = {
            f"purpose {number}, {purpose}": "consent"
            if number in value.purpose_consents
            else "legitimate interest only"
            if number in value.purpose_legitimate_interests
            else "none"
            for number, purpose in PURPOSES.items()
        }
        return {
            "written by": f"CMP {value.cmp_id}, policy {value.policy_version}, {value.updated:%Y-%m-%d}",
            "vendors with consent": str(len(value.vendor_consents)),
            **purposes,
            **{
                f"vendor {each.tcf}, {each.vendor}": _vendor(value, each.tcf) for each in listed if each.tcf is not None
            },
        }
    if isinstance(value, Gpp):
        return {
            f"section {number}, {SECTION_NAMES.get(number, 'unknown')}": section.problem
            if isinstance(section, Unreadable)
            else "read"
            for number, section in value.sections.items()
        }
    if isinstance(value, UsPrivacy):
        return {"string": found.value}
    if isinstance(value, AdditionalConsent):
        known = {
            f"provider {each.google_ac}, {each.vendor}": each.google_ac for each in listed if each.google_ac is not None
        }
        return {
            "vendors with consent": str(len(value.consented)),
            **{name: "consent" if number in value.consented else "no consent" for name, number in known.items()},
        }
    return {}


def _vendor(tcf: TcfString, number: int) -> str:
    """What a TC string says of one vendor."""
    if number in tcf.vendor_consents:
        return "consent"
    if tcf.vendors_disclosed is not None and number not in tcf.vendors_disclosed:
        return "not shown to the visitor"
    return "legitimate interest only" if number in tcf.vendor_legitimate_interests else "no consent"
