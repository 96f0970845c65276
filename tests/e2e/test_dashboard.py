"""The dashboard in a browser of its own: rows appear as the shop is browsed, and the shop follows its switches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from proxy_addon.demo.shop import Shop
from tests.kit.browser import Browser, Visit
from tests.kit.cases import Serve, cases
from tests.kit.certificates import Authority
from tests.kit.messages import Response
from tests.kit.network import Network
from tests.kit.npm import package_file
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

DOCS = Path(__file__).resolve().parents[2] / "docs"
WIDTHS = (360, 1440)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SEGMENT = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
META = "https://connect.facebook.net/en_US/fbevents.js"
FIREBASE = tuple(
    Serve(url=f"https://www.gstatic.com/firebasejs/*/firebase-{part}.js", type="text/javascript", text=code)
    for part, code in (
        ("app", "export const initializeApp = (config) => ({ config });"),
        ("auth", "export const getAuth = (app) => app; export const onAuthStateChanged = () => {};"),
    )
)
# What a hostile site would like to see run in the dashboard.
EVIL = "\"'><img src=x onerror=hacked=1><script>hacked=1</script>"
# `evil` is that, wherever a page can name something.
ATTACK = """
document.cookie = 'evil' + evil.replace(/;/g, '') + '=1';
const post = (path, body) => fetch('/__consentry/' + path, { method: 'POST', body: JSON.stringify(body) });
addEventListener('load', () => {
  new Image().src = 'https://connect.' + 'facebook.net/' + encodeURI(evil) + '?' + evil;
  fetch('https://evil.example/' + evil).catch(() => {});
  for (const vendor of ['hotjar', evil, '__proto__']) {
    const rows = ['held', 'trouble'].map((outcome) => ({ outcome, vendor, url: evil, type: evil }));
    post('report', { page: location.origin + '/' + evil, rows });
  }
  const vendors = { [evil]: true, constructor: false };
  post('consent', { consent: { categories: { analytics: false }, vendors, gpc: false } });
  post('live', { hosts: [[evil, evil], ['a.evil.example', evil]] });
});
"""
# From a page whose script may be anybody's: everything that could be asked of the dashboard.
TRIES = """async (base) => {
  const seen = [], post = { method: 'POST', body: '{}' };
  const asked = [['', {}], ['api/rows', {}], ['api/consent', post]];
  for (const [path, given] of asked) for (const mode of ['cors', 'no-cors']) {
    try {
      const answer = await fetch(base + path, { ...given, mode, credentials: 'include' });
      seen.push(answer.type + answer.status + await answer.text());
    } catch (error) {
      seen.push('refused');
    }
  }
  return seen;
}"""
FRAMES = """(base) => new Promise((done) => {
  const frame = document.createElement('iframe');
  frame.onload = done;
  frame.src = base;
  document.body.append(frame);
})"""
# When each row was there, by the clock of this machine.
TIMES = """() => {
  window.there = {};
  new MutationObserver(() => {
    for (const button of document.querySelectorAll('#rows .more')) there[button.textContent] ??= Date.now() / 1000;
  }).observe(document.getElementById('rows'), { childList: true });
}"""
# Cookiebot's cookie, where everything was refused.
REFUSED = (
    "{stamp:%27x%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:false%2Cmarketing:false%2Cmethod:%27explicit%27}"
)
# Tests and axe see into closed shadow trees only if these are opened for them.
OPEN = """
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (how) { return attach.call(this, {...how, mode: 'open'}); };
"""


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop() as shop:
        yield shop


@pytest.fixture(scope="module")
def proxy(shop: Shop, confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Consentry in front of the sample shop, with dashboard and badge."""
    options = ("--confdir", str(confdir), "--dashboard", "127.0.0.1:0", "--badge")
    with Proxy(shop.url, *options, folder=tmp_path_factory.mktemp("work")) as proxy:
        yield proxy


@pytest.fixture
def vendors(network: Network) -> Network:
    """The fake network, with all that the shop's tags may fetch."""
    network.serve([*FIREBASE, *(serve for case in cases() for serve in case.serves)])
    return network


@pytest.fixture
def visit(browser: Browser, vendors: Network) -> Iterator[Visit]:
    """Somebody who shops."""
    with browser.visitor() as visit:
        yield visit


