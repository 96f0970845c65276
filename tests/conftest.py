"""Fixtures of the end-to-end tests. Nothing here is started before a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import sync_playwright

from .kit.browser import Browser
from .kit.certificates import Authority
from .kit.network import Network

# How long an example takes says more of the machine than of the code.
settings.register_profile("consentry", deadline=None)
settings.load_profile("consentry")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A started Playwright leaves an event loop running in this thread: what starts its own comes first.

    Of the others, so that none is left over at the end, what takes longest does.
    """

    def place(item: pytest.Item) -> tuple[bool, bool]:
        drives = item.get_closest_marker("e2e") is not None or "browser" in getattr(item, "fixturenames", ())
        return drives, drives and item.get_closest_marker("long") is None

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder where all that runs here keeps its state: not the user's own."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The private authority that vouches for every host of the fake network."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Consentry's own authority: one for the whole run, since making it takes a while."""
    return tmp_path_factory.mktemp("confdir")


@pytest.fixture(scope="session")
def whole_network(authority: Authority) -> Iterator[Network]:
    """The fake network of the whole run, for fixtures that last as long; tests take `network`."""
    network = Network(authority)
    yield network
    network.close()


@pytest.fixture
def network(whole_network: Network) -> Network:
    """The fake network, with nothing remembered of earlier tests."""
    whole_network.clear()
    return whole_network


@pytest.fixture(scope="session")
def browser(whole_network: Network) -> Iterator[Browser]:
    """A real Chromium in which every host but localhost is the fake network."""
    with sync_playwright() as playwright:
        browser = Browser(playwright, whole_network)
        yield browser
        browser.close()
