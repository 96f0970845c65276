"""What Consentry costs in the page, and what holding saves, in a real Chromium.

Each load is a visitor's first: nothing is in the browser's caches. With and without take turns.
"""

from __future__ import annotations

import re
import statistics
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape, unescape
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from proxy_addon.browser.assets import BASE
from proxy_addon.catalogue.model import Vendor
from tests.kit.browser import Browser, Visit, executable
from tests.kit.certificates import Authority
from tests.kit.messages import Request, Response
from tests.kit.network import Network
from tests.kit.server import Server
from tests.kit.site import Site

from .load import headers
from .processes import CONSENTRY, BenchError, proxies

ELEMENTS = 2_000
TAGS = 20
# Seconds that a vendor takes to answer.
LATENCY = 0.03
# Of one vendor a page has no more scripts by their addresses than this.
_MOST_OF_ONE = 2
_GUARD = re.compile(r'<script src="([^"]+)" data-consentry-runtime data-consentry-state="([^"]+)"[^>]*></script>')
_EVALUATE = """([code, state]) => {
    const script = document.createElement('script');
    script.setAttribute('data-consentry-state', state);
    script.text = code;
    document.head.append(script);
}"""
_READY = "() => { const [page] = performance.getEntriesByType('navigation'); return %s; }"
# From the page's first byte on: how fast the proxy is, is measured elsewhere.
_CONTENT = _READY % "page.domContentLoadedEventEnd - page.responseStart"
_LOADED = _READY % "page.loadEventEnd - page.startTime"
# What Chromium counts of a page's main thread, in processor time, which other programs do not lengthen.
_BUSY, _SCRIPT = "TaskDuration", "ScriptDuration"


@dataclass(slots=True)
class PageCost:
    """Seconds, a value for each round.

    `guard` is the processor time of the guard itself. `ready` is until DOMContentLoaded, `busy` what the main thread
    works until the page has loaded, and `load` until the load event has ended.
    """

    asked: int = 0
    guard: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    ready_without: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    busy_without: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    load_without: list[float] = field(default_factory=list)

    @property
    def ready_ratio(self) -> float:
        """How many times as long DOMContentLoaded takes with the guard: the median of the rounds' own ratios."""
        return _ratio(self.ready, self.ready_without)

    @property
    def busy_ratio(self) -> float:
        """How many times as long the main thread works with the guard: the median of the rounds' own ratios."""
        return _ratio(self.busy, self.busy_without)

    @property
    def load_ratio(self) -> float:
        """How many times as long the load event takes with all tags held: the median of the rounds' own ratios."""
        return _ratio(self.load, self.load_without)


@contextmanager
def chromium(folder: Path) -> Iterator[tuple[Browser, Network]]:
    """A Chromium, and the network that all names but this machine's lead it to. Raises BenchError without one."""
    try:
        executable()
    except BaseException as error:  # The kit fails as a test does, which is no Exception.
        raise BenchError(str(error)) from None
    network = Network(Authority(folder))
    with sync_playwright() as playwright:
        browser = Browser(playwright, network)
        try:
            yield browser, network
        finally:
            browser.close()
            network.close()


def measure(browser: Browser, network: Network, vendors: Sequence[Vendor], folder: Path, rounds: int) -> PageCost:
    """Load the pages, round after round. Raises BenchError if a page does not do what it is measured for."""
    site = Site()
    site.page("/plain", plain_page())
    site.page("/tags", tagged_page(vendors))
    site.page("/empty", b"<!doctype html><title>empty</title><link rel=icon href=data:,>")
    server = Server(site)
    found = PageCost()
    network.latency = LATENCY
    try:
        with proxies(server.url, folder, [CONSENTRY]) as running:
            proxy, bare = f"http://localhost:{running[CONSENTRY].port}", f"http://localhost:{server.port}"
            code, state = _as_sent(site, proxy)
            _check(browser, network, found, bare, proxy)
            for number in range(rounds):
                found.guard.append(_evaluated(browser, f"{bare}/empty", f"{code}\n// {number}", state))
                for path, ready, busy in (
                    ("/guarded", found.ready, found.busy),
                    ("/plain", found.ready_without, found.busy_without),
                ):
                    took, worked = _timed(browser, bare + path, _CONTENT)
                    ready.append(took)
                    busy.append(worked)
                found.load.append(_timed(browser, f"{proxy}/tags", _LOADED)[0])
                found.load_without.append(_timed(browser, f"{bare}/tags", _LOADED)[0])
    finally:
        network.latency = 0.0
        server.close()
    return found


