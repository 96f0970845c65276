"""Holds tracked elements in an HTML document as it streams by, and leaves every other byte as it was.

The document is tokenised as the HTML standard does it (WHATWG HTML §13.2.5) and only the tags that change
are spliced; nothing is ever serialised. It works on bytes, so every ASCII-compatible charset passes
unharmed; `charset.py` brings the others into that form.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from ..catalogue.urls import resolve
from . import css, markup
from .foreign import HTML, MATH, SVG, Foreign
from .placeholder import MARK, PREFIX, URL_PREFIX, mark, restore
from .runs import Runs
from .segments import Asked, Judge, Known, Place, Segments

__all__ = ["HtmlRewriter", "Judge", "restore"]

# What is awaited before it is judged (one tag, one inline script, one style sheet) is bounded: beyond this
# it is judged by what is there.
_LIMIT = 4 * 1024 * 1024
# Above this an incomplete construct is looked at again only when it has doubled, so that the work stays linear.
_PATIENCE = 16 * 1024
# Tags up to this length are kept as they were read.
_LONGEST_KNOWN = 1024

_SCRIPT_TYPES = frozenset(
    "application/ecmascript application/javascript application/x-ecmascript application/x-javascript "
    "text/ecmascript text/javascript text/javascript1.0 text/javascript1.1 text/javascript1.2 text/javascript1.3 "
    "text/javascript1.4 text/javascript1.5 text/jscript text/livescript text/x-ecmascript text/x-javascript "
    "module".split()
)
_URL_MAP_TYPES = frozenset({"importmap", "speculationrules"})
_FETCHING_RELS = frozenset(
    "stylesheet icon apple-touch-icon apple-touch-icon-precomposed apple-touch-startup-image mask-icon fluid-icon "
    "preload prefetch modulepreload preconnect dns-prefetch prerender manifest compression-dictionary".split()
)
_HINT_RELS = frozenset({"preconnect", "dns-prefetch", "preload", "prefetch", "modulepreload", "prerender"})

# Which attributes of which tag fetch, in which namespace, and as what (the words of Sec-Fetch-Dest).
_HREFS = {b"href": "image", b"xlink:href": "image"}
FETCHES: dict[str, dict[bytes, dict[bytes, str]]] = {
    HTML: {
        b"script": {b"src": "script"},
        b"iframe": {b"src": "iframe"},
        b"frame": {b"src": "frame"},
        b"fencedframe": {b"src": "iframe"},
        b"embed": {b"src": "embed"},
        b"object": {b"data": "object"},
        b"img": {b"src": "image"},
        # The parser makes an img of it.
        b"image": {b"src": "image"},
        b"input": {b"src": "image"},
        b"source": {b"src": "media"},
        b"video": {b"src": "video", b"poster": "image"},
        b"audio": {b"src": "audio"},
        b"track": {b"src": "track"},
        b"link": {b"href": "link"},
    },
    SVG: {
        b"script": {b"href": "script", b"xlink:href": "script"},
        b"image": _HREFS,
        b"feimage": _HREFS,
        b"use": _HREFS,
        b"set": {b"to": "image"},
        b"animate": {b"from": "image", b"to": "image", b"by": "image"},
    },
    MATH: {},
}
CANDIDATES = {b"img": b"srcset", b"image": b"srcset", b"source": b"srcset", b"link": b"imagesrcset"}
# Attributes that fetch on tags of many names; rare enough to be looked for only where a run of tags has them.
_BACKGROUND = frozenset({b"body", b"table", b"thead", b"tbody", b"tfoot", b"tr", b"td", b"th"})
RARE: dict[bytes, tuple[str, frozenset[bytes]]] = {
    b"background": ("image", _BACKGROUND),
    b"ping": ("ping", frozenset({b"a", b"area"})),
    b"attributionsrc": ("ping", frozenset({b"a", b"area", b"img", b"script"})),
}
_RARE_NAMES = {
    b"ping": re.compile(rb"ping[\t\n\f\r ]*+="),
    b"background": re.compile(rb"background[\t\n\f\r ]*+="),
    b"attributionsrc": re.compile(rb"attributionsrc"),
}
# What an inline style that fetches holds: by its bracket, which is found fastest.
_RARE_BRACKET = re.compile(rb"\((?<=[uU][rR][lL]\(|[sS][eE][tT]\()")
# Up to this length a text is searched by itself, rather than all that it stands in.
_SHORT = 8 * 1024
_RARE_SIGNS = (*_RARE_NAMES, b"url(", b"image-set(", b"\\")
# Or it says so with an escape.
_RARE_STYLE = re.compile(rb"style[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"[^\"\\]*+|'[^'\\]*+|[^\t\n\f\r >\"'\\]*+)\\")

_RAW_TEXT = frozenset({b"title", b"textarea", b"iframe", b"noembed", b"noframes", b"xmp"})
_NAMES = frozenset(name for names in FETCHES.values() for name in names)
_STOPS = (
    # Animations stand in SVG only, where every tag is looked at.
    (_NAMES - {b"set", b"animate"})
    | _RAW_TEXT
    | {b"style", b"noscript", b"base", b"svg", b"math", b"plaintext", b"body", b"frameset", b"template"}
)
# Attributes of SVG that hold CSS.
PAINT = frozenset(b"mask fill stroke filter clip-path cursor marker-start marker-mid marker-end".split())
# Addresses that bring what they show, and the web addresses in it.
_BRINGING = frozenset({"iframe", "frame", "embed", "object", "style"})
_BRINGS = re.compile(r"[\x00-\x20]*(?:javascript:|data:text/(?:html|css)|data:application/xhtml)", re.IGNORECASE)
_NAMED = re.compile(r"https?://[^\s\"'`<>()\\]+", re.IGNORECASE)
# What an inline script imports by an absolute address.
_IMPORTED = re.compile(rb"\b(?:import|from)\b\s*\(?\s*([\"'`])((?:https?:)?//[^\"'`\s]+)\1")
_CLOSED = b"<!--consentry:closed-->"
# Most images, links and media of a page are its own: they pass in bulk. (A self-hosted tracker's pixel is
# among them only outside <noscript>; its request comes to the proxy and is judged there.)
_PLAIN = frozenset({b"img", b"input", b"source", b"video", b"audio", b"track", b"link", b"image", b"use", b"feimage"})
_STOP = markup.stop(_STOPS - _PLAIN)
_RUNS = Runs(markup.run_before(_STOPS - _PLAIN, _PLAIN), _STOP)
_CAREFUL_RUNS = Runs(markup.run_before(_STOPS), _STOP)
# What begins so leads to the same place from every page of an origin.
_ROOTED = ("https://", "http://", "/")
# Documents within documents are looked into this deep; no page nests so many.
_DEEPEST = 8

_HEAD = re.compile(rb"<head(?=[\t\n\f\r />])", re.IGNORECASE)
# The last bytes so far, if they may yet become something that stands before the injected script.
_UNDECIDED = re.compile(
    rb"<(?:[!?].*|h(?:t(?:m(?:l(?:[\t\n\f\r /].*)?)?)?|e(?:a(?:d(?:[\t\n\f\r /].*)?)?)?)?)?\Z",
    re.IGNORECASE | re.DOTALL,
)
_ADDRESS = re.compile(r"[^\t\n\f\r ]++")
_DESCRIPTORS = re.compile(r"(?:[^,(]++|\([^)]*+(?:\)|\Z))*+,?")
# The text of a script in SVG, if it is nothing but text; and what of it is code.
_SVG_SCRIPT = re.compile(rb"(?:[^<]++|<!\[CDATA\[.*?\]\]>|<!--(?:-?>|.*?--!?>))*+", re.DOTALL)
_SVG_MARKS = re.compile(rb"<!--.*?-->|<!\[CDATA\[|\]\]>", re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_JSON_STRING = re.compile(rb'"((?:[^"\\]|\\(?:.|\Z))*+)(?:"|\Z)', re.DOTALL)


class _Tag:
    """A start tag, and what in it could fetch. Nothing of it depends on where it stands, or on who judges it."""

    __slots__ = ("_fetching", "attributes", "name", "name_end", "script_kind", "sheets", "space", "text")

    def __init__(self, text: bytes, name_end: int, space: str = HTML) -> None:
        """`name_end` is where the tag's name ends in its text, `space` the namespace of its element."""
        self.text = text
        self.name = text[1:name_end].lower()
        self.name_end = name_end
        self.attributes = markup.attributes(text, name_end, len(text) - 1)
        self.space = space
        self.script_kind = script_kind(self.value(b"type"), self.value(b"language")) if self.name == b"script" else ""
        # The attributes whose CSS may fetch.
        self.sheets = [
            each
            for each in self.attributes
            if (each.name == b"style" or (space == SVG and each.name in PAINT))
            and css.may_fetch(text[each.value_start : each.value_end])
        ]
        self._fetching: list[tuple[bytes, str | None, list[str]]] | None = None

    def value(self, name: bytes) -> str | None:
        """The value of the attribute of this name as scripts would read it."""
        for each in self.attributes:
            if each.name == name:
                return self.text_of(each)
        return None

    def text_of(self, attribute: markup.Attribute) -> str:
        """An attribute's value as scripts would read it."""
        return markup.text_of(self.text[attribute.value_start : attribute.value_end])

    def closes_itself(self) -> bool:
        """Whether it ends in '/' that belongs to no value."""
        end = len(self.text)
        return self.text[end - 2 : end - 1] == b"/" and (not self.attributes or self.attributes[-1].value_end < end - 1)

    def fetching(self) -> list[tuple[bytes, str | None, list[str]]]:
        """The attributes that would fetch something: the name of each, as what it would, and from which addresses."""
        if self._fetching is None:
            self._fetching = list(_fetching(self))
        return self._fetching


