"""Segment's real library and real destinations: each gets what the visitor's consent covers, and nothing else.

A source has twelve destinations, three of them in the page. For every set of categories that a visitor may grant, in
both modes, exactly the right scripts load and exactly the right switches and preferences reach Segment.
"""

from __future__ import annotations

import gzip
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import pytest

from proxy_addon.catalogue.load import load
from tests.kit.browser import Browser, Visit, wait_for_last
from tests.kit.cases import CATEGORIES, Npm, Serve
from tests.kit.certificates import Authority
from tests.kit.messages import Request, Response
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


_INTRODUCTION = """\
# What each consent lets a router's destinations have

<!-- Written by: pytest tests/e2e/test_destinations.py --write-docs -->

A site uses Segment with twelve destinations, three of them in the page, and its visitor grants the categories at the
head of a column and denies the others. The suite (`tests/e2e/test_destinations.py`) loads Segment's own library and the
code of those three from npm in a real Chromium, in reverse and in forward mode, and counts what arrives: *script* is
the destination's code and its vendor's own script, *events* means that each of page, identify, track, group and alias,
alone, in a batch and in a beacon, reaches Segment with the destination switched on (its switches say so, or say
nothing against it), and with `context.consent.categoryPreferences` as granted. A dot means that no script loads, and
that each event either is held or carries a switch that is off. Without analytics Segment itself is held.

"""


_LATER = """
## When the visitor chooses again while a page is open

- What is newly allowed comes without a reload where the router's code can take it up: with Segment the destinations of
  the actions kind, and all that its servers forward to. Destinations of the classic kind, those with destination
  filters (`routingRules`), and middleware that the site has set for one destination only, come with the next page.
- What is refused is switched off in the library and in each event from then on. Requests of its code that runs already
  are held if its vendor is in the catalogue.
- Where Segment itself is refused, its ids, its traits and the queue of events that were not sent are deleted, and the
  library forgets whom it knew: who consents again is somebody else.

## What the page cannot do

- A beacon or an event that the page sends as it goes is filtered if it can be read at once: a text, bytes, or a Blob
  made of one text shorter than 64 KB. Any other Blob, and what is compressed, is filtered while the page stays open,
  and not sent if it goes first. So is whatever a page sends before the filter is there, which it fetches when a router
  makes its first request. Where nothing is refused, what cannot wait for the filter goes out as it is.
- A worker that started before the settings came does not hear what is connected; where the proxy does not know it
  either, its events reach what is listed and allowed.
- Settings that a site builds into its code (`cdnSettings`) are not filtered: events are, and code of vendors in the
  catalogue is held.
"""


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
DOCS = Path(__file__).resolve().parents[2] / "docs" / "destinations.md"
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
    const event = {{type: 'track', event: 'Left', writeKey: '{KEY}', userId: 'u', context: {{}}, properties: {{n: 0}}}};
    const body = JSON.stringify(event).replace('"n":0', '"n":12345678901234567890.0');
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


@dataclass(frozen=True, slots=True)
class Arrived:
    """What one consent let arrive: destinations whose scripts were asked for, and those that events may go on to."""

    scripts: set[str]
    events: set[str]


# By mode, and what was granted.
Measured = dict[tuple[str, tuple[str, ...]], Arrived]


@dataclass(frozen=True)
class Mode:
    """A proxy, and where a browser finds the site through it."""

    name: str
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
    return Mode("reverse", proxy, f"http://localhost:{proxy.port}", None)


@pytest.fixture(scope="module")
def forward(
    shop: Site, whole_network: Network, confdir: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mode]:
    whole_network.host("destinations.example", shop)
    options = ["--confdir", str(confdir), "--upstream-ca", str(authority.pem)]
    for port in (whole_network.secure.port, whole_network.plain.port):
        options += ["--resolve", f"*:{443 if port == whole_network.secure.port else 80}:127.0.0.1:{port}"]
    with Proxy("forward", *options, folder=tmp_path_factory.mktemp("forward")) as proxy:
        yield Mode("forward", proxy, "https://destinations.example", proxy.url)


@pytest.fixture(scope="module")
def measured() -> Measured:
    return {}


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


def came(network: Network, *urls: str) -> bool:
    """Whether all of these have been asked for."""
    return {request.url for request in network.requests()}.issuperset(urls)


