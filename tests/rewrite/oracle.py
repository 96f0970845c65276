"""An independent opinion on what the rewriter must hold, computed from html5lib's tree.

Nothing of the rewriter is used here: not its tokenizer, its tables, its URLs, or its CSS. The oracle parses
the original and the rewritten page, walks both trees side by side, and says in words where the second is not
exactly the first with the tracked elements in placeholder form.

Where html5lib 1.1 (2020) differs from today's HTML standard:

- `</p>` and `</br>` end foreign content in the standard; html5lib leaves it open. `_Parser` corrects that.
- `<template>` is an ordinary element to html5lib, so its contents appear as children of it, and a table row
  directly inside is dropped. Both trees are read alike, and a dropped tag can't be asked about.
- `<select>` drops most tags inside it in html5lib; since 2025 the standard keeps them. The rewriter holds them
  (the newer reading); html5lib's tree shows neither form. Tests feed it no raw-text element inside a select,
  where the two readings would part for the rest of the page.
- `<isindex>`, `<keygen>` and `<menuitem>` have rules of their own in html5lib that the standard has dropped.
  They bring nothing that fetches.
- `<noscript>` is text to a browser that runs scripts, markup to one that doesn't; html5lib does either.
  `differences` takes the choice as an argument. With scripting on, the text is compared as a document
  of its own.

One thing is left to the rewriter: an image, media or link whose tracked addresses are all on the page's own
host may be held or not. Its request comes to the proxy itself, which judges it there.
"""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import html5lib
from html5lib import html5parser

Element = ElementTree.Element

MARK = "data-consentry"
PREFIX = "data-consentry-"
URL_PREFIX = "about:invalid#consentry:"
SCRIPT_TYPE = "text/x-consentry"

HTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"
BLANK = "\t\n\f\r "


# --- Vendors -----------------------------------------------------------------------------------------------

_HOSTS = {
    "googletagmanager.com": "google-tag-manager",
    "google-analytics.com": "google-analytics",
    "doubleclick.net": "doubleclick",
    "connect.facebook.net": "meta-pixel",
    "cdn.segment.com": "segment",
    "hotjar.com": "hotjar",
    "snap.licdn.com": "linkedin-insight",
    "px.ads.linkedin.com": "linkedin-insight",
    "clarity.ms": "clarity",
    "bat.bing.com": "microsoft-uet",
    "analytics.tiktok.com": "tiktok",
    "js.hs-scripts.com": "hubspot",
    "cdn.mxpnl.com": "mixpanel",
    "tracker.example": "tracker",
}
_SNIPPETS = (
    ("google-tag-manager", ("gtm.start",)),
    ("google-analytics", ("gtag(", "config")),
    ("google-analytics", ("GoogleAnalyticsObject",)),
    ("meta-pixel", ("fbq(",)),
    ("hotjar", ("_hjSettings",)),
    ("linkedin-insight", ("_linkedin_partner_id",)),
    ("clarity", ("clarity.ms/tag",)),
    ("matomo", ("_paq.push",)),
    ("segment", ("analytics.load(",)),
    ("microsoft-uet", ("uetq",)),
    ("tracker", ("trackerQueue",)),
)


class Vendors:
    """A judge with a few vendors of every kind: by host, by path on any host, by attribute, by snippet."""

    def request(self, url: str, kind: str, attributes: Collection[str]) -> str | None:
        """The vendor of an absolute URL, or None."""
        assert kind
        address = parse(url)
        if address is None:
            return None
        for domain, vendor in _HOSTS.items():
            if address.host == domain or address.host.endswith("." + domain):
                return vendor
        if re.search(r"/(matomo|piwik)\.(js|php)\Z", address.path):
            return "matomo"
        if re.fullmatch(r"(.*\.)?facebook\.com", address.host) and address.path.rstrip("/") == "/tr":
            return "meta-pixel"
        if address.path.endswith("/js/script.js") and "data-domain" in attributes:
            return "plausible"
        return None

    def snippet(self, code: str) -> str | None:
        """The vendor of an inline script, or None."""
        return next((vendor for vendor, words in _SNIPPETS if all(word in code for word in words)), None)


