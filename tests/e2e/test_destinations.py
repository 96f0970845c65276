"""Segment's real library and real destinations: each gets what the visitor's consent covers, and nothing else.

A source has twelve destinations, three of them in the page. For every set of categories that a visitor may grant, in
both modes, exactly the right scripts load and exactly the right switches and preferences reach Segment.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy_addon.catalogue.load import load
from tests.kit.browser import Browser, Visit, wait_for_last
from tests.kit.cases import CATEGORIES, Npm, Serve
from tests.kit.certificates import Authority
from tests.kit.messages import Request
from tests.kit.network import Network
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

LIBRARY, BUNDLES = "@segment/analytics-next", "@segment/browser-destinations"
CDN, API = "https://cdn.segment.com", "https://api.segment.io/v1"
ACTIONS = f"{CDN}/next-integrations/actions"
KEY = "wK3yOfTheSampleShop0000000000000"
EVENTS = ("page", "identify", "track", "group", "alias")


@dataclass(frozen=True, slots=True)
class Device:
    """A destination in the page: its bundle as Segment serves it, and the script of the vendor that it loads."""

    file: str
    library: str
    settings: dict[str, Any]
    loads: str
    actions: tuple[str, ...]


DEVICE = {
    "Google Analytics 4 Web": Device(
        "google-analytics-4-web/fc3f9bbe0a71789f0f86.js",
        "google-analytics-4-webDestination",
        {"measurementID": "G-SAMPLE0001"},
        "https://www.googletagmanager.com/gtag/js?id=G-SAMPLE0001",
        ("setConfigurationFields",),
    ),
    "StackAdapt (Actions)": Device(
        "stackadapt/d5553acd04115bde8d50.js",
        "stackadaptDestination",
        {"universalPixelId": "SAMPLE"},
        "https://tags.srv.stackadapt.com/events.js",
        ("trackPage",),
    ),
    "Intercom Web (Actions)": Device(
        "intercom/ab34cf004146d3c93f5c.js",
        "intercomDestination",
        {"appId": "sample01"},
        "https://widget.intercom.io/widget/sample01",
        ("identifyUser",),
    ),
}
CLOUD = (
    "Mixpanel (Actions)",
    "Actions Amplitude",
    "Amazon S3",
    "Facebook Conversions API (Actions)",
    "Google Enhanced Conversions",
    "Tiktok Conversions",
    "LinkedIn Conversions API",
    "Zendesk",
    "Canny (Actions)",
)
LISTED = load().destinations["segment"]
CONNECTED = {name: LISTED[name].category for name in (*DEVICE, *CLOUD)}
SUBSETS = [
    tuple(each for each in CATEGORIES if each in chosen)
    for size in range(4)
    for chosen in itertools.combinations(CATEGORIES, size)
]


def settings() -> dict[str, Any]:
    """The source's settings, as Segment's CDN answers them."""
    unbundled = {"versionSettings": {"componentTypes": []}, "bundlingStatus": "unbundled"}
    return {
        "integrations": {
            **{name: {"versionSettings": {"componentTypes": []}} for name in DEVICE},
            # Of those in the cloud some are listed here too.
            **dict.fromkeys(CLOUD[::2], unbundled),
            "Segment.io": {
                "apiKey": KEY,
                "unbundledIntegrations": list(CLOUD),
                "addBundledMetadata": True,
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            },
        },
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [
            {
                "name": name,
                "creationName": name,
                "libraryName": each.library,
                "url": f"{ACTIONS}/{each.file}",
                "settings": {
                    **each.settings,
                    "subscriptions": [
                        {
                            "id": f"{each.library}-{action}",
                            "name": action,
                            "enabled": True,
                            "partnerAction": action,
                            "subscribe": 'type = "page" or type = "identify" or type = "track"',
                            "mapping": {},
                        }
                        for action in each.actions
                    ],
                },
            }
            for name, each in DEVICE.items()
        ],
    }


SERVES = [
    Serve(
        f"{CDN}/analytics.js/v1/*/analytics.min.js", "text/javascript", Npm(LIBRARY, "1.84.0", "dist/umd/standalone.js")
    ),
    *(
        Serve(f"{CDN}/analytics-next/bundles/{file}", "text/javascript", Npm(LIBRARY, "1.84.0", f"dist/umd/{file}"))
        for file in ("ajs-destination.bundle.e868202043af14b91a6d.js", "schemaFilter.bundle.1b218d13fed021531d4e.js")
    ),
    Serve(f"{CDN}/v1/projects/*/settings", "application/json", text=json.dumps(settings())),
    *(
        Serve(f"{ACTIONS}/{file}", "text/javascript", Npm(BUNDLES, "3.98.0", f"dist/web/{file}"))
        for file in (*(each.file for each in DEVICE.values()), "688/bfba63ca3870acbc5783.js")
    ),
]
SNIPPET = (Path(__file__).parent / "vendors/segment/page.html").read_text("utf-8")
# The page of the vendor's own case, without what that does after the snippet.
HEAD = SNIPPET[: SNIPPET.index("</head>")]
CALLS = """
<script>
  analytics.identify('user_1', {plan: 'pro'});
  analytics.track('Order Completed', {total: 1.5});
  analytics.group('group_1', {name: 'Example Ltd'});
  analytics.alias('user_2');
</script>
"""
# The library sends its last batch with fetch(); a site's own code may send a beacon then.
BEACON = f"""
<script>
  addEventListener('pagehide', () => {{
    const event = {{type: 'track', event: 'Left', writeKey: '{KEY}', userId: 'u', context: {{}}, properties: {{n: 'BIG'}}}};
    const body = JSON.stringify(event).replace('"BIG"', '12345678901234567890.0');
    navigator.sendBeacon('{API}/t', new Blob([body], {{type: 'text/plain'}}));
  }});