def whole(network: Network, names: Sequence[str]) -> bool:
    """Whether both scripts of each of these have been asked for."""
    return all(came(network, f"{ACTIONS}/{DEVICE[name].file}", DEVICE[name].loads) for name in names)


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


def reached(network: Network) -> set[str]:
    """Destinations that Segment would send every event to which reached it, by the switches that these carry."""
    events = [event["integrations"] for event in sent(network)]
    return {name for name in CONNECTED if events and all(each.get(name, each.get("All", True)) for each in events)}


def leave(visit: Visit, mode: Mode) -> None:
    """Make the page send what it sends as it goes.

    What a page that has gone sends through a proxy does not have the user agent of its visitor, by which the proxy
    knows them: there the page is only told that it goes.
    """
    if mode.through:
        visit.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    else:
        visit.open(f"{mode.site}/after")


@pytest.mark.parametrize("granted", SUBSETS, ids=lambda granted: "+".join(granted) or "none")
def test_each_destination_gets_what_it_may(
    granted: tuple[str, ...], mode: Mode, network: Network, browser: Browser, measured: Measured
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
        measured[mode.name, granted] = Arrived(scripts(network), reached(network))
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
        leave(visit, mode)
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


def test_the_docs_say_what_was_measured(request: pytest.FixtureRequest, measured: Measured) -> None:
    if {granted for _, granted in measured} != set(SUBSETS) or {mode for mode, _ in measured} != {"reverse", "forward"}:
        pytest.skip("not every consent was tried")
    for granted in SUBSETS:
        assert measured["reverse", granted] == measured["forward", granted]
    written = table({granted: measured["reverse", granted] for granted in SUBSETS})
    if request.config.getoption("--write-docs", default=False):
        DOCS.write_text(written, "utf-8")
    assert DOCS.read_text("utf-8") == written, "write it anew: pytest tests/e2e/test_destinations.py --write-docs"


def table(arrived: Mapping[tuple[str, ...], Arrived]) -> str:
    """The page, in Markdown."""
    heads = [", ".join(granted) or "nothing" for granted in arrived]
    rows = [["destination", "needs", *heads], ["---", "---", *("---" for _ in heads)]]
    for name, category in CONNECTED.items():
        cells = [
            ("script, events" if name in DEVICE else "events") if name in each.events else "·"
            for each in arrived.values()
        ]
        assert all((name in each.scripts) == (name in each.events) for each in arrived.values() if name in DEVICE)
        rows.append([name, category, *cells])
    return _INTRODUCTION + "".join(f"| {' | '.join(row)} |\n" for row in rows) + _LATER


@pytest.fixture
def one(reverse: Mode, network: Network) -> Mode:
    network.serve(SERVES)
    return reverse


def choose(visit: Visit, granted: Sequence[str]) -> None:
    """Let the visitor choose, in the page, and wait until all that the choice allows has started."""
    visit.page.evaluate(
        "choice => window.consentry.set(choice).then(() => {})", {each: each in granted for each in CATEGORIES}
    )


def track(visit: Visit, network: Network, name: str) -> dict[str, Any]:
    """The event of this name, once the page has sent it."""
    visit.page.evaluate("name => { analytics.track(name) }", name)
    wait_until(visit, lambda: any(event.get("event") == name for event in sent(network)))
    return next(event for event in sent(network) if event.get("event") == name)


def test_a_destination_that_is_allowed_later_comes_without_a_reload(
    one: Mode, network: Network, browser: Browser
) -> None:
    with browser.visitor() as visit:
        open_with(visit, one, "/", ["analytics"])
        assert_filtered(track(visit, network, "Before"), ["analytics"])
        visit.settle()
        assert scripts(network) == {"Google Analytics 4 Web"}
        choose(visit, ["analytics", "functional"])
        wait_until(visit, lambda: whole(network, ["Intercom Web (Actions)"]))
        assert_filtered(track(visit, network, "Functional too"), ["analytics", "functional"])
        choose(visit, CATEGORIES)
        wait_until(visit, lambda: whole(network, list(DEVICE)))
        event = track(visit, network, "All of it")
        assert_filtered(event, CATEGORIES)
        # The library's own account of what runs and what does not.
        assert (
            visit.page.evaluate("analytics.queue.plugins.map(each => each.name)").count("Intercom Web (Actions)") == 1
        )
        assert visit.errors == []


def test_a_destination_that_is_refused_later_gets_nothing_more(one: Mode, network: Network, browser: Browser) -> None:
    with browser.visitor() as visit:
        open_with(visit, one, "/", CATEGORIES)
        network.wait_for(f"{API}/a")
        wait_until(visit, lambda: whole(network, list(DEVICE)))
        # What the destination's code calls in the page: a queue, until the vendor's script, empty here, takes it over.
        calls = "window.Intercom.q.length"
        track(visit, network, "With all")
        before = visit.page.evaluate(calls)
        choose(visit, ["analytics", "marketing"])
        assert_filtered(track(visit, network, "Without functional"), ["analytics", "marketing"])
        visit.settle()
        assert visit.page.evaluate(calls) == before
        choose(visit, CATEGORIES)
        assert_filtered(track(visit, network, "With all again"), CATEGORIES)
        # Its code is there already, and is not loaded again.
        assert len(network.requests_to(f"{ACTIONS}/{DEVICE['Intercom Web (Actions)'].file}")) == 1
        assert visit.errors == []


def test_a_classic_destination_that_is_refused_is_not_loaded(one: Mode, network: Network, browser: Browser) -> None:
    versions = {"version": "2.11.5", "componentTypes": ["browser"]}
    classic = {"Facebook Pixel": {"type": "browser", "bundlingStatus": "bundled", "versionSettings": versions}}
    said = settings()
    said["integrations"] |= classic
    network.serve([Serve(f"{CDN}/v1/projects/*/settings", "application/json", text=json.dumps(said)), *SERVES])
    code = f"{CDN}/next-integrations/integrations/facebook-pixel/2.11.5/facebook-pixel.dynamic.js.gz"
    with browser.visitor() as visit:
        open_with(visit, one, "/", ["analytics"])
        assert track(visit, network, "Without")["integrations"]["Facebook Pixel"] is False
        visit.settle()
        assert network.requests_to(code) == []
        open_with(visit, one, "/", ["analytics", "marketing"])
        network.wait_for(code)


def test_the_evidence_says_of_each_event_where_it_went(one: Mode, network: Network, browser: Browser) -> None:
    since = one.proxy.mark()
    with browser.visitor() as visit:
        open_with(visit, one, "/", ["analytics", "functional"])
        track(visit, network, "Newsletter Joined")
        said = one.proxy.wait_for_verdict(lambda each: each.reason.startswith("track 'Newsletter Joined' → "), since)
        kept, off = said.reason.partition(" → kept: ")[2].split("; switched off: ")
        assert kept.split(", ") == sorted(name for name in CONNECTED if CONNECTED[name] != "marketing")
        assert [each.split(" (marketing is denied")[0] for each in off.split("), ")] == sorted(
            name for name in CONNECTED if CONNECTED[name] == "marketing"
        )
        assert (said.outcome, said.layer, said.vendor, said.verdict) == ("filtered", "guard", "segment", "allow")
        assert not any("user_1" in each.reason + each.url for each in one.proxy.verdicts(since))


@pytest.fixture(params=["strict", "base"])
def governed(request: pytest.FixtureRequest, shop: Site, confdir: Path, tmp_path: Path) -> Iterator[tuple[str, Mode]]:
    """Another policy, and the site under it. Nobody is asked what is connected."""
    options = ["--confdir", str(confdir), "--router-policy", request.param, "--no-ask-routers"]
    with Proxy(request.getfixturevalue("site")[1].url, *options, folder=tmp_path) as proxy:
        yield request.param, Mode("reverse", proxy, f"http://localhost:{proxy.port}", None)


def test_another_policy_is_the_pages_too(governed: tuple[str, Mode], network: Network, browser: Browser) -> None:
    policy, mode = governed
    network.serve(SERVES)
    with browser.visitor() as visit:
        open_with(visit, mode, "/", ["analytics"])
        if policy == "strict":
            # What is connected is not known: all categories are needed.
            visit.settle()
            assert network.requests() == []
            choose(visit, CATEGORIES)
            assert_filtered(track(visit, network, "Now"), CATEGORIES)
            wait_until(visit, lambda: whole(network, list(DEVICE)))
        else:
            event = track(visit, network, "As ever")
            assert (event["integrations"], event["context"].get("consent")) == ({}, None)
            # Nothing is taken out of the settings; what it then asks its own servers for is judged as any vendor's.
            wait_until(visit, lambda: came(network, f"{ACTIONS}/{DEVICE['StackAdapt (Actions)'].file}"))
            visit.settle()
            assert not came(network, DEVICE["StackAdapt (Actions)"].loads)
        assert visit.errors == []


def ids(visit: Visit, mode: Mode) -> list[str]:
    """What Segment keeps on the visitor: cookies, and keys of web storage."""
    kept = [*visit.cookies(mode.site), *visit.storage()]
    return sorted(name for name in kept if name.startswith(("ajs_", "persisted-queue:", "segmentio.", "seg_")))


def test_who_withdraws_and_consents_again_is_somebody_else(one: Mode, network: Network, browser: Browser) -> None:
    with browser.visitor() as visit:
        visit.open(f"{one.site}/")
        visit.settle()
        # Nobody is anybody before consent.
        assert (ids(visit, one), network.requests()) == ([], [])
        choose(visit, ["analytics"])
        first = track(visit, network, "First")
        assert "ajs_anonymous_id" in ids(visit, one)
        assert first["userId"] == "user_1"
        choose(visit, [])
        assert ids(visit, one) == []
        visit.page.evaluate("analytics.track('In between')")
        choose(visit, ["analytics"])
        second = track(visit, network, "Second")
        assert second["anonymousId"] != first["anonymousId"]
        assert "userId" not in second or second["userId"] is None
        visit.open(f"{one.site}/after")
        choose(visit, [])
        assert ids(visit, one) == []
        choose(visit, ["analytics"])
        visit.open(f"{one.site}/")
        third = track(visit, network, "Third")
        assert third["anonymousId"] not in (first["anonymousId"], second["anonymousId"])
        assert not any(event.get("event") == "In between" for event in sent(network))
        assert visit.errors == []


def test_events_that_wait_to_be_sent_go_with_the_consent(one: Mode, network: Network, browser: Browser) -> None:
    with browser.visitor() as visit:
        open_with(visit, one, "/", ["analytics"])
        track(visit, network, "Sent")
        # The library believes that it is offline.
        visit.page.evaluate("Object.defineProperty(navigator, 'onLine', {get: () => false})")
        visit.page.evaluate("analytics.track('Waiting')")
        visit.open(f"{one.site}/after")
        assert any(name.startswith("persisted-queue:") for name in ids(visit, one))
        choose(visit, [])
        assert ids(visit, one) == []
        choose(visit, ["analytics"])
        visit.open(f"{one.site}/")
        track(visit, network, "Anew")
        visit.settle()
        assert not any(event.get("event") == "Waiting" for event in sent(network))


SENDING = Template((Path(__file__).parent / "sending.html").read_text("utf-8").replace("${", "$${")).substitute(
    API=API, CDN=CDN, KEY=KEY
)


def test_events_are_filtered_whatever_sends_them(one: Mode, shop: Site, network: Network, browser: Browser) -> None:
    arrived: list[dict[str, Any]] = []
    shop.page("/sending", SENDING.encode())

    def collect(request: Request) -> Response:
        arrived.append(json.loads(request.body))
        return Response(status=204)

    shop.route("/collect/v1/t", collect)

    def unpacked(request: Request) -> dict[str, Any]:
        body = request.body
        event: dict[str, Any] = json.loads(gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)
        return event

    def found() -> dict[str, dict[str, Any]]:
        return {event["event"]: event for event in [*map(unpacked, posts(network)), *arrived]}

    with browser.visitor() as visit:
        open_with(visit, one, "/sending", ["analytics"])
        for kind in ("", "json", "arraybuffer"):
            said = visit.page.evaluate("kind => settings(kind)", kind)
            names = set((json.loads(said) if isinstance(said, str) else said)["integrations"])
            assert names == {
                "Segment.io",
                *(name for name in settings()["integrations"] if CONNECTED.get(name) == "analytics"),
            }
        assert visit.page.evaluate("settings('blob')") is None
        visit.page.evaluate("send(held)")
        ways = visit.page.evaluate("send(ways)")
        wait_until(visit, lambda: set(ways) <= set(found()))
        wait_for_last(visit.page, network)
        assert sorted(found()) == sorted(ways)
        for event in found().values():
            assert_filtered(event, ["analytics"])
        assert [
            request.url for request in network.requests_to(f"{API}/*") if request.method not in ("POST", "OPTIONS")
        ] == []
        assert visit.errors == []
