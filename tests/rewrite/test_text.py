"""Style sheets and worker scripts on their way through."""

from __future__ import annotations

import gzip

import pytest

from proxy_addon.rewrite import text
from proxy_addon.rewrite.placeholder import URL_PREFIX
from proxy_addon.rewrite.text import Prefixed, Sheet

T = b"https://tracker.example/x"


def sheet(troubles: list[str], encodings: tuple[str, ...] = ()) -> Sheet:
    return Sheet(lambda address: "tracker.example" in address, encodings, troubles.append)


@pytest.mark.parametrize("encodings", [(), ("gzip",)])
def test_a_sheet_is_held_when_all_of_it_is_there(encodings: tuple[str, ...]) -> None:
    troubles: list[str] = []
    content = b"a{background:url(" + T + b")}"
    body = gzip.compress(content) if encodings else content
    passage = sheet(troubles, encodings)
    out = [*passage.feed(body[:9]), *passage.feed(body[9:])]
    assert out == []
    assert b"".join(passage.close()) == b"a{background:url(" + URL_PREFIX + T + b")}"
    assert troubles == []


def test_a_sheet_that_is_too_long_passes_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_LONGEST", 100)
    troubles: list[str] = []
    passage = sheet(troubles)
    pieces = [b"a{background:url(" + T + b")}"] * 5
    assert b"".join([*(out for piece in pieces for out in passage.feed(piece)), *passage.close()]) == b"".join(pieces)
    assert len(troubles) == 1


def test_a_script_gets_its_prefix_once() -> None:
    passage = Prefixed(b"guard();", (), lambda _: None)
    assert b"".join([*passage.feed(b"a()"), *passage.feed(b";b()"), *passage.close()]) == b"guard();a();b()"


def test_an_empty_script_gets_its_prefix_too() -> None:
    assert list(Prefixed(b"guard();", (), lambda _: None).close()) == [b"guard();"]


def test_what_is_wrong_with_a_body_is_told_once() -> None:
    troubles: list[str] = []
    for passage in (sheet(troubles, ("gzip",)), Prefixed(b"", ("gzip",), troubles.append)):
        troubles.clear()
        out = [out for _ in range(5) for out in passage.feed(b"never encoded")]
        assert [*out, *filter(None, passage.close())] == []
        assert len(troubles) == 1