</script>
"""
LOAD = f'analytics.load("{KEY}");'
BATCHING = LOAD.replace(");", ", {integrations: {'Segment.io': {deliveryStrategy: {strategy: 'batching'}}}});")
PAGES = {
    "/": f"{HEAD}</head><body>{CALLS}</body></html>",
    "/batch": f"{HEAD.replace(LOAD, BATCHING)}</head><body>{CALLS}{BEACON}</body></html>",
    "/after": "<!doctype html><title>After</title>",
}


@dataclass(frozen=True)
class Mode:
    """A proxy, and where a browser finds the site through it."""

    proxy: Proxy
    site: str
    through: str | None


@pytest.fixture(scope="module")
def shop(site: tuple[Site, Server]) -> Site:
    for path, html in PAGES.items():
        site[0].page(path, html.encode())
    return site[0]


@pytest.fixture(scope="module")
def reverse(shop: Site, proxy: Proxy) -> Mode:
    return Mode(proxy, f"http://localhost:{proxy.port}", None)


@pytest.fixture(scope="module")
def forward(
    shop: Site, whole_network: Network, confdir: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mode]:
    whole_network.host("destinations.example", shop)
    options = ["--confdir", str(confdir), "--upstream-ca", str(authority.pem)]
    for port in (whole_network.secure.port, whole_network.plain.port):
        options += ["--resolve", f"*:{443 if port == whole_network.secure.port else 80}:127.0.0.1:{port}"]
    with Proxy("forward", *options, folder=tmp_path_factory.mktemp("forward")) as proxy:
        yield Mode(proxy, "https://destinations.example", proxy.url)


@pytest.fixture(params=["reverse", "forward"])
def mode(request: pytest.FixtureRequest, network: Network) -> Mode:
    network.serve(SERVES)
    mode: Mode = request.getfixturevalue(request.param)
    return mode


def events_in(request: Request) -> list[dict[str, Any]]:
    body = json.loads(request.body)
    return list(body["batch"]) if "batch" in body else [body]


def posts(network: Network) -> list[Request]:
    """The requests with events that reached Segment."""
    return [request for request in network.requests_to(f"{API}/*") if request.method == "POST"]


def sent(network: Network) -> list[dict[str, Any]]:
    """The events that reached Segment."""
    return [event for request in posts(network) for event in events_in(request)]


def wait_until(visit: Visit, condition: Callable[[], bool], timeout: float = 15) -> None:
    """Wait until something has arrived that no single URL tells."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        visit.page.wait_for_timeout(20)


def switches(granted: Sequence[str]) -> dict[str, bool]:
    """The switches that an event must have arrived with."""
    if len(granted) == len(CATEGORIES):
        return {}
    every = {each: CONNECTED[name] in granted for name in CONNECTED for each in (name, *LISTED[name].aliases)}
    return {"All": False, **every}


def scripts(network: Network) -> set[str]:
    """Destinations whose code, or whose vendor's script, was asked for."""
    urls = {request.url for request in network.requests()}
    return {name for name, each in DEVICE.items() if {f"{ACTIONS}/{each.file}", each.loads} & urls}


def whole(network: Network, names: Sequence[str]) -> bool:
    """Whether both scripts of each of these have been asked for."""
    urls = {request.url for request in network.requests()}
    return all({f"{ACTIONS}/{DEVICE[name].file}", DEVICE[name].loads} <= urls for name in names)


def assert_filtered(event: dict[str, Any], granted: Sequence[str]) -> None:
    """An event has arrived with exactly the switches and the preferences of this consent."""
    switched = dict(event.get("integrations", {}))
    # The router's own delivery is the site's to switch.
    assert switched.pop("Segment.io", True) is True
    assert switched == switches(granted)
    assert event["context"]["consent"] == {"categoryPreferences": {each: each in granted for each in CATEGORIES}}


def open_with(visit: Visit, mode: Mode, path: str, granted: Sequence[str]) -> None:
    visit.consent(mode.site, granted)
    visit.open(mode.site + path)


@pytest.mark.parametrize("granted", SUBSETS, ids=lambda granted: "+".join(granted) or "none")
def test_each_destination_gets_what_it_may(
    granted: tuple[str, ...], mode: Mode, network: Network, browser: Browser
) -> None:
    runs = "analytics" in granted
    wanted = [name for name in DEVICE if runs and CONNECTED[name] in granted]
    with browser.visitor(mode.through) as visit:
        open_with(visit, mode, "/", granted)
        for kind in EVENTS if runs else ():
            network.wait_for(f"{API}/{kind[0]}")
        visit.settle()
        assert scripts(network) == set(wanted)
        assert whole(network, wanted)
        assert sorted(event["type"] for event in sent(network)) == sorted(EVENTS if runs else ())
        for event in sent(network):
            assert_filtered(event, granted)

        # A batch, and a beacon, as the page goes.
        network.clear()
        network.serve(SERVES)
        visit.open(f"{mode.site}/batch")
        if runs:
            visit.page.wait_for_function("window.analytics.initialized")
            visit.settle()
        visit.open(f"{mode.site}/after")
        wait_for_last(visit.page, network)
        posted = ["b", "t"] if runs else []
        wait_until(visit, lambda: sorted(request.path[-1] for request in posts(network)) == posted)
        for request in posts(network):
            if request.path.endswith("/b"):
                assert [event["type"] for event in events_in(request)] == list(EVENTS)
            else:
                assert b'"properties":{"n":12345678901234567890.0}' in request.body
        for event in sent(network):
            assert_filtered(event, granted)
        assert visit.errors == []