class _Edit(NamedTuple):
    start: int
    end: int
    text: bytes


class _Incomplete(Exception):  # noqa: N818 - it is no error, but a reason to wait
    """The construct at the current position does not end in what has arrived."""


class _Passage:
    """The segment that is being read: where it begins in the source (-1: not to be kept) and in what is written."""

    __slots__ = ("known", "place", "start", "written")

    def __init__(self) -> None:
        self.place: Place | None = None
        self.known: Known = {}
        self.start = -1
        self.written = 0


class HtmlRewriter:
    """Rewrites one document, fed in pieces of any size.

    `base` is the document's URL. `inject` is put in as the first thing of the head, or, in a document
    without one, before the first thing that begins it. `vendors` collects, in order, those held for.
    `careful` looks at addresses on the document's own host too, wherever they stand. `scripting` is false for
    what only browsers without scripts read. `depth` counts the documents that this one stands in. `segments` are
    those of documents that came before; `keeps` says that parts of this one may be remembered too.
    """

    def __init__(
        self,
        judge: Judge,
        base: str,
        *,
        inject: bytes = b"",
        careful: bool = False,
        scripting: bool = True,
        depth: int = 0,
        segments: Segments | None = None,
        keeps: bool = True,
    ) -> None:
        self.vendors: dict[str, None] = {}
        self._asked = Asked(judge) if segments is not None else None
        self._judge = self._asked or judge
        self._base = base
        self._origin = _origin(base)
        self._based = False
        self._inject = inject
        self._preamble = bool(inject)
        self._begun = False
        self._pending = b""
        self._patience = 0
        self._skip: Callable[[bytes, int, bool], int] | None = None
        self._scripting = scripting
        self._depth = depth
        self._foreign = Foreign()
        # Whether the document is one of frames: there a tag of raw text is ignored, and begins none. None: not known.
        self._frames: bool | None = None
        self._careful = careful
        self._segments = segments
        self._keeps = keeps
        # Whether what is read depends on the page's own path; and whether it is for this visitor only.
        self._relative = self._personal = False
        # Whether the next construct stands where it would stand however the document is cut up.
        self._aligned = True

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the document; return what can be sent on."""
        source = self._pending + data if self._pending else data
        if len(source) < self._patience:
            self._pending = source
            return b""
        return self._advance(source, final=False)

    def close(self) -> bytes:
        """The document has ended: return the rest."""
        return self._advance(self._pending, final=True)

    def pending(self) -> bytes:
        """What has arrived and was not returned yet."""
        return self._pending

    def _advance(self, source: bytes, *, final: bool) -> bytes:
        # Until it is judged all of it is pending: should judging fail, nothing is lost.
        self._pending = source
        out: list[bytes] = []
        position = self._scan(source, out, final)
        self._pending = b"" if final else source[position:]
        if final:
            out.append(source[position:])
        waiting = len(self._pending)
        self._patience = waiting * 2 if waiting > _PATIENCE else 0
        return b"".join(out)

    def _scan(self, source: bytes, out: list[bytes], final: bool) -> int:
        """Judge the complete constructs of `source` into `out`; return where the incomplete rest begins."""
        position = 0
        if self._preamble:
            position = self._begin(source, out, final)
            if self._preamble:
                return position
        rare = _Rare(source)
        passage = _Passage() if self._segments is not None else None
        while position < len(source):
            if passage is not None and self._skip is None and not self._foreign:
                position = self._pass_known(passage, source, position, out)
            if self._skip is not None:
                end = self._skip(source, position, final)
                out.append(source[position:end])
                position = end
                if self._skip is not None:
                    break
                continue
            if not self._foreign:
                runs = _CAREFUL_RUNS if self._careful else _RUNS
                end, is_rare = runs.find(source, position, rare.between, keeps=self._keeps)
                if is_rare:
                    self._run_with_rare(source, position, end, out)
                else:
                    out.append(source[position:end])
                position = end
            try:
                position = self._construct(source, position, out, final)
            except _Incomplete:
                if len(source) - position < _LIMIT:
                    break
                # Nothing a browser reads is that long: let it pass as text rather than hoard it.
                out.append(source[position : position + 1])
                position += 1
                if passage is not None:
                    passage.start = -1
        self._aligned = False
        return position

    def _pass_known(self, passage: _Passage, source: bytes, position: int, out: list[bytes]) -> int:
        """Keep the segment that ends here, and write those that are known; return where the next one begins."""
        assert self._segments is not None
        assert self._asked is not None
        place = Place(self._origin, bool(self._inject), self._careful, self._based, self._frames)
        base = self._base.partition("?")[0]
        if self._keeps and passage.start >= 0 and place == passage.place and not self._personal:
            written = b"".join(out[passage.written :])
            relies = base if self._relative else None
            self._segments.keep(
                passage.known, source, passage.start, position, base=relies, asked=self._asked, written=written
            )
        if not self._aligned or not self._origin or self._frames:
            self._aligned, passage.start = True, -1
            return position
        if place != passage.place:
            passage.place, passage.known = place, self._segments.at(place)
        while (found := self._segments.find(passage.known, source, position, self._asked.judge, base)) is not None:
            out.append(found.written)
            position += found.length
            self.vendors.update(dict.fromkeys(filter(None, found.answers)))
        passage.start, passage.written = position, len(out)
        self._asked.forget()
        self._relative = self._personal = False
        return position

    def _begin(self, source: bytes, out: list[bytes], final: bool) -> int:
        """Pass doctype, comments, blanks and <html>, then put the injected script in."""
        if not self._begun and len(source) < len(_BOM) and not final:
            return 0
        position = len(_BOM) if not self._begun and source.startswith(_BOM) else 0
        self._begun = self._begun or bool(source)
        while (passed := markup.PROLOGUE.match(source, position)) is not None:
            position = passed.end()
        awaited = not final and len(source) - position < _LIMIT
        unended = source.startswith((b"<!", b"<?"), position)
        if position == len(source) or unended or (awaited and _UNDECIDED.match(source, position)):
            out.append(source[:position])
            self._preamble = not final
            return position
        head = markup.TAG.match(source, position) if _HEAD.match(source, position) else None
        position = head.end() if head else position
        out += (source[:position], self._inject)
        self._preamble = False
        return position

    def _construct(self, source: bytes, position: int, out: list[bytes], final: bool) -> int:
        """Handle the one construct at `position`; return where it ends. Raises _Incomplete."""
        if position >= len(source):
            return position
        if source[position] != 0x3C:  # only in foreign content: text
            end = source.find(b"<", position)
            end = len(source) if end < 0 else end
            out.append(source[position:end])
            return end
        follows = source[position + 1 : position + 2]
        if not follows:
            raise _Incomplete
        tag = markup.TAG.match(source, position)
        if tag is None:
            return self._no_tag(source, position, out, final)
        if tag["end"]:
            if self._foreign:
                self._foreign.close(tag["name"].lower())
            out.append(tag[0])
            return tag.end()
        found = _read(tag[0], tag.end("name") - position)
        before = self._foreign.snapshot()
        if before or found.name in (b"svg", b"math"):
            found = _Tag(found.text, found.name_end, self._enter(found))
        try:
            return self._start_tag(source, tag.end(), found, out, final)
        except _Incomplete:
            self._foreign.return_to(before)
            raise

    def _no_tag(self, source: bytes, position: int, out: list[bytes], final: bool) -> int:
        if source.startswith(b"<!--", position):
            found = markup.COMMENT.match(source, position)
        elif self._foreign.cdata and source.startswith(b"<![CDATA[", position):
            found = markup.CDATA.match(source, position)
        elif source[position + 1 : position + 2] in (b"!", b"?", b"/"):
            rest = source[position : position + 9]
            if not final and (b"<!--".startswith(rest) or b"<![CDATA[".startswith(rest) or rest == b"</"):
                raise _Incomplete
            found = markup.BOGUS.match(source, position)
        elif source[position + 1 : position + 2].isalpha():
            found = None
        else:
            out.append(b"<")
            return position + 1
        if found is None:
            raise _Incomplete
        out.append(found[0])
        return found.end()

    def _start_tag(self, source: bytes, end: int, tag: _Tag, out: list[bytes], final: bool) -> int:
        """Handle a start tag that ends at `end`, with the text that belongs to it; return where that ends."""
        name = tag.name
        if name in (b"body", b"frameset") and self._frames is None:
            self._frames = name == b"frameset"
        if self._frames and name != b"noframes":
            out.append(self._element(tag))
            return end
        if name == b"script" and tag.space != MATH:
            return self._script(source, end, tag, out, final)
        if name == b"style" and tag.space != MATH:
            return self._style(source, end, tag, out, final)
        if tag.space != HTML:
            out.append(self._element(tag))
            return end
        if name == b"noscript" and self._scripting:
            return self._noscript(source, end, tag, out, final)
        if name == b"base" and not self._based and (href := tag.value(b"href")) is not None:
            self._based = True
            self._base = resolve(self._base, href) or self._base
            self._careful = True
            self._origin = _origin(self._base)
        if name == b"template" and self._inject and (tag.value(b"shadowrootmode") or "").lower() == "closed":
            # Behind a closed root nothing could be released: the guard closes it again, at the sign.
            mode = next(each for each in tag.attributes if each.name == b"shadowrootmode")
            edits = [_Edit(mode.value_start, mode.value_end, b"open"), _Edit(len(tag.text), len(tag.text), _CLOSED)]
            out.append(_splice(tag.text, edits))
            return end
        out.append(self._element(tag))
        if name in _RAW_TEXT:
            self._skip = self._until_end_of(name)
        elif name == b"plaintext":
            self._skip = lambda source, _position, _final: len(source)
        return end

    def _enter(self, tag: _Tag) -> str:
        return self._foreign.open(
            tag.name,
            closes_itself=tag.closes_itself(),
            attributes=frozenset(each.name for each in tag.attributes),
            encoding=lambda: tag.value(b"encoding") or "",
        )

    # Elements

    def _script(self, source: bytes, end: int, tag: _Tag, out: list[bytes], final: bool) -> int:
        kind = tag.script_kind
        has_source = any(each.name in FETCHES[tag.space][b"script"] for each in tag.attributes)
        if kind == "script" and has_source:
            out.append(self._script_tag(tag, self._tracked(tag)))
        elif kind == "data" or (tag.space == SVG and tag.closes_itself()):
            out.append(self._script_tag(tag, {}))
        elif tag.space == SVG:
            return self._svg_inline(source, end, tag, out, final)
        else:
            return self._inline(source, end, tag, out, final)
        if tag.space == HTML:
            self._skip = self._until_end_of_script()
        return end

    def _inline(self, source: bytes, start: int, tag: _Tag, out: list[bytes], final: bool) -> int:
        ended, end = markup.ScriptText().find_end(source, start)
        if not ended:
            if not final and _is_awaited(source, start, tag):
                raise _Incomplete
            end = len(source)
        content = source[start:end]
        if tag.script_kind == "urls":
            out += (self._script_tag(tag, {}), self.hold_json(content))
        else:
            out += (self._script_tag(tag, self._snippet(content)), content)
        if not ended and not final:
            self._skip = self._until_end_of_script()
        return end

    def _svg_inline(self, source: bytes, start: int, tag: _Tag, out: list[bytes], final: bool) -> int:
        """A script in SVG: its text is tokenised like any other, and markup in it is markup."""
        text = _SVG_SCRIPT.match(source, start)
        end = text.end() if text else start
        awaited = source[end : end + 9].lower()
        if not final and _is_awaited(source, start, tag) and (len(awaited) < 9 or awaited[:2] == b"<!"):
            raise _Incomplete
        content = source[start:end]
        out += (self._script_tag(tag, self._snippet(_SVG_MARKS.sub(b"", content))), content)
        return end

    def _snippet(self, content: bytes) -> dict[bytes, str]:
        vendor = self._judge.snippet(content.decode("utf-8", "replace")) if content else None
        imported = [held for address in imported_by(content) if (held := self._ask(address, "script"))]
        vendor = vendor or next(iter(imported), None)
        if vendor is None:
            return {}
        self.vendors[vendor] = None
        return {b"type": vendor}

    def _script_tag(self, tag: _Tag, held: dict[bytes, str]) -> bytes:
        edits = self._placeholder(tag, held, script=True) if held else []
        return _splice(tag.text, edits + self._style_edits(tag))

    def _style(self, source: bytes, start: int, tag: _Tag, out: list[bytes], final: bool) -> int:
        if tag.space == SVG and tag.closes_itself():
            out.append(self._element(tag))
            return start
        # In SVG its text is tokenised like any other: what stands before the next '<' is the style sheet.
        end = source.find(b"<", start) if tag.space == SVG else markup.end_of_raw(b"style", source, start)
        if end < 0:
            if not final and _is_awaited(source, start, tag):
                raise _Incomplete
            end = len(source)
            if tag.space == HTML and not final:
                self._skip = self._until_end_of(b"style")
        content = source[start:end]
        out += (self._element(tag), self._hold_css(content) if css.may_fetch(content) else content)
        return end

    def _noscript(self, source: bytes, start: int, tag: _Tag, out: list[bytes], final: bool) -> int:
        """To a browser that runs scripts the content is text; to one that does not it is markup: judge that."""
        end = markup.end_of_raw(b"noscript", source, start)
        if end < 0:
            if not final and _is_awaited(source, start, tag):
                raise _Incomplete
            end = len(source)
        inner = HtmlRewriter(
            self._judge, self._base, careful=True, scripting=False, depth=self._depth, keeps=self._keeps
        )
        out += (self._element(tag), inner.feed(source[start:end]), inner.close())
        self._join(inner)
        return end

    def _join(self, inner: HtmlRewriter) -> None:
        """What was found in a document within this one counts for this one."""
        self.vendors |= inner.vendors
        self._relative = self._relative or inner._relative
        self._personal = self._personal or inner._personal

    def _element(self, tag: _Tag) -> bytes:
        """A start tag, held where one of its attributes is tracked."""
        held = self._tracked(tag)
        srcdoc = None
        document = tag.value(b"srcdoc") if tag.name == b"iframe" and tag.space == HTML else None
        if document is not None and self._depth < _DEEPEST:
            inner = HtmlRewriter(self._judge, self._base, inject=self._inject, depth=self._depth + 1, keeps=self._keeps)
            content = document.encode("utf-8", "surrogateescape")
            shown = inner.feed(content) + inner.close()
            self._join(inner)
            if inner.vendors:
                srcdoc = shown.decode("utf-8", "surrogateescape")
                held[b"srcdoc"] = " ".join(inner.vendors)
                # What is injected stands in it.
                self._personal = self._personal or bool(self._inject)
        elif document is not None and "//" in document:
            # Too deep to be looked into: nothing of it is shown.
            held[b"srcdoc"] = ""
            self.vendors[""] = None
        edits = self._placeholder(tag, held, srcdoc=srcdoc) if held else []
        return _splice(tag.text, edits + self._style_edits(tag))

    def _run_with_rare(self, source: bytes, start: int, end: int, out: list[bytes]) -> None:
        """A run of tags that stop nothing, some of which carry a rare attribute or an inline style."""
        position = start
        while position < end:
            opening = source.find(b"<", position, end)
            if opening < 0:
                break
            tag = markup.TAG.match(source, opening, end)
            if tag is None:
                out.append(source[position : opening + 1])
                position = opening + 1
                continue
            out.append(source[position:opening])
            text = tag[0]
            position = tag.end()
            lower = text.lower()
            if tag["end"] or not any(sign in lower for sign in _RARE_SIGNS):
                out.append(text)
                continue
            out.append(self._element(_read(text, tag.end("name") - opening)))
        out.append(source[position:end])

    def _tracked(self, tag: _Tag) -> dict[bytes, str]:
        """The attributes of a tag that would fetch something to be held, and the vendor of each."""
        held: dict[bytes, str] = {}
        fetching = tag.fetching()
        if not fetching:
            return held
        names = [attribute.name.decode("latin-1") for attribute in tag.attributes]
        for name, kind, addresses in fetching:
            for reference in addresses:
                vendor = self._ask(reference, kind or "image", names) or self._ask_within(reference, kind)
                if vendor is not None:
                    held[name] = vendor
                    break
        return held

    def _ask(self, reference: str, kind: str, attributes: Collection[str] = ()) -> str | None:
        if reference[:1] == "/" and reference[1:2] not in ("/", "\\", "\t", "\n", "\r") and self._origin:
            url: str | None = self._origin + reference
        else:
            url = resolve(self._base, reference)
            if not reference.startswith(_ROOTED):
                self._relative = True
                # It leads to the page itself, with all that its address says.
                itself = url is not None and url.partition("#")[0] == self._base.partition("#")[0]
                self._personal = self._personal or itself
        if url is None:
            return None
        vendor = self._judge.request(url, kind, attributes)
        if vendor is not None:
            self.vendors[vendor] = None
        return vendor

    def _ask_within(self, reference: str, kind: str | None) -> str | None:
        """The vendor that a document, sheet or script names which stands in the address itself, or None."""
        found = (self._ask(address, kind or "") for address in named_within(kind, reference))
        return next(filter(None, found), None)

    def _placeholder(
        self, tag: _Tag, held: dict[bytes, str], *, script: bool = False, srcdoc: str | None = None
    ) -> list[_Edit]:
        """What makes a tag inert: the mark after its name, and the prefix before its held attributes."""
        reserved = MARK.encode()
        return [_Edit(tag.name_end, tag.name_end, mark(held.values(), script=script, srcdoc=srcdoc))] + [
            _Edit(each.start, each.start, PREFIX)
            for each in tag.attributes
            if each.name in held or (script and each.name == b"type") or each.name.startswith(reserved)
        ]

    # Addresses inside text

    def _hold_css(self, sheet: bytes) -> bytes:
        return css.hold_addresses(sheet, lambda reference: self._ask(reference, "style") is not None)

    def _style_edits(self, tag: _Tag) -> list[_Edit]:
        def decide(reference: str) -> bool:
            return self._ask(markup.text_of(reference.encode("utf-8", "replace")), "style") is not None

        return [_Edit(start, end, css.hold_addresses(tag.text[start:end], decide)) for _, _, start, end in tag.sheets]

    def hold_json(self, text: bytes) -> bytes:
        """An import map or speculation rules: each tracked address in it gets the prefix."""

        def judged(string: re.Match[bytes]) -> bytes:
            try:
                value = json.loads(string[0])
            except ValueError:
                return string[0]
            address = isinstance(value, str) and "//" in value and self._ask(value, "script") is not None
            return b'"' + URL_PREFIX + string[1] + b'"' if address else string[0]

        return _JSON_STRING.sub(judged, text)

    # Text that is passed without a look

    def _until_end_of(self, name: bytes) -> Callable[[bytes, int, bool], int]:
        def skip(source: bytes, position: int, final: bool) -> int:
            end = markup.end_of_raw(name, source, position)
            if end >= 0 or final:
                self._skip = None
                return end if end >= 0 else len(source)
            return max(position, len(source) - len(name) - 2)

        return skip

    def _until_end_of_script(self) -> Callable[[bytes, int, bool], int]:
        text = markup.ScriptText()

        def skip(source: bytes, position: int, final: bool) -> int:
            ended, end = text.find_end(source, position)
            if ended or final:
                self._skip = None
                return end if ended else len(source)
            return end

        return skip


class _Rare:
    """Where rare attributes and inline styles that may fetch stand in a text."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._places: list[int] | None = None

    def between(self, start: int, end: int) -> bool:
        """Whether one begins there."""
        if self._places is None:
            # What was not known of a page is often short.
            if end - start <= _SHORT:
                return bool(_rare(self._source[start:end]))
            self._places = _rare(self._source)
        first = bisect_left(self._places, start)
        return first < len(self._places) and self._places[first] < end


