from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy_addon.audit.many.outcome import CRASH
from proxy_addon.audit.many.report import check_fleet_targets, fleet_html, write_fleet
from proxy_addon.audit.many.report_command import fleet
from proxy_addon.audit.many.store import Store
from proxy_addon.audit.many.summary import Failed, HostCount, KindCount, SiteCount, Summary, VendorCount
from proxy_addon.config import UsageError
from tests.audit.test_report_page import SCHEMES, axe
from tests.kit.browser import Browser
from tests.kit.npm import package_file

from .outcomes import failed, looked

_HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture
def summary() -> Summary:
    return Summary(
        pages=3,
        failed=1,
        violating=2,
        violations=5,
        warnings=1,
        seconds=12.5,
        vendors=(VendorCount("segment", "Segment", "analytics", 3, 1.0, 2, 14),),
        sites=tuple(SiteCount(f"shop-{number}.example", 1, 5 - number, 1, 3, "klaro") for number in range(3)),
        hosts=(HostCount(_HOSTILE, 2, 9, ("script", "image")),),
        kinds=(KindCount("ran-without-consent", "violation", 5, 2),),
        failures=(Failed("https://=1+1.example/", CRASH, f"=cmd {_HOSTILE}", 2),),
    )


def test_json_holds_all_rows(summary: Summary, tmp_path: Path) -> None:
    (path,) = write_fleet(summary, [tmp_path / "fleet.json"])
    plain = json.loads(path.read_bytes())
    assert plain == json.loads(json.dumps(summary.plain()))
    assert len(plain["sites"]) == 3


@pytest.mark.parametrize(
    ("name", "first", "rows"),
    [
        ("fleet.csv", "host", 3),
        ("fleet.sites.csv", "host", 3),
        ("fleet.vendors.csv", "vendor", 1),
        ("fleet.hosts.csv", "host", 1),
        ("fleet.kinds.csv", "kind", 1),
        ("fleet.failures.csv", "url", 1),
    ],
)
def test_each_table_is_a_csv_of_its_own(name: str, first: str, rows: int, summary: Summary, tmp_path: Path) -> None:
    (path,) = write_fleet(summary, [tmp_path / name])
    header, *body = csv.reader(io.StringIO(path.read_text("utf-8")))
    assert (header[0], len(body)) == (first, rows)
    assert not any(cell.startswith("=") or "\x1b" in cell for row in body for cell in row)


def test_a_form_that_there_is_none_of_is_said_to_be_so() -> None:
    with pytest.raises(UsageError, match=r"no report of the form 'fleet.pdf'"):
        check_fleet_targets([Path("fleet.pdf")])


def test_the_command_prints_the_first_rows_of_each_table(tmp_path: Path) -> None:
    with Store(tmp_path, {}) as store:
        for number in range(3):
            store.append(looked(f"https://shop-{number}.example/"))
        store.append(failed("https://broken.example/", CRASH))
    said = CliRunner().invoke(fleet, [str(tmp_path), "--top", "2"], env={"COLUMNS": "200"}).output
    assert "3 pages were looked at, 1 could not be" in said
    assert ("shop-0.example" in said, "shop-2.example" in said, "the first 2 of 3" in said) == (True, False, True)
    assert "The browser broke down." in said


def test_a_page_cannot_write_into_the_report(summary: Summary) -> None:
    text = fleet_html(summary)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "\x1b" not in text


@pytest.mark.e2e
@pytest.mark.parametrize("width", [360, 1440])
def test_the_page_fits_and_axe_finds_nothing(width: int, browser: Browser, summary: Summary, tmp_path: Path) -> None:
    long = replace(summary, failures=(Failed("https://a.example/" + "a" * 300, CRASH, "word " * 80, 2),))
    (file,) = write_fleet(long, [tmp_path / "fleet.html"])
    with browser.visitor(bypass_csp=True) as visit:
        page = visit.page
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(file.as_uri())
        page.evaluate(package_file("axe-core", "4.14.1", "axe.min.js").decode())
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert axe(page) == []