class Nobody:
    """A judge that holds nothing."""

    def request(self, url: str, kind: str, attributes: Collection[str]) -> str | None:
        """No vendor."""
        return None

    def snippet(self, code: str) -> str | None:
        """No vendor."""
        return None


# --- URLs (WHATWG URL Standard, as far as http and ws go) ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """A web URL, taken apart."""

    scheme: str
    host: str
    port: str
    path: str
    query: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.port}{self.path}{self.query}"


_SPECIAL = ("http", "https", "ws", "wss")
_CONTROLS = "".join(map(chr, range(0x21)))
_FORBIDDEN = set("\0\t\n\r #/:<>?@[\\]^|%") | set(map(chr, range(0x20))) | {"\x7f", "\ufffd"}


def parse(url: str, base: Address | None = None) -> Address | None:
    """The address that a browser would request; None if there is none."""
    url = re.sub(r"[\t\n\r]", "", url.strip(_CONTROLS))
    scheme, rest = "", url
    if found := re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", url):
        scheme, rest = found[1].lower(), url[found.end() :]
        if scheme not in _SPECIAL:
            return None
    rest = rest.partition("#")[0]
    before, mark, query = rest.partition("?")
    query = mark + query
    before = before.replace("\\", "/")
    if scheme and (base is None or scheme != base.scheme or before.startswith("//")):
        return _with_authority(scheme, before.lstrip("/"), query)
    if base is None:
        return None
    if before.startswith("//"):
        return _with_authority(base.scheme, before.lstrip("/"), query)
    if before.startswith("/"):
        path = _normal(before)
    elif before:
        path = _normal(base.path.rpartition("/")[0] + "/" + before)
    else:
        path, query = base.path, query or base.query
    return Address(base.scheme, base.host, base.port, path, query)


def _with_authority(scheme: str, rest: str, query: str) -> Address | None:
    authority, slash, path = rest.partition("/")
    authority = authority.rpartition("@")[2]
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(:[0-9]*)?", authority)
    if found is None:
        return None
    host = found[1]
    if not host.startswith("["):
        host = unicodedata.normalize("NFKC", unquote(host)).lower().rstrip(".")
        if not host or _FORBIDDEN & set(host):
            return None
    return Address(scheme, host, found[2] or "", _normal(slash + path), query)


def _normal(path: str) -> str:
    parts: list[str] = []
    segments = path.split("/")[1:]
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            del parts[-1:]
        if dots in (".", ".."):
            parts += [""] if last else []
        else:
            parts.append(segment)
    return "/" + "/".join(parts)


# --- CSS (CSS Syntax Level 3) --------------------------------------------------------------------------------

_NAME_START = string.ascii_letters + "_-\\"


