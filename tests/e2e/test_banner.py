"""The banner: asks, lets refuse as easily as accept, stays out of the page's way, and is usable by everyone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Locator, Page

from tests.kit.browser import Browser, Visit
from tests.kit.network import Network
from tests.kit.npm import package_file
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
BANNER = (ROOT / "proxy_addon" / "browser" / "banner.js").read_text("utf-8")
CATEGORIES = yaml.safe_load((ROOT / "rules" / "categories.yaml").read_text("utf-8"))["categories"]
SCRIPT = f"(() => {{const CATEGORIES={json.dumps(CATEGORIES)};\n{BANNER}}})();".encode()
JAVASCRIPT = "text/javascript; charset=utf-8"
# Tests and axe see into closed shadow trees only if these are opened for them.
OPEN = """
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (how) { return attach.call(this, {...how, mode: 'open'}); };
"""
HOSTILE = """
* { color: lime !important; font-size: 90px !important }
* { letter-spacing: 1em !important; text-transform: uppercase !important }
button, input, dialog, h2 { display: none !important; position: static !important }
consentry-banner { display: none !important; visibility: hidden !important }
consentry-banner { opacity: 0 !important; transform: scale(0) !important }
body > :first-child { position: absolute !important; left: -9999px !important }
"""
WORDS = {
    "en": ("Accept all", "Reject all", "Choose"),
    "de": ("Alle annehmen", "Alle ablehnen", "Auswählen"),
    "fr": ("Tout accepter", "Tout refuser", "Choisir"),
    "es": ("Aceptar todo", "Rechazar todo", "Elegir"),
}


def page(body: str = "", head: str = "", lang: str = 'lang="en"') -> bytes:
    """A page of the site; its first script is the banner, right behind the guard."""
    return f"""<!doctype html><html {lang}><head><meta charset="utf-8"><title>Sample shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<script src="/banner.js"></script>{head}</head>
<body><main><h1>Sample shop</h1><p><a href="/other">Catalogue</a> <a href="#consentry">Privacy settings</a></p>{body}
</main></body></html>""".encode()


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Site, Server]]:
    site = Site()
    site.page("/banner.js", SCRIPT, JAVASCRIPT)
    site.page("/", page())
    server = Server(site)
    yield site, server
    server.close()


@pytest.fixture(scope="module")
def url(site: tuple[Site, Server], confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The site behind Consentry."""
    with Proxy(site[1].url, "--confdir", str(confdir), folder=tmp_path_factory.mktemp("work")) as proxy:
        yield f"http://localhost:{proxy.port}"


@pytest.fixture
def closed(browser: Browser, network: Network) -> Iterator[Visit]:
    """A visitor whose browser is as it is."""
    with browser.visitor() as visit:
        visit.page.emulate_media(reduced_motion="reduce")
        yield visit
        assert visit.errors == []


@pytest.fixture
def visit(closed: Visit) -> Visit:
    """A visitor whose browser lets tests look into the banner."""
    closed.context.add_init_script(OPEN)
    return closed


def bar(page: Page) -> Locator:
    return page.locator("consentry-banner .bar")


def centre(page: Page) -> Locator:
    return page.locator("consentry-banner dialog")


def button(within: Locator, name: str) -> Locator:
    return within.get_by_role("button", name=name, exact=True)


def consent(page: Page) -> dict[str, bool]:
    said: dict[str, bool] = page.evaluate("consentry.get().categories")
    return said


def focused(page: Page) -> str:
    """The words, or the id, of what has the focus, inside the banner too."""
    name: str = page.evaluate("""() => {
        let element = document.activeElement;
        while (element.shadowRoot && element.shadowRoot.activeElement) element = element.shadowRoot.activeElement;
        if (element.id) return element.id;
        return element.matches('button, a') ? element.textContent : element.className || element.localName;
    }""")
    return name


def press(page: Page, *keys: str) -> list[str]:
    """Press keys, and say what has the focus after each."""
    seen = []
    for key in keys:
        page.keyboard.press(key)
        seen.append(focused(page))
    return seen


ALL = {"functional": True, "analytics": True, "marketing": True}
NONE = dict.fromkeys(ALL, False)


# --- what it says, and what comes of it ---------------------------------------------------------------


