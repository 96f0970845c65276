"""What a router connects and sends, through the real proxy in both modes, as a plain client sees it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.certificates import Authority
from tests.kit.client import Answer, fetch
from tests.kit.messages import Request, Response
from tests.kit.network import Network
from tests.kit.pages import without_guard
from tests.kit.proxy import Proxy
from tests.rewrite.routers import RELAY

pytestmark = pytest.mark.e2e

SHOP = "https://shop.example/"
SETTINGS, LISTING = "https://cdn.relay.test/sources/K1/settings", "https://cdn.relay.test/sources/K1/list"
EVENT = "https://api.relay.test/v1/t"
ANALYTICS = "consentry=v=1&functional=denied&analytics=granted&marketing=denied"
ALL = "consentry=v=1&functional=granted&analytics=granted&marketing=granted"
SAYS = b'{"integrations":{"Relay":{"apiKey":"K1"},"Ads":{"n":1.0},"Tally":{"n":1e400}}}'
SENT = b'{"writeKey":"K1","type":"track","event":"Order Completed","userId":"jane","properties":{"n":1.0}}'
PAGE = b"<!doctype html><script src=https://cdn.relay.test/js/K1/relay.js></script>"


def options(network: Network, authority: Authority, confdir: Path) -> list[str]:
    return [
        *("--rules", str(RELAY), "--confdir", str(confdir), "--upstream-ca", str(authority.pem)),
        *("--resolve", f"*:443:127.0.0.1:{network.secure.port}"),
    ]


@pytest.fixture
def relay(network: Network) -> list[Request]:
    """The router's CDN, which answers in gzip and with validators, and the shop; the requests for the CDN."""
    asked: list[Request] = []

    def cdn(request: Request) -> Response:
        asked.append(request)
        if request.header("if-none-match"):
            return Response(status=304)
        if request.path.endswith("/settings"):
            fields = [("content-type", "application/json"), ("content-encoding", "gzip"), ("etag", '"1"')]
            return Response(gzip.compress(SAYS), fields)
        return Response(status=404)

    network.host("cdn.relay.test", cdn)
    network.host("shop.example", lambda _: Response(PAGE, [("content-type", "text/html")]))
    return asked


