"""Starts what a command serves: engine, ledger, dashboard and proxy, from its options and the configuration file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from .ask import Fetcher
from .config import ConfigFile
from .console import Console
from .filter.aliases import Aliases, parse_server
from .ledger import Several, Sink
from .options import CONFDIR
from .resolve import Resolver, parse_entry
from .setup import build_engine, choose, open_dashboard, open_ledger, open_passing, start_dashboard

if TYPE_CHECKING:
    from .proxy import Listener, Started, Transport


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
    from .proxy import Transport, place, serve  # noqa: PLC0415

    def chosen(name: str, otherwise: Any = None) -> Any:
        """Flags and environment come before the file."""
        value = given.get(name)
        return config.options.get(name, otherwise) if value is None or value == () else value

    listeners = place(sites, given["listen"], None if given["listen"] else config.options.get("listen"))
    tls_cert, upstream_ca = chosen("tls_cert", None), chosen("upstream_ca", None)
    transport = Transport(
        confdir=Path(chosen("confdir", CONFDIR)).expanduser(),
        tls_cert=Path(tls_cert) if tls_cert else None,
        upstream_ca=Path(upstream_ca) if upstream_ca else None,
        insecure_upstream=chosen("insecure_upstream", False),
        resolver=Resolver([parse_entry(entry) for entry in chosen("resolve", ())]),
    )
    console = Console(sys.stdout, json_lines=given["json_lines"], quiet=given["quiet"])
    choices = choose(chosen)
    with ExitStack() as stack:
        sinks: list[Sink] = [console]
        dashboard = open_dashboard(
            _named("dashboard", given, config), given["dashboard_token"] or "", console.warn, badge=choices.badge
        )
        if dashboard is not None:
            stack.callback(dashboard.stop)
            sinks.append(dashboard.scene)
        # Whoever sees evidence also hears when it cannot be kept.
        ledger = open_ledger(_named("ledger", given, config), chosen("ledger_keep"), Several(*sinks).record)
        if ledger is not None:
            sinks.append(stack.enter_context(ledger))
        engine = build_engine(
            choices,
            config,
            Several(*sinks),
            ledger.pseudonyms if ledger is not None else None,
            dashboard.scene if dashboard is not None else None,
            fetch=_fetcher(transport),
        )
        if dashboard is not None:
            start_dashboard(dashboard, choices, engine, ledger)
        if choices.untouched or choices.learn:
            transport = replace(transport, passing=open_passing(choices, engine.catalogue, console.warn))
        if choices.aliases and any(upstream is None for upstream, _ in sites):
            transport = replace(transport, aliases=Aliases(parse_server(choices.dns)))
        serve(engine, [*listeners, *more], transport, console, live=dashboard, started=started)


def _fetcher(transport: Transport) -> Fetcher | None:
    """What asks for us; None if what it should trust cannot be read, which serve() says better."""
    try:
        return Fetcher(transport.resolver, authorities=transport.upstream_ca, insecure=transport.insecure_upstream)
    except OSError:
        return None


def _named(name: str, given: Mapping[str, Any], config: ConfigFile) -> str | None:
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
