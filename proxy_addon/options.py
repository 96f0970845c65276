"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .config import BASE, DENY, ENFORCE, FILTER, IGNORE, OBSERVE, STRICT
from .setup import DEFAULT_KEEP

Command = TypeVar("Command", bound=Callable[..., Any])
CONFDIR = "~/.consentry"


def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
    """An option that can also be set as CONSENTRY_<NAME>."""
    name = names[0].partition("/")[0].lstrip("-").replace("-", "_").upper()
    return click.option(*names, envvar=f"CONSENTRY_{name}", **settings)


rules_option = option("--rules", multiple=True, metavar="DIR", help="A folder of rules that adds to the shipped ones.")


list_option = option(
    "--list",
    "lists",
    multiple=True,
    metavar="NAME",
    help="A list that was imported with `consentry rules import`; all: every one.",
)


def serving_options(command: Command) -> Command:
    """The options that reverse, forward and demo share; each can also stand in consentry.yaml."""
    for each in reversed(
        [
            option(
                "--listen",
                multiple=True,
                metavar="[HOST:]PORT",
                help="Where to listen; once for each site. [127.0.0.1:8080]",
            ),
            option(
                "--mode",
                type=click.Choice([ENFORCE, OBSERVE]),
                help="Hold what lacks consent, or only record it. [enforce]",
            ),
            option(
                "--regime",
                metavar="NAME",
                help="The law that decides what silence means: gdpr, uk, ccpa, …; auto: that of where the visitor is. "
                "[gdpr, or auto with --region-header or --geoip]",
            ),
            option(
                "--dnt",
                type=click.Choice([IGNORE, DENY]),
                help="What Do Not Track does: nothing, or deny what the visitor left unset. [ignore]",
            ),
            option(
                "--region-header",
                metavar="NAME",
                help="The field in which the server in front names the visitor's country, as CF-IPCountry.",
            ),
            option(
                "--subdivision-header",
                metavar="NAME",
                help="The field in which it names the state or province, as CF-Region-Code.",
            ),
            option(
                "--geoip",
                type=click.Path(),
                metavar="MMDB",
                help="A database in MaxMind's format that says where an address is.",
            ),
            option(
                "--trust-forwarded",
                type=click.IntRange(0, 16),
                metavar="COUNT",
                help="How many servers in front add to X-Forwarded-For. [0: it is not read]",
            ),
            option(
                "--strict-labels/--no-strict-labels",
                default=None,
                help="Require the category of a vendor's domain as well.",
            ),
            option(
                "--strict/--no-strict", default=None, help="Install the service worker before the first page is shown."
            ),
            option(
                "--banner/--no-banner",
                default=None,
                help="Show Consentry's own consent banner, for sites that have none.",
            ),
            option(
                "--report-leaks/--no-report-leaks",
                default=None,
                help="Let browsers report what they ask others for (CSP report-only).",
            ),
            option(
                "--router-policy",
                type=click.Choice([FILTER, STRICT, BASE]),
                help="What a router such as Segment needs: its own category, with refused destinations taken out "
                "(filter); what all of its destinations need (strict); its own, with nothing taken out (base). "
                "[filter]",
            ),
            option(
                "--ask-routers/--no-ask-routers",
                default=None,
                help="Ask a router once what is connected to a site's source. [--ask-routers]",
            ),
            option("--worker/--no-worker", default=None, help="Use a service worker. [--worker]"),
            option(
                "--config",
                type=click.Path(path_type=Path),
                help="A configuration file. [consentry.yaml if there is one]",
            ),
            rules_option,
            list_option,
            option(
                "--tls-cert",
                type=click.Path(),
                metavar="PEM",
                help="Key and certificate: listen with HTTPS and HTTP/2.",
            ),
            option(
                "--upstream-ca", type=click.Path(), metavar="PEM", help="Certificate authorities to trust upstream."
            ),
            option("--insecure-upstream/--verify-upstream", default=None, help="Do not verify upstream certificates."),
            option(
                "--resolve",
                multiple=True,
                metavar="HOST:PORT:ADDRESS[:PORT]",
                help="Connect there for that host, as curl does.",
            ),
            option(
                "--confdir",
                type=click.Path(),
                metavar="DIR",
                help=f"Where the certificate authority is kept. [{CONFDIR}]",
            ),
            option("--keep-query/--redact-query", default=None, help="Print and keep query values of URLs too."),
            option(
                "--ledger",
                metavar="FILE|URL",
                help="Where evidence is kept: a SQLite file, or postgresql://USER@HOST/DATABASE. "
                "[~/.local/state/consentry/evidence.db]",
            ),
            option("--no-ledger", is_flag=True, help="Keep no evidence."),
            option(
                "--ledger-keep",
                metavar="AGE|SIZE",
                help="How long evidence is kept, as 30d, 500MB, both with a comma between, or forever. "
                f"[{DEFAULT_KEEP}; forever with --ledger]",
            ),
            option(
                "--state",
                metavar="URL",
                help="Where replicas keep what they must know of each other: redis://HOST:PORT. [in memory]",
            ),
            option(
                "--metrics",
                metavar="[HOST:]PORT",
                help="Where to answer /metrics (Prometheus), /healthz and /readyz. [nowhere]",
            ),
            option(
                "--traces",
                metavar="URL",
                help="Where OpenTelemetry's spans are sent, as http://localhost:4318/v1/traces. [nowhere]",
            ),
            option(
                "--dashboard",
                metavar="[HOST:]PORT",
                help="Where the dashboard listens. [127.0.0.1:8079, or any port if another program has that]",
            ),
            option("--no-dashboard", is_flag=True, help="Do without the dashboard."),
            option(
                "--dashboard-token",
                metavar="SECRET",
                help="What must be said to see the dashboard; needed if others can reach it. "
                "Better set CONSENTRY_DASHBOARD_TOKEN: others see a command's options.",
            ),
            option("--badge/--no-badge", default=None, help="Show the dashboard's switches and counts in each page."),
            option("--json", "json_lines", is_flag=True, help="One JSON object a line."),
            option("--quiet", "-q", is_flag=True, help="Print only violations, leaks, mismatches and trouble."),
        ]
    ):
        command = each(command)
    return command
