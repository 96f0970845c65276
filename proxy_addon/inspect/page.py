"""Looks at one HTML page as a tree, so that every sighting has its line and its CSS path.

It reads the same tables of what fetches as the rewriter does (rewrite.html), but another parser's tree: one test puts
both to every page of the corpus.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

from bs4 import BeautifulSoup, Comment, MarkupResemblesLocatorWarning, Tag, UnicodeDammit, XMLParsedAsHTMLWarning
from soupsieve import escape

from ..catalogue.urls import resolve, split
from ..rewrite import css
from ..rewrite.foreign import HTML, MATH, SVG
from ..rewrite.html import (
    CANDIDATES,
    FETCHES,
    PAINT,
    RARE,
    imported_by,
    link_kind,
    named_within,
    references,
    script_kind,
)
from .sighting import Place, Spotter, Where

# Elements whose content is text to a browser, whatever it looks like.
_TEXT_ONLY = frozenset({"textarea", "title", "iframe", "noembed", "noframes", "xmp"})
# Elements of SVG and MathML in which HTML stands.
_HTML_WITHIN = frozenset({"foreignobject", "desc", "annotation-xml"})
_LONGEST_PATH = 40
_DEEPEST = 8
_SAVED_FROM = re.compile(r"saved from url=\(\d+\)(\S+)")
_ADDRESSES = re.compile(r"//")


def look_at_page(
    content: bytes | str, spotter: Spotter, *, charset: str | None = None, within: Where | None = None
) -> str | None:
    """Collect what a page asks for; return its own address as it says it, or None.

    Where the spotter has no base, what the page says of itself is taken: the comment that a browser leaves in a page it
    saves, the canonical link, or `og:url`. `charset` is what the answer's header named;
    `within` says where HTML stands that is no file of its own.
    """
    tree = _parse(content if isinstance(content, str) else _decoded(content, charset))
    said = spotter.base or _said(tree)
    spotter.base = said
    _walk(tree, spotter, depth=0, within=within)
    return said


def _decoded(content: bytes, charset: str | None) -> str:
    known = [charset] if charset else None
    return UnicodeDammit(content, known_definite_encodings=known, is_html=True).unicode_markup or ""


def _parse(text: str) -> BeautifulSoup:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        # Of an attribute that stands twice a browser reads the first; none is a list.
        return BeautifulSoup(text, "html.parser", multi_valued_attributes=None, on_duplicate_attribute="ignore")


def _said(tree: BeautifulSoup) -> str | None:
    """Where the page says that it came from."""
    for comment in tree.find_all(string=lambda text: isinstance(text, Comment), limit=5):
        if found := _SAVED_FROM.search(comment):
            return found[1] if split(found[1]) else None
    canonical = tree.find("link", rel="canonical", href=True)
    shared = tree.find("meta", property="og:url", content=True)
    said = (canonical["href"] if isinstance(canonical, Tag) else None, shared["content"] if shared else None)
    return next((str(each) for each in said if each and split(str(each))), None)


def _walk(tree: BeautifulSoup, spotter: Spotter, *, depth: int, within: Where | None) -> None:
    based = False
    # Elements still to be looked at, last first, and the namespace that each stands in.
    waiting: list[tuple[Tag, str]] = [(each, HTML) for each in _children(tree)]
    while waiting:
        tag, outer = waiting.pop()
        space = {"svg": SVG, "math": MATH}.get(tag.name, outer)
        if tag.name == "base" and not based and tag.has_attr("href"):
            based = True
            spotter.base = resolve(spotter.base or "about:blank", _value(tag, "href")) or spotter.base
        where = within or _where(tag)
        _element(tag, space, spotter, where)
        if tag.name == "iframe" and depth < _DEEPEST and tag.has_attr("srcdoc"):
            # What stands in a srcdoc has no line of its own.
            _walk(_parse(_value(tag, "srcdoc")), spotter, depth=depth + 1, within=where)
        if space != HTML or tag.name not in _TEXT_ONLY:
            inner = HTML if tag.name in _HTML_WITHIN else space
            waiting += [(each, inner) for each in _children(tag)]


def _children(tag: Tag) -> list[Tag]:
    return [each for each in reversed(tag.contents) if isinstance(each, Tag)]


def _where(tag: Tag) -> Where:
    return lambda: Place(tag.sourceline, (tag.sourcepos or 0) + 1, _path(tag))


def _element(tag: Tag, space: str, spotter: Spotter, where: Where) -> None:
    if tag.name == "script" and space != MATH:
        _script(tag, space, spotter, where)
    else:
        _fetches(tag, space, spotter, where)
    if tag.name == "style" and space != MATH:
        _sheet(_text(tag), spotter, where)
    for name in ("style", *(paint.decode() for paint in PAINT if space == SVG)):
        if tag.has_attr(name):
            _sheet(_value(tag, name), spotter, where)


def _script(tag: Tag, space: str, spotter: Spotter, where: Where) -> None:
    kind = script_kind(_optional(tag, "type"), _optional(tag, "language"))
    code = _text(tag)
    if kind == "urls":
        for address in _strings(code):
            spotter.request(address, "script", where)
    if kind != "script":
        return
    if any(tag.has_attr(name.decode()) for name in FETCHES[space][b"script"]):
        _fetches(tag, space, spotter, where)
    elif code:
        spotter.snippet(code, where)
        spotter.bundles(code, lambda _: where)
        for address in imported_by(code.encode()):
            spotter.request(address, "script", where)


def _fetches(tag: Tag, space: str, spotter: Spotter, where: Where) -> None:
    name = tag.name.lower().encode()
    fetching = FETCHES[space].get(name, {})
    several = CANDIDATES.get(name) if space == HTML else None
    for attribute in tag.attrs:
        key = attribute.lower().encode()
        kind = fetching.get(key)
        if kind is None and space == HTML and name in RARE.get(key, ("", frozenset()))[1]:
            kind = RARE[key][0]
        if kind is None and key != several:
            continue
        if name == b"link":
            kind = link_kind(_optional(tag, "rel"), _optional(tag, "as"))
            if kind is None:
                continue
        elif name == b"input" and (_optional(tag, "type") or "").lower() != "image":
            continue
        for reference in references(kind, _value(tag, attribute), candidates=key == several):
            spotter.request(reference, kind or "image", where, tuple(tag.attrs))
            for within in named_within(kind, reference):
                spotter.request(within, kind or "", where)


def _sheet(text: str, spotter: Spotter, where: Where) -> None:
    content = text.encode("utf-8", "replace")

    def note(reference: str) -> bool:
        spotter.request(reference, "style", where)
        return False

    if css.may_fetch(content):
        css.hold_addresses(content, note)


def _strings(text: str) -> Iterator[str]:
    """The addresses in an import map or in speculation rules."""

    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            if _ADDRESSES.search(value):
                yield value
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield from walk(key)
                yield from walk(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from walk(inner)

    try:
        yield from walk(json.loads(text))
    except (ValueError, RecursionError):
        return


def _path(tag: Tag) -> str:
    """A CSS selector of the element, from its nearest ancestor with an id or from the root."""
    steps: list[str] = []
    for each in (tag, *tag.parents):
        if each.name == "[document]" or len(steps) == _LONGEST_PATH:
            break
        name = escape(each.name)
        ident = each.get("id")
        if isinstance(ident, str) and ident:
            steps.append(f"{name}#{escape(ident)}")
            break
        like = list(each.parent.find_all(each.name, recursive=False)) if each.parent else [each]
        index = next(number for number, sibling in enumerate(like, 1) if sibling is each)
        steps.append(f"{name}:nth-of-type({index})" if len(like) > 1 else name)
    return " > ".join(reversed(steps))


def _text(tag: Tag) -> str:
    return "".join(str(each) for each in tag.find_all(string=True, recursive=False))


def _value(tag: Tag, name: str) -> str:
    return str(tag.get(name) or "")


def _optional(tag: Tag, name: str) -> str | None:
    return _value(tag, name) if tag.has_attr(name) else None