def plain_page() -> bytes:
    """A page of as many elements as promised, no vendor's among them, whose own script makes some of them."""
    item = '<li class="tile" style="color: #222"><a href="/p/{0}">Lamp</a><p>&euro; {0}</p><button>Add</button></li>'
    made = 200
    fixed = 10
    body = "".join(item.format(number) for number in range((ELEMENTS - made - fixed) // 4))
    script = f"""for (let number = 0; number < {made // 4}; number++) {{
        const tile = document.createElement('li');
        tile.innerHTML = '<a href="/p/">Chair</a><p></p><button>Add</button>';
        tile.setAttribute('class', 'tile');
        document.querySelector('ul').appendChild(tile);
    }}"""
    return (
        "<!doctype html><html><head><meta charset=utf-8><title>Lamps</title><link rel=icon href=data:,>"
        "<style>.tile { display: inline-block; width: 12em }</style></head>"
        f"<body><h1>Lamps</h1><ul>{body}</ul><script>{script}</script></body></html>"
    ).encode()


def tagged_page(vendors: Sequence[Vendor]) -> bytes:
    """A page with tags of many vendors, as their files show them."""
    found = tags(vendors)
    if len(found) < TAGS:
        raise BenchError(f"The vendors' files show {len(found)} tags; {TAGS} are wanted.")
    head = "<!doctype html><html><head><meta charset=utf-8><title>Tags</title><link rel=icon href=data:,></head>"
    return f"{head}<body><h1>Tags</h1>{''.join(found)}</body></html>".encode()


def tags(vendors: Sequence[Vendor]) -> list[str]:
    """The first inline snippet of each vendor, then scripts by their addresses: as many as the page has."""
    inline = [f"<script>{code}</script>" for vendor in vendors for code in _snippets(vendor)[:1]]
    # A script that a snippet loads already would not be fetched once more.
    others = [[url for url in _sources(vendor) if urlsplit(url).netloc not in "".join(inline)] for vendor in vendors]
    turns = (urls[turn] for turn in range(_MOST_OF_ONE) for urls in others if len(urls) > turn)
    return [*inline, *(f'<script async src="{escape(url)}"></script>' for url in turns)][:TAGS]


def _snippets(vendor: Vendor) -> list[str]:
    codes = (each.code for each in vendor.examples.snippets)
    return [code for code in codes if "https://" in code and "createElement" in code and "</script" not in code]


def _sources(vendor: Vendor) -> list[str]:
    scripts = {rule.rule for rule in vendor.requests if rule.kind == "script"}
    return [
        each.url
        for each in vendor.examples.match
        if each.rule in scripts and each.url.startswith("https://") and not each.attributes
    ]


def _as_sent(site: Site, proxy: str) -> tuple[str, str]:
    """Put the plain page on the site as Consentry sends it; returns the guard, and what it is told."""
    page = _fetched(f"{proxy}/plain")
    tag = _GUARD.search(page)
    if tag is None:
        raise BenchError("Consentry's script is not in the page.")
    path = unescape(tag[1])
    code = _fetched(proxy + path)
    lasting = [("cache-control", "max-age=31536000, immutable")]
    site.page(path.partition("?")[0], code.encode(), "text/javascript; charset=utf-8", lasting)
    site.page("/guarded", page.encode())

    def rules(request: Request) -> Response:
        """What the guard asks for beyond what it brings, as Consentry answers it."""
        text = _fetched(f"{proxy}{request.path}?{request.query}")
        return Response(text.encode(), [("content-type", "application/json"), *lasting])

    site.route(f"{BASE}table", rules)
    return code, unescape(tag[2])


def _fetched(url: str) -> str:
    request = urllib.request.Request(url, headers={**headers("document"), "Accept-Encoding": "identity"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return str(response.read().decode())


def _check(browser: Browser, network: Network, found: PageCost, bare: str, proxy: str) -> None:
    """The numbers mean something only if the tags ask for their scripts without Consentry, and behind it for none."""
    for address, reaches in ((bare, True), (proxy, False)):
        network.clear()
        with browser.visitor() as visit:
            visit.open(f"{address}/tags")
            visit.settle()
            asked = len(network.requests())
        if (asked < TAGS) if reaches else asked:
            raise BenchError(f"With {'no proxy' if reaches else 'Consentry'} the page's tags made {asked} requests.")
        found.asked = max(found.asked, asked)
    with browser.visitor() as visit:
        visit.open(f"{bare}/guarded")
        elements = visit.page.evaluate("document.querySelectorAll('*').length")
        if not visit.page.evaluate("'consentry' in window") or abs(elements - ELEMENTS) > ELEMENTS / 50:
            raise BenchError(f"The page has {elements} elements, or no guard.")


def _timed(browser: Browser, url: str, what: str) -> tuple[float, float]:
    """Load a page: what its timing says, and how long its main thread worked, in seconds."""
    with browser.visitor() as visit:
        worked = _counter(visit, _BUSY)
        visit.open(url)
        # The event's end is known only after it.
        visit.page.wait_for_function("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
        busy = worked()
        return float(visit.page.evaluate(what)) / 1000, busy


def _evaluated(browser: Browser, url: str, code: str, state: str) -> float:
    """The processor time of a script in an empty page, in seconds."""
    with browser.visitor() as visit:
        visit.open(url)
        worked = _counter(visit, _SCRIPT)
        before = worked()
        visit.page.evaluate(_EVALUATE, [code, state])
        return worked() - before


def _counter(visit: Visit, what: str) -> Callable[[], float]:
    """Tells what Chromium has counted of the page's main thread so far."""
    session = visit.context.new_cdp_session(visit.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def counted() -> float:
        found = session.send("Performance.getMetrics")["metrics"]
        return next(float(each["value"]) for each in found if each["name"] == what)

    return counted


def _ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))
