"""Which requests Envoy hands over because of what they hold: see catalogue.payloads.

Envoy cannot look around in a text, as rules for queries do. It is asked for what is necessary for them instead: rather
too much is handed over than too little.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..catalogue.match import glob
from ..catalogue.model import Payload
from ..catalogue.payloads import SHORT, is_wide

# Only what is sent with these can have a body that tells whose it is; see Engine.carries_events().
_SENDING = "POST|PUT|PATCH"
# A length that is told and may be short enough for rules for every path; see Payloads.may_match().
_SHORT = rf"\d{{1,{len(str(SHORT))}}}"
# What RE2 does not read, or reads as something else.
_BEYOND_RE2 = re.compile(r"\(\?(?:[=!>(#]|<[=!]|P=)|\\[1-9]|[*+?}]\+|\{,\d")
# It repeats nothing more often, counting repetitions within repetitions.
_MOST_REPEATED = 1000
_PIECES = re.compile(r"\\.|\[\^?\]?(?:[^\]\\]|\\.)*\]|\{(\d*),?(\d*)\}|.", re.DOTALL)
_ENDS = re.compile(r"\\[AZ]|(?<![\[\\])\^")
# One pattern that must be found ahead, with groups that hold no further ones.
_ONE = r"(?:[^()\[\]\\]|\\.|\[\^?\]?(?:[^\]\\]|\\.)*\])"
_AHEAD = re.compile(rf"\(\?=((?:{_ONE}|\((?:\?:)?{_ONE}*\))*)\)", re.DOTALL)
_BEGINS = r"(?:^|&)"
# How a compiled glob ends, which Envoy's expressions do by themselves.
_END = r"\Z"


def matches(payloads: Iterable[Payload]) -> Iterator[dict[str, Any]]:
    """Envoy's route matches that together take every request which one of these rules may be about."""
    made: list[dict[str, Any]] = []
    for match in map(_match, payloads):
        # Rules for every path ask for the same here.
        if match not in made:
            made.append(match)
            yield match


def _match(each: Payload) -> dict[str, Any]:
    # What is cheap to tell comes first.
    headers = [_header(":method", _SENDING)] if each.body else []
    headers += [_header("content-length", _SHORT)] if each.body and is_wide(each.path) else []
    headers += [{"name": ":path", "string_match": {"contains": "?"}}] if each.query is not None else []
    headers.append(_header(":path", rf"(?s){glob_in_re2(each)}(?:\?.*)?"))
    headers += [_header(":path", needed) for needed in _needed(each.query)]
    return {"prefix": "/", "headers": headers}


def glob_in_re2(payload: Payload) -> str:
    """What a path, without its query, fits as a whole if this is about it."""
    return glob(payload.path).pattern.removesuffix(_END)


def _needed(query: str | None) -> Iterator[str]:
    """Expressions that a path with its query fits, each of them, if the query fits this one."""
    if query is None:
        return
    ahead = list(_AHEAD.finditer(query))
    whole = "".join(found[0] for found in ahead) == query
    for text in [found[1] for found in ahead] if whole else [query]:
        moved = text.replace(_BEGINS, "[?&]")
        if in_re2(moved) and not _ENDS.search(moved):
            yield rf"(?s).*(?:{moved}).*"


def in_re2(pattern: str) -> bool:
    """Whether RE2 reads an expression of Python's, and as the same."""
    return not _BEYOND_RE2.search(pattern) and _repeated(pattern) <= _MOST_REPEATED


def _repeated(pattern: str) -> int:
    """How often an expression repeats a part of itself at the most, where it says a number."""
    # Of each group that is open, and of the last piece in it.
    most, last = [1], 1
    for found in _PIECES.finditer(pattern):
        piece, least, limit = found[0], found[1], found[2]
        if piece == "(":
            most.append(1)
        elif piece == ")" and len(most) > 1:
            last = most.pop()
        elif piece[0] == "{" and (least or limit):
            last *= max(1, int(limit or least or 0))
        elif piece not in "*+?":
            last = 1
        most[-1] = max(most[-1], last)
    return max(most)


def _header(name: str, pattern: str) -> dict[str, Any]:
    return {"name": name, "string_match": {"safe_regex": {"regex": pattern}}}