class _Sheet:
    """A style sheet that is read token by token, for the addresses in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def addresses(self) -> Iterator[tuple[int, str]]:
        """Where each address starts, and what it says."""
        functions: list[str] = []
        importing = False
        while self.position < len(self.text):
            char = self.text[self.position]
            if self.text.startswith("/*", self.position):
                end = self.text.find("*/", self.position + 2)
                self.position = len(self.text) if end < 0 else end + 2
                continue
            if char in BLANK:
                self.position += 1
                continue
            if char in "\"'":
                start = self.position + 1
                value = self._string()
                if importing or (functions and functions[-1] in ("url", "image-set", "-webkit-image-set")):
                    yield start, value
            elif char == "@":
                self.position += 1
                importing = self._name() == "import"
                continue
            elif char.isdigit() or char == "#":
                self.position += 1
                self._name()
            elif char in _NAME_START or char > "\x7f":
                name = self._name()
                if not name:
                    self.position += 1
                elif self.text.startswith("(", self.position):
                    self.position += 1
                    if name == "url" and (address := self._unquoted()) is not None:
                        if address[1]:
                            yield address
                    else:
                        functions.append(name)
                        if name == "url":
                            continue
            else:
                self.position += 1
                if char in "([{":
                    functions.append(char)
                elif char in ")]}":
                    del functions[-1:]
            importing = False

    def _name(self) -> str:
        name = []
        while self.position < len(self.text):
            char = self.text[self.position]
            if char == "\\" and self.text[self.position + 1 : self.position + 2] not in ("", "\n"):
                name.append(self._escape())
            elif char.isalnum() or char in "_-" or char > "\x7f":
                name.append(char)
                self.position += 1
            else:
                break
        return "".join(name).lower()

    def _escape(self) -> str:
        found = re.compile(r"\\([0-9a-fA-F]{1,6})[ \t\n\f]?").match(self.text, self.position)
        if found is None:
            self.position += 2
            return self.text[self.position - 1]
        self.position = found.end()
        return chr(int(found[1], 16))

    def _string(self) -> str:
        quote = self.text[self.position]
        self.position += 1
        value = []
        while self.position < len(self.text):
            char = self.text[self.position]
            if char == quote:
                self.position += 1
                break
            if char == "\n":
                break
            if char == "\\" and self.position + 1 < len(self.text):
                value.append(self._escape())
            else:
                value.append(char)
                self.position += 1
        return "".join(value)

    def _unquoted(self) -> tuple[int, str] | None:
        while self.text[self.position : self.position + 1] in tuple(BLANK):
            self.position += 1
        if self.text[self.position : self.position + 1] in ("'", '"'):
            return None
        start, value = self.position, []
        while self.position < len(self.text) and self.text[self.position] not in ")" + BLANK:
            if self.text[self.position] == "\\" and self.position + 1 < len(self.text):
                value.append(self._escape())
            else:
                value.append(self.text[self.position])
                self.position += 1
        end = self.text.find(")", self.position)
        self.position = len(self.text) if end < 0 else end + 1
        return start, "".join(value)


# --- HTML ----------------------------------------------------------------------------------------------------

_JAVASCRIPT = {
    *(f"{top}/{sub}" for top in ("application", "text") for sub in ("ecmascript", "javascript")),
    *(f"{top}/x-{sub}" for top in ("application", "text") for sub in ("ecmascript", "javascript")),
    *(f"text/javascript1.{minor}" for minor in range(6)),
    *("text/jscript", "text/livescript"),
}
_HTML_FETCHES: Mapping[str, tuple[str, ...]] = {
    "script": ("src",),
    "iframe": ("src",),
    "frame": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "img": ("src",),
    "source": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "track": ("src",),
    "body": ("background",),
    "table": ("background",),
    "thead": ("background",),
    "tbody": ("background",),
    "tfoot": ("background",),
    "tr": ("background",),
    "td": ("background",),
    "th": ("background",),
}
_SVG_FETCHES = ("script", "image", "feImage", "use")
_MAY_PASS_ON_THE_OWN_HOST = ("img", "input", "source", "video", "audio", "track", "link", "image", "feImage", "use")
_SETS = {"img": "srcset", "source": "srcset", "link": "imagesrcset"}
_FETCHING_RELS = {
    *("stylesheet", "icon", "manifest", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch"),
    *("prerender", "mask-icon", "apple-touch-icon", "apple-touch-icon-precomposed"),
}


class _Foreign(html5parser.getPhases(False)["inForeignContent"]):  # type: ignore[misc]
    """Foreign content, whose end at `</p>` and `</br>` html5lib doesn't know yet."""

    def processEndTag(self, token: dict[str, Any]) -> Any:  # noqa: N802
        if token["name"] not in ("p", "br"):
            return super().processEndTag(token)
        while (
            self.tree.openElements[-1].namespace != self.tree.defaultNamespace
            and not self.parser.isHTMLIntegrationPoint(self.tree.openElements[-1])
            and not self.parser.isMathMLTextIntegrationPoint(self.tree.openElements[-1])
        ):
            self.tree.openElements.pop()
        return self.parser.phase.processEndTag(token)


def tree(text: str, *, scripting: bool) -> Element:
    """The document's tree, with doctype and comments, as today's standard builds it."""
    library: Any = html5lib
    builder = library.getTreeBuilder("etree", implementation=ElementTree, fullTree=True)
    parser = library.HTMLParser(builder, namespaceHTMLElements=True)
    parser.phases["inForeignContent"] = _Foreign(parser, parser.tree)
    root: Element = parser.parse(text, scripting=scripting)
    return root


def differences(original: str, rewritten: str, base: str, judge: Vendors, *, scripting: bool) -> list[str]:
    """Where the rewritten page is not the original with exactly the tracked elements held, in words."""
    address = parse(base)
    assert address is not None
    return _Comparison(judge, address, scripting=scripting).documents(original, rewritten, scripting=scripting)


