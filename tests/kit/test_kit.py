"""The kit itself: what the other tests take for granted."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from .browser import Browser
from .cases import Serve
from .certificates import Authority
from .globs import url_matches
from .messages import Echo, Response
from .network import Network
from .server import Server
from .site import Site

PAGE = b"<!doctype html><title>shop</title>"


@pytest.fixture
def site() -> Iterator[tuple[Site, Server]]:
    site = Site()
    site.page("/", PAGE)
    server = Server(site)
    yield site, server
    server.close()


def test_a_glob_ignores_scheme_and_query_and_stops_at_a_slash() -> None:
    assert url_matches("http://a.example/v1/key/x.js?y=/", "https://a.example/v1/*/x.js")
    assert not url_matches("https://a.example/v1/key/more/x.js", "https://a.example/v1/*/x.js")
    assert url_matches("https://a.example/v1/key/more/x.js", "https://a.example/v1/**/x.js")
    assert url_matches("https://a.example", "https://a.example/")


def test_a_site_answers_again_on_the_same_connection(site: tuple[Site, Server]) -> None:
    client = http.client.HTTPConnection("127.0.0.1", site[1].port)
    for _ in range(2):
        client.request("GET", "/")
        assert client.getresponse().read() == PAGE
    client.request("HEAD", "/")
    head = client.getresponse()
    assert (head.read(), head.getheader("content-length")) == (b"", str(len(PAGE)))
    client.request("GET", "/", headers={"If-None-Match": head.getheader("etag") or ""})
    assert client.getresponse().status == 304
    assert len(site[1].connections) == 1
    client.close()


def test_a_streamed_answer_comes_piece_by_piece(site: tuple[Site, Server]) -> None:
    pieces = iter([b"one", b"two"])
    site[0].route("/stream", lambda request: Response(pieces))
    client = http.client.HTTPConnection("127.0.0.1", site[1].port)
    client.request("GET", "/stream")
    response = client.getresponse()
    assert response.getheader("transfer-encoding") == "chunked"
    assert response.read() == b"onetwo"
    client.close()


def test_the_network_vouches_for_any_name_and_remembers_what_came(network: Network, authority: Authority) -> None:
    network.serve([Serve("https://cdn.vendor.example/**", "text/javascript", text="1")])
    context = ssl.create_default_context(cafile=str(authority.pem))
    client = http.client.HTTPConnection("127.0.0.1", network.secure.port)
    raw = socket.create_connection(("127.0.0.1", network.secure.port))
    client.sock = context.wrap_socket(raw, server_hostname="cdn.vendor.example")
    client.request("POST", "/a.js?q=1", body=b"body", headers={"Host": "cdn.vendor.example", "Origin": "http://x"})
    response = client.getresponse()
    assert (response.read(), response.getheader("access-control-allow-origin")) == (b"1", "http://x")
    client.close()
    seen = network.wait_for("https://cdn.vendor.example/*.js")
    assert (seen.method, seen.query, seen.body, seen.length) == ("POST", "q=1", b"body", 4)
    assert [each.name for each in network.connections()] == ["cdn.vendor.example"]
    network.clear()
    assert (network.requests(), network.connections()) == ([], [])


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    server = Server(Site(), authority.context("localhost", expired=True))
    client = http.client.HTTPSConnection(
        "localhost", server.port, context=ssl.create_default_context(cafile=str(authority.pem))
    )
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        client.request("GET", "/")
    server.close()


@pytest.mark.e2e
def test_the_browser_finds_every_host_in_the_network(
    browser: Browser, network: Network, site: tuple[Site, Server]
) -> None:
    site[0].page("/", b"<img src=http://pixel.vendor.example/p.gif><script src=https://vendor.example/x.js></script>")
    network.serve([Serve("https://vendor.example/x.js", "text/javascript", text="throw new Error('of the page')")])
    with browser.visitor() as visit:
        visit.open(f"http://localhost:{site[1].port}/")
        visit.settle()
        assert "of the page" in visit.errors[0]
    assert {request.url for request in network.requests()} == {
        "http://pixel.vendor.example/p.gif",
        "https://vendor.example/x.js",
    }


@pytest.mark.e2e
def test_a_page_of_a_site_may_talk_to_vendors_with_credentials(browser: Browser, network: Network) -> None:
    site = Site()
    site.page("/", PAGE)
    network.host("shop.example", site)
    with browser.visitor() as visit:
        visit.open("https://shop.example/")
        status = visit.page.evaluate(
            "fetch('https://api.vendor.example/e', {method: 'PUT', credentials: 'include',"
            " headers: {'content-type': 'application/json'}, body: '{}'}).then(r => r.status)"
        )
        visit.consent("https://shop.example/", ["analytics"])
        assert visit.cookies("https://shop.example/") == {"consentry"}
    assert status == 204
    assert [request.method for request in network.requests()] == ["OPTIONS", "PUT"]


@pytest.mark.e2e
def test_the_last_words_of_a_visitor_who_has_left_do_not_count(browser: Browser, network: Network) -> None:
    with browser.visitor() as visit:
        visit.open("https://vendor.example/")
        agent = visit.page.evaluate("navigator.userAgent")
    network.clear()
    last = http.client.HTTPConnection("127.0.0.1", network.plain.port)
    last.request("POST", "/beacon", headers={"Host": "vendor.example", "User-Agent": agent})
    assert last.getresponse().read() == b""
    assert (network.requests(), network.connections()) == ([], [])
    last.close()


def test_a_connection_that_is_opened_ahead_counts(network: Network) -> None:
    address = ("127.0.0.1", network.plain.port)
    with socket.create_connection(address):
        # Connections are accepted in order: when the second one has its answer, the first one is known.
        second = http.client.HTTPConnection(*address)
        second.request("GET", "/", headers={"Host": "accounts.google.com"})
        assert second.getresponse().status == 404
        second.close()
        assert [each.tls for each in network.connections()] == [False]


@pytest.mark.e2e
def test_a_server_speaks_http_2_where_it_is_told_to(browser: Browser, authority: Authority) -> None:
    site = Site()
    site.page("/", PAGE)
    site.page("/large", b"x" * 3_000_000, "text/plain")
    server = Server(site, authority.context("localhost", http2=True))
    with browser.visitor() as visit:
        visit.open(f"https://localhost:{server.port}/")
        assert visit.page.evaluate("fetch('/large').then(r => r.text()).then(text => text.length)") == 3_000_000
        sent = "fetch('/', {method: 'POST', body: 'y'.repeat(300000)}).then(r => r.status)"
        assert visit.page.evaluate(sent) == 200
    assert {request.connection.protocol for request in site.requests("/")} == {"h2"}
    assert [request.length for request in site.requests("/")] == [0, 300_000]
    server.close()


@pytest.mark.e2e
def test_a_websocket_echoes(browser: Browser, site: tuple[Site, Server]) -> None:
    site[0].route("/echo", lambda request: Echo())
    with browser.visitor() as visit:
        visit.open(f"http://localhost:{site[1].port}/")
        echoed = visit.page.evaluate(
            "new Promise(done => { const s = new WebSocket(`ws://${location.host}/echo`);"
            " s.onopen = () => s.send('hello'); s.onmessage = e => { done(e.data); s.close() } })"
        )
    assert echoed == "hello"


def test_the_self_signed_certificate_is_for_its_name(authority: Authority, tmp_path: Path) -> None:
    assert b"PRIVATE KEY" in authority.self_signed("localhost").read_bytes()
