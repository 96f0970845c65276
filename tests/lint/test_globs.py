"""Path globs are compared as automata."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.catalogue.match import glob
from proxy_addon.lint.globs import covers


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("/**", "/a/b.js"),
        ("/*", "/a.js"),
        ("/**/x.js", "/**/a/x.js"),
        ("/**x.js", "/*/x.js"),
        ("/a*c", "/abc"),
        ("/a*", "/a*b*"),
        ("/**/**", "/**/a/**"),
    ],
)
def test_a_wider_glob_covers_a_narrower_one(wide: str, narrow: str) -> None:
    assert covers(wide, narrow)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("/*", "/a/b"),
        ("/**/x.js", "/x.js"),
        ("/a*", "/**"),
        ("/*.js", "/**.js"),
        ("/a.js", "/a*js"),
    ],
)
def test_a_glob_does_not_cover_what_reaches_beyond_it(wide: str, narrow: str) -> None:
    assert not covers(wide, narrow)


GLOBS = st.lists(st.sampled_from(["a", "b", "/", "*", "**"]), max_size=6).map(lambda parts: "/" + "".join(parts))
PATHS = st.text("ab/c", max_size=8).map(lambda text: "/" + text)


@given(GLOBS, GLOBS, st.lists(PATHS, max_size=20))
def test_what_a_covered_glob_takes_the_wider_one_takes_too(wide: str, narrow: str, paths: list[str]) -> None:
    if covers(wide, narrow):
        assert all(glob(wide).match(path) for path in paths if glob(narrow).match(path))


@given(GLOBS)
def test_every_glob_covers_itself(pattern: str) -> None:
    assert covers(pattern, pattern)