def _rare(source: bytes) -> list[int]:
    """In order, where they stand, if they are such."""
    found = [each.start() for each in _RARE_BRACKET.finditer(source)]
    lower = source.lower()
    exactly = {**_RARE_NAMES, b"style": _RARE_STYLE} if b"\\" in source else _RARE_NAMES
    for name, exact in exactly.items():
        # A pattern that searches would be slow to find its beginning.
        at = lower.find(name)
        while at >= 0:
            if exact.match(lower, at) is not None:
                found.append(at)
            at = lower.find(name, at + 1)
    return sorted(found)


@lru_cache(maxsize=2048)
def _known(text: bytes, name_end: int) -> _Tag:
    return _Tag(text, name_end)


def _read(text: bytes, name_end: int) -> _Tag:
    """A start tag in HTML. The pages of a site have most of theirs in common."""
    return _known(text, name_end) if len(text) <= _LONGEST_KNOWN else _Tag(text, name_end)


def _fetching(tag: _Tag) -> Iterator[tuple[bytes, str | None, list[str]]]:
    """See _Tag.fetching()."""
    fetches = FETCHES[tag.space].get(tag.name, {})
    candidates = CANDIDATES.get(tag.name) if tag.space == HTML else None
    seen: set[bytes] = set()
    for each in tag.attributes:
        if each.name in seen:
            continue
        kind = fetches.get(each.name)
        if kind is None and each.name in RARE and tag.space == HTML and tag.name in RARE[each.name][1]:
            kind = RARE[each.name][0]
        if kind is None and each.name != candidates:
            continue
        seen.add(each.name)
        if tag.name == b"link":
            kind = link_kind(tag.value(b"rel"), tag.value(b"as"))
            if kind is None:
                continue
        elif tag.name == b"input" and (tag.value(b"type") or "").lower() != "image":
            continue
        yield each.name, kind, references(kind, tag.text_of(each), candidates=each.name == candidates)


