from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy_addon.audit.many.outcome import CRASH, UNREACHABLE
from proxy_addon.audit.many.store import JOURNAL, Store
from proxy_addon.audit.many.summary import Failed, HostCount, KindCount, SiteCount, Summary, VendorCount, summarise
from proxy_addon.audit.model import Cell, Finding, HostSeen
from proxy_addon.config import UsageError

from .outcomes import failed, looked, vendor

RAN, BAD, SILENT = Cell("ran", 2, 0), Cell("violation", 3, 3), Cell("silent", 0, 0)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pages of two sites, and two that failed."""
    folder = tmp_path_factory.mktemp("fleet")
    with Store(folder, {}) as store:
        store.append(
            looked(
                "https://a.example/1",
                vendors=(vendor("one", nothing=BAD, accept=RAN), vendor("two", nothing=SILENT, accept=RAN)),
                findings=(_finding("ran-without-consent"), _finding("uncatalogued-host", "warning")),
                hosts=(HostSeen("x.example", 2, ("script",), ("nothing",)),),
            )
        )
        store.append(
            looked(
                "https://a.example/2",
                vendors=(vendor("one", nothing=SILENT, accept=RAN),),
                findings=(),
                hosts=(HostSeen("x.example", 1, ("image", "script"), ("accept",)),),
            )
        )
        store.append(
            looked(
                "https://b.example/",
                vendors=(vendor("one", nothing=BAD, accept=BAD),),
                findings=(_finding("ran-without-consent"), _finding("ran-without-consent"), _finding("refusal-harder")),
                hosts=(HostSeen("y.example", 9, ("script",), ("nothing",)),),
            )
        )
        store.append(failed("https://d.example/", UNREACHABLE, "Is it up?"))
        store.append(failed("https://c.example/", CRASH))
    return folder


@pytest.fixture(scope="module")
def summary(fleet: Path) -> Summary:
    return summarise(fleet)


def test_pages_and_findings_are_counted(summary: Summary) -> None:
    assert (summary.pages, summary.failed, summary.violating) == (3, 2, 2)
    assert (summary.violations, summary.warnings, summary.seconds) == (4, 1, 9.5)


def test_vendors_come_by_prevalence(summary: Summary) -> None:
    assert summary.vendors == (
        VendorCount("one", "One", "analytics", 3, 1.0, 2, 13),
        VendorCount("two", "Two", "analytics", 1, 0.3333, 0, 2),
    )


def test_sites_come_by_violations(summary: Summary) -> None:
    platform = summary.sites[0].platform
    assert summary.sites == (
        SiteCount("b.example", 1, 3, 0, 1, platform),
        SiteCount("a.example", 2, 1, 1, 2, platform),
    )


def test_uncatalogued_hosts_come_by_pages_with_all_their_types(summary: Summary) -> None:
    assert summary.hosts == (
        HostCount("x.example", 2, 3, ("image", "script")),
        HostCount("y.example", 1, 9, ("script",)),
    )


def test_kinds_of_findings_are_counted_violations_first(summary: Summary) -> None:
    assert summary.kinds == (
        KindCount("ran-without-consent", "violation", 3, 2),
        KindCount("refusal-harder", "violation", 1, 1),
        KindCount("uncatalogued-host", "warning", 1, 1),
    )


def test_failures_are_told_with_their_reasons(summary: Summary) -> None:
    assert summary.failures == (
        Failed("https://c.example/", CRASH, "The browser broke down.", 2),
        Failed("https://d.example/", UNREACHABLE, "Is it up?", 2),
    )


def test_a_fleet_of_which_all_failed_has_a_summary(tmp_path: Path) -> None:
    with Store(tmp_path, {}) as store:
        store.append(failed("https://c.example/", CRASH))
    assert (summarise(tmp_path).pages, summarise(tmp_path).failed, summarise(tmp_path).vendors) == (0, 1, ())


def test_what_a_stop_left_in_the_journal_counts(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text(looked("https://a.example/").line() + "\n", "utf-8")
    assert summarise(tmp_path).pages == 1


def test_a_fleet_can_be_summed_up_while_it_is_still_audited(fleet: Path) -> None:
    with Store(fleet):
        assert summarise(fleet).pages == 3


def test_a_folder_without_results_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no results"):
        summarise(tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        summarise(tmp_path / "none")


def _finding(kind: str, severity: str = "violation") -> Finding:
    finding = Finding(kind, kind, severity, kind, "https://a.example/", "nothing", "one", "analytics", (), "", "")
    return replace(finding, key=f"{kind}|one")