@pytest.fixture
def viewer(browser: Browser) -> Iterator[Visit]:
    """Somebody who watches; nothing may go wrong in the dashboard, nor be kept from it by its own policy."""
    with browser.visitor() as viewer:
        yield viewer
        assert viewer.errors == []
        assert viewer.console == []


def look(viewer: Visit, proxy: Proxy, path: str = "") -> Page:
    """Open a page of the dashboard, and wait until it is up to date."""
    viewer.open(proxy.dashboard + path)
    if path in ("", "consent"):
        expect(viewer.page.locator("#state-words")).to_have_text("Live")
    return viewer.page


def listening(page: Page) -> Page:
    """Wait until the visitor's page listens for what is set."""
    expect(page.locator("#open")).to_contain_text("takes effect there at once")
    return page


def row(page: Page, vendor: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("button", name=vendor))


def status(visit: Visit) -> Locator:
    return visit.page.locator("#status-line")


def consent(visit: Visit) -> dict[str, Any]:
    said: dict[str, Any] = visit.page.evaluate("consentry.get()")
    return said


# Live


def test_rows_appear_within_a_second_while_the_shop_is_browsed(proxy: Proxy, visit: Visit, viewer: Visit) -> None:
    page = look(viewer, proxy)
    page.evaluate(TIMES)
    page.get_by_label("Time").select_option("follow")
    mark = proxy.mark()
    visit.open(proxy.url)
    expect(row(page, "Segment.io").locator("td.count").first).not_to_have_text("0")
    expect(row(page, "Meta Pixel")).to_be_visible()
    first = {each.vendor for each in proxy.verdicts(mark)}
    assert {"segment", "meta-pixel", "hotjar"} <= first
    recorded = page.evaluate("Number(document.querySelector('#rows td.when[data-time]').dataset.time)")
    shown = page.evaluate("Math.min(...Object.values(window.there))")
    assert shown - recorded < 1


def test_a_row_opens_to_its_requests_and_the_rule_in_words(proxy: Proxy, visit: Visit, viewer: Visit) -> None:
    visit.open(proxy.url)
    page = look(viewer, proxy)
    button = page.get_by_role("button", name="Hotjar")
    button.focus()
    page.keyboard.press("Enter")
    requests = page.get_by_role("list", name="Requests of Hotjar")
    expect(requests.get_by_role("listitem").first).to_contain_text("Recognised by the rule")
    expect(requests).to_contain_text("analytics is unset, which gdpr counts as denied")
    expect(button).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Enter")
    expect(requests).to_be_hidden()


def test_filters_leave_what_is_wanted(proxy: Proxy, visit: Visit, viewer: Visit) -> None:
    visit.open(proxy.url)
    page = look(viewer, proxy)
    page.get_by_label("Time").select_option("follow")
    page.get_by_label("Category").select_option("marketing")
    expect(row(page, "Meta Pixel")).to_be_visible()
    expect(row(page, "Hotjar")).to_have_count(0)
    page.get_by_label("Category").select_option("")
    page.get_by_label("Vendor", exact=True).fill("hotj")
    expect(row(page, "Hotjar")).to_be_visible()
    expect(row(page, "Meta Pixel")).to_have_count(0)
    page.get_by_label("Held").uncheck()
    expect(page.locator("#none")).to_have_text("No vendor fits these filters.")


def test_the_timeline_shows_the_moment_of_consent(proxy: Proxy, visit: Visit, viewer: Visit) -> None:
    visit.open(proxy.url)
    page = look(viewer, proxy)
    expect(page.locator("#timeline .mark[data-kind=held]").first).to_be_attached()
    expect(page.locator("#timeline .consent-line")).to_have_count(0)
    visit.page.evaluate("consentry.set({functional: true, analytics: true, marketing: true})")
    expect(page.locator("#timeline .consent-line")).to_have_count(1)
    expect(page.locator("#timeline .consent-words")).to_have_text("all granted")
    expect(page.locator("#timeline .mark[data-kind=ran]").first).to_be_attached()
    expect(page.locator("#timeline-words")).to_contain_text("then all granted after")


# Consent


