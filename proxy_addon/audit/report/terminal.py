"""A result for a terminal (rich): the verdict, the findings, the matrix; and what is going on while it is made."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ...cleaned import one_line
from ..diff import Diff
from ..model import CELL_HELD, CELL_MISSING, CELL_RAN, CELL_SILENT, CELL_VIOLATION, VIOLATION, AuditResult, Finding
from .wording import cell_words, counted, headline, ordered

_STYLES = {CELL_VIOLATION: "bold red", CELL_RAN: "green", CELL_HELD: "blue", CELL_SILENT: "dim", CELL_MISSING: "yellow"}
_MOST_EVIDENCE = 3


def show(result: AuditResult, console: Console, known: frozenset[str] = frozenset()) -> None:
    """Print a result. Findings that are `known` are only counted."""
    counts = counted(result, known)
    style = "red" if counts.violations or result.errors else "green"
    where = f"{one_line(result.site)} · {result.mode} · {result.regime} · {result.platform or 'no platform recognised'}"
    console.print(Panel(Text(headline(result, known), style=f"bold {style}"), title=escape(where), border_style=style))
    for error in result.errors:
        console.print(Text(f"trouble: {one_line(error)}", style="bold red"))
    for each in ordered(result.findings):
        if each.key not in known:
            console.print(_finding(each))
    if result.vendors and result.states:
        console.print(_matrix(result))
    if result.hosts:
        hosts = ", ".join(f"{one_line(each.host)} ({each.requests})" for each in result.hosts)
        console.print(Text(f"Uncatalogued: {hosts}", style="yellow"))


def show_diff(found: Diff, console: Console) -> None:
    """Print what changed between two results."""
    for title, findings in (("New", found.new), ("Gone", found.gone)):
        if findings:
            console.print(Text(title, style="bold"))
        for each in ordered(findings):
            console.print(_finding(each))
    for cell in found.turned:
        console.print(Text(f"{one_line(cell.vendor)} in {one_line(cell.state)}: {cell.before} → {cell.after}"))
    for title, hosts in (("New", found.new_hosts), ("Gone", found.gone_hosts)):
        if hosts:
            console.print(Text(f"{title} uncatalogued hosts: {', '.join(map(one_line, hosts))}"))
    if not (found.new or found.gone or found.turned or found.new_hosts or found.gone_hosts):
        console.print("Nothing changed.")


def _finding(finding: Finding) -> RenderableType:
    bad = finding.severity == VIOLATION
    head = Text()
    head.append("✗ " if bad else "! ", style="bold red" if bad else "bold yellow")
    head.append(one_line(finding.title), style="bold")
    head.append(f"  [{one_line(finding.state)}] {one_line(finding.page)}", style="dim")
    more = len(finding.evidence) - _MOST_EVIDENCE
    lines = [*finding.evidence[:_MOST_EVIDENCE], *([f"and {more} more"] if more > 0 else [])]
    return Group(head, *_indented(lines), *_indented([f"→ {finding.remedy}"] if finding.remedy else []))


def _indented(lines: Iterable[str]) -> list[RenderableType]:
    return [Text(f"    {one_line(each)}") for each in lines]


def _matrix(result: AuditResult) -> Table:
    table = Table(title="Vendors by state", title_justify="left")
    table.add_column("vendor", overflow="fold")
    for state in result.states:
        table.add_column(escape(one_line(state.state)), overflow="fold")
    for row in result.vendors:
        cells = [row.cells.get(state.state) for state in result.states]
        table.add_row(
            Text(one_line(row.name)),
            *(Text(cell_words(cell), style=_STYLES.get(cell.what, "") if cell else "dim") for cell in cells),
        )
    return table
