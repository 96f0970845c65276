"""Starts what a command serves: engine, ledger, dashboard and proxy, from its options and the configuration file."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from .ask import Fetcher
from .config import ConfigFile, UsageError
from .console import Console
from .home import expanded
from .ledger import Several, Sink
from .listeners import Listener, Transport, parse_upstream, place
from .options import CONFDIR
from .resolve import Resolver, parse_entry
from .setup import build_engine, choose, open_dashboard, open_ledger, open_passing, open_state, start_dashboard
from .telemetry import open_telemetry

if TYPE_CHECKING:
    from .proxy import Started

Chosen = Callable[..., Any]


def chooser(given: Mapping[str, Any], config: ConfigFile) -> Chosen:
    """What says of an option by name what was chosen: flags and environment come before the file."""

    def chosen(name: str, otherwise: Any = None) -> Any:
        value = given.get(name)
        return config.options.get(name, otherwise) if value is None or value == () else value

    return chosen


def transport_of(chosen: Chosen) -> Transport:
    """How connections are made and accepted. Raises UsageError."""
    tls_cert, upstream_ca = chosen("tls_cert", None), chosen("upstream_ca", None)
    return Transport(
        confdir=expanded(chosen("confdir", CONFDIR)),
        tls_cert=Path(tls_cert) if tls_cert else None,
        upstream_ca=Path(upstream_ca) if upstream_ca else None,
        insecure_upstream=chosen("insecure_upstream", False),
        resolver=Resolver([parse_entry(entry) for entry in chosen("resolve", ())]),
    )


def listeners_of(
    sites: Sequence[tuple[str | None, str | None]], config: ConfigFile, given: Mapping[str, Any]
) -> list[Listener]:
    """Where each site is served; see `serve_sites` for sites. Raises UsageError."""
    return place(sites, given["listen"], None if given["listen"] else config.options.get("listen"))


def sites_of(urls: Sequence[str], config: ConfigFile) -> list[tuple[str | None, str | None]]:
    """The sites to stand in front of: those named, else those of the configuration file. Raises UsageError."""
    sites: list[tuple[str | None, str | None]] = [(parse_upstream(url), None) for url in urls]
    sites = sites or [(parse_upstream(entry.url), entry.listen) for entry in config.sites]
    if not sites:
        raise UsageError("Name the site to stand in front of, as in: consentry https://staging.example.com")
    return sites


def serve_sites(
    sites: Sequence[tuple[str | None, str | None]],
    config: ConfigFile,
    given: dict[str, Any],
    started: Started | None = None,
    more: Sequence[Listener] = (),
) -> None:
    """Serve sites, each an upstream (None: forward) and where to listen (None: not said), until interrupted.

    `given` is what `serving_options` made of flags and environment; `started` is told when it listens; `more` are
    further listeners. Raises UsageError, LedgerError and FileError.
    """
    from .proxy import serve  # noqa: PLC0415 - mitmproxy loads slowly, and only serving needs it

    chosen = chooser(given, config)
    listeners = listeners_of(sites, config, given)
    transport = transport_of(chosen)
    console = Console(sys.stdout, json_lines=given["json_lines"], quiet=given["quiet"])
    choices = choose(chosen)
    with ExitStack() as stack:
        up = threading.Event()
        telemetry = open_telemetry(text_of(chosen("metrics")), chosen("traces"), up.is_set, stack)
        sinks: list[Sink] = [console, *telemetry.sinks]
        dashboard = open_dashboard(
            named("dashboard", given, config), given["dashboard_token"] or "", console.warn, badge=choices.badge
        )
        if dashboard is not None:
            stack.callback(dashboard.stop)
            sinks.append(dashboard.scene)
        # Whoever sees evidence also hears when it cannot be kept.
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
            fetch=fetcher(transport),
            state=state,
            meter=telemetry.meter,
        )
        if dashboard is not None:
            start_dashboard(dashboard, choices, engine, ledger)
        if choices.untouched or choices.learn:
            transport = replace(transport, passing=open_passing(choices, engine.catalogue, console.warn))
        if choices.aliases and any(upstream is None for upstream, _ in sites):
            from .filter.aliases import Aliases, parse_server  # noqa: PLC0415 - only a forward proxy asks for names

            transport = replace(transport, aliases=Aliases(parse_server(choices.dns)))
        serve(engine, [*listeners, *more], transport, console, live=dashboard, started=started, ready=up.set)


def text_of(value: object) -> str | None:
    """A port may stand in the file as a number."""
    return None if value is None else str(value)


def fetcher(transport: Transport) -> Fetcher | None:
    """What asks for us; None if what it should trust cannot be read, which serve() says better."""
    try:
        return Fetcher(transport.resolver, authorities=transport.upstream_ca, insecure=transport.insecure_upstream)
    except OSError:
        return None


def named(name: str, given: Mapping[str, Any], config: ConfigFile) -> str | None:
    """What flags, environment or file say of an option that has a --no-… beside it: '' for no, None if nothing."""
    source = click.get_current_context().get_parameter_source
    flag = ParameterSource.COMMANDLINE
    named_by_flag = source(name) is flag and source(f"no_{name}") is not flag
    if given[f"no_{name}"] and not named_by_flag:
        return ""
    if given[name]:
        return str(given[name])
    said = config.options.get(name, True)
    return (None if said else "") if isinstance(said, bool) else str(said)