def _is_awaited(source: bytes, start: int, tag: _Tag) -> bool:
    """Whether more may be awaited of what belongs to a tag that ends at `start`."""
    return len(source) - start + len(tag.text) < _LIMIT


def _splice(text: bytes, edits: list[_Edit]) -> bytes:
    """The text with the edits made."""
    if not edits:
        return text
    pieces: list[bytes] = []
    start = 0
    for edit in sorted(edits):
        pieces += (text[start : edit.start], edit.text)
        start = edit.end
    pieces.append(text[start:])
    return b"".join(pieces)


def _origin(url: str) -> str:
    """The part of a web URL before its path, or '' for any other URL."""
    found = re.match(r"https?://[^/?#]+", url)
    return found[0] if found else ""


def script_kind(kind: str | None, language: str | None) -> str:
    """'script' if a browser would run it, 'urls' if it is a map of addresses, else 'data' (HTML §4.12.1.1)."""
    if kind is None:
        kind = f"text/{language}" if language else ""
    if kind == "":
        return "script"
    kind = kind.strip("\t\n\f\r ").lower()
    if kind in _URL_MAP_TYPES:
        return "urls"
    return "script" if kind in _SCRIPT_TYPES else "data"


def references(kind: str | None, text: str, *, candidates: bool) -> list[str]:
    """The addresses in an attribute's value: several in a srcset or a ping, else one."""
    if candidates:
        return _candidates(text)
    return text.split() if kind == "ping" else [text]


