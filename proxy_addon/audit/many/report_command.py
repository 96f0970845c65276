"""`consentry report fleet`: what many audits say together."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from .report import check_fleet_targets, show_fleet, write_fleet
from .summary import summarise

TOP = 20


@click.command("fleet")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option(
    "--output",
    "-o",
    "targets",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="Write there instead: .html, .json, .csv (the sites), .vendors.csv, .hosts.csv, .kinds.csv, .failures.csv.",
)
@click.option(
    "--top", type=click.IntRange(1), default=TOP, show_default=True, metavar="COUNT", help="Rows of each table."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with all rows.")
def fleet(folder: Path, targets: tuple[Path, ...], top: int, as_json: bool) -> None:
    """Sum up what `consentry audit --urls FILE --output DIR` found: vendors, sites, uncatalogued hosts, failures.

    \b
    consentry report fleet audits/
    consentry report fleet audits/ -o fleet.html -o fleet.vendors.csv
    """
    check_fleet_targets(targets)
    summary = summarise(folder)
    for path in write_fleet(summary, targets):
        click.echo(f"wrote {path}")
    if as_json:
        click.echo(json.dumps(summary.plain(), indent=1, ensure_ascii=False))
    elif not targets:
        from rich.console import Console  # noqa: PLC0415 - only who wants words needs it

        show_fleet(summary, Console(highlight=False, soft_wrap=not sys.stdout.isatty()), top)
