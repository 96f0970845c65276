"""Reverse mode, as its user sees it: the site behind http://localhost works, and fast."""

from __future__ import annotations

import itertools
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit import reverse
from tests.kit.browser import Browser
from tests.kit.cases import CATEGORIES
from tests.kit.certificates import Authority, server_context
from tests.kit.client import ENCODERS, TIMEOUT, fetch, opened
from tests.kit.messages import Echo, Request, Response
from tests.kit.network import Network
from tests.kit.pages import without_guard
from tests.kit.proxy import ENVOY, MITMPROXY, Proxy, run
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e
ADAPTERS = (MITMPROXY, ENVOY)

SCRIPT = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
PIXEL = "https://px.ads.linkedin.com/collect/?pid=1&fmt=gif"
TRACKED = f'<!doctype html><html><head><title>shop</title></head><body><script src="{SCRIPT}"></script>'.encode()
GRANTED = "v=1&functional=granted&analytics=granted&marketing=granted"
HTML = [("content-type", "text/html; charset=utf-8")]
MEGABYTE = 1 << 20
# What a process may grow by while bodies many times as large pass through it.
SPARE_MEMORY = 48 * MEGABYTE
_FRESH = itertools.count(1)

site, upstream, folder, proxy = reverse.site, reverse.upstream, reverse.folder, reverse.proxy


@pytest.fixture
def path() -> str:
    """A path of the site that no test has used yet."""
    return f"/{next(_FRESH)}"


@contextmanager
def staging(network: Network, folder: Path, *options: str) -> Iterator[tuple[Site, Proxy]]:
    """The site https://shop.example on the fake network, and Consentry in front of it."""
    site = Site()
    network.host("shop.example", site)
    resolve = f"*:443:127.0.0.1:{network.secure.port}"
    with Proxy("https://shop.example", "--resolve", resolve, *options, folder=folder) as proxy:
        yield site, proxy


# --- what streams, streams ---------------------------------------------------------------------------


def test_server_sent_events_come_through_at_once(site: Site, proxy: Proxy, path: str) -> None:
    seen = threading.Event()

    def events(request: Request) -> Response:
        def pieces() -> Iterator[bytes]:
            yield b"data: first\n\n"
            assert seen.wait(TIMEOUT)
            yield b"data: second\n\n"

        return Response(pieces(), [("content-type", "text/event-stream"), ("cache-control", "no-cache")])

    site.route(path, events)
    with opened(proxy.url + path) as response:
        assert response.read1() == b"data: first\n\n"
        seen.set()
        assert response.read() == b"data: second\n\n"


def test_a_slow_pages_first_bytes_arrive_before_the_rest_is_sent(site: Site, proxy: Proxy, path: str) -> None:
    seen = threading.Event()

    def page(request: Request) -> Response:
        def pieces() -> Iterator[bytes]:
            yield b"<!doctype html><html><head><title>slow</title></head><body><h1>here already</h1>"
            assert seen.wait(TIMEOUT)
            yield f'<script src="{SCRIPT}"></script><p>the end'.encode()

        return Response(pieces(), HTML)

    site.route(path, page)
    with opened(proxy.url + path) as response:
        start = b""
        while b"<h1>here already</h1>" not in start:
            piece = response.read1()
            assert piece, f"the page ended with {start!r}"
            start += piece
        seen.set()
        rest = response.read()
    assert b"<p>the end" in rest
    assert b"text/x-consentry" in rest


def test_a_websocket_works_in_both_directions(site: Site, proxy: Proxy, browser: Browser, path: str) -> None:
    site.page(path, b"<!doctype html><title>chat</title>")
    site.route(f"{path}/socket", lambda request: Echo())
    with browser.visitor() as visit:
        visit.open(f"http://localhost:{proxy.port}{path}")
        echoed = visit.page.evaluate(
            "path => new Promise((done, fail) => { const s = new WebSocket(`ws://${location.host}${path}/socket`);"
            " const got = []; s.onopen = () => { s.send('one'); s.send('two') };"
            " s.onmessage = e => { got.push(e.data); if (got.length == 2) done(got) };"
            " s.onerror = () => fail(new Error('no socket')) })",
            path,
        )
    assert echoed == ["one", "two"]


