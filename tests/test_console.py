"""One line a verdict, for a person or for a program."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.cleaned import printable
from proxy_addon.console import Console
from proxy_addon.ledger import Evidence

ROW = Evidence(
    0.0,
    "html",
    "held",
    "block",
    "acme",
    "acme-script",
    ("analytics", "marketing"),
    ("marketing",),
    "because",
    "https://acme.test/a.js",
    "https://shop.test/",
    "script",
    "words",
    "none",
    "gdpr",
    "enforce",
)


class Terminal(io.StringIO):
    """Text that is written to a terminal."""

    def isatty(self) -> bool:
        return True


def printed(row: Evidence, out: io.StringIO | None = None, **settings: bool) -> str:
    out = out or io.StringIO()
    Console(out, **settings).record(row)
    return out.getvalue()


def test_a_verdict_is_one_line_with_all_that_matters() -> None:
    line = printed(ROW)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert re.split(r" {2,}", line.strip())[1:] == [
        "held",
        "acme",
        "analytics+marketing",
        "script",
        "https://acme.test/a.js",
        "on https://shop.test/",
    ]


def test_a_program_gets_one_object_a_line() -> None:
    assert json.loads(printed(ROW, json_lines=True)) == {
        "event": "verdict",
        **ROW.plain(),
        "categories": ["analytics", "marketing"],
        "missing": ["marketing"],
    }


@pytest.mark.parametrize("outcome", ["held", "answered", "passed", "violation", "trouble", "leak", "mismatch"])
def test_colour_is_for_terminals_only(outcome: str) -> None:
    row = replace(ROW, outcome=outcome)
    assert "\x1b" not in printed(row)
    assert "\x1b" not in printed(row, Terminal(), json_lines=True)
    line = printed(row, Terminal())
    assert re.search(rf"\x1b\[\d+m{outcome} *\x1b\[0m", line)
    assert "\\x1b" not in line


@pytest.mark.parametrize(
    ("outcome", "seen"),
    [
        ("held", False),
        ("answered", False),
        ("passed", False),
        ("violation", True),
        ("trouble", True),
        ("leak", True),
        ("mismatch", True),
    ],
)
def test_quiet_leaves_only_what_needs_attention(outcome: str, seen: bool) -> None:
    assert bool(printed(replace(ROW, outcome=outcome), quiet=True)) is seen


def test_quiet_hides_nothing_from_a_program() -> None:
    assert printed(ROW, quiet=True, json_lines=True)


def test_trouble_tells_the_reason() -> None:
    line = printed(replace(ROW, outcome="trouble", vendor=None, reason="it broke"))
    assert "it broke" in line
    assert "https://acme.test/a.js" in line


def test_an_address_cannot_steer_the_terminal() -> None:
    line = printed(replace(ROW, url="https://acme.test/\x1b[2J\r\n\x9b\u202e"), Terminal())
    assert line.count("\n") == 1
    assert not re.search(r"\x1b\[2J|\r|\x9b|\u202e", line)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_what_is_printable_is_left_and_nothing_else(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert not text.isprintable() or shown == text


def test_a_reader_that_has_gone_does_not_stop_the_proxy() -> None:
    out = io.StringIO()
    console = Console(out)
    out.close()
    console.record(ROW)
    console.say("Ready.", "listening")


def test_an_event_is_a_sentence_or_an_object() -> None:
    out = io.StringIO()
    Console(out).say("Ready.", "listening", port=1)
    Console(out, json_lines=True).say("Ready.", "listening", port=1)
    assert out.getvalue().splitlines() == ["Ready.", '{"event": "listening", "port": 1}']


def test_a_warning_of_the_proxy_core_is_shown_safely() -> None:
    out = io.StringIO()
    Console(out).warn("bad \x1b[2J")
    assert out.getvalue() == "warning: bad \\x1b[2J\n"


def test_what_becomes_of_an_event_is_told_in_words() -> None:
    words = "track 'Order' → kept: Mixpanel; switched off: Facebook Pixel (marketing is denied)"
    line = printed(replace(ROW, outcome="filtered", reason=words))
    assert re.split(r" {2,}", line.strip())[1:] == ["filtered", words, "https://acme.test/a.js"]
    assert printed(replace(ROW, outcome="filtered"), quiet=True) == ""
