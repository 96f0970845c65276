"""Addresses in style sheets, held where they stand; everything else keeps its bytes."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy_addon.rewrite import css
from proxy_addon.rewrite.placeholder import URL_PREFIX

T = b"https://tracker.example/x"
HELD = URL_PREFIX + T


def tracked(address: str) -> bool:
    return "tracker.example" in address


def hold(sheet: bytes) -> bytes:
    return css.hold_addresses(sheet, tracked)


def asked(sheet: bytes) -> list[str]:
    seen: list[str] = []

    def decide(address: str) -> bool:
        seen.append(address)
        return False

    assert css.hold_addresses(sheet, decide) is sheet
    return seen


FETCHING = {
    "bare": b"a{background:url(%s)}",
    "double-quoted": b'a{background:url("%s")}',
    "single-quoted": b"a{background:url('%s')}",
    "blanks around": b"a{background:url( \n\t%s \r\n )}",
    "blanks around quotation": b"a{background:url(\f'%s'\n)}",
    "upper case": b"a{background:URL(%s)}",
    "several": b"a{background:url(/own.png),url(%s)}",
    "a font": b"@font-face{font-family:x;src:local(y),url(%s) format('woff2')}",
    "import of a string": b'@import "%s";',
    "import of a single-quoted string": b"@import '%s' screen;",
    "import of a url": b"@import url(%s) layer(a) supports(display:grid) print;",
    "import in upper case": b"@IMPORT '%s';",
    "import over lines": b"@import\r\n  '%s';",
    "import without a blank": b'@import"%s";',
    "import after a comment": b'@import/* of */"%s";',
    "image-set of a string": b'a{background:image-set("%s" 1x)}',
    "image-set of a url": b"a{background:image-set(url(%s) 1x)}",
    "image-set with a prefix": b"a{background:-webkit-image-set(url('%s') 1x)}",
    "image-set, second string": b'a{background:image-set("a.png" 1x, "%s" 2x)}',
    "image-set after a type": b'a{background:image-set("a.avif" type("image/avif"), "%s" type("image/png"))}',
    "image-set after a url": b'a{background:image-set(url(a.png) 1x, "%s" 2x)}',
    "image-set with a parenthesis in the address": b'a{background:image-set("%s?(1)" 1x)}',
    "a url after an image-set": b'a{background:image-set("a.png" 1x)}b{background:url(%s)}',
    "a custom property": b"a{--image:url(%s)}",
    "after a comment": b"/* url(/a) */a{background:url(%s)}",
    "after a string": b"a::before{content:'it''s \\' url('}a{background:url(%s)}",
    "after a bad string": b"a{content:'open\n}a{background:url(%s)}",
    "after a comment that looks like a string": b"/* don't */a{background:url(%s)}/* won't */",
    "after a string that looks like a comment": b"a{content:'/*'}a{background:url(%s)}b{content:'*/'}",
    "after a string over lines": b"a{content:'one\\\ntwo'}a{background:url(%s)}b{content:''}",
    "after a string over lines ended by CRLF": b"a{content:'one\\\r\ntwo'}a{background:url(%s)}b{content:''}",
    "not closed": b"a{background:url(%s",
    "not closed in quotation marks": b"a{background:url('%s",
    "in a media query": b"@media print{a{background:url(%s)}}",
    "with a fragment": b"a{filter:url(%s#f)}",
    "directly after a brace": b"a{background:red}url(%s)",
}


@pytest.mark.parametrize("sheet", FETCHING.values(), ids=FETCHING.keys())
def test_an_address_that_a_browser_would_fetch_is_held(sheet: bytes) -> None:
    assert hold(sheet % T) == sheet % HELD


@pytest.mark.parametrize("sheet", FETCHING.values(), ids=FETCHING.keys())
def test_a_sheet_with_other_addresses_only_is_the_same_object(sheet: bytes) -> None:
    content = sheet % b"/own.png"
    assert hold(content) is content


@pytest.mark.parametrize("sheet", FETCHING.values(), ids=FETCHING.keys())
def test_a_sheet_that_fetches_gets_past_the_quick_look(sheet: bytes) -> None:
    assert css.may_fetch(sheet % T)


UNTOUCHED = {
    "a comment": b"/* url(%s) */a{color:red}",
    "a comment that is not closed": b"a{color:red}/* url(%s)",
    "an import in a comment": b"/* @import '%s'; */",
    "a string": b"a{content:'url(%s)'}",
    "a double-quoted string": b'a{content:"see url(%s)"}',
    "an import in a string": b"a{content:\"@import '%s'\"}",
    "a string with an escaped quotation mark": b"a{content:'\\'url(%s)'}",
    "a string alone": b"a{content:'%s'}",
    "an attribute selector": b'a[href="%s"]{color:red}',
    "a data address that names it": b"a{background:url(\"data:image/svg+xml,<svg><image href='%s'/></svg>\")}",
    "a function whose name ends alike": b"a{background:my-url(%s)}",
    "another function whose name ends alike": b"a{background:curl(%s)}",
    "a comment in an image-set": b'a{background:image-set("a.png" /* "%s" */ 1x)}',
}


@pytest.mark.parametrize("sheet", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_text_that_only_looks_like_an_address_is_untouched(sheet: bytes) -> None:
    content = sheet % T

    def decide(address: str) -> bool:
        return address.startswith("https://tracker.example")

    assert css.hold_addresses(content, decide) is content


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"url(https\\3a //tracker.example/x)", "https://tracker.example/x"),
        (b"url('https\\00003A//tracker.example/x')", "https://tracker.example/x"),
        (b"url(\\68 ttps://tracker.example/x)", "https://tracker.example/x"),
        (b"url(https://tracker.example/a\\(1\\).png)", "https://tracker.example/a(1).png"),
        (b'url("https://tracker.example/\\"x")', 'https://tracker.example/"x'),
        (b"url(\\0)", "\ufffd"),
        (b"url(\\d800)", "\ufffd"),
        (b"url(\\110000 a)", "\ufffda"),
        (b"url(\\1f600 )", "\U0001f600"),
        (b"url(\\41\r\nB)", "AB"),
        ("url(/bücher)".encode(), "/bücher"),
    ],
)
def test_escapes_are_read_as_a_browser_reads_them(written: bytes, read: str) -> None:
    assert asked(written) == [read]


def test_each_address_is_asked_about_once() -> None:
    sheet = b"@import 'a';b{c:url(d) image-set(url('e') 1x, 'f' 2x)}@import url(g);"
    assert asked(sheet) == ["a", "d", "e", "f", "g"]


def test_an_address_in_an_image_set_gets_the_prefix_once() -> None:
    assert hold(b"a{b:image-set(url('%s') 1x)}" % T) == b"a{b:image-set(url('%s') 1x)}" % HELD


@pytest.mark.parametrize(
    "quote", [b"&quot;", b"&#34;", b"&#034;", b"&#x22;", b"&#X22;", b"&apos;", b"&#39;", b"&#x27;"]
)
@pytest.mark.parametrize(
    "style",
    [
        b"background:url(%(q)s%(u)s%(q)s)",
        b"background:url( %(q)s%(u)s%(q)s )",
        b"color:red;background:url(%(q)s/a%(q)s),url(%(q)s%(u)s%(q)s)",
        b"background:image-set(%(q)s%(u)s%(q)s 1x)",
    ],
)
def test_quotation_marks_written_as_entities_quote_in_a_style_attribute(style: bytes, quote: bytes) -> None:
    assert hold(style % {b"q": quote, b"u": T}) == style % {b"q": quote, b"u": HELD}


@pytest.mark.parametrize(
    "address", [b"https://tracker.example/?a=1&amp;b=2", b"https://tracker.example/?a=1&b=2&#38;c"]
)
def test_other_entities_belong_to_the_address(address: bytes) -> None:
    seen = asked(b"background:url(&quot;" + address + b"&quot;)")
    assert seen == [address.decode()]


@pytest.mark.parametrize(
    "sheet", [b"", b"a{color:red}", b"/* a comment */", b"a::before{content:'https://tracker.example'}", b"curly(a)"]
)
def test_most_sheets_need_no_second_look(sheet: bytes) -> None:
    assert not css.may_fetch(sheet)


_TOKENS = (
    b"url(", b"URL(", b"image-set(", b"-webkit-image-set(", b"@import", b"@import ", b"src(", b"type(", b"(", b")",
    b'"', b"'", b" ", b"\n", b"\r\n", b"\f", b"\t", b",", b";", b"{", b"}", b"\\", b"/*", b"*/", b"/",
    b"*", b"&quot;", b"&#39;", b"&", b"https://tracker.example/x", b"tracker.example", b"//", b"/own", b"a", b"1x",
    b"\\75", b"\\29 ", b"\0", b"\xff", b"\xe8\xa1\xa8", b"\x95\x5c",
)  # fmt: skip
sheets = st.lists(st.one_of(st.sampled_from(_TOKENS), st.binary(max_size=3)), max_size=30).map(b"".join)


@given(sheet=sheets)
@example(b'image-set(url("tracker.example" "tracker.example"))')
@example(b'image-set("tracker.example" 1x, url("tracker.example") 2x)')
@example(b'image-set(image-set("tracker.example"')
@settings(max_examples=1500, deadline=None)
def test_a_sheet_gets_prefixes_and_nothing_else(sheet: bytes) -> None:
    assert hold(sheet).replace(URL_PREFIX, b"") == sheet


@given(sheet=sheets)
@settings(max_examples=500, deadline=None)
def test_everything_may_be_held(sheet: bytes) -> None:
    assert css.hold_addresses(sheet, lambda _: True).replace(URL_PREFIX, b"") == sheet


@given(sheet=sheets)
@settings(max_examples=500, deadline=None)
def test_no_address_gets_two_prefixes(sheet: bytes) -> None:
    assert URL_PREFIX * 2 not in hold(sheet)


@given(sheet=sheets)
@settings(max_examples=500, deadline=None)
def test_a_sheet_without_a_sign_of_an_address_names_none(sheet: bytes) -> None:
    if not css.may_fetch(sheet):
        assert asked(sheet) == []