def test_the_shop_follows_the_dashboard_without_a_reload(
    proxy: Proxy, visit: Visit, viewer: Visit, vendors: Network
) -> None:
    visit.open(proxy.url)
    visit.page.evaluate("window.same = true")
    expect(status(visit)).to_contain_text("holds 12 vendor tags")
    page = listening(look(viewer, proxy, "consent"))

    page.get_by_role("button", name="Only analytics").click()
    expect(page.get_by_role("status")).to_have_text("Set on 1 open page.")
    vendors.wait_for("https://cdn.segment.com/analytics.js/**")
    expect(status(visit)).to_contain_text("holds 5 vendor tags")
    assert vendors.requests_to("https://connect.facebook.net/**") == []
    expect(page.get_by_role("group", name="Analytics").get_by_label("Granted")).to_be_checked()

    page.get_by_role("group", name="Marketing").get_by_label("Granted").check()
    vendors.wait_for("https://connect.facebook.net/**")
    expect(status(visit)).to_contain_text("holds nothing")
    expect(page.get_by_role("button", name="Accept all")).to_have_attribute("aria-pressed", "false")

    page.get_by_role("button", name="Nothing yet").click()
    expect(page.get_by_role("group", name="Analytics").get_by_label("Unset")).to_be_checked()
    assert "consentry" not in visit.cookies(proxy.url)
    assert consent(visit)["categories"] == {}
    assert visit.page.evaluate("window.same") is True


def test_one_vendor_can_be_refused_among_those_allowed(
    proxy: Proxy, visit: Visit, viewer: Visit, vendors: Network
) -> None:
    visit.open(proxy.url)
    page = listening(look(viewer, proxy, "consent"))
    page.get_by_label("Hotjar").select_option("denied")
    page.get_by_role("group", name="Analytics").get_by_label("Granted").check()
    vendors.wait_for("https://cdn.segment.com/analytics.js/**")
    assert vendors.requests_to("https://static.hotjar.com/**") == []
    assert consent(visit)["vendors"] == {"hotjar": False}
    page.get_by_label("Hotjar").select_option("unset")
    vendors.wait_for("https://static.hotjar.com/c/**")


def test_every_tab_of_the_site_follows_over_one_channel(proxy: Proxy, visit: Visit, viewer: Visit) -> None:
    visit.open(proxy.url)
    other = visit.context.new_page()
    other.goto(f"{proxy.url}/privacy")
    page = listening(look(viewer, proxy, "consent"))
    expect(page.locator("#open")).to_contain_text("1 page of it listens")
    page.get_by_role("button", name="Reject all").click()
    for each in (visit.page, other):
        each.wait_for_function("consentry.get().categories.marketing === false")
    # The tab that held the channel goes, and another takes it over.
    visit.page.close()
    page.get_by_role("button", name="Accept all").click()
    other.wait_for_function("consentry.get().categories.marketing === true")


def test_what_the_shops_own_banner_said_is_read_and_its_signal_named(proxy: Proxy, visit: Visit, viewer: Visit) -> None:
    visit.open(proxy.url)
    with visit.page.expect_navigation(wait_until="load"):
        visit.page.get_by_role("button", name="Reject all", exact=True).click()
    page = look(viewer, proxy, "consent")
    expect(page.locator("#read")).to_contain_text("functional denied, analytics denied, marketing denied")
    expect(page.locator("#read")).to_contain_text("cookie consentry")
    expect(page.locator("#history").get_by_role("listitem")).to_have_count(2)


def test_without_an_open_page_the_switches_rest(proxy: Proxy, visit: Visit, viewer: Visit) -> None:
    visit.open(proxy.url)
    page = listening(look(viewer, proxy, "consent"))
    visit.page.close()
    expect(page.locator("#open")).to_have_text("No page of it is open now. Open one, and the switches work.")
    expect(page.get_by_role("button", name="Accept all")).to_be_disabled()


@contextmanager
def in_front(confdir: Path, folder: Path, site: Site, *options: str) -> Iterator[tuple[Proxy, Server]]:
    server = Server(site)
    try:
        given = ("--confdir", str(confdir), "--dashboard", "127.0.0.1:0", *options)
        with Proxy(server.url, *given, folder=folder) as proxy:
            yield proxy, server
    finally:
        server.close()


