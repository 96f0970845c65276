"""What came before is written as if it were read again, and the judge hears every question."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.rewrite import html, markup
from proxy_addon.rewrite import segments as module
from proxy_addon.rewrite.html import HtmlRewriter
from proxy_addon.rewrite.runs import Runs
from proxy_addon.rewrite.segments import Asked, Place, Segments
from tests.corpus import Page, pages

from .test_html_properties import soup, well_formed

BASE = "https://shop.example/lamps"
BASES = (BASE, f"{BASE}?page=2", "https://shop.example/tracker/", "http://tracker.example/lamps")
PLACE = Place("https://shop.example", injects=False, careful=False, based=False, frames=None)
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
    document: bytes,
    judge: Choosy,
    segments: Segments | None,
    *,
    base: str = BASE,
    inject: bytes = b"",
    cuts: Collection[int] = (),
    keeps: bool = True,
) -> bytes:
    rewriter = HtmlRewriter(judge, base, inject=inject, segments=segments, keeps=keeps)
    places = [0, *sorted(cuts), len(document)]
    pieces = [document[start:end] for start, end in pairwise(places)]
    return b"".join(map(rewriter.feed, pieces)) + rewriter.close()


_VISITS = st.lists(
    st.tuples(
        st.sampled_from([(), (1,), (2,), (1, 3)]),
        st.sampled_from(BASES),
        st.one_of(st.just(()), st.lists(st.integers(0, 400), max_size=3)),
    ),
    min_size=2,
    max_size=7,
)


@settings(max_examples=600)
@given(st.lists(st.one_of(soup, well_formed().map(str.encode)), min_size=1, max_size=3), _VISITS, st.booleans())
def test_nothing_tells_what_came_before_from_what_is_read(
    parts: list[bytes], visits: list[tuple[tuple[int, ...], str, Sequence[int]]], injects: bool
) -> None:
    segments = Segments()
    for number, (spared, base, cuts) in enumerate(visits):
        inject = b"<script>/* visitor %d */</script>" % number if injects else b""
        # Pages have parts in common, and something of their own.
        document = (b"<p>%d</p><script>say(%d)</script>" % (number, number)).join(parts[number % len(parts) :])
        document += b"<p>The end of all that was said before.</p>"
        again, anew = Choosy(spared), Choosy(spared)
        written = passed(document, again, segments, base=base, inject=inject, cuts=cuts)
        assert written == passed(document, anew, None, base=base, inject=inject, cuts=cuts)
        # A question may be asked once more, and none is left out or comes too early.
        assert list(dict.fromkeys(again.asked)) == list(dict.fromkeys(anew.asked))


@pytest.mark.parametrize("page", CORPUS, ids=[page.name for page in CORPUS])
def test_the_judge_of_a_page_that_came_before_is_asked_all_that_the_first_one_was(page: Page) -> None:
    segments = Segments()
    first, second = Choosy(), Choosy()
    written = passed(page.content, first, segments, inject=b"<script>1</script>")
    assert passed(page.content, second, segments, inject=b"<script>1</script>") == written
    assert second.asked == first.asked
    # Whoever consented gets the page as the site sent it.
    assert passed(page.content, Choosy(range(4)), segments) == passed(page.content, Choosy(range(4)), None)


def test_what_came_before_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    page = next(each for each in CORPUS if b"gtag" in each.content).content
    segments = Segments()
    passed(page, Choosy(), segments)
    read: list[int] = []
    construct = HtmlRewriter._construct

    def counted(self: HtmlRewriter, source: bytes, position: int, out: list[bytes], final: bool) -> int:
        read.append(position)
        return construct(self, source, position, out, final)

    monkeypatch.setattr(HtmlRewriter, "_construct", counted)
    passed(page, Choosy(), segments)
    # All but the last bytes, which may not be the last.
    assert min(read) >= page.index(b"</script>\n</head>")


def test_what_is_not_to_be_kept_is_not_remembered_and_may_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(markup.run_before([b"script"]), markup.stop([b"script"]))
    monkeypatch.setattr(html, "_RUNS", runs)
    page = b"<!doctype html><p>Hello, Anna</p><script>tracker()</script><p>text that is long enough</p>"
    segments = Segments()
    written = passed(page, Choosy(), segments, keeps=False)
    assert (segments.size, runs.size) == (0, 0)
    assert passed(page, Choosy(), segments) == written
    kept = segments.size, runs.size
    assert min(kept) > 0
    assert passed(page + page, Choosy(), segments, keeps=False) == passed(page + page, Choosy(), None, keeps=False)
    assert (segments.size, runs.size) == kept


def test_what_is_for_one_visitor_alone_is_not_for_the_next() -> None:
    framed = b"<!doctype html><p>x</p><iframe srcdoc='<img src=https://tracker.example/a>'></iframe><p>and more</p>"
    segments = Segments()
    for name in (b"one", b"two"):
        written = passed(framed, Choosy(), segments, inject=b"<script>%s</script>" % name)
        assert written.count(name) == 2
    assert b"one" not in written


def test_an_address_that_leads_to_the_page_itself_is_that_of_this_visit() -> None:
    segments = Segments()
    for query in ("?visit=1", "?visit=2"):
        judge = Choosy()
        passed(
            b"<p>x</p><iframe src=''></iframe><iframe src='#a'></iframe><p>and some more</p>",
            judge,
            segments,
            base=BASE + query,
        )
        assert [str(question[0]).partition("#")[0] for question in judge.asked] == [BASE + query] * 2


def test_an_error_of_the_judge_leaves_the_document_as_it_is() -> None:
    class Failing(Choosy):
        def snippet(self, code: str) -> str | None:
            raise RuntimeError("no verdict")

    page = b"<!doctype html><script>tracker()</script><p>text that is long enough</p>"
    segments = Segments()
    passed(page, Choosy(), segments)
    rewriter = HtmlRewriter(Failing(), BASE, segments=segments)
    with pytest.raises(RuntimeError):
        rewriter.feed(page)
    assert rewriter.pending() == page


def _keep(
    segments: Segments, text: bytes, written: bytes, *, judge: Choosy | None = None, base: str | None = None
) -> None:
    asked = Asked(judge or Choosy())
    asked.request("https://tracker.example/", "script", ())
    segments.keep(segments.at(PLACE), text + b" " * 48, 0, len(text), base=base, asked=asked, written=written)


def _found(
    segments: Segments, text: bytes, judge: Choosy | None = None, base: str = BASE, place: Place = PLACE
) -> bytes | None:
    found = segments.find(segments.at(place), text + b" " * 48, 0, judge or Choosy(), base)
    return found.written if found is not None else None


def test_segments_are_kept_for_those_who_said_different_things() -> None:
    segments, consented = Segments(), Choosy(range(4))
    _keep(segments, b"segment", b"held")
    assert _found(segments, b"segment", consented) is None
    _keep(segments, b"segment", b"passed", judge=consented)
    assert _found(segments, b"segment") == b"held"
    assert _found(segments, b"segment", consented) == b"passed"


def test_a_segment_is_known_where_its_references_lead_to_the_same_places() -> None:
    segments = Segments()
    _keep(segments, b"rooted", b"1")
    _keep(segments, b"relative", b"2", base=BASE)
    assert (_found(segments, b"rooted", base=BASE + "/x"), _found(segments, b"relative", base=BASE + "/x")) == (
        b"1",
        None,
    )
    assert _found(segments, b"relative") == b"2"
    assert _found(segments, b"rooted", place=PLACE._replace(injects=True)) is None
    assert _found(segments, b"Rooted") is None


def test_what_follows_decides_where_a_segment_ends() -> None:
    segments, text = Segments(), b"segment" * 10
    _keep(segments, text, b"1")
    known = segments.at(PLACE)
    assert segments.find(known, text + b" " * 16 + b"anything", 0, Choosy(), BASE) is not None
    for follows in (b" " * 15, b" " * 15 + b"x"):
        assert segments.find(known, text + follows, 0, Choosy(), BASE) is None


def test_no_more_is_kept_than_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 1000)
    segments = Segments()
    texts = [b"%d" % number * 300 for number in range(4)]
    for text in texts:
        _keep(segments, text, text[:10])
    assert [_found(segments, text) is not None for text in texts] == [False, False, False, True]
    monkeypatch.setattr(module, "_LONGEST", 100)
    _keep(segments, b"x" * 101, b"")
    assert _found(segments, b"x" * 101) is None


def test_of_many_that_begin_alike_the_latest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    segments = Segments()
    monkeypatch.setattr(module, "_MOST_ALIKE", 16)
    texts = [b"a" * 60 + b"%d" % number for number in range(20)]
    for text in texts:
        _keep(segments, text, text)
    assert [_found(segments, text) == text for text in texts] == [False] * 4 + [True] * 16