def held(original: str, base: str, judge: Vendors, *, scripting: bool) -> int:
    """How many elements and addresses of a page must be held, by the tree alone."""
    address = parse(base)
    assert address is not None
    comparison = _Comparison(judge, address, scripting=scripting)
    comparison.documents(original, original, scripting=scripting)
    return comparison.found


class _Comparison:
    def __init__(self, judge: Vendors, base: Address, *, scripting: bool) -> None:
        self.judge, self.base, self.scripting = judge, base, scripting
        self.based = False
        self.found = 0
        self.said: list[str] = []

    def documents(self, original: str, rewritten: str, *, scripting: bool) -> list[str]:
        """Compare two documents; what they differ in."""
        pairs = [(tree(original, scripting=scripting), tree(rewritten, scripting=scripting))]
        while pairs:
            one, other = pairs.pop()
            if one.tag != other.tag or len(one) != len(other):
                self.say(one, f"became <{_name(other)}>, or has {len(other)} children where {len(one)} were")
                continue
            self.element(one, other)
            pairs += reversed(list(zip(one, other, strict=True)))
        return self.said

    def say(self, element: Element, what: str) -> None:
        """Note a difference."""
        attributes = " ".join(f"{name}={value[:70]!r}" for name, value in list(element.attrib.items())[:8])
        self.said.append(f"<{_name(element)} {attributes}> {what}")

    def element(self, one: Element, other: Element) -> None:
        """Compare one element, without its children but with the text between them."""
        if one.tail != other.tail:
            self.say(one, f"is followed by {other.tail!r:.90} where {one.tail!r:.90} was")
        name = _name(one)
        if one.tag == HTML + "base" and not self.based and "href" in one.attrib:
            self.based = True
            self.base = parse(one.attrib["href"], self.base) or self.base
        self.attributes(one, other, name)
        self.text(one, other, name)

    def attributes(self, one: Element, other: Element, name: str) -> None:
        """Compare attributes: the same, or those of the placeholder."""
        names = [attribute.replace(XLINK, "xlink:") for attribute in one.attrib]
        vendors: dict[str, str] = {}
        elsewhere = name not in _MAY_PASS_ON_THE_OWN_HOST or self.based
        for attribute, value in one.attrib.items():
            for reference in _references(one, attribute, value):
                if vendor := self.ask(reference, names):
                    vendors.setdefault(attribute, vendor)
                    address = parse(reference, self.base)
                    elsewhere = elsewhere or address is None or address.host != self.base.host
        if not elsewhere and MARK not in other.attrib:
            vendors = {}
        script = name == "script" and one.tag in (HTML + "script", SVG + "script")
        runs = script and _is_javascript(one)
        if script and not runs:
            vendors = {}
        external = (
            "src" in one.attrib if one.tag == HTML + "script" else bool({"href", XLINK + "href"} & set(one.attrib))
        )
        code = ""
        if runs and not external:
            code = self.judge.snippet("".join([one.text or "", *(child.tail or "" for child in one)])) or ""
        marks = {*vendors.values(), *([code] if code else [])}
        got = dict(other.attrib)
        inner: _Comparison | None = None
        if one.tag == HTML + "iframe" and "srcdoc" in one.attrib:
            inner = self.inner()
            shown = got.get("srcdoc", "")
            said = inner.documents(one.attrib["srcdoc"], shown, scripting=self.scripting)
            self.said += [f"in srcdoc: {each}" for each in said]
            self.found += inner.found
            if inner.found:
                marks |= set(got.get(MARK, "").split()) or {"?"}
                vendors["srcdoc"] = ""
        wanted = {}
        for attribute, value in one.attrib.items():
            spelt = attribute.replace(XLINK, "xlink:")
            away = attribute in vendors or (marks and (spelt.startswith(MARK) or (script and spelt == "type")))
            wanted[PREFIX + spelt if away else attribute] = value
        if marks:
            self.found += 1
            wanted[MARK] = got[MARK] if set(got.get(MARK, "").split()) == marks else " ".join(sorted(marks))
            if script:
                wanted["type"] = SCRIPT_TYPE
            if inner is not None and inner.found:
                wanted["srcdoc"] = got.get("srcdoc", "")
        if "style" in wanted:
            wanted["style"] = self.css(wanted["style"])
        if wanted != got:
            lost = {key: value[:90] for key, value in wanted.items() if got.get(key) != value}
            more = {key: value[:90] for key, value in got.items() if wanted.get(key) != value}
            self.say(one, f"should have {lost}, has {more}")

    def text(self, one: Element, other: Element, name: str) -> None:
        """Compare the text before an element's first child."""
        text, got = one.text or "", other.text or ""
        if one.tag in (HTML + "style", SVG + "style"):
            text = self.css(text)
        elif one.tag == HTML + "script" and one.attrib.get("type", "").strip(BLANK).lower() in (
            "importmap",
            "speculationrules",
        ):
            try:
                wanted, read = self.map(json.loads(text)), json.loads(got)
            except ValueError:
                # No browser reads it, so it does not matter what is held in it.
                text, got = text.replace(URL_PREFIX, ""), got.replace(URL_PREFIX, "")
            else:
                text, got = json.dumps(wanted), json.dumps(read)
        elif name == "noscript" and self.scripting and one.tag.startswith(HTML):
            inner = self.inner()
            said = inner.documents(text, got, scripting=False)
            self.said += [f"in noscript: {each}" for each in said]
            self.found += inner.found
            return
        if text != got:
            self.say(one, f"contains {got!r:.300} where {text!r:.300} should be")

    def inner(self) -> _Comparison:
        """A comparison of a document inside this one."""
        return _Comparison(self.judge, self.base, scripting=self.scripting)

    def ask(self, reference: str, names: Collection[str] = ()) -> str | None:
        """The vendor of a reference on this page."""
        address = parse(reference, self.base)
        return self.judge.request(str(address), "any", names) if address else None

    def css(self, text: str) -> str:
        """The style sheet as it should be."""
        pieces, position = [], 0
        for start, reference in _Sheet(text).addresses():
            if self.ask(reference) is not None:
                self.found += 1
                pieces += [text[position:start], URL_PREFIX]
                position = start
        return "".join([*pieces, text[position:]])

    def map(self, value: Any) -> Any:
        """The import map or the speculation rules as they should be."""
        if isinstance(value, dict):
            return {self.map(key): self.map(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.map(each) for each in value]
        if isinstance(value, str) and "//" in value and self.ask(value) is not None:
            self.found += 1
            return URL_PREFIX + value
        return value


def _name(element: Element) -> str:
    # html5lib's comments have a function where elements have their name.
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else "!--"


def _is_javascript(script: Element) -> bool:
    kind, language = script.get("type"), script.get("language")
    if kind is None:
        kind = f"text/{language}" if language else ""
    return kind == "" or kind.strip(BLANK).lower() in _JAVASCRIPT | {"module"}


def _references(element: Element, attribute: str, value: str) -> list[str]:
    """The references in an attribute that a browser fetches by itself."""
    if not isinstance(element.tag, str):
        return []
    name = _name(element)
    if element.tag.startswith(SVG):
        return [value] if name in _SVG_FETCHES and attribute in ("href", XLINK + "href") else []
    if not element.tag.startswith(HTML):
        return []
    if attribute in _HTML_FETCHES.get(name, ()):
        return [value]
    if name == "input":
        return [value] if attribute == "src" and element.get("type", "").lower() == "image" else []
    if name in ("a", "area") and attribute == "ping":
        return value.split()
    if name == "link" and not _FETCHING_RELS & set(element.get("rel", "").lower().split()):
        return []
    if name == "link" and attribute == "href":
        return [value]
    return _candidates(value) if attribute == _SETS.get(name) else []


def _candidates(text: str) -> list[str]:
    """The addresses of a srcset, as the standard's parser finds them."""
    found: list[str] = []
    position = 0
    while True:
        while position < len(text) and text[position] in BLANK + ",":
            position += 1
        if position == len(text):
            return found
        start = position
        while position < len(text) and text[position] not in BLANK:
            position += 1
        url = text[start:position]
        found.append(url.rstrip(","))
        if url.endswith(","):
            continue
        parenthesised = False
        while position < len(text) and (parenthesised or text[position] != ","):
            parenthesised = text[position] == "(" or (parenthesised and text[position] != ")")
            position += 1
