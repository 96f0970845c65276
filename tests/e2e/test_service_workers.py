"""A site that has a service worker of its own, built with Workbox as it comes from npm, behind Consentry.

Its precache, its offline page, its routes and its updates work as they do without; what it or its pages ask of a
vendor is held until the visitor allows it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.browser import NEIGHBOUR, Browser, Visit, wait_for_last
from tests.kit.cases import Serve
from tests.kit.network import Network
from tests.kit.npm import package_file
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

WORKBOX = "7.4.1"
PACKAGES = ("core", "precaching", "routing", "strategies")
JAVASCRIPT = "text/javascript; charset=utf-8"
HTML = "text/html; charset=utf-8"
VENDOR = "https://cdn.segment.com"
ALL = "{functional: true, analytics: true, marketing: true}"
NONE = "{functional: false, analytics: false, marketing: false}"
_FRESH = itertools.count(1)

# A page with a tag of a vendor, which registers the worker in its folder as sites do.
PAGE = f"""<!doctype html><html><head><meta charset=utf-8><title>%TITLE%</title><link rel=icon href=data:,>
<script src="{VENDOR}/tag/%TITLE%.js"></script></head><body><h1>%TITLE%</h1><script src="/register.js"></script>"""
REGISTER = b"""
addEventListener('load', () => { window.registered = navigator.serviceWorker.register('/sw.js'); });
"""
# What the worker is told by a page, it does: so that a test can let it ask for what it likes.
ORDERS = """
self.addEventListener('message', (event) => {
  const { order, url } = event.data || {};
  const orders = {
    fetch: () => fetch(url).then((got) => got.status),
    add: () => caches.open('added').then((cache) => cache.addAll(['/plain.txt', url])).then(() => 'added'),
    socket: async () => new WebSocket(url) && 'made',
  };
  if (order === 'skip') self.skipWaiting();
  else if (order) event.waitUntil(orders[order]().catch(String).then((said) => event.ports[0].postMessage(said)));
});
"""
# A file of the site, which is also the script of a worker of its pages: that opens a socket where it is told to.
APP = """onmessage = ({data}) => {
  try { new WebSocket(data); postMessage('made'); } catch (error) { postMessage(error.name); }
};
"""
SW = f"""
importScripts('/workbox/workbox-sw.js');
workbox.setConfig({{ debug: false, modulePathPrefix: '/workbox/' }});
const {{ precaching, routing, strategies }} = workbox;
precaching.precacheAndRoute(%MANIFEST%);
routing.registerRoute(({{ url }}) => url.pathname.startsWith('/api/'),
  new strategies.NetworkFirst({{ cacheName: 'api' }}));
routing.registerRoute(({{ url }}) => url.origin === '{VENDOR}' && url.pathname.startsWith('/kept/'),
  new strategies.CacheFirst({{ cacheName: 'vendors' }}));
routing.registerRoute(({{ request }}) => request.mode === 'navigate', new strategies.NetworkOnly());
routing.setCatchHandler(({{ request }}) =>
  request.destination === 'document' ? precaching.matchPrecache('/offline.html') : Response.error());
{ORDERS}"""
ORDER = """([order, url]) => navigator.serviceWorker.ready.then(({active}) => new Promise((done) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = (event) => done(event.data);
    active.postMessage({order, url}, [channel.port2]);
    setTimeout(done, 10000, 'no answer');
}))"""
SCRIPTS = """() => navigator.serviceWorker.getRegistrations().then(all => all.map(({scope, active}) =>
    [scope, active.scriptURL].map(each => new URL(each).pathname)).sort())"""
OURS = ["/", "/__consentry/worker.js"]


def manifest(revision: str, *more: str) -> str:
    return json.dumps([{"url": url, "revision": revision} for url in ("/shop", "/app.js", "/offline.html", *more)])


def workbox_site() -> Site:
    """A shop that registers a worker with a precache, a route for its API and one for a vendor's files."""
    site = Site()
    site.page("/workbox/workbox-sw.js", package_file("workbox-sw", WORKBOX, "build/workbox-sw.js"), JAVASCRIPT)
    for name in PACKAGES:
        file = package_file(f"workbox-{name}", WORKBOX, f"build/workbox-{name}.prod.js")
        site.page(f"/workbox/workbox-{name}.prod.js", file, JAVASCRIPT)
    for title in ("start", "shop", "offline", "other"):
        path = "/offline.html" if title == "offline" else f"/{title}"
        site.page(path, PAGE.replace("%TITLE%", title).encode(), HTML)
    site.page("/bare", b"<!doctype html><title>bare</title><link rel=icon href=data:,><p>bare", HTML)
    site.page("/app.js", APP.encode(), JAVASCRIPT)
    site.page("/plain.txt", b"plain", "text/plain")
    site.page("/api/stock", b'{"left": 3}', "application/json")
    site.page("/register.js", REGISTER, JAVASCRIPT)
    site.page("/sw.js", SW.replace("%MANIFEST%", manifest("1")).encode(), JAVASCRIPT)
    return site


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Site, Server]]:
    site = workbox_site()
    server = Server(site)
    yield site, server
    server.close()


