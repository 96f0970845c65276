"""The sample shop by itself, and behind the real proxy in a real browser."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import html5lib
import pytest

from proxy_addon.demo.shop import PRODUCTS, Shop
from tests.kit.browser import Browser, Visit
from tests.kit.cases import Serve, cases
from tests.kit.client import TIMEOUT
from tests.kit.network import Network
from tests.kit.pages import without_guard
from tests.kit.proxy import Proxy

PAGES = ("/", "/basket", "/privacy", "/thanks?total=48.90", *(f"/pots/{slug}" for slug in PRODUCTS))
ATTRIBUTES = ("src", "href", "action", "srcset", "poster", "data")
# Where the shop's tags lead, by the category that they need.
NEVER_HELD = ("https://www.gstatic.com/firebasejs/**", "https://www.google.com/recaptcha/**")
ANALYTICS = (
    "https://cdn.segment.com/analytics.js/**",
    "https://plausible.io/js/*",
    "https://www.clarity.ms/tag/*",
    "https://static.hotjar.com/c/*",
    "https://js.hs-scripts.com/*",
    "https://www.googletagmanager.com/gtm.js",
)
MARKETING = (
    "https://connect.facebook.net/**",
    "https://snap.licdn.com/**",
    "https://bat.bing.com/**",
    "https://analytics.tiktok.com/**",
)
PIXELS = ("https://www.facebook.com/tr", "https://px.ads.linkedin.com/**")
FIREBASE = (
    Serve(
        url="https://www.gstatic.com/firebasejs/*/firebase-app.js",
        type="text/javascript",
        text="export const initializeApp = (config) => ({ config });",
    ),
    Serve(
        url="https://www.gstatic.com/firebasejs/*/firebase-auth.js",
        type="text/javascript",
        text="""
            export const getAuth = (app) => app;
            export const onAuthStateChanged = (auth, seen) => seen({ displayName: 'Ada' });
        """,
    ),
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop() as shop:
        yield shop


def ask(
    shop: Shop, path: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] = {}
) -> tuple[http.client.HTTPResponse, str]:
    """One request, with the path sent as it is, and no redirect followed."""
    client = http.client.HTTPConnection(urlsplit(shop.url).netloc, timeout=TIMEOUT)
    try:
        client.request(method, path, body, dict(headers))
        response = client.getresponse()
        return response, response.read().decode()
    finally:
        client.close()


def post(shop: Shop, path: str, form: str, cookie: str = "") -> tuple[http.client.HTTPResponse, str]:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    return ask(shop, path, "POST", form.encode(), headers)


def parsed(page: str) -> tuple[ET.Element, list[object]]:
    """A page as a browser with scripting sees it, and what is wrong with its HTML."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)  # type: ignore[no-untyped-call]
    return parser.parse(page, scripting=True), parser.errors  # type: ignore[no-untyped-call]


def addresses(tree: ET.Element) -> list[tuple[str, str]]:
    return [
        (str(element.tag), element.attrib[name])
        for element in tree.iter()
        for name in ATTRIBUTES
        if name in element.attrib
    ]


def basket_cookie(response: http.client.HTTPResponse) -> str:
    return (response.getheader("set-cookie") or "").partition(";")[0]


