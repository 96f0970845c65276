"""Real consent platforms, of which Consentry was told nothing, with the real Segment behind.

The page is what a site owner would write: Segment's snippet in the head, calls to it in the body, the platform
below. What the visitor chose is read from what the platform itself writes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from playwright.sync_api import Page, Request

from tests.kit.browser import NEIGHBOUR, Browser, Visit, wait_for_last
from tests.kit.cases import cases
from tests.kit.network import Network
from tests.kit.npm import package_file
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

SEGMENT = next(case for case in cases() if case.name == "segment")
SNIPPET = SEGMENT.page.decode().partition("<script>")[2].partition("</script>")[0]
EVENTS = "https://api.segment.io/v1/*"
JAVASCRIPT = "text/javascript; charset=utf-8"
# What the page below asks of Segment while it loads, in this order.
CALLS = ["page", "identify user_1", "track a", "track b"]

KLARO = """
<script>
  var klaroConfig = {
    elementID: 'klaro', groupByPurpose: false, acceptAll: true, lang: 'en',
    services: ['functional', 'analytics', 'marketing'].map(function (name) {
      return {name: name, title: name, purposes: [name]};
    })
  };
</script>
<script src="/klaro.js"></script>
"""

VANILLA = """
<link rel="stylesheet" href="/cookieconsent.css">
<script src="/cookieconsent.js"></script>
<script>
  CookieConsent.run({
    // The library hides itself from browsers that a program drives.
    hideFromBots: false,
    categories: {necessary: {enabled: true, readOnly: true}, functional: {}, analytics: {}, marketing: {}},
    language: {default: 'en', translations: {en: {
      consentModal: {title: 'Cookies', description: 'May we?',
        acceptAllBtn: 'All', acceptNecessaryBtn: 'None', showPreferencesBtn: 'Choose'},
      preferencesModal: {title: 'Choose', acceptAllBtn: 'All', acceptNecessaryBtn: 'None',
        savePreferencesBtn: 'Save', sections: [
        {title: 'Functional', linkedCategory: 'functional'},
        {title: 'Analytics', linkedCategory: 'analytics'},
        {title: 'Marketing', linkedCategory: 'marketing'}
      ]}
    }}}
  });
</script>
"""


@dataclass(frozen=True, slots=True)
class Platform:
    """A consent platform: how it is built into a page, and where a visitor clicks."""

    name: str
    markup: str
    files: dict[str, tuple[str, str, str]]
    accept: str
    reject: str
    choose: str
    reopen: str
    switch: str
    # What shows the state of a switch, and is there to click.
    handle: str
    save: str
    # The attributes by which the platform itself starts a script that a site has made inert for it.
    marks: str

    def say(self, page: Page, granted: set[str]) -> None:
        """Say it in the preference centre, which is open: grant these categories and no others."""
        for category in ("functional", "analytics", "marketing"):
            page.locator(self.handle.format(category)).wait_for()
            if page.locator(self.switch.format(category)).is_checked() != (category in granted):
                page.locator(self.handle.format(category)).click()
        page.locator(self.save).click()


PLATFORMS = [
    Platform(
        name="klaro",
        markup=KLARO,
        files={"/klaro.js": ("klaro", "0.7.22", "dist/klaro.js")},
        accept=".cookie-notice .cm-btn-success",
        reject=".cookie-notice .cn-decline",
        choose=".cookie-notice .cm-link",
        reopen="klaro.show()",
        switch="#service-item-{}",
        handle="label[for=service-item-{}] .slider",
        save=".cm-btn-accept",
        marks='type="text/plain" data-type="text/javascript" data-name="analytics"',
    ),
    Platform(
        name="vanilla-cookieconsent",
        markup=VANILLA,
        files={
            "/cookieconsent.js": ("vanilla-cookieconsent", "3.1.0", "dist/cookieconsent.umd.js"),
            "/cookieconsent.css": ("vanilla-cookieconsent", "3.1.0", "dist/cookieconsent.css"),
        },
        accept="#cc-main .cm [data-role=all]",
        reject="#cc-main .cm [data-role=necessary]",
        choose="#cc-main .cm [data-role=show]",
        reopen="CookieConsent.showPreferences()",
        switch="#cc-main .section__toggle[value={}]",
        handle="#cc-main .section__toggle[value={}]",
        save="#cc-main .pm [data-role=save]",
        marks='type="text/plain" data-category="analytics"',
    ),
]


def page_with(platform: Platform, attributes: str = "") -> bytes:
    """The page: Segment's snippet, calls to it before anyone was asked, and the platform."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sample shop</title><link rel="icon" href="data:,">
