"""`consentry report`: what was written once, in another form, or beside another."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from ...config import UsageError
from ..baseline import read_baseline
from ..diff import diff
from ..many.report_command import fleet
from ..model import ResultError, read_result
from . import check_targets, write_reports

_FILE = click.Path(path_type=Path, dir_okay=False)
_MISSING = "`consentry report diff` needs the package rich, or --json; install it with: pip install 'consentry[audit]'"


@click.group("report")
def report() -> None:
    """Read results that `consentry audit` wrote, with --report FILE.json or --output DIR.

    \b
    consentry report render audit.json -o audit.html
    consentry report diff last-week.json today.json
    consentry report fleet audits/
    """


report.add_command(fleet)


@report.command("render")
@click.argument("result", type=_FILE)
@click.option(
    "--output", "-o", "targets", type=_FILE, multiple=True, required=True, metavar="FILE", help="Write there."
)
@click.option("--baseline", type=_FILE, metavar="FILE", help="Findings that are known.")
def render(result: Path, targets: tuple[Path, ...], baseline: Path | None) -> None:
    """Write a result in other forms: .html, .xml (JUnit), .sarif, .csv, .cookies.csv, .md, .har, .json.

    \b
    consentry report render audit.json -o audit.html -o audit.sarif
    """
    check_targets(targets)
    known = read_baseline(baseline).keys if baseline else frozenset[str]()
    try:
        for path in write_reports(read_result(result), targets, known):
            click.echo(f"wrote {path}")
    except ResultError as error:
        raise UsageError(str(error)) from None


@report.command("diff")
@click.argument("before", type=_FILE)
@click.argument("after", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def diff_command(before: Path, after: Path, as_json: bool) -> int:
    """Say what changed between two results. Exit code 1 if there is a violation that was not there before.

    \b
    consentry report diff last-week.json today.json
    """
    try:
        found = diff(read_result(before), read_result(after))
    except ResultError as error:
        raise UsageError(str(error)) from None
    if as_json:
        click.echo(json.dumps(asdict(found), indent=1))
    else:
        try:
            from rich.console import Console  # noqa: PLC0415 - an extra, that only who wants words needs
        except ModuleNotFoundError:
            raise UsageError(_MISSING) from None
        from .terminal import show_diff  # noqa: PLC0415

        show_diff(found, Console())
    return int(found.worse)