@pytest.fixture
def address(proxy: Proxy) -> str:
    """The site behind Consentry, where workers are allowed."""
    return f"http://localhost:{proxy.port}"


def open_controlled(visit: Visit, url: str) -> None:
    """Open the site's first page, let its worker install, and open a page that the worker is in charge of."""
    origin = "/".join(url.split("/")[:3])
    visit.open(f"{origin}/start")
    visit.page.evaluate("registered.then(() => navigator.serviceWorker.ready).then(() => 0)")
    wait_for_script(visit, "/sw.js")
    visit.open(url)
    assert visit.page.evaluate("navigator.serviceWorker.controller.scriptURL").endswith("/sw.js")
    assert visit.page.evaluate("'consentry' in window")


def wait_until(visit: Visit, check: str, arg: object = None) -> None:
    """Wait until what a function of the page promises is true: Playwright's own wait takes a promise for true."""
    visit.page.evaluate(
        f"""async arg => {{
            const check = {check}, end = Date.now() + 10000;
            while (!(await check(arg))) {{
                if (Date.now() > end) throw new Error('not within 10 s: ' + check);
                await new Promise(next => setTimeout(next, 20));
            }}
        }}""",
        arg,
    )


def wait_for_script(visit: Visit, path: str) -> None:
    """Wait until the worker in charge of the whole site is this one, and active."""
    wait_until(
        visit,
        """path => navigator.serviceWorker.getRegistration('/').then(({active} = {}) =>
            active && active.state === 'activated' && new URL(active.scriptURL).pathname === path)""",
        path,
    )


def order(visit: Visit, what: str, url: str = "") -> object:
    """Let the site's worker do something, and return what it says of it."""
    return visit.page.evaluate(ORDER, [what, url])


def fresh(path: str = "/v1") -> str:
    """An address of the vendor that nobody asked for yet."""
    return f"{VENDOR}{path}/{next(_FRESH)}.js"


def arrived(network: Network, visit: Visit) -> list[str]:
    """What has reached the vendor by now."""
    wait_for_last(visit.page, network)
    return [request.url for request in network.requests() if NEIGHBOUR not in request.url]


def imported(visit: Visit, url: str) -> str:
    """Ask for a vendor's module as a site's own script does: the guard sees nothing of it, a worker does."""
    return str(visit.page.evaluate("url => import(url).then(() => 'loaded', error => 'failed')", url))


# --- the site's own worker works ---------------------------------------------------------------------


def test_a_workbox_site_works_offline_behind_consentry(
    browser: Browser, network: Network, site: tuple[Site, Server], confdir: Path, tmp_path: Path
) -> None:
    with Proxy(site[1].url, "--confdir", str(confdir), folder=tmp_path) as proxy, browser.visitor() as visit:
        address = f"http://localhost:{proxy.port}"
        open_controlled(visit, f"{address}/shop")
        assert visit.page.evaluate("fetch('/api/stock').then(said => said.json())") == {"left": 3}
        proxy.stop()
        visit.open(f"{address}/shop")
        assert visit.page.inner_text("h1") == "shop"
        assert visit.page.evaluate("fetch('/app.js').then(said => said.text())") == APP
        assert visit.page.evaluate("fetch('/api/stock').then(said => said.json())") == {"left": 3}
        assert visit.page.evaluate("'consentry' in window")
        # What was not kept is answered by the site's own page for that.
        visit.open(f"{address}/other")
        assert visit.page.inner_text("h1") == "offline"
        assert [request.url for request in network.requests()] == []


def test_the_precache_answers_and_the_network_is_not_asked(
    browser: Browser, network: Network, site: tuple[Site, Server], address: str
) -> None:
    with browser.visitor() as visit:
        open_controlled(visit, f"{address}/shop")
        before = len(site[0].requests("/shop"))
        visit.open(f"{address}/shop")
        assert visit.page.inner_text("h1") == "shop"
        assert len(site[0].requests("/shop")) == before
        assert visit.page.evaluate(SCRIPTS) == [["/", "/sw.js"]]
        assert visit.errors == []
        assert arrived(network, visit) == []