@pytest.fixture(scope="module")
def forward(
    whole_network: Network, authority: Authority, confdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("work")
    with Proxy("forward", *options(whole_network, authority, confdir), folder=folder) as proxy:
        yield proxy


class Browser:
    """A visitor of the shop behind the forward proxy."""

    def __init__(self, proxy: Proxy, authority: Path, agent: str, consent: str) -> None:
        self._proxy, self._authority = proxy, authority
        self._fields = {"User-Agent": agent, "Referer": SHOP, "Origin": SHOP[:-1]}
        self._ask(SHOP, {"User-Agent": agent, "Sec-Fetch-Dest": "document", "Cookie": consent})

    def get(self, url: str, **fields: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        return self._ask(url, {**self._fields, "Accept-Encoding": "gzip", **named})

    def post(self, body: bytes, url: str = EVENT, **fields: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        return self._ask(url, {**self._fields, "Content-Type": "text/plain", **named}, "POST", body)

    def options(self, url: str = EVENT) -> Answer:
        return self._ask(url, {**self._fields, "Access-Control-Request-Method": "POST"}, "OPTIONS")

    def _ask(self, url: str, fields: dict[str, str], method: str = "GET", body: bytes | None = None) -> Answer:
        return fetch(url, fields, method=method, body=body, proxy=self._proxy.url, authority=self._authority)


@pytest.fixture
def visitor(forward: Proxy, confdir: Path, relay: list[Request], request: pytest.FixtureRequest) -> Browser:
    """One who has granted analytics, and only that."""
    assert relay == []
    return Browser(forward, confdir / "mitmproxy-ca-cert.pem", request.node.name, ANALYTICS)


def arrived(network: Network) -> dict[str, Any]:
    """The event that the router's server got."""
    request = network.wait_for(EVENT)
    assert request.header("content-length") == str(request.length)
    body = request.body
    plain: dict[str, Any] = json.loads(gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)
    return plain


def test_forward_settings_arrive_without_what_is_refused(visitor: Browser, relay: list[Request]) -> None:
    answer = visitor.get(SETTINGS, If_None_Match='"1"')
    assert answer.body == b'{"integrations":{"Relay":{"apiKey":"K1"},"Tally":{"n":1e400}}}'
    assert answer.header("content-encoding") is None
    assert answer.header("cache-control") == "private, no-cache"
    assert relay[0].header("if-none-match") == ""


def test_forward_events_leave_with_what_is_refused_switched_off(
    visitor: Browser, network: Network, forward: Proxy
) -> None:
    since = forward.mark()
    visitor.get(SETTINGS)
    visitor.post(SENT)
    event = arrived(network)
    assert event["integrations"] == {"Tally": True, "All": False, "Ads": False, "Ads (Actions)": False}
    assert event["context"]["consent"]["preferences"] == {"functional": False, "analytics": True, "marketing": False}
    assert network.wait_for(EVENT).body.startswith(SENT[:-1])
    row = forward.wait_for_verdict(lambda each: each.type == "event", since)
    assert (
        row.reason
        == "track 'Order Completed' → kept: Tally; switched off: Ads (marketing is denied (cookie consentry))"
    )
    assert row.outcome == "filtered"


def test_forward_a_gzipped_event_leaves_gzipped(visitor: Browser, network: Network) -> None:
    visitor.post(gzip.compress(SENT), Content_Encoding="gzip")
    assert arrived(network)["integrations"]["All"] is False
    assert network.wait_for(EVENT).header("content-encoding") == "gzip"


@pytest.mark.parametrize("body", [b"data=e30", SENT[:-9], b""])
def test_forward_what_is_not_understood_never_leaves(visitor: Browser, network: Network, body: bytes) -> None:
    answer = visitor.post(body)
    assert (answer.status, answer.header("x-consentry")) == (204, "held; vendor=relay")
    assert answer.header("access-control-allow-origin") == SHOP[:-1]
    assert network.requests() == []


def test_forward_a_preflight_passes(visitor: Browser, network: Network) -> None:
    visitor.options()
    assert network.wait_for(EVENT).method == "OPTIONS"


def test_forward_with_everything_granted_settings_pass_letter_for_letter(
    forward: Proxy, confdir: Path, relay: list[Request]
) -> None:
    visitor = Browser(forward, confdir / "mitmproxy-ca-cert.pem", "everything", ALL)
    answer = visitor.get(SETTINGS)
    assert (gzip.decompress(answer.body), answer.header("content-encoding")) == (SAYS, "gzip")
    assert relay


def in_front(network: Network, authority: Authority, confdir: Path, folder: Path, *more: str) -> Proxy:
    return Proxy("https://shop.example", *options(network, authority, confdir), *more, folder=folder)


def test_reverse_a_source_is_asked_for_once_and_the_strict_policy_knows_its_needs(
    network: Network, authority: Authority, confdir: Path, tmp_path: Path, relay: list[Request]
) -> None:
    with in_front(network, authority, confdir, tmp_path, "--router-policy", "strict") as proxy:

        def page() -> bytes:
            fields = {"Sec-Fetch-Dest": "document", "Cookie": ALL.replace("functional=granted", "functional=denied")}
            return without_guard(fetch(proxy.url, fields).body)

        # Nothing is known yet, so that every category is needed.
        assert b"text/x-consentry" in page()
        for _ in range(200):
            if page() == PAGE:
                break
        assert page() == PAGE
        assert sorted(request.path for request in relay) == ["/sources/K1/list", "/sources/K1/settings"]
        assert [request.header("cookie") for request in relay] == ["", ""]


def test_reverse_nobody_is_asked_where_that_is_forbidden(
    network: Network, authority: Authority, confdir: Path, tmp_path: Path, relay: list[Request]
) -> None:
    with in_front(network, authority, confdir, tmp_path, "--no-ask-routers") as proxy:
        for _ in range(3):
            fetch(proxy.url, {"Sec-Fetch-Dest": "document"})
    assert relay == []


def test_reverse_events_to_the_site_itself_are_filtered_by_their_shape(
    network: Network, authority: Authority, confdir: Path, tmp_path: Path
) -> None:
    got: list[Request] = []

    def shop(request: Request) -> Response:
        got.append(request)
        return Response(b"{}", [("content-type", "application/json")])

    network.host("shop.example", shop)
    with in_front(network, authority, confdir, tmp_path) as proxy:
        url = f"{proxy.url.rstrip('/')}/proxy/t"
        for body in (SENT, b'{"color":"red"}'):
            fetch(url, {"Cookie": ANALYTICS, "Content-Type": "text/plain"}, method="POST", body=body)
        held = fetch(url, {"Content-Type": "text/plain"}, method="POST", body=SENT)
    assert json.loads(got[0].body)["integrations"]["All"] is False
    assert got[1].body == b'{"color":"red"}'
    assert (held.status, len(got)) == (204, 2)
