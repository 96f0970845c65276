"""The byte patterns read HTML as the standard does; the quick ones agree with the complete ones."""

from __future__ import annotations

import re
from collections.abc import Iterable

import html5lib
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy_addon.catalogue.urls import resolve
from proxy_addon.rewrite import markup

STOPS = (b"script", b"iframe", b"style", b"svg")
LOCAL = (b"img", b"link", b"source")

_NAMES = (
    *(
        b"a",
        b"p",
        b"div",
        b"script",
        b"SCRIPT",
        b"scripts",
        b"scrip",
        b"iframe",
        b"img",
        b"IMG",
        b"imgs",
        b"i",
        b"link",
    ),
    *(b"style", b"svg", b"s", b"source", b"x-y", b"h1", b"im<g", b"l\xe9", b'a"b', b"a=b", b"img:x"),
)
_VALUES = (
    *(
        b"",
        b"a",
        b"/own.png",
        b"own.png",
        b"own.png?a=1",
        b"/a/b/c.js",
        b"https://other.example/x",
        b"//other.example/x",
    ),
    *(b"/\\other.example", b"\\\\other.example", b"/\t/other.example", b"\t//other.example", b"/\n/other.example"),
    *(
        b"https:other.example",
        b"ht\ntps:/other.example",
        b"&sol;&sol;other.example",
        b"&#47;/other.example",
        b"/a 1x,/b 2x",
    ),
    *(
        b"/a 1x, //other.example/b 2x",
        b"a>b",
        b"a<b",
        b"<script>",
        b"a=b",
        b"a'b",
        b'a"b',
        b"a b",
        b"\xe8\xa1\xa8",
        b"a/",
    ),
    *(b"javascript:1", b"#x", b"?//other.example", b"/", b"//", b" / ", b"&", b"/\r/other.example", b"./x", b"..//x"),
)
_BETWEEN = (b" ", b" ", b" ", b"\n", b"\t", b"/", b" / ", b"  ", b"", b"\f", b"\r\n")
_EQUALS = (b"=", b"=", b"=", b" =", b"= ", b" = ", b"=\n", b"==")


def quoted(value: bytes, quote: bytes) -> bytes:
    if quote:
        return quote + value.replace(quote, b"") + quote
    return re.sub(rb"[\t\n\f\r >]", b"", value)


_attribute = st.builds(
    lambda between, name, equals, value, quote: between + name + (equals + quoted(value, quote) if equals else b""),
    st.sampled_from(_BETWEEN),
    st.sampled_from([b"src", b"href", b"srcset", b"alt", b"SRC", b"data-x", b"x", b"=y", b'q"', b"<z", b"a'"]),
    st.sampled_from([*_EQUALS, b""]),
    st.sampled_from(_VALUES),
    st.sampled_from([b'"', b'"', b'"', b"'", b""]),
)
tags = st.builds(
    lambda slash, name, attributes, end: b"<" + slash + name + b"".join(attributes) + end,
    st.sampled_from([b"", b"", b"", b"/"]),
    st.sampled_from(_NAMES),
    st.lists(_attribute, max_size=4),
    st.sampled_from([b">", b">", b">", b"/>", b" />", b" >", b"\n>", b""]),
)
soup = st.lists(
    st.one_of(
        tags,
        tags,
        st.sampled_from(
            [b"text", b"<", b">", b"<<", b"<3", b"< b>", b"<!--", b"</", b"</>", b"<?x>", b'"', b"'", b"="]
        ),
    ),
    max_size=12,
).map(b"".join)


def run_by_the_complete_grammar(source: bytes, stops: Iterable[bytes], local: Iterable[bytes] = ()) -> int:
    """Where a run must end, found one tag at a time; a tag named in `local` ends it if it could name a host."""
    position = 0
    while (opening := source.find(b"<", position)) >= 0:
        follows = source[opening + 1 : opening + 2]
        if (
            follows == b""
            or follows in (b"!", b"?")
            or (follows == b"/" and not source[opening + 2 : opening + 3].isalpha())
        ):
            return opening
        if not follows.isalpha() and follows != b"/":
            position = opening + 1
            continue
        tag = markup.TAG.match(source, opening)
        if tag is None or (not tag["end"] and tag["name"].lower() in stops):
            return opening
        if not tag["end"] and tag["name"].lower() in local and names_another_host(source, tag):
            return opening
        position = tag.end()
    return len(source)


