"""`consentry filter`: a forward proxy to leave on all day."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from ..config import UsageError, read_config
from ..lists.store import ALL, lists_folder, names
from ..options import option, serving_options
from ..serving import serve_sites
from ..setup import pause_place
from .duration import parse_span
from .pause import Pause
from .silence import SILENCE


@click.group("filter", invoke_without_command=True)
@serving_options
@option("--untouched", multiple=True, metavar="HOST", help="A host that is not looked into; *.HOST: with subdomains.")
@option(
    "--learn/--no-learn", default=None, help="Let programs that refuse our certificates pass from then on. [--learn]"
)
@option("--gpc/--no-gpc", default=None, help="Send Global Privacy Control with every request. [--gpc]")
@option(
    "--strip-parameters/--keep-parameters",
    default=None,
    help="Take out of addresses that are opened what only says where one came from (utm_source, fbclid, …).",
)
@option("--aliases/--no-aliases", default=None, help="Look up other names of hosts in the DNS. [--aliases]")
@option("--dns", metavar="ADDRESS[:PORT]", help="The DNS server to ask for them. [the system's]")
@option(
    "--local",
    metavar="PROGRAM,…",
    help="Filter what these programs of this machine ask for, without setting a proxy in them; all: every one.",
)
@option("--wireguard", metavar="[HOST:]PORT", help="Filter what comes through a WireGuard tunnel, as from a phone.")
@click.pass_context
def filter_command(ctx: click.Context, /, **given: Any) -> None:
    """Filter what one's own browser and programs ask for, all day long.

    \b
    consentry filter
    consentry filter --strip-parameters --untouched '*.mybank.example'
    consentry filter pause 10m

    What sites offer works; nothing measures or follows until a site was told otherwise, or `consent:` in consentry.yaml
    says so. Every list that was imported counts, Global Privacy Control is sent, and what is sensitive or refuses our
    certificates passes untouched. `consentry ca install` lets browsers trust it.
    """
    if ctx.invoked_subcommand is not None:
        return
    from ..proxy import captures  # noqa: PLC0415 - mitmproxy loads slowly, and only serving needs it

    config = read_config(given["config"])
    more = captures(given.pop("local"), given.pop("wireguard"))

    def otherwise(name: str, value: Any) -> None:
        if given[name] in (None, ()) and name not in config.options:
            given[name] = value

    otherwise("regime", SILENCE.regime)
    otherwise("lists", (ALL,) if names(lists_folder()) else ())
    for name in ("learn", "gpc"):
        otherwise(name, True)
    serve_sites([(None, None)], config, {**given, "pausable": True}, more=more)


@filter_command.command("pause")
@click.argument("span", default="10m", metavar="[TIME]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def pause_command(span: str, as_json: bool) -> None:
    """Let everything pass for a while, in every filter of this user. It is recorded all the same.

    \b
    consentry filter pause
    consentry filter pause 2h
    """
    until = Pause(pause_place()).begin(parse_span(span))
    if as_json:
        click.echo(json.dumps({"paused_until": until}))
    else:
        at = time.strftime("%H:%M", time.localtime(until))
        click.echo(f"Nothing is held until {at}; `consentry filter resume` ends it before.")


@filter_command.command("resume")
def resume_command() -> None:
    """End a pause.

    \b
    consentry filter resume
    """
    pause = Pause(pause_place())
    if not pause.on:
        raise UsageError("There is no pause to end; `consentry filter pause 10m` begins one.")
    pause.end()
    click.echo("Held again.")
