"""A fleet's summary as HTML, JSON or CSV, chosen by the name of the file that is written; and for a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...cleaned import one_line
from ...config import UsageError
from ..report import write_text
from ..report.html import environment
from ..report.tables import csv_text
from ..report.wording import KIND_WORDS
from .summary import Failed, HostCount, KindCount, SiteCount, Summary, VendorCount

if TYPE_CHECKING:
    from rich.console import Console

FORMS = (
    "a name that ends in .html, .json, .csv (the sites), .vendors.csv, .sites.csv, .hosts.csv, .kinds.csv or "
    ".failures.csv"
)


def fleet_html(summary: Summary) -> str:
    """The summary as one self-contained HTML document."""
    template = environment(Path(__file__).parent).get_template("fleet.html")
    return template.render(summary=summary, headline=headline(summary), kinds=KIND_WORDS, version=__version__)


def _table(kind: type[Any], rows: Callable[[Summary], Iterable[object]]) -> Callable[[Summary], str]:
    names = [each.name for each in fields(kind)]
    return lambda summary: csv_text(names, ([getattr(row, name) for name in names] for row in rows(summary)))


_WRITERS: Mapping[str, Callable[[Summary], str]] = {
    ".html": fleet_html,
    ".json": lambda summary: json.dumps(summary.plain(), indent=1, ensure_ascii=False) + "\n",
    ".csv": _table(SiteCount, lambda summary: summary.sites),
    ".sites.csv": _table(SiteCount, lambda summary: summary.sites),
    ".vendors.csv": _table(VendorCount, lambda summary: summary.vendors),
    ".hosts.csv": _table(HostCount, lambda summary: summary.hosts),
    ".kinds.csv": _table(KindCount, lambda summary: summary.kinds),
    ".failures.csv": _table(Failed, lambda summary: summary.failures),
}


def check_fleet_targets(targets: Iterable[Path]) -> None:
    """Raise UsageError if a fleet's summary has no form for one of these names."""
    for target in targets:
        if not _fitting(target):
            raise UsageError(f"A fleet has no report of the form '{target.name}'; give {FORMS}.")


def write_fleet(summary: Summary, targets: Iterable[Path]) -> tuple[Path, ...]:
    """Write a summary to each target in the form that its name ends in; return the files. Raises UsageError."""
    targets = tuple(targets)
    check_fleet_targets(targets)
    for target in targets:
        write_text(target, _WRITERS[max(_fitting(target), key=len)](summary))
    return targets


def headline(summary: Summary) -> str:
    """The fleet in a sentence without a full stop."""
    looked = "1 page was" if summary.pages == 1 else f"{summary.pages} pages were"
    failed = f", {summary.failed} could not be" if summary.failed else ""
    return f"{looked} looked at{failed}: {summary.violating} with violations, {summary.violations} violations in all"


def show_fleet(summary: Summary, console: Console, top: int) -> None:
    """Print a summary, of each table the first `top` rows."""
    from rich.panel import Panel  # noqa: PLC0415 - only who wants words needs it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        if not rows:
            return
        shown = Table(title=title if len(rows) <= top else f"{title} (the first {top} of {len(rows)})")
        shown.title_justify = "left"
        for column in columns:
            shown.add_column(column, overflow="fold")
        for row in rows[:top]:
            shown.add_row(*(Text(one_line(str(cell))) for cell in row))
        console.print(shown)

    style = "red" if summary.violations else "green"
    console.print(Panel(Text(headline(summary), style=f"bold {style}"), border_style=style))
    table(
        "Vendors by prevalence",
        ("vendor", "category", "pages", "of all", "pages it violates on"),
        [(each.name, each.category, each.pages, f"{each.share:.0%}", each.violating) for each in summary.vendors],
    )
    table(
        "What was found",
        ("kind", "severity", "findings", "pages"),
        [(KIND_WORDS.get(each.kind, each.kind), each.severity, each.findings, each.pages) for each in summary.kinds],
    )
    table(
        "Sites by violations",
        ("site", "violations", "warnings", "pages", "vendors", "platform"),
        [(s.host, s.violations, s.warnings, s.pages, s.vendors, s.platform) for s in summary.sites],
    )
    table(
        "Third parties that nobody has catalogued",
        ("host", "pages", "requests", "types"),
        [(each.host, each.pages, each.requests, ", ".join(each.types)) for each in summary.hosts],
    )
    table(
        "Not looked at",
        ("page", "why", "in words", "tries"),
        [(each.url, each.failure, each.error, each.attempts) for each in summary.failures],
    )


def _fitting(target: Path) -> list[str]:
    return [ending for ending in _WRITERS if target.name.lower().endswith(ending)]
