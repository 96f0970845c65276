"""The dashboard behind Envoy: what pages listen to is led there, and nobody else gets there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.client import fetch, opened
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

LIVE = "/__consentry/live"
FROM_HERE = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty", "Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def proxy(adapter: str, upstream: Server, folder: Path) -> Iterator[Proxy]:
    with Proxy(upstream.url, "--dashboard", "127.0.0.1:0", "--badge", folder=folder) as proxy:
        yield proxy


def test_the_dashboard_says_where_it_is_and_pages_listen_to_it(site: Site, proxy: Proxy) -> None:
    site.page("/", b"<!doctype html><title>shop</title>")
    assert fetch(proxy.dashboard).status == 200
    page = fetch(proxy.url + "/", {"Accept": "text/html", "Sec-Fetch-Dest": "document"})
    assert "&quot;live&quot;:{" in page.text
    with opened(proxy.url + LIVE, FROM_HERE) as channel:
        assert channel.status == 200
        assert channel.headers["content-type"].startswith("text/event-stream")
        assert channel.readline()


@pytest.mark.parametrize(
    "fields", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "cross-site", "X-Consentry-Ticket": "made-up"}]
)
def test_who_is_no_page_of_the_site_is_not_led_there(site: Site, proxy: Proxy, fields: dict[str, str]) -> None:
    answer = fetch(proxy.url + LIVE, {**FROM_HERE, **fields})
    assert answer.status == 404
    assert "text/event-stream" not in (answer.header("content-type") or "")
    assert site.requests(LIVE) == []
