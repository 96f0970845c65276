"""What requests say that their tags were told of consent, and where that contradicts the visitor. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ..catalogue.urls import split
from ..consent.bits import Unreadable
from ..consent.googlemode import CATEGORY, TYPES, UET, ConsentMode, consent_mode
from ..consent.model import CATEGORIES, Consent, Regime
from ..consent.platforms import Deferred
from ..consent.standards import consent_of_string
from ..consent.usprivacy import consent_of_usprivacy, decode_usprivacy

_GOOGLE, _UET, _TCF, _US, _GPP = "google-consent-mode", "microsoft-uet", "tcf", "us-privacy", "gpp"
# Under these names requests carry the strings of standards (IAB TCF, US Privacy and GPP URL-passing specifications).
_STRINGS: Mapping[str, tuple[str, str]] = {
    "gdpr_consent": (_TCF, "tcf"),
    "us_privacy": (_US, "usp"),
    "gpp": (_GPP, "gpp"),
}
_LONGEST = 16 * 1024
_LONGEST_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that a request says its tag was told; `wrong` is a sentence where it contradicts the visitor."""

    kind: str
    name: str
    value: str
    wrong: str


def told(url: str, consent: Consent, regime: Regime, *, tells_mode: bool) -> tuple[Told, ...]:
    """What a request's query says, against the visitor's consent.

    `tells_mode` says that the request's vendor takes part in Google's or Microsoft's consent mode.
    """
    said = pairs(url)
    mode = consent_mode(said) if tells_mode else None
    return (*(_of_mode(mode, consent, regime) if mode else ()), *_of_strings(dict(said), consent, regime))


def pairs(url: str) -> list[tuple[str, str]]:
    """The decoded query pairs of a URL, of a very long query those at its start."""
    parts = split(url)
    return parse_qsl(parts.query[:_LONGEST]) if parts else []


def stands(consent: Consent, regime: Regime) -> Mapping[str, bool]:
    """What holds for each category: what was said, else what the law makes of silence."""
    held = {
        name: consent.categories.get(name, regime.unset.get(name, False) and consent.implied.get(name) is not False)
        for name in CATEGORIES
    }
    return {name: granted and not (consent.gpc and name in regime.gpc_denies) for name, granted in held.items()}


def _of_mode(mode: ConsentMode, consent: Consent, regime: Regime) -> Iterator[Told]:
    holds = stands(consent, regime)
    wrong = []
    for name in TYPES:
        said = mode.types.get(name)
        category = CATEGORY[name]
        # A type that was never set behaves as granted; told too little is no violation of anybody's will.
        if said is not None and said.now is not False and not holds[category]:
            heard = "granted" if said.now else "nothing, which counts as granted,"
            wrong.append(f"{mode.tag} was told {heard} for {name}, though {_why(category, consent, regime)}")
    kind = _UET if mode.tag == UET else _GOOGLE
    for at, (name, value) in enumerate(mode.parameters.items()):
        yield Told(kind, name, value, "; ".join(wrong) if at == 0 else "")


def _of_strings(query: Mapping[str, str], consent: Consent, regime: Regime) -> Iterator[Told]:
    holds = stands(consent, regime)
    for name, (kind, standard) in _STRINGS.items():
        value = query.get(name)
        if not value:
            continue
        claims = _claims(Deferred(standard, value, name), consent, regime)
        wrong = "; ".join(
            f"the string in {name} says that {each} is granted, though {_why(each, consent, regime)}"
            for each in CATEGORIES
            if each in claims and not holds[each]
        )
        yield Told(kind, name, value[:_LONGEST_SHOWN], wrong)


def _claims(found: Deferred, consent: Consent, regime: Regime) -> frozenset[str]:
    """The categories that a string says are granted."""
    if found.standard == "usp":
        # 'Not opted out' is a claim only against somebody who has objected.
        decoded = decode_usprivacy(found.value)
        said = None if isinstance(decoded, Unreadable) else consent_of_usprivacy(decoded, found.where)
        objected = {name for name in CATEGORIES if name in consent.categories} | (
            regime.gpc_denies if consent.gpc else frozenset()
        )
        return (
            frozenset(name for name, granted in said.categories.items() if granted and name in objected)
            if said
            else frozenset()
        )
    said = consent_of_string(found, {})
    return frozenset(name for name, granted in said.categories.items() if granted) if said else frozenset()


def _why(category: str, consent: Consent, regime: Regime) -> str:
    if category in consent.categories:
        return f"the visitor denied {category}"
    if consent.gpc and category in regime.gpc_denies:
        return f"Global Privacy Control denies {category} under {regime.regime}"
    return f"the visitor has not said anything, which {regime.regime} counts as a refusal of {category}"
