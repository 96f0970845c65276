"""Every way for a page to make a request: which of them reach a vendor, and when.

Each way is taken twice, to a catalogued host and right after it to its twin, which nobody lists. Once the
twin's request has arrived the tracked one had its chance, so nothing here waits for time to pass; and that all
twins arrive shows that nothing else is held, and that the ways were really taken.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.kit import reverse
from tests.kit.browser import Browser, Visit
from tests.kit.network import Network
from tests.kit.proxy import Proxy
from tests.kit.server import Server

from .datagrams import Datagrams
from .profile import visitor
from .table import DOCS, table
from .ways import FREE, TRACKED, Way, build, read

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.matrix]

WAYS = read()
COUNTED = [way for way in WAYS if not way.absent]
# What passes and is told in the docs, with the icon that a window asks for which was led there.
EXPLAINED = {way.name for way in COUNTED if way.leaks} | {f"https://cdn.{TRACKED}/favicon.ico"}
PAGES = {
    path: [way for way in COUNTED if way.path == path]
    for path in ("/rules", "/markup", "/script", "/windows", "/calls")
}
TIMEOUT = 30.0
GRANT = "consentry.set({functional: true, analytics: true, marketing: true})"

folder = reverse.folder

Visitors = Callable[[], AbstractContextManager[Visit]]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Server]:
    server = Server(build(WAYS))
    yield server
    server.close()


@pytest.fixture(scope="module")
def site(upstream: Server, confdir: Path, folder: Path) -> Iterator[str]:
    """The site behind Consentry."""
    with Proxy(upstream.url, "--confdir", str(confdir), folder=folder) as proxy:
        yield f"http://localhost:{proxy.port}"


@pytest.fixture(scope="module")
def strict_site(upstream: Server, confdir: Path, folder: Path) -> Iterator[str]:
    """The site behind a strict Consentry."""
    with Proxy(upstream.url, "--strict", "--confdir", str(confdir), folder=folder) as proxy:
        yield f"http://localhost:{proxy.port}"


@pytest.fixture(scope="module")
def datagrams(whole_network: Network) -> Iterator[Datagrams]:
    datagrams = Datagrams(whole_network.secure.port)
    yield datagrams
    datagrams.close()


@pytest.fixture
def visitors(browser: Browser, network: Network, tmp_path_factory: pytest.TempPathFactory) -> Visitors:
    """Opens a new visitor with a regular profile."""
    return lambda: visitor(browser._chromium.browser_type, network, tmp_path_factory.mktemp("profile"))


class Arrivals:
    """What has arrived at the fake network, by way."""

    def __init__(self, network: Network, datagrams: Datagrams) -> None:
        datagrams.clear()
        self._network = network
        self._datagrams = datagrams

    def of(self, domain: str, *, preflights: bool = True) -> Counter[str]:
        """How often each way reached a host of the domain; what is no way goes by its URL or its host."""
        found: Counter[str] = Counter()
        used = set()
        for request in self._network.requests():
            if _within(request.host, domain) and (preflights or request.method != "OPTIONS"):
                found[request.path.removeprefix("/way/") if request.path.startswith("/way/") else request.url] += 1
                used.add(request.connection)
        hosts = {way.host(domain): way.name for way in COUNTED if way.by == "connection"}
        for connection in self._network.connections():
            name = connection.name or ""
            if _within(name, domain) and connection not in used and (name in hosts or not found):
                found[hosts.get(name, name)] += 1
        # A datagram does not say for whom it is; the second sender tells that both went.
        senders = self._datagrams.senders
        found.update(way.name for way in COUNTED if way.by == "datagram" and senders > (domain == TRACKED))
        return found

    def wait_for(self, ways: Iterable[Way], domain: str, visit: Visit) -> list[str]:
        """Wait until all these ways have reached a host of the domain; the names of those that did not."""
        wanted = {way.name for way in ways}
        deadline = time.monotonic() + TIMEOUT
        while (missing := wanted - self.of(domain).keys()) and time.monotonic() < deadline:
            visit.page.wait_for_timeout(20)
        return sorted(missing)


@pytest.fixture
def arrivals(network: Network, datagrams: Datagrams) -> Arrivals:
    return Arrivals(network, datagrams)


def take(visit: Visit, site: str, path: str, arrivals: Arrivals) -> list[str]:
    """Open a page and let it take its ways; the names of the twins that did not arrive."""
    visit.page.goto(site + path, wait_until="commit")
    visit.page.wait_for_selector("html[data-done]", state="attached", timeout=TIMEOUT * 1000)
    missing = arrivals.wait_for((way for way in PAGES[path] if way.when != "leave"), FREE, visit)
    if path in ("/markup", "/calls"):
        return missing
    # Within the site: for a page of another one Chromium would end the process of this, which may be too soon.
    visit.open(f"{site}/start")
    return missing + arrivals.wait_for((way for way in PAGES[path] if way.when == "leave"), FREE, visit)


def be_controlled(visit: Visit, site: str) -> None:
    """See a first page, after which the worker is in charge of the next."""
    visit.open(f"{site}/start")
    visit.page.wait_for_function("navigator.serviceWorker.getRegistration().then(r => r && r.active)", timeout=15_000)


def test_every_way_makes_its_request_when_all_is_granted(site: str, visitors: Visitors, arrivals: Arrivals) -> None:
    with visitors() as visit:
        visit.consent(site, ("functional", "analytics", "marketing"))
        missing = [name for path in PAGES for name in take(visit, site, path, arrivals)]
        missing += arrivals.wait_for(COUNTED, TRACKED, visit)
    assert not missing, f"did not arrive: {', '.join(missing)}"


def test_a_first_load_lets_through_only_what_is_explained(site: str, visitors: Visitors, arrivals: Arrivals) -> None:
    missing = []
    for path in PAGES:
        with visitors() as visit:
            missing += take(visit, site, path, arrivals)
    _check(arrivals.of(TRACKED).keys() - {way.name for way in COUNTED if way.first} - EXPLAINED, missing)


def test_nothing_leaves_once_the_worker_is_in_charge(site: str, visitors: Visitors, arrivals: Arrivals) -> None:
    with visitors() as visit:
        be_controlled(visit, site)
        missing = [name for path in PAGES for name in take(visit, site, path, arrivals)]
    _check(arrivals.of(TRACKED).keys() - EXPLAINED, missing)


def test_nothing_leaves_on_a_strict_first_load(strict_site: str, visitors: Visitors, arrivals: Arrivals) -> None:
    missing = []
    for path in PAGES:
        with visitors() as visit:
            missing += take(visit, strict_site, path, arrivals)
    _check(arrivals.of(TRACKED).keys() - EXPLAINED, missing)


def test_once_consent_is_given_the_markup_starts_without_a_reload_each_way_once(
    site: str, visitors: Visitors, arrivals: Arrivals
) -> None:
    with visitors() as visit:
        be_controlled(visit, site)
        assert take(visit, site, "/markup", arrivals) == []
        visit.page.evaluate("window.stayed = true")
        visit.page.evaluate(GRANT)
        missing = arrivals.wait_for((way for way in PAGES["/markup"] if not way.after), TRACKED, visit)
        # Whatever else was released has left before this.
        visit.page.evaluate(f"new Promise(done => setTimeout(() => done(fetch('https://cdn.{FREE}/last'))))")
        assert visit.page.evaluate("window.stayed")
    assert not missing, f"not started: {', '.join(missing)}"
    times, usual = arrivals.of(TRACKED, preflights=False), arrivals.of(FREE, preflights=False)
    # An address in a custom property is asked for anew whenever its style is worked out.
    again = {name: count for name, count in times.items() if count > usual[name] and name != "style-variable"}
    assert again == {}


def test_the_table_of_the_ways_is_up_to_date(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--write-docs", default=False):
        DOCS.parent.mkdir(exist_ok=True)
        DOCS.write_text(table(WAYS), "utf-8")
    assert DOCS.read_text("utf-8") == table(WAYS), "write it anew: pytest tests/e2e/matrix --write-docs"


def _check(leaked: Iterable[str], missing: Iterable[str]) -> None:
    assert not leaked, f"reached the vendor: {', '.join(sorted(leaked))}; and of the twins did not arrive: {missing}"
    assert not missing, f"twins that did not arrive: {', '.join(missing)}"


def _within(host: str, domain: str) -> bool:
    return f".{host.partition(':')[0].rstrip('.')}".endswith(f".{domain}")
