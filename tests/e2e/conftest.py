"""A site, and Consentry in front of it; files whose site is another one have fixtures of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-docs", action="store_true", help="write the pages of docs/ that tests measure anew")


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Site, Server]]:
    """The site, and the server that shows it."""
    site = Site()
    server = Server(site)
    yield site, server
    server.close()


@pytest.fixture(scope="module")
def proxy(site: tuple[Site, Server], confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Consentry in front of the site, as a reverse proxy."""
    with Proxy(site[1].url, "--confdir", str(confdir), folder=tmp_path_factory.mktemp("work")) as proxy:
        yield proxy
