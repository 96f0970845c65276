"""Brings the charsets that are no supersets of ASCII into a form that the rewriter can work on, and back.

Nearly all charsets of the web (Encoding Standard §4.2) keep ASCII bytes for ASCII characters wherever markup
is concerned, and pass as they are. Two do not: UTF-16, and ISO-2022-JP, whose double-byte text consists of
ASCII bytes between escape sequences.
"""

from __future__ import annotations

import codecs
import re
from typing import Protocol

_META = re.compile(rb"<meta[^>]*?charset\s*=\s*[\"']?\s*(?:iso-2022-jp|csiso2022jp)", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*\"?\s*([^\s;,\"]+)", re.IGNORECASE)
_ESCAPE = re.compile(rb"\x1b(?:\([BJI]|\$[@B])")
# To ASCII, and to its Japanese variant, which differs in two characters that are no markup.
_ASCII_ESCAPES = (b"\x1b(B", b"\x1b(J")
_FLIPPED = bytes(byte ^ 0x80 for byte in range(256))
_PRESCAN = 1024


class Charset(Protocol):
    """Translates a document's bytes for the rewriter and the rewriter's bytes back."""

    def inward(self, data: bytes) -> bytes:
        """The next bytes as ASCII-compatible ones."""

    def outward(self, data: bytes) -> bytes:
        """The rewriter's bytes in the document's charset."""

    def rest(self) -> bytes:
        """What is left at the end: bytes that are no whole character, as they came."""


def declared(content_type: str) -> str:
    """The charset of a Content-Type header in lower case, or ''. Of a repeated one the last counts."""
    found = _CHARSET.findall(content_type)
    return found[-1].lower() if found else ""


def translation(label: str, beginning: bytes) -> Charset | None:
    """What translates a document with this charset label and these first bytes; None if nothing needs to.

    A byte order mark counts most, then the label, then a <meta> in the first 1024 bytes (HTML §13.2.3.2);
    a <meta> cannot declare UTF-16.
    """
    if beginning.startswith(b"\xef\xbb\xbf"):
        return None
    if beginning.startswith(b"\xff\xfe"):
        return _Utf16("utf-16-le")
    if beginning.startswith(b"\xfe\xff"):
        return _Utf16("utf-16-be")
    if label in ("utf-16", "utf-16le", "unicode", "ucs-2", "csunicode", "iso-10646-ucs-2", "unicodefeff"):
        return _Utf16("utf-16-le")
    if label in ("utf-16be", "unicodefffe"):
        return _Utf16("utf-16-be")
    if label in ("iso-2022-jp", "csiso2022jp") or (not label and _META.search(beginning[:_PRESCAN])):
        return _Iso2022Jp()
    return None


class Undeclared:
    """The beginning of a page whose charset nothing but a <meta> can still name.

    Up to the first escape sequence it reads the same either way, so only what follows one has to wait.
    """

    def __init__(self) -> None:
        self.charset: Charset | None = None
        self.decided = False
        self._seen = b""
        self._passed = 0

    def ready(self, data: bytes) -> bytes:
        """What can be read after the next bytes."""
        self._seen += data
        self.charset = translation("", self._seen)
        self.decided = self.charset is not None or len(self._seen) >= _PRESCAN
        escape = -1 if self.decided else self._seen.find(b"\x1b")
        start, self._passed = self._passed, len(self._seen) if escape < 0 else escape
        return self._seen[start : self._passed]

    def rest(self) -> bytes:
        """What still waits."""
        return self._seen[self._passed :]


class _Utf16:
    """UTF-16 as UTF-8 and back; lone surrogates survive."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._decoder = codecs.getincrementaldecoder(name)("surrogatepass")
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogatepass")

    def inward(self, data: bytes) -> bytes:
        return self._decoder.decode(data).encode("utf-8", "surrogatepass")

    def outward(self, data: bytes) -> bytes:
        return self._utf8.decode(data).encode(self._name, "surrogatepass")

    def rest(self) -> bytes:
        return self._decoder.getstate()[0]


class _Iso2022Jp:
    """Text that is not ASCII gets its high bits flipped, so that no byte of it looks like markup."""

    def __init__(self) -> None:
        self._in = _Flip()
        self._out = _Flip()

    def inward(self, data: bytes) -> bytes:
        return self._in.feed(data)

    def outward(self, data: bytes) -> bytes:
        return self._out.feed(data)

    def rest(self) -> bytes:
        return self._out.held + self._in.held


class _Flip:
    """Flips the high bit of all bytes in double-byte and katakana text. Done twice, it changes nothing."""

    def __init__(self) -> None:
        self.held = b""
        self._foreign = False

    def feed(self, data: bytes) -> bytes:
        data = self.held + data
        # An escape sequence has three bytes: wait for all of one that has begun.
        begun = data.rfind(b"\x1b", -2)
        cut = begun if begun >= 0 else len(data)
        self.held = data[cut:]
        pieces: list[bytes] = []
        position = 0
        for escape in _ESCAPE.finditer(data, 0, cut):
            pieces += (self._flipped(data[position : escape.start()]), escape[0])
            self._foreign = escape[0] not in _ASCII_ESCAPES
            position = escape.end()
        pieces.append(self._flipped(data[position:cut]))
        return b"".join(pieces)

    def _flipped(self, text: bytes) -> bytes:
        return text.translate(_FLIPPED) if self._foreign else text
