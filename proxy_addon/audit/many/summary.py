"""What a fleet's results say together, asked of the Parquet parts with DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ...config import UsageError
from .rows import missing
from .store import JOURNAL, BusyError, Store, part_files


@dataclass(frozen=True, slots=True)
class VendorCount:
    """A vendor: on how many of the pages that were looked at it is, as a share too, and on how many it violates."""

    vendor: str
    name: str
    category: str
    pages: int
    share: float
    violating: int
    requests: int


@dataclass(frozen=True, slots=True)
class SiteCount:
    """A host: how many of its pages were looked at, and what was found on them."""

    host: str
    pages: int
    violations: int
    warnings: int
    vendors: int
    platform: str


@dataclass(frozen=True, slots=True)
class HostCount:
    """A third party in nobody's file: on how many pages, with how many requests, of which types."""

    host: str
    pages: int
    requests: int
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KindCount:
    """A kind of finding: how often, and on how many pages."""

    kind: str
    severity: str
    findings: int
    pages: int


@dataclass(frozen=True, slots=True)
class Failed:
    """An address that could not be looked at, and why."""

    url: str
    failure: str
    error: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A fleet. `pages` were looked at, `failed` could not be; `violating` pages have violations."""

    pages: int
    failed: int
    violating: int
    violations: int
    warnings: int
    seconds: float
    vendors: tuple[VendorCount, ...]
    sites: tuple[SiteCount, ...]
    hosts: tuple[HostCount, ...]
    kinds: tuple[KindCount, ...]
    failures: tuple[Failed, ...]

    def plain(self) -> Mapping[str, Any]:
        """The summary as a JSON-ready mapping."""
        return asdict(self)


_TOTALS = """
SELECT count(*) FILTER (failure = ''), count(*) FILTER (failure <> ''), count(*) FILTER (violations > 0),
  coalesce(sum(violations), 0)::BIGINT, coalesce(sum(warnings), 0)::BIGINT, coalesce(round(sum(seconds), 1), 0)
FROM results"""
_VENDORS = """
WITH seen AS (SELECT url, unnest(vendors) AS each FROM results WHERE failure = '')
SELECT each.vendor, any_value(each.name), any_value(each.category), count(DISTINCT url) AS pages,
  round(count(DISTINCT url) / (SELECT count(*) FROM results WHERE failure = ''), 4),
  count(DISTINCT url) FILTER (len(each.violating) > 0), sum(each.requests)::BIGINT
FROM seen GROUP BY each.vendor ORDER BY pages DESC, each.vendor"""
_SITES = """
SELECT host, count(*), sum(violations)::BIGINT AS bad, sum(warnings)::BIGINT AS odd,
  len(list_distinct(flatten(list([each.vendor for each in vendors])))),
  coalesce(max(platform), '')
FROM results WHERE failure = '' GROUP BY host ORDER BY bad DESC, odd DESC, host"""
_HOSTS = """
WITH seen AS (SELECT url, unnest(hosts) AS each FROM results WHERE failure = '')
SELECT each.host, count(DISTINCT url) AS pages, sum(each.requests)::BIGINT AS requests,
  list_sort(list_distinct(flatten(list(each.types))))
FROM seen GROUP BY each.host ORDER BY pages DESC, requests DESC, each.host"""
_KINDS = """
WITH seen AS (SELECT url, unnest(findings) AS each FROM results WHERE failure = '')
SELECT each.kind, each.severity, count(*) AS findings, count(DISTINCT url)
FROM seen GROUP BY each.kind, each.severity ORDER BY each.severity = 'violation' DESC, findings DESC, each.kind"""
_FAILURES = "SELECT url, failure, error, attempts FROM results WHERE failure <> '' ORDER BY failure, url"


def summarise(folder: Path) -> Summary:
    """The summary of a folder that `consentry audit --urls --output` wrote, also while it still does. UsageError."""
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}; give one that `consentry audit --urls --output` wrote.")
    try:
        if (folder / JOURNAL).is_file():
            # What a stop left in the journal only is made into a part.
            Store(folder).close()
    except BusyError:
        # An audit is under way: what it has made into parts so far.
        pass
    files = [str(path) for path in part_files(folder)]
    if not files:
        raise UsageError(f"There are no results in {folder} yet; write some with: consentry audit --urls --output.")
    try:
        duckdb: Any = import_module("duckdb")
    except ImportError:
        raise missing() from None
    with duckdb.connect(":memory:") as base:
        base.read_parquet(files).create_view("results")

        def ask(query: str) -> list[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = base.execute(query).fetchall()
            return rows

        pages, failed, violating, violations, warnings, seconds = ask(_TOTALS)[0]
        return Summary(
            pages=pages,
            failed=failed,
            violating=violating,
            violations=violations,
            warnings=warnings,
            seconds=seconds,
            vendors=tuple(VendorCount(*each) for each in ask(_VENDORS)),
            sites=tuple(SiteCount(*each) for each in ask(_SITES)),
            hosts=tuple(HostCount(host, pages, requests, tuple(types)) for host, pages, requests, types in ask(_HOSTS)),
            kinds=tuple(KindCount(*each) for each in ask(_KINDS)),
            failures=tuple(Failed(*each) for each in ask(_FAILURES)),
        )
