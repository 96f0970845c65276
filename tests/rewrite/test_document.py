"""One body on its way through: what it is, what is done to it, and that it always arrives."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Collection, Iterable, Sequence

import brotli
import html5lib
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.rewrite import coding, document
from proxy_addon.rewrite.document import Document, form
from proxy_addon.rewrite.html import HtmlRewriter, Judge
from proxy_addon.rewrite.injection import Injection

from . import oracle

BASE = "https://www.example.com/dir/page"
T = "https://tracker.example/x"
SCRIPT = f'<script src="{T}"></script>'
TEXT = "text " * 50
PAGE = f"<!doctype html><html><head><title>é</title></head><body>{SCRIPT}<p>{TEXT}</p></body></html>".encode()
XHTML = f'<html xmlns="http://www.w3.org/1999/xhtml"><head/><body><img src="{T}"/><p>{TEXT}</p></body></html>'.encode()


class Failing:
    """A judge that fails after so many questions."""

    def __init__(self, after: int = 0) -> None:
        self._left = after

    def request(self, url: str, kind: str, attributes: Collection[str]) -> str | None:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("no verdict")
        return oracle.Vendors().request(url, kind, attributes)

    def snippet(self, code: str) -> str | None:
        return self.request("", "", ())


class Passage:
    """A document on its way, and what was said about it."""

    def __init__(
        self,
        content_type: str = "text/html; charset=utf-8",
        *,
        judge: Judge | None = None,
        encodings: Sequence[str] = (),
        recode: bool = False,
        injection: Injection | None = None,
        whole: bool = True,
    ) -> None:
        self.troubles: list[str] = []
        self.document = Document(
            judge or oracle.Vendors(),
            BASE,
            content_type=content_type,
            encodings=encodings,
            injection=injection,
            whole=whole,
            on_trouble=self.troubles.append,
        )
        self.body: coding.Body = coding.Recoded(self.document, encodings) if recode else self.document

    def feed(self, data: bytes) -> bytes:
        return b"".join(self.body.feed(data))

    def close(self) -> bytes:
        return b"".join(self.body.close())

    def all(self, *pieces: bytes) -> bytes:
        return b"".join([*map(self.feed, pieces), self.close()])


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


def held(content: bytes) -> bytes:
    rewriter = HtmlRewriter(oracle.Vendors(), BASE)
    return rewriter.feed(content) + rewriter.close()


def encoded(names: Iterable[str], data: bytes) -> bytes:
    for name in names:
        encoder = coding.encoder(name)
        data = encoder.feed(data) + encoder.close()
    return data


def decoded(names: Sequence[str], data: bytes) -> bytes:
    for name in reversed(names):
        decoder = coding.decoder(name)
        data = b"".join(decoder.feed(data))
    return data


INJECTION = Injection("/__consentry/guard.js", "{}")
places = st.lists(st.integers(0, 5000), max_size=8)

# --- What a document is --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html", "html"),
        ("Text/HTML; charset=utf-8", "html"),
        (" text/html ;x", "html"),
        ("application/xhtml+xml", "xml"),
        ("image/svg+xml; charset=utf-8", "xml"),
        ("application/xml", "xml"),
        ("text/xml;charset=utf-8", "xml"),
        ("", "sniff"),
        ("unknown/unknown", "sniff"),
        ("html", "sniff"),
        ("*/*", "sniff"),
        ("text/plain", None),
        ("application/json", None),
        ("text/javascript", None),
        ("image/png", None),
        ("application/rss+xml", None),
        # A repeated field: the last type counts (Fetch, 'extract a MIME type').
        ("text/plain, text/html", "html"),
        ("text/html, text/plain", None),
        ("text/html, text/html; charset=utf-8", "html"),
    ],
)
def test_a_content_type_says_how_a_body_is_rewritten(content_type: str, expected: str | None) -> None:
    assert form(content_type) == expected


# All of these are shown as HTML by Chromium when they come without a type.
SNIFFED = {
    "doctype": "<!doctype html>",
    "doctype in capitals": "<!DOCTYPE HTML PUBLIC '-//W3C//DTD HTML 4.01//EN'>",
    "doctype and line end": "<!doctype html\n>",
    "html": "<html>",
    "html with attributes": "<html lang=en>",
    "html with attributes on the next line": "<html\nlang=en>",
    "html with a slash": "<html/>",
    "head": "<head>",
    "body and tab": "<body\tclass=x>",
    "script": "<script>var a</script>",
    "script over lines": "<script\r\n type=module></script>",
    "comment": "<!-- served by -->",
    "comment without a blank": "<!--x-->",
    "paragraph": "<p>",
    "blanks before": "\r\n \t\f<html>",
    "many blanks before": "\n" * 200 + "<html>",
}
sniffed = pytest.mark.parametrize("beginning", SNIFFED.values(), ids=SNIFFED.keys())


@sniffed
@pytest.mark.parametrize("content_type", ["", "html", "unknown/unknown"])
def test_a_body_of_no_type_that_a_browser_takes_for_html_is_held(beginning: str, content_type: str) -> None:
    content = (beginning + SCRIPT).encode()
    assert Passage(content_type).all(content) == held(content) != content


@sniffed
@pytest.mark.parametrize("size", [1, 7, 64, 100])
def test_what_a_body_is_taken_for_does_not_depend_on_its_pieces(beginning: str, size: int) -> None:
    content = (beginning + SCRIPT * 20).encode()
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    assert Passage("").all(*pieces) == held(content)


@pytest.mark.parametrize(
    "beginning",
    ["plain text ", "{", "[", "<section>", "<img src=a>", "<?php", "%PDF-1.7", "\x00\x01", "GIF89a", "<ul>", ""],
)
def test_a_body_of_no_type_that_is_no_html_keeps_every_byte(beginning: str) -> None:
    content = (beginning + SCRIPT).encode() if beginning else b""
    assert Passage("", injection=INJECTION).all(content) == content


def test_an_xhtml_document_of_no_type_is_held() -> None:
    content = b'<?xml version="1.0"?>' + XHTML
    assert b"data-consentry-src" in Passage("").all(content)


# --- Fragments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        '{"html": "<script src=https://tracker.example/x></script>"}',
        ' \n\t["<script src=https://tracker.example/x></script>"]',
        '\ufeff{"html": "<img src=https://tracker.example/x>"}',
        " " * 100 + '{"html": "<img src=https://tracker.example/x>"}',
        '"<img src=https://tracker.example/x>"',
        ')]}\'\n{"html": "<img src=https://tracker.example/x>"}',
    ],
)
@pytest.mark.parametrize("size", [1, 30, 10_000])
def test_json_that_a_script_fetches_as_html_keeps_every_byte(data: str, size: int) -> None:
    content = data.encode()
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    assert Passage("text/html", whole=False).all(*pieces) == content


@pytest.mark.parametrize("data", ["{", "[", '["'])
def test_a_whole_document_is_html_whatever_it_begins_with(data: str) -> None:
    content = (data + SCRIPT).encode()
    assert Passage("text/html").all(content) == held(content)


def test_a_fragment_is_held_but_gets_no_injection() -> None:
    content = f"<div>{SCRIPT}</div>".encode()
    assert Passage("text/html", whole=False, injection=INJECTION).all(content) == held(content)


@pytest.mark.parametrize("content", [b"", b"a", b"<", b"<p>", b"text only"])
@pytest.mark.parametrize("content_type", ["text/html", "", "application/xhtml+xml", "image/svg+xml"])
def test_a_very_short_body_arrives(content: bytes, content_type: str) -> None:
    assert Passage(content_type).all(*[content[index : index + 1] for index in range(len(content))]) == content


# --- Injection -----------------------------------------------------------------------------------------------


def test_the_injection_carries_its_state_and_nonce_and_nothing_breaks_out_of_them() -> None:
    state = '{"a": "<\'&"}'
    html = Injection("/guard.js?a=1&b", state, "n0").html().decode()
    script = html5lib.parseFragment(html, namespaceHTMLElements=False)[0]  # type: ignore[no-untyped-call]
    assert script.attrib["src"] == "/guard.js?a=1&b"
    assert script.attrib["data-consentry-state"] == state
    assert script.attrib["nonce"] == "n0"
    assert b"nonce" not in INJECTION.html()


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be", "shift_jis", "iso-2022-jp"])
def test_the_injection_stands_in_the_head_in_every_charset(codec: str) -> None:
    label = codec.replace("16-", "16")
    text = "<!doctype html><head><title>日本</title>"
    out = Passage(f"text/html; charset={label}", injection=INJECTION).all(text.encode(codec))
    assert out.decode(codec) == text.replace("<head>", "<head>" + INJECTION.html().decode())


def test_an_xml_page_gets_the_injection() -> None:
    out = Passage("application/xhtml+xml", injection=INJECTION).all(XHTML)
    assert b'<head><script src="/__consentry/guard.js" data-consentry-runtime="" data-consentry-state="{}"/>' in out


# --- Codings -------------------------------------------------------------------------------------------------

COMBINATIONS = [
    *[(name,) for name in coding.CODINGS],
    *itertools.permutations(coding.CODINGS, 2),
    ("gzip", "gzip"),
    ("deflate", "br", "zstd"),
]
combinations = pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)


@combinations
@given(places=places)
@settings(max_examples=10, deadline=None)
def test_a_page_in_any_coding_is_held_and_put_back_into_it(names: tuple[str, ...], places: list[int]) -> None:
    passage = Passage(encodings=names, recode=True)
    out = passage.all(*cut(encoded(names, PAGE), places))
    assert decoded(names, out) == held(PAGE)
    assert passage.troubles == []


@combinations
def test_a_page_in_any_coding_may_go_on_unencoded(names: tuple[str, ...]) -> None:
    assert Passage(encodings=names).all(encoded(names, PAGE)) == held(PAGE)


@pytest.mark.parametrize("name", coding.CODINGS)
def test_others_can_read_what_was_put_back(name: str) -> None:
    out = Passage(encodings=(name,), recode=True).all(encoded((name,), PAGE))
    read = {
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
        "br": brotli.decompress,
        "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    }[name]
    assert read(out) == held(PAGE)


@pytest.mark.parametrize("name", [None, *coding.CODINGS])
def test_what_a_slow_site_has_sent_can_be_read_at_once(name: str | None) -> None:
    names = (name,) if name else ()
    passage = Passage(encodings=names, recode=True)
    encoder = coding.encoder(name) if name else None
    decoder = coding.decoder(name) if name else None
    seen = b""
    sent = b""
    for part in (
        b"<!doctype html><title>slow</title>" + b"<p>a</p>" * 20,
        b"<p>b</p>" * 9000,
        b"<p>c</p>",
        b"<p>d</p>" * 30,
    ):
        out = passage.feed(encoder.feed(part) if encoder else part)
        seen += b"".join(decoder.feed(out)) if decoder else out
        sent += part
        assert seen == sent


@pytest.mark.parametrize("name", coding.CODINGS)
@pytest.mark.parametrize("recode", [True, False])
def test_of_a_truncated_page_arrives_what_was_there(name: str, recode: bool) -> None:
    encoder = coding.encoder(name)
    first = encoder.feed(PAGE)
    out = Passage(encodings=(name,), recode=recode).all(first, encoder.feed(PAGE)[:-20][:10])
    assert (decoded((name,), out) if recode else out).startswith(held(PAGE)[:-10])


@pytest.mark.parametrize("name", coding.CODINGS)
@pytest.mark.parametrize("recode", [True, False])
@pytest.mark.parametrize("places", [[], [100], [60_000]], ids=["whole", "cut early", "cut late"])
def test_of_a_corrupt_page_arrives_most_of_what_came_before(name: str, recode: bool, places: list[int]) -> None:
    page = PAGE + b"".join(b"<p>%d</p>" % (index * index) for index in range(40_000))
    encoder = coding.encoder(name)
    content = encoder.feed(page) + b"\xff\x07" * 4000
    passage = Passage(encodings=(name,), recode=recode)
    out = passage.all(*cut(content, places))
    arrived = decoded((name,), out) if recode else out
    assert held(page).startswith(arrived[:-40])
    assert len(arrived) > len(page) * 0.8


def test_a_corrupt_page_is_told() -> None:
    passage = Passage(encodings=("gzip",))
    passage.all(gzip.compress(PAGE)[:-8] + b"no checksum")
    assert len(passage.troubles) == 1
    assert "coding" in passage.troubles[0]


@pytest.mark.parametrize("name", coding.CODINGS)
def test_after_a_corrupt_body_nothing_more_is_said_or_sent(name: str) -> None:
    passage = Passage(encodings=(name,))
    passage.feed(b"<!doctype html> this was never encoded" * 10)
    assert passage.feed(b"more") == b""
    assert passage.close() == b""
    assert len(passage.troubles) == 1


# --- Trouble -------------------------------------------------------------------------------------------------

_LONG = "<!doctype html><p>" + "日本 " * 40 + f"<img src='{T}'><p>日本</p>" * 4 + "<p>日本</p>"
FAILING = {
    "utf-8": ("text/html; charset=utf-8", _LONG.encode()),
    "utf-16 le": ("text/html", ("\ufeff" + _LONG + "\U0001f600").encode("utf-16-le")),
    "utf-16 be": ("text/html; charset=utf-16be", (_LONG + "\U0001f600").encode("utf-16-be")),
    "iso-2022-jp": ("text/html; charset=iso-2022-jp", _LONG.encode("iso-2022-jp")),
    "shift_jis": ("text/html; charset=shift_jis", _LONG.encode("shift_jis")),
    "xhtml": ("application/xhtml+xml", XHTML),
    "svg": ("image/svg+xml", f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{T}"/></svg>'.encode()),
    "no type": ("", _LONG.encode()),
}
failing = pytest.mark.parametrize(("content_type", "content"), FAILING.values(), ids=FAILING.keys())


@failing
@given(places=places)
@settings(max_examples=60, deadline=None)
def test_a_page_that_could_not_be_judged_arrives_whole(content_type: str, content: bytes, places: list[int]) -> None:
    passage = Passage(content_type, judge=Failing())
    assert passage.all(*cut(content, places)) == content
    assert len(passage.troubles) == 1
    assert "RuntimeError: no verdict" in passage.troubles[0]


@failing
@pytest.mark.parametrize("size", [1, 3, 64, 65])
def test_a_page_that_could_not_be_judged_arrives_whole_in_small_pieces(
    content_type: str, content: bytes, size: int
) -> None:
    passage = Passage(content_type, judge=Failing())
    assert passage.all(*[content[start : start + size] for start in range(0, len(content), size)]) == content


@pytest.mark.parametrize("name", coding.CODINGS)
def test_an_encoded_page_that_could_not_be_judged_arrives_whole(name: str) -> None:
    passage = Passage(judge=Failing(), encodings=(name,), recode=True)
    out = passage.all(*cut(encoded((name,), PAGE), [30, 60]))
    assert decoded((name,), out) == PAGE


def test_a_page_that_fails_in_the_middle_keeps_its_rest_as_it_is() -> None:
    first, second = f"<p>{SCRIPT}".encode().ljust(200), f"<p>{SCRIPT}".encode()
    assert Passage(judge=Failing(after=1)).all(first, second, second) == held(first) + second + second


def test_an_xml_document_that_is_too_long_passes_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "_LONGEST_XML", 1000)
    passage = Passage("image/svg+xml")
    content = f'<svg xmlns="http://www.w3.org/2000/svg">{"<g/>" * 400}<image href="{T}"/></svg>'.encode()
    assert passage.all(*cut(content, range(0, 2000, 300))) == content
    assert len(passage.troubles) == 1


@given(
    content=st.binary(max_size=300),
    places=places,
    kind=st.sampled_from(["text/html", "", "image/svg+xml", "text/html;charset=utf-16"]),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_arrive_when_there_is_nothing_to_hold(content: bytes, places: list[int], kind: str) -> None:
    passage = Passage(kind, judge=oracle.Nobody())
    assert passage.all(*cut(content, places)) == content
    assert passage.troubles == []


def test_an_xml_page_whose_charset_only_the_header_names_is_held() -> None:
    content = f'<html xmlns="http://www.w3.org/1999/xhtml"><body>é<img src="{T}"/></body></html>'.encode("latin-1")
    assert b"data-consentry-src" in Passage("application/xhtml+xml; charset=iso-8859-1").all(content)
