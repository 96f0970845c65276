"""Vendors under names of the site's own: by where the name leads, and by what is sent."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.kit.certificates import Authority
from tests.kit.client import Answer, fetch
from tests.kit.dns import NameServer
from tests.kit.messages import Response
from tests.kit.network import Network
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

SHOP = "http://shop.example/"
CHAINS = {
    "metrics.shop.example": ("shop.example.api.mixpanel.com",),
    "static.shop.example": ("shop.cdn.example",),
}


class Disguised(NamedTuple):
    proxy: Proxy
    names: NameServer

    def ask(self, url: str, kind: str = "script", agent: str = "one", page: str = SHOP) -> Answer:
        headers = {"Sec-Fetch-Dest": kind, "Referer": page, "User-Agent": agent}
        return fetch(url, headers, proxy=self.proxy.url)

    def visit(self, agent: str, cookie: str = "") -> None:
        headers = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "User-Agent": agent}
        fetch(SHOP, headers | ({"Cookie": cookie} if cookie else {}), proxy=self.proxy.url)


@pytest.fixture(scope="module")
def running(
    whole_network: Network, authority: Authority, confdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Disguised]:
    work = tmp_path_factory.mktemp("work")
    state = {"XDG_STATE_HOME": str(work / "state"), "XDG_CONFIG_HOME": str(work / "config")}
    names = NameServer(CHAINS)
    # The site itself is led to the fake network; its other names are looked up.
    options = ["--confdir", str(confdir), "--resolve", f"shop.example:80:127.0.0.1:{whole_network.plain.port}"]
    with Proxy("filter", *options, "--dns", names.address, folder=work, environment=state) as proxy:
        yield Disguised(proxy, names)
    names.close()


@pytest.fixture
def disguised(running: Disguised, network: Network) -> Disguised:
    site = Site()
    site.page("/", b"<!doctype html>A page")
    network.host("shop.example", site)
    return running


def test_a_vendor_under_a_name_of_the_sites_own_is_held_as_itself(disguised: Disguised) -> None:
    disguised.visit("one")
    mark = disguised.proxy.mark()
    answer = disguised.ask("http://metrics.shop.example/lib.js")
    assert answer.header("x-consentry") == "held; vendor=mixpanel"
    verdict = disguised.proxy.wait_for_verdict(lambda each: each.outcome == "answered", mark)
    assert verdict.vendor == "mixpanel"
    assert verdict.reason.endswith("; metrics.shop.example is another name of shop.example.api.mixpanel.com")
    assert verdict.url == "http://metrics.shop.example/lib.js"


def test_its_name_is_looked_up_once(disguised: Disguised) -> None:
    for _ in range(3):
        disguised.ask("http://metrics.shop.example/lib.js")
    assert disguised.names.asked.count("metrics.shop.example") == 1


def test_with_consent_it_is_let_through(disguised: Disguised) -> None:
    disguised.visit("two", "consentry=v=1&analytics=granted")
    mark = disguised.proxy.mark()
    # Nothing listens where the name leads: what matters is that it was tried.
    assert disguised.ask("http://metrics.shop.example:1/lib.js", agent="two").status == 502
    assert disguised.proxy.wait_for_verdict(lambda each: each.vendor == "mixpanel", mark).outcome == "passed"


def test_a_name_that_leads_to_nobody_known_passes(disguised: Disguised) -> None:
    disguised.visit("three")
    mark = disguised.proxy.mark()
    assert disguised.ask("http://static.shop.example:1/lib.js", agent="three").status == 502
    assert not [each for each in disguised.proxy.verdicts(mark) if each.vendor]


@pytest.mark.parametrize(
    ("url", "kind", "page"),
    [
        ("http://metrics.shop.example:1/", "document", SHOP),
        ("http://metrics.shop.example:1/app.js", "script", "http://metrics.shop.example/"),
    ],
    ids=["a page", "what a page has from its own host"],
)
def test_what_is_the_site_itself_is_not_laid_to_who_hosts_it(
    disguised: Disguised, url: str, kind: str, page: str
) -> None:
    assert disguised.ask(url, kind, "four", page).status == 502


# What is sent to an address of the site's own

EVENT = "/api/event"
# An address whose end is no rule's.
HELLO = "/api/hello"
PLAUSIBLE = b'{"n":"pageview","u":"https://shop.example/","d":"shop.example"}'
PARTY = b'{"n":"Summer party","place":"garden"}'


class Posting(NamedTuple):
    """A site that takes events, and Consentry in front of it or before the browser."""

    proxy: Proxy
    site: Site
    base: str
    through: str | None

    def post(self, body: bytes | Iterable[bytes], agent: str, path: str = EVENT, **fields: str) -> Answer:
        headers = {"Sec-Fetch-Dest": "empty", "Content-Type": "text/plain", "Referer": self.base + "/", **fields}
        headers |= {"User-Agent": agent, "Origin": self.base}
        return fetch(self.base + path, headers, method="POST", body=body, proxy=self.through)

    def got(self, path: str = EVENT) -> list[bytes]:
        return [request.body for request in self.site.requests(path)]


@pytest.fixture(params=["forward", "reverse"])
def posting(
    request: pytest.FixtureRequest, disguised: Disguised, network: Network, confdir: Path, tmp_path: Path
) -> Iterator[Posting]:
    site = Site()
    site.page("/", b"<!doctype html>A page")
    for path in (EVENT, "/m/p.php", HELLO):
        site.route(path, lambda _: Response(b"ok", [("content-type", "text/plain")], 202))
    if request.param == "forward":
        network.host("shop.example", site)
        yield Posting(disguised.proxy, site, SHOP.rstrip("/"), disguised.proxy.url)
        return
    server = Server(site)
    with Proxy(server.url, "--confdir", str(confdir), folder=tmp_path) as proxy:
        yield Posting(proxy, site, proxy.url.rstrip("/"), None)
    server.close()


def test_what_is_a_vendors_by_its_body_is_held(posting: Posting) -> None:
    mark = posting.proxy.mark()
    assert posting.post(PLAUSIBLE, "five").header("x-consentry") == "held; vendor=plausible"
    verdict = posting.proxy.wait_for_verdict(lambda each: each.outcome == "answered", mark)
    assert (verdict.vendor, verdict.rule, verdict.layer) == ("plausible", "hidden-event", "wire")
    assert posting.got() == []


def test_what_is_packed_is_looked_into(posting: Posting) -> None:
    packed = gzip.compress(PLAUSIBLE)
    assert posting.post(packed, "six", **{"Content-Encoding": "gzip"}).header("x-consentry") is not None
    assert posting.got() == []


def test_what_is_the_sites_own_arrives_as_it_was_sent(posting: Posting) -> None:
    assert posting.post(PARTY, "seven").status == 202
    assert posting.got() == [PARTY]


def test_a_short_body_is_looked_into_whatever_the_address_is(posting: Posting) -> None:
    body = PLAUSIBLE[:-1] + b',"r":null}'
    assert posting.post(body, "hello", HELLO).header("x-consentry") == "held; vendor=plausible"
    assert posting.post(PARTY, "hello", HELLO).status == 202
    assert posting.got(HELLO) == [PARTY]


def test_a_body_that_does_not_say_its_length_is_looked_into(posting: Posting) -> None:
    pieces = [PLAUSIBLE[:20], PLAUSIBLE[20:]]
    assert posting.post(pieces, "chunked").header("x-consentry") == "held; vendor=plausible"
    assert posting.got() == []
    assert posting.post([PARTY[:5], PARTY[5:]], "chunked").status == 202
    assert posting.got() == [PARTY]


def test_one_that_grows_longer_than_anything_is_looked_into_passes(posting: Posting) -> None:
    piece = b" " * 65_536
    assert posting.post([PARTY, *[piece] * 140], "long").status == 202
    assert [request.length for request in posting.site.requests(EVENT)] == [len(PARTY) + 140 * len(piece)]


def test_a_body_in_a_coding_that_nobody_reads_is_held_where_it_may_be_a_vendors(posting: Posting) -> None:
    mark = posting.proxy.mark()
    coded = {"Content-Encoding": "x-own"}
    assert posting.post(PLAUSIBLE, "coded", **coded).header("x-consentry") == "held; vendor=plausible"
    verdict = posting.proxy.wait_for_verdict(lambda each: each.outcome == "answered", mark)
    assert verdict.reason.endswith("its body is in a coding that cannot be read (x-own), and may be plausible's")
    assert posting.post(PARTY, "coded", HELLO, **coded).status == 202
    assert posting.post(PLAUSIBLE, "agreed", Cookie="consentry=v=1&analytics=granted", **coded).status == 202


def test_with_consent_it_arrives(posting: Posting) -> None:
    cookie = "consentry=v=1&analytics=granted"
    assert posting.post(PLAUSIBLE, "eight", Cookie=cookie).status == 202
    assert posting.got() == [PLAUSIBLE]


def test_what_is_a_vendors_by_its_query_is_held(posting: Posting) -> None:
    hit = "/m/p.php?idsite=1&rec=1&r=123456&_id=0123456789abcdef"
    assert posting.post(b"", "nine", hit).header("x-consentry") == "held; vendor=matomo"
    assert posting.post(b"", "nine", "/m/p.php?idsite=1&rec=1").status == 202
