"""Forward mode, as its user sees it: a browser pointed at Consentry, and vendors that never hear of it."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.kit.browser import Browser
from tests.kit.certificates import Authority
from tests.kit.client import TIMEOUT, Answer, fetch, opened
from tests.kit.messages import Response
from tests.kit.network import Network
from tests.kit.pages import without_guard
from tests.kit.proxy import Proxy
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

SHOP = "https://shop.example/"
SCRIPT = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
ENDPOINT = "https://api.segment.io/v1/p"
PIXEL = "https://px.ads.linkedin.com/collect/?pid=1&fmt=gif"
TRACKED = f'<!doctype html><html><head><title>shop</title></head><body><script src="{SCRIPT}"></script>'.encode()
GRANTED = "v=1&functional=granted&analytics=granted&marketing=granted"
DENIED = "v=1&functional=denied&analytics=denied&marketing=denied"


class Forward(NamedTuple):
    """A running forward proxy, and how a plain client uses it."""

    proxy: Proxy
    authority: Path

    def fetch(self, url: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        return fetch(url, headers, method=method, proxy=self.proxy.url, authority=self.authority)

    def ask_as_page(self, url: str, destination: str, agent: str = "one", **more: str) -> Answer:
        """Request what a page of the shop would, as a browser does it."""
        headers = {
            "Sec-Fetch-Dest": destination,
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "no-cors",
            "Referer": SHOP,
            "User-Agent": agent,
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        return self.fetch(url, {name: value for name, value in headers.items() if value})

    def visit(self, agent: str, consent: str | None = None, url: str = SHOP) -> Answer:
        """Load a page, the shop's unless another is given, as a top-level document."""
        headers = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "User-Agent": agent}
        return self.fetch(url, {**headers, **({"Cookie": f"consentry={consent}"} if consent else {})})


@pytest.fixture(scope="module")
def running(
    whole_network: Network, authority: Authority, confdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Forward]:
    options = [
        *("--confdir", str(confdir), "--upstream-ca", str(authority.pem)),
        *("--resolve", f"*:443:127.0.0.1:{whole_network.secure.port}"),
        *("--resolve", f"*:80:127.0.0.1:{whole_network.plain.port}"),
    ]
    with Proxy("forward", *options, folder=tmp_path_factory.mktemp("work")) as proxy:
        yield Forward(proxy, confdir / "mitmproxy-ca-cert.pem")


@pytest.fixture
def shop(network: Network) -> Site:
    """The site https://shop.example with a tracked page on it."""
    site = Site()
    site.page("/", TRACKED)
    site.page("/favicon.ico", b"", "image/x-icon")
    network.host("shop.example", site)
    return site


@pytest.fixture
def forward(running: Forward, shop: Site) -> Forward:
    return running


def left(network: Network) -> list[str]:
    """Whatever reached the vendors: requests, and connections that were only opened."""
    return [each.url for each in network.requests()] + [f"connection for {each.name}" for each in network.connections()]


# --- what is held never leaves -----------------------------------------------------------------------


def test_a_vendors_script_is_answered_with_its_surrogate(forward: Forward, network: Network) -> None:
    answer = forward.ask_as_page(SCRIPT, "script")
    assert answer.status == 200
    assert "javascript" in (answer.header("content-type") or "")
    # A surrogate that a browser kept would still be there after consent.
    assert "no-store" in (answer.header("cache-control") or "")
    assert answer.body == (Path(__file__).parents[2] / "rules" / "surrogates" / "segment.js").read_bytes()
    assert left(network) == []


def test_a_scripts_surrogate_may_be_read_by_a_page_that_asked_with_cors(forward: Forward, network: Network) -> None:
    answer = forward.ask_as_page(SCRIPT, "script", Origin="https://shop.example", Sec_Fetch_Mode="cors")
    assert answer.header("access-control-allow-origin") in ("*", "https://shop.example")
    assert left(network) == []


def test_a_preflight_for_a_vendor_is_answered_so_that_the_request_may_follow(
    forward: Forward, network: Network
) -> None:
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, x-write-key",
    }
    answer = forward.fetch(ENDPOINT, asked, "OPTIONS")
    assert answer.status in (200, 204)
    assert answer.header("access-control-allow-origin") == "https://shop.example"
    assert answer.header("access-control-allow-credentials") == "true"
    allowed = (answer.header("access-control-allow-headers") or "").lower().replace(" ", "").split(",")
    assert {"content-type", "x-write-key"} <= set(allowed)
    assert "POST" in (answer.header("access-control-allow-methods") or "")
    assert left(network) == []


