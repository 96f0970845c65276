"""The standards' own cookies, as signals: TCF, GPP, US Privacy and Additional Consent strings as a consent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import unquote

from .additional import AdditionalConsent, decode_additional
from .bits import Unreadable
from .gpp import EUROPE, Gpp, consent_of_gpp, decode_gpp, decode_gpp_sid, sections_in_force
from .model import Consent, Listing
from .platforms import Deferred
from .tcf import TcfString, consent_of, decode_tcf, refuses_vendor
from .usprivacy import consent_of_usprivacy, decode_usprivacy

# The cookies in which the standards themselves keep a string, whatever the platform.
COOKIES = {"euconsent-v2": "tcf", "__gpp": "gpp", "usprivacy": "usp", "addtl_consent": "ac"}
_SECTIONS = "__gpp_sid"


def standard_strings(cookies: Mapping[str, Sequence[str]]) -> Iterator[Deferred]:
    """Every string of a standard that lies in a cookie of the standard's own."""
    for name, standard in COOKIES.items():
        for value in cookies.get(name, ())[:8]:
            yield Deferred(standard, unquote(value), f"cookie {name}")


def consents_of_strings(
    found: Iterable[Deferred], cookies: Mapping[str, Sequence[str]], listed: Sequence[Listing] = ()
) -> tuple[list[Consent], list[Consent]]:
    """What several strings of one place say: first of categories and vendors, then those that only refuse vendors.

    An Additional Consent string goes with a TC string and says nothing without one.
    """
    strings = list(found)
    said = [consent_of_string(each, cookies, listed) for each in strings if each.standard != "ac"]
    additional = [each for each in strings if each.standard == "ac"]
    if not additional or not any(map(tc_string_of, strings)):
        additional = []
    providers = [consent_of_string(each, cookies, listed) for each in additional]
    return [each for each in said if each is not None], [each for each in providers if each is not None]


def consent_of_string(
    found: Deferred, cookies: Mapping[str, Sequence[str]], listed: Sequence[Listing] = ()
) -> Consent | None:
    """What a standard's string says, of `listed` vendors too; None for one that decides nothing.

    Of an Additional Consent string this is what it refuses beside a TC string, see consents_of_strings().

    Outside the TCF a grant only says that nobody opted out: the law already makes that of silence, so here it
    leaves the category unset, and an opt-in law is not satisfied by it.
    """
    if found.standard == "tcf":
        tcf = decode_tcf(found.value)
        if isinstance(tcf, Unreadable):
            return _unread(found, tcf)
        return _refusing(consent_of(tcf, found.where), _refused_by(tcf, listed), listed)
    if found.standard == "gpp":
        gpp = decode_gpp(found.value)
        if isinstance(gpp, Unreadable):
            return _unread(found, gpp)
        sections = [unquote(value) for value in cookies.get(_SECTIONS, ())][:1]
        applicable = decode_gpp_sid(sections[0]) if sections else ()
        said = consent_of_gpp(gpp, applicable, found.where)
        if not any(number in _OPT_IN for number in gpp.sections):
            return _refusals(said)
        europe = gpp.sections[EUROPE] if EUROPE in sections_in_force(gpp, applicable) else None
        return _refusing(said, _refused_by(europe, listed), listed) if isinstance(europe, TcfString) else said
    if found.standard == "usp":
        usp = decode_usprivacy(found.value)
        return _unread(found, usp) if isinstance(usp, Unreadable) else _refusals(consent_of_usprivacy(usp, found.where))
    additional = decode_additional(found.value)
    if isinstance(additional, Unreadable):
        return None
    refused = {
        each.vendor: each.covers
        for each in listed
        if each.tcf is None and _refuses_provider(additional, each.google_ac)
    }
    none = Consent(signal=found.where, note=f"read from {found.where}")
    return _refusing(none, refused, listed) if refused else None


# The sections of GPP in which a grant is an opt-in: TCF of the EU and of Canada.
_OPT_IN = frozenset({2, 5})


def tc_string_of(found: Deferred) -> TcfString | None:
    """The TC string of the EU that a string is or holds."""
    if found.standard == "tcf":
        decoded = decode_tcf(found.value)
        return decoded if isinstance(decoded, TcfString) else None
    gpp = decode_gpp(found.value) if found.standard == "gpp" else None
    section = gpp.sections.get(EUROPE) if isinstance(gpp, Gpp) else None
    return section if isinstance(section, TcfString) else None


def _refused_by(tcf: TcfString, listed: Iterable[Listing]) -> dict[str, frozenset[str]]:
    """The vendors that a TC string refuses, each with the categories in which it does."""
    found = {
        each.vendor: frozenset(name for name in each.covers if refuses_vendor(tcf, each.tcf, name))
        for each in listed
        if each.tcf is not None
    }
    return {vendor: names for vendor, names in found.items() if names}


def _refuses_provider(additional: AdditionalConsent, provider: int | None) -> bool:
    """Whether a provider was shown and is not consented to.

    Version 1 does not say who was shown: all of Google's providers are taken to be, unless it names none.
    """
    if provider is None or provider in additional.consented:
        return False
    return bool(additional.consented) if additional.disclosed is None else provider in additional.disclosed


def _refusing(said: Consent, refused: Mapping[str, frozenset[str]], listed: Iterable[Listing]) -> Consent:
    """A consent that refuses vendors too: a vendor as such where it has no other categories.

    Nothing here grants a vendor anything: whom the visitor consented to in the TCF may still do only what its purposes
    allow, and these are the categories.
    """
    if not refused:
        return said
    wholly = {each.vendor for each in listed if each.whole and refused.get(each.vendor) == each.covers}
    return replace(
        said,
        vendors={**said.vendors, **dict.fromkeys(sorted(wholly), False)},
        refused={**said.refused, **{name: names for name, names in refused.items() if name not in wholly}},
        note=f"{said.note}; no consent to {', '.join(sorted(refused))}",
    )


def _refusals(said: Consent) -> Consent:
    return replace(said, categories={name: False for name, granted in said.categories.items() if not granted})


def _unread(found: Deferred, problem: Unreadable) -> Consent:
    return Consent(signal=found.where, note=f"{found.where} was not read: {problem.problem}")
