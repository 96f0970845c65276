"""Vendors behind addresses of the site's own, recognised by what is sent there and not by where it goes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_plus

from .index import regex_of
from .match import glob
from .model import Match, Payload, Vendor
from .urls import split

# So much of a body is looked into: what tells whose it is stands at its beginning.
_LOOKED_AT = 65_536


@dataclass(frozen=True, slots=True)
class _Rule:
    path: re.Pattern[str]
    query: re.Pattern[str] | None
    body: tuple[re.Pattern[str], ...]
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

    def may_match(self, url: str) -> bool:
        """Whether the body of a request that is sent there must be seen to know whose it is."""
        parts = split(url) if self._of_body else None
        return parts is not None and any(_fits(each, parts.path, parts.query) for each in self._of_body)

    def match_body(self, url: str, body: str) -> Match | None:
        """Whose a request is by its path, its query and its body, which is decoded."""
        parts = split(url)
        if parts is None:
            return None
        text = body[:_LOOKED_AT]
        if "%22" in text:
            text = unquote_plus(text)
        for each in self._of_body:
            if _fits(each, parts.path, parts.query) and all(pattern.search(text) for pattern in each.body):
                return each.match
        return None


def _fits(rule: _Rule, path: str, query: str) -> bool:
    return rule.path.match(path) is not None and (rule.query is None or rule.query.search(query) is not None)


def _rule(vendor: Vendor, each: Payload) -> _Rule:
    category = each.category or vendor.category
    return _Rule(
        glob(each.path),
        re.compile(each.query) if each.query is not None else None,
        tuple(re.compile(regex_of(text) or re.escape(text)) for text in each.body),
        Match(vendor.vendor, each.rule, "payload", (category,), category, each.what),
    )