def test_a_held_request_gets_an_empty_answer_of_the_type_it_wants(forward: Forward, network: Network) -> None:
    pixel = forward.ask_as_page(PIXEL, "image")
    assert (pixel.status, (pixel.header("content-type") or "").partition("/")[0]) == (200, "image")
    frame = forward.ask_as_page("https://www.googletagmanager.com/ns.html?id=GTM-1", "iframe")
    assert (frame.status, (frame.header("content-type") or "").partition(";")[0]) == (200, "text/html")
    beacon = forward.ask_as_page(ENDPOINT, "empty", Origin="https://shop.example")
    assert beacon.status in (200, 204)
    assert left(network) == []


def test_a_page_may_fetch_from_a_held_vendor_without_an_error(
    forward: Forward, network: Network, browser: Browser
) -> None:
    with browser.visitor(forward.proxy.url) as visit:
        visit.open(SHOP)
        status = visit.page.evaluate(
            f"fetch('{ENDPOINT}', {{method: 'POST', credentials: 'include', body: '{{}}',"
            " headers: {'content-type': 'application/json'}}).then(r => r.status)"
        )
        assert visit.page.evaluate(f"navigator.sendBeacon('{ENDPOINT}', 'x')") is True
        visit.settle()
    assert status in (200, 204)
    assert left(network) == []


def test_what_a_page_asks_for_later_is_answered_on_the_wire(forward: Forward, network: Network) -> None:
    since = forward.proxy.mark()
    forward.visit("late")
    forward.ask_as_page(SCRIPT, "script", "late")
    said = forward.proxy.wait_for_verdict(lambda each: each.layer == "wire" and each.vendor == "segment", since)
    assert (said.outcome, said.verdict, said.type) == ("answered", "block", "script")
    assert said.page.startswith(SHOP.rstrip("/"))
    assert left(network) == []


def test_a_script_that_a_page_creates_later_does_not_leave(
    forward: Forward, network: Network, browser: Browser
) -> None:
    with browser.visitor(forward.proxy.url) as visit:
        visit.open(SHOP)
        visit.page.evaluate(
            f"for (const name of ['script', 'img', 'iframe']) {{ const it = document.createElement(name);"
            f" it.src = '{SCRIPT}'; document.body.append(it) }}"
        )
        visit.settle()
        assert visit.errors == []
    assert left(network) == []


def test_a_websocket_to_a_vendor_is_not_opened(forward: Forward, network: Network, browser: Browser) -> None:
    with browser.visitor(forward.proxy.url) as visit:
        visit.open(SHOP)
        ended = visit.page.evaluate(
            "new Promise(done => { const s = new WebSocket('wss://ws.hotjar.com/api/v2/client/ws');"
            " s.onopen = () => done('open'); s.onclose = () => done('closed') })"
        )
    assert ended == "closed"
    assert left(network) == []


@pytest.mark.parametrize("url", ["http://shop.example/", SHOP])
def test_one_connection_asks_for_as_much_as_it_likes_wherever_resolve_leads_it(forward: Forward, url: str) -> None:
    parts, address = urlsplit(url), urlsplit(forward.proxy.url)
    context = ssl.create_default_context(cafile=str(forward.authority))
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(address.hostname or "", address.port, timeout=TIMEOUT, context=context)
        connection.set_tunnel(parts.netloc, 443)
    with closing(connection):
        for _ in range(12):
            connection.request("GET", url if parts.scheme == "http" else "/", headers={"Host": parts.netloc})
            assert b"<title>shop" in connection.getresponse().read()


# --- what is not tracking passes ---------------------------------------------------------------------


def test_a_visitor_on_a_vendors_own_site_is_not_blocked(forward: Forward, network: Network, browser: Browser) -> None:
    home = Site()
    home.page("/", TRACKED)
    network.host("segment.com", home)
    with browser.visitor(forward.proxy.url) as visit:
        assert f'<script src="{SCRIPT}">' in visit.open("https://segment.com/").text()
        network.wait_for(SCRIPT)