@pytest.fixture(scope="module")
def front(confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, Site]]:
    """A site of the tests' own behind a dashboard, to which each of them adds its page."""
    site = Site()
    site.page("/favicon.ico", b"", "image/x-icon")
    with in_front(confdir, tmp_path_factory.mktemp("work"), site, "--badge") as (proxy, _):
        yield proxy, site


def tagged(*scripts: str, title: str = "Shop", head: str = "") -> bytes:
    tags = "".join(f'<script src="{script}"></script>' for script in scripts)
    return f'<!doctype html><html lang="en"><head><title>{title}</title>{head}{tags}</head><body><h1>Shop</h1>'.encode()


def test_a_browser_passes_for_one_that_sends_gpc(
    browser: Browser, network: Network, viewer: Visit, confdir: Path, tmp_path: Path
) -> None:
    site = Site()
    site.page("/", tagged(SEGMENT, META))
    with in_front(confdir, tmp_path, site, "--regime", "ccpa") as (proxy, _), browser.visitor() as visit:
        visit.open(proxy.url)
        network.wait_for(META)
        page = listening(look(viewer, proxy, "consent"))
        page.get_by_label("Send it").check()
        visit.page.wait_for_function("consentry.get().gpc && navigator.globalPrivacyControl")
        network.clear()
        visit.open(proxy.url)
        network.wait_for(SEGMENT)
        visit.settle()
        assert network.requests_to("https://connect.facebook.net/**") == []
        assert visit.page.evaluate("navigator.globalPrivacyControl") is True
        assert site.requests("/")[-1].header("sec-gpc") == "1"
        page.get_by_label("Send it").uncheck()
        network.wait_for(META)
        assert not visit.page.evaluate("navigator.globalPrivacyControl")
        assert visit.errors == []


def test_a_platforms_choice_is_taken_over_and_given_back(
    browser: Browser, network: Network, viewer: Visit, front: tuple[Proxy, Site]
) -> None:
    proxy, site = front
    site.page("/platform", tagged(SEGMENT))
    with browser.visitor() as visit:
        name = "CookieConsent"
        visit.context.add_cookies([{"name": name, "value": REFUSED, "url": proxy.url}])
        visit.open(f"{proxy.url}/platform")
        page = listening(look(viewer, proxy, "consent"))
        expect(page.locator("#read")).to_contain_text("ookiebot")
        page.get_by_role("button", name="Accept all").click()
        network.wait_for(SEGMENT)
        page.get_by_role("button", name="As the site's own banner has it").click()
        visit.page.wait_for_function("consentry.get().categories.analytics === false")
        assert name in visit.cookies(proxy.url)
        page.get_by_role("button", name="Nothing yet").click()
        visit.page.wait_for_function("!('analytics' in consentry.get().categories)")
        assert visit.cookies(proxy.url) & {name, "consentry", "consentry-told"} == set()


def test_in_forward_mode_a_site_with_https_follows_too(
    *,
    browser: Browser,
    whole_network: Network,
    network: Network,
    authority: Authority,
    viewer: Visit,
    confdir: Path,
    tmp_path: Path,
) -> None:
    pixel = "https://img.unheard-of.example/dot.gif"
    body = tagged(SEGMENT) + f'<img src="{pixel}" alt="">'.encode()
    network.host("follow.example", lambda request: Response(body, [("content-type", "text/html")]))
    options = [
        *("--confdir", str(confdir), "--upstream-ca", str(authority.pem), "--dashboard", "127.0.0.1:0"),
        *("--resolve", f"*:443:127.0.0.1:{whole_network.secure.port}"),
        *("--resolve", f"*:80:127.0.0.1:{whole_network.plain.port}"),
    ]
    with Proxy("forward", *options, folder=tmp_path) as proxy, browser.visitor(proxy.url) as visit:
        visit.open("https://follow.example/")
        page = listening(look(viewer, proxy, "consent"))
        expect(page.locator("#who")).to_contain_text("follow.example")
        assert network.requests_to(SEGMENT) == []
        page.get_by_role("button", name="Accept all").click()
        network.wait_for(SEGMENT)
        page = look(viewer, proxy, "site?site=follow.example")
        expect(page.locator("summary", has_text="img.unheard-of.example")).to_be_visible()
        assert visit.errors == []


