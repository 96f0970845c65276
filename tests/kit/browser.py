"""A real Chromium whose every host, but localhost, is the fake network."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, Playwright, Response

from .cases import CATEGORIES
from .network import Network

# A host of the fake network that no vendor's file lists.
NEIGHBOUR = "neighbour.example"
_FRESH = itertools.count(1)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
)


@dataclass
class Visit:
    """One visitor: a browser context of its own, one page, and what went wrong on it."""

    context: BrowserContext
    page: Page
    errors: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def open(self, url: str) -> Response:
        """Go to a page and wait until it has loaded."""
        response = self.page.goto(url, wait_until="load")
        assert response is not None
        return response

    def press_every_button(self) -> None:
        """Click all buttons of the page, as a curious visitor would."""
        for button in self.page.locator("button").all():
            button.click()

    def settle(self) -> None:
        """Wait until the page has no request under way and starts none."""
        self.page.wait_for_load_state("networkidle")

    def consent(self, url: str, granted: Iterable[str]) -> None:
        """Give the site of a URL our consent cookie, with these categories granted and the others denied."""
        given = set(granted)
        value = "&".join(["v=1", *(f"{each}={'granted' if each in given else 'denied'}" for each in CATEGORIES)])
        parts = urlsplit(url)
        self.context.add_cookies([{"name": "consentry", "value": value, "url": f"{parts.scheme}://{parts.netloc}/"}])

    def cookies(self, url: str) -> set[str]:
        """The names of the cookies that a page can hold on the site of a URL."""
        return {cookie["name"] for cookie in self.context.cookies(url) if "name" in cookie}

    def storage(self) -> set[str]:
        """The keys in the page's local and session storage."""
        return set(self.page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]"))


def resolver_rules(network: Network) -> str:
    """The argument that leads all names but this machine's to the fake network."""
    rules = [
        "EXCLUDE localhost",
        "EXCLUDE 127.0.0.1",
        f"MAP *:443 127.0.0.1:{network.secure.port}",
        f"MAP *:80 127.0.0.1:{network.plain.port}",
        "MAP * ~NOTFOUND",
    ]
    return f"--host-resolver-rules={', '.join(rules)}"


class Browser:
    """The one Chromium of a test run."""

    def __init__(self, playwright: Playwright, network: Network) -> None:
        """Start it, with all names leading to the fake network."""
        self._network = network
        self._fresh = itertools.count(1)
        self._chromium: Chromium = playwright.chromium.launch(
            executable_path=executable(), args=[*_ARGUMENTS, resolver_rules(network)]
        )

        self._agent = _agent_of(self._chromium)

    @contextmanager
    def attached(self, url: str) -> Iterator[BrowserContext]:
        """What another Chromium shows, which listens for debuggers at a URL; that one goes on."""
        other = self._chromium.browser_type.connect_over_cdp(url)
        try:
            yield other.contexts[0]
        finally:
            other.close()

    @contextmanager
    def visitor(self, proxy: str | None = None, *, bypass_csp: bool = False) -> Iterator[Visit]:
        """A visitor that nobody has seen before, going through a proxy if one is given.

        With `bypass_csp` the test's own code may run on pages whose policy would not let it.
        """
        # A user agent of its own tells its requests from those of visitors before it, for the network and the proxy.
        agent = f"{self._agent} Visitor/{next(self._fresh)}"
        context = self._chromium.new_context(
            proxy={"server": proxy} if proxy else None,
            ignore_https_errors=True,
            user_agent=agent,
            bypass_csp=bypass_csp,
        )
        try:
            visit = Visit(context, context.new_page())
            visit.page.on("pageerror", lambda error: visit.errors.append(str(error.stack or error)))
            visit.page.on("console", lambda said: visit.console.append(said.text) if said.type == "error" else None)
            yield visit
        finally:
            context.close()
            self._network.dismiss(agent)

    def close(self) -> None:
        """Quit."""
        self._chromium.close()


def _agent_of(chromium: Chromium) -> str:
    page = chromium.new_page()
    agent = str(page.evaluate("navigator.userAgent"))
    page.close()
    return agent


def executable() -> str:
    """Where Chromium is: $CHROMIUM, or the first of its usual names on PATH."""
    wanted = os.environ.get("CHROMIUM")
    found = wanted or next(filter(None, map(shutil.which, _NAMES)), None)
    if not found:
        pytest.fail(
            f"no Chromium on PATH ({', '.join(_NAMES)}): install one, or set CHROMIUM to its path",
            pytrace=False,
        )
    return found


def wait_for_last(page: Page, network: Network) -> None:
    """Wait until something that the page sends now, after all else, has arrived at a host that nobody lists."""
    last = f"https://{NEIGHBOUR}/last/{next(_FRESH)}"
    page.evaluate("last => new Promise(done => setTimeout(done)).then(() => fetch(last)).then(() => {})", last)
    network.wait_for(last)