def names_another_host(source: bytes, tag: re.Match[bytes]) -> bool:
    for each in markup.attributes(source, tag.end("name"), tag.end() - 1):
        text = markup.text_of(source[each.value_start : each.value_end])
        for base in ("https://own.example/dir/page", "http://own.example/dir/page"):
            for reference in (text, *re.split(r"[\s,]+", text)):
                url = resolve(base, reference)
                if url is not None and not re.match(r"https?://own\.example(/|\Z)", url):
                    return True
    return False


RUN = markup.run_before(STOPS)
LOCAL_RUN = markup.run_before(STOPS, LOCAL)


def end_of(run: re.Pattern[bytes], source: bytes) -> int:
    found = run.match(source)
    return found.end() if found else 0


@given(source=soup)
@settings(max_examples=2000, deadline=None)
def test_a_run_ends_where_the_complete_grammar_ends_it(source: bytes) -> None:
    assert end_of(RUN, source) == run_by_the_complete_grammar(source, STOPS)


@given(source=soup)
@settings(max_examples=2000, deadline=None)
def test_a_run_passes_no_tag_that_names_another_host(source: bytes) -> None:
    assert end_of(LOCAL_RUN, source) <= run_by_the_complete_grammar(source, STOPS, LOCAL)


@given(source=soup)
@settings(max_examples=1000, deadline=None)
def test_a_run_that_stops_at_fewer_tags_is_no_shorter(source: bytes) -> None:
    assert end_of(markup.run_before((*STOPS, *LOCAL)), source) <= end_of(LOCAL_RUN, source) <= end_of(RUN, source)


@given(tag=tags, rest=st.sampled_from([b"", b"<p>", b" a>b", b"'x'>", b'"x">']))
@settings(max_examples=1500, deadline=None)
def test_a_tag_ends_where_the_browsers_tokenizer_ends_it(tag: bytes, rest: bytes) -> None:
    source = tag + rest
    found = markup.TAG.match(source)
    token = first_token(source)
    if found is None:
        assert token is None
    else:
        assert token is not None
        name, attributes, consumed = token
        assert found["name"].lower().decode("latin-1") == name
        assert found.end() == consumed
        if not found["end"]:
            ours: dict[str, str] = {}
            for each in markup.attributes(source, found.end("name"), found.end() - 1):
                value = source[each.value_start : each.value_end].decode("latin-1")
                ours.setdefault(each.name.decode("latin-1"), markup.text_of(value.encode()))
            assert ours == attributes


def first_token(source: bytes) -> tuple[str, dict[str, str], int] | None:
    """The first token by html5lib, if it is a tag: its name, its attributes, and where it ends."""
    from html5lib._tokenizer import HTMLTokenizer

    tokenizer = HTMLTokenizer(source.decode("latin-1").replace("\r\n", "\r\r").replace("\r", "\f"))  # type: ignore[no-untyped-call]
    for token in tokenizer:
        if token["type"] == 7:  # a parse error
            continue
        if token["type"] not in (3, 4, 5):
            return None
        consumed = tokenizer.stream.chunkOffset
        return token["name"], {name: value.replace("\f", "\r") for name, value in dict(token["data"]).items()}, consumed
    return None


@pytest.mark.parametrize(
    ("source", "length"),
    [
        (b"<!-->x", 5),
        (b"<!--->x", 6),
        (b"<!---->x", 7),
        (b"<!-- a -->x", 10),
        (b"<!-- a --!>x", 11),
        (b"<!-- > -- - -->x", 15),
        (b"<!--<!--a-->-->", 12),
        (b"<!-- a", None),
        (b"<!--", None),
        (b"<!-- a --", None),
    ],
)
def test_a_comment_ends_where_the_standard_ends_it(source: bytes, length: int | None) -> None:
    found = markup.COMMENT.match(source)
    assert (found.end() if found else None) == length