def test_a_new_version_of_the_worker_waits_takes_over_when_told_and_serves_what_is_new(
    browser: Browser, network: Network, confdir: Path, tmp_path: Path
) -> None:
    own = workbox_site()
    server = Server(own)
    with Proxy(server.url, "--confdir", str(confdir), folder=tmp_path) as proxy, browser.visitor() as visit:
        open_controlled(visit, f"http://localhost:{proxy.port}/shop")
        own.page("/shop", PAGE.replace("%TITLE%", "renewed").encode(), HTML)
        visit.page.evaluate("navigator.serviceWorker.getRegistration().then(r => r.update()).then(() => 0)")
        assert visit.page.evaluate("navigator.serviceWorker.getRegistration().then(r => !r.installing && !r.waiting)")
        own.page("/sw.js", SW.replace("%MANIFEST%", manifest("2")).encode(), JAVASCRIPT)
        visit.page.evaluate("navigator.serviceWorker.getRegistration().then(r => r.update()).then(() => 0)")
        wait_until(visit, "() => navigator.serviceWorker.getRegistration().then(found => found.waiting)")
        visit.open(f"http://localhost:{proxy.port}/shop")
        assert visit.page.inner_text("h1") == "shop"
        visit.page.evaluate(
            """() => new Promise((done) => {
                navigator.serviceWorker.addEventListener('controllerchange', () => done(), {once: true});
                navigator.serviceWorker.getRegistration().then(found => found.waiting.postMessage({order: 'skip'}));
            })"""
        )
        visit.open(f"http://localhost:{proxy.port}/shop")
        assert visit.page.inner_text("h1") == "renewed"
    server.close()


# --- what it asks of vendors -------------------------------------------------------------------------


def test_what_the_sites_worker_itself_asks_of_a_vendor_is_held_until_consent_and_again_after(
    browser: Browser, network: Network, address: str
) -> None:
    with browser.visitor() as visit:
        open_controlled(visit, f"{address}/bare")
        assert order(visit, "fetch", fresh()) == 204
        assert order(visit, "add", fresh()) == "added"
        assert visit.page.evaluate("caches.open('added').then(c => c.keys()).then(all => all.length)") == 1
        assert "NetworkError" in str(order(visit, "socket", "wss://cdn.segment.com/socket"))
        assert arrived(network, visit) == []
        visit.page.evaluate(f"consentry.set({ALL})")
        allowed = [fresh(), fresh()]
        assert order(visit, "fetch", allowed[0]) == 204
        assert order(visit, "add", allowed[1]) == "added"
        assert order(visit, "socket", "wss://cdn.segment.com/socket") == "made"
        for url in allowed:
            network.wait_for(url)
        network.wait_for(f"{VENDOR}/socket")
        visit.page.evaluate(f"consentry.set({NONE})")
        network.clear()
        assert order(visit, "fetch", fresh()) == 204
        assert arrived(network, visit) == []


def test_a_worker_that_was_stopped_and_started_again_still_knows_what_was_allowed(
    browser: Browser, network: Network, address: str
) -> None:
    with browser.visitor() as visit:
        open_controlled(visit, f"{address}/bare")
        visit.page.evaluate(f"consentry.set({ALL})")
        session = visit.context.new_cdp_session(visit.page)
        session.send("ServiceWorker.enable")
        session.send("ServiceWorker.stopAllWorkers")
        allowed = fresh()
        order(visit, "fetch", allowed)
        network.wait_for(allowed)
        visit.page.evaluate(f"consentry.set({NONE})")
        session.send("ServiceWorker.stopAllWorkers")
        network.clear()
        order(visit, "fetch", fresh())
        assert arrived(network, visit) == []


def test_a_route_of_the_worker_for_a_vendors_files_keeps_them_once_they_are_allowed_and_not_before(
    browser: Browser, network: Network, address: str
) -> None:
    with browser.visitor() as visit:
        open_controlled(visit, f"{address}/bare")
        keys = "caches.open('vendors').then(cache => cache.keys()).then(all => all.map(each => each.url))"
        url = fresh("/kept")
        assert imported(visit, url) == "loaded"
        assert arrived(network, visit) == []
        assert visit.page.evaluate(keys) == []
        # To a worker's own request nothing says that it is for a script.
        network.serve([Serve(url=f"{VENDOR}/kept/*", type="text/javascript", text="export default 1;")])
        visit.page.evaluate(f"consentry.set({ALL})")
        url = fresh("/kept")
        assert imported(visit, url) == "loaded"
        network.wait_for(url)
        wait_until(visit, f"() => {keys}.then(all => all.length === 1)")
        network.clear()
        # Now it comes from where the site's worker keeps it, also on the next page.
        visit.open(f"{address}/bare")
        assert imported(visit, url) == "loaded"
        assert arrived(network, visit) == []
        visit.page.evaluate(f"consentry.set({NONE})")
        assert imported(visit, fresh("/kept")) == "loaded"
        assert arrived(network, visit) == []
        # Nor does it come from there any more.
        visit.open(f"{address}/bare")
        assert visit.page.evaluate("url => import(url).then(found => Object.keys(found))", url) == []


