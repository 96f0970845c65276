"""Two more real consent platforms, of which Consentry was told nothing, with a script of Segment's as a plain tag.

Neither tells of a choice as those in `test_platforms.py` do: tarteaucitron writes an answer a service, one after the
other, and Osano's open-source notice writes one word and dispatches no event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.kit.browser import NEIGHBOUR, Browser, Visit, wait_for_last
from tests.kit.cases import Serve
from tests.kit.network import Network
from tests.kit.npm import package_file
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

TAG = "https://cdn.segment.com/analytics.js/v1/sample/analytics.min.js"
SERVES = [Serve(TAG, "text/javascript", text="window.runs = (window.runs || 0) + 1;")]
SEGMENT, GOOGLE, META = "cdn.segment.com", "www.googletagmanager.com", "connect.facebook.net"
KINDS = {".css": "text/css", ".js": "text/javascript; charset=utf-8"}

# The services are started by tarteaucitron itself, each from its vendor, once it holds their answer.
TARTEAUCITRON = """
<script src="/tarteaucitron/tarteaucitron.js"></script>
<script>
  var tarteaucitronForceLanguage = 'en';
  // The library makes its buttons work a while after it shows them, and calls this then.
  tarteaucitron.events.load = function () { document.documentElement.classList.add('asks'); };
  tarteaucitron.init({privacyUrl: ''});
  tarteaucitron.user.gtagUa = 'G-SAMPLE';
  tarteaucitron.user.facebookpixelId = '1';
  tarteaucitron.job = ['gtag', 'facebookpixel'];
</script>
"""

OSANO = """
<link rel="stylesheet" href="/cookieconsent.min.css">
<script src="/cookieconsent.min.js"></script>
<script>
  cookieconsent.initialise({type: 'opt-in', onInitialise: asks, onPopupOpen: asks});
  function asks() { document.documentElement.classList.add('asks'); }
</script>
"""


@dataclass(frozen=True, slots=True)
class Platform:
    """A consent platform: its package, how it is built into a page, and where a visitor clicks."""

    name: str
    package: str
    version: str
    markup: str
    files: dict[str, str]
    accept: str
    reject: str
    # Whose scripts come once everything is accepted.
    heard: frozenset[str]


PLATFORMS = [
    Platform(
        name="tarteaucitron",
        package="tarteaucitronjs",
        version="1.34.0",
        markup=TARTEAUCITRON,
        files={
            f"/tarteaucitron/{file}": file
            for file in (
                "tarteaucitron.js",
                "tarteaucitron.services.js",
                "advertising.js",
                "lang/tarteaucitron.en.js",
                "css/tarteaucitron.css",
            )
        },
        accept="#tarteaucitronPersonalize2",
        reject="#tarteaucitronAllDenied2",
        heard=frozenset({SEGMENT, GOOGLE, META}),
    ),
    Platform(
        name="osano-cookieconsent",
        package="cookieconsent",
        version="3.1.1",
        markup=OSANO,
        files={
            "/cookieconsent.min.js": "build/cookieconsent.min.js",
            "/cookieconsent.min.css": "build/cookieconsent.min.css",
        },
        accept=".cc-btn.cc-allow",
        reject=".cc-btn.cc-deny",
        heard=frozenset({SEGMENT}),
    ),
]


def page_with(markup: str) -> bytes:
    """The page: Segment's script in the head, and the platform."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sample shop</title><link rel="icon" href="data:,">
<script src="{TAG}"></script></head>
<body><h1>Sample shop</h1>
{markup}
</body></html>""".encode()


@dataclass(frozen=True, slots=True)
class Shop:
    """The site behind Consentry, and what reached the vendors."""

    site: Site
    url: str
    network: Network

    def heard(self, page: Page) -> set[str]:
        """The vendors' hosts that something has reached, once all that the page has asked for until now is there."""
        wait_for_last(page, self.network)
        return {each.host for each in self.network.requests()} - {NEIGHBOUR}


@pytest.fixture
def shop(site: tuple[Site, Server], proxy: Proxy, network: Network) -> Shop:
    for platform in PLATFORMS:
        for path, file in platform.files.items():
            site[0].page(path, package_file(platform.package, platform.version, file), KINDS[Path(path).suffix])
        site[0].page(f"/{platform.name}", page_with(platform.markup))
    network.serve(SERVES)
    return Shop(site[0], f"http://localhost:{proxy.port}", network)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    with browser.visitor() as visit:
        yield visit
        assert visit.errors == []


