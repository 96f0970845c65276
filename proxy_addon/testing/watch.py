"""What ran in a browser, as the proxy that it goes through has seen it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

# Where a page, or a driver, keeps its watch.
_ATTRIBUTE = "_consentry"
_POLL = 0.05
_Page = TypeVar("_Page")


class Row(Protocol):
    """What of a row of evidence counts here (ledger.Evidence)."""

    @property
    def vendor(self) -> str | None:
        """The vendor's id."""

    @property
    def categories(self) -> tuple[str, ...]:
        """What it needed."""

    @property
    def page(self) -> str:
        """Where it was asked for."""

    @property
    def rule(self) -> str | None:
        """What recognised it."""

    @property
    def reason(self) -> str:
        """Why it was allowed, or would have been held."""


class Exchange(Protocol):
    """What of an exchange counts here (audit.overhear.Heard)."""

    number: int
    method: str
    url: str
    held: bool

    @property
    def evidence(self) -> Iterable[Row]:
        """The rows about it."""


class Overheard(Protocol):
    """Where exchanges come from (audit.overhear.Overhearing)."""

    def requests(self) -> Iterable[Exchange]:
        """All exchanges so far, in order."""

    def unheard(self) -> int:
        """How much came that is not kept, since there was so much."""

    def quiet_since(self) -> float | None:
        """Since when nothing has been under way, in seconds since the epoch; None while something is."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One request of a catalogued vendor that went out. `categories` is what it needs, `reason` what was said of it."""

    method: str
    url: str
    page: str
    vendor: str
    rule: str
    categories: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        """The request in a line, for an error's message."""
        needs = " and ".join(self.categories)
        return f"{self.vendor} ({needs}): {self.method} {self.url} on {self.page or 'no page'}: {self.reason}"


class Watch:
    """A proxy of one test's own, from a browser's side."""

    def __init__(
        self, url: str, arguments: Iterable[str], overheard: Overheard, clock: Callable[[], float] = time.time
    ):
        """`url` is where the proxy listens, `arguments` lead a Chromium there and let it trust its authority."""
        self.url = url
        self.arguments = tuple(arguments)
        self._overheard = overheard
        self._clock = clock
        self._after = 0

    def ran(self) -> tuple[Ran, ...]:
        """The requests of vendors that went out since the start, or since `clear()`; necessary ones do not count."""
        found: list[Ran] = []
        for each in self._overheard.requests():
            row = next((row for row in each.evidence if row.vendor), None)
            if each.held or each.number <= self._after or row is None:
                continue
            needs = tuple(name for name in row.categories if name != "necessary")
            if needs:
                found.append(Ran(each.method, each.url, row.page, row.vendor or "", row.rule or "", needs, row.reason))
        return tuple(found)

    def unheard(self) -> int:
        """How much more there was since the start than is kept, so that nobody knows what it was."""
        return self._overheard.unheard()

    def clear(self) -> None:
        """Forget what ran so far."""
        self._after = max((each.number for each in self._overheard.requests()), default=0)

    def watch(self, page: _Page) -> _Page:
        """Let the assertions know that a Playwright page, or a Selenium driver, goes through this proxy; returns it."""
        setattr(page, _ATTRIBUTE, self)
        return page

    def settle(self, page: Any, quiet: float = 1.0, patience: float = 20.0) -> None:
        """Wait until nothing has been under way for `quiet` seconds from now on, at most `patience` seconds."""
        # A page of Playwright's goes on only while it is waited for.
        pause = getattr(page, "wait_for_timeout", None)
        begun = self._clock()
        while (now := self._clock()) < begun + patience:
            since = self._overheard.quiet_since()
            if since is not None and now - max(since, begun) >= quiet:
                return
            if pause is not None:
                pause(_POLL * 1000)
            else:
                time.sleep(_POLL)


def watched(page: object) -> Watch:
    """The watch of a page or a driver. Raises TypeError if it has none."""
    found = getattr(page, _ATTRIBUTE, None)
    if not isinstance(found, Watch):
        raise TypeError(
            f"{type(page).__name__} is not watched: take the fixture consentry_page, or consentry_proxy.watch(page)."
        )
    return found
