"""A look at a page: what is seen, and where it stands."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import ada_url
import pytest

from proxy_addon.catalogue.match import Catalogue
from proxy_addon.catalogue.model import Match
from proxy_addon.config import read_rules
from proxy_addon.consent.model import Consent
from proxy_addon.inspect.page import look_at_page
from proxy_addon.inspect.sighting import Look, Spotter
from proxy_addon.policy import Verdict, decide
from proxy_addon.rewrite.html import HtmlRewriter
from tests.corpus import Page, pages
from tests.small import GDPR

BASE = "https://www.shop.example/dir/page.html"
# The standard library's parser reads a broken attribute, and an entity without its semicolon, otherwise than browsers.
READ_OTHERWISE = frozenset({"attributes-odd.html", "entities-in-urls.html"})


@lru_cache(maxsize=1)
def shipped() -> Catalogue:
    return read_rules(())[0].catalogue


def look(content: bytes | str, base: str | None = BASE) -> Look:
    def silent(match: Match) -> Verdict:
        return decide(match, Consent(), GDPR)

    spotter = Spotter(shipped(), silent, base)
    page = look_at_page(content, spotter)
    return spotter.look("page.html", page or "")


class Noting:
    """Holds nothing, and counts what it is asked of catalogued vendors."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()

    def request(self, url: str, kind: str, attributes: object) -> None:
        match = shipped().match(url, site="shop.example", attributes=tuple(attributes))  # type: ignore[arg-type]
        if match is not None:
            self.seen[(match.vendor, str(ada_url.URL(url).href))] += 1

    def snippet(self, code: str) -> None:
        for match in shipped().match_snippets(code):
            self.seen[(match.vendor, "")] += 1


def rewriter_sees(page: Page) -> Counter[tuple[str, str]]:
    judge = Noting()
    rewriter = HtmlRewriter(judge, BASE, careful=True)
    rewriter.feed(page.text.encode())
    rewriter.close()
    return judge.seen


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_look_sees_what_the_rewriter_is_asked_about(page: Page) -> None:
    seen = Counter(
        (each.match.vendor, each.url and str(ada_url.URL(each.url).href)) for each in look(page.text).sightings
    )
    assert (seen == rewriter_sees(page)) == (page.name not in READ_OTHERWISE)


def test_each_sighting_has_its_line_its_column_and_its_path() -> None:
    page = """<!doctype html>
<body>
  <div><p>x</p></div>
  <div>
    <p></p><script src="https://static.hotjar.com/c/hotjar-1.js"></script>
    <section id="a b"><img src="https://www.facebook.com/tr?id=1&ev=PageView"></section>
  </div>
"""
    script, pixel = look(page).sightings
    assert (script.match.vendor, script.what, script.place.line, script.place.column) == ("hotjar", "script", 5, 12)
    assert script.place.path == "body > div:nth-of-type(2) > script"
    assert (pixel.match.vendor, pixel.what, pixel.place.line) == ("meta-pixel", "image", 6)
    assert pixel.place.path == r"section#a\ b > img"


def test_what_stands_in_a_srcdoc_is_seen_where_its_frame_stands() -> None:
    (seen,) = look(
        '<p>\n<iframe srcdoc="&lt;script src=&quot;https://static.hotjar.com/c/h.js&quot;&gt;"></iframe>'
    ).sightings
    assert (seen.match.vendor, seen.place.line, seen.place.path) == ("hotjar", 2, "p > iframe")


def test_frames_within_frames_end_somewhere() -> None:
    page = "<script src='https://static.hotjar.com/c/h.js'></script>"
    for _ in range(12):
        page = f'<iframe srcdoc="{page.replace("&", "&amp;").replace(chr(34), "&quot;")}"></iframe>'
    assert look(page).sightings == ()


@pytest.mark.parametrize(
    "said",
    [
        "<!-- saved from url=(0024)https://www.hotjar.com/x -->",
        '<link rel="canonical" href="https://www.hotjar.com/x">',
        '<meta property="og:url" content="https://www.hotjar.com/x">',
    ],
)
def test_a_page_that_says_where_it_is_from_is_looked_at_as_that(said: str) -> None:
    seen = look(f"<!doctype html>\n{said}<script src='https://static.hotjar.com/c/h.js'></script>", base=None)
    assert seen.page == "https://www.hotjar.com/x"
    assert [each.verdict.blocks for each in seen.sightings] == [False]


def test_a_page_of_nowhere_has_only_what_it_names_in_full() -> None:
    seen = look(
        "<img src='/matomo.php?idsite=1&rec=1'><img src='https://a.example/matomo.php?idsite=1&rec=1'>", base=None
    )
    assert [each.url for each in seen.sightings] == ["https://a.example/matomo.php?idsite=1&rec=1"]


def test_hosts_that_nobody_catalogued_are_counted() -> None:
    seen = look(
        "<img src='//a.example/1'><img src='https://a.example/2'><img src='/own'><img src='//cdn.shop.example/3'>"
    )
    assert seen.strangers == (("a.example", 2),)


def test_a_deep_page_is_looked_at_to_its_end() -> None:
    seen = look("<div>" * 20_000 + "<script src='https://static.hotjar.com/c/h.js'></script>").sightings
    assert len(seen) == 1
    assert seen[0].place.path.count(">") == 39


@pytest.mark.parametrize("content", [b"", b"\xff\xfe<\x00", b"<", b"<!--", b"<script", b"\x80\x81<img src=>"])
def test_what_is_hardly_a_page_has_nothing(content: bytes) -> None:
    assert look(content).sightings == ()


def test_a_page_is_read_in_the_charset_that_it_names() -> None:
    page = '<meta charset="shift_jis"><img alt="\u8868" src="https://www.facebook.com/tr?id=1">'.encode("shift_jis")
    assert [each.match.vendor for each in look(page).sightings] == ["meta-pixel"]
