"""What holds of the rewriter for every document, cut up in any way."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from proxy_addon.rewrite.html import HtmlRewriter
from proxy_addon.rewrite.placeholder import restore
from tests.corpus import Page, pages

from . import oracle

BASE = "https://www.example.com/dir/page.html"
INJECT = b"<script>/* the injected script */</script>"
CORPUS = pages()
SMALL = [page for page in CORPUS if len(page.content) < 8_000]

# --- Documents -----------------------------------------------------------------------------------------------

_NAMES = (
    "script style title textarea noscript iframe xmp noembed noframes plaintext img image a p td source video link "
    "base svg math foreignObject desc mi annotation-xml template select frameset frame body html head table x-y"
)
_ATTRIBUTES = (
    "src href srcset type rel style ping background data poster srcdoc xlink:href imagesrcset language as encoding "
    "charset color data-domain"
)
_VALUES = (
    "https://tracker.example/x.js",
    "//tracker.example/y",
    "https://www.googletagmanager.com/gtm.js?id=GTM-X&amp;l=d",
    "/own.png",
    "own.js",
    "/\\tracker.example",
    "ht\ntps:tracker.example",
    "&#x2f;&sol;tracker&period;example/e",
    "/a 1x, https://tracker.example/b 2x",
    "text/javascript",
    "text/plain",
    "module",
    "importmap",
    "stylesheet",
    "preload",
    "image",
    "text/html",
    "background:url(https://tracker.example/c)",
    "url(&quot;//tracker.example/d&quot;)",
    "<img src=//tracker.example/e>",
    "",
    "\xe9\u8868",
)
_BITS = (
    "<", ">", "/", "</", "<!", "<!--", "-->", "--!>", "<!-->", "<!--->", "-", "--", "!", "?", "=", '"', "'", "&", ";",
    " ", "\t", "\n", "\r", "\r\n", "\f", "\0", "]]>", "<![CDATA[", "<!doctype html>", "a", "B", "0", "(", ")", ",",
    "/*", "*/", "\\", "url(", "@import ", "image-set(", "https://tracker.example/z", "//tracker.example", "about:",
    "trackerQueue", "gtag('config')", '{"imports": {"a": "https://tracker.example/m.js"}}', "\xff", "\u8868", "\ufeff",
)  # fmt: skip


def _quoted(value: str, quote: str) -> str:
    if quote:
        return quote + value.replace(quote, "&quot;" if quote == '"' else "&#39;") + quote
    return "".join(f"&#{ord(char)};" if char in " \t\n\f\r>\"'=<`" else char for char in value) or '""'


_attribute = st.builds(
    lambda space, name, equals, value, quote: space + name + (equals + _quoted(value, quote) if equals else ""),
    st.sampled_from([" ", "\n", "\t", "  ", "/", " /"]),
    st.sampled_from([*_ATTRIBUTES.split(), "SRC", "Href", "alt", "x"]),
    st.sampled_from(["=", "=", "=", " = ", "=\n", ""]),
    st.sampled_from(_VALUES),
    st.sampled_from(['"', "'", ""]),
)
_start_tag = st.builds(
    lambda name, attributes, end: f"<{name}{''.join(attributes)}{end}",
    st.sampled_from([*_NAMES.split(), "SCRIPT", "Style", "IMG"]),
    st.lists(_attribute, max_size=4),
    st.sampled_from([">", ">", ">", "/>", " />", " >", ""]),
)
_end_tag = st.builds(
    lambda name, end: f"</{name}{end}",
    st.sampled_from([*_NAMES.split(), "SCRIPT"]),
    st.sampled_from([">", ">", " >", "\n>", "/>", " x='>'>", ""]),
)
soup = st.lists(st.one_of(_start_tag, _start_tag, _end_tag, st.sampled_from(_BITS)), max_size=25).map(
    lambda parts: "".join(parts).encode("utf-8")
)


@st.composite
def well_formed(draw: st.DrawFn) -> str:
    """A document whose elements are all closed in order, with every kind of attribute."""

    def tag(name: str, *, raw: str | None = None, deeper: int = 0, inside: tuple[str, ...] = ()) -> str:
        attributes = "".join(draw(st.lists(_attribute, max_size=3)))
        start = f"<{name}{attributes}>" if not attributes.endswith("/") else f"<{name}{attributes} >"
        if name in ("img", "link", "source", "track", "embed", "input", "base"):
            return start
        return f"{start}{raw if raw is not None else content(deeper, inside)}</{name}>"

    def content(depth: int, names: tuple[str, ...]) -> str:
        parts = []
        for _ in range(draw(st.integers(0, 3 if depth else 1))):
            name = draw(st.sampled_from(names))
            if name == "script":
                parts.append(tag(name, raw=draw(st.sampled_from(["", "trackerQueue.push(1)", "a<b", "<!-- x -->"]))))
            elif name == "style":
                parts.append(tag(name, raw=draw(st.sampled_from(_SHEETS))))
            elif name in ("textarea", "iframe", "xmp"):
                parts.append(tag(name, raw="<img src='https://tracker.example/text'>"))
            elif name == "noscript":
                parts.append(f"<noscript>{tag('img')}{tag('iframe', raw='')}</noscript>")
            elif name == "svg":
                parts.append(f"<svg>{content(depth - 1, ('g', 'image', 'use', 'path')) if depth else ''}</svg>")
            elif name in ("image", "use", "path"):
                parts.append(tag(name, raw=""))
            else:
                inside = names if name == "g" else _FLOW
                parts.append(tag(name, deeper=max(0, depth - 1), inside=inside))
            parts.append(draw(st.sampled_from(["", "text", " &amp; ", "\n", "<!-- <img src=//tracker.example> -->"])))
        return "".join(parts)

    return "<!doctype html>" + content(4, _FLOW)


_FLOW = (
    *("div", "p", "span", "a", "ul", "li", "section", "img", "img", "link", "video", "source", "audio", "embed"),
    *(
        "object",
        "input",
        "iframe",
        "script",
        "script",
        "style",
        "noscript",
        "textarea",
        "xmp",
        "svg",
        "picture",
        "base",
    ),
)
_SHEETS = (
    "",
    "a{b:c}",
    "a{background:url(https://tracker.example/1)}",
    "@import url('//tracker.example/2');",
    '@import "https://tracker.example/3" screen;',
    "a{background:url( \"/own\" ),url( 'https://tracker.example/4' )}/* url(https://tracker.example/5) */",
    "a{content:'url(https://tracker.example/6)'}",
    'a{background:image-set("https://tracker.example/7" 1x)}',
)


def rewrite(
    content: bytes | Iterable[bytes], *, judge: oracle.Vendors | oracle.Nobody | None = None, inject: bytes = b""
) -> bytes:
    rewriter = HtmlRewriter(judge or oracle.Vendors(), BASE, inject=inject)
    pieces = [content] if isinstance(content, bytes) else content
    return b"".join([*[rewriter.feed(piece) for piece in pieces], rewriter.close()])


def cut(content: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({place % (len(content) + 1) for place in places})
    return [content[start:end] for start, end in zip([0, *ends], [*ends, len(content)], strict=True)]


def is_within(content: bytes, other: bytes) -> bool:
    """Whether content is what remains of the other when some of its bytes are taken out."""
    remaining = iter(other)
    return all(byte in remaining for byte in content)


# --- Properties ----------------------------------------------------------------------------------------------


@given(content=soup, places=st.lists(st.integers(0, 10_000), max_size=12))
@settings(max_examples=600, deadline=None)
def test_any_cutting_of_soup_gives_the_same_bytes(content: bytes, places: list[int]) -> None:
    assert rewrite(cut(content, places), inject=INJECT) == rewrite(content, inject=INJECT)


@example(content=b"\xef\xbb\xbf\xef\xbb\xbf")
@given(content=soup)
@settings(max_examples=200, deadline=None)
def test_soup_fed_byte_by_byte_gives_the_same_bytes(content: bytes) -> None:
    assert rewrite(cut(content, range(len(content))), inject=INJECT) == rewrite(content, inject=INJECT)


@given(page=st.sampled_from(CORPUS), places=st.lists(st.integers(0, 400_000), max_size=20))
@settings(max_examples=300, deadline=None)
def test_any_cutting_of_a_page_gives_the_same_bytes(page: Page, places: list[int]) -> None:
    assert rewrite(cut(page.content, places), inject=INJECT) == rewrite(page.content, inject=INJECT)


@pytest.mark.parametrize("size", [1, 3, 64])
@pytest.mark.parametrize("page", SMALL, ids=lambda page: page.name)
def test_a_page_in_small_pieces_gives_the_same_bytes(page: Page, size: int) -> None:
    pieces = [page.content[start : start + size] for start in range(0, len(page.content), size)]
    assert rewrite(pieces, inject=INJECT) == rewrite(page.content, inject=INJECT)


@given(content=soup)
@example(b"<svg>" * 5 + b"<script>trackerQueue</svg>")
@settings(max_examples=600, deadline=None)
def test_restoring_inverts_rewriting(content: bytes) -> None:
    assert restore(rewrite(content)) == content


@given(content=soup)
@settings(max_examples=300, deadline=None)
def test_rewriting_only_inserts(content: bytes) -> None:
    assert is_within(content, rewrite(content))


@given(content=soup)
@settings(max_examples=600, deadline=None)
def test_rewriting_a_rewritten_document_changes_nothing_more(content: bytes) -> None:
    once = rewrite(content)
    assert rewrite(once) == once


@pytest.mark.parametrize("page", CORPUS, ids=lambda page: page.name)
def test_rewriting_a_rewritten_page_changes_nothing_more(page: Page) -> None:
    once = rewrite(page.content)
    assert rewrite(once) == once


@given(content=soup, places=st.lists(st.integers(0, 10_000), max_size=5))
@settings(max_examples=300, deadline=None)
def test_no_byte_is_lost_where_nothing_is_held(content: bytes, places: list[int]) -> None:
    assert rewrite(cut(content, places), judge=oracle.Nobody()) == content


@given(content=st.binary(max_size=300), places=st.lists(st.integers(0, 300), max_size=5))
@settings(max_examples=300, deadline=None)
def test_any_bytes_at_all_pass(content: bytes, places: list[int]) -> None:
    # The prefix is reserved: a page that writes it itself does not get it back.
    assume(b"about:invalid#consentry:" not in content)
    assert restore(rewrite(cut(content, places))) == content


@given(content=soup, places=st.lists(st.integers(0, 10_000), max_size=5))
@settings(max_examples=300, deadline=None)
def test_the_injection_is_put_in_once_and_whole(content: bytes, places: list[int]) -> None:
    injected = rewrite(cut(content, places), judge=oracle.Nobody(), inject=INJECT)
    before, found, after = injected.partition(INJECT)
    assert before + after == content
    assert INJECT not in after
    # It is left out only where nothing begins: blanks, comments, a doctype, <html>.
    assert found or oracle.tree(content.decode("utf-8-sig"), scripting=True).find(f".//{oracle.HTML}body/*") is None


@given(document=well_formed())
@settings(max_examples=400, deadline=None)
def test_the_oracle_agrees_on_generated_documents(document: str) -> None:
    rewritten = rewrite(document.encode("utf-8")).decode("utf-8")
    assert oracle.differences(document, rewritten, BASE, oracle.Vendors(), scripting=True) == []


# --- Hostile documents ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("nested", ["<noscript>", "<svg>", "<svg><foreignObject>", "<div>", "<template>", "<math><mi>"])
@pytest.mark.parametrize("closing", ["", "</noscript>"])
def test_deep_nesting_passes(nested: str, closing: str) -> None:
    content = (nested * 3_000 + "<img src='https://tracker.example/x'>" + closing).encode()
    assert restore(rewrite(content)) == content


def test_documents_within_documents_pass() -> None:
    document = "<img src=https://tracker.example/x>"
    for _ in range(250):
        document = '<iframe srcdoc="' + document.replace("&", "&amp;").replace('"', "&quot;") + '"></iframe>'
    rewritten = rewrite(document.encode())
    assert rewritten != document.encode()
    assert restore(rewritten) == document.encode()


HOSTILE = {
    "less-thans": ("", "<", ""),
    "tags that never end": ("", "<a ", ""),
    "attributes of one tag": ("<p ", "a=b ", ">"),
    "equals signs": ("<p ", "a = ", ">"),
    "attributes of one image": ("<img ", "src=/x ", ">"),
    "a tag with no end": ("<img src=x ", "a b=c ", ""),
    "an open quotation": ('<img src="', "x ", ""),
    "open quotations": ("", "<a b='", ""),
    "open end tags": ("", "</a ", ""),
    "bogus comments": ("", "<!", ""),
    "comments": ("", "<!--", ""),
    "dashes": ("<!--", "-- ", ""),
    "comments in a script": ("<script>", "<!--", ""),
    "scripts in a comment in a script": ("<script><!--", "<script>", ""),
    "script ends that are none": ("<script>", "</scrip", ""),
    "unclosed scripts": ("", "<script>", ""),
    "unclosed styles": ("", "<style>", ""),
    "unclosed noscripts": ("", "<noscript>", ""),
    "noscripts closed at the end": ("", "<noscript>", "</noscript>"),
    "noscripts": ("", "<noscript><p></noscript>", ""),
    "unclosed svgs": ("", "<svg>", ""),
    "svgs that end elsewhere": ("", "<svg>", "</svg>"),
    "svg end tags": ("<svg>", "</g>", ""),
    "svg integration points": ("", "<svg><desc>", ""),
    "svg styles": ("<svg>", "<style>", ""),
    "svg scripts": ("<svg>", "<script>", ""),
    "svg script ends that are none": ("<svg><script>", "</scrip", ""),
    "svg texts": ("<svg>", "</", ""),
    "math in svg in math": ("", "<math><mi><svg><title>", ""),
    "cdata": ("<svg>", "<![CDATA[", ""),
    "cdata ends": ("<svg><![CDATA[", "]]", ""),
    "html tags": ("", "<html>", ""),
    "doctypes": ("", "<!doctype html>", ""),
    "blanks": ("", " \n", ""),
    "titles": ("", "<title>", ""),
    "ampersands": ('<img src="', "&amp", '">'),
    "candidates": ('<img srcset="//x ', "a, ", '">'),
    "commas": ('<img srcset="//x ', ",", '">'),
    "brackets in candidates": ('<img srcset="//x ', "a ( ", '">'),
    "brackets after candidates": ('<img srcset="//x ', "(", '">'),
    "bracketed candidates": ('<img srcset="//x ', "(,", '">'),
    "pings": ('<a ping="', "x ", '">'),
    "urls in a style": ("<style>", "url(", "</style>"),
    "quoted urls in a style": ("<style>", "url('", "</style>"),
    "image sets in a style": ("<style>", "image-set(", "</style>"),
    "image sets with strings": ("<style>", "image-set('a'", "</style>"),
    "imports in a style": ("<style>", "@import ", "</style>"),
    "comments in a style": ("<style>url(", "/* ", "</style>"),
    "quotations in a style": ("<style>url(", "'\n", "</style>"),
    "backslashes in a style": ("<style>url(", "\\", ")</style>"),
    "urls in an attribute": ('<p style="', "url(&quot;", '">'),
    "entities in an attribute": ('<p style="url(', "&#39;", '">'),
    "elements with styles": ("", '<p style="background:url(/x)">', ""),
    "quotations in an import map": ('<script type="importmap">', '"\\', "</script>"),
    "strings in an import map": ('<script type="importmap">', '"a":"//x",', "</script>"),
    "frames with documents": ("", '<iframe srcdoc="<p>"></iframe>', ""),
    "nul bytes": ("", "\0", ""),
}


def seconds(content: bytes, size: int) -> float:
    """The processor time of rewriting a document fed in pieces of a size."""
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    start = time.process_time()
    rewrite(pieces, inject=INJECT)
    return time.process_time() - start


@pytest.mark.timeout(60)
@pytest.mark.parametrize("size", [1 << 30, 4096], ids=["whole", "pieces"])
@pytest.mark.parametrize(("before", "repeated", "after"), HOSTILE.values(), ids=HOSTILE.keys())
def test_work_grows_with_the_length_of_a_hostile_document(before: str, repeated: str, after: str, size: int) -> None:
    # Eight times the length may take some more than eight times the work, but not sixty-four times. A busy
    # machine may slow one run down, not three.
    short, long = ((before + repeated * (count // len(repeated)) + after).encode() for count in (12_000, 96_000))
    allowed = 28 * max(0.002, *(seconds(short, size) for _ in range(3)))
    assert any(seconds(long, size) < allowed for _ in range(3))


@pytest.mark.parametrize(("before", "repeated", "after"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_documents_come_back_whole(before: str, repeated: str, after: str) -> None:
    content = (before + repeated * 1_000 + after).encode()
    assert restore(rewrite(content)) == content