<script {attributes}>{SNIPPET}</script></head>
<body><h1>Sample shop</h1>
<script>
  window.analytics = window.analytics || [];
  if (analytics.track) {{ analytics.identify('user_1', {{plan: 'pro'}}); analytics.track('a'); analytics.track('b'); }}
</script>
{platform.markup}
</body></html>""".encode()


@dataclass
class Told:
    """What a tab has told Segment, in the order in which it did."""

    calls: list[str] = field(default_factory=list)
    visitors: list[str] = field(default_factory=list)

    def note(self, request: Request) -> None:
        if request.url.startswith("https://api.segment.io/v1/") and request.method == "POST":
            said: dict[str, Any] = json.loads(request.post_data or "{}")
            self.calls.append(_call(said))
            self.visitors.append(said["anonymousId"])


class Shop:
    """The site behind Consentry, and what reached Segment."""

    def __init__(self, site: Site, url: str, network: Network) -> None:
        self.site = site
        self.url = url
        self.network = network

    def forget(self) -> None:
        """Forget what has arrived so far."""
        self.network.clear()
        self.network.serve(SEGMENT.serves)

    def arrived(self) -> Counter[str]:
        """How often each call has arrived at Segment."""
        posts = [each for each in self.network.requests_to(EVENTS) if each.method == "POST"]
        return Counter(_call(json.loads(each.body)) for each in posts)

    def wait_for(self, page: Page, wanted: list[str]) -> None:
        """Wait until these calls have arrived; there must be no others."""
        for _ in range(300):
            if self.arrived() >= Counter(wanted):
                break
            page.wait_for_timeout(50)
        wait_for_last(page, self.network)
        assert self.arrived() == Counter(wanted)

    def silent(self, page: Page) -> bool:
        """Whether nothing has reached a vendor."""
        wait_for_last(page, self.network)
        return {each.host for each in self.network.requests()} == {NEIGHBOUR}


def _call(said: dict[str, Any]) -> str:
    """A call in words, as in CALLS."""
    detail = {"track": "event", "identify": "userId"}.get(said["type"])
    return f"{said['type']} {said[detail]}" if detail else str(said["type"])


@pytest.fixture(params=PLATFORMS, ids=lambda platform: platform.name)
def platform(request: pytest.FixtureRequest) -> Platform:
    platform: Platform = request.param
    return platform


@pytest.fixture
def shop(platform: Platform, site: tuple[Site, Server], proxy: Proxy, network: Network) -> Shop:
    for path, (package, version, file) in platform.files.items():
        kind = "text/css" if path.endswith(".css") else JAVASCRIPT
        site[0].page(path, package_file(package, version, file), kind)
    site[0].page("/", page_with(platform))
    site[0].page("/inert", page_with(platform, platform.marks))
    network.serve(SEGMENT.serves)
    return Shop(site[0], f"http://localhost:{proxy.port}", network)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    with browser.visitor() as visit:
        yield visit
        assert visit.errors == []


def opened(visit: Visit, url: str) -> Told:
    """Open a page whose calls to Segment are noted, and wait for the platform to ask."""
    told = Told()
    visit.page.on("request", told.note)
    visit.open(url)
    return told


def traces(visit: Visit, url: str) -> set[str]:
    """What Segment has left on the site."""
    return {name for name in visit.cookies(url) | visit.storage() if name.startswith(("ajs_", "persisted-queue"))}


def test_accepting_brings_what_was_called_before_once_and_in_order(
    platform: Platform, shop: Shop, visit: Visit
) -> None:
    told = opened(visit, shop.url)
    visit.page.wait_for_selector(platform.accept)
    assert shop.silent(visit.page)
    assert traces(visit, shop.url) == set()
    shop.forget()
    visit.page.locator(platform.accept).click()
    shop.wait_for(visit.page, CALLS)
    assert told.calls == CALLS
    assert len(set(told.visitors)) == 1
    assert "ajs_anonymous_id" in visit.cookies(shop.url)
    visit.page.evaluate("analytics.track('c')")
    shop.wait_for(visit.page, [*CALLS, "track c"])


def test_rejecting_keeps_all_of_it_away_on_this_load_and_the_next(platform: Platform, shop: Shop, visit: Visit) -> None:
    opened(visit, shop.url)
    visit.page.locator(platform.reject).click()
    visit.page.evaluate("analytics.track('c')")
    visit.page.wait_for_function("consentry.get().categories.analytics === false")
    assert shop.silent(visit.page)
    shop.forget()
    visit.open(shop.url)
    visit.page.evaluate("analytics.track('d')")
    assert shop.silent(visit.page)
    assert traces(visit, shop.url) == set()


@pytest.mark.parametrize(
    ("granted", "heard"), [({"analytics"}, True), ({"functional", "marketing"}, False)], ids=["analytics", "others"]
)
def test_a_partial_choice_grants_exactly_what_it_says(
    platform: Platform, shop: Shop, visit: Visit, granted: set[str], heard: bool
) -> None:
    opened(visit, shop.url)
    visit.page.locator(platform.choose).click()
    platform.say(visit.page, granted)
    visit.page.wait_for_function("name => consentry.get().signal === 'platform ' + name", arg=platform.name)
    said = {name for name, value in visit.page.evaluate("consentry.get().categories").items() if value}
    assert said == granted
    if heard:
        shop.wait_for(visit.page, CALLS)
    else:
        assert shop.silent(visit.page)


def test_withdrawing_removes_the_traces_and_stops_all_sending(platform: Platform, shop: Shop, visit: Visit) -> None:
    opened(visit, shop.url)
    visit.page.locator(platform.accept).click()
    shop.wait_for(visit.page, CALLS)
    assert "ajs_anonymous_id" in traces(visit, shop.url)
    visit.page.evaluate(platform.reopen)
    platform.say(visit.page, {"functional"})
    visit.page.wait_for_function("consentry.get().categories.analytics === false")
    assert traces(visit, shop.url) == set()
    shop.forget()
    visit.page.evaluate(
        "Promise.all([analytics.track('withdrawn'), analytics.identify('user_2'), analytics.page()]).then(() => {})"
    )
    assert shop.silent(visit.page)
    assert traces(visit, shop.url) == set()
    visit.open(shop.url)
    visit.page.evaluate("analytics.track('on a later page')")
    assert shop.silent(visit.page)
    assert traces(visit, shop.url) == set()


def accepted_and_withdrawn(platform: Platform, shop: Shop, visit: Visit) -> tuple[Told, set[str]]:
    """A visitor who accepted and took it back; what the tab tells from here on, and who it was until then."""
    told = opened(visit, shop.url)
    visit.page.locator(platform.accept).click()
    shop.wait_for(visit.page, CALLS)
    before = set(told.visitors)
    visit.page.evaluate(platform.reopen)
    platform.say(visit.page, set())
    visit.page.wait_for_function("consentry.get().categories.analytics === false")
    return told, before


def test_accepting_again_on_the_same_page_makes_a_new_visitor(platform: Platform, shop: Shop, visit: Visit) -> None:
    told, before = accepted_and_withdrawn(platform, shop, visit)
    shop.forget()
    told.visitors.clear()
    visit.page.evaluate(platform.reopen)
    platform.say(visit.page, {"analytics"})
    visit.page.wait_for_function("consentry.get().categories.analytics === true")
    visit.page.evaluate("analytics.track('again')")
    shop.wait_for(visit.page, ["track again"])
    assert len(set(told.visitors)) == 1
    assert not before & set(told.visitors)


def test_accepting_again_on_a_later_page_makes_a_new_visitor(platform: Platform, shop: Shop, visit: Visit) -> None:
    told, before = accepted_and_withdrawn(platform, shop, visit)
    visit.open(shop.url)
    shop.forget()
    told.visitors.clear()
    visit.page.evaluate(platform.reopen)
    platform.say(visit.page, {"analytics"})
    visit.page.wait_for_function("consentry.get().categories.analytics === true")
    visit.page.evaluate("analytics.track('again')")
    shop.wait_for(visit.page, [*CALLS, "track again"])
    assert len(set(told.visitors)) == 1
    assert not before & set(told.visitors)


def test_the_other_tabs_of_the_site_follow(platform: Platform, shop: Shop, visit: Visit) -> None:
    opened(visit, shop.url)
    other = visit.context.new_page()
    errors: list[str] = []
    other.on("pageerror", lambda error: errors.append(str(error)))
    told = Told()
    other.on("request", told.note)
    other.goto(shop.url)
    assert shop.silent(other)
    shop.forget()
    visit.page.locator(platform.accept).click()
    other.wait_for_function("analytics.initialized")
    other.evaluate("analytics.track('in the other tab')")
    shop.wait_for(visit.page, [*CALLS, *CALLS, "track in the other tab"])
    other.wait_for_load_state("networkidle")
    assert told.calls == [*CALLS, "track in the other tab"]
    visit.page.evaluate(platform.reopen)
    platform.say(visit.page, set())
    other.wait_for_function("consentry.get().categories.analytics === false")
    shop.forget()
    other.evaluate("analytics.track('withdrawn elsewhere')")
    assert shop.silent(other)
    assert traces(visit, shop.url) == set()
    assert errors == []


def test_a_script_that_the_platform_holds_itself_runs_once(platform: Platform, shop: Shop, visit: Visit) -> None:
    opened(visit, f"{shop.url}/inert")
    visit.page.wait_for_selector(platform.accept)
    assert shop.silent(visit.page)
    shop.forget()
    visit.page.locator(platform.accept).click()
    shop.wait_for(visit.page, ["page"])
    assert len([each for each in visit.page.context.cookies(shop.url) if each.get("name") == "ajs_anonymous_id"]) == 1


def test_a_choice_that_only_the_page_can_see_counts_at_once_and_from_the_next_page_on(
    site: tuple[Site, Server], proxy: Proxy, network: Network, visit: Visit
) -> None:
    vanilla = PLATFORMS[1]
    stored = VANILLA.replace("hideFromBots: false,", "hideFromBots: false, cookie: {useLocalStorage: true},")
    for path, (package, version, file) in vanilla.files.items():
        kind = "text/css" if path.endswith(".css") else JAVASCRIPT
        site[0].page(path, package_file(package, version, file), kind)
    site[0].page("/stored", page_with(replace(vanilla, markup=stored)))
    network.serve(SEGMENT.serves)
    shop = Shop(site[0], f"http://localhost:{proxy.port}", network)
    opened(visit, f"{shop.url}/stored")
    assert shop.silent(visit.page)
    shop.forget()
    visit.page.locator(vanilla.accept).click()
    shop.wait_for(visit.page, CALLS)
    assert "cc_cookie" not in visit.cookies(shop.url)
    visit.open(f"{shop.url}/stored")
    assert visit.page.locator("script[type='text/x-consentry']").count() == 0
    shop.forget()
    visit.page.evaluate(vanilla.reopen)
    vanilla.say(visit.page, {"functional"})
    visit.page.wait_for_function("consentry.get().categories.analytics === false")
    assert traces(visit, shop.url) == set()
    visit.open(f"{shop.url}/stored")
    assert visit.page.locator("script[type='text/x-consentry']").count() > 0