# The directory and the site


def test_the_directory_finds_as_one_types(proxy: Proxy, visit: Visit, viewer: Visit) -> None:
    visit.open(proxy.url)
    page = look(viewer, proxy, "vendors")
    page.get_by_label("Search by name").fill("_hjSession")
    expect(page.locator("#found")).to_have_text("1 vendor")
    page.get_by_role("link", name="Hotjar").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hotjar")
    for title in ("Overview", "Consent and compliance", "Block it without consent?", "Cookies and storage", "Related"):
        expect(page.get_by_role("heading", name=title)).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Search by name")).to_have_value("_hjSession")
    page.get_by_label("Search by name").fill("")
    page.get_by_label("Only those seen").check()
    expect(page.get_by_role("link", name="Hotjar")).to_be_visible()
    expect(page.get_by_role("link", name="Matomo")).to_be_hidden()


def test_the_cookie_table_is_copied_as_it_will_be_pasted(proxy: Proxy, visit: Visit, viewer: Visit) -> None:
    visit.context.add_cookies([{"name": "_hjSession_1234567", "value": "x", "url": proxy.url}])
    visit.consent(proxy.url, ["analytics"])
    visit.open(proxy.url)
    viewer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = look(viewer, proxy, "site")
    page.locator("summary", has_text="Markdown").click()
    page.get_by_role("button", name="Copy Markdown").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "| Cookie | Set by |" in copied
    assert "\\_hjSession\\_\\*" in copied


def test_hosts_that_nobody_catalogued_are_listed_with_a_rule(
    browser: Browser, network: Network, viewer: Visit, front: tuple[Proxy, Site]
) -> None:
    proxy, site = front
    site.page("/hosts", tagged("https://cdn.unheard-of.example/x.js", SEGMENT))
    with browser.visitor() as visit:
        visit.open(f"{proxy.url}/hosts")
        network.wait_for("https://cdn.unheard-of.example/x.js")
        with visit.page.expect_response(lambda answer: "api.unheard-of" in (answer.request.post_data or "")):
            visit.page.evaluate("fetch('https://api.unheard-of.example/').catch(() => {})")
        page = look(viewer, proxy, "site")
        for host in ("cdn.unheard-of.example", "api.unheard-of.example"):
            expect(page.locator("summary", has_text=host)).to_be_visible()
        assert "segment" not in page.locator("section", has=page.locator("#hosts-title")).inner_text()
        page.locator("summary", has_text="cdn.unheard-of.example").click()
        rule = page.get_by_label("A vendor file for it, unheard-of-example.yaml").first.input_value()
        assert "vendor: unheard-of-example" in rule


# A hostile site


def test_a_hostile_site_gets_nothing_into_the_dashboard(
    browser: Browser, network: Network, viewer: Visit, front: tuple[Proxy, Site]
) -> None:
    proxy, site = front
    quoted = json.dumps(EVIL).replace("</", "<\\/")
    code = f"<script>const evil = {quoted};{ATTACK}</script>"
    site.page("/evil", tagged(SEGMENT, title=EVIL, head=code))
    with browser.visitor() as visit:
        dialogs: list[str] = []

        def dismiss(dialog: Dialog) -> None:
            dialogs.append(dialog.message)
            dialog.dismiss()

        viewer.page.on("dialog", dismiss)
        mark = proxy.mark()
        visit.open(f"{proxy.url}/evil?{EVIL}")
        proxy.wait_for_verdict(lambda each: each.outcome == "trouble" and "onerror" in each.url, mark)
        proxy.wait_for_verdict(lambda each: each.vendor == "hotjar", mark)
        visit.settle()
        for path in ("", "consent", "vendors", "site", "vendors/hotjar"):
            page = look(viewer, proxy, path)
            if not path:
                page.get_by_label("Time").select_option("follow")
                page.get_by_role("button", name="Hotjar").click()
                expect(page.get_by_role("list", name="Requests of Hotjar")).to_contain_text(
                    "<img src=x onerror=hacked=1>"
                )
            if path == "site":
                expect(page.locator("#content")).to_contain_text("<script>hacked=1</script>")
                expect(page.locator("#content")).to_contain_text("a.evil.example")
            assert page.locator("img").count() == 0
            assert page.evaluate("window.hacked === undefined && !('hacked' in document)")
        assert dialogs == []
        assert proxy.stray == []


