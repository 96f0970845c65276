"""What a tag says in its own requests that it was told of consent: Google Consent Mode and Microsoft UET.

Google does not publish the form of `gcs` and `gcd`. What is here was worked out from traffic by many people, agrees
with itself on every value that was seen, and may change without notice. The same holds for Microsoft's `asc`. It is
evidence of what a tag was told, never a signal in which consent is read.

`gcs`: `G1`, then ad_storage and analytics_storage, each `1` granted, `0` denied, `-` not set.
`gcd`: `1`, then four times a separator and a letter, then flags. The letter's place in `0-9a-zA-Z-_` holds three pairs
of bits: declared, default, update; in each pair 1 is not set, 2 denied, 3 granted.
`asc`: `G` granted, `D` denied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .model import Consent

GOOGLE, UET = "google", "microsoft-uet"
TYPES = ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization")
# Which of our categories each consent type stands for.
CATEGORY: Mapping[str, str] = MappingProxyType(
    {
        "ad_storage": "marketing",
        "analytics_storage": "analytics",
        "ad_user_data": "marketing",
        "ad_personalization": "marketing",
    }
)

_PLACES = {letter: at for at, letter in enumerate("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_")}
_ANSWERS = {2: False, 3: True}
_GCD = re.compile(r"1((?:[0-9a-zA-Z_-]{2}){4})[0-9a-zA-Z_-]{0,56}\Z")
_GCS = re.compile(r"G1([01-])([01-])\Z")
_GCS_ANSWERS = {"1": True, "0": False}
NAMES = ("gcs", "gcd", "asc")


@dataclass(frozen=True, slots=True)
class Told:
    """What a tag was told of one consent type: granted, denied, or None for not set."""

    declared: bool | None = None
    default: bool | None = None
    update: bool | None = None

    @property
    def now(self) -> bool | None:
        """What holds: the update, else the default, else what was declared. None behaves as granted in the tag."""
        for each in (self.update, self.default, self.declared):
            if each is not None:
                return each
        return None


@dataclass(frozen=True, slots=True)
class ConsentMode:
    """What a request says its tag was told. `problem` names a parameter that was there and could not be read."""

    tag: str
    types: Mapping[str, Told]
    parameters: Mapping[str, str]
    problem: str = ""


def consent_mode(pairs: Iterable[tuple[str, str]]) -> ConsentMode | None:
    """What the tag was told, from the decoded query pairs of a request; None if the request does not say.

    Meant for requests to Google and to Microsoft: elsewhere the names may mean something else. `gcd` tells more than
    `gcs` and wins. Of several values of one name, the first counts.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in NAMES:
            found.setdefault(name, value)
    if "gcd" in found or "gcs" in found:
        return _google(found)
    if found.get("asc") in ("G", "D"):
        told = Told(update=found["asc"] == "G")
        return ConsentMode(UET, MappingProxyType({"ad_storage": told}), MappingProxyType({"asc": found["asc"]}))
    return None


def _google(found: Mapping[str, str]) -> ConsentMode:
    problems = []
    types: dict[str, Told] = {}
    gcs = _GCS.match(found.get("gcs", ""))
    if gcs:
        types |= {
            name: Told(update=_GCS_ANSWERS.get(answer)) for name, answer in zip(TYPES[:2], gcs.groups(), strict=True)
        }
    elif "gcs" in found:
        problems.append("gcs is not of the known form")
    gcd = _GCD.match(found.get("gcd", ""))
    if gcd:
        detailed = {name: _told(letter) for name, letter in zip(TYPES, gcd[1][1::2], strict=True)}
        problems += [
            f"gcs and gcd differ on {name}"
            for name, told in types.items()
            # 'Not set' in one of them is no difference: they are not known to report it alike.
            if None not in (told.now, detailed[name].now) and told.now != detailed[name].now
        ]
        types = detailed
    elif "gcd" in found:
        problems.append("gcd is not of the known form")
    parameters = {name: value[:64] for name, value in found.items() if name != "asc"}
    return ConsentMode(GOOGLE, MappingProxyType(types), MappingProxyType(parameters), "; ".join(problems))


def _told(letter: str) -> Told:
    place = _PLACES[letter]
    return Told(*(_ANSWERS.get(place >> shift & 3) for shift in (4, 2, 0)))


def contradictions(said: ConsentMode, consent: Consent) -> tuple[str, ...]:
    """Where a tag was told something else than the visitor chose, a sentence each; nothing for what is unset."""
    found = []
    for name in TYPES:
        told = said.types.get(name)
        chosen = consent.categories.get(CATEGORY[name])
        if told is None or chosen is None:
            continue
        # A type that was never set behaves as granted.
        granted = told.now is not False
        if granted != chosen:
            heard = "granted" if told.now else "denied" if told.now is False else "nothing, which counts as granted"
            choice = "granted" if chosen else "denied"
            found.append(f"{said.tag} was told {heard} for {name}, and the visitor {choice} {CATEGORY[name]}")
    return tuple(found)
