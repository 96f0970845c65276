"""Every vendor with a case: silent until its category is granted, whole once it is, in both modes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from proxy_addon.catalogue.load import load
from proxy_addon.catalogue.match import Catalogue
from tests.kit.browser import Browser, Visit
from tests.kit.cases import CATEGORIES, Case, cases
from tests.kit.certificates import Authority
from tests.kit.globs import url_matches
from tests.kit.network import Network
from tests.kit.pages import without_guard
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.long]

CASES = cases()
_FRESH = itertools.count(1)


def fresh_host(case: Case, network: Network, site: Site) -> str:
    """A host that no visitor has been to yet, with the case's page on it."""
    host = f"{case.name}-{next(_FRESH)}.example"
    site.page("/", case.page)
    site.page("/favicon.ico", b"", "image/x-icon")
    network.host(host, site)
    return host


@dataclass(frozen=True)
class Mode:
    """The proxies of one mode, and where a browser finds the site through them."""

    forward: bool
    enforcing: Proxy
    observing: Proxy

    def address(self, proxy: Proxy, host: str) -> str:
        return f"https://{host}/" if self.forward else f"http://localhost:{proxy.port}/"

    def through(self, proxy: Proxy) -> str | None:
        return proxy.url if self.forward else None


@dataclass(frozen=True)
class Stage:
    """A case on its site, a mode to see it in, and the network that remembers what left."""

    case: Case
    mode: Mode
    network: Network
    browser: Browser
    catalogue: Catalogue
    site: Site
    host: str

    @property
    def url(self) -> str:
        return self.mode.address(self.mode.enforcing, self.host)

    def elsewhere(self) -> str:
        """The same page on a site where no visitor has been yet."""
        return self.mode.address(self.mode.enforcing, fresh_host(self.case, self.network, self.site))

    def reached(self) -> list[str]:
        """The requests that reached a vendor and should not have."""
        return [request.url for request in self.network.requests() if not self._allowed(request.url)]

    def unwanted(self) -> list[str]:
        """What reached a vendor and should not have, connections on which nothing was asked included."""
        allowed = [request for request in self.network.requests() if self._allowed(request.url)]
        # A browser may open a second connection to a host that it may talk to, and not use it.
        hosts, used = {request.host for request in allowed}, {request.connection for request in allowed}
        idle = [each for each in self.network.connections() if each not in used and each.name not in hosts]
        return [*self.reached(), *(f"a connection for {each.name}" for each in idle)]

    def traces(self, visit: Visit, url: str) -> list[str]:
        """The cookies and storage keys of vendors that are on the site."""
        cookies = [name for name in visit.cookies(url) if self.catalogue.match_cookie(name)]
        patterns = [each.key for each in self.catalogue.vendors[self.case.vendor].storage]
        keys = [key for key in visit.storage() if any(fnmatchcase(key, pattern) for pattern in patterns)]
        return sorted(cookies + keys)

    def tracked(self) -> set[str]:
        """The URLs, without their queries, by which the page reached a vendor."""
        urls = [request.url for request in self.network.requests()]
        matches = [(url, self.catalogue.match(url)) for url in urls]
        return {bare(url) for url, match in matches if match is not None and not match.exempt}

    def held(self) -> set[str]:
        """The URLs and rules that enforcing holds in the page's HTML."""
        proxy = self.mode.enforcing
        since = proxy.mark()
        with self.browser.visitor(self.mode.through(proxy)) as visit:
            visit.open(self.url)
        proxy.wait_for_verdict(lambda said: said.outcome == "held", since)
        return {f"{said.rule} {bare(said.url)}" for said in proxy.verdicts(since) if said.layer == "html"}

    def _allowed(self, url: str) -> bool:
        return any(url_matches(url, pattern) for pattern in self.case.allows)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


@pytest.fixture(scope="module")
def reverse(site: tuple[Site, Server], confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mode]:
    folder, url = tmp_path_factory.mktemp("reverse"), site[1].url
    with (
        Proxy(url, "--confdir", str(confdir), folder=folder) as enforcing,
        Proxy(url, "--mode", "observe", "--confdir", str(confdir), folder=folder) as observing,
    ):
        yield Mode(False, enforcing, observing)


@pytest.fixture(scope="module")
def forward(
    whole_network: Network, confdir: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mode]:
    folder = tmp_path_factory.mktemp("forward")
    options = [
        "--confdir",
        str(confdir),
        "--upstream-ca",
        str(authority.pem),
        "--resolve",
        f"*:443:127.0.0.1:{whole_network.secure.port}",
        "--resolve",
        f"*:80:127.0.0.1:{whole_network.plain.port}",
    ]
    with (
        Proxy("forward", *options, folder=folder) as enforcing,
        Proxy("forward", "--mode", "observe", *options, folder=folder) as observing,
    ):
        yield Mode(True, enforcing, observing)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest, network: Network) -> Case:
    case: Case = request.param
    network.serve(case.serves)
    return case


