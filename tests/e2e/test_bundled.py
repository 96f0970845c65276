"""SDKs in a script of the site's own that send to an address of the site's own: nothing names their vendors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest

from proxy_addon.catalogue.load import load
from proxy_addon.consent.model import Consent
from proxy_addon.inspect.sighting import Place, Spotter
from proxy_addon.policy import decide
from tests.kit.browser import Browser
from tests.kit.messages import Request, Response
from tests.kit.network import Network
from tests.kit.npm import package_file
from tests.kit.proxy import Proxy, Verdict
from tests.kit.server import Server
from tests.small import GDPR

pytestmark = pytest.mark.e2e

CATALOGUE = load()
_HEX = "0123456789abcdef0123456789abcdef"
_POSTHOG = "phc_abcdefghijklmnopqrstuvwxyz0123456789ABCDEF"


class Sdk(NamedTuple):
    """A vendor's library, how a page starts it with an address of its own below /`vendor`/, and where it sends there.

    `shape` names the vendor whose shape its events have in the page's eyes.
    """

    vendor: str
    package: str
    version: str
    file: str
    start: str
    sends: str
    module: str = ""
    shape: str = ""

    @property
    def held_as(self) -> str:
        """The vendor that evidence names for what was held of it."""
        return self.shape or self.vendor


SDKS = [
    Sdk(
        "posthog",
        "posthog-js",
        "1.449.2",
        "dist/array.full.js",
        f"posthog.init('{_POSTHOG}', {{api_host: at('posthog'),"
        " opt_out_useragent_filter: true, request_batching: false, disable_session_recording: true,"
        " capture_pageview: false}); posthog.capture('order');",
        "/posthog/e/",
    ),
    Sdk(
        "rudderstack",
        "@rudderstack/analytics-js",
        "3.34.1",
        "dist/npm/legacy/bundled/umd/index.js",
        "const r = new rudderanalytics.RudderAnalytics();"
        " r.load('2abcdefghijklmnopqrstuvwxyz', at('rudderstack'), {configUrl: at('rudderstack')}); r.track('order');",
        "/rudderstack/v1/track",
    ),
    Sdk(
        "mixpanel",
        "mixpanel-browser",
        "2.83.0",
        "dist/mixpanel.umd.js",
        f"mixpanel.init('{_HEX}', {{api_host: at('mixpanel'), batch_requests: false}}); mixpanel.track('order');",
        "/mixpanel/track/",
    ),
    Sdk(
        "amplitude",
        "@amplitude/analytics-browser",
        "2.48.1",
        "lib/scripts/amplitude-min.umd.js",
        f"amplitude.init('{_HEX}', {{serverUrl: at('amplitude'), fetchRemoteConfig: false, flushIntervalMillis: 100}});"
        " amplitude.track('order');",
        "/amplitude",
    ),
    Sdk(
        "snowplow",
        "@snowplow/browser-tracker",
        "4.10.1",
        "dist/index.umd.min.js",
        "snowplowBrowserTracking.newTracker('sp', location.origin, {appId: 'shop', postPath: '/snowplow/acme'});"
        " snowplowBrowserTracking.trackPageView();",
        "/snowplow/acme",
    ),
    Sdk(
        "plausible",
        "@plausible-analytics/tracker",
        "0.4.6",
        "plausible.js",
        "init({domain: 'shop.example', endpoint: '/plausible/hello', captureOnLocalhost: true}); track('order', {});",
        "/plausible/hello",
        module="init, track",
    ),
    Sdk(
        "countly",
        "countly-sdk-web",
        "26.1.1",
        "lib/countly.min.js",
        f"Countly.init({{app_key: '{_HEX}01234567', url: at('countly'), interval: 100}});"
        " Countly.track_sessions(); Countly.add_event({key: 'order'});",
        "/countly/i",
    ),
    Sdk(
        "swetrix",
        "swetrix",
        "4.6.1",
        "dist/swetrix.js",
        "swetrix.init('abcdefghijkl', {apiURL: at('swetrix') + '/log', devMode: true});"
        " swetrix.track({ev: 'order'}); swetrix.trackViews();",
        "/swetrix/log/custom",
    ),
    Sdk(
        "sentry",
        "@sentry/browser",
        "6.19.7",
        "build/bundle.min.js",
        f"Sentry.init({{dsn: 'https://{_HEX}@o1.ingest.sentry.io/2', tunnel: '/sentry/t', autoSessionTracking: true}});"
        " Sentry.captureMessage('order');",
        "/sentry/t",
    ),
    Sdk(
        "datadog-rum",
        "@datadog/browser-rum",
        "7.16.2",
        "bundle/datadog-rum.js",
        f"DD_RUM.init({{clientToken: 'pub{_HEX}', applicationId: '11111111-2222-4333-8444-555555555555',"
        " site: 'datadoghq.com', proxy: at('datadog-rum'), sessionSampleRate: 100}); DD_RUM.addAction('order');",
        "/datadog-rum",
    ),
    Sdk(
        "jitsu",
        "@jitsu/js",
        "1.11.0",
        "dist/jitsu.es.js",
        "const jitsu = jitsuAnalytics({host: at('jitsu'), writeKey: 'abcdef:0123456789'}); jitsu.track('order', {});",
        "/jitsu/api/s/track",
        module="jitsuAnalytics",
        shape="segment",
    ),
    Sdk(
        "elastic-apm-rum",
        "@elastic/apm-rum",
        "5.17.5",
        "dist/bundles/elastic-apm-rum.umd.min.js",
        "elasticApm.init({serviceName: 'shop', serverUrl: location.origin, serverUrlPrefix: '/elastic-apm-rum/x',"
        " sendCredentials: true});"
        " elasticApm.captureError(new Error('order'));",
        "/elastic-apm-rum/x",
    ),
    Sdk(
        "grafana-faro",
        "@grafana/faro-web-sdk",
        "2.12.1",
        "dist/bundle/faro-web-sdk.iife.js",
        "GrafanaFaroWebSdk.initializeFaro({url: at('grafana-faro'), app: {name: 'shop', version: '1'}});",
        "/grafana-faro",
    ),
    Sdk(
        "bugsnag",
        "@bugsnag/browser",
        "9.0.0",
        "dist/bugsnag.min.js",
        f"Bugsnag.start({{apiKey: '{_HEX}', endpoints:"
        " {notify: at('bugsnag') + '/n', sessions: at('bugsnag') + '/s'}}); Bugsnag.notify(new Error('order'));",
        "/bugsnag/n",
    ),
]
HELD = ("answered", "held")
each_sdk = pytest.mark.parametrize("sdk", SDKS, ids=[sdk.vendor for sdk in SDKS])
_AT = "const at = name => location.origin + '/' + name;"
_SETTINGS = (
    b'{"status": 1, "isServer": true, "featureFlags": {}, "supportedCompression": ["gzip-js"], '
    b'"source": {"id": "s", "enabled": true, "config": {}, "workspaceId": "w", "destinations": [], "connections": []}}'
)


def _page() -> bytes:
    """A page that starts every SDK from a script of its own; what one of them throws stops no other."""
    tags = [f"<script>{_AT}</script>"]
    for sdk in SDKS:
        if sdk.module:
            code = f"import {{{sdk.module}}} from '/app/{sdk.vendor}.js'; {sdk.start}"
            tags.append(f'<script type="module">{code}</script>')
        else:
            tags.append(f'<script src="/app/{sdk.vendor}.js"></script><script>(() => {{ {sdk.start} }})()</script>')
    return f"<!doctype html><title>A shop</title><button>Buy</button>{''.join(tags)}".encode()


class Shop:
    """A site with every SDK in its own scripts, and an address for each of them."""

    def __init__(self) -> None:
        self._sent: list[Request] = []
        self._arrived = threading.Condition()

    def __call__(self, request: Request) -> Response:
        if request.path == "/":
            return Response(_page(), [("content-type", "text/html")])
        if request.path.startswith("/app/"):
            sdk = next(each for each in SDKS if request.path == f"/app/{each.vendor}.js")
            body = package_file(sdk.package, sdk.version, sdk.file)
            return Response(body, [("content-type", "text/javascript"), ("cache-control", "max-age=600")])
        with self._arrived:
            self._sent.append(request)
            self._arrived.notify_all()
        if request.path.endswith("config.js"):
            return Response(b"", [("content-type", "text/javascript")])
        return Response(_SETTINGS, [("content-type", "application/json")])

    def sent(self) -> set[str]:
        """The paths to which something was sent."""
        with self._arrived:
            return {each.path for each in self._sent}

    def wait_for(self, paths: set[str], timeout: float) -> None:
        """Until something has been sent to all of these."""
        with self._arrived:
            self._arrived.wait_for(lambda: paths <= {each.path for each in self._sent}, timeout)


@dataclass(frozen=True)
class Seen:
    """What became of one visit."""

    sent: set[str]
    verdicts: list[Verdict]
    cookies: set[str]
    storage: set[str]


@dataclass(frozen=True)
class Visits:
    refused: Seen
    agreed: Seen


def _wait_for_all(proxy: Proxy, vendors: set[str], mark: int) -> None:
    # Which one is missing, the tests say.
    with suppress(AssertionError):
        proxy.wait_until(lambda all_: vendors <= {each.vendor for each in all_ if each.outcome in HELD}, mark, 20)


def _visit(browser: Browser, proxy: Proxy, url: str, shop: Shop, *, through: str | None, agrees: bool) -> Seen:
    mark = proxy.mark()
    sent_before = shop.sent()
    assert agrees or not sent_before
    with browser.visitor(through) as visitor:
        # Some of them measure no browser that is driven.
        visitor.page.add_init_script("Object.defineProperty(navigator, 'webdriver', {get: () => false})")
        if agrees:
            visitor.consent(url, ["analytics"])
        visitor.open(url)
        visitor.press_every_button()
        if agrees:
            shop.wait_for({sdk.sends for sdk in SDKS} - {"/datadog-rum"}, 30)
        else:
            _wait_for_all(proxy, {sdk.held_as for sdk in SDKS} - {"datadog-rum"}, mark)
        cookies, storage = visitor.cookies(url), visitor.storage()
        # What sends at the end of a visit sends now.
        visitor.page.goto("about:blank")
        if agrees:
            shop.wait_for({sdk.sends for sdk in SDKS}, 20)
        else:
            _wait_for_all(proxy, {sdk.held_as for sdk in SDKS}, mark)
    return Seen(shop.sent(), proxy.verdicts(mark), cookies, storage)


@pytest.fixture(scope="module", params=["reverse", "forward"])
def visits(
    request: pytest.FixtureRequest,
    browser: Browser,
    whole_network: Network,
    confdir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Visits]:
    folder, shop = tmp_path_factory.mktemp("bundled"), Shop()
    if request.param == "reverse":
        server = Server(shop)
        with Proxy(server.url, "--confdir", str(confdir), folder=folder) as proxy:
            yield _both(browser, proxy, f"http://localhost:{proxy.port}/", shop, None)
        server.close()
        return
    whole_network.host("bundled.example", shop)
    options = ["--confdir", str(confdir), "--resolve", f"bundled.example:80:127.0.0.1:{whole_network.plain.port}"]
    with Proxy("forward", *options, folder=folder) as proxy:
        yield _both(browser, proxy, "http://bundled.example/", shop, proxy.url)


def _both(browser: Browser, proxy: Proxy, url: str, shop: Shop, through: str | None) -> Visits:
    refused = _visit(browser, proxy, url, shop, through=through, agrees=False)
    return Visits(refused, _visit(browser, proxy, url, shop, through=through, agrees=True))


@each_sdk
def test_its_library_is_recognised_in_a_script_and_no_other(sdk: Sdk) -> None:
    spotter = Spotter(CATALOGUE, lambda match: decide(match, Consent(), GDPR), None)
    script = package_file(sdk.package, sdk.version, sdk.file).decode("utf-8")
    assert spotter.bundles(script, lambda _: lambda: Place(None, None, "")) == {sdk.vendor}


@each_sdk
def test_without_consent_nothing_is_sent_to_its_address(sdk: Sdk, visits: Visits) -> None:
    held = [each for each in visits.refused.verdicts if each.vendor == sdk.held_as and each.outcome in HELD]
    assert held
    assert [path for path in visits.refused.sent if path.startswith(f"/{sdk.vendor}")] == []


@each_sdk
def test_with_consent_it_arrives(sdk: Sdk, visits: Visits) -> None:
    assert sdk.sends in visits.agreed.sent


def test_what_was_held_is_laid_to_no_other_vendor(visits: Visits) -> None:
    held = [each for each in visits.refused.verdicts if each.outcome in HELD]
    assert {each.vendor for each in held} == {name for sdk in SDKS for name in (sdk.vendor, sdk.held_as)}


def test_without_consent_none_of_them_keeps_a_cookie_or_a_key(visits: Visits) -> None:
    known = [each.key for sdk in SDKS for each in CATALOGUE.vendors[sdk.vendor].storage]
    assert visits.refused.cookies - {"consentry"} == set()
    assert {key for key in visits.refused.storage if any(fnmatchcase(key, each) for each in known)} == set()
