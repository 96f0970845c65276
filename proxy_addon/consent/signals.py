"""The signals in which consent is read, in order of priority.

A signal looks at a request's cookies and says what it finds, or None. Reading platforms and standards means
adding signals to the list: nothing else here changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from .cookie import COOKIE, PlainCookie, parse_cookie
from .model import NOTHING_SAID, Consent

_LONGEST_HEADER = 65536


class Signal(Protocol):
    """One place where consent is read."""

    def read(self, cookies: Mapping[str, Sequence[str]]) -> Consent | None:
        """What the cookies (each name with all its values) say, or None if this signal is not there."""


@dataclass(frozen=True, slots=True)
class OwnCookie:
    """Reads `consentry=…`."""

    def read(self, cookies: Mapping[str, Sequence[str]]) -> Consent | None:
        """See Signal."""
        values = cookies.get(COOKIE)
        return _strictest([parse_cookie(value) for value in values]) if values else None


@dataclass(frozen=True, slots=True)
class ConfiguredCookie:
    """Reads the plain cookie that the configuration names."""

    cookie: PlainCookie

    def read(self, cookies: Mapping[str, Sequence[str]]) -> Consent | None:
        """See Signal."""
        values = cookies.get(self.cookie.name)
        return _strictest([self.cookie.parse(value) for value in values]) if values else None


class Reader:
    """Reads a visitor's consent from request headers. Remembers the headers it has read before."""

    def __init__(self, plain: PlainCookie | None = None) -> None:
        """`plain` is the site's own cookie, if the configuration names one."""
        self.signals: tuple[Signal, ...] = (OwnCookie(), *([ConfiguredCookie(plain)] if plain else []))
        self._remembered = lru_cache(maxsize=1024)(self._read)

    def read(self, cookie_header: str, gpc_header: str | None) -> Consent:
        """The consent that a `Cookie` header says, with GPC if `Sec-GPC` is '1' (https://w3c.github.io/gpc/)."""
        return self._remembered(cookie_header[:_LONGEST_HEADER], gpc_header is not None and gpc_header.strip() == "1")

    def _read(self, cookie_header: str, gpc: bool) -> Consent:
        cookies = parse_header(cookie_header)
        undecided = NOTHING_SAID
        for signal in self.signals:
            found = signal.read(cookies)
            if found is None:
                continue
            if found.decided:
                return replace(found, gpc=gpc)
            undecided = found
        return replace(undecided, gpc=gpc)


def parse_header(header: str) -> dict[str, list[str]]:
    """The cookies of a `Cookie` header (RFC 6265 §4.2.1), each name with all its values in order."""
    cookies: dict[str, list[str]] = {}
    for pair in header.split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals:
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] == '"':
                value = value[1:-1]
            cookies.setdefault(name.strip(), []).append(value)
    return cookies


def _strictest(found: Sequence[Consent]) -> Consent:
    """One name at two scopes gives two values: a refusal in either counts."""
    if len(found) == 1:
        return found[0]
    categories: dict[str, bool] = {}
    vendors: dict[str, bool] = {}
    for consent in found:
        for said, into in ((consent.categories, categories), (consent.vendors, vendors)):
            for name, granted in said.items():
                into[name] = into.get(name, True) and granted
    return replace(found[0], categories=categories, vendors=vendors, note=f"{len(found)} values: refusals count")
