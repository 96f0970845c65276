"""What assertions say of what was seen, without a browser."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from proxy_addon.testing import assert_only, assert_ran, assert_silent, watched
from proxy_addon.testing.watch import Watch


@dataclass
class Row:
    vendor: str | None
    categories: tuple[str, ...]
    page: str = "https://shop.example/"
    rule: str | None = "script"
    reason: str = "nothing was said"


@dataclass
class Exchange:
    number: int
    evidence: tuple[Row, ...]
    held: bool = False
    method: str = "GET"
    url: str = "https://vendor.example/a.js"


class Overheard:
    """Everything happened long ago."""

    def __init__(self, *exchanges: Exchange) -> None:
        self.exchanges = list(exchanges)

    def requests(self) -> list[Exchange]:
        return self.exchanges

    def unheard(self) -> int:
        return 0

    def quiet_since(self) -> float:
        return 0.0


class Clock:
    """A second has passed each time that somebody looks."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class Page:
    """What a test watches."""


def page(*exchanges: Exchange) -> Page:
    return Watch("http://127.0.0.1:1", (), Overheard(*exchanges), Clock()).watch(Page())


ANALYTICS = Exchange(1, (Row("segment", ("analytics",)),))
BOTH = Exchange(2, (Row("meta-pixel", ("analytics", "marketing")),))


@pytest.mark.parametrize(
    "silent",
    [
        Exchange(1, ()),
        Exchange(1, (Row(None, ()),)),
        Exchange(1, (Row("onetrust", ("necessary",)),)),
        Exchange(1, (Row("segment", ("analytics",)),), held=True),
    ],
    ids=["nothing known", "nobody's", "necessary", "held"],
)
def test_what_does_not_count_is_silent(silent: Exchange) -> None:
    assert_silent(page(silent))


def test_what_ran_is_said_with_vendor_address_page_and_reason() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_silent(page(ANALYTICS))
    assert str(raised.value).splitlines() == [
        "nothing may run, but 1 request went out:",
        "  segment (analytics): GET https://vendor.example/a.js on https://shop.example/: nothing was said",
    ]


def test_only_what_is_allowed_may_run() -> None:
    assert_only(page(ANALYTICS), {"analytics"})
    assert_only(page(ANALYTICS), "analytics")
    assert_only(page(ANALYTICS, BOTH), ["analytics", "marketing"])
    with pytest.raises(AssertionError, match="only analytics may run, but 1 request went out:\n  meta-pixel"):
        assert_only(page(ANALYTICS, BOTH), {"analytics"})


def test_a_vendor_that_must_run_has_to() -> None:
    assert_ran(page(ANALYTICS), "segment")
    with pytest.raises(AssertionError, match="no request of hotjar went out; what did was segment"):
        assert_ran(page(ANALYTICS), "hotjar")
    with pytest.raises(AssertionError, match="nobody's"):
        assert_ran(page(), "hotjar")


def test_what_was_cleared_counts_no_more() -> None:
    watching = page(ANALYTICS)
    watched(watching).clear()
    assert_silent(watching)


def test_a_page_that_nobody_watches_is_said_to_be_none() -> None:
    with pytest.raises(TypeError, match="Page is not watched: take the fixture consentry_page"):
        assert_silent(Page())


def test_waiting_ends_though_a_page_never_rests() -> None:
    class Busy(Overheard):
        def quiet_since(self) -> float:
            raise AssertionError("asked too often")

    now = iter([0.0, 30.0])
    Watch("", (), Busy(), clock=lambda: next(now)).settle(Page())


def test_what_nobody_looked_at_is_not_silent() -> None:
    class Much(Overheard):
        def unheard(self) -> int:
            return 3

    watching = Watch("", (), Much(), Clock()).watch(Page())
    with pytest.raises(AssertionError, match="3 requests were not looked at"):
        assert_silent(watching)


def test_waiting_goes_on_until_it_has_been_quiet_for_long_enough_from_now_on() -> None:
    asked: list[float] = []
    now = 100.0

    class Quiet(Overheard):
        def quiet_since(self) -> float:
            asked.append(now)
            return 99.0

    class Paused:
        def wait_for_timeout(self, milliseconds: float) -> None:
            nonlocal now
            now += milliseconds / 1000

    Watch("", (), Quiet(), clock=lambda: now).settle(Paused(), quiet=1.0)
    assert asked[-1] >= 101.0