def test_the_proxied_site_can_not_use_the_dashboard(proxy: Proxy, visit: Visit, vendors: Network) -> None:
    visit.open(proxy.url)
    # Also under the name that the site has, which shares its cookies.
    for base in (proxy.dashboard, proxy.dashboard.replace("127.0.0.1", "localhost")):
        assert set(visit.page.evaluate(TRIES, base)) <= {"refused", "opaque0"}
        visit.page.evaluate(FRAMES, base)
        assert all("Consentry" not in frame.content() for frame in visit.page.frames[1:])


# The badge


def test_the_badge_counts_and_switches_in_the_page(
    proxy: Proxy, browser: Browser, vendors: Network, visit: Visit
) -> None:
    visit.context.add_init_script(OPEN)
    visit.open(proxy.url)
    badge = visit.page.locator("consentry-badge")
    expect(badge.locator(".open")).to_contain_text("held, 0 ran")
    badge.locator(".open").click()
    panel = badge.get_by_role("dialog", name="Consentry")
    expect(panel).to_be_focused()
    panel.get_by_label("Analytics", exact=True).select_option("granted")
    vendors.wait_for("https://cdn.segment.com/analytics.js/**")
    # How much a vendor's own code does once it runs is its own affair.
    expect(panel.locator("small", has_text=re.compile(r"analytics: \d+ held, [1-9]\d* ran")).first).to_be_visible()
    panel.get_by_role("button", name="Accept all").click()
    vendors.wait_for("https://connect.facebook.net/**")
    expect(panel.get_by_role("button", name="Accept all")).to_have_attribute("aria-pressed", "true")
    panel.get_by_role("button", name="Nothing yet").click()
    visit.page.wait_for_function("Object.keys(consentry.get().categories).length === 0")
    visit.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(badge.locator(".open")).to_be_focused()


def test_the_badge_is_out_of_the_pages_reach(browser: Browser, network: Network, front: tuple[Proxy, Site]) -> None:
    proxy, site = front
    hostile = "<style>body *{display:none!important;color:lime!important}</style>"
    policy = [("content-security-policy", "default-src 'self'; style-src 'unsafe-inline'; script-src 'self'")]
    site.page("/strict", tagged(head=hostile), headers=policy)
    with browser.visitor() as visit:
        with visit.page.expect_response(lambda answer: "/__consentry/badge.js" in answer.url) as answer:
            visit.open(f"{proxy.url}/strict")
        assert answer.value.ok
        visit.page.wait_for_selector("consentry-badge", state="attached")
        assert visit.page.evaluate("document.querySelector('consentry-badge').shadowRoot") is None
        at = "document.elementFromPoint(innerWidth - 30, innerHeight - 20).localName"
        assert visit.page.evaluate(at) == "consentry-badge"
        assert visit.errors == visit.console == []


# For everyone


def prepared(page: Page, path: str) -> None:
    """Open what is closed, so that all of a page is looked at."""
    if path == "":
        page.get_by_label("Time").select_option("follow")
        page.get_by_role("button", name="Segment.io").click()
        expect(page.get_by_role("list", name="Requests of Segment.io").get_by_role("listitem").first).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def axe(page: Page) -> list[str]:
    """What axe-core finds wrong, in a line each."""
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{each['id']}: {node['target']}" for each in found["violations"] for node in each["nodes"]]


@pytest.fixture(scope="module")
def shopped(proxy: Proxy, browser: Browser, whole_network: Network) -> Iterator[Visit]:
    """A shop page that stays open, on which analytics was granted after a while."""
    whole_network.serve([*FIREBASE, *(serve for case in cases() for serve in case.serves)])
    with browser.visitor() as visit:
        visit.context.add_cookies([{"name": "_hjSession_1234567", "value": "x", "url": proxy.url}])
        visit.open(f"{proxy.url}/pots/mug")
        visit.settle()
        visit.page.evaluate("consentry.set({functional: false, analytics: true, marketing: false})")
        whole_network.wait_for("https://cdn.segment.com/analytics.js/**")
        yield visit