@pytest.mark.parametrize(("name", "wanted"), [("Accept all", ALL), ("Reject all", NONE)])
def test_one_click_decides_everything_and_the_question_is_not_asked_again(
    url: str, visit: Visit, name: str, wanted: dict[str, bool]
) -> None:
    visit.open(url)
    assert consent(visit.page) == {}
    button(bar(visit.page), name).click()
    assert consent(visit.page) == wanted
    assert visit.page.locator("consentry-banner").count() == 0
    visit.open(url)
    assert consent(visit.page) == wanted
    assert visit.page.locator("consentry-banner").count() == 0


@pytest.mark.parametrize("chosen", ["functional", "analytics", "marketing"])
def test_each_category_has_a_switch_of_its_own_and_all_are_off_at_first(url: str, visit: Visit, chosen: str) -> None:
    visit.open(url)
    button(bar(visit.page), "Choose").click()
    switches = centre(visit.page).get_by_role("switch")
    assert [each.is_checked() for each in switches.all()] == [True, False, False, False]
    assert [each.is_enabled() for each in switches.all()] == [False, True, True, True]
    centre(visit.page).locator(f"#{chosen}").check()
    button(centre(visit.page), "Save choice").click()
    assert consent(visit.page) == {**NONE, chosen: True}
    assert visit.page.locator("consentry-banner").count() == 0


@pytest.mark.parametrize(
    "opening",
    [
        "document.querySelector('[href=\"#consentry\"]').click()",
        "document.dispatchEvent(new Event('consentry:preferences'))",
    ],
    ids=["link", "event"],
)
def test_a_choice_can_be_seen_and_changed_later(url: str, visit: Visit, opening: str) -> None:
    visit.consent(url, ["analytics"])
    visit.open(url)
    assert visit.page.locator("consentry-banner").count() == 0
    visit.page.evaluate(opening)
    switches = centre(visit.page).get_by_role("switch")
    assert [each.is_checked() for each in switches.all()] == [True, False, True, False]
    button(centre(visit.page), "Reject all").click()
    assert consent(visit.page) == NONE
    assert visit.page.url == f"{url}/"


def test_closing_the_preference_centre_decides_nothing(url: str, visit: Visit) -> None:
    visit.open(url)
    button(bar(visit.page), "Choose").click()
    centre(visit.page).locator("#marketing").check()
    button(centre(visit.page), "Back").click()
    assert bar(visit.page).is_visible()
    assert consent(visit.page) == {}
    button(bar(visit.page), "Choose").click()
    assert not centre(visit.page).locator("#marketing").is_checked()


def test_a_choice_made_in_another_tab_ends_the_question_here(url: str, visit: Visit) -> None:
    visit.open(url)
    other = visit.context.new_page()
    other.goto(url)
    button(bar(other), "Reject all").click()
    bar(visit.page).wait_for(state="hidden")
    assert consent(visit.page) == NONE


def test_only_the_page_itself_asks_and_not_its_frames(url: str, site: tuple[Site, Server], visit: Visit) -> None:
    site[0].page("/framed", page('<iframe title="frame" src="/"></iframe>'))
    visit.open(f"{url}/framed")
    assert bar(visit.page).is_visible()
    assert visit.page.frames[1].locator("consentry-banner").count() == 0


def test_a_page_that_draws_its_body_anew_does_not_lose_the_question(url: str, visit: Visit) -> None:
    visit.open(url)
    for anew in ("document.body = document.createElement('body')", "document.body.replaceChildren('drawn anew')"):
        visit.page.evaluate(anew)
        bar(visit.page).wait_for()
    button(bar(visit.page), "Reject all").click()
    visit.page.evaluate("document.body.replaceChildren('and again')")
    assert visit.page.locator("consentry-banner").count() == 0


