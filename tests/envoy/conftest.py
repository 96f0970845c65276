"""Consentry behind Envoy, in front of a site of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.proxy import ENVOY, Proxy, behind
from tests.kit.server import Server
from tests.kit.site import Site

pytest.importorskip("grpc", reason="the extra 'envoy' is not installed: its packages have no wheels for here")
pytest.importorskip("envoy", reason="the extra 'envoy' is not installed: its packages have no wheels for here")


@pytest.fixture(scope="module")
def site() -> Site:
    return Site()


@pytest.fixture(scope="module")
def upstream(site: Site) -> Iterator[Server]:
    server = Server(site)
    yield server
    server.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def proxy(upstream: Server, folder: Path) -> Iterator[Proxy]:
    with behind(ENVOY), Proxy(upstream.url, folder=folder) as proxy:
        yield proxy
