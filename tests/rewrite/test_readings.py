"""A document that comes again is written as if it were read again, and its judge hears every question."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.rewrite import readings as module
from proxy_addon.rewrite.html import HtmlRewriter, Stand
from proxy_addon.rewrite.readings import Reading, Readings
from tests.corpus import Page, pages

from .test_html_properties import soup, well_formed

BASE = "https://shop.example/lamps"
CORPUS = pages()


class Choosy:
    """Holds what is a tracker's, but for addresses and scripts of some lengths; remembers the questions."""

    def __init__(self, spared: Collection[int] = ()) -> None:
        self.asked: list[tuple[object, ...]] = []
        self._spared = spared

    def request(self, url: str, kind: str, attributes: Collection[str]) -> str | None:
        self.asked.append((url, kind, tuple(attributes)))
        return self._said(url)

    def snippet(self, code: str) -> str | None:
        self.asked.append((code,))
        return self._said(code)

    def _said(self, text: str) -> str | None:
        tracked = any(word in text for word in ("tracker", "google", "gtag"))
        return "acme" if tracked and len(text) % 4 not in self._spared else None


def passed(
    document: bytes, judge: Choosy, readings: Readings[Stand] | None, *, inject: bytes = b"", at: int = 0
) -> bytes:
    rewriter = HtmlRewriter(judge, BASE, inject=inject, readings=readings)
    first, rest = (document[:at], document[at:]) if at else (document, b"")
    return rewriter.feed(first) + rewriter.feed(rest) + rewriter.close()


@settings(max_examples=400)
@given(
    st.one_of(soup, well_formed().map(str.encode)),
    st.lists(st.sampled_from([(), (1,), (2,), (1, 3)]), min_size=2, max_size=7),
    st.booleans(),
    st.integers(0, 400),
)
def test_nothing_tells_a_document_that_came_before_from_one_that_is_read(
    document: bytes, visitors: list[tuple[int, ...]], injects: bool, at: int
) -> None:
    known: Readings[Stand] = Readings()
    for number, spared in enumerate(visitors):
        inject = b"<script>/* visitor %d */</script>" % number if injects else b""
        again, anew = Choosy(spared), Choosy(spared)
        assert passed(document, again, known, inject=inject, at=at) == passed(
            document, anew, None, inject=inject, at=at
        )


@pytest.mark.parametrize("page", CORPUS, ids=[page.name for page in CORPUS])
def test_the_judge_of_a_page_that_came_before_is_asked_all_that_the_first_one_was(page: Page) -> None:
    known: Readings[Stand] = Readings()
    first, second, other = Choosy(), Choosy(), Choosy((1, 2, 3, 0))
    written = passed(page.content, first, known, inject=b"<script>1</script>")
    assert passed(page.content, second, known, inject=b"<script>1</script>") == written
    assert second.asked == first.asked
    # Whoever consented gets the page as the site sent it.
    assert passed(page.content, other, known) == passed(page.content, Choosy((1, 2, 3, 0)), None)


def test_what_is_for_one_visitor_alone_is_not_for_the_next() -> None:
    framed = b"<!doctype html><p>x</p><iframe srcdoc='<img src=https://tracker.example/a>'></iframe>"
    known: Readings[Stand] = Readings()
    for name in (b"one", b"two"):
        written = passed(framed, Choosy(), known, inject=b"<script>%s</script>" % name)
        assert written.count(name) == 2
    assert b"one" not in written


def test_an_error_of_the_judge_leaves_the_document_as_it_is() -> None:
    class Failing(Choosy):
        def snippet(self, code: str) -> str | None:
            raise RuntimeError("no verdict")

    page = b"<!doctype html><script>tracker()</script><p>text</p>"
    known: Readings[Stand] = Readings()
    passed(page, Choosy(), known)
    rewriter = HtmlRewriter(Failing(), BASE, readings=known)
    with pytest.raises(RuntimeError):
        rewriter.feed(page)
    assert rewriter.pending() == page


def _reading(after: bytes, answer: str | None = None) -> Reading[int]:
    return Reading([("https://tracker.example/", "script", ())], [answer], b"", after, 0)


def test_readings_are_kept_for_those_who_said_different_things() -> None:
    known: Readings[int] = Readings()
    known.keep(BASE, False, b"page", _reading(b"held", "acme"))
    assert known.find(BASE, False, b"page", Choosy((0, 1, 2, 3))) is None
    known.keep(BASE, False, b"page", _reading(b"passed"))
    for judge, after in ((Choosy(), b"held"), (Choosy((0, 1, 2, 3)), b"passed")):
        found = known.find(BASE, False, b"page", judge)
        assert found is not None
        assert found.after == after
    for base, injects, source in ((BASE + "?2", False, b"page"), (BASE, True, b"page"), (BASE, False, b"Page")):
        assert known.find(base, injects, source, Choosy()) is None


def test_no_more_is_kept_than_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 1000)
    monkeypatch.setattr(module, "_LARGEST", 400)
    known: Readings[int] = Readings()

    def has(source: bytes) -> bool:
        return known.find(BASE, False, source, Choosy((0, 1, 2, 3))) is not None

    one, two, three, large = b"1" * 150, b"2" * 151, b"3" * 152, b"4" * 300
    for source in (one, two):
        known.keep(BASE, False, source, _reading(source))
    assert has(one)
    assert has(two)
    assert has(one)
    for source in (three, large):
        known.keep(BASE, False, source, _reading(source))
    # What was not asked for longest went.
    assert (has(one), has(two), has(three), has(large)) == (True, True, True, False)
    known.keep(BASE, False, b"5" * 153, _reading(b"5" * 153))
    assert (has(one), has(two), has(three)) == (False, True, True)
