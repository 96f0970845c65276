"""The dashboard over a ledger: one of 200,000 rows is looked through as a small one is, and trouble with it is seen."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from proxy_addon.dashboard.history import Stored
from proxy_addon.ledger import Evidence
from proxy_addon.ledger.place import Place
from proxy_addon.ledger.store import Store
from proxy_addon.ledger.writer import Status
from tests.kit.browser import Browser, Visit
from tests.kit.network import Network
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site
from tests.ledger.plans import planned
from tests.ledger.rows import row

pytestmark = pytest.mark.e2e

TAG = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
PAGE = f'<!doctype html><html lang="en"><head><title>Shop</title><script src="{TAG}"></script></head>'.encode()
VENDORS = ("segment", "hotjar", "meta-pixel", "matomo")
HERE, ELSEWHERE, LONG_AGO = "shop.test", "blog.example", "old.test"
# Rows of the ledger's beginning, on a site that was not visited since.
OLD = 400
ROWS = 200_000
PIECE = 2000
PAGE_OF_ROWS, MOST_REQUESTS = 100, 500
# What fails is tried again after some seconds at the latest.
PATIENCE = 30_000


@pytest.fixture(scope="module")
def shop() -> Iterator[Server]:
    site = Site()
    site.page("/", PAGE)
    site.page("/favicon.ico", b"", "image/x-icon")
    server = Server(site)
    yield server
    server.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A ledger of many rows: each address has its row's number, the vendors take turns, and so do the sites."""
    place = Place(tmp_path_factory.mktemp("ledger") / "evidence.db")
    store = Store.open(place)
    for start in range(1, ROWS + 1, PIECE):
        store.append([earlier(number) for number in range(start, start + PIECE)])
    store.close()
    return place


def earlier(number: int) -> Evidence:
    site = LONG_AGO if number <= OLD else HERE if number % 3 else ELSEWHERE
    return row(
        number,
        time=1_767_261_600 + number / 100,
        vendor=VENDORS[number % len(VENDORS)],
        url=f"https://cdn.example/{number}",
        page=f"https://{site}/",
        site=site,
        session="earlier",
    )


def started(
    shop: Server, confdir: Path, folder: Path, *options: str, state: Path | None = None, name: str = HERE
) -> Proxy:
    resolved = (f"http://{name}", "--resolve", f"{name}:80:127.0.0.1:{shop.port}")
    given = ("--confdir", str(confdir), "--dashboard", "127.0.0.1:0", *options)
    return Proxy(*resolved, *given, folder=folder, environment={"XDG_STATE_HOME": str(state or folder)})


@pytest.fixture
def viewer(browser: Browser) -> Iterator[Visit]:
    with browser.visitor() as viewer:
        yield viewer
        assert viewer.errors == []
        assert viewer.console == []


def look(viewer: Visit, proxy: Proxy) -> Page:
    viewer.open(proxy.dashboard)
    expect(viewer.page.locator("#state-words")).to_have_text("Live")
    return viewer.page


def addresses(page: Page) -> list[str]:
    return page.locator(".requests[aria-label^='Requests of'] .url").all_text_contents()


def test_the_rows_of_a_large_ledger_are_shown_a_page_at_a_time(
    *,
    large: Place,
    shop: Server,
    browser: Browser,
    viewer: Visit,
    network: Network,
    confdir: Path,
    tmp_path: Path,
) -> None:
    network.serve([])
    with started(shop, confdir, tmp_path, "--ledger", str(large.path)) as proxy, browser.visitor() as visit:
        visit.open(proxy.url)
        page = look(viewer, proxy)
        expect(page.locator("#rows tr.vendor")).to_have_count(1)
        page.get_by_role("button", name="Segment.io").click()
        requests = page.get_by_role("list", name="Requests of Segment.io").get_by_role("listitem")
        expect(requests.first).to_contain_text(TAG)
        mine = requests.count()
        assert mine < 10, "what this run has seen comes first"

        older = page.get_by_role("button", name="Older requests")
        expected = [number for number in range(ROWS, 0, -1) if number % len(VENDORS) == 0]
        for pages in range(1, 8):
            older.click()
            shown = min(mine + pages * PAGE_OF_ROWS, MOST_REQUESTS)
            last = f"https://cdn.example/{expected[pages * PAGE_OF_ROWS - 1]}"
            expect(requests.last.locator(".url")).to_have_text(last)
            expect(requests).to_have_count(shown)
        assert addresses(page) == [f"https://cdn.example/{number}" for number in expected[200:700]]

        page.get_by_role("button", name="Newest requests").click()
        expect(requests).to_have_count(mine)
        expect(requests.first).to_contain_text(TAG)

        page.get_by_label("Site").select_option(HERE)
        expect(requests).to_have_count(mine)
        older.click()
        here = [number for number in expected if number % 3][:PAGE_OF_ROWS]
        expect(requests).to_have_count(mine + PAGE_OF_ROWS)
        assert addresses(page)[mine:] == [f"https://cdn.example/{number}" for number in here]


