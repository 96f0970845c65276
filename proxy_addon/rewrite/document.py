"""One document's body on its way through: decoded, brought to bytes that can be rewritten, rewritten, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from . import charset, coding
from .html import HtmlRewriter, Judge
from .injection import Injection
from .segments import Segments
from .xml import hold_xml

# An XML document longer than this is passed as it is: no one writes such pages by hand.
_LONGEST_XML = 16 * 1024 * 1024
_START = rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]*+"
# What a browser takes for HTML when nobody says what it is (MIME Sniffing §7.1; Chromium asks for no more than the
# beginning of the name), and what it takes for XML.
_SNIFFED_HTML = re.compile(
    _START + rb"<(?:!--|!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|p)", re.IGNORECASE
)
_SNIFFED_XML = re.compile(_START + rb"<\?xml")
# Enough to tell: a first byte that is no blank and 16 more.
_SNIFFABLE = re.compile(_START + rb"[^\t\n\f\r ].{16}", re.DOTALL)
_LONGEST_SNIFFED = 512
# JSON, which may stand behind a prefix that keeps it from being run as a script.
_DATA = re.compile(_START + rb"(?:[\[{\"]|\)\]\})")
_LONGEST_MARK = 3
_HTML, _XML, _SNIFF = "html", "xml", "sniff"
_XML_TYPES = ("application/xhtml+xml", "image/svg+xml", "application/xml", "text/xml")
_UNKNOWN_TYPES = ("unknown/unknown", "application/unknown")


@lru_cache(maxsize=256)
def form(content_type: str) -> str | None:
    """How a Content-Type is rewritten: 'html', 'xml', 'sniff' where it says nothing, or None."""
    kinds = [value.partition(";")[0].strip().lower() for value in content_type.split(",")]
    # Of a repeated field the last type counts.
    kind = next((kind for kind in reversed(kinds) if "/" in kind and kind != "*/*"), None)
    if kind == "text/html":
        return _HTML
    if kind in _XML_TYPES:
        return _XML
    return _SNIFF if kind is None or kind in _UNKNOWN_TYPES else None


class Document:
    """Rewrites a response body fed in pieces of any size.

    `encodings` are the content codings in the order applied; what comes out is in none of them.
    `on_trouble` hears, in words, why a document could not be rewritten; what arrived is passed on then.
    """

    def __init__(
        self,
        judge: Judge,
        base: str,
        *,
        content_type: str,
        encodings: Sequence[str] = (),
        injection: Injection | None = None,
        whole: bool = True,
        on_trouble: Callable[[str], None] = lambda _: None,
        segments: Segments | None = None,
        keeps: bool = True,
    ) -> None:
        """`whole` is false for a fragment that a script fetched: it gets no injection and may be mere data.

        `segments` are those of documents that came before; `keeps` says that parts of this one may be remembered too.
        """
        self._judge = judge
        self._base = base
        self._form = form(content_type)
        self._label = charset.declared(content_type)
        self._decoding = coding.Decoding(encodings)
        self._injection = injection if whole else None
        self._whole = whole
        self._on_trouble = on_trouble
        self._segments = segments
        self._keeps = keeps
        self._beginning: bytes | None = b""
        self._charset: charset.Charset | None = None
        self._undeclared: charset.Undeclared | None = None
        self._html: HtmlRewriter | None = None
        self._xml: list[bytes] | None = None
        self._xml_length = 0
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What can be sent on after the next bytes."""
        if self._ended:
            return
        try:
            for piece in self._decoding.feed(data):
                rewritten = self._rewrite(piece)
                if rewritten:
                    yield rewritten
        except coding.CodingError as error:
            self._on_trouble(f"the body is not in the coding its header names ({error})")
            yield from self.close()
            self._ended = True

    def close(self) -> Iterator[bytes]:
        """The rest, at the end of the body."""
        if self._ended:
            return
        self._ended = True
        rest = b""
        if self._beginning is not None:
            rest = self._begin(self._beginning)
        rest += self._guarded(self._finish)
        if rest:
            yield rest

    def _rewrite(self, data: bytes) -> bytes:
        if self._beginning is not None:
            beginning = self._beginning + data
            if not self._is_enough(beginning):
                self._beginning = beginning
                return b""
            return self._begin(beginning)
        return self._guarded(lambda: self._step(data))

    def _is_enough(self, beginning: bytes) -> bool:
        """Whether it can be said what this document is."""
        if self._form == _SNIFF or not self._whole:
            return len(beginning) >= _LONGEST_SNIFFED or _SNIFFABLE.match(beginning) is not None
        return len(beginning) >= _LONGEST_MARK

    def _begin(self, beginning: bytes) -> bytes:
        self._beginning = None
        kind = self._form
        if kind == _SNIFF:
            kind = _sniffed(beginning)
        elif kind == _HTML and not self._whole and _DATA.match(beginning):
            kind = None
        if kind == _XML:
            self._xml = []
        elif kind == _HTML:
            self._charset = charset.translation(self._label, beginning)
            if self._charset is None and not self._label:
                self._undeclared = charset.Undeclared()
            inject = self._injection.html() if self._injection else b""
            self._html = HtmlRewriter(
                self._judge, self._base, inject=inject, segments=self._segments, keeps=self._keeps
            )
        return self._guarded(lambda: self._step(beginning))

    def _step(self, data: bytes) -> bytes:
        if self._xml is not None:
            self._xml.append(data)
            self._xml_length += len(data)
            if self._xml_length > _LONGEST_XML:
                passed, self._xml = b"".join(self._xml), None
                self._on_trouble(f"the document is longer than {_LONGEST_XML} bytes")
                return passed
            return b""
        if self._html is None:
            return data
        if self._undeclared is not None:
            data = self._declared(self._undeclared, data)
        if self._charset is None:
            return self._html.feed(data)
        return self._charset.outward(self._html.feed(self._charset.inward(data)))

    def _declared(self, undeclared: charset.Undeclared, data: bytes) -> bytes:
        """What can be read of a page that did not say its charset yet."""
        data = undeclared.ready(data)
        if undeclared.decided:
            self._charset, self._undeclared = undeclared.charset, None
        return data

    def _finish(self) -> bytes:
        if self._xml is not None:
            document, self._xml = b"".join(self._xml), None
            injection = self._injection
            try:
                return hold_xml(document, self._judge, self._base, injection, self._label)
            except Exception:
                self._xml = [document]
                raise
        if self._html is None:
            return b""
        rest = b""
        if self._undeclared is not None:
            held, self._undeclared = self._undeclared.rest(), None
            rest = self._html.feed(held)
        if self._charset is None:
            return rest + self._html.close()
        return self._charset.outward(self._html.close()) + self._charset.rest()

    def _guarded(self, step: Callable[[], bytes]) -> bytes:
        """The page always arrives: an error of ours is reported, and the rest passes as it is."""
        try:
            return step()
        except Exception as error:
            self._on_trouble(f"an error while rewriting ({type(error).__name__}: {error})")
            left = b"".join(self._xml or ())
            if self._html is not None:
                left = self._html.pending()
                if self._charset is not None:
                    left = self._charset.outward(left) + self._charset.rest()
                if self._undeclared is not None:
                    left += self._undeclared.rest()
            self._html, self._xml = None, None
            return left


def _sniffed(beginning: bytes) -> str | None:
    if _SNIFFED_HTML.match(beginning):
        return _HTML
    return _XML if _SNIFFED_XML.match(beginning) else None