def test_a_large_download_passes_in_constant_memory(site: Site, proxy: Proxy, path: str) -> None:
    length = 200 * MEGABYTE

    def pieces() -> Iterator[bytes]:
        piece = bytes(range(256)) * 256
        return itertools.repeat(piece, length // len(piece))

    headers = [("content-type", "application/octet-stream"), ("content-length", str(length))]
    site.route(path, lambda request: Response(pieces(), headers))
    before = proxy.memory()
    received = 0
    with opened(proxy.url + path) as response:
        assert response.getheader("content-length") == str(length)
        while piece := response.read(MEGABYTE):
            received += len(piece)
    assert received == length
    assert proxy.memory() - before < SPARE_MEMORY


def test_a_large_page_passes_in_constant_memory(site: Site, proxy: Proxy, path: str) -> None:
    def page(length: int) -> Response:
        def pieces() -> Iterator[bytes]:
            yield TRACKED
            piece = b"<p>more and more text</p>\n" * 2500
            yield from itertools.repeat(piece, length // len(piece))

        return Response(pieces(), HTML)

    def received(suffix: str) -> int:
        count = 0
        with opened(proxy.url + path + suffix) as response:
            while piece := response.read(MEGABYTE):
                count += len(piece)
        return count

    length = 60 * MEGABYTE
    # What is under way between Envoy and a processor is full with much less.
    site.route(path + "/first", lambda request: page(8 * MEGABYTE))
    site.route(path, lambda request: page(length))
    assert received("/first") > 7 * MEGABYTE
    before = proxy.memory()
    assert received("") > length - MEGABYTE
    assert proxy.memory() - before < SPARE_MEMORY


def test_a_large_upload_passes_in_constant_memory(site: Site, proxy: Proxy, path: str) -> None:
    length = 100 * MEGABYTE
    site.route(path, lambda request: Response(str(request.length).encode(), [("content-type", "text/plain")]))
    before = proxy.memory()
    answer = fetch(proxy.url + path, method="POST", body=itertools.repeat(b"x" * MEGABYTE, length // MEGABYTE))
    assert (answer.status, answer.text) == (200, str(length))
    assert proxy.memory() - before < SPARE_MEMORY


# --- pages of every make -----------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", sorted(ENCODERS))
def test_a_compressed_page_is_held_and_stays_readable(site: Site, proxy: Proxy, path: str, encoding: str) -> None:
    headers = [*HTML, ("content-encoding", encoding), ("vary", "accept-encoding")]
    site.route(path, lambda request: Response(ENCODERS[encoding](TRACKED), headers))
    asked = {"Accept": "text/html", "Accept-Encoding": encoding}
    held = fetch(proxy.url + path, asked)
    assert "text/x-consentry" in held.text
    granted = fetch(proxy.url + path, {**asked, "Cookie": f"consentry={GRANTED}"})
    assert without_guard(granted.text.encode()) == TRACKED


@pytest.mark.parametrize("encoding", sorted(ENCODERS))
def test_a_compressed_file_passes_byte_for_byte(site: Site, proxy: Proxy, path: str, encoding: str) -> None:
    body = ENCODERS[encoding](b"console.log(1);" * 100)
    site.page(path, body, "text/javascript", [("content-encoding", encoding)])
    answer = fetch(proxy.url + path, {"Accept-Encoding": encoding})
    assert (answer.body, answer.header("content-encoding")) == (body, encoding)


def test_head_says_what_get_would_and_sends_no_body(site: Site, proxy: Proxy, path: str) -> None:
    site.page(path, TRACKED)
    answer = fetch(proxy.url + path, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("content-type") == "text/html; charset=utf-8"
    # The length of the original would be wrong for the held page.
    assert answer.header("content-length") in (None, str(len(fetch(proxy.url + path).body)))


@pytest.mark.parametrize("kind", ["text/javascript", "image/svg+xml", "application/json"])
def test_a_file_that_has_not_changed_is_answered_304(site: Site, proxy: Proxy, path: str, kind: str) -> None:
    site.page(path, b"<svg/>", kind)
    tag = fetch(proxy.url + path).header("etag")
    assert tag
    again = fetch(proxy.url + path, {"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("encoding", sorted(ENCODERS))
def test_a_compressed_style_sheet_loses_only_what_is_tracked(
    site: Site, proxy: Proxy, path: str, encoding: str
) -> None:
    kept = "@font-face { font-family: x; src: url(/x.woff2) } body { background: url(/b.png) }"
    sheet = f"{kept} p {{ background: url({PIXEL}) }}"
    site.page(path, ENCODERS[encoding](sheet.encode()), "text/css", [("content-encoding", encoding)])
    held = fetch(proxy.url + path, {"Accept-Encoding": encoding, "Sec-Fetch-Dest": "style"})
    assert kept in held.text
    assert f"url({PIXEL})" not in held.text
    granted = {"Accept-Encoding": encoding, "Sec-Fetch-Dest": "style", "Cookie": f"consentry={GRANTED}"}
    assert fetch(proxy.url + path, granted).text == sheet


def test_a_part_of_a_file_is_answered_206(site: Site, proxy: Proxy, path: str) -> None:
    headers = [("content-type", "video/mp4"), ("content-range", "bytes 2-3/6")]
    site.route(
        path,
        lambda request: Response(b"cd", headers, 206) if request.header("range") == "bytes=2-3" else Response(b"all"),
    )
    answer = fetch(proxy.url + path, {"Range": "bytes=2-3"})
    assert (answer.status, answer.body, answer.header("content-range")) == (206, b"cd", "bytes 2-3/6")


def test_a_page_cached_with_consent_is_held_again_once_it_is_withdrawn(
    site: Site, proxy: Proxy, browser: Browser, network: Network, path: str
) -> None:
    site.page(path, TRACKED, headers=[("cache-control", "no-cache")])
    url = f"http://localhost:{proxy.port}{path}"
    with browser.visitor() as visit:
        visit.consent(url, ["analytics"])
        visit.open(url)
        network.wait_for(SCRIPT)
        visit.settle()
        visit.consent(url, [])
        network.clear()
        assert "text/x-consentry" in visit.open(url).text()
        visit.settle()
        assert network.requests() == []


def test_a_page_that_may_be_kept_for_an_hour_is_still_asked_for_again_after_consent(
    site: Site, proxy: Proxy, browser: Browser, network: Network, path: str
) -> None:
    site.page(path, TRACKED, headers=[("cache-control", "max-age=3600")])
    url = f"http://localhost:{proxy.port}{path}"
    with browser.visitor() as visit:
        visit.open(url)
        assert network.requests() == []
        visit.consent(url, CATEGORIES)
        visit.page.goto("about:blank")
        assert without_guard(visit.open(url).body()) == TRACKED
        network.wait_for(SCRIPT)


def test_a_page_with_a_strict_content_security_policy_keeps_working(
    site: Site, proxy: Proxy, browser: Browser, network: Network, path: str
) -> None:
    page = (
        f'<!doctype html><html><head><script nonce="n0nce" src="{SCRIPT}"></script>'
        '<script nonce="n0nce">analytics.track("seen"); document.title = "ran"</script></head><body>shop'
    ).encode()
    policy = "default-src 'none'; script-src 'nonce-n0nce'; style-src 'self'; connect-src 'self'"
    site.page(path, page, headers=[("content-security-policy", policy)])
    with browser.visitor() as visit:
        response = visit.open(f"http://localhost:{proxy.port}{path}")
        visit.settle()
        assert visit.page.title() == "ran"
        assert visit.errors == []
        assert [said for said in visit.console if "Content Security Policy" in said] == []
        sent = response.headers["content-security-policy"]
    assert all(directive in sent for directive in ("default-src 'none'", "style-src 'self'", "connect-src 'self'"))
    assert "unsafe" not in sent
    assert network.requests() == []


def test_tracking_cookies_and_hints_in_the_sites_own_headers_wait_for_consent(
    site: Site, proxy: Proxy, path: str
) -> None:
    headers = [
        ("set-cookie", "session=1; Path=/; HttpOnly"),
        ("set-cookie", "ajs_anonymous_id=4711; Path=/; Max-Age=31536000"),
        ("link", "<https://cdn.segment.com>; rel=preconnect, </style.css>; rel=preload; as=style"),
    ]
    site.page(path, TRACKED, headers=headers)
    held = fetch(proxy.url + path)
    assert [value.partition("=")[0] for value in held.all("set-cookie")] == ["session"]
    assert "cdn.segment.com" not in (held.header("link") or "")
    assert "</style.css>; rel=preload; as=style" in (held.header("link") or "")
    granted = fetch(proxy.url + path, {"Cookie": f"consentry={GRANTED}"})
    assert [value.partition("=")[0] for value in granted.all("set-cookie")] == ["session", "ajs_anonymous_id"]
    assert "cdn.segment.com" in (granted.header("link") or "")


# --- a real staging site behind http://localhost -----------------------------------------------------


def test_one_can_log_in_to_an_https_site_with_a_self_signed_certificate(
    authority: Authority, browser: Browser, network: Network, folder: Path
) -> None:
    site = Site()
    upstream = Server(site, server_context(authority.self_signed("shop.example")))
    origin = "https://shop.example"
    cookies = [
        ("set-cookie", "sid=s3cret; Domain=shop.example; Path=/; Secure; HttpOnly; SameSite=None"),
        ("set-cookie", "__Host-csrf=token; Path=/; Secure; SameSite=Strict"),
        ("set-cookie", "__Secure-tier=gold; Domain=.shop.example; Path=/; Secure"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ]

    def login(request: Request) -> Response:
        # What frameworks check against cross-site request forgery.
        if request.header("origin") != origin or not request.header("referer").startswith(origin + "/"):
            return Response(b"forged", [("content-type", "text/plain")], 403)
        return Response(b"", [*cookies, ("location", f"{origin}/account")], 303)

    def account(request: Request) -> Response:
        return Response(request.header("cookie").encode(), [("content-type", "text/plain")])

    site.route("/login", login)
    site.page("/", b'<!doctype html><title>x</title><form method=post action="/login"><button>in</button></form>')
    site.route("/account", account)
    resolve = f"shop.example:443:127.0.0.1:{upstream.port}"
    with Proxy(origin, "--insecure-upstream", "--resolve", resolve, folder=folder) as proxy, browser.visitor() as visit:
        visit.open(f"http://localhost:{proxy.port}/")
        with visit.page.expect_navigation(url="**/account"):
            visit.press_every_button()
        assert visit.page.url == f"http://localhost:{proxy.port}/account"
        sent = visit.page.inner_text("body")
    assert set(sent.split("; ")) == {"sid=s3cret", "__Host-csrf=token", "__Secure-tier=gold"}
    assert site.requests("/account")[0].host == "shop.example"
    upstream.close()


def test_an_upstream_with_a_private_authority_is_trusted_if_it_is_named(
    authority: Authority, network: Network, folder: Path
) -> None:
    with staging(network, folder, "--upstream-ca", str(authority.pem)) as (site, proxy):
        site.page("/", TRACKED)
        assert "text/x-consentry" in fetch(proxy.url + "/").text


def test_redirects_stay_on_the_proxy_and_those_to_elsewhere_are_left_alone(
    authority: Authority, network: Network, folder: Path
) -> None:
    with staging(network, folder, "--upstream-ca", str(authority.pem)) as (site, proxy):

        def led(location: str) -> str | None:
            site.route("/go", lambda request: Response(b"", [("location", location)], 302))
            return fetch(f"http://localhost:{proxy.port}/go").header("location")

        here = f"http://localhost:{proxy.port}"
        for location in ("https://shop.example/a?b#c", "http://shop.example/a?b#c", "//shop.example/a?b#c"):
            arrived = led(location)
            assert arrived in (f"{here}/a?b#c", f"//localhost:{proxy.port}/a?b#c"), location
        assert led("/a?b#c") == "/a?b#c"
        assert led("https://elsewhere.example/a") == "https://elsewhere.example/a"


def test_a_preflight_is_answered_by_the_site_for_the_origin_that_asked(
    authority: Authority, network: Network, folder: Path
) -> None:
    with staging(network, folder, "--upstream-ca", str(authority.pem)) as (site, proxy):
        site.route(
            "/api",
            lambda request: Response(
                status=204,
                headers=[
                    ("access-control-allow-origin", request.header("origin")),
                    ("access-control-allow-credentials", "true"),
                    ("access-control-allow-methods", "PUT"),
                ],
            ),
        )
        for origin in (f"http://localhost:{proxy.port}", "https://partner.example"):
            asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
            answer = fetch(f"http://localhost:{proxy.port}/api", asked, method="OPTIONS")
            assert answer.status == 204
            assert answer.header("access-control-allow-origin") == origin
            assert answer.header("access-control-allow-methods") == "PUT"
        assert [each.header("origin") for each in site.requests("/api")] == [
            "https://shop.example",
            "https://partner.example",
        ]


def test_strict_transport_security_does_not_reach_plain_localhost(
    authority: Authority, network: Network, folder: Path
) -> None:
    with staging(network, folder, "--upstream-ca", str(authority.pem)) as (site, proxy):
        site.page("/", b"<p>shop", headers=[("strict-transport-security", "max-age=31536000")])
        assert fetch(proxy.url + "/").header("strict-transport-security") is None


# --- listeners ---------------------------------------------------------------------------------------


def test_several_sites_are_served_on_several_ports(folder: Path) -> None:
    first, second = Site(), Site()
    first.page("/", b"<p>first")
    second.page("/", b"<p>second")
    one, two = Server(first), Server(second)
    with Proxy(one.url, two.url, folder=folder) as proxy:
        assert len(set(proxy.urls)) == 2
        assert ["first" in fetch(url + "/").text for url in proxy.urls] == [True, False]
        assert ["second" in fetch(url + "/").text for url in proxy.urls] == [False, True]
    one.close()
    two.close()


def test_a_listener_with_a_certificate_speaks_http_2(
    authority: Authority, browser: Browser, network: Network, folder: Path
) -> None:
    options = ("--upstream-ca", str(authority.pem), "--tls-cert", str(authority.issue("localhost")))
    with staging(network, folder, *options) as (site, proxy), browser.visitor() as visit:
        site.page("/", TRACKED)
        assert proxy.url.startswith("https://")
        assert "text/x-consentry" in visit.open(f"https://localhost:{proxy.port}/").text()
        visit.settle()
        protocol = visit.page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
        assert visit.errors == []
    assert protocol == "h2"
    assert network.requests() == []


def test_a_site_that_offers_http_2_is_spoken_to_in_it(authority: Authority, browser: Browser, folder: Path) -> None:
    site = Site()
    site.page("/", TRACKED)
    site.page("/large", b"x" * 3 * MEGABYTE, "text/plain")
    upstream = Server(site, authority.context("localhost", http2=True))
    options = ("--upstream-ca", str(authority.pem), "--tls-cert", str(authority.issue("localhost")))
    with Proxy(f"https://localhost:{upstream.port}", *options, folder=folder) as proxy, browser.visitor() as visit:
        assert "text/x-consentry" in visit.open(f"https://localhost:{proxy.port}/").text()
        assert visit.page.evaluate("fetch('/large').then(r => r.text()).then(text => text.length)") == 3 * MEGABYTE
        sent = "fetch('/', {method: 'POST', body: 'y'.repeat(300000)}).then(r => r.status)"
        assert visit.page.evaluate(sent) == 200
    assert {request.connection.protocol for request in site.requests("/")} == {"h2"}
    assert [request.length for request in site.requests("/")] == [0, 300_000]
    upstream.close()


# --- when something is wrong -------------------------------------------------------------------------


def test_an_upstream_that_is_down_gives_a_readable_page(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Proxy(f"http://127.0.0.1:{port}", folder=folder) as proxy:
        answer = fetch(proxy.url + "/", {"Accept": "text/html"})
        assert answer.status == 502
        assert (answer.header("content-type") or "").startswith("text/html")
        assert "Nothing answers at the site" in answer.text
        assert "Traceback" not in answer.text
        assert proxy.process.poll() is None


def test_an_upstream_with_an_expired_certificate_gives_a_page_that_says_so(authority: Authority, folder: Path) -> None:
    upstream = Server(Site(), authority.context("localhost", expired=True))
    address = f"https://localhost:{upstream.port}"
    # Of several addresses of one name the last one's failure is told.
    options = ("--upstream-ca", str(authority.pem), "--resolve", "localhost:*:127.0.0.1")
    with Proxy(address, *options, folder=folder) as proxy:
        answer = fetch(proxy.url + "/", {"Accept": "text/html"})
        assert answer.status == 502
        assert "certificate" in answer.text.lower()
        assert "expired" in answer.text.lower()
    upstream.close()


def test_an_upstream_that_breaks_off_does_not_take_the_proxy_with_it(site: Site, proxy: Proxy, path: str) -> None:
    def broken() -> Iterator[bytes]:
        yield TRACKED
        raise ConnectionResetError

    site.route(path, lambda request: Response(broken(), HTML))
    with opened(proxy.url + path) as response:
        # Envoy may not have sent the beginning yet, and then says what happened.
        if response.status != 502:
            with pytest.raises(Exception, match=r"IncompleteRead|reset|Remote"):  # noqa: PT012
                while response.read(1024):
                    pass
                raise AssertionError("the page ended as if it were whole")
    site.page(path, TRACKED)
    assert fetch(proxy.url + path).status == 200
    assert "Traceback" not in proxy.stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_it_ends_cleanly_with_connections_open(
    site: Site, upstream: Server, folder: Path, sent: signal.Signals
) -> None:
    over = threading.Event()

    def endless() -> Iterator[bytes]:
        yield b"data: first\n\n"
        over.wait(TIMEOUT)

    site.route("/endless", lambda request: Response(endless(), [("content-type", "text/event-stream")]))
    with Proxy(upstream.url, folder=folder) as proxy, opened(proxy.url + "/endless") as response:
        assert response.read1() == b"data: first\n\n"
        proxy.process.send_signal(sent)
        assert proxy.wait() == 0
        assert "Traceback" not in proxy.stderr
    over.set()


def test_a_port_that_is_taken_is_one_sentence_and_exit_code_2(upstream: Server, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(upstream.url, "--listen", f"127.0.0.1:{port}", folder=folder)
    assert ended.returncode == 2
    assert str(port) in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("url", ["ftp://shop.example", "http://", "https://shop.example:99999", "shop"])
def test_an_address_that_is_no_web_site_is_one_sentence_and_exit_code_2(url: str, folder: Path) -> None:
    ended = run(url, "--listen", "127.0.0.1:0", folder=folder)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert url in ended.stderr


def test_with_json_nothing_but_json_is_written_to_standard_output(proxy: Proxy, site: Site, path: str) -> None:
    site.page(path, TRACKED)
    since = proxy.mark()
    fetch(proxy.url + path)
    verdict = proxy.wait_for_verdict(lambda said: said.vendor == "segment", since)
    assert (verdict.layer, verdict.outcome, verdict.verdict) == ("html", "held", "block")
    assert (verdict.url, verdict.categories, verdict.missing) == (SCRIPT, ("analytics",), ("analytics",))
    assert verdict.reason
    assert proxy.stray == []
