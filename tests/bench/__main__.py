"""`python -m tests.bench`: measure, and print the table."""

from __future__ import annotations

import sys

import click

from proxy_addon.catalogue.yamlfile import FileError

from .processes import BenchError
from .report import machine, table
from .suite import FULL, QUICK, measure


@click.command()
@click.option("--quick", is_flag=True, help="Shorter rounds and fewer requests: an impression in a minute.")
def main(quick: bool) -> None:
    """Measure Consentry beside what it is built on, and print one Markdown table.

    It uses wrk and nginx where they are installed, and `adblock` and `turbohtml` (the extra `bench`).
    """
    plan = QUICK if quick else FULL
    try:
        results = measure(plan, lambda what: click.echo(f"{what} …", err=True))
    except (BenchError, FileError) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    click.echo(f"{table(results)}\n\n{machine(results, plan)}")


if __name__ == "__main__":
    main()