# --- by itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_with_valid_html(shop: Shop, path: str) -> None:
    response, page = ask(shop, path, headers={"Cookie": "basket=mug.2_jug.1"})
    assert response.status == 200
    assert response.getheader("content-type") == "text/html; charset=utf-8"
    assert "{{" not in page
    tree, errors = parsed(page)
    assert errors == []
    ids = [element.attrib["id"] for element in tree.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_one_heading_a_title_and_names_for_its_fields(shop: Shop, path: str) -> None:
    tree, _ = parsed(ask(shop, path)[1])
    assert len(tree.findall(".//h1")) == 1
    assert (tree.findtext(".//title") or "").endswith("· Fernkiln Pottery")
    labelled = {label.attrib["for"] for label in tree.iter("label")}
    fields = [each for name in ("input", "select") for each in tree.iter(name) if each.attrib.get("type") != "hidden"]
    assert {field.attrib["id"] for field in fields} <= labelled


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(shop: Shop, path: str) -> None:
    page = ask(shop, path, headers={"Cookie": "basket=mug.2"})[1]
    for tag, address in addresses(parsed(page)[0]):
        target = urlsplit(urljoin(shop.url + path, address))
        if f"{target.scheme}://{target.netloc}" != shop.url or tag == "form":
            continue
        response, content = ask(shop, target.path)
        assert (address, response.status) == (address, 200)
        if target.fragment:
            assert f'id="{target.fragment}"' in content


@pytest.mark.parametrize("path", PAGES)
def test_nothing_foreign_but_vendor_tags_is_on_a_page(shop: Shop, path: str) -> None:
    page = ask(shop, path)[1]
    foreign = [
        (tag, urlsplit(urljoin(shop.url, address)).netloc)
        for tag, address in addresses(parsed(page)[0])
        if not urljoin(shop.url, address).startswith(shop.url)
    ]
    assert set(foreign) == {
        ("script", "www.googletagmanager.com"),
        ("script", "plausible.io"),
        ("script", "www.google.com"),
        ("script", "js.hs-scripts.com"),
    }


@pytest.mark.parametrize("name", ["shop.css", "shop.js", "consent.js", "status.js", "icon.svg"])
def test_the_shops_own_files_ask_for_nothing_foreign(shop: Shop, name: str) -> None:
    response, content = ask(shop, f"/static/{name}")
    assert response.status == 200
    assert [url for url in re.findall(r"https?://[^\s\"')]+", content) if url != "http://www.w3.org/2000/svg"] == []


@pytest.mark.parametrize("path", ["/", "/static/shop.css", "/pots/mug", "/nowhere"])
def test_head_is_answered_like_get_without_a_body(shop: Shop, path: str) -> None:
    got, content = ask(shop, path)
    head, nothing = ask(shop, path, "HEAD")
    assert nothing == ""
    assert (head.status, head.getheader("content-type")) == (got.status, got.getheader("content-type"))
    assert head.getheader("content-length") == str(len(content.encode()))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_address_is_a_page_of_the_shop_that_says_so(shop: Shop, method: str) -> None:
    response, page = ask(shop, "/pots/<script>", method, b"" if method == "POST" else None)
    assert response.status == 404
    assert "No such page" in page
    assert "/pots/<script>" not in page
    assert parsed(page)[1] == []


@pytest.mark.parametrize(
    "path",
    [
        "/static/../shop.py",
        "/static/%2e%2e/shop.py",
        "/static/..%2fshop.py",
        "/static/....//shop.py",
        "/../../../etc/passwd",
        "/static//etc/passwd",
        "/static/",
        "/pots/../static/shop.css",
        "//etc/passwd",
        "/pages/layout.html",
        "/shop.py",
    ],
)
def test_no_address_leads_to_another_file(shop: Shop, path: str) -> None:
    response, page = ask(shop, path)
    assert response.status == 404
    assert "No such page" in page


def test_the_basket_fills_empties_and_becomes_an_order(shop: Shop) -> None:
    added, _ = post(shop, "/basket", "add=mug&quantity=2")
    assert (added.status, added.getheader("location")) == (303, "/basket")
    assert basket_cookie(added) == "basket=mug.2"
    more, _ = post(shop, "/basket", "add=jug", basket_cookie(added))
    page = ask(shop, "/basket", headers={"Cookie": "other=1; " + basket_cookie(more)})[1]
    assert "2 \N{MULTIPLICATION SIGN} 24.00 €" in page
    assert "98.90 €" in page
    less, _ = post(shop, "/basket", "remove=mug", basket_cookie(more))
    assert basket_cookie(less) == "basket=jug.1"
    order, _ = post(shop, "/order", "", basket_cookie(less))
    assert (order.status, order.getheader("location")) == (303, "/thanks?total=50.90")
    assert "Max-Age=0" in (order.getheader("set-cookie") or "")


@pytest.mark.parametrize("form", ["add=<b>&quantity=1", "add=mug&quantity=-1", "add=mug&quantity=1e9", "%ff", ""])
def test_a_form_that_makes_no_sense_changes_nothing(shop: Shop, form: str) -> None:
    response, _ = post(shop, "/basket", form, "basket=bowl.1")
    assert basket_cookie(response) == "basket=bowl.1"


@pytest.mark.parametrize("cookie", ["basket=<b>.1", "basket=mug.x", "basket=mug", "basket=", "basket=mug.0_rug.3", "="])
def test_a_basket_that_makes_no_sense_is_empty(shop: Shop, cookie: str) -> None:
    assert "It is empty so far" in ask(shop, "/basket", headers={"Cookie": cookie})[1]


def test_a_form_that_is_too_long_is_refused(shop: Shop) -> None:
    response, _ = ask(shop, "/basket", "POST", headers={"Content-Length": "5000"})
    assert (response.status, response.getheader("connection")) == (413, "close")


def test_two_shops_stand_side_by_side_and_close_at_the_end() -> None:
    with Shop() as first, Shop() as second:
        assert first.url != second.url
        assert ask(first, "/")[0].status == ask(second, "/")[0].status == 200
    with pytest.raises(ConnectionRefusedError):
        ask(first, "/")


# --- behind the proxy --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proxy(shop: Shop, confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with Proxy(shop.url, "--confdir", str(confdir), folder=tmp_path_factory.mktemp("work")) as proxy:
        yield proxy


@pytest.fixture
def vendors(network: Network) -> Network:
    """The fake network, with all that the shop's tags may fetch."""
    network.serve([*FIREBASE, *(serve for case in cases() for serve in case.serves)])
    return network


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    with browser.visitor() as visit:
        yield visit


def reached(network: Network, *patterns: str) -> list[str]:
    return [request.url for pattern in patterns for request in network.requests_to(pattern)]


def strangers(network: Network) -> list[str]:
    """What reached a vendor, by request or just by connection, that is held until consent."""
    allowed = [request for pattern in NEVER_HELD for request in network.requests_to(pattern)]
    fine = {request.connection for request in allowed}
    requests = [request.url for request in network.requests() if request not in allowed]
    return requests + [f"a connection for {each.name}" for each in network.connections() if each not in fine]


def shopping(visit: Visit, url: str) -> None:
    """Look at every page, buy something."""
    for path in PAGES:
        visit.open(urljoin(url, path))
        visit.settle()
    visit.open(urljoin(url, "/pots/vase"))
    visit.page.get_by_role("button", name="Add to basket", exact=True).click()
    visit.page.get_by_text("Added: Ridge vase").wait_for()
    visit.page.get_by_role("link", name="Open the basket").click()
    visit.page.get_by_role("button", name="Place the order").click()
    visit.page.get_by_role("heading", name="Thank you!").wait_for()
    visit.settle()


def answer(visit: Visit, button: str) -> None:
    """Press a button of the banner, and wait for the page that it loads."""
    with visit.page.expect_navigation(wait_until="load"):
        visit.page.get_by_role("button", name=button, exact=True).click()
    visit.settle()


def shown(visit: Visit, which: str) -> set[str]:
    return set(visit.page.locator(f"#status-{which} li").all_inner_texts())


def consent_cookie(visit: Visit, url: str) -> str:
    return {cookie["name"]: cookie["value"] for cookie in visit.context.cookies(url)}.get("consentry", "")


@pytest.mark.e2e
def test_before_consent_no_vendor_hears_of_the_visitor(proxy: Proxy, vendors: Network, visit: Visit) -> None:
    shopping(visit, proxy.url)
    assert strangers(vendors) == []
    assert visit.cookies(proxy.url) <= {"basket"}
    assert visit.storage() == set()
    assert visit.errors == []


@pytest.mark.e2e
def test_what_needs_no_consent_runs_at_once(proxy: Proxy, vendors: Network, visit: Visit) -> None:
    visit.open(proxy.url)
    vendors.wait_for("https://www.google.com/recaptcha/api.js")
    vendors.wait_for("https://www.gstatic.com/firebasejs/*/firebase-auth.js")
    visit.page.get_by_text("Ada").wait_for()


@pytest.mark.e2e
def test_the_line_at_the_top_says_what_is_held(proxy: Proxy, vendors: Network, visit: Visit) -> None:
    visit.open(proxy.url)
    visit.settle()
    assert "Consentry holds 12 vendor tags on this page" in visit.page.locator("#status-line").inner_text()
    assert {"Segment", "Google Tag Manager", "Meta Pixel", "Microsoft Clarity", "HubSpot"} <= shown(visit, "held")
    assert shown(visit, "ran") == {"reCAPTCHA", "Firebase Authentication"}
    placeholders = 'script[type="text/x-consentry"]'
    held = visit.page.locator(placeholders).evaluate_all("all => all.map(each => each.dataset.consentry)")
    listed = visit.page.locator("#status-held li").evaluate_all("all => all.map(each => each.dataset.vendor)")
    assert set(listed) == set(held)


@pytest.mark.e2e
def test_analytics_alone_lets_segment_run_and_no_marketing_vendor(proxy: Proxy, vendors: Network, visit: Visit) -> None:
    visit.open(proxy.url)
    visit.settle()
    assert strangers(vendors) == []
    visit.page.get_by_role("button", name="Choose…").click()
    visit.page.get_by_label("Analytics").check()
    answer(visit, "Save my choice")
    vendors.wait_for("https://cdn.segment.com/analytics.js/v1/*/analytics.min.js")
    vendors.wait_for("https://api.segment.io/v1/p")
    assert consent_cookie(visit, proxy.url) == "v=1&functional=denied&analytics=granted&marketing=denied"
    shopping(visit, proxy.url)
    assert [pattern for pattern in ANALYTICS if not reached(vendors, pattern)] == []
    assert reached(vendors, *MARKETING, *PIXELS) == []
    assert visit.errors == []
    assert {"Segment", "Plausible", "Hotjar", "HubSpot", "Microsoft Clarity"} <= shown(visit, "ran")
    assert {"Meta Pixel", "LinkedIn Insight Tag", "Microsoft Advertising", "TikTok Pixel"} <= shown(visit, "held")


@pytest.mark.e2e
def test_rejecting_keeps_every_vendor_silent_and_asks_no_more(proxy: Proxy, vendors: Network, visit: Visit) -> None:
    visit.open(proxy.url)
    answer(visit, "Reject all")
    assert consent_cookie(visit, proxy.url) == "v=1&functional=denied&analytics=denied&marketing=denied"
    assert visit.page.locator("#consent").is_hidden()
    shopping(visit, proxy.url)
    assert strangers(vendors) == []
    assert visit.errors == []


@pytest.mark.e2e
def test_accepting_all_gives_the_shops_own_page_with_every_vendor(
    shop: Shop, proxy: Proxy, vendors: Network, visit: Visit
) -> None:
    visit.open(proxy.url)
    answer(visit, "Accept all")
    for pattern in (*ANALYTICS, *MARKETING):
        vendors.wait_for(pattern)
    assert without_guard(visit.open(proxy.url).body()).decode() == ask(shop, "/")[1]
    shopping(visit, proxy.url)
    assert visit.errors == []
    assert shown(visit, "held") == {"none"}
    assert "you allowed it, and 14 tags ran" in visit.page.locator("#status-line").inner_text()


@pytest.mark.e2e
def test_cookie_settings_take_consent_back(proxy: Proxy, vendors: Network, visit: Visit) -> None:
    visit.open(proxy.url)
    answer(visit, "Accept all")
    vendors.wait_for("https://api.segment.io/v1/p")
    assert {"ajs_anonymous_id", "_fbp"} <= visit.cookies(proxy.url)
    visit.page.get_by_role("link", name="Cookie settings").click()
    assert visit.page.get_by_label("Marketing").is_checked()
    answer(visit, "Reject all")
    assert "Consentry holds 12 vendor tags" in visit.page.locator("#status-line").inner_text()
    assert visit.cookies(proxy.url) == {"consentry"}
    vendors.clear()
    vendors.serve(FIREBASE)
    shopping(visit, proxy.url)
    assert strangers(vendors) == []


@pytest.mark.e2e
def test_the_choice_lasts_180_days_for_the_whole_site(proxy: Proxy, vendors: Network, visit: Visit) -> None:
    visit.open(urljoin(proxy.url, "/pots/mug"))
    answer(visit, "Reject all")
    cookie = next(each for each in visit.context.cookies(proxy.url) if each["name"] == "consentry")
    now = visit.page.evaluate("Date.now() / 1000")
    assert cookie["expires"] - now == pytest.approx(180 * 24 * 3600, abs=3600)
    assert (cookie["path"], cookie["sameSite"]) == ("/", "Lax")


@pytest.mark.e2e
def test_the_banner_works_from_the_keyboard(proxy: Proxy, vendors: Network, visit: Visit) -> None:
    def focused() -> str:
        return str(visit.page.evaluate("document.activeElement.id || document.activeElement.textContent"))

    visit.open(proxy.url)
    visited = []
    for _ in range(5):
        visit.page.keyboard.press("Tab")
        visited.append(focused())
    assert visited == [
        "Skip to the content",
        "What we use, and why",
        "consent-reject",
        "consent-accept",
        "consent-choose",
    ]
    visit.page.keyboard.press("Escape")
    assert visit.page.locator("#consent").is_visible()
    visit.page.keyboard.press("Enter")
    assert focused() == "consent-functional"
    visit.page.keyboard.press("Space")
    with visit.page.expect_navigation(wait_until="load"):
        visit.page.keyboard.press("Enter")
    assert consent_cookie(visit, proxy.url) == "v=1&functional=granted&analytics=denied&marketing=denied"

    visit.page.locator("#cookie-settings").focus()
    visit.page.keyboard.press("Enter")
    assert focused() == "consent"
    assert visit.page.get_by_label("Functional").is_checked()
    visit.page.keyboard.press("Escape")
    assert visit.page.locator("#consent").is_hidden()
    assert focused() == "cookie-settings"


@pytest.mark.e2e
def test_refusing_takes_as_little_as_accepting(proxy: Proxy, vendors: Network, visit: Visit) -> None:
    looks = """button => {
        const { width, height } = button.getBoundingClientRect();
        const style = getComputedStyle(button);
        return [width, height, style.color, style.backgroundColor, style.borderColor, style.font];
    }"""
    for width in (360, 1440):
        visit.page.set_viewport_size({"width": width, "height": 740})
        visit.open(proxy.url)
        reject, accept = (visit.page.locator(f"#consent-{each}") for each in ("reject", "accept"))
        assert reject.evaluate(looks) == accept.evaluate(looks)


@pytest.mark.e2e
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_no_page_is_wider_than_the_window(
    proxy: Proxy, vendors: Network, visit: Visit, width: int, scheme: str
) -> None:
    visit.page.set_viewport_size({"width": width, "height": 740})
    visit.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in PAGES:
        visit.open(urljoin(proxy.url, path))
        assert (path, visit.page.evaluate("document.documentElement.scrollWidth")) == (path, width)
        assert visit.page.locator("#consent-save, #consent-choose").first.is_visible()


@pytest.mark.e2e
def test_opened_directly_the_shop_says_that_consentry_is_not_in_front(
    shop: Shop, vendors: Network, visit: Visit
) -> None:
    visit.open(shop.url)
    visit.settle()
    assert "Consentry is not in front of this page" in visit.page.locator("#status-line").inner_text()
    assert shown(visit, "held") == {"none"}
    vendors.wait_for("https://cdn.segment.com/analytics.js/v1/*/analytics.min.js")
    shopping(visit, shop.url)
    assert visit.errors == []


@pytest.mark.e2e
def test_observing_the_shop_says_that_nothing_is_held(
    shop: Shop, confdir: Path, tmp_path: Path, vendors: Network, visit: Visit
) -> None:
    with Proxy(shop.url, "--mode", "observe", "--confdir", str(confdir), folder=tmp_path) as proxy:
        visit.open(proxy.url)
        visit.settle()
        assert "Consentry only observes" in visit.page.locator("#status-hint").inner_text()


@pytest.mark.e2e
def test_consentry_demo_opens_the_shop_behind_the_proxy(confdir: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "proxy_addon", "demo", "--listen", "127.0.0.1:0", "--confdir", str(confdir)]
    process = subprocess.Popen(
        [*command, "--json"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        lines = map(json.loads, process.stdout)
        url = next((line["listen"] for line in lines if line.get("event") == "listening"), "")
        assert url
        client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)
        client.request("GET", "/")
        page = client.getresponse().read().decode()
        client.close()
        assert 'type="text/x-consentry" data-consentry="segment"' in page
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
