"""The part of `consentry audit` that audits many: its options, and what they do."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ...config import UsageError
from ..model import VIOLATION
from .crew import Crew, LocalCrew
from .fleet import Progress, run
from .report import check_fleet_targets, show_fleet, write_fleet
from .report_command import TOP
from .rows import missing
from .station import Limits
from .store import Store
from .summary import Summary, summarise

if TYPE_CHECKING:
    from ..options import Options

Command = TypeVar("Command", bound=Callable[..., Any])
# What runs before any choice, after a refusal and after consent: what a fleet is asked, at a third of all states' cost.
_STATES = ("nothing", "reject", "accept")
_INTERRUPTED = 130
_ONLY_ONE = ("baseline", "write_baseline", "sitemap")
_ONLY_MANY = ("output", "cluster", "workers", "retry_failed")


def many_options(command: Command) -> Command:
    """The options of audits of many."""
    for each in reversed(
        [
            click.option(
                "--urls",
                "urls_from",
                metavar="FILE|URL",
                help="Audit many: an address a line, a CSV, or a sitemap; - for standard input.",
            ),
            click.option(
                "--output",
                type=click.Path(path_type=Path, file_okay=False),
                metavar="DIR",
                help="With --urls: keep results there; the same command goes on where it was stopped.",
            ),
            click.option(
                "--workers",
                type=click.IntRange(1, 512),
                metavar="COUNT",
                help="With --urls: so many browsers at once. [one for each core]",
            ),
            click.option(
                "--cluster", metavar="ADDRESS", help="With --urls: on a Dask cluster, as tcp://scheduler:8786."
            ),
            click.option(
                "--delay",
                type=click.FloatRange(0),
                default=1.0,
                show_default=True,
                metavar="SECONDS",
                help="With --urls: leave a host alone for so long between two of its pages.",
            ),
            click.option(
                "--page-timeout",
                type=click.FloatRange(1),
                default=180.0,
                show_default=True,
                metavar="SECONDS",
                help="With --urls: give an address up after so long, all of its states together.",
            ),
            click.option(
                "--page-memory",
                type=click.IntRange(100),
                default=2000,
                show_default=True,
                metavar="MB",
                help="With --urls: give an address up when its browser and all of its processes take more.",
            ),
            click.option("--retry-failed", is_flag=True, help="With --urls: look again at what failed earlier."),
        ]
    ):
        command = each(command)
    return command


def check_many(urls: Sequence[str], given: Mapping[str, Any]) -> bool:
    """Whether many are to be audited. Raises UsageError if the options do not go together."""
    many = given["urls_from"] is not None
    names = [name for name in (_ONLY_ONE if many else _ONLY_MANY) if given[name]]
    if names:
        other = "has no place beside --urls" if many else "needs --urls"
        raise UsageError(f"--{names[0].replace('_', '-')} {other}; see: consentry audit --help")
    if not many:
        return False
    if urls:
        raise UsageError(f"Give addresses to --urls or by name, not both; put {urls[0]} into the file.")
    if given["output"] is None:
        raise UsageError("Say where results are to be kept, as in: consentry audit --urls sites.txt --output audits/")
    if given["cluster"] and given["workers"]:
        raise UsageError("--workers is for this machine; on a cluster, start more of its workers.")
    check_fleet_targets(given["reports"])
    return True


def many_states(many: bool) -> tuple[str, ...]:
    """The states where none are named; for one site no name stands for all."""
    return _STATES if many else ()


def audit_many(options: Options, given: Mapping[str, Any], severities: Sequence[str]) -> int:
    """Audit what --urls names, print the summary, and return the exit code: 1 if a finding has one of `severities`."""
    from .addresses import read_addresses  # noqa: PLC0415 - a tree's parser loads slowly, and only this needs it

    kind = {
        "states": [state.name for state in options.states],
        "mode": options.mode,
        "regime": options.regime,
        "links": options.links,
    }
    urls = read_addresses(given["urls_from"])
    limits = Limits(given["page_timeout"], given["page_memory"])
    stopped = False
    with Store(given["output"], kind, again=given["retry_failed"]) as store, _stoppable():
        left = [url for url in urls if url not in store.done]
        if len(left) < len(urls):
            click.echo(f"{len(urls) - len(left)} of {len(urls)} were looked at earlier.", err=True)
        if left:
            try:
                with closing(_crew(options, limits, given, len(left))) as crew, _telling() as tell:
                    run(urls, store, crew, given["delay"], tell=tell)
            except KeyboardInterrupt:
                stopped = True
    if stopped:
        click.echo("Stopped; the same command goes on from here.", err=True)
        return _INTERRUPTED
    summary = summarise(given["output"])
    if given["as_json"]:
        click.echo(json.dumps(summary.plain(), indent=1, ensure_ascii=False))
    else:
        from rich.console import Console  # noqa: PLC0415 - an extra

        show_fleet(summary, Console(highlight=False, soft_wrap=not sys.stdout.isatty()), TOP)
    for path in write_fleet(summary, given["reports"]):
        click.echo(f"wrote {path}", err=True)
    return _code(summary, severities)


def _code(summary: Summary, severities: Sequence[str]) -> int:
    if not summary.pages:
        return 2
    return int(any(each.severity in severities for each in summary.kinds))


def _crew(options: Options, limits: Limits, given: Mapping[str, Any], left: int) -> Crew:
    if not given["cluster"]:
        return LocalCrew(options, limits, min(left, given["workers"] or os.cpu_count() or 1))
    try:
        from .cluster import ClusterCrew  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise missing() from None
    return ClusterCrew(options, limits, given["cluster"])


@contextmanager
def _stoppable() -> Iterator[None]:
    """Takes SIGTERM, as init systems and CI send it, for Ctrl-C."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _telling() -> Iterator[Callable[[Progress], None]]:
    """Says how far it is: a bar where somebody watches, else a line for what fails."""
    from rich.console import Console  # noqa: PLC0415 - an extra
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    from ...cleaned import one_line  # noqa: PLC0415

    console = Console(stderr=True, highlight=False)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)
        violations = 0

        def tell(progress: Progress) -> None:
            nonlocal violations
            last = progress.last
            if last is not None and last.result:
                findings = json.loads(last.result)["findings"]
                violations += sum(each["severity"] == VIOLATION for each in findings)
            if last is not None and last.failure:
                bar.console.print(one_line(f"{last.failure}: {last.error}"), style="yellow", markup=False)
            said = f"{progress.running} running, {progress.failed} failed, {violations} violations found"
            bar.update(task, total=progress.total, completed=progress.done, description=said)

        yield tell