@pytest.mark.parametrize("path", ["", "consent", "vendors", "vendors/segment", "site"])
def test_every_page_fits_and_axe_finds_nothing(
    *, proxy: Proxy, shopped: Visit, browser: Browser, request: pytest.FixtureRequest, path: str
) -> None:
    # (The dashboard's own policy would keep axe out.)
    with browser.visitor(bypass_csp=True) as viewer:
        viewer.page.set_viewport_size({"width": WIDTHS[0], "height": 800})
        page = look(viewer, proxy, path)
        if path == "consent":
            listening(page)
        prepared(page, path)
        page.evaluate(package_file("axe-core", "4.14.1", "axe.min.js").decode())
        for width in WIDTHS:
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                assert axe(page) == []
                if request.config.getoption("--write-docs", default=False):
                    picture(page, path, width, scheme)


def test_axe_finds_nothing_in_the_badge(proxy: Proxy, visit: Visit) -> None:
    visit.context.add_init_script(OPEN)
    visit.page.set_viewport_size({"width": 360, "height": 700})
    visit.open(proxy.url)
    visit.page.locator("consentry-badge .open").click()
    expect(visit.page.locator("consentry-badge").get_by_label("Hotjar")).to_be_visible()
    visit.page.evaluate(package_file("axe-core", "4.14.1", "axe.min.js").decode())
    for scheme in SCHEMES:
        visit.page.emulate_media(color_scheme=scheme)
        found = visit.page.evaluate("axe.run('consentry-badge', {resultTypes: ['violations']})")
        assert [each["id"] for each in found["violations"]] == []


def test_the_dashboard_is_walked_through_by_keyboard(proxy: Proxy, visit: Visit, viewer: Visit) -> None:
    visit.consent(proxy.url, [])
    visit.open(proxy.url)
    page = listening(look(viewer, proxy, "consent"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.get_by_role("group", name="Marketing").get_by_label("Denied").focus()
    page.keyboard.press("ArrowRight")
    visit.page.wait_for_function("consentry.get().categories.marketing === true")
    expect(page.get_by_role("group", name="Marketing").get_by_label("Granted")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    visit.page.wait_for_function("consentry.get().categories.marketing === false")


# The token, in a browser


def test_the_printed_address_lets_one_in(
    *, browser: Browser, network: Network, viewer: Visit, shop: Shop, confdir: Path, tmp_path: Path
) -> None:
    secret = {"CONSENTRY_DASHBOARD_TOKEN": "correct-horse-battery-staple"}
    options = ("--confdir", str(confdir), "--dashboard", "0.0.0.0:0")
    with Proxy(shop.url, *options, folder=tmp_path, environment=secret) as proxy:
        clean = proxy.dashboard.partition("?")[0]
        viewer.page.goto(proxy.dashboard)
        expect(viewer.page.locator("#state-words")).to_have_text("Live")
        assert "token" not in viewer.page.url
        with browser.visitor() as other:
            other.page.goto(clean)
            other.page.get_by_label("Token").fill("wrong")
            other.page.get_by_role("button", name="Log in").click()
            expect(other.page.get_by_role("alert")).to_have_text("That is not the token.")
            other.page.get_by_label("Token").fill(secret["CONSENTRY_DASHBOARD_TOKEN"])
            other.page.get_by_role("button", name="Log in").click()
            expect(other.page.locator("#state-words")).to_have_text("Live")


# Pictures for the documentation: pytest tests/e2e/test_dashboard.py --write-docs


def picture(page: Page, path: str, width: int, scheme: str) -> None:
    """Keep a picture of a page in the documentation: wide and light, narrow and dark."""
    if path == "vendors" or (width, scheme) not in ((1440, "light"), (360, "dark")):
        return
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    name = path.replace("vendors/segment", "vendor") or "live"
    height = 1000 if width == 1440 else 780
    page.set_viewport_size({"width": width, "height": height})
    page.screenshot(path=DOCS / f"dashboard-{name}-{width}.png")