def named_within(kind: str | None, reference: str) -> list[str]:
    """The web addresses in an address that brings the document, sheet or script which it shows (`data:` and so on)."""
    return _NAMED.findall(unquote(reference)) if kind in _BRINGING and _BRINGS.match(reference) else []


def imported_by(code: bytes) -> list[str]:
    """The absolute addresses that an inline script imports."""
    if b"import" not in code:
        return []
    return [found[2].decode("utf-8", "replace") for found in _IMPORTED.finditer(code)]


def _candidates(text: str) -> list[str]:
    """The addresses of a srcset (HTML §4.8.4.2.1)."""
    found = []
    position = 0
    while (address := _ADDRESS.search(text, position)) is not None:
        bare = address[0].lstrip(",")
        kept = bare.rstrip(",")
        position = address.end()
        if kept:
            found.append(kept)
            if kept == bare:
                descriptors = _DESCRIPTORS.match(text, position)
                position = descriptors.end() if descriptors else position
    return found


def link_kind(rel: str | None, destination: str | None) -> str | None:
    """What a link fetches, or None if it fetches nothing."""
    rels = set((rel or "").lower().split())
    if "stylesheet" in rels:
        return "style"
    if rels & _HINT_RELS:
        return destination.lower() if destination and "preload" in rels else "hint"
    return "image" if rels & _FETCHING_RELS else None
