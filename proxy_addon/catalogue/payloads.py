"""Vendors behind addresses of the site's own, recognised by what is sent there and not by where it goes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from .index import regex_of
from .match import glob
from .model import Match, Payload, Vendor
from .needles import needles
from .urls import split

# So much of a body is looked into: what tells whose it is stands at its beginning.
LOOKED_AT = 65_536
# Longer bodies are kept back only where a rule says how the path ends.
SHORT = 128 * 1024
# A form whose first field is JSON in base64, as older SDKs pack it.
_PACKED = re.compile(r"\A[a-z]{1,8}=((?:[\w+/-]|%2[BbFf]){16,})")


@dataclass(frozen=True, slots=True)
class _Sign:
    """An expression, and the strings of which one stands in whatever it matches: looking for them is far faster."""

    pattern: re.Pattern[str]
    needles: frozenset[str]

    def is_in(self, text: str) -> bool:
        return (not self.needles or any(each in text for each in self.needles)) and bool(self.pattern.search(text))


@dataclass(frozen=True, slots=True)
class _Rule:
    path: re.Pattern[str]
    query: _Sign | None
    body: tuple[_Sign, ...]
    wide: bool
    match: Match


class Payloads:
    """The payload rules of all vendors."""

    def __init__(self, vendors: Iterable[Vendor]) -> None:
        """Compile them."""
        rules = [_rule(vendor, each) for vendor in vendors for each in vendor.payloads]
        self._of_query = tuple(each for each in rules if not each.body)
        self._of_body = tuple(each for each in rules if each.body)

    def match(self, url: str) -> Match | None:
        """Whose a request is by its path and query alone."""
        parts = split(url) if self._of_query and "?" in url else None
        if parts is None:
            return None
        return next((each.match for each in self._of_query if _fits(each, parts.path, parts.query)), None)

    def may_match(self, url: str, *, short: bool) -> bool:
        """Whether the body of a request that is sent there must be seen to know whose it is.

        A rule for every path is about `short` bodies only, which cost nothing to keep back.
        """
        return next(self._fitting(url, short=short), None) is not None

    def match_body(self, url: str, body: str, *, short: bool = True) -> Match | None:
        """Whose a request is by its path, its query and its body, which is decoded."""
        text = body[:LOOKED_AT]
        packed = _PACKED.match(text)
        if packed is not None:
            text = f"{text}\n{_unpacked(packed[1])}"
        if "%22" in text:
            text = unquote_plus(text)
        found = self._fitting(url, short=short)
        return next((each.match for each in found if all(sign.is_in(text) for sign in each.body)), None)

    def may_be(self, url: str) -> Iterator[Match]:
        """Whose a request may be by its address alone, where its body cannot be read."""
        return (each.match for each in self._fitting(url, short=False))

    def _fitting(self, url: str, *, short: bool) -> Iterator[_Rule]:
        parts = split(url) if self._of_body else None
        if parts is not None:
            yield from (
                each for each in self._of_body if (short or not each.wide) and _fits(each, parts.path, parts.query)
            )


def is_wide(path: str) -> bool:
    """Whether a glob says nothing of how a path ends, so that a rule with it is about nearly every request."""
    return not path.rpartition("*")[2].strip("/")


def _fits(rule: _Rule, path: str, query: str) -> bool:
    return (rule.query is None or rule.query.is_in(query)) and rule.path.match(path) is not None


def _unpacked(text: str) -> str:
    """What stands in base64, as far as it is there; '' if it is none."""
    plain = unquote(text).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain[: len(plain) // 4 * 4], validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def _sign(pattern: str) -> _Sign:
    return _Sign(re.compile(pattern), needles(pattern))


def _rule(vendor: Vendor, each: Payload) -> _Rule:
    category = each.category or vendor.category
    return _Rule(
        glob(each.path),
        _sign(each.query) if each.query is not None else None,
        tuple(_sign(regex_of(text) or re.escape(text)) for text in each.body),
        is_wide(each.path),
        Match(vendor.vendor, each.rule, "payload", (category,), category, each.what),
    )
