"""Every banner that a platform file describes is clicked where a visitor would."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from proxy_addon.audit.banner import banners
from proxy_addon.audit.flow import BannerDriver, Made, NotReachedError
from proxy_addon.audit.states import State, states_named
from proxy_addon.catalogue.load import load_rules
from tests.kit.browser import Browser
from tests.kit.messages import Response
from tests.kit.npm import package_file

from .banners import SAMPLES, SETTINGS, VARIANTS
from .conftest import Audit
from .sites import FBEVENTS, GTAG, Planted, loads

pytestmark = pytest.mark.e2e

BANNERS = banners(load_rules().platforms)
FORMS = {**{name: (name, page) for name, page in SAMPLES.items()}, **VARIANTS}
# Tells what was clicked, through open shadow roots too.
_TELL = """<script>
  addEventListener('click', event => { document.title += ` ${event.composedPath()[0].dataset.is}`; });
</script>"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One for all: each test writes its whole content anew."""
    with browser.visitor() as visit:
        yield visit.page


def made(page: Page, content: str, name: str) -> tuple[Made | None, list[str]]:
    """What the driver made of a page in a state, and the elements that were clicked."""
    page.set_content(f"<!doctype html><title></title>{_TELL}{content}")
    found = BannerDriver(BANNERS, {}).make(page, state(name).choice, state(name), lambda: None)
    return found, page.title().split()


def state(name: str) -> State:
    return next(iter(states_named([name])))


def test_every_banner_has_a_page_here() -> None:
    built = {"klaro", "vanilla-cookieconsent", "tarteaucitron"}
    assert set(SAMPLES) == set(BANNERS) - built


@pytest.mark.parametrize("form", FORMS)
def test_the_button_that_a_visitor_would_click_is_clicked(page: Page, form: str) -> None:
    platform, content = FORMS[form]
    for action in ("accept", "reject"):
        assert made(page, content, action) == (Made("platform", platform, 1), [action])


@pytest.mark.parametrize("platform", SETTINGS)
def test_one_category_is_chosen_in_the_settings(page: Page, platform: str) -> None:
    found, clicked = made(page, SETTINGS[platform], "only:analytics")
    assert found == Made("platform", platform, 4)
    assert clicked[-1] == "save"
    on = page.locator("input:checked:not(:disabled)").evaluate_all(
        "all => all.map(each => (each.dataset.category || each.id).replace(/.*(_|-|Button)/, '').toLowerCase())"
    )
    assert [each for each in on if each != "functional"] in (["statistics"], ["c0002"])


def test_settings_that_nobody_has_described_are_no_fault_of_the_site(page: Page) -> None:
    with pytest.raises(NotReachedError, match="is not described; describe it with --steps") as raised:
        made(page, SAMPLES["cookieyes"], "only:analytics")
    assert not raised.value.nothing_there
    assert page.title() == ""


def test_a_way_to_refuse_that_may_be_where_nobody_looked_is_not_said_to_be_missing(page: Page) -> None:
    first_notice = '<div id="hs-eu-cookie-confirmation"><button id="hs-eu-confirmation-button">OK</button></div>'
    with pytest.raises(NotReachedError, match="HubSpot") as raised:
        made(page, first_notice, "reject")
    assert not raised.value.nothing_there
    described = '<div id="cmpbox"><button class="cmpboxbtnyes">OK</button></div>'
    with pytest.raises(NotReachedError, match="offers no way to refuse") as raised:
        made(page, described, "reject")
    assert raised.value.nothing_there


def test_a_platform_that_knows_all_or_nothing_is_led_through_it(audit: Audit) -> None:
    script = package_file("cookieconsent", "3.1.1", "build/cookieconsent.min.js")
    style = package_file("cookieconsent", "3.1.1", "build/cookieconsent.min.css")
    said = "/cookieconsent_status=allow/.test(document.cookie)"
    banner = """<link rel="stylesheet" href="/cc.css"><script src="/cc.js"></script><script>
      cookieconsent.initialise({type: 'opt-in', animateRevokable: false, cookie: {domain: ''},
        onStatusChange(status) {
          if (status !== 'allow') for (const name of ['_ga', '_fbp']) document.cookie = name + '=; path=/; max-age=0';
        }});
    </script>"""
    planted = Planted(
        "osano",
        loads(GTAG, said) + loads(FBEVENTS, said) + banner,
        "nothing,reject,accept,withdraw",
        paths={
            "/cc.js": lambda _: Response(script, [("content-type", "text/javascript")]),
            "/cc.css": lambda _: Response(style, [("content-type", "text/css")]),
        },
    )
    result = audit(planted)
    assert result.findings == ()
    assert result.errors == ()
    assert (result.platform, result.clicks.accept, result.clicks.reject) == ("osano-cookieconsent", 1, 1)
    assert {each.state: each.how for each in result.states} == {
        "nothing": "", "reject": "platform", "accept": "platform", "withdraw": "platform"
    }  # fmt: skip
