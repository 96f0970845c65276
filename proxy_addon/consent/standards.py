"""The standards' own cookies, as signals: TCF, GPP and US Privacy strings, decoded into a consent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import unquote

from .bits import Unreadable
from .gpp import consent_of_gpp, decode_gpp, decode_gpp_sid
from .model import Consent
from .platforms import Deferred
from .tcf import consent_of, decode_tcf
from .usprivacy import consent_of_usprivacy, decode_usprivacy

# The cookies in which the standards themselves keep a string, whatever the platform.
COOKIES = {"euconsent-v2": "tcf", "__gpp": "gpp", "usprivacy": "usp"}
_SECTIONS = "__gpp_sid"


def standard_strings(cookies: Mapping[str, Sequence[str]]) -> Iterator[Deferred]:
    """Every string of a standard that lies in a cookie of the standard's own."""
    for name, standard in COOKIES.items():
        for value in cookies.get(name, ())[:8]:
            yield Deferred(standard, unquote(value), f"cookie {name}")


def consent_of_string(found: Deferred, cookies: Mapping[str, Sequence[str]]) -> Consent | None:
    """What a standard's string says; None for a standard that decides no category.

    Outside the TCF a grant only says that nobody opted out: the law already makes that of silence, so here it
    leaves the category unset, and an opt-in law is not satisfied by it.
    """
    if found.standard == "tcf":
        tcf = decode_tcf(found.value)
        return _unread(found, tcf) if isinstance(tcf, Unreadable) else consent_of(tcf, found.where)
    if found.standard == "gpp":
        gpp = decode_gpp(found.value)
        if isinstance(gpp, Unreadable):
            return _unread(found, gpp)
        sections = [unquote(value) for value in cookies.get(_SECTIONS, ())][:1]
        said = consent_of_gpp(gpp, decode_gpp_sid(sections[0]) if sections else (), found.where)
        return said if any(number in _OPT_IN for number in gpp.sections) else _refusals(said)
    if found.standard == "usp":
        usp = decode_usprivacy(found.value)
        return _unread(found, usp) if isinstance(usp, Unreadable) else _refusals(consent_of_usprivacy(usp, found.where))
    return None


# The sections of GPP in which a grant is an opt-in: TCF of the EU and of Canada.
_OPT_IN = frozenset({2, 5})


def _refusals(said: Consent) -> Consent:
    return replace(said, categories={name: False for name, granted in said.categories.items() if not granted})


def _unread(found: Deferred, problem: Unreadable) -> Consent:
    return Consent(signal=found.where, note=f"{found.where} was not read: {problem.problem}")
