"""Fixtures of a site with Consentry in front of it, for files that change the site as they go.

A file, or a conftest, takes them by assigning them: `site, upstream, folder, proxy = reverse.site, …`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .proxy import Proxy
from .server import Server
from .site import Site


@pytest.fixture(scope="module")
def site() -> Site:
    """The site, which has no pages yet."""
    return Site()


@pytest.fixture(scope="module")
def upstream(site: Site) -> Iterator[Server]:
    """The server that shows it."""
    server = Server(site)
    yield server
    server.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Consentry runs."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def proxy(adapter: str, upstream: Server, confdir: Path, folder: Path) -> Iterator[Proxy]:
    """Consentry in front of it, on the module's adapter."""
    with Proxy(upstream.url, "--confdir", str(confdir), folder=folder) as proxy:
        yield proxy
