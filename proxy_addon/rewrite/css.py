"""Addresses in CSS (CSS Syntax Level 3): `url()`, `@import` and `image-set()`, held where they stand."""

from __future__ import annotations

import re
from collections.abc import Callable

from .placeholder import URL_PREFIX

# Decides on an address as it is written, without quotes; true: hold it.
Decide = Callable[[str], bool]

_QUOTED = rb"\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'"
_ADDRESS = re.compile(
    rb"/\*.*?(?:\*/|\Z)"
    rb"|(?P<url>(?<![\w-])url\([\t\n\f\r ]*+(?P<open>[\"']|&quot;|&#0*3[49];|&#[xX]0*2[27];|&apos;)?)"
    rb"|(?P<import>@import[\t\n\f\r ]++)(?=[\"'])"
    rb"|(?P<set>(?<![\w])image-set\()"
    rb"|" + _QUOTED,
    re.IGNORECASE | re.DOTALL,
)
_BARE = re.compile(rb"(?:[^\t\n\f\r \"'()\\]|\\.)++", re.DOTALL)
_ENTITY_QUOTED = re.compile(rb"(?:[^&\n]|&(?!quot;|#0*3[49];|#[xX]0*2[27];|apos;))*+", re.IGNORECASE)
_STRING = re.compile(_QUOTED, re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[ \t\r\n\f])?|(.))", re.DOTALL)


def may_fetch(css: bytes) -> bool:
    """A quick no for CSS that names no address at all."""
    lower = css.lower()
    return b"url(" in lower or b"@import" in lower or b"image-set(" in lower


def hold_addresses(css: bytes, decide: Decide) -> bytes:
    """The style sheet with the prefix in front of each address that `decide` holds; else the same object."""
    insertions: list[int] = []
    position = 0
    while (found := _ADDRESS.search(css, position)) is not None:
        position = found.end()
        if found["url"] is not None:
            start, end = _url_value(css, found)
            position = end
            _judge(css, start, end - (len(found["open"] or b"") == 1), decide, insertions)
        elif found["import"] is not None:
            string = _STRING.match(css, position)
            if string is not None:
                position = string.end()
                _judge(css, string.start() + 1, position - 1, decide, insertions)
        elif found["set"] is not None:
            close = css.find(b")", position)
            for string in _STRING.finditer(css, position, close if close >= 0 else len(css)):
                _judge(css, string.start() + 1, string.end() - 1, decide, insertions)
    if not insertions:
        return css
    pieces = [css[start:end] for start, end in zip([0, *insertions], [*insertions, len(css)], strict=True)]
    return URL_PREFIX.join(pieces)


def _url_value(css: bytes, found: re.Match[bytes]) -> tuple[int, int]:
    """Where the address of a `url(` starts and ends, a closing quotation mark included."""
    start, quote = found.end(), found["open"]
    if quote is None:
        value = _BARE.match(css, start)
    elif len(quote) == 1:
        value = _STRING.match(css, start - 1)
    else:
        value = _ENTITY_QUOTED.match(css, start)
    return (start, value.end()) if value else (start, start + (quote is not None and len(quote) == 1))


def _judge(css: bytes, start: int, end: int, decide: Decide, insertions: list[int]) -> None:
    if end > start and decide(_unescape(css[start:end].decode("utf-8", "replace"))):
        insertions.append(start)


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text

    def character(found: re.Match[str]) -> str:
        if found[1] is None:
            return str(found[2])
        code = int(found[1], 16)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"

    return _ESCAPE.sub(character, text)