@pytest.fixture(params=PLATFORMS, ids=lambda platform: platform.name)
def platform(request: pytest.FixtureRequest) -> Platform:
    platform: Platform = request.param
    return platform


def asked(visit: Visit, shop: Shop, path: str) -> None:
    """Open a page, and wait until the platform asks."""
    visit.open(f"{shop.url}/{path}")
    visit.page.wait_for_selector("html.asks")


def click(page: Page, where: str) -> None:
    """Click where the visitor would."""
    page.locator(where).click()


def answers(page: Page, platform: str) -> dict[str, bool | None]:
    """What Consentry takes for the visitor's answers, once it has them from the platform."""
    page.wait_for_function("name => consentry.get().signal === 'platform ' + name", arg=platform)
    found: dict[str, bool | None] = page.evaluate("consentry.get().categories")
    return found


def test_before_any_choice_nothing_reaches_a_vendor(platform: Platform, shop: Shop, visit: Visit) -> None:
    asked(visit, shop, platform.name)
    assert shop.heard(visit.page) == set()
    assert visit.page.evaluate("window.runs") is None
    visit.page.reload()
    assert shop.heard(visit.page) == set()


def test_accepting_runs_the_script_once_without_a_reload(platform: Platform, shop: Shop, visit: Visit) -> None:
    asked(visit, shop, platform.name)
    visit.page.evaluate("window.same = true")
    click(visit.page, platform.accept)
    visit.page.wait_for_function("window.runs === 1")
    assert answers(visit.page, platform.name)["analytics"] is True
    for host in platform.heard:
        shop.network.wait_for(f"https://{host}/**")
    assert shop.heard(visit.page) == platform.heard
    assert visit.page.evaluate("[window.same, window.runs]") == [True, 1]


def test_rejecting_keeps_all_of_it_away_on_this_load_and_the_next(platform: Platform, shop: Shop, visit: Visit) -> None:
    asked(visit, shop, platform.name)
    click(visit.page, platform.reject)
    visit.page.wait_for_function("consentry.get().categories.analytics === false")
    assert answers(visit.page, platform.name)["analytics"] is False
    assert shop.heard(visit.page) == set()
    visit.open(f"{shop.url}/{platform.name}")
    assert answers(visit.page, platform.name)["analytics"] is False
    assert shop.heard(visit.page) == set()
    assert visit.page.evaluate("window.runs") is None


@pytest.mark.parametrize(
    ("allowed", "denied", "heard"),
    [("gtag", "facebookpixel", {SEGMENT, GOOGLE}), ("facebookpixel", "gtag", {META})],
    ids=["analytics", "marketing"],
)
def test_a_choice_by_service_starts_what_was_allowed_and_no_other(
    allowed: str, denied: str, heard: set[str], shop: Shop, visit: Visit
) -> None:
    asked(visit, shop, "tarteaucitron")
    click(visit.page, "#tarteaucitronCloseAlert")
    click(visit.page, f"#{denied}Denied")
    click(visit.page, f"#{allowed}Allowed")
    click(visit.page, "#tarteaucitronSaveButton")
    for host in heard:
        shop.network.wait_for(f"https://{host}/**")
    said = answers(visit.page, "tarteaucitron")
    assert (said["analytics"], said["marketing"]) == (allowed == "gtag", allowed == "facebookpixel")
    assert shop.heard(visit.page) == heard


def test_services_that_tarteaucitron_starts_unasked_are_no_choice(shop: Shop, visit: Visit) -> None:
    exempt = TARTEAUCITRON.replace("'facebookpixel']", "'matomo']")
    shop.site.page("/exempt", page_with(exempt))
    asked(visit, shop, "exempt")
    assert "!matomo=true" in visit.page.evaluate("document.cookie")
    assert shop.heard(visit.page) == set()
    visit.page.reload()
    assert shop.heard(visit.page) == set()
    assert visit.page.evaluate("consentry.get().categories.analytics") is None


def test_closing_a_notice_that_asks_nothing_is_no_choice(shop: Shop, visit: Visit) -> None:
    shop.site.page("/notice", page_with(OSANO.replace("opt-in", "info")))
    asked(visit, shop, "notice")
    click(visit.page, ".cc-btn.cc-dismiss")
    visit.page.wait_for_function("document.cookie.includes('cookieconsent_status=dismiss')")
    assert shop.heard(visit.page) == set()
    visit.page.reload()
    assert shop.heard(visit.page) == set()
