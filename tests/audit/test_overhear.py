"""What is kept of everything that passes, and when it counts as quiet."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from proxy_addon.audit import overhear
from proxy_addon.audit.overhear import Overhearing
from proxy_addon.ledger import HELD, MISMATCH, PASSED, Evidence

_PAGE: Mapping[str, str] = {"sec-fetch-site": "none", "sec-fetch-dest": "document"}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def evidence(layer: str, outcome: str, vendor: str = "segment") -> Evidence:
    return Evidence(0, layer, outcome, "allow", vendor, None, (), (), "", "", "", "", "", "none", "gdpr", "observe")


def test_evidence_goes_with_the_exchange_that_is_told_of_next() -> None:
    heard = Overhearing()
    heard.record(evidence("wire", PASSED, "one"))
    heard.asked("1", "GET", "https://one.example/", {}, None, held=False)
    heard.asked("2", "POST", "https://two.example/", {}, None, held=False)
    heard.record(evidence("wire", PASSED, "two"))
    heard.sent("2", held=True)
    found = [([row.vendor for row in each.evidence], each.held) for each in heard.requests()]
    assert found == [(["one"], False), (["two"], True)]


def test_what_pages_and_tags_say_is_kept_apart() -> None:
    heard = Overhearing()
    heard.record(evidence("guard", HELD))
    heard.record(evidence("wire", MISMATCH))
    heard.asked("1", "GET", "https://one.example/", {}, None, held=False)
    assert [row.outcome for row in heard.noticed()] == [HELD]
    assert [row.outcome for row in heard.mismatches()] == [MISMATCH]
    assert heard.requests()[0].evidence == []


def test_what_the_browser_asks_for_itself_is_nobodys() -> None:
    heard = Overhearing()
    heard.asked("1", "GET", "https://shop.example/", _PAGE, None, held=False)
    heard.asked("2", "GET", "https://a.example/", {**_PAGE, "sec-fetch-dest": "empty"}, None, held=False)
    heard.asked("3", "GET", "https://b.example/", {**_PAGE, "sec-fetch-site": "cross-site"}, None, held=False)
    assert [each.url for each in heard.requests()] == ["https://shop.example/", "https://b.example/"]


def test_it_is_quiet_once_everything_has_ended() -> None:
    clock = Clock()
    heard = Overhearing(clock)
    heard.asked("1", "GET", "https://one.example/", {}, None, held=False)
    assert heard.quiet_since() is None
    clock.now = 101
    heard.answered("1", 200, ["a=1"])
    assert heard.quiet_since() is None
    heard.ended("1")
    clock.now = 103
    assert heard.quiet_since() == 101
    assert (heard.requests()[0].status, heard.requests()[0].cookies) == (200, ("a=1",))


def test_a_stream_that_stays_open_is_quiet_after_a_while() -> None:
    clock = Clock()
    heard = Overhearing(clock)
    heard.asked("1", "GET", "https://one.example/live", {}, None, held=False)
    heard.answered("1", 200, [])
    clock.now = 106
    assert heard.quiet_since() == 100


def test_what_nobody_answers_is_under_way_for_ever() -> None:
    clock = Clock()
    heard = Overhearing(clock)
    heard.asked("1", "GET", "https://one.example/", {}, None, held=False)
    clock.now = 1000
    assert heard.quiet_since() is None


def test_what_is_more_than_is_kept_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overhear, "MOST", 2)
    heard = Overhearing(Clock())
    for number in range(5):
        heard.asked(str(number), "GET", "https://one.example/", {}, None, held=False)
        heard.record(evidence("guard", HELD))
    assert (len(heard.requests()), len(heard.noticed()), heard.unheard()) == (2, 2, 6)
