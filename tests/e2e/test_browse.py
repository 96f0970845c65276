"""`consentry browse`, as its user sees it: a clean Chromium behind the proxy, and nothing left of it."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from proxy_addon.browse.window import Window
from proxy_addon.listeners import free_port
from proxy_addon.proxy import authority as authority_of
from tests.kit.browser import Browser
from tests.kit.certificates import Authority
from tests.kit.fleet import wait_for
from tests.kit.network import Network
from tests.kit.proxy import Proxy, run
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

SCRIPT = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
PAGE = f'<!doctype html><title>shop</title><h1>Shop</h1><script src="{SCRIPT}"></script>'.encode()


def profiles() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("consentry-browse-*"))


@pytest.fixture
def options(network: Network, authority: Authority, confdir: Path) -> list[str]:
    site = Site()
    site.page("/", PAGE)
    network.host("shop.example", site)
    return [
        *("--confdir", str(confdir), "--upstream-ca", str(authority.pem), "--dashboard", "127.0.0.1:0"),
        *("--resolve", f"*:443:127.0.0.1:{network.secure.port}", "--resolve", f"*:80:127.0.0.1:{network.plain.port}"),
    ]


@pytest.fixture
def window(options: list[str], tmp_path: Path) -> Iterator[tuple[Proxy, str]]:
    """A running `browse`, and where its Chromium can be looked into."""
    port = free_port()
    with Proxy(
        *("browse", "shop.example", "--headless", *options, "--badge"),
        *("--", f"--remote-debugging-port={port}"),
        folder=tmp_path,
    ) as proxy:
        proxy.wait_for_verdict(lambda verdict: verdict.vendor == "segment" and verdict.outcome == "held", timeout=60)
        yield proxy, f"http://127.0.0.1:{port}"


def shown(browser: Browser, at: str) -> Iterator[Page]:
    with browser.attached(at) as context:
        page = context.pages[0]
        page.wait_for_url("https://shop.example/")
        yield page


def test_the_site_is_shown_with_its_vendors_held_and_the_badge(
    window: tuple[Proxy, str], browser: Browser, network: Network
) -> None:
    _, at = window
    for page in shown(browser, at):
        expect(page.get_by_role("heading", name="Shop")).to_be_visible()
        expect(page.locator("consentry-badge")).to_be_attached()
    assert [each.url for each in network.requests() if "segment" in each.url] == []


def test_it_ends_when_the_browser_does_and_forgets_the_profile(window: tuple[Proxy, str], browser: Browser) -> None:
    proxy, at = window
    before = profiles()
    assert before
    for page in shown(browser, at):
        page.context.new_cdp_session(page).send("Browser.close")
        assert proxy.wait(60) == 0
    assert profiles() < before


def test_it_ends_the_browser_when_it_is_interrupted(window: tuple[Proxy, str], browser: Browser) -> None:
    proxy, at = window
    for _ in shown(browser, at):
        before = profiles()
        assert proxy.interrupt(60) == 0
        assert profiles() < before


def test_a_browser_that_does_not_start_is_said_in_a_sentence(options: list[str], tmp_path: Path) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\necho 'no display' >&2\nexit 3\n")
    broken.chmod(0o755)
    ended = run("browse", "https://shop.example", *options, folder=tmp_path, environment={"CHROMIUM": str(broken)})
    assert ended.returncode == 2
    assert f"Error: {broken} did not start (no display); set CHROMIUM to another browser." in ended.stderr


def test_a_script_that_starts_the_browser_is_ended_with_it(
    confdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not hand over to it, and makes an error of the signal that ends it."""
    script, started = tmp_path / "chromium", tmp_path / "started"
    script.write_text(f"#!/bin/sh\ntrap 'exit 143' TERM\nsleep 300 &\necho $! > {started}.new\n"
                      f"mv {started}.new {started}\nwait\n")  # fmt: skip
    script.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(script))
    authority_of(confdir)
    stopped = threading.Event()
    window = Window("https://shop.example/", confdir)
    window.open(["http://127.0.0.1:1"], stopped.set)
    wait_for(started.exists, "the browser")
    below = psutil.Process(int(started.read_text()))
    window.close()
    assert stopped.wait(60)
    # Closing anew would tell what was made of the signal by then.
    window.close()
    assert psutil.wait_procs([below], timeout=60)[1] == []


def test_a_machine_without_a_browser_is_told_so(options: list[str], tmp_path: Path) -> None:
    ended = run("browse", "https://shop.example", *options, folder=tmp_path, environment={"PATH": os.devnull})
    assert ended.returncode == 2
    assert "There is no Chromium or Chrome; install one, or set CHROMIUM to its path." in ended.stderr


def test_what_is_no_address_is_said_to_be_none(tmp_path: Path) -> None:
    ended = run("browse", "https://", folder=tmp_path)
    assert ended.returncode == 2
    assert "'https://' is no web URL" in ended.stderr