def test_a_vendors_file_in_the_precache_comes_once_it_is_allowed(
    browser: Browser, network: Network, confdir: Path, tmp_path: Path
) -> None:
    own, url = workbox_site(), fresh()
    own.page("/sw.js", SW.replace("%MANIFEST%", manifest("1", url)).encode(), JAVASCRIPT)
    network.host("cdn.segment.example", own)
    server = Server(own)
    with Proxy(server.url, "--confdir", str(confdir), folder=tmp_path) as proxy, browser.visitor() as visit:
        open_controlled(visit, f"http://localhost:{proxy.port}/bare")
        assert arrived(network, visit) == []
        visit.page.evaluate(f"consentry.set({ALL})")
        visit.page.evaluate("url => fetch(url).then(said => said.text())", url)
        network.wait_for(url + "*")
    server.close()


# --- pages that the worker has kept ------------------------------------------------------------------


def test_a_kept_page_holds_its_tags_and_starts_them_when_consent_comes(
    browser: Browser, network: Network, address: str
) -> None:
    with browser.visitor() as visit:
        open_controlled(visit, f"{address}/shop")
        assert visit.page.evaluate("'consentry' in window")
        visit.page.evaluate(
            "url => { const tag = document.createElement('script'); tag.src = url; document.body.append(tag); }",
            fresh(),
        )
        assert arrived(network, visit) == []
        visit.page.evaluate(f"consentry.set({ALL})")
        network.wait_for(f"{VENDOR}/tag/shop.js")


def test_a_page_that_was_kept_before_consent_runs_what_is_allowed_now(
    browser: Browser, network: Network, address: str
) -> None:
    with browser.visitor() as visit:
        open_controlled(visit, f"{address}/shop")
        visit.consent(address, ("functional", "analytics", "marketing"))
        visit.open(f"{address}/shop")
        network.wait_for(f"{VENDOR}/tag/shop.js")
        assert visit.page.evaluate("consentry.get().categories.analytics")


def test_a_page_that_was_kept_with_consent_is_silent_once_it_is_withdrawn(
    browser: Browser, network: Network, address: str
) -> None:
    with browser.visitor() as visit:
        visit.consent(address, ("functional", "analytics", "marketing"))
        open_controlled(visit, f"{address}/shop")
        network.wait_for(f"{VENDOR}/tag/shop.js")
        visit.consent(address, ())
        wait_for_last(visit.page, network)
        network.clear()
        visit.open(f"{address}/shop")
        visit.page.evaluate("document.cookie = 'ajs_anonymous_id=1'")
        assert arrived(network, visit) == []
        assert "ajs_anonymous_id" not in visit.cookies(address)


def test_a_worker_of_a_page_is_guarded_though_the_sites_worker_answers_with_its_script(
    browser: Browser, network: Network, site: tuple[Site, Server], address: str
) -> None:
    site[0].page("/module.mjs", f"import '/plain.js'; {APP}".encode(), JAVASCRIPT)
    site[0].page("/plain.js", b"", JAVASCRIPT)
    ask = """([script, type, url]) => new Promise((done) => {
        const worker = new Worker(script, {type});
        worker.onmessage = (event) => done(event.data);
        worker.postMessage(url);
    })"""
    with browser.visitor() as visit:
        open_controlled(visit, f"{address}/bare")
        for script, kind in (("/app.js", "classic"), ("/module.mjs", "module")):
            assert visit.page.evaluate(ask, [script, kind, "wss://cdn.segment.com/socket"]) == "NetworkError"
        assert arrived(network, visit) == []
        visit.page.evaluate(f"consentry.set({ALL})")
        assert visit.page.evaluate(ask, ["/app.js", "classic", "wss://cdn.segment.com/socket"]) == "made"
        network.wait_for("https://cdn.segment.com/socket")


# --- registrations -----------------------------------------------------------------------------------


