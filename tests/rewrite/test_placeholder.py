"""A held tag keeps every byte it had, and the way back is exact."""

from __future__ import annotations

import re

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.rewrite.html import HtmlRewriter
from proxy_addon.rewrite.placeholder import URL_PREFIX, mark, restore

from . import oracle

T = "https://tracker.example/x"


def rewrite(html: str) -> bytes:
    rewriter = HtmlRewriter(oracle.Vendors(), "https://www.example.com/dir/page")
    return rewriter.feed(html.encode()) + rewriter.close()


def test_a_mark_names_each_vendor_once_and_in_order() -> None:
    assert mark(["segment", "hotjar", "segment"]) == b' data-consentry="segment hotjar"'


def test_the_mark_of_a_script_carries_the_type_that_keeps_it_from_running() -> None:
    assert mark(["segment"], script=True) == b' type="text/x-consentry" data-consentry="segment"'


@given(document=st.text(max_size=60))
def test_a_mark_carries_any_document_as_an_attribute(document: str) -> None:
    if re.search(r"[\r\0\ud800-\udfff]|[\x01-\x08\x0b\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]", document):
        return
    tag = b"<iframe" + mark(["segment"], srcdoc=document) + b">"
    assert html5lib.parseFragment(tag.decode(), namespaceHTMLElements=False)[0].attrib["srcdoc"] == document  # type: ignore[no-untyped-call]


RESTORED = (
    f'<script src="{T}"></script>',
    f"<script src={T}></script>",
    f"<SCRIPT\n  SRC = '{T}' async></SCRIPT>",
    f'<script type=module src="{T}"></script>',
    f'<script type="text/javascript" type="other" src="{T}"></script>',
    "<script>trackerQueue.push(1)</script>",
    f'<script src="{T}" src="/own.js"></script>',
    f'<img src="{T}" srcset="/a 1x, {T} 2x" alt="a > b">',
    f'<img/src="{T}"/>',
    f'<link rel="preload" as=script href={T}>',
    f'<iframe src="{T}"></iframe>',
    f'<iframe srcdoc="<img src={T}>"></iframe>',
    f"<iframe srcdoc='<img src=\"{T}\">' src=/own></iframe>",
    f'<iframe srcdoc="<p>own" src="{T}"></iframe>',
    f"<iframe srcdoc='<p>own' src='{T}'></iframe>",
    f'<iframe src="{T}" srcdoc="<p>own"></iframe>',
    f'<iframe src="{T}" srcdoc="<img src={T}>"></iframe>',
    f'<iframe  srcdoc="" src="{T}"></iframe>',
    f'<style>a{{background:url({T})}}</style><p style="background:url({T})">',
    f'<b>own</b><p STYLE = "color:red;background:u\\72l({T})">own',
    f"<p style=background:\\75rl({T})>own",
    f'<script type="importmap">{{"imports": {{"a": "{T}"}}}}</script>',
    f'<noscript><img src="{T}"></noscript>',
    f'<img data-consentry-src="/page/own" src="{T}">',
    f'<script data-consentry-type="x" src="{T}"></script>',
)


@pytest.mark.parametrize("html", RESTORED)
def test_a_held_tag_is_restored_to_the_byte(html: str) -> None:
    held = rewrite(html)
    assert held != html.encode()
    assert restore(held) == html.encode()


_attributes = st.lists(
    st.builds(
        lambda space, name, quote, value: f"{space}{name}={quote}{value}{quote}",
        st.sampled_from([" ", "\n", "  ", " / "]),
        st.sampled_from(
            ["src", "srcdoc", "SRCDOC", "srcset", "type", "href", "style", "rel", "alt", "language", "ping"]
        ),
        st.sampled_from(['"', "'"]),
        st.sampled_from(
            [T, "/own", "", "<p>own", f"<img src={T}>", f"url({T})", "stylesheet", "module", "a &amp; b", ">"]
        ),
    ),
    max_size=5,
).map("".join)


@given(name=st.sampled_from(["iframe", "img", "script", "link", "a", "svg", "image", "object"]), attributes=_attributes)
@settings(max_examples=1000, deadline=None)
def test_any_tag_is_restored_to_the_byte(name: str, attributes: str) -> None:
    html = f"<{name}{attributes}></{name}>"
    assert restore(rewrite(html)) == html.encode()


@pytest.mark.parametrize(
    "html",
    [
        b"<p>nothing was held</p>",
        b'<img data-consentry-src="/x">',
        b'<p>data-consentry="segment"</p>',
        b'<script data-consentry="segment"',
    ],
)
def test_a_document_in_which_nothing_was_held_is_its_own_original(html: bytes) -> None:
    assert restore(html) == html


def test_a_held_address_in_text_is_restored() -> None:
    assert (
        restore(b"<style>a{b:url(" + URL_PREFIX + b"https://x.example/)}</style>")
        == b"<style>a{b:url(https://x.example/)}</style>"
    )
