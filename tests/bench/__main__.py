"""`python -m tests.bench`: measure, and print the table."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from proxy_addon.catalogue.load import load_rules
from proxy_addon.catalogue.yamlfile import FileError
from proxy_addon.consent.regimes import regimes

from . import guardsize, labelled
from .processes import BenchError
from .report import guard_size, machine, page_cost, processor, rows, table
from .soak.soak import measure as measure_soak
from .soak.soak import table as table_of_soak
from .suite import FULL, QUICK, measure
from .suite import page_cost as measure_pages


@click.command()
@click.option(
    "--quick",
    is_flag=True,
    help="Shorter rounds and fewer requests; with --fleet one state on the cluster.",
)
@click.option("--fleet", type=click.IntRange(4), help="Only audits of many: so many sites, on a Dask cluster too.")
@click.option("--planted", type=click.IntRange(1), help="Only audits of sites with known faults: so many runs.")
@click.option("--pages", is_flag=True, help="Only what is measured in the browser, and the size of the guard.")
@click.option("--soak", is_flag=True, help="Only what a filter makes of mixed traffic and an upstream that fails.")
@click.option("--requests", type=click.IntRange(100), default=100_000, show_default=True, help="How many, with --soak.")
@click.option("--envoy", is_flag=True, help="Only what stands on Envoy, beside mitmproxy and bare Envoy.")
@click.option("--labels", is_flag=True, help="Only how right the catalogue is, beside labels of others' addresses.")
def main(
    *,
    quick: bool,
    fleet: int | None,
    planted: int | None,
    pages: bool,
    labels: bool,
    soak: bool,
    requests: int,
    envoy: bool,
) -> None:
    """Measure Consentry beside what it is built on, and print one Markdown table.

    It uses wrk and nginx where they are installed, `adblock` and `turbohtml` (the extra `bench`), and needs Chromium.
    """
    plan = QUICK if quick else FULL
    try:
        if soak:
            with tempfile.TemporaryDirectory() as folder:
                soaked = measure_soak(requests, Path(folder), lambda what: click.echo(what, err=True))
            click.echo(f"{table_of_soak(soaked)}\n\n{processor()}")
            sys.exit(0 if soaked.clean else 1)
        if fleet is not None:
            from .fleet import fleet_table
            from .fleet import measure as measure_fleet

            click.echo(fleet_table(measure_fleet(fleet, lambda what: click.echo(f"{what} …", err=True), quick=quick)))
            return
        if planted is not None:
            from .planted import measure as measure_planted
            from .planted import planted_table

            runs = measure_planted(planted, lambda what: click.echo(what, err=True))
            click.echo(planted_table(runs))
            sys.exit(int(any(each.wrong for each in runs)))
        if labels:
            for line in _labelled():
                click.echo(line)
            return
        if pages:
            rules = load_rules()
            cost = measure_pages(rules, plan.loads)
            click.echo(f"{table([guard_size(guardsize.measure(rules)), *page_cost(cost)])}\n\n{processor()}")
            return
        if envoy:
            from . import envoy as on_envoy

            measured = on_envoy.measure(plan, lambda what: click.echo(f"{what} …", err=True))
            click.echo(f"{on_envoy.table(measured)}\n\n{processor()}")
            return
        results = measure(plan, lambda what: click.echo(f"{what} …", err=True))
    except (BenchError, FileError, labelled.LabelError) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    click.echo(f"{table(rows(results))}\n\n{machine(results, plan)}")


def _labelled() -> Iterator[str]:
    rules, asked = load_rules(), labelled.labels()
    given = labelled.answers(rules.catalogue, asked)
    needed = [label for label in asked if label.category == labelled.NEEDED]
    return labelled.report(given, labelled.held(rules.catalogue, needed, regimes(rules.regimes)["gdpr"]))


if __name__ == "__main__":
    main()
