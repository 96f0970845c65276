"""The rewriter against an independent reading of every page of the corpus."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from proxy_addon.rewrite.html import HtmlRewriter
from proxy_addon.rewrite.placeholder import restore
from tests.corpus import PAGES, Page, generate, pages

from . import oracle

BASE = "https://www.example.com/dir/page.html"
INJECTED = "/* the injected script */"
INJECT = f"<script>{INJECTED}</script>".encode()
CORPUS = pages()

# What is markup and what is text in these pages depends on whether scripts run: no rewriting is exact for both
# readers, and the rewriter takes the side of the browser that runs them.
SCRIPTING_ONLY = {"noscript-scripting-only.html"}
# In these documents nothing ever begins that could need the injected script.
NOTHING_BEGINS = {"empty.html", "only-doctype.html", "only-whitespace.html", "comment-unterminated-first.html"}

every_page = pytest.mark.parametrize("page", CORPUS, ids=lambda page: page.name)
every_page_with_a_beginning = pytest.mark.parametrize(
    "page", [page for page in CORPUS if page.name not in NOTHING_BEGINS], ids=lambda page: page.name
)


def rewrite(content: bytes, *, judge: oracle.Vendors | oracle.Nobody | None = None, inject: bytes = b"") -> bytes:
    rewriter = HtmlRewriter(judge or oracle.Vendors(), BASE, inject=inject)
    return rewriter.feed(content) + rewriter.close()


def text_of(content: bytes, page: Page) -> str:
    return Page(page.name, content, page.charset).text


@every_page
def test_exactly_the_tracked_elements_are_held_for_a_browser_that_runs_scripts(page: Page) -> None:
    assert differences(page, scripting=True) == []


@pytest.mark.parametrize(
    "page", [page for page in CORPUS if page.name not in SCRIPTING_ONLY], ids=lambda page: page.name
)
def test_exactly_the_tracked_elements_are_held_for_a_browser_that_runs_none(page: Page) -> None:
    assert differences(page, scripting=False) == []


@pytest.mark.parametrize("page", [page for page in CORPUS if page.name in SCRIPTING_ONLY], ids=lambda page: page.name)
def test_a_page_excused_from_a_reading_without_scripts_needs_the_excuse(page: Page) -> None:
    assert differences(page, scripting=False) != []


def differences(page: Page, *, scripting: bool) -> list[str]:
    rewritten = text_of(rewrite(page.content), page)
    return oracle.differences(page.text, rewritten, BASE, oracle.Vendors(), scripting=scripting)


@every_page
def test_restoring_gives_back_the_page_byte_for_byte(page: Page) -> None:
    assert restore(rewrite(page.content)) == page.content


@every_page
def test_the_rewriter_only_inserts(page: Page) -> None:
    rewritten = rewrite(page.content)
    position = 0
    for byte in page.content:
        position = rewritten.find(byte, position) + 1
        assert position > 0


@every_page
def test_a_page_on_which_everything_is_allowed_is_untouched(page: Page) -> None:
    assert rewrite(page.content, judge=oracle.Nobody()) == page.content


@every_page_with_a_beginning
def test_the_injection_is_the_only_thing_added_when_everything_is_allowed(page: Page) -> None:
    injected = rewrite(page.content, judge=oracle.Nobody(), inject=INJECT)
    before, found, after = injected.partition(INJECT)
    assert found
    assert before + after == page.content


@every_page_with_a_beginning
def test_the_injection_is_the_first_thing_in_the_head_and_moves_nothing(page: Page) -> None:
    without = oracle.tree(page.text, scripting=True)
    injected = rewrite(page.content, judge=oracle.Nobody(), inject=INJECT)
    document = oracle.tree(text_of(injected, page), scripting=True)
    head = document.find(f"{oracle.HTML}html/{oracle.HTML}head")
    assert head is not None
    assert head[0].tag == oracle.HTML + "script"
    assert head[0].text == INJECTED
    assert not (head.text or "").strip()
    head.text = (head.text or "") + (head[0].tail or "") or None
    head.remove(head[0])
    assert serialised(document) == serialised(without)


@every_page
def test_injecting_does_not_change_what_is_held(page: Page) -> None:
    # The script is put into a held srcdoc too, where INJECT needs no escaping and so looks the same.
    assert rewrite(page.content, inject=INJECT).replace(INJECT, b"") == rewrite(page.content)


@pytest.mark.parametrize("name", sorted(NOTHING_BEGINS))
def test_nothing_is_injected_where_nothing_begins(name: str) -> None:
    content = (PAGES / name).read_bytes()
    assert rewrite(content, inject=INJECT) == content


def serialised(document: ElementTree.Element) -> list[tuple[object, object, object, object]]:
    return [(each.tag, sorted(each.attrib.items()), each.text or "", each.tail or "") for each in document.iter()]


def test_the_corpus_is_large_varied_and_small_on_disk() -> None:
    assert len(CORPUS) >= 100
    assert sum(len(page.content) for page in CORPUS) < 1_500_000
    assert {page.charset for page in CORPUS} >= {"utf-8", "latin-1", "shift_jis", "gb18030", "big5", "euc-kr"}


def test_the_corpus_has_much_to_hold() -> None:
    counts = [oracle.held(page.text, BASE, oracle.Vendors(), scripting=True) for page in CORPUS]
    assert sum(counts) > 500
    assert sum(count == 0 for count in counts) < 20


@pytest.mark.parametrize("name", sorted(generate.generated()))
def test_a_generated_page_is_what_the_generator_writes(name: str) -> None:
    assert (PAGES / name).read_bytes() == generate.generated()[name]


WRONG = {
    "a tracked image that is not held": ("<img src=//tracker.example/x>", "<img src=//tracker.example/x>"),
    "an image that is held and not tracked": ("<img src=/x>", '<img data-consentry="tracker" data-consentry-src=/x>'),
    "an image that is held for another vendor": (
        "<img src=//tracker.example/x>",
        '<img data-consentry="hotjar" data-consentry-src=//tracker.example/x>',
    ),
    "a script that keeps its type": (
        "<script src=//tracker.example/x></script>",
        '<script data-consentry="tracker" data-consentry-src=//tracker.example/x></script>',
    ),
    "a snippet that is not held": ("<script>trackerQueue</script>", "<script>trackerQueue</script>"),
    "an address in CSS that is not held": (
        "<style>a{b:url(//tracker.example/x)}</style>",
        "<style>a{b:url(//tracker.example/x)}</style>",
    ),
    "text that is gone": ("<p>one two", "<p>one"),
    "a comment that changed": ("<!--a-->", "<!--b-->"),
    "an element that is gone": ("<p><b></b>", "<p>"),
    "a tracked pixel in noscript that is not held": (
        "<noscript><img src=//tracker.example/x></noscript>",
        "<noscript><img src=//tracker.example/x></noscript>",
    ),
    "a document in an attribute that is not held": (
        "<iframe srcdoc='<img src=//tracker.example/x>'></iframe>",
        "<iframe srcdoc='<img src=//tracker.example/x>'></iframe>",
    ),
}


@pytest.mark.parametrize(("original", "rewritten"), WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("scripting", [True, False], ids=["scripting", "no-scripting"])
def test_the_oracle_objects(original: str, rewritten: str, scripting: bool) -> None:
    assert oracle.differences(original, rewritten, BASE, oracle.Vendors(), scripting=scripting) != []
