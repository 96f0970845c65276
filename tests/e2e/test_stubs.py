"""A page's own calls of vendors that are held: none throws, none leaves, and all are there when the script comes.

Each file of `stubs/` is one vendor, written from its public documentation: the `script` that pages embed, the `calls`
they make, how the vendor's script `replays` what was called before it came, and the `queue` that it finds then. Several
vendors share a page, as they do on the web.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from proxy_addon.catalogue.load import load
from tests.kit.browser import Browser, Visit
from tests.kit.cases import CATEGORIES, Serve
from tests.kit.certificates import Authority
from tests.kit.network import Network
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

_PAGES = 5
# What every page has before its vendors: the list of what threw, and what the vendors' scripts took over.
_HEAD = "window.threw = []; window.taken = {};"
# The scripts come one after another, and some stubs hand over only a moment after theirs.
_ALL_TAKEN = """wanted => Object.keys(wanted).every((vendor) =>
  JSON.stringify(window.taken[vendor]) == JSON.stringify(wanted[vendor]))"""
_PATIENCE = 10_000
# What stands in for a vendor's script: it records each call that it finds.
_SCRIPT = """((vendor) => {{
  const taken = window.taken[vendor] = window.taken[vendor] || [];
  const took = (call) => {{ taken.push([...call]); }};
  const recorder = new Proxy({{}}, {{
    get: (_, name) => typeof name == 'symbol' || name == 'then' ? undefined : (...call) => took([name, ...call]),
  }});
  {replays}
}})({vendor});"""


@dataclass(frozen=True, slots=True)
class Stubbed:
    """A vendor, its script, a page's calls, how the script replays them, and what it must find."""

    vendor: str
    script: str
    attributes: str
    calls: str
    replays: str
    queue: Sequence[Sequence[object]]

    @property
    def markup(self) -> str:
        """The vendor's tag, and after it the page's calls in a script of their own."""
        source = self.script.replace("&", "&amp;")
        return (
            f'<script async src="{source}" {self.attributes}></script>\n'
            f"<script>try {{ {self.calls} }} catch (error) {{ threw.push('{self.vendor}: ' + error); }}</script>\n"
        )

    @property
    def serve(self) -> Serve:
        """The vendor's script, as the fake network answers it."""
        body = _SCRIPT.format(replays=self.replays, vendor=json.dumps(self.vendor))
        return Serve(self.script, "text/javascript", text=body)


def _stubbed(path: Path) -> Stubbed:
    plain = yaml.safe_load(path.read_text("utf-8"))
    return Stubbed(
        plain["vendor"],
        plain["script"],
        plain.get("attributes", ""),
        plain["calls"],
        plain["replays"],
        plain["queue"],
    )


STUBBED = [_stubbed(path) for path in sorted((Path(__file__).parent / "stubs").glob("*.yaml"))]
PAGES = {f"page-{page + 1}": STUBBED[page::_PAGES] for page in range(_PAGES)}


@pytest.fixture(scope="module")
def forward(
    whole_network: Network, confdir: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    options = ["--confdir", str(confdir), "--upstream-ca", str(authority.pem)]
    for port, server in ((443, whole_network.secure), (80, whole_network.plain)):
        options += ["--resolve", f"*:{port}:127.0.0.1:{server.port}"]
    with Proxy("forward", *options, folder=tmp_path_factory.mktemp("forward")) as proxy:
        yield proxy


def page(vendors: Sequence[Stubbed]) -> bytes:
    """The page on which these vendors are."""
    tags = "".join(each.markup for each in vendors)
    return f"<!doctype html><meta charset=utf-8><title>stubs</title><script>{_HEAD}</script>\n<body>{tags}".encode()


def check(visit: Visit, url: str, vendors: Sequence[Stubbed], network: Network) -> None:
    """Nothing throws and nothing leaves while all is held; with consent, each script finds its calls."""
    visit.open(url)
    visit.settle()
    assert visit.page.evaluate("threw") == []
    assert visit.errors == []
    assert [request.url for request in network.requests()] == []
    visit.page.evaluate("granted => consentry.set(granted)", dict.fromkeys(CATEGORIES, True))
    wanted = {each.vendor: [list(call) for call in each.queue] for each in vendors}
    with suppress(PlaywrightTimeout):
        visit.page.wait_for_function(_ALL_TAKEN, arg=wanted, timeout=_PATIENCE)
    assert visit.page.evaluate("taken") == wanted
    assert visit.errors == []


def test_at_least_forty_vendors_with_a_stub_are_tried() -> None:
    names = [each.vendor for each in STUBBED]
    assert len(set(names)) == len(names) >= 40
    catalogue = load()
    assert [name for name in names if not catalogue.vendors[name].stub] == []


@pytest.mark.parametrize("name", PAGES)
def test_calls_wait_for_consent_through_a_reverse_proxy(
    name: str, site: tuple[Site, Server], proxy: Proxy, browser: Browser, network: Network
) -> None:
    vendors = PAGES[name]
    network.serve([each.serve for each in vendors])
    site[0].page("/stubs", page(vendors), "text/html")
    with browser.visitor() as visit:
        check(visit, f"{proxy.url}/stubs", vendors, network)


@pytest.mark.parametrize("name", PAGES)
def test_calls_wait_for_consent_through_a_forward_proxy(
    name: str, site: tuple[Site, Server], forward: Proxy, browser: Browser, network: Network
) -> None:
    vendors, host = PAGES[name], f"{name}.stubs.example"
    network.serve([each.serve for each in vendors])
    site[0].page("/stubs", page(vendors), "text/html")
    network.host(host, site[0])
    with browser.visitor(forward.url) as visit:
        check(visit, f"https://{host}/stubs", vendors, network)


def test_without_a_stub_the_same_calls_throw(browser: Browser, network: Network, site: tuple[Site, Server]) -> None:
    # The control: were these calls harmless by themselves, the tests above would prove nothing.
    site[0].page("/stubs", page(STUBBED), "text/html")
    network.host("control.stubs.example", site[0])
    with browser.visitor() as visit:
        visit.context.route("**/*", lambda route: route.continue_() if "stubs" in route.request.url else route.abort())
        visit.open("https://control.stubs.example/stubs")
        threw = {said.partition(":")[0] for said in visit.page.evaluate("threw")}
    assert threw == {each.vendor for each in STUBBED}