def test_what_no_vendor_is_behind_passes_untouched(forward: Forward, network: Network) -> None:
    fonts = Site()
    fonts.page("/a.woff2", bytes(range(256)), "font/woff2", [("access-control-allow-origin", "*")])
    network.host("fonts.example", fonts)
    answer = forward.ask_as_page("https://fonts.example/a.woff2", "font")
    assert (answer.status, answer.body) == (200, bytes(range(256)))
    plain = forward.fetch("http://fonts.example/a.woff2")
    assert plain.body == bytes(range(256))


def test_events_of_a_site_stream_through_at_once(forward: Forward, shop: Site) -> None:
    seen = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"data: first\n\n"
        assert seen.wait(TIMEOUT)
        yield b"data: second\n\n"

    shop.route("/events", lambda request: Response(pieces(), [("content-type", "text/event-stream")]))
    with opened(SHOP + "events", proxy=forward.proxy.url, authority=forward.authority) as response:
        assert response.read1() == b"data: first\n\n"
        seen.set()
        assert response.read() == b"data: second\n\n"


def test_a_browser_is_spoken_to_in_http_2(forward: Forward, browser: Browser) -> None:
    with browser.visitor(forward.proxy.url) as visit:
        visit.open(SHOP)
        protocol = visit.page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
    assert protocol == "h2"


# --- consent is the visitor's, on the site where it was given ----------------------------------------


def test_consent_given_on_a_site_lets_that_sites_vendors_pass(forward: Forward, network: Network) -> None:
    assert without_guard(forward.visit("agreeing", GRANTED).body) == TRACKED
    forward.ask_as_page(SCRIPT, "script", "agreeing")
    assert [each.url for each in network.requests()] == [SCRIPT]


def test_consent_set_by_the_sites_answer_counts_from_then_on(forward: Forward, network: Network, shop: Site) -> None:
    shop.route(
        "/agree", lambda request: Response(b"", [("set-cookie", f"consentry={GRANTED}; Path=/; Max-Age=31536000")])
    )
    forward.visit("setting")
    forward.fetch(SHOP + "agree", {"User-Agent": "setting", "Sec-Fetch-Site": "same-origin", "Referer": SHOP})
    forward.ask_as_page(SCRIPT, "script", "setting")
    assert [each.url for each in network.requests()] == [SCRIPT]


def test_consent_that_is_withdrawn_counts_at_once(forward: Forward, network: Network) -> None:
    forward.visit("wavering", GRANTED)
    assert b"text/x-consentry" in forward.visit("wavering", DENIED).body
    forward.ask_as_page(SCRIPT, "script", "wavering")
    assert left(network) == []


def test_consent_of_one_visitor_is_not_anothers(forward: Forward, network: Network) -> None:
    forward.visit("first", GRANTED)
    forward.visit("second")
    forward.ask_as_page(SCRIPT, "script", "second")
    assert left(network) == []


def test_consent_on_one_site_is_not_consent_on_another(forward: Forward, network: Network) -> None:
    other = Site()
    other.page("/", TRACKED)
    network.host("other.example", other)
    forward.visit("travelling", None, "https://other.example/")
    forward.visit("travelling", GRANTED)
    forward.ask_as_page(SCRIPT, "script", "travelling", Referer="https://other.example/")
    assert left(network) == []


def test_a_page_that_was_loaded_before_the_proxy_came_is_not_lent_the_consent_of_another_site(
    forward: Forward, network: Network
) -> None:
    forward.visit("returning", GRANTED)
    forward.ask_as_page(SCRIPT, "script", "returning", Referer="https://open-since-yesterday.example/")
    assert left(network) == []


def test_a_script_that_names_no_page_is_judged_without_consent(forward: Forward, network: Network) -> None:
    answer = forward.ask_as_page(SCRIPT, "script", "nobody has seen this one", Referer="")
    assert answer.status == 200
    assert left(network) == []


# --- when something is wrong -------------------------------------------------------------------------


def test_a_host_that_cannot_be_reached_gives_a_readable_page(
    authority: Authority, confdir: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    options = ("--confdir", str(confdir), "--resolve", f"*:80:127.0.0.1:{port}")
    with Proxy("forward", *options, folder=tmp_path) as proxy:
        answer = fetch("http://gone.example/", {"Accept": "text/html"}, proxy=proxy.url)
        assert answer.status == 502
        assert (answer.header("content-type") or "").startswith("text/html")
        assert "cannot be reached" in answer.text
        assert "Traceback" not in answer.text + proxy.stderr
        assert proxy.interrupt() == 0