# --- Entities ------------------------------------------------------------------------------------------------

_ENTITY_PARTS = (
    *(
        "&",
        ";",
        "#",
        "x",
        "X",
        "=",
        "a",
        "1",
        "amp",
        "AMP",
        "lt",
        "sol",
        "period",
        "colon",
        "not",
        "notin",
        "copy",
        "NewLine",
    ),
    *(
        "Tab",
        "quot",
        "apos",
        "47",
        "2f",
        "x2F",
        "0047",
        "nbsp",
        "para",
        "parallel",
        " ",
        "/",
        "é",
        "&amp",
        "&sol;",
        "&#47",
    ),
)


@given(parts=st.lists(st.sampled_from(_ENTITY_PARTS), max_size=8))
@example(["&", "not", "in", ";"])
@example(["&", "para", "=", "1"])
@settings(max_examples=2000, deadline=None)
def test_the_text_of_an_attribute_is_what_a_browser_reads(parts: list[str]) -> None:
    value = "".join(parts)
    parsed = html5lib.parseFragment(f'<a x="{value}">', namespaceHTMLElements=False)  # type: ignore[no-untyped-call]
    assert markup.text_of(value.encode()) == parsed[0].attrib["x"]


def test_bytes_that_are_no_utf_8_survive_in_text() -> None:
    assert markup.text_of(b"/\x95\x5c&amp;").encode("utf-8", "surrogateescape") == b"/\x95\x5c&"


# --- Text of scripts -----------------------------------------------------------------------------------------

_SCRIPT_PARTS = (
    *(
        "<!--",
        "-->",
        "<script",
        "</script",
        "<SCRIPT",
        "</Script",
        ">",
        " ",
        "/",
        "-",
        "--",
        "!",
        "<!",
        "<",
        "x",
        "\n",
        "scripts",
    ),
    *("<script>", "</script>", "<!-->", "<!--->", "'"),
)
script_texts = st.lists(st.sampled_from(_SCRIPT_PARTS), max_size=14).map("".join)


def script_by_html5lib(text: str) -> str:
    parsed = html5lib.parse(f"<!doctype html><script>{text}", namespaceHTMLElements=False)  # type: ignore[no-untyped-call]
    return "".join(parsed.find("head/script").itertext())


@given(text=script_texts)
@settings(max_examples=2000, deadline=None)
def test_a_script_ends_where_the_browser_ends_it(text: str) -> None:
    ended, end = markup.ScriptText().find_end(text.encode(), 0)
    expected = script_by_html5lib(text)
    if ended:
        assert text[:end] == expected
    else:
        # An end tag that is not whole is dropped at the end of a document; the text before it is the script's.
        assert text.startswith(expected)
        assert end <= len(expected) or not re.match("</script[ /\n>]", text[len(expected) :], re.IGNORECASE)


@given(text=script_texts, size=st.integers(1, 7))
@settings(max_examples=2000, deadline=None)
def test_a_script_in_pieces_ends_where_it_does_whole(text: str, size: int) -> None:
    source = text.encode()
    whole = markup.ScriptText().find_end(source, 0)
    pieces = markup.ScriptText()
    position, seen, ended = 0, 0, False
    while not ended and seen < len(source):
        seen = min(len(source), seen + size)
        ended, position = pieces.find_end(source[:seen], position)
    assert (ended, position) == whole or (not ended and not whole[0])


@pytest.mark.parametrize(
    "name", [b"style", b"title", b"textarea", b"iframe", b"noembed", b"noframes", b"xmp", b"noscript"]
)
def test_raw_text_ends_at_its_own_end_tag_only(name: bytes) -> None:
    text = b"a </b> </" + name + b"x> <!-- </" + name[:-1] + b"> -->"
    assert markup.end_of_raw(name, text, 0) == -1
    assert markup.end_of_raw(name, text + b"</" + name.upper() + b"\n>", 0) == len(text)
    assert markup.end_of_raw(name, text + b"</" + name + b"/>", 0) == len(text)
    assert markup.end_of_raw(name, text + b"</" + name, 0) == -1
