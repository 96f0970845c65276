"""Our own consent cookie, and a site's plain one.

Our own is a query string, so that people and any URL library can read it:

    consentry=v=1&functional=granted&analytics=granted&marketing=denied&vendor.hotjar=denied

`v` is the version of the form, each category is `granted` or `denied` (left out: unset), and `vendor.<id>`
is an exception for one vendor. Other keys are ignored, so that later versions can add to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from .model import CATEGORIES, Consent

COOKIE = "consentry"
# What a page has told of a platform that writes no readable cookie is kept in the same form under this name.
TOLD_COOKIE = "consentry-told"
VERSION = "1"
_LONGEST = 4096
_ANSWERS = {"granted": True, "denied": False}
_VENDOR = re.compile(r"vendor\.([a-z0-9]+(?:-[a-z0-9]+)*)\Z")
# Only what a page has told is kept so finely: no banner asks for a vendor in one category.
_REFUSED = re.compile(rf"vendor\.([a-z0-9]+(?:-[a-z0-9]+)*)\.({'|'.join(CATEGORIES)})\Z")


def format_cookie(consent: Consent) -> str:
    """The value of our cookie for a consent."""
    said = {True: "granted", False: "denied"}
    parts = [f"v={VERSION}"]
    parts += [f"{name}={said[consent.categories[name]]}" for name in CATEGORIES if name in consent.categories]
    parts += [f"vendor.{name}={said[granted]}" for name, granted in sorted(consent.vendors.items())]
    parts += [f"vendor.{name}.{each}=denied" for name, each in _pairs(consent.refused)]
    return "&".join(parts)


def parse_cookie(value: str, name: str = COOKIE) -> Consent:
    """The consent that our cookie's value says; whatever cannot be understood leaves everything unset."""
    signal = f"cookie {name}"
    if len(value) > _LONGEST:
        return Consent(signal=signal, note=f"the cookie is longer than {_LONGEST} bytes and was not read")
    pairs = parse_qsl(unquote(value) if "%3d" in value.lower() else value)
    if ("v", VERSION) not in pairs:
        return Consent(signal=signal, note=f"the cookie is not of version {VERSION} and was not read")
    categories: dict[str, bool] = {}
    vendors: dict[str, bool] = {}
    refused: dict[str, frozenset[str]] = {}
    for key, answer in pairs:
        if answer not in _ANSWERS:
            continue
        exception = _VENDOR.match(key)
        partly = _REFUSED.match(key) if name == TOLD_COOKIE and answer == "denied" else None
        # Where a key stands twice with two answers, the refusal counts.
        if key in CATEGORIES:
            categories[key] = categories.get(key, True) and _ANSWERS[answer]
        elif exception:
            vendors[exception[1]] = vendors.get(exception[1], True) and _ANSWERS[answer]
        elif partly:
            refused[partly[1]] = refused.get(partly[1], frozenset()) | {partly[2]}
    return Consent(categories, vendors, signal=signal, note=f"read from {signal}", refused=refused)


def _pairs(refused: Mapping[str, frozenset[str]]) -> list[tuple[str, str]]:
    return [(name, category) for name in sorted(refused) for category in sorted(refused[name])]


@dataclass(frozen=True, slots=True, eq=False)
class PlainCookie:
    """A cookie of the site's own that says the visitor's choice in a plain word.

    `values` maps a whole value to the categories it grants; every other category is then denied.
    `tokens` maps one token of a list, split at `separator`, to the category it grants.
    """

    name: str
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)
    separator: str = ","

    def parse(self, value: str) -> Consent:
        """The consent that a value of this cookie says; an unknown value leaves everything unset."""
        signal = f"cookie {self.name}"
        if len(value) > _LONGEST:
            return Consent(signal=signal, note=f"the cookie is longer than {_LONGEST} bytes and was not read")
        plain = unquote(value).strip()
        granted = self.values.get(plain)
        if granted is None and self.tokens:
            tokens = {token.strip() for token in plain.split(self.separator)} - {""}
            if tokens <= set(self.tokens):
                granted = frozenset(self.tokens[token] for token in tokens)
        if granted is None:
            return Consent(signal=signal, note=f"the value of {signal} is none that the configuration names")
        return Consent({name: name in granted for name in CATEGORIES}, signal=signal, note=f"read from {signal}")