# --- in which language --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (("de-CH", "fr-FR,fr"), "de"),
        (("FR", "en-US"), "fr"),
        (("it", "es-MX,es"), "es"),
        (("", "nl-NL,de-AT"), "de"),
        (("", "ja-JP"), "en"),
    ],
)
def test_it_speaks_the_pages_language_or_else_the_browsers(
    url: str, site: tuple[Site, Server], visit: Visit, said: tuple[str, str], shown: str
) -> None:
    page_says, browser_says = said
    site[0].page("/language", page(lang=f'lang="{page_says}"' if page_says else ""))
    browser_ = visit.context.new_cdp_session(visit.page)
    browser_.send(
        "Emulation.setUserAgentOverride",
        {"userAgent": visit.page.evaluate("navigator.userAgent"), "acceptLanguage": browser_says},
    )
    visit.open(f"{url}/language")
    assert tuple(bar(visit.page).get_by_role("button").all_text_contents()) == WORDS[shown]
    assert visit.page.locator("consentry-banner .all").get_attribute("lang") == shown


# --- for whom -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["bar", "centre"])
@pytest.mark.parametrize("width", [360, 1440])
def test_axe_finds_nothing_to_complain_about(url: str, visit: Visit, scheme: Any, state: str, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 800})
    visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    visit.open(url)
    if state == "centre":
        button(bar(visit.page), "Choose").click()
    visit.page.evaluate(package_file("axe-core", "4.14.1", "axe.min.js").decode())
    found = visit.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    seen = [(each["id"], each["impact"], [node["target"] for node in each["nodes"]]) for each in found["violations"]]
    assert seen == []
    assert any("consentry-banner" in json.dumps(each["nodes"]) for each in found["passes"])


def test_it_can_be_walked_with_the_keyboard_alone(url: str, visit: Visit) -> None:
    visit.open(url)
    visit.page.wait_for_function("document.activeElement.localName === 'consentry-banner'")
    assert focused(visit.page) == "bar"
    # The banner traps nobody: the page comes after it.
    assert press(visit.page, *["Tab"] * 5) == ["Accept all", "Reject all", "Choose", "Catalogue", "Privacy settings"]
    assert press(visit.page, *["Shift+Tab"] * 2) == ["Catalogue", "Choose"]
    visit.page.keyboard.press("Enter")
    assert centre(visit.page).is_visible()
    assert focused(visit.page) == "functional"
    assert press(visit.page, *["Tab"] * 2) == ["analytics", "marketing"]
    visit.page.keyboard.press("Space")
    assert press(visit.page, "Escape") == ["Choose"]
    assert not centre(visit.page).is_visible()
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("Space")
    assert press(visit.page, *["Tab"] * 5) == ["analytics", "marketing", "Accept all", "Reject all", "Save choice"]
    visit.page.keyboard.press("Enter")
    assert consent(visit.page) == {**NONE, "functional": True}
    assert press(visit.page, "Tab", "Tab") == ["Catalogue", "Privacy settings"]
    visit.page.keyboard.press("Enter")
    assert centre(visit.page).is_visible()
    visit.page.keyboard.press("Escape")
    visit.page.wait_for_function("document.activeElement.textContent === 'Privacy settings'")


def test_it_leaves_the_focus_where_the_page_has_put_it(url: str, site: tuple[Site, Server], visit: Visit) -> None:
    site[0].page("/search", page('<label>Search <input id="search" autofocus></label>'))
    visit.open(f"{url}/search")
    visit.page.evaluate("new Promise(requestAnimationFrame).then(() => {})")
    assert bar(visit.page).is_visible()
    assert focused(visit.page) == "search"


def test_the_focus_is_always_seen(url: str, visit: Visit) -> None:
    visit.open(url)
    visit.page.wait_for_function("document.activeElement.localName === 'consentry-banner'")
    visit.page.keyboard.press("Tab")
    outlines = []
    for _ in range(3):
        outlines.append(
            visit.page.evaluate("getComputedStyle(document.activeElement.shadowRoot.activeElement).outline")
        )
        visit.page.keyboard.press("Tab")
    assert ["3px" in outline and "solid" in outline for outline in outlines] == [True] * 3


def test_what_gets_the_focus_is_not_left_behind_the_banner(url: str, site: tuple[Site, Server], visit: Visit) -> None:
    site[0].page("/long", page("".join(f'<p><a href="/{index}">{index}</a></p>' for index in range(80))))
    visit.open(f"{url}/long")
    top = visit.page.evaluate(
        "document.querySelector('consentry-banner').shadowRoot.querySelector('.bar').getBoundingClientRect().top"
    )
    visit.page.keyboard.press("Tab")
    for _ in range(60):
        visit.page.keyboard.press("Tab")
        assert (
            visit.page.evaluate(
                "(document.activeElement.shadowRoot ? 0 : document.activeElement.getBoundingClientRect().bottom)"
            )
            <= top
        )


