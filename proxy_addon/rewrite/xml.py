"""XHTML and SVG documents: parsed as the XML they are, held in the tree, and serialised again.

Unlike HTML these are rare and small, and a browser refuses them unless they are well formed; so the whole
document is read first. One in which nothing is held keeps every byte, and so does one that is not well
formed, which no browser will show.
"""

from __future__ import annotations

from lxml import etree

from ..catalogue.urls import resolve
from . import css
from .foreign import HTML
from .foreign import SVG as SVG_SPACE
from .html import CANDIDATES, FETCHES, Judge, link_kind, references, script_kind
from .injection import Injection
from .placeholder import MARK, SCRIPT_TYPE

XHTML = "http://www.w3.org/1999/xhtml"
SVG = "http://www.w3.org/2000/svg"
SPACES = {XHTML: HTML, SVG: SVG_SPACE}
_XLINK = "{http://www.w3.org/1999/xlink}href"


def hold_xml(document: bytes, judge: Judge, base: str, injection: Injection | None = None) -> bytes:
    """The document with its tracked elements held; the same bytes where nothing had to change.

    `injection` is put in as the first script of the document.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, strip_cdata=False, recover=False)
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        return document
    rewriter = _Tree(judge, base)
    for element in root.iter(etree.Element):
        rewriter.visit(element)
    injected = injection is not None and _inject(root, injection)
    if not rewriter.changed and not injected:
        return document
    tree = root.getroottree()
    declared = document.lstrip(b"\xef\xbb\xbf").startswith(b"<?xml")
    encoding = tree.docinfo.encoding or "UTF-8"
    rewritten = etree.tostring(tree, encoding=encoding, xml_declaration=declared or encoding.upper() != "UTF-8")
    return rewritten if isinstance(rewritten, bytes) else rewritten.encode()


class _Tree:
    def __init__(self, judge: Judge, base: str) -> None:
        self.changed = False
        self._judge = judge
        self._base = base

    def visit(self, element: etree._Element) -> None:
        name = etree.QName(element)
        if name.namespace not in (XHTML, SVG):
            return
        tag = name.localname.lower()
        if tag == "base" and (href := element.get("href")):
            self._base = resolve(self._base, href) or self._base
        if tag == "script":
            self._script(element)
            return
        held = self._tracked(element, tag)
        if held:
            self._hold(element, held)
        if tag == "style" and element.text:
            element.text = self._sheet(element.text)
        if (style := element.get("style")) is not None:
            element.set("style", self._sheet(style))

    def _script(self, element: etree._Element) -> None:
        if script_kind(element.get("type"), element.get("language")) != "script":
            return
        held = self._tracked(element, "script")
        code = "".join(map(str, element.itertext()))
        if not held and not any(element.get(name) for name in ("src", "href", _XLINK)) and code:
            vendor = self._judge.snippet(code)
            held = {"type": vendor} if vendor else {}
        if held:
            self._hold(element, held)
            if (kind := element.get("type")) is not None:
                element.set(f"{MARK}-type", kind)
            element.set("type", SCRIPT_TYPE)

    def _tracked(self, element: etree._Element, tag: str) -> dict[str, str]:
        held: dict[str, str] = {}
        fetches = FETCHES[SPACES[str(etree.QName(element).namespace)]].get(tag.encode(), {})
        names = [str(name) for name in element.attrib]
        for name, value in element.attrib.items():
            key = "xlink:href" if name == _XLINK else str(name)
            candidates = CANDIDATES.get(tag.encode()) == key.encode()
            kind = fetches.get(key.encode())
            if key == "ping" and tag in ("a", "area"):
                kind = "ping"
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


def _inject(root: etree._Element, injection: Injection) -> bool:
    name = etree.QName(root)
    if name.namespace == XHTML:
        parent = root.find(f"{{{XHTML}}}head")
    elif name.namespace == SVG:
        parent = root
    else:
        return False
    if parent is None:
        return False
    script = etree.Element(f"{{{name.namespace}}}script")
    script.set("src" if name.namespace == XHTML else "href", injection.source)
    script.set(f"{MARK}-runtime", "")
    script.set(f"{MARK}-state", injection.state)
    if injection.nonce:
        script.set("nonce", injection.nonce)
    parent.insert(0, script)
    return True