def test_what_happened_long_ago_is_found_behind_much_of_other_sites(
    *, large: Place, shop: Server, browser: Browser, viewer: Visit, confdir: Path, tmp_path: Path
) -> None:
    options = ("--ledger", str(large.path))
    with started(shop, confdir, tmp_path, *options, name=LONG_AGO) as proxy, browser.visitor() as visit:
        visit.open(proxy.url)
        page = look(viewer, proxy)
        page.get_by_label("Site").select_option(LONG_AGO)
        page.get_by_role("button", name="Segment.io").click()
        requests = page.get_by_role("list", name="Requests of Segment.io").get_by_role("listitem")
        expect(requests.first).to_contain_text(TAG)
        mine = requests.count()
        page.get_by_role("button", name="Older requests").click()
        old = [f"https://cdn.example/{number}" for number in range(OLD, 0, -1) if number % len(VENDORS) == 0]
        expect(requests).to_have_count(mine + len(old))
        assert addresses(page)[mine:] == old


@pytest.mark.parametrize("vendor", ["", "segment"], ids=["any vendor", "a vendor"])
@pytest.mark.parametrize("site", ["", HERE, "none.example"], ids=["any site", "a site", "one never seen"])
def test_each_page_of_a_large_ledger_is_read_from_an_index(large: Place, vendor: str, site: str) -> None:
    with closing(Store.open(large, create=False)) as store:
        history = Stored(store, lambda: Status(0, 0, 0, ""))
        for bounds in ({"than": earlier(ROWS // 2), "before": None}, {"than": None, "before": ROWS // 2}):
            plans = planned(store, lambda bounds=bounds: history.rows(vendor=vendor, site=site, most=100, **bounds))  # type: ignore[misc]
            assert all(plan.startswith("SEARCH evidence_row USING ") and "\n" not in plan for plan in plans), plans


def test_a_ledger_that_fails_is_seen_in_the_dashboard_until_it_works_again(
    *, shop: Server, browser: Browser, viewer: Visit, confdir: Path, tmp_path: Path
) -> None:
    place = Place(tmp_path / "evidence.db")
    with started(shop, confdir, tmp_path, "--ledger", str(place.path)) as proxy, browser.visitor() as visit:
        page = look(viewer, proxy)
        notice = page.locator("#ledger")
        expect(notice).to_be_hidden()
        assert place.path is not None
        with closing(sqlite3.connect(place.path)) as database:
            database.execute("ALTER TABLE evidence_row RENAME TO taken_away")
            visit.open(proxy.url)
            expect(notice.get_by_role("heading")).to_have_text("Evidence cannot be stored")
            expect(notice).to_contain_text(re.compile(r"No such table: evidence_row\. \d+ rows? waits? in memory"))
            expect(notice).to_contain_text(f"Check that {place} is there")
            assert visit.errors == [], "the site goes on"
            page.reload()
            expect(notice).to_be_visible()
            database.execute("ALTER TABLE taken_away RENAME TO evidence_row")
        expect(notice).to_be_hidden(timeout=PATIENCE)
        expect(page.locator("#trouble-rows")).to_contain_text("evidence is stored again, and none is lost")


def test_that_no_evidence_is_kept_at_all_is_seen_in_the_dashboard(
    *, shop: Server, viewer: Visit, confdir: Path, tmp_path: Path
) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("no folder")
    with started(shop, confdir, tmp_path, state=nowhere) as proxy:
        page = look(viewer, proxy)
        expect(page.locator("#ledger")).to_contain_text("There is no ledger")
        expect(page.locator("#ledger")).to_contain_text("name another with --ledger")
