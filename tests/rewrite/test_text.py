"""Style sheets and worker scripts on their way through."""

from __future__ import annotations

import gzip

import pytest

from proxy_addon.rewrite import text
from proxy_addon.rewrite.placeholder import URL_PREFIX
from proxy_addon.rewrite.text import Gathered, Overheard, Prefixed, Sheet

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


# What is changed, or heard, as a whole


def gathered(
    body: bytes, encodings: tuple[str, ...] = (), *, most: int = 100, lenient: bool = False
) -> tuple[bytes, list[str]]:
    troubles: list[str] = []

    def change(whole: bytes | None) -> bytes:
        return b"nothing" if whole is None else whole.upper()

    passage = Gathered(change, encodings, troubles.append, most=most, lenient=lenient)
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
    return b"".join([*(out for piece in pieces for out in passage.feed(piece)), *passage.close()]), troubles


@pytest.mark.parametrize(
    ("body", "encodings"), [(b"hello", ()), (gzip.compress(b"hello", mtime=0), ("gzip",)), (b"", ())]
)
def test_a_text_is_changed_when_all_of_it_is_there(body: bytes, encodings: tuple[str, ...]) -> None:
    assert gathered(body, encodings) == (b"HELLO" if body else b"", [])


@pytest.mark.parametrize(("lenient", "sent"), [(True, b"x" * 300), (False, b"nothing")])
def test_a_text_that_is_too_long_passes_only_where_it_may(lenient: bool, sent: bytes) -> None:
    assert gathered(b"x" * 300, lenient=lenient)[0] == sent


def test_a_text_that_is_not_in_its_coding_is_told() -> None:
    sent, troubles = gathered(b"no gzip at all", ("gzip",))
    assert (sent, len(troubles)) == (b"nothing", 1)
    assert gathered(b"no gzip at all", ("gzip",), lenient=True)[0] == b""


def heard(body: bytes, encodings: tuple[str, ...] = (), most: int = 100) -> list[bytes]:
    found: list[bytes] = []
    passage = Overheard(found.append, encodings, most=most)
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
    assert b"".join([*(out for piece in pieces for out in passage.feed(piece)), *passage.close()]) == body
    return found


def test_what_is_overheard_passes_as_it_is_and_is_heard_once() -> None:
    assert heard(b"hello") == [b"hello"]
    assert heard(gzip.compress(b"hello", mtime=0), ("gzip",)) == [b"hello"]


def test_what_is_too_long_or_in_another_coding_is_not_heard() -> None:
    assert heard(b"x" * 300) == []
    assert heard(b"no gzip at all", ("gzip",)) == []
