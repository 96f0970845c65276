"""A site, and Consentry in front of it; files whose site is another one have fixtures of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.proxy import ENVOY, MITMPROXY, Proxy, behind
from tests.kit.server import Server
from tests.kit.site import Site


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-docs", action="store_true", help="write the pages of docs/ that tests measure anew")
    parser.addoption("--adapter", choices=(MITMPROXY, ENVOY), help="what stands in front of the sites of every module")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What a module says of reverse mode with ADAPTERS, it says of each adapter; --adapter chooses one for all."""
    chosen = metafunc.config.getoption("--adapter")
    adapters = (chosen,) if chosen else getattr(metafunc.module, "ADAPTERS", None)
    if adapters and "adapter" in metafunc.fixturenames:
        metafunc.parametrize("adapter", adapters, indirect=True, scope="module")


@pytest.fixture(scope="module", autouse=True)
def adapter(request: pytest.FixtureRequest) -> Iterator[str]:
    """What stands in front of the sites of this module."""
    name = getattr(request, "param", MITMPROXY)
    with behind(name):
        yield name


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Site, Server]]:
    """The site, and the server that shows it."""
    site = Site()
    server = Server(site)
    yield site, server
    server.close()


@pytest.fixture(scope="module")
def proxy(
    adapter: str, site: tuple[Site, Server], confdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """Consentry in front of the site, as a reverse proxy."""
    with Proxy(site[1].url, "--confdir", str(confdir), folder=tmp_path_factory.mktemp("work")) as proxy:
        yield proxy
