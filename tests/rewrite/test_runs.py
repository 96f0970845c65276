"""Runs that are known again end where the pattern ends them, whatever follows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.rewrite import markup
from proxy_addon.rewrite.runs import Runs

_PATTERN = markup.run_before([b"script", b"style", b"iframe"], [b"img"])
_STOP = markup.stop([b"script", b"style", b"iframe"])
_PIECES = [
    "text ", "<p>", "</p>", '<a href="/x" title=">">', "<a href='", "'", '"', ">", "<", "=", "\n", "<script",
    "<script>", "<STYLE>", "<scripts>", "</script>", "<!-- x -->", "<!", "<img src=/a.png>",
    '<img src="//cdn.example/a.png">', "<img", " alt=x", "</", "</ x>", "<iframe/", "<b ",
]  # fmt: skip
_SOURCES = st.lists(st.sampled_from(_PIECES), max_size=30).map(lambda pieces: "".join(pieces).encode())
# The same beginnings with other ends, over all examples: what is remembered must not be taken for what it is not.
_SHARED = Runs(_PATTERN, _STOP)


def _none(start: int, end: int) -> bool:
    return False


@given(_SOURCES, st.integers(0, 40), st.lists(st.integers(0, 300), unique=True).map(sorted))
def test_a_known_run_ends_where_the_pattern_ends_it(source: bytes, start: int, rare: list[int]) -> None:
    run = _PATTERN.match(source, start)
    end = run.end() if run else start
    runs = Runs(_PATTERN, _STOP)

    def is_rare(first: int, last: int) -> bool:
        return any(first <= each < last for each in rare)

    expected = end, is_rare(start, end)
    assert runs.find(source, start, is_rare) == expected
    assert runs.find(source, start, is_rare) == expected
    assert _SHARED.find(source, start, _none)[0] == end


@given(_SOURCES, _SOURCES, _SOURCES)
def test_what_follows_a_known_run_may_be_anything(run: bytes, first: bytes, second: bytes) -> None:
    runs = Runs(_PATTERN, _STOP)
    for source in (run + first, run + second, run):
        found = _PATTERN.match(source)
        assert runs.find(source, 0, _none)[0] == (found.end() if found else 0)


def test_a_run_that_is_known_is_not_searched_again() -> None:
    runs = Runs(_PATTERN, _STOP)
    asked: list[int] = []

    def rare(start: int, end: int) -> bool:
        asked.append(end - start)
        return False

    assert runs.find(b"<p>one</p><script>", 0, rare) == runs.find(b"<p>one</p><script>", 0, rare)
    assert asked == [10]


def test_what_is_remembered_is_bounded() -> None:
    runs = Runs(_PATTERN, _STOP)
    for number in range(300):
        runs.find(b"%050d" % number + b"x" * 200_000 + b"<script>", 0, _none)
    assert sum(len(run.text) for run in runs._known.values()) <= 4 * 1024 * 1024 + 256 * 1024
