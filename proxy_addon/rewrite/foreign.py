"""SVG and MathML inside HTML: which namespace the next tag belongs to (HTML §13.2.6.5).

A tokenizer needs to know, because raw text, CDATA and self-closing tags mean different things there. The
elements outside an svg or math are not tracked: they cannot change any of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

HTML, SVG, MATH = "html", "svg", "math"

_BREAKOUT = frozenset(
    b"b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    b"nobr ol p pre ruby s small span strong strike sub sup table tt u ul var".split()
)
_FONT_BREAKOUT = frozenset({b"color", b"face", b"size"})
_VOID = frozenset(b"area base br col embed hr img input link meta param source track wbr".split())
_SVG_HTML = frozenset({b"foreignobject", b"desc", b"title"})
_MATH_TEXT = frozenset({b"mi", b"mo", b"mn", b"ms", b"mtext"})
# An annotation-xml whose encoding says that it holds HTML; no tag can have this name.
_ANNOTATION_HTML = b"annotation-xml html"


class _Open(NamedTuple):
    """An element that is open, and what is open around it. It never changes, so that a snapshot costs nothing."""

    outer: _Open | None
    space: str
    name: bytes
    # Whether this, or one around it, is an element in which HTML stands.
    integrates: bool


class Foreign:
    """The elements open inside the outermost svg or math."""

    def __init__(self) -> None:
        self._top: _Open | None = None

    def __bool__(self) -> bool:
        return self._top is not None

    @property
    def cdata(self) -> bool:
        """Whether `<![CDATA[` begins a CDATA section here."""
        return self._top is not None and self._top.space != HTML

    def snapshot(self) -> object:
        """The state, for return_to(); true if an element is open."""
        return self._top

    def return_to(self, snapshot: object) -> None:
        """Forget what has happened since."""
        assert snapshot is None or isinstance(snapshot, _Open)
        self._top = snapshot

    def open(
        self, name: bytes, *, closes_itself: bool, attributes: frozenset[bytes], encoding: Callable[[], str]
    ) -> str:
        """A start tag: the namespace that its element is in. `encoding` reads its attribute of that name."""
        if self._reads_html(name):
            if name in (b"svg", b"math"):
                space = SVG if name == b"svg" else MATH
                if not closes_itself:
                    self._push(space, name)
                return space
            if self._top is not None and name not in _VOID:
                self._push(HTML, name)
            return HTML
        if name in _BREAKOUT or (name == b"font" and attributes & _FONT_BREAKOUT):
            self._break_out()
            return self.open(name, closes_itself=closes_itself, attributes=attributes, encoding=encoding)
        assert self._top is not None
        space = self._top.space
        if not closes_itself:
            html = space == MATH and name == b"annotation-xml" and encoding().lower() in _HTML_ENCODINGS
            self._push(space, _ANNOTATION_HTML if html else name)
        return space

    def close(self, name: bytes) -> None:
        """An end tag."""
        if name in (b"p", b"br") and self._top is not None and self._top.space != HTML:
            self._break_out()
            return
        each = self._top
        while each is not None:
            if each.name.partition(b" ")[0] == name:
                self._top = each.outer
                return
            each = each.outer
        # It closes something outside, and all of this with it, unless an integration point stands between.
        if self._top is not None and not self._top.integrates:
            self._top = None

    def _push(self, space: str, name: bytes) -> None:
        outer = self._top
        integrates = _is_integration(space, name) or (outer is not None and outer.integrates)
        self._top = _Open(outer, space, name, integrates)

    def _reads_html(self, name: bytes) -> bool:
        """Whether a start tag here is read as in HTML."""
        if self._top is None:
            return True
        space, top = self._top.space, self._top.name
        if space == MATH and top in _MATH_TEXT:
            return name not in (b"mglyph", b"malignmark")
        if space == MATH and top == b"annotation-xml":
            return name == b"svg"
        return space == HTML or _is_integration(space, top)

    def _break_out(self) -> None:
        while self._top and self._top.space != HTML and not _is_integration(self._top.space, self._top.name):
            self._top = self._top.outer


def _is_integration(space: str, name: bytes) -> bool:
    if space == SVG:
        return name in _SVG_HTML
    return space == MATH and (name in _MATH_TEXT or name == _ANNOTATION_HTML)


_HTML_ENCODINGS = ("text/html", "application/xhtml+xml")
