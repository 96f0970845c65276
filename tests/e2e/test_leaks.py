"""With `--report-leaks` browsers tell what they ask others for: what slips through is seen.

Of ordinary pages nothing does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy_addon.demo.shop import PRODUCTS, Shop
from tests.kit.browser import Browser, Visit
from tests.kit.cases import cases
from tests.kit.network import Network
from tests.kit.proxy import Proxy, Verdict
from tests.kit.server import Server
from tests.kit.site import Site

from .matrix.ways import TRACKED, Way, build, read

pytestmark = pytest.mark.e2e

CASES = cases()
SHOP = ("/", "/basket", "/privacy", *(f"/pots/{slug}" for slug in PRODUCTS))
# A way of the matrix that passes whatever stands before it, in a frame of the page's own. (Of a window that is led
# elsewhere no page's policy says anything.)
PASSING = [way for way in read() if way.leaks and way.kind == "frames made by scripts"][:1]
LAST = f"https://cdn.{TRACKED}/last"
REPORT = """url => fetch('/__consentry/csp', {method: 'POST',
    body: JSON.stringify({'csp-report': {'blocked-uri': url, 'effective-directive': 'connect-src'}})})"""


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Site, Server]]:
    site = build(PASSING)
    for case in CASES:
        site.page(f"/{case.name}", case.page)
    site.page("/favicon.ico", b"", "image/x-icon")
    server = Server(site)
    yield site, server
    server.close()


@pytest.fixture(scope="module")
def proxy(
    request: pytest.FixtureRequest, site: tuple[Site, Server], confdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """Consentry in front of the pages of all vendors and of the sample shop."""
    folder = tmp_path_factory.mktemp("work")
    options = ("--report-leaks", request.param, "--confdir", str(confdir), *["--listen=127.0.0.1:0"] * 2)
    with Shop() as shop, Proxy(site[1].url, shop.url, *options, folder=folder) as proxy:
        yield proxy


def leaks(proxy: Proxy, visit: Visit, since: int) -> list[Verdict]:
    """The leaks that were recorded: all of which the browser has told by now."""
    # Reports are judged in the order in which they come, so the one that we send ourselves is the last.
    visit.page.evaluate(REPORT, LAST)
    proxy.wait_for_verdict(lambda said: said.url == LAST, since)
    return [said for said in proxy.verdicts(since) if said.outcome == "leak" and said.url != LAST]


@pytest.mark.parametrize("proxy", ["--no-worker"], indirect=True)
def test_of_the_vendors_own_pages_nothing_leaks_past_the_guard(
    browser: Browser, network: Network, proxy: Proxy
) -> None:
    network.serve([serve for case in CASES for serve in case.serves])
    since = proxy.mark()
    with browser.visitor() as visit:
        for case in CASES:
            visit.open(f"http://localhost:{proxy.port}/{case.name}")
            visit.press_every_button()
        visit.settle()
        assert leaks(proxy, visit, since) == []
    # They did try: of each something was held.
    held = {said.vendor for said in proxy.verdicts(since) if said.outcome == "held"}
    assert {case.vendor for case in CASES} - held == set()


@pytest.mark.parametrize("proxy", ["--worker"], indirect=True)
def test_of_the_sample_shop_nothing_leaks(browser: Browser, network: Network, proxy: Proxy) -> None:
    network.serve([serve for case in CASES for serve in case.serves])
    since = proxy.mark()
    shop = proxy.urls[1].rpartition(":")[2].rstrip("/")
    with browser.visitor() as visit:
        for path in SHOP:
            visit.open(f"http://localhost:{shop}{path}")
        visit.settle()
        assert leaks(proxy, visit, since) == []
    assert len({said.vendor for said in proxy.verdicts(since) if said.outcome == "held"}) > 5


@pytest.mark.parametrize("proxy", ["--worker"], indirect=True)
@pytest.mark.parametrize("way", PASSING, ids=lambda way: way.name)
def test_what_passes_the_guard_is_recorded_as_a_leak(
    browser: Browser, network: Network, proxy: Proxy, site: tuple[Site, Server], way: Way
) -> None:
    since = proxy.mark()
    site[0].page("/planted", b"<!doctype html><title>planted</title><link rel=icon href=data:,>")
    target = f"https://{way.host(TRACKED)}/way/{way.name}"
    harness = (Path(__file__).parent / "matrix" / "harness.js").read_text("utf-8")
    with browser.visitor() as visit:
        visit.open(f"http://localhost:{proxy.port}/planted")
        # Run as a script of the page's own is.
        visit.page.add_script_tag(content=f"{harness}\nfor (const url of [{json.dumps(target)}]) {{ {way.js}; }}")
        network.wait_for(target)
        (leak,) = leaks(proxy, visit, since)
    assert (leak.layer, leak.verdict, leak.vendor, leak.type) == ("csp-report", "block", "segment", "frame-src")
    assert leak.missing == ("analytics",)
    # Of a frame's address the browser tells the origin only.
    assert leak.url == f"https://{way.host(TRACKED)}"


@pytest.mark.parametrize("proxy", ["--no-worker"], indirect=True)
def test_a_request_by_a_function_from_before_the_guard_is_recorded_as_a_leak(
    browser: Browser, network: Network, proxy: Proxy, site: tuple[Site, Server]
) -> None:
    since = proxy.mark()
    site[0].page("/planted", b"<!doctype html><title>planted</title><link rel=icon href=data:,>")
    with browser.visitor() as visit:
        visit.page.add_init_script("window.before = window.fetch.bind(window)")
        visit.open(f"http://localhost:{proxy.port}/planted")
        visit.page.evaluate("url => before(url, {mode: 'no-cors'}).then(() => 0)", f"https://cdn.{TRACKED}/before")
        network.wait_for(f"https://cdn.{TRACKED}/before")
        (leak,) = leaks(proxy, visit, since)
    assert (leak.layer, leak.vendor, leak.type) == ("csp-report", "segment", "connect-src")
