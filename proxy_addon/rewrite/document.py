"""One document's body on its way through: decoded, brought to bytes that can be rewritten, rewritten, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from . import charset, coding
from .html import HtmlRewriter, Judge
from .injection import Injection
from .xml import hold_xml

# An XML document longer than this is passed as it is: no one writes such pages by hand.
_LONGEST_XML = 16 * 1024 * 1024
# What a browser takes for HTML when nobody says what it is (MIME Sniffing §7.1), after blanks.
_SNIFFED = re.compile(
    rb"[\t\n\f\r ]*(?:<!--|<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[ >])",
    re.IGNORECASE,
)
_DATA = re.compile(rb"[\t\n\f\r ]*[\[{]")
_HTML, _XML = "html", "xml"
_XML_TYPES = ("application/xhtml+xml", "image/svg+xml")
_UNKNOWN_TYPES = ("", "unknown/unknown", "application/unknown", "*/*")


def form(content_type: str) -> str | None:
    """How a Content-Type is rewritten: 'html', 'xml', 'sniff' where it says nothing, or None."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/html":
        return _HTML
    if kind in _XML_TYPES:
        return _XML
    return "sniff" if kind in _UNKNOWN_TYPES or "/" not in kind else None


class Document:
    """Rewrites a response body fed in pieces of any size.

    `encodings` are the content codings in the order applied, `recode` whether they are to be put back.
    `on_trouble` hears, in words, why a document could not be rewritten; what arrived is passed on then.
    """

    def __init__(
        self,
        judge: Judge,
        base: str,
        *,
        content_type: str,
        encodings: Sequence[str] = (),
        recode: bool = False,
        injection: Injection | None = None,
        whole: bool = True,
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`whole` is false for a fragment that a script fetched: it gets no injection and may be mere data."""
        self._judge = judge
        self._base = base
        self._form = form(content_type)
        self._label = charset.declared(content_type)
        self._decoders = [coding.decoder(name) for name in reversed(encodings)]
        self._encoders = [coding.encoder(name) for name in encodings] if recode else []
        self._injection = injection if whole else None
        self._whole = whole
        self._on_trouble = on_trouble
        self._beginning: bytes | None = b""
        self._charset: charset.Charset | None = None
        self._html: HtmlRewriter | None = None
        self._xml: list[bytes] | None = None
        self._xml_length = 0
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What can be sent on after the next bytes."""
        if self._ended:
            return
        try:
            for piece in self._decoded(data, 0):
                rewritten = self._rewrite(piece)
                if rewritten:
                    yield self._encoded(rewritten)
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
            rest = self._begin(self._beginning, final=True)
        rest += self._guarded(self._finish)
        if rest:
            yield self._encoded(rest)
        end = b""
        for encoder in self._encoders:
            end = (encoder.feed(end) if end else b"") + encoder.close()
        if end:
            yield end

    def _decoded(self, data: bytes, depth: int) -> Iterator[bytes]:
        if depth == len(self._decoders):
            yield data
            return
        for piece in self._decoders[depth].feed(data):
            yield from self._decoded(piece, depth + 1)

    def _encoded(self, data: bytes) -> bytes:
        for encoder in self._encoders:
            data = encoder.feed(data)
        return data

    def _rewrite(self, data: bytes) -> bytes:
        if self._beginning is not None:
            beginning = self._beginning + data
            needed = charset.PRESCAN if not self._label and self._form == _HTML and b"\x1b" in beginning else 64
            if self._form == "sniff":
                needed = 64
            if len(beginning) < needed:
                self._beginning = beginning
                return b""
            return self._begin(beginning, final=False)
        return self._guarded(lambda: self._step(data))

    def _begin(self, beginning: bytes, *, final: bool) -> bytes:
        """Enough has arrived to say what this document is."""
        self._beginning = None
        kind = self._form
        if kind == "sniff":
            kind = _HTML if _SNIFFED.match(beginning.removeprefix(b"\xef\xbb\xbf")) else None
        elif kind == _HTML and not self._whole and _DATA.match(beginning):
            kind = None
        if kind == _XML:
            self._xml = []
        elif kind == _HTML:
            self._charset = charset.translation(self._label, beginning)
            inject = self._injection.html() if self._injection else b""
            self._html = HtmlRewriter(self._judge, self._base, inject=inject)
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
        if self._charset is None:
            return self._html.feed(data)
        return self._charset.outward(self._html.feed(self._charset.inward(data)))

    def _finish(self) -> bytes:
        if self._xml is not None:
            document, self._xml = b"".join(self._xml), None
            injection = self._injection
            try:
                return hold_xml(document, self._judge, self._base, injection)
            except Exception:
                self._xml = [document]
                raise
        if self._html is None:
            return b""
        if self._charset is None:
            return self._html.close()
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
                left = self._charset.outward(left) if self._charset else left
            self._html, self._xml = None, None
            return left
