"""SVG and MathML inside HTML: which namespace the next tag belongs to (HTML §13.2.6.5).

A tokenizer needs to know, because raw text, CDATA and self-closing tags mean different things there. The
elements outside an svg or math are not tracked: they cannot change any of it.
"""

from __future__ import annotations

from collections.abc import Callable

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


class Foreign:
    """The elements open inside the outermost svg or math, outermost first."""

    def __init__(self) -> None:
        self._stack: list[tuple[str, bytes]] = []

    def __bool__(self) -> bool:
        return bool(self._stack)

    @property
    def cdata(self) -> bool:
        """Whether `<![CDATA[` begins a CDATA section here."""
        return bool(self._stack) and self._stack[-1][0] != HTML

    def snapshot(self) -> list[tuple[str, bytes]]:
        """The state, for return_to()."""
        return self._stack.copy()

    def return_to(self, snapshot: list[tuple[str, bytes]]) -> None:
        """Forget what has happened since."""
        self._stack = snapshot

    def open(
        self, name: bytes, *, closes_itself: bool, attributes: frozenset[bytes], encoding: Callable[[], str]
    ) -> str:
        """A start tag: the namespace that its element is in. `encoding` reads its attribute of that name."""
        if self._reads_html(name):
            if name in (b"svg", b"math"):
                space = SVG if name == b"svg" else MATH
                if not closes_itself:
                    self._stack.append((space, name))
                return space
            if self._stack and name not in _VOID:
                self._stack.append((HTML, name))
            return HTML
        if name in _BREAKOUT or (name == b"font" and attributes & _FONT_BREAKOUT):
            self._break_out()
            return self.open(name, closes_itself=closes_itself, attributes=attributes, encoding=encoding)
        space = self._stack[-1][0]
        if not closes_itself:
            html = space == MATH and name == b"annotation-xml" and encoding().lower() in _HTML_ENCODINGS
            self._stack.append((space, _ANNOTATION_HTML if html else name))
        return space

    def close(self, name: bytes) -> None:
        """An end tag."""
        stack = self._stack
        if name in (b"p", b"br") and stack[-1][0] != HTML:
            self._break_out()
            return
        for index in range(len(stack) - 1, -1, -1):
            if stack[index][1].partition(b" ")[0] == name:
                del stack[index:]
                return
        # It closes something outside, and all of this with it, unless an integration point stands between.
        if not any(self._is_integration(each) for each in stack):
            stack.clear()

    def _reads_html(self, name: bytes) -> bool:
        """Whether a start tag here is read as in HTML."""
        if not self._stack:
            return True
        space, top = current = self._stack[-1]
        if space == MATH and top in _MATH_TEXT:
            return name not in (b"mglyph", b"malignmark")
        if space == MATH and top == b"annotation-xml":
            return name == b"svg"
        return space == HTML or self._is_integration(current)

    def _break_out(self) -> None:
        while self._stack and self._stack[-1][0] != HTML and not self._is_integration(self._stack[-1]):
            self._stack.pop()

    @staticmethod
    def _is_integration(element: tuple[str, bytes]) -> bool:
        space, name = element
        if space == SVG:
            return name in _SVG_HTML
        return space == MATH and (name in _MATH_TEXT or name == _ANNOTATION_HTML)


_HTML_ENCODINGS = ("text/html", "application/xhtml+xml")