@pytest.fixture
def host(case: Case, network: Network, site: tuple[Site, Server]) -> str:
    return fresh_host(case, network, site[0])


@pytest.fixture(params=["reverse", "forward"])
def mode(request: pytest.FixtureRequest) -> Mode:
    mode: Mode = request.getfixturevalue(request.param)
    return mode


@pytest.fixture
def stage(mode: Mode, case: Case, host: str, request: pytest.FixtureRequest) -> Stage:
    network, browser, catalogue = map(request.getfixturevalue, ("network", "browser", "catalogue"))
    return Stage(case, mode, network, browser, catalogue, request.getfixturevalue("site")[0], host)


def bare(url: str) -> str:
    """A URL without its query, whose values the verdicts do not show."""
    return url.partition("?")[0]


def use(visit: Visit, url: str) -> bytes:
    """Load a page and do what can be done on it; returns the HTML as it reached the browser."""
    html = visit.open(url).body()
    visit.press_every_button()
    visit.settle()
    return html


def assert_tracked(network: Network, case: Case, visit: Visit, url: str) -> None:
    """The vendor ran: script, first event, cookies."""
    network.wait_for(case.loads)
    network.wait_for(case.event)
    visit.settle()
    names = visit.cookies(url)
    assert [wanted for wanted in case.cookies if not any(fnmatchcase(name, wanted) for name in names)] == []
    assert visit.errors == []


def test_without_consentry_the_vendor_tracks(case: Case, host: str, network: Network, browser: Browser) -> None:
    # The control: were this page silent by itself, the tests below would prove nothing.
    url = f"https://{host}/"
    with browser.visitor() as visit:
        assert use(visit, url) == case.page
        assert_tracked(network, case, visit, url)


def test_without_consent_the_vendor_is_silent(stage: Stage) -> None:
    proxy = stage.mode.enforcing
    since = proxy.mark()
    with stage.browser.visitor(stage.mode.through(proxy)) as visit:
        use(visit, stage.url)
        assert stage.unwanted() == []
        assert stage.traces(visit, stage.url) == []
        assert visit.errors == []
    proxy.wait_for_verdict(
        lambda said: (
            said.vendor == stage.case.vendor and said.verdict == "block" and said.outcome in ("held", "answered")
        ),
        since,
    )


def test_with_only_other_categories_granted_the_vendor_is_silent(stage: Stage) -> None:
    others = [category for category in CATEGORIES if category != stage.case.category]
    through = stage.mode.through(stage.mode.enforcing)
    with ExitStack() as stack:
        # One visitor each, on a site of its own, all at the same time: waiting for silence takes long.
        visits = {
            granted: (stack.enter_context(stage.browser.visitor(through)), stage.elsewhere())
            for granted in [*((category,) for category in others), tuple(others)]
        }
        for granted, (visit, url) in visits.items():
            visit.consent(url, granted)
            visit.open(url)
            visit.press_every_button()
        for granted, (visit, url) in visits.items():
            visit.settle()
            assert (granted, stage.traces(visit, url), visit.errors) == (granted, [], [])
        assert stage.unwanted() == []


def test_once_its_category_is_granted_the_next_load_is_the_original_page(stage: Stage) -> None:
    with stage.browser.visitor(stage.mode.through(stage.mode.enforcing)) as visit:
        visit.open(stage.url)
        assert stage.reached() == []
        visit.consent(stage.url, [stage.case.category])
        # The guard stays, so that a withdrawal counts at once; all else is the original.
        assert without_guard(use(visit, stage.url)) == stage.case.page
        assert_tracked(stage.network, stage.case, visit, stage.url)
        visit.consent(stage.url, CATEGORIES)
        assert without_guard(visit.open(stage.url).body()) == stage.case.page


def test_observing_blocks_nothing_and_reports_what_should_have_been(stage: Stage) -> None:
    proxy = stage.mode.observing
    url = stage.mode.address(proxy, stage.host)
    since = proxy.mark()
    with stage.browser.visitor(stage.mode.through(proxy)) as visit:
        assert use(visit, url) == stage.case.page
        assert_tracked(stage.network, stage.case, visit, url)
        proxy.wait_for_verdict(lambda said: said.vendor == stage.case.vendor and said.outcome == "violation", since)
        if stage.mode.forward:
            # Every request passes the proxy: it must know of each that arrived, and of no other.
            proxy.wait_until(lambda said: {bare(each.url) for each in said} == stage.tracked(), since)
    assert {said.outcome for said in proxy.verdicts(since)} == {"violation"}


@pytest.mark.parametrize("mode", ["reverse"], indirect=True)
def test_observing_finds_in_the_page_exactly_what_enforcing_holds(stage: Stage) -> None:
    proxy = stage.mode.observing
    held = stage.held()
    since = proxy.mark()
    with stage.browser.visitor() as visit:
        visit.open(stage.mode.address(proxy, stage.host))
    proxy.wait_until(lambda said: {f"{each.rule} {bare(each.url)}" for each in said} == held, since)
