"""The browser of an audit: found, started so that it trusts our authority, and made to look like a visitor's."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, build_opener

from playwright.sync_api import Browser, BrowserContext, Error, Playwright

from ..chromium import AUTHORITY, QUIET, executable, trusting
from ..config import UsageError

_ARGUMENTS = (
    *QUIET,
    # Some platforms hide themselves from browsers that a program drives.
    "--disable-blink-features=AutomationControlled",
)
_WIDTH, _HEIGHT = 1280, 800


def launch(playwright: Playwright, confdir: Path) -> Browser:
    """Start Chromium so that it trusts the authority kept in `confdir`, and no other than it would.

    It is $CHROMIUM, or one of the usual names on PATH, or else Playwright's own. Raises UsageError if there is none.
    """
    arguments = [*_ARGUMENTS, trusting(confdir)]
    try:
        return playwright.chromium.launch(executable_path=executable(), args=arguments)
    except Error as error:
        what = " ".join(error.message.partition("\n")[0].split())[:200]
        raise UsageError(
            f"No browser could be started ({what}); install Chromium, run `playwright install chromium`, "
            "or set CHROMIUM to its path."
        ) from None


def visitor(
    browser: Browser, proxy: str, agent: str, storage_state: dict[str, object] | None, *, gpc: bool
) -> BrowserContext:
    """A visitor that nobody has seen before but for what `storage_state` keeps, going through a proxy."""
    context = browser.new_context(
        proxy={"server": proxy},
        user_agent=agent,
        viewport={"width": _WIDTH, "height": _HEIGHT},
        # Playwright's own type names each member.
        storage_state=storage_state,  # type: ignore[arg-type]
    )
    if gpc:
        signal_gpc(context)
    return context


def signal_gpc(context: BrowserContext) -> None:
    """Let a visitor's browser send Global Privacy Control from now on, as its specification says."""
    context.set_extra_http_headers({"Sec-GPC": "1"})
    context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', "
        "{get: () => true, configurable: true, enumerable: true});"
    )


def opener(proxy: str, confdir: Path) -> OpenerDirector:
    """Fetches what is not for a page to show, by way of the same proxy."""
    trusted = ssl.create_default_context(cafile=confdir / AUTHORITY)
    return build_opener(ProxyHandler({"http": proxy, "https": proxy}), HTTPSHandler(context=trusted))


def usual_agent(browser: Browser) -> str:
    """The user agent that the same browser has when a person looks at it."""
    session = browser.new_browser_cdp_session()
    try:
        agent = str(session.send("Browser.getVersion")["userAgent"])
    finally:
        session.detach()
    return agent.replace("HeadlessChrome", "Chrome")
