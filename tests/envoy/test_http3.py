"""A site by HTTP/3, as a client of that protocol sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent

from tests.kit.certificates import Authority
from tests.kit.client import TIMEOUT
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

SCRIPT = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
PAGE = f'<!doctype html><title>shop</title><script src="{SCRIPT}"></script>'.encode()


@pytest.fixture(scope="module")
def proxy(adapter: str, upstream: Server, folder: Path, authority: Authority) -> Iterator[Proxy]:
    with Proxy(upstream.url, "--http3", "--tls-cert", str(authority.issue("localhost")), folder=folder) as proxy:
        yield proxy


class _Client(QuicConnectionProtocol):
    """Asks once, and collects what is answered."""

    def quic_event_received(self, event: QuicEvent) -> None:
        for each in self.http.handle_event(event):
            self._take(each)

    async def ask(self, fields: list[tuple[str, str]]) -> tuple[dict[str, str], bytes]:
        self.fields: dict[str, str] = {}
        self.body = b""
        self.over = asyncio.get_running_loop().create_future()
        self.http = H3Connection(self._quic)
        stream = self._quic.get_next_available_stream_id()
        self.http.send_headers(stream, [(name.encode(), value.encode()) for name, value in fields], end_stream=True)
        self.transmit()
        await asyncio.wait_for(self.over, TIMEOUT)
        return self.fields, self.body

    def _take(self, event: H3Event) -> None:
        if isinstance(event, HeadersReceived):
            self.fields.update((name.decode(), value.decode()) for name, value in event.headers)
        if isinstance(event, DataReceived):
            self.body += event.data
        if isinstance(event, HeadersReceived | DataReceived) and event.stream_ended and not self.over.done():
            self.over.set_result(None)


def ask(authority: Authority, port: int, path: str, destination: str) -> tuple[dict[str, str], bytes]:
    async def all_of_it() -> tuple[dict[str, str], bytes]:
        settings = QuicConfiguration(alpn_protocols=H3_ALPN, cafile=str(authority.pem), server_name="localhost")
        async with connect("127.0.0.1", port, configuration=settings, create_protocol=_Client) as found:
            fields = [(":method", "GET"), (":scheme", "https"), (":authority", f"localhost:{port}"), (":path", path)]
            return await cast("_Client", found).ask([*fields, ("accept", "*/*"), ("sec-fetch-dest", destination)])

    return asyncio.run(all_of_it())


def test_a_page_comes_by_http3_with_what_tracks_held(site: Site, proxy: Proxy, authority: Authority) -> None:
    site.page("/", PAGE)
    fields, body = ask(authority, proxy.port, "/", "document")
    assert fields[":status"] == "200"
    assert b"text/x-consentry" in body
    assert b"guard.js" in body


def test_browsers_are_told_where_and_not_what_the_site_says_of_itself(
    site: Site, proxy: Proxy, authority: Authority
) -> None:
    site.page("/app.js", b"console.log(1)", "text/javascript", [("alt-svc", 'h3=":443"')])
    fields, body = ask(authority, proxy.port, "/app.js", "script")
    assert (body, fields["alt-svc"]) == (b"console.log(1)", f'h3=":{proxy.port}"; ma=86400')