# --- how it looks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_rejecting_is_as_easy_as_accepting_on_every_screen(
    url: str, site: tuple[Site, Server], visit: Visit, language: str
) -> None:
    site[0].page(f"/{language}", page(lang=f'lang="{language}"'))
    for width, height in ((320, 480), (360, 640), (768, 1024), (1440, 900), (3840, 2160)):
        visit.page.set_viewport_size({"width": width, "height": height})
        visit.open(f"{url}/{language}")
        check_buttons(bar(visit.page), WORDS[language], width)
        button(bar(visit.page), WORDS[language][2]).click()
        check_buttons(centre(visit.page), WORDS[language], width)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def check_buttons(within: Locator, words: tuple[str, str, str], width: int) -> None:
    accept, reject = (button(within, name) for name in words[:2])
    boxes = [accept.bounding_box(), reject.bounding_box()]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["height"] >= 44
    assert boxes[0]["height"] == pytest.approx(boxes[1]["height"], abs=0.1)
    assert boxes[0]["width"] == pytest.approx(boxes[1]["width"], abs=0.1)
    look = "e => { const s = getComputedStyle(e); return [s.color, s.backgroundColor, s.font, s.border] }"
    assert accept.evaluate(look) == reject.evaluate(look)
    outer = within.bounding_box()
    assert outer is not None
    assert outer["x"] >= 0
    assert outer["x"] + outer["width"] <= width
    assert within.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_the_pages_styles_do_not_reach_it_nor_its_own_the_page(
    url: str, site: tuple[Site, Server], visit: Visit
) -> None:
    look = """e => {
        const style = getComputedStyle(e);
        return [style.display, style.color, style.fontSize, style.letterSpacing, style.textTransform];
    }"""
    site[0].page("/hostile", page("<button>Buy</button>", f"<style>{HOSTILE}</style>"))
    site[0].page("/plain", page("<button>Buy</button>"))
    seen = {}
    for path in ("/plain", "/hostile"):
        visit.open(url + path)
        assert button(bar(visit.page), "Reject all").is_visible()
        seen[path] = button(bar(visit.page), "Reject all").evaluate(look)
    assert seen["/plain"] == seen["/hostile"]
    visit.open(f"{url}/plain")
    before = visit.page.locator("main button").evaluate(look)
    button(bar(visit.page), "Reject all").click()
    assert visit.page.locator("main button").evaluate(look) == before


def test_the_page_cannot_look_into_it(url: str, closed: Visit) -> None:
    closed.open(url)
    assert closed.page.evaluate("document.querySelector('consentry-banner').shadowRoot") is None
    point = "document.elementFromPoint(innerWidth / 2, innerHeight - 40).localName"
    assert closed.page.evaluate(point) == "consentry-banner"


@pytest.mark.parametrize("state", ["bar", "centre"])
def test_a_strict_content_security_policy_and_trusted_types_stop_nothing(
    url: str, site: tuple[Site, Server], visit: Visit, state: str
) -> None:
    policy = "default-src 'none'; script-src 'self'; style-src 'none'"
    policy += "; require-trusted-types-for 'script'; trusted-types consentry"
    site[0].page("/strict", page(), headers=[("content-security-policy", policy)])
    visit.context.add_init_script(
        "window.broken = [];"
        "addEventListener('securitypolicyviolation', e => window.broken.push(e.violatedDirective + ' ' + e.sourceFile))"
    )
    visit.open(f"{url}/strict")
    if state == "centre":
        button(bar(visit.page), "Choose").click()
    assert bar(visit.page).evaluate("e => getComputedStyle(e).position") == "fixed"
    button(bar(visit.page) if state == "bar" else centre(visit.page), "Reject all").click()
    assert consent(visit.page) == NONE
    broken = visit.page.evaluate("window.broken")
    assert [each for each in broken if "banner.js" in each] == []


def test_it_is_small() -> None:
    assert len(BANNER.encode()) < 12 * 1024
