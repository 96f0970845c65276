"""The inert form of a tag, and the way back.

A held tag keeps every byte it had. Directly after its name stands a mark, ` data-consentry="<vendors>"`
(for scripts ` type="text/x-consentry"` before it), and each attribute that could fetch or run has the
prefix `data-consentry-`. A held URL in CSS or JSON keeps its place behind `about:invalid#consentry:`,
which no browser fetches. The type and the attributes are reserved: pages must not use them themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .markup import TAG, attributes

SCRIPT_TYPE = "text/x-consentry"
MARK = "data-consentry"
PREFIX = b"data-consentry-"
_SRCDOC = PREFIX + b"srcdoc"
URL_PREFIX = b"about:invalid#consentry:"

_MARK = re.compile(
    rb'(?P<head><[a-zA-Z][^\t\n\f\r />]*+)(?: type="text/x-consentry")? data-consentry="[a-z0-9 -]*"'
    rb'(?P<srcdoc>(?: srcdoc="[^"]*+")?)'
)


def mark(vendors: Iterable[str], *, script: bool = False, srcdoc: str | None = None) -> bytes:
    """What is inserted after a held tag's name. `srcdoc` is the document to show meanwhile."""
    kind = f' type="{SCRIPT_TYPE}"' if script else ""
    text = f'{kind} {MARK}="{" ".join(dict.fromkeys(vendors))}"'
    if srcdoc is not None:
        text += ' srcdoc="' + srcdoc.replace("&", "&amp;").replace('"', "&quot;") + '"'
    return text.encode("utf-8", "surrogateescape")


def restore(html: bytes) -> bytes:
    """The document as it was before anything in it was held; exact to the byte."""
    pieces: list[bytes] = []
    position = 0
    for found in _MARK.finditer(html):
        tag = TAG.match(html, found.start())
        if tag is None:
            continue
        pieces += (html[position : found.start()], found["head"])
        written = attributes(html, found.end(), tag.end() - 1)
        replaced = any(attribute.name == _SRCDOC for attribute in written)
        # Without its original kept beside it, a srcdoc is the page's own.
        position = found.end() if replaced else found.start("srcdoc")
        for attribute in written:
            if attribute.name.startswith(PREFIX):
                pieces.append(html[position : attribute.start])
                position = attribute.start + len(PREFIX)
    pieces.append(html[position:])
    return b"".join(pieces).replace(URL_PREFIX, b"")
