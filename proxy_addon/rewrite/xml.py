"""XHTML and SVG documents: parsed as the XML they are, held in the tree, and serialised again.

Unlike HTML these are rare and small, so the whole document is read first. One in which nothing is held keeps
every byte. One that is not well formed a browser shows and runs up to its first error: it is read as far as it
can be, and sent as it was read if something in it is held.
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from ..catalogue.urls import resolve
from . import css, markup
from .foreign import HTML
from .foreign import SVG as SVG_SPACE
from .html import CANDIDATES, FETCHES, PAINT, RARE, HtmlRewriter, Judge, link_kind, references, script_kind
from .injection import Injection
from .placeholder import MARK, SCRIPT_TYPE, URL_PREFIX

XHTML = "http://www.w3.org/1999/xhtml"
SVG = "http://www.w3.org/2000/svg"
SPACES = {XHTML: HTML, SVG: SVG_SPACE}
_PAINTS = tuple(sorted(name.decode() for name in PAINT))
_XLINK = "{http://www.w3.org/1999/xlink}href"
# How an attribute is called in HTML; one whose prefix is not declared is none of them.
_HTML_NAMES = {_XLINK: "xlink:href", "xlink:href": ""}
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_INSTRUCTED = re.compile(r"(\bhref\s*=\s*[\"'])([^\"']*)")
# Stands for the identifiers of a document type while it is serialised.
_PLAIN_TYPE = "consentry:type"


def hold_xml(document: bytes, judge: Judge, base: str, injection: Injection | None = None, label: str = "") -> bytes:
    """The document with its tracked elements held; the same bytes where nothing had to change.

    `injection` is put in as the first script of the document. `label` is the charset that its header names.
    """
    encoding = "" if document.startswith(_MARKS) else label
    root, well_formed = _parsed(document, encoding)
    if root is None:
        return document
    rewriter = _Tree(judge, base, injection.html() if injection else b"")
    for before in root.itersiblings(preceding=True):
        if isinstance(before, etree._ProcessingInstruction):
            rewriter.visit_instruction(before)
    for element in root.iter(etree.Element):
        rewriter.visit(element)
    if not rewriter.changed and not well_formed:
        return document
    injected = injection is not None and _inject(root, injection)
    if not rewriter.changed and not injected:
        return document
    declared = document.removeprefix(_MARKS[0]).startswith(b"<?xml")
    return _serialised(root.getroottree(), declared=declared)


def _parsed(document: bytes, encoding: str) -> tuple[etree._Element | None, bool]:
    """The root of the document, or None, and whether it is well formed."""
    well_formed = True
    try:
        root: etree._Element | None = etree.fromstring(document, _parser(encoding))
    except etree.XMLSyntaxError:
        well_formed = False
        root = _recovered(document, encoding, entities=False)
    if root is not None and _has_markup_in_entities(root):
        # What an entity stands for can be held only where it is put in, and has its namespace only when read there.
        expanded = _recovered(document, encoding, entities=True)
        if expanded is not None:
            root = _recovered(_serialised(expanded.getroottree(), declared=True), "", entities=False)
    return root, well_formed


def _recovered(document: bytes, encoding: str, *, entities: bool) -> etree._Element | None:
    try:
        return etree.fromstring(document, _parser(encoding, recover=True, entities=entities))
    except etree.XMLSyntaxError:
        return None


def _parser(encoding: str, *, recover: bool = False, entities: bool = False) -> etree.XMLParser:
    def parser(encoding: str | None) -> etree.XMLParser:
        return etree.XMLParser(
            encoding=encoding,
            recover=recover,
            # (The stubs know of no 'internal'.)
            resolve_entities="internal" if entities else False,  # type: ignore[arg-type]
            no_network=True,
            load_dtd=False,
            strip_cdata=False,
        )

    try:
        return parser(encoding or None)
    except LookupError:
        return parser(None)


def _has_markup_in_entities(root: etree._Element) -> bool:
    subset: Any = root.getroottree().docinfo.internalDTD
    return subset is not None and any("<" in (entity.content or "") for entity in subset.iterentities())


def _serialised(tree: etree._ElementTree, *, declared: bool) -> bytes:
    information: Any = tree.docinfo
    encoding = information.encoding or "UTF-8"
    public, system = information.public_id, information.system_url
    if public or system:
        # A document that says it is XHTML 1.0 would get a <meta> of libxml2's own.
        information.public_id, information.system_url = None, _PLAIN_TYPE
    text = str(etree.tostring(tree, encoding="unicode"))
    if public or system:
        identifiers = f'PUBLIC "{public}"' if public else "SYSTEM"
        text = text.replace(f'SYSTEM "{_PLAIN_TYPE}"', f'{identifiers} "{system or ""}"', 1)
    if declared or encoding.upper() != "UTF-8":
        text = f"<?xml version='1.0' encoding='{encoding}'?>\n{text}"
    return text.encode(encoding, "xmlcharrefreplace")


class _Tree:
    def __init__(self, judge: Judge, base: str, inject: bytes) -> None:
        self.changed = False
        self._judge = judge
        self._base = base
        self._inject = inject

    def visit_instruction(self, instruction: etree._ProcessingInstruction) -> None:
        """Hold the style sheet that stands before the document."""
        if instruction.target != "xml-stylesheet" or not instruction.text:
            return

        def judged(href: re.Match[str]) -> str:
            held = self._ask(markup.text_of(href[2].encode()), "style", ()) is not None
            return href[1] + URL_PREFIX.decode() + href[2] if held else href[0]

        text = _INSTRUCTED.sub(judged, instruction.text)
        if text != instruction.text:
            self.changed = True
            instruction.text = text

    def visit(self, element: etree._Element) -> None:
        """Hold an element, or what its text names."""
        space, name = _name(element)
        if space not in SPACES:
            return
        tag = name.lower()
        if tag == "base" and (href := element.get("href")):
            self._base = resolve(self._base, href) or self._base
        if tag == "script":
            self._script(element)
            return
        held = self._tracked(element, tag)
        shown = self._framed(element, held) if tag == "iframe" else None
        if held:
            self._hold(element, held)
        if shown is not None:
            element.set("srcdoc", shown)
        if tag == "style":
            _write(element, self._sheet(_text(element)))
        for key in ("style", *(_PAINTS if space == SVG else ())):
            if (style := element.get(key)) is not None:
                element.set(key, self._sheet(style))

    def _script(self, element: etree._Element) -> None:
        kind = script_kind(element.get("type"), element.get("language"))
        code = _text(element)
        if kind == "urls":
            _write(element, self._addresses(code))
        if kind != "script":
            return
        held = self._tracked(element, "script")
        if not held and not any(element.get(name) for name in ("src", "href", _XLINK)) and code:
            vendor = self._judge.snippet(code)
            held = {"type": vendor} if vendor else {}
        if held:
            self._hold(element, held)
            if (written := element.get("type")) is not None:
                element.set(f"{MARK}-type", written)
            element.set("type", SCRIPT_TYPE)

    def _framed(self, element: etree._Element, held: dict[str, str]) -> str | None:
        """What to show in place of a document within the document in which something is held."""
        document = element.get("srcdoc")
        if document is None:
            return None
        rewriter = HtmlRewriter(self._judge, self._base, inject=self._inject, depth=1)
        shown = rewriter.feed(document.encode()) + rewriter.close()
        if not rewriter.vendors:
            return None
        held["srcdoc"] = " ".join(rewriter.vendors)
        return shown.decode("utf-8", "replace")

    def _tracked(self, element: etree._Element, tag: str) -> dict[str, str]:
        held: dict[str, str] = {}
        fetches = FETCHES[SPACES[_name(element)[0]]].get(tag.encode(), {})
        names = [str(name) for name in element.attrib]
        for name, value in element.attrib.items():
            key = _HTML_NAMES.get(str(name), str(name)).encode()
            candidates = CANDIDATES.get(tag.encode()) == key
            kind = fetches.get(key)
            if key in RARE and tag.encode() in RARE[key][1]:
                kind = RARE[key][0]
            if tag == "link" and (kind or candidates):
                kind = link_kind(element.get("rel"), element.get("as"))
                candidates = candidates and kind is not None
            if kind is None and not candidates:
                continue
            for reference in references(kind, str(value), candidates=candidates):
                vendor = self._ask(reference, kind or "image", names)
                if vendor is not None:
                    held[str(name)] = vendor
                    break
        return held

    def _hold(self, element: etree._Element, held: dict[str, str]) -> None:
        self.changed = True
        element.set(MARK, " ".join(dict.fromkeys(held.values())))
        for name in held:
            value = element.attrib.pop(name) if name != "type" else None
            if value is not None:
                # A placeholder's attributes have no namespace: 'xlink:href' comes back from this name.
                element.set(f"{MARK}-{'xlink-href' if name == _XLINK else name}", str(value))

    def _addresses(self, text: str) -> str:
        """An import map or speculation rules, each tracked address with its prefix."""
        content = text.encode()
        changed = HtmlRewriter(self._judge, self._base).hold_json(content)
        self.changed = self.changed or changed != content
        return changed.decode()

    def _sheet(self, text: str) -> str:
        content = text.encode("utf-8", "surrogatepass")
        changed = css.hold_addresses(content, lambda reference: self._ask(reference, "style", ()) is not None)
        if changed is content:
            return text
        self.changed = True
        return changed.decode("utf-8", "surrogatepass")

    def _ask(self, reference: str, kind: str, names: list[str] | tuple[()]) -> str | None:
        url = resolve(self._base, reference)
        return self._judge.request(url, kind, names) if url is not None else None


def _name(element: etree._Element) -> tuple[str, str]:
    """The namespace of an element, or '', and its name there."""
    space, _, name = str(element.tag).rpartition("}")
    return space[1:], name


def _text(element: etree._Element) -> str:
    """An element's own text, between whatever stands in it."""
    return "".join([element.text or "", *(child.tail or "" for child in element)])


def _write(element: etree._Element, text: str) -> None:
    """Replace an element's own text, if it changed."""
    if text != _text(element):
        element.text = text
        for child in element:
            child.tail = None


def _inject(root: etree._Element, injection: Injection) -> bool:
    space, _ = _name(root)
    if space not in SPACES:
        return False
    parent = root.find(f"{{{XHTML}}}head") if space == XHTML else None
    script = etree.Element(f"{{{space}}}script")
    script.set("src" if space == XHTML else "href", injection.source)
    script.set(f"{MARK}-runtime", "")
    script.set(f"{MARK}-state", injection.state)
    if injection.nonce:
        script.set("nonce", injection.nonce)
    (root if parent is None else parent).insert(0, script)
    return True
