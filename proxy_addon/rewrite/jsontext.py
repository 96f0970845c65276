"""JSON as text (RFC 8259): parts of it are replaced or taken out, and all else stays as it was written.

A parser that reads into values and writes them again loses what values do not say: how a number is written (1.0, 1e400,
twenty digits), members of one name, their order. So values are only read, and what changes is spliced in between the
slices of the text that stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from json.decoder import WHITESPACE, scanstring  # type: ignore[attr-defined]
from typing import Any, NoReturn

# What nests deeper is nothing that a library sends, and is not read.
DEEPEST = 200
# Nor is an object or list of more parts looked through.
MOST_PARTS = 20_000
_NESTING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


# Numbers are never written again. What they are read as does not matter, as long as the longest cost no time.
_DECODER = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=_no_json)


class UnclearError(Exception):
    """The JSON is not of the form that was expected."""


class Part:
    """A value, and where it stands: `text[start:at]` is its member's name and colon, `text[at:end]` the value."""

    __slots__ = ("_parts", "at", "end", "name", "start", "text", "value")

    def __init__(self, text: str, name: str | None, start: int, at: int, end: int, *, value: Any) -> None:
        """`value` is what the part reads as; of members of one name it has the last."""
        self.text, self.name, self.start, self.at, self.end, self.value = text, name, start, at, end, value
        self._parts: list[Part] | None = None

    @property
    def raw(self) -> str:
        """The value as it is written."""
        return self.text[self.at : self.end]

    @property
    def parts(self) -> list[Part]:
        """The members of an object or the items of a list, in order, those of one name all of them.

        Raises UnclearError where there are too many.
        """
        if self._parts is None:
            self._parts = _scan(self) if isinstance(self.value, (dict, list)) else []
        return self._parts

    def named(self, name: str) -> list[Part]:
        """The members of this name."""
        return [part for part in self.parts if part.name == name] if isinstance(self.value, dict) else []


# Says what shall stand for a member (None: it is not there yet): JSON, or None for no change.
Change = Callable[[Part | None], str | None]


def read(text: str) -> Part:
    """The whole of a JSON text. Raises UnclearError for what is none, or nests too deep."""
    at = WHITESPACE.match(text, 0).end()
    try:
        value, end = _DECODER.scan_once(text, at)  # type: ignore[attr-defined]
    except (ValueError, StopIteration, RecursionError):
        raise UnclearError("it is not JSON") from None
    if WHITESPACE.match(text, end).end() != len(text):
        raise UnclearError("it is not JSON")
    if _is_deep(text):
        raise UnclearError("it nests too deep")
    return Part(text, None, at, at, end, value=value)


def reach(root: Part, path: Sequence[str]) -> list[Part]:
    """The values at the end of a way through members of these names."""
    found = [root]
    for name in path:
        found = [child for part in found for child in part.named(name)]
    return found


def put(part: Part, changes: Mapping[str, Change]) -> str:
    """An object with members changed, wherever they stand, and those that are not there added at its end."""
    members: list[str] = []
    same = True
    for child in part.parts:
        change = changes.get(child.name) if child.name is not None else None
        fresh = change(child) if change else None
        members.append(part.text[child.start : child.at] + (child.raw if fresh is None else fresh))
        same = same and fresh in (None, child.raw)
    there = {child.name for child in part.parts}
    for name, change in changes.items():
        if name not in there and (fresh := change(None)) is not None:
            members.append(f"{json.dumps(name)}:{fresh}")
            same = False
    return part.raw if same else f"{{{','.join(members)}}}"


def along(path: Sequence[str], change: Change) -> tuple[str, Change]:
    """A change of the member at the end of a way, as a change of the first on it; objects on the way are made.

    The change raises UnclearError where something else than an object, or null, stands on the way.
    """
    first, rest = path[0], path[1:]
    if not rest:
        return first, change
    name, inner = along(rest, change)

    def through(part: Part | None) -> str | None:
        if part is None or part.value is None:
            made = inner(None)
            return None if made is None else f"{{{json.dumps(name)}:{made}}}"
        if not isinstance(part.value, dict):
            raise UnclearError(f"'{first}' is no object")
        return put(part, {name: inner})

    return first, through


def without(root: Part, ways: Collection[Sequence[Part]]) -> str:
    """The text without some of its parts, each told with all that it stands in, from the root on."""
    gone = {id(way[-1]) for way in ways}
    around = {id(part) for way in ways for part in way[:-1]}
    text = root.text

    def keep(part: Part) -> str:
        if id(part) not in around:
            return part.raw
        kept = [text[child.start : child.at] + keep(child) for child in part.parts if id(child) not in gone]
        return f"{text[part.at]}{','.join(kept)}{text[part.end - 1]}"

    return text[: root.at] + keep(root) + text[root.end :]


def _scan(part: Part) -> list[Part]:
    """Where the parts of an object or list stand. The text is known to be JSON."""
    text, index = part.text, part.at
    is_object = text[index] == "{"
    found: list[Part] = []
    index = WHITESPACE.match(text, index + 1).end()
    while text[index] not in "}]":
        start, name = index, None
        if is_object:
            name, index = scanstring(text, index + 1, True)
            index = WHITESPACE.match(text, index).end() + 1
            index = WHITESPACE.match(text, index).end()
        value, end = _DECODER.scan_once(text, index)  # type: ignore[attr-defined]
        if len(found) == MOST_PARTS:
            raise UnclearError("it has too many parts")
        found.append(Part(text, name, start, index, end, value=value))
        index = WHITESPACE.match(text, end).end()
        if text[index] == ",":
            index = WHITESPACE.match(text, index + 1).end()
    return found


def _is_deep(text: str) -> bool:
    if text.count("{") + text.count("[") <= DEEPEST:
        return False
    depth = 0
    for found in _NESTING.finditer(text):
        first = text[found.start()]
        if first != '"':
            depth += 1 if first in "[{" else -1
            if depth > DEEPEST:
                return True
    return False
