"""Charsets that are no supersets of ASCII are brought into a form that can be rewritten, and back to the byte."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.rewrite.charset import Charset, declared, translation
from proxy_addon.rewrite.document import Document
from proxy_addon.rewrite.html import HtmlRewriter

from . import oracle

BASE = "https://www.example.com/dir/page"
T = "https://tracker.example/x"


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


def charset(label: str, beginning: bytes = b"") -> Charset:
    found = translation(label, beginning)
    assert found is not None
    return found


def through(label: str, pieces: Iterable[bytes]) -> bytes:
    """Inward and outward again, with nothing done in between."""
    translated = charset(label)
    out = b"".join([translated.outward(translated.inward(piece)) for piece in pieces])
    return out + translated.rest()


def rewrite(pieces: Iterable[bytes], content_type: str) -> bytes:
    troubles: list[str] = []
    document = Document(oracle.Vendors(), BASE, content_type=content_type, on_trouble=troubles.append)
    out = b"".join([*[part for piece in pieces for part in document.feed(piece)], *document.close()])
    assert troubles == []
    return out


def rewrite_text(text: str) -> str:
    rewriter = HtmlRewriter(oracle.Vendors(), BASE)
    content = text.encode()
    return (rewriter.feed(content) + rewriter.close()).decode()


# --- Which charset it is -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "label"),
    [
        ("text/html", ""),
        ("", ""),
        ("text/html; charset=UTF-16LE", "utf-16le"),
        ('text/html; charset="Shift_JIS"', "shift_jis"),
        ("text/html;charset=iso-2022-jp;x=y", "iso-2022-jp"),
        ("text/html; x=y; charset = big5 ", "big5"),
    ],
)
def test_a_content_type_declares_its_charset(content_type: str, label: str) -> None:
    assert declared(content_type) == label


UTF_16 = [
    *[(label, "utf-16-le") for label in ("utf-16", "utf-16le", "ucs-2", "unicode", "csunicode", "unicodefeff")],
    *[(label, "utf-16-be") for label in ("utf-16be", "unicodefffe")],
]


@pytest.mark.parametrize(("label", "codec"), UTF_16)
def test_utf_16_is_known_by_its_labels(label: str, codec: str) -> None:
    assert charset(label).inward("<p>é".encode(codec)) == "<p>é".encode()


@pytest.mark.parametrize("label", ["", "utf-8", "shift_jis", "utf-16be", "utf-16le", "iso-2022-jp"])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_counts_more_than_a_label(label: str, codec: str) -> None:
    text = "\ufeff<p>é"
    assert charset(label, text.encode(codec)).inward(text.encode(codec)) == text.encode()


@pytest.mark.parametrize("label", ["utf-16le", "utf-16be", "iso-2022-jp"])
def test_the_mark_of_utf_8_counts_more_than_a_label(label: str) -> None:
    assert translation(label, b"\xef\xbb\xbf<p>") is None


@pytest.mark.parametrize(
    "label",
    [
        "",
        "utf-8",
        "windows-1252",
        "shift_jis",
        "euc-jp",
        "euc-kr",
        "gb18030",
        "gbk",
        "big5",
        "koi8-r",
        "x-user-defined",
    ],
)
def test_supersets_of_ascii_need_no_translation(label: str) -> None:
    assert translation(label, b"<meta charset=utf-16><p>") is None


@pytest.mark.parametrize(
    "meta",
    [
        b"<meta charset=iso-2022-jp>",
        b'<META CHARSET="ISO-2022-JP">',
        b"<meta http-equiv='Content-Type' content='text/html; charset=iso-2022-jp'>",
        b'<meta http-equiv="Content-Type" content="text/html;charset=ISO-2022-JP" />',
    ],
)
def test_iso_2022_jp_is_known_by_its_meta(meta: bytes) -> None:
    assert translation("", b"<!doctype html><head>" + meta) is not None
    assert translation("utf-8", b"<!doctype html><head>" + meta) is None
    assert translation("", b" " * 1024 + meta) is None


# --- To the byte ---------------------------------------------------------------------------------------------

places = st.lists(st.integers(0, 5_000), max_size=10)
_ESCAPES = (b"\x1b$B", b"\x1b(B", b"\x1b(J", b"\x1b(I", b"\x1b$@", b"\x1b", b"\x1b$", b"\x1b(", b"\x1b(H", b"\x1b$(D")
_BETWEEN = (b"<p>", b"<A", b"F|K\\", b"$3", b"a", b"\n", b" ", b"<script>", b"\x0e", b"\xe3", b"\x80")
_JAPANESE = st.lists(st.sampled_from(_ESCAPES + _BETWEEN), max_size=25).map(b"".join)


@pytest.mark.parametrize("label", ["utf-16le", "utf-16be", "iso-2022-jp"])
@given(data=st.one_of(st.binary(max_size=200), _JAPANESE), places=places)
@settings(max_examples=500, deadline=None)
def test_any_bytes_come_back_however_they_are_cut(label: str, data: bytes, places: list[int]) -> None:
    assert through(label, cut(data, places)) == data


@pytest.mark.parametrize("label", ["utf-16le", "utf-16be", "iso-2022-jp"])
@given(data=_JAPANESE, places=places)
@settings(max_examples=300, deadline=None)
def test_cutting_changes_nothing_of_what_the_rewriter_sees(label: str, data: bytes, places: list[int]) -> None:
    whole, pieces = charset(label), charset(label)
    assert b"".join(map(pieces.inward, cut(data, places))) == whole.inward(data)


@given(text=st.text(alphabet="日本語漢字かなカナ表示、。あいう ABC<>\"'&\n", max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_byte_of_japanese_text_looks_like_markup(text: str) -> None:
    inward = charset("iso-2022-jp").inward(text.encode("iso-2022-jp"))
    assert [byte for byte in inward if chr(byte) in "<>\"'&"] == [ord(char) for char in text if char in "<>\"'&"]


@pytest.mark.parametrize("escape", [b"\x1b(I", b"\x1b$B", b"\x1b$@"])
def test_katakana_and_kanji_hide_no_tag(escape: bytes) -> None:
    held = rewrite([b"<p>" + escape + b"<A\x1b(B <img src=" + T.encode() + b">"], "text/html; charset=iso-2022-jp")
    assert b"data-consentry-src=" in held


def test_roman_text_is_ascii_as_far_as_markup_goes() -> None:
    page = b"<p>\x1b(J<img src=" + T.encode() + b">"
    assert b"data-consentry-src=" in rewrite([page], "text/html; charset=iso-2022-jp")


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("odd", [b"", b"\x3c", b"\x00\xd8", b"\xd8\x3d\xd8", b"\xff\xff\xff"])
def test_bytes_at_the_end_that_are_no_whole_character_are_kept(codec: str, odd: bytes) -> None:
    page = "\ufeff<p>日本</p>".encode(codec)
    assert rewrite([page + odd], "text/html") == page + odd
    assert rewrite(cut(page + odd, range(100)), "text/html") == page + odd


@pytest.mark.parametrize("odd", [b"\x1b", b"\x1b$", b"\x1b(", b"\x1b$B", b"\x1b$B<", b"\x1b$B\x1b"])
def test_an_escape_sequence_that_the_page_ends_in_is_kept(odd: bytes) -> None:
    page = "<p>日本</p>".encode("iso-2022-jp") + odd
    assert rewrite([page], "text/html; charset=iso-2022-jp") == page
    assert rewrite(cut(page, range(100)), "text/html; charset=iso-2022-jp") == page


# --- Pages ---------------------------------------------------------------------------------------------------

_WORDS = {
    "utf-8": "日本語 ünïcödé \U0001f600",
    "utf-16-le": "日本語 ünïcödé \U0001f600 ㄼ㰼",
    "utf-16-be": "日本語 ünïcödé \U0001f600 ㄼ㰼",
    "iso-2022-jp": "日本語の表示、柴田 表",
    "shift_jis": "日本語の表示、能力 ソ表",
    "euc_jp": "日本語の表示、能力",
    "gb18030": "简体中文網頁 \u4e02\U00020000",
    "euc_kr": "한국어 문서",
    "big5": "繁體中文 功許蓋",
    "windows-1252": "ünïcödé “quoted”",
    "koi8-r": "русский текст",
}
_LABELS = {"utf-16-le": "utf-16le", "utf-16-be": "utf-16be", "euc_jp": "euc-jp", "euc_kr": "euc-kr"}
_PAGE = """<!doctype html><html><head><title>%(w)s</title>
<meta name="description" content="%(w)s"><script src="https://tracker.example/a.js" data-name="%(w)s"></script>
<link rel=preload href=//www.googletagmanager.com/gtm.js title='%(w)s'>
<style>/* %(w)s */ p{background:url(https://tracker.example/b)} q{content:'%(w)s'}</style></head>\r
<body class=%(c)s>%(w)s<img alt="%(w)s" src="/own.png"><img alt="%(w)s" src="https://tracker.example/c?%(c)s">
<script>/* %(w)s */ trackerQueue.push("%(w)s")</script><script>var own = "%(w)s"</script>
<!-- %(w)s <img src="https://tracker.example/d"> -->
<noscript><img src="https://tracker.example/e" alt="%(w)s"></noscript>
<p>%(w)s<img src="https://tracker.example/g"></p><textarea>%(w)s<img src="https://tracker.example/f"></textarea></body></html>
"""


def page(codec: str) -> str:
    words = _WORDS[codec]
    return _PAGE % {"w": words, "c": words.replace(" ", "")}


every_charset = pytest.mark.parametrize("codec", _WORDS)


@every_charset
def test_a_page_in_each_charset_is_held_like_the_same_page_in_utf_8(codec: str) -> None:
    text = page(codec)
    held = rewrite([text.encode(codec)], f"text/html; charset={_LABELS.get(codec, codec)}")
    assert held.decode(codec) == rewrite_text(text)
    assert held == rewrite_text(text).encode(codec)
    assert held.decode(codec).count("data-consentry=") == 6


@every_charset
@given(places=places)
@settings(max_examples=40, deadline=None)
def test_a_page_in_each_charset_may_be_cut_anywhere(codec: str, places: list[int]) -> None:
    content_type = f"text/html; charset={_LABELS.get(codec, codec)}"
    content = page(codec).encode(codec)
    assert rewrite(cut(content, places), content_type) == rewrite([content], content_type)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@given(places=places)
@settings(max_examples=40, deadline=None)
def test_a_page_known_as_utf_16_by_its_mark_may_be_cut_anywhere(codec: str, places: list[int]) -> None:
    text = "\ufeff" + page(codec)
    held = rewrite(cut(text.encode(codec), places), "text/html")
    assert held.decode(codec) == rewrite_text(text)


@pytest.mark.parametrize(
    "before", ["", "<!-- a comment of some length that comes before the declaration, as they do -->" * 3]
)
@pytest.mark.parametrize("size", [1, 50, 100, 400, 1000, 10_000])
def test_a_page_known_as_iso_2022_jp_by_its_meta_may_come_in_any_pieces(before: str, size: int) -> None:
    text = page("iso-2022-jp").replace(
        "<head>", f"<head>{before}<meta http-equiv=Content-Type content='text/html; charset=iso-2022-jp'>"
    )
    content = text.encode("iso-2022-jp")
    held = rewrite([content[start : start + size] for start in range(0, len(content), size)], "text/html")
    assert held.decode("iso-2022-jp") == rewrite_text(text)


def test_a_page_that_names_no_charset_waits_only_where_it_makes_a_difference() -> None:
    document = Document(oracle.Vendors(), BASE, content_type="text/html")
    assert b"".join(document.feed(b"<p>ab</p>")) == b"<p>ab</p>"
    assert b"".join(document.feed(b"<p>\x1b$B")) == b"<p>"
    assert b"".join(document.feed(b"F|\x1b(B</p>")) == b""
    assert b"".join(document.feed(b" " * 1024)).startswith(b"\x1b$BF|\x1b(B</p>")


@pytest.mark.parametrize(("codec", "word"), [("shift_jis", "表"), ("gbk", "誠"), ("big5", "功"), ("gb18030", "俓")])
def test_the_backslash_within_a_character_escapes_nothing_in_a_style_sheet(codec: str, word: str) -> None:
    assert word.encode(codec).endswith(b"\\")
    text = f'<style>a{{content:"{word}"}} b{{background:url({T})}} c{{content:"x"}}</style>'
    assert b"about:invalid" in rewrite([text.encode(codec)], f"text/html; charset={codec}")
