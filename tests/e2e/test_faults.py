"""An error of our own, wherever it comes: closed for vendors, open for pages, and the proxy stays up."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.kit.breaks import Breaks
from tests.kit.certificates import Authority
from tests.kit.client import Answer, fetch
from tests.kit.network import Network
from tests.kit.proxy import Proxy
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

SHOP = "https://shop.example/"
PIXEL = "https://px.ads.linkedin.com/collect/?pid=1&fmt=gif"
BEACON = "https://api.segment.io/v1/t"
ANALYTICS = "consentry=v=1&functional=granted&analytics=granted&marketing=denied"
PAGE = b"<!doctype html><html><head><title>shop</title></head><body>open</body></html>"
ENGINE = "proxy_addon.engine:Engine."
METHODS = (
    *(ENGINE + name for name in ("visit_forward", "request", "cleaned", "prepare_request", "events", "response")),
    *(ENGINE + name for name in ("may_hide", "unjudged", "own")),
    "proxy_addon.rewrite.document:Document.feed",
    "proxy_addon.resolve:Resolver.resolve",
)
JUDGING = ("visit_forward", "request", "cleaned", "prepare_request", "may_hide")


class Forward(NamedTuple):
    """A running forward proxy, and a browser on the shop."""

    proxy: Proxy
    authority: Path

    def ask(self, url: str, destination: str, method: str = "GET", **more: str) -> Answer:
        fields = {"Sec-Fetch-Dest": destination, "Referer": SHOP, "User-Agent": "one", **more}
        return fetch(url, fields, method=method, proxy=self.proxy.url, authority=self.authority)


@pytest.fixture(scope="module")
def breaks(tmp_path_factory: pytest.TempPathFactory) -> Breaks:
    return Breaks(tmp_path_factory.mktemp("breaks") / "broken", *METHODS)


@pytest.fixture(scope="module")
def running(
    whole_network: Network,
    authority: Authority,
    confdir: Path,
    breaks: Breaks,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxy]:
    options = [
        *("--confdir", str(confdir), "--upstream-ca", str(authority.pem)),
        *("--resolve", f"*:443:127.0.0.1:{whole_network.secure.port}"),
    ]
    folder = tmp_path_factory.mktemp("work")
    with Proxy("forward", *options, folder=folder, environment=breaks.environment) as proxy:
        yield proxy


@pytest.fixture
def proxy(running: Proxy, network: Network) -> Proxy:
    shop = Site()
    shop.page("/", PAGE)
    shop.page("/part.json", b"{}", "application/json")
    network.host("shop.example", shop)
    return running


@pytest.fixture
def forward(proxy: Proxy, confdir: Path) -> Forward:
    return Forward(proxy, confdir / "mitmproxy-ca-cert.pem")


def vendors_asked(network: Network) -> list[str]:
    return [each.url for each in network.requests() if "shop.example" not in each.url]


def said(proxy: Proxy, what: str) -> int:
    """How many warnings say this."""
    return sum(line.get("event") == "warning" and what in line["what"] for line in proxy.lines)


@pytest.mark.parametrize("stage", JUDGING)
def test_a_vendors_request_that_cannot_be_judged_is_held_and_a_page_arrives(
    forward: Forward, network: Network, breaks: Breaks, stage: str
) -> None:
    with breaks.broken(f"Engine.{stage}"):
        held = forward.ask(PIXEL, "image")
        pages = [forward.ask(SHOP, "document") for _ in range(3)]
    assert (held.status, held.header("x-consentry")) == (200, "held; vendor=linkedin-insight-tag")
    assert vendors_asked(network) == []
    assert {(page.status, b"open" in page.body) for page in pages} == {(200, True)}
    forward.proxy.wait_for_warning("A request could not be judged", timeout=60)
    # It comes from one place all the while.
    assert said(forward.proxy, "could not be judged") == 1
    assert "Traceback" not in forward.proxy.stderr


def test_where_not_even_a_vendors_host_can_be_told_nothing_passes_and_says_so(
    forward: Forward, network: Network, breaks: Breaks
) -> None:
    with breaks.broken("Engine.request", "Engine.unjudged"):
        answers = forward.ask(PIXEL, "image"), forward.ask(SHOP, "document")
    assert [answer.status for answer in answers] == [502, 502]
    assert "This cannot be let through" in answers[1].text
    assert network.requests() == []
    assert forward.ask(SHOP, "document").status == 200


def test_what_is_ours_never_reaches_the_site(forward: Forward, network: Network, breaks: Breaks) -> None:
    with breaks.broken("Engine.own"):
        assert forward.ask(f"{SHOP}__consentry/report", "empty", "POST").status == 502
    with breaks.broken("Engine.request", "Engine.visit_forward"):
        assert forward.ask(f"{SHOP}__consentry/report", "empty", "POST").status == 502
    assert network.requests() == []


def test_events_that_cannot_be_judged_are_held(forward: Forward, network: Network, breaks: Breaks) -> None:
    assert forward.ask(SHOP, "document", Cookie=ANALYTICS).status == 200
    with breaks.broken("Engine.events"):
        answer = forward.ask(BEACON, "empty", "POST")
    assert answer.header("x-consentry") == "held; vendor=segment"
    assert vendors_asked(network) == []


def test_a_response_that_cannot_be_rewritten_passes_as_it_came(forward: Forward, breaks: Breaks) -> None:
    with breaks.broken("Engine.response"):
        assert (answer := forward.ask(SHOP, "document")).body == PAGE
    assert (answer.status, answer.header("content-type")) == (200, "text/html; charset=utf-8")
    assert b"data-consentry-runtime" in forward.ask(SHOP, "document").body


def test_a_page_that_fails_in_the_middle_does_not_end_as_if_it_were_whole(forward: Forward, breaks: Breaks) -> None:
    with breaks.broken("Document.feed"), pytest.raises((OSError, http.client.HTTPException)):
        forward.ask(SHOP, "document")
    assert b"data-consentry-runtime" in forward.ask(SHOP, "document").body
    forward.proxy.wait_for_warning("Document.feed is broken", timeout=60)
    assert "Traceback" not in forward.proxy.stderr


def test_no_connection_is_made_where_nothing_says_where_to(forward: Forward, network: Network, breaks: Breaks) -> None:
    with breaks.broken("Resolver.resolve"):
        # A host of its own, to which no connection is open yet.
        assert forward.ask("https://other.example/", "document").status == 502
    assert [each.name for each in network.connections()] == []
