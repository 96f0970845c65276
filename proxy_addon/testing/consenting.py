"""A visitor's choice in a test: in the site's own banner where that is known, else by our own API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..consent.model import CATEGORIES
from .watch import watched

_SET = "window.consentry ? (window.consentry.set({choice}), true) : false"


class ConsentError(Exception):
    """A choice cannot be made on this page: one sentence."""


class Banners(Protocol):
    """Makes choices in the banners that are known (see banners())."""

    def __call__(self, page: Any, granted: frozenset[str], *, withdraw: bool) -> bool:
        """Make a choice in a banner; whether there was one. Raises ConsentError."""


class Consenting:
    """The fixture `consent`."""

    def __init__(self, page: Any, banners: Banners | None) -> None:
        """`page` is a Playwright page or a Selenium driver; `banners` is None where banners are not clicked."""
        self._page = page
        self._banners = banners

    def accept(self, *categories: str) -> None:
        """Allow these categories and no others; all of them if none is named. Raises ConsentError."""
        if unknown := sorted(set(categories) - set(CATEGORIES)):
            raise ConsentError(f"There is no category '{unknown[0]}'; it is one of: {', '.join(CATEGORIES)}.")
        self._choose(frozenset(categories or CATEGORIES), withdraw=False)

    def reject(self) -> None:
        """Refuse everything. Raises ConsentError."""
        self._choose(frozenset(), withdraw=False)

    def withdraw(self) -> None:
        """Take back what was allowed. Raises ConsentError."""
        self._choose(frozenset(), withdraw=True)

    def _choose(self, granted: frozenset[str], *, withdraw: bool) -> None:
        watch = watched(self._page)
        watch.settle(self._page)
        if self._banners is None or not self._banners(self._page, granted, withdraw=withdraw):
            self._tell({name: name in granted for name in CATEGORIES})
        watch.settle(self._page)

    def _tell(self, choice: Mapping[str, bool]) -> None:
        words = ", ".join(f"{name}: {'true' if said else 'false'}" for name, said in choice.items())
        code = _SET.replace("{choice}", f"{{{words}}}")
        selenium = getattr(self._page, "execute_script", None)
        done = selenium(f"return {code}") if selenium is not None else self._page.evaluate(code)
        if not done:
            raise ConsentError("This page has no banner that is known, and was not rewritten: is it an HTML page?")


def banners() -> Banners:
    """What clicks in the banners that the platforms' files describe. Playwright must be installed."""
    from playwright.sync_api import Error  # noqa: PLC0415 - only who drives one needs it

    from ..audit.banner import banners as described  # noqa: PLC0415
    from ..audit.flow import BannerDriver, NotReachedError  # noqa: PLC0415
    from ..audit.states import ACCEPT, ONLY, REJECT, WITHDRAW, State  # noqa: PLC0415
    from ..config import read_rules  # noqa: PLC0415

    driver = BannerDriver(described(read_rules(())[0].platforms), {})

    def choose(page: Any, granted: frozenset[str], *, withdraw: bool) -> bool:
        action = WITHDRAW if withdraw else ACCEPT if granted == set(CATEGORIES) else ONLY if granted else REJECT
        if not withdraw and not driver.asks(page):
            return False
        try:
            return driver.make(page, action, State(action, action, action, granted), lambda: None) is not None
        except (NotReachedError, Error) as error:
            raise ConsentError(str(error).partition("\n")[0]) from None

    return choose