def test_a_site_without_a_worker_gets_ours(browser: Browser, network: Network, address: str) -> None:
    with browser.visitor() as visit:
        visit.open(f"{address}/bare")
        wait_for_script(visit, OURS[1])
        assert visit.page.evaluate(SCRIPTS) == [OURS]
        assert imported(visit, fresh()) == "loaded"
        assert arrived(network, visit) == []


def test_a_site_that_registers_its_worker_late_still_gets_it_and_keeps_it(
    browser: Browser, network: Network, address: str
) -> None:
    with browser.visitor() as visit:
        visit.open(f"{address}/bare")
        wait_for_script(visit, OURS[1])
        visit.page.evaluate("navigator.serviceWorker.register('/sw.js').then(() => 0)")
        wait_for_script(visit, "/sw.js")
        for _ in range(2):
            visit.open(f"{address}/bare")
            wait_for_last(visit.page, network)
            assert visit.page.evaluate(SCRIPTS) == [["/", "/sw.js"]]
            assert visit.page.evaluate("navigator.serviceWorker.controller.scriptURL").endswith("/sw.js")
        assert order(visit, "fetch", fresh()) == 204
        assert arrived(network, visit) == []


def test_a_worker_of_a_part_of_the_site_keeps_its_part_and_ours_has_the_rest(
    browser: Browser, network: Network, site: tuple[Site, Server], address: str
) -> None:
    for path in ("/app/", "/app/page"):
        site[0].page(path, b"<!doctype html><title>app</title><link rel=icon href=data:,>", HTML)
    site[0].page("/app/sw.js", ORDERS.encode() + b"self.addEventListener('fetch', () => {});", JAVASCRIPT)
    with browser.visitor() as visit:
        visit.open(f"{address}/app/")
        visit.page.evaluate(
            "navigator.serviceWorker.register('/app/sw.js').then(() => navigator.serviceWorker.ready).then(() => 0)"
        )
        wait_for_script(visit, OURS[1])
        assert visit.page.evaluate(SCRIPTS) == [OURS, ["/app/", "/app/sw.js"]]
        for path, script in (("/app/page", "/app/sw.js"), ("/bare", OURS[1])):
            visit.open(address + path)
            assert script in visit.page.evaluate("navigator.serviceWorker.controller.scriptURL")
            assert imported(visit, fresh()) == "loaded"
        visit.open(f"{address}/app/page")
        assert order(visit, "fetch", fresh()) == 204
        assert arrived(network, visit) == []


def test_a_site_that_gives_up_its_worker_gets_ours(browser: Browser, network: Network, address: str) -> None:
    with browser.visitor() as visit:
        open_controlled(visit, f"{address}/bare")
        visit.page.evaluate("navigator.serviceWorker.getRegistration().then(found => found.unregister())")
        visit.open(f"{address}/bare")
        wait_for_script(visit, OURS[1])
        visit.open(f"{address}/bare")
        assert imported(visit, fresh()) == "loaded"
        assert arrived(network, visit) == []


def test_a_worker_that_is_a_module_is_guarded_with_what_it_imports(
    browser: Browser, network: Network, site: tuple[Site, Server], address: str
) -> None:
    handler = """self.addEventListener('fetch', (event) => {
        if (event.request.url.includes('/v1/')) event.respondWith(fetch(event.request));
    });"""
    site[0].page("/imported.js", f"{ORDERS}{handler}".encode(), JAVASCRIPT)
    site[0].page("/module.js", b"'use strict'; import '/imported.js';", JAVASCRIPT)
    with browser.visitor() as visit:
        visit.open(f"{address}/bare")
        visit.page.evaluate("navigator.serviceWorker.register('/module.js', {type: 'module'}).then(() => 0)")
        wait_for_script(visit, "/module.js")
        visit.open(f"{address}/bare")
        assert imported(visit, fresh()) == "loaded"
        assert order(visit, "fetch", fresh()) == 204
        assert arrived(network, visit) == []


def test_a_vendors_script_in_the_sites_worker_is_left_out_until_it_is_allowed(
    browser: Browser, network: Network, site: tuple[Site, Server], address: str
) -> None:
    url = fresh()
    site[0].page("/imports.js", f"importScripts('{url}');{ORDERS}".encode(), JAVASCRIPT)
    register = "navigator.serviceWorker.register('/imports.js').then(() => 0)"
    with browser.visitor() as visit:
        visit.open(f"{address}/bare")
        visit.page.evaluate(register)
        wait_for_script(visit, "/imports.js")
        assert arrived(network, visit) == []
        visit.page.evaluate(f"consentry.set({ALL})")
        visit.page.evaluate("navigator.serviceWorker.getRegistration().then(r => r.update()).then(() => 0)")
        network.wait_for(url)
