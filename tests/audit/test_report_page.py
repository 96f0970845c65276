"""The HTML report in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page

from proxy_addon.audit.report import write_reports
from tests.kit.browser import Browser
from tests.kit.npm import package_file

from . import sample

pytestmark = pytest.mark.e2e
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.mark.parametrize("width", [360, 1440])
def test_a_report_fits_asks_for_nothing_and_axe_finds_nothing(width: int, browser: Browser, tmp_path: Path) -> None:
    (file,) = write_reports(sample.result("<b>&"), [tmp_path / "audit.html"], frozenset({"hard"}))
    asked: list[str] = []
    # (The report's own policy would keep axe out.)
    with browser.visitor(bypass_csp=True) as visit:
        page = visit.page
        page.on("request", lambda request: asked.append(request.url))
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(file.as_uri())
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        page.evaluate(package_file("axe-core", "4.14.1", "axe.min.js").decode())
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert axe(page) == []
    assert [each for each in asked if not each.startswith(("file:", "data:"))] == []


def axe(page: Page) -> list[str]:
    """What axe-core finds wrong, in a line each."""
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{each['id']}: {node['html'][:120]}" for each in found["violations"] for node in each["nodes"]]
