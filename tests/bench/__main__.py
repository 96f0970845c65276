"""`python -m tests.bench`: measure, and print the table."""

from __future__ import annotations

import sys

import click

from proxy_addon.catalogue.load import load_rules
from proxy_addon.catalogue.yamlfile import FileError

from . import guardsize
from .processes import BenchError
from .report import guard_size, machine, page_cost, processor, rows, table
from .suite import FULL, QUICK, measure
from .suite import page_cost as measure_pages


@click.command()
@click.option("--quick", is_flag=True, help="Shorter rounds and fewer requests: an impression in a minute.")
@click.option("--pages", is_flag=True, help="Only what is measured in the browser, and the size of the guard.")
@click.option("--envoy", is_flag=True, help="Only what stands on Envoy, beside mitmproxy and bare Envoy.")
def main(quick: bool, pages: bool, envoy: bool) -> None:
    """Measure Consentry beside what it is built on, and print one Markdown table.

    It uses wrk and nginx where they are installed, `adblock` and `turbohtml` (the extra `bench`), and needs Chromium.
    """
    plan = QUICK if quick else FULL
    try:
        if pages:
            rules = load_rules()
            cost = measure_pages(rules, plan.loads)
            click.echo(f"{table([guard_size(guardsize.measure(rules)), *page_cost(cost)])}\n\n{processor()}")
            return
        if envoy:
            from . import envoy as on_envoy

            found = on_envoy.measure(plan, lambda what: click.echo(f"{what} …", err=True))
            click.echo(f"{on_envoy.table(found)}\n\n{processor()}")
            return
        results = measure(plan, lambda what: click.echo(f"{what} …", err=True))
    except (BenchError, FileError) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    click.echo(f"{table(rows(results))}\n\n{machine(results, plan)}")


if __name__ == "__main__":
    main()
