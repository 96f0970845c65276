"""Addresses in CSS (CSS Syntax Level 3): `url()`, `@import` and `image-set()`, held where they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from .placeholder import URL_PREFIX

# Decides on an address as it is written, without quotes; true: hold it.
Decide = Callable[[str], bool]

# Sheets up to this length are kept as they were read: all pages of a site have the same.
_LONGEST_KNOWN = 32 * 1024

_BLANKS = rb"(?:[\t\n\f\r ]++|/\*.*?(?:\*/|\Z))*+"
# A string ends at its quotation mark, and a broken one at the end of the line or of the sheet.
_STRING = rb"|".join(
    rb"%(q)s(?:[^%(q)s\\\n\r\f]|\\(?:\r\n|.|\Z))*+(?:%(q)s|(?=[\n\r\f])|\Z)" % {b"q": quote} for quote in (b'"', b"'")
)
# Quotation marks inside a style attribute may be entities.
_ENTITY_QUOTE = rb"&(?:(?:quot|apos)(?:;|(?![0-9a-z=]))|#0*3[49](?![0-9]);?|#x0*2[27](?![0-9a-f]);?)"
# `url`, of which each letter may be escaped.
_URL = rb"(?<![\w-])(?:\\?u|\\0{0,4}[57]5\s?)(?:\\?r|\\0{0,4}[57]2\s?)(?:\\?l|\\0{0,4}[46]c\s?)\("
_TOKEN = re.compile(
    # What can begin none of these is passed first, in one step.
    rb"(?:[^/uUiI@()\"'&\\]++|(?!/\*|"
    + _URL
    + rb"|@import"
    + _BLANKS
    + rb"[\"']|(?<!\w)image-set\(|"
    + _ENTITY_QUOTE
    + rb")[/uUiI@&\\])*+(?:"
    rb"/\*.*?(?:\*/|\Z)"
    rb"|(?P<url>" + _URL + rb"[\t\n\f\r ]*+)"
    rb"|(?P<import>@import" + _BLANKS + rb")(?=[\"'])"
    rb"|(?P<set>(?<!\w)image-set\()"
    rb"|(?P<paren>[()])"
    rb"|(?P<string>" + _STRING + rb")"
    rb"|(?P<entity>" + _ENTITY_QUOTE + rb"))",
    re.IGNORECASE | re.DOTALL,
)
_ENTITY = re.compile(_ENTITY_QUOTE, re.IGNORECASE)
_QUOTED = re.compile(_STRING, re.DOTALL)
_BARE = re.compile(rb"(?:[^\t\n\f\r \"'()\\]|\\(?:[0-9a-fA-F]{1,6}+(?:\r\n|[ \t\r\n\f])?+|.))++", re.DOTALL)
_CLOSE = re.compile(rb"[\t\n\f\r ]*+\)")
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[ \t\r\n\f])?|(\r\n|.))", re.DOTALL)


def may_fetch(css: bytes) -> bool:
    """A quick no for CSS that names no address at all."""
    lower = css.lower()
    return b"url(" in lower or b"@import" in lower or b"image-set(" in lower or b"\\" in lower


def hold_addresses(css: bytes, decide: Decide) -> bytes:
    """The style sheet with the prefix in front of each address that `decide` holds; else the same object."""
    found = _known(css) if len(css) <= _LONGEST_KNOWN else _addresses(css)
    insertions = [start for start, address in found if decide(address)]
    if not insertions:
        return css
    pieces = [css[start:end] for start, end in zip([0, *insertions], [*insertions, len(css)], strict=True)]
    return URL_PREFIX.join(pieces)


@lru_cache(maxsize=128)
def _known(css: bytes) -> list[tuple[int, str]]:
    return _addresses(css)


def _addresses(css: bytes) -> list[tuple[int, str]]:
    """Every address in a style sheet as it is meant, with the place where it is written."""
    addresses: list[tuple[int, str]] = []
    css = _unambiguous(css)
    position = 0
    # The functions that are open since an image-set began: true for each that is one itself.
    functions: list[bool] = []
    while (found := _TOKEN.match(css, position)) is not None:
        position = found.end()
        if found["url"] is not None:
            position = _url(css, position, addresses)
        elif found["import"] is not None:
            string = _QUOTED.match(css, position)
            if string is not None:
                position = string.end()
                _note(css, *_inside(string), addresses)
        elif found["set"] is not None:
            functions.append(True)
        elif found["paren"] is not None and functions:
            if found["paren"] == b"(":
                functions.append(False)
            else:
                functions.pop()
        elif functions and functions[-1]:
            if found["string"] is not None:
                _note(css, *_inside(found), addresses)
            elif (quote := _ENTITY.search(css, position)) is not None:
                _note(css, position, quote.start(), addresses)
                position = quote.end()
    return addresses


def _unambiguous(css: bytes) -> bytes:
    """The sheet for reading: in Big5 or Shift_JIS a backslash may be half of a character, and then escapes nothing."""
    if b"\\" not in css or css.isascii():
        return css
    try:
        css.decode("utf-8")
    except UnicodeDecodeError:
        return re.sub(rb"(?<=[\x80-\xff])\\", b"_", css)
    return css


def _url(css: bytes, start: int, addresses: list[tuple[int, str]]) -> int:
    """Note the address after a `url(`; return where it ends."""
    string = _QUOTED.match(css, start)
    if string is not None:
        _note(css, *_inside(string), addresses)
        close = _CLOSE.match(css, string.end())
        return close.end() if close else string.end()
    entity = _ENTITY.match(css, start)
    if entity is not None:
        quote = _ENTITY.search(css, entity.end())
        end = quote.start() if quote else len(css)
        _note(css, entity.end(), end, addresses)
        close = _CLOSE.match(css, quote.end() if quote else end)
        return close.end() if close else end
    bare = _BARE.match(css, start)
    if bare is not None:
        _note(css, start, bare.end(), addresses)
        start = bare.end()
    close = _CLOSE.match(css, start)
    return close.end() if close else start


def _inside(string: re.Match[bytes]) -> tuple[int, int]:
    """The span of a string without its quotation marks; the closing one may be missing."""
    text = string.group(string.lastgroup or 0) if string.lastgroup == "string" else string[0]
    closed = len(text) > 1 and text[-1] == text[0]
    return string.end() - len(text) + 1, string.end() - closed


def _note(css: bytes, start: int, end: int, addresses: list[tuple[int, str]]) -> None:
    if end > start:
        addresses.append((start, _unescape(css[start:end].decode("utf-8", "replace"))))


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text

    def character(found: re.Match[str]) -> str:
        if found[1] is None:
            return "" if found[2] in ("\n", "\r\n", "\r", "\f") else str(found[2])
        code = int(found[1], 16)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"

    return _ESCAPE.sub(character, text)
