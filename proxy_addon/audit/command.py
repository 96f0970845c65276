"""The command `consentry audit`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from ..catalogue.domains import registrable_domain
from ..catalogue.urls import split
from ..cleaned import one_line
from ..config import ENFORCE, OBSERVE, UsageError, read_config
from ..home import expanded
from ..options import CONFDIR, option, rules_option
from ..resolve import Resolver, parse_entry
from .baseline import Baseline, read_baseline, write_baseline
from .many.command import audit_many, check_many, many_options, many_states
from .model import SEVERITIES, VIOLATION, AuditResult
from .report import check_targets, write_reports
from .states import State, states_named

_NONE = "none"
_MISSING = "`consentry audit` needs a browser's driver; install it with: pip install 'consentry[audit]'"


@click.command("audit")
@click.argument("urls", nargs=-1, metavar="URL [PAGE...]")
@click.option(
    "--mode",
    type=click.Choice([OBSERVE, ENFORCE]),
    default=OBSERVE,
    show_default=True,
    help="Test the site as it is, or with Consentry holding what lacks consent.",
)
@click.option("--regime", default="gdpr", show_default=True, metavar="NAME", help="The law to judge by.")
@click.option(
    "--states",
    multiple=True,
    metavar="NAMES",
    help="Only these states, with commas between: nothing, reject, accept, only, withdraw, gpc, returning. "
    "[all; with --urls nothing,reject,accept]",
)
@click.option(
    "--steps", type=click.Path(path_type=Path), metavar="FILE", help="A YAML file that says how choices are made."
)
@click.option("--platform", default="", metavar="NAME", help="The consent platform, whose own cookie may be written.")
@click.option(
    "--autoconsent",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The npm package @duckduckgo/autoconsent, for banners that are not known otherwise.",
)
@click.option("--links", type=click.IntRange(0), default=0, metavar="COUNT", help="Look at so many linked pages. [0]")
@click.option("--sitemap", is_flag=True, help="Take the further pages from the sitemap.")
@click.option(
    "--storage-state",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Cookies and storage to begin with, as Playwright saves them: a login.",
)
@click.option(
    "--quiet-for",
    type=click.FloatRange(0.1, 60),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="A page counts as settled when nothing has happened for so long.",
)
@click.option(
    "--screenshots/--no-screenshots", default=None, help="Keep a picture of each state. [yes; with --urls no]"
)
@click.option(
    "--fail-on",
    type=click.Choice([*SEVERITIES, _NONE]),
    default=VIOLATION,
    show_default=True,
    help="What ends with exit code 1.",
)
@click.option(
    "--report",
    "reports",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="Write a report, in the form that the name ends in: .html, .json, .xml (JUnit), .sarif, .csv, .cookies.csv, "
    ".md, .har.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Findings that are known: they fail nothing.",
)
@click.option(
    "--write-baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write what is found as known, and end with exit code 0.",
)
@many_options
@rules_option
@option("--config", type=click.Path(path_type=Path), help="A configuration file. [consentry.yaml if there is one]")
@option("--upstream-ca", type=click.Path(path_type=Path), metavar="PEM", help="Authorities to trust upstream.")
@option("--insecure-upstream/--verify-upstream", default=False, help="Do not verify upstream certificates.")
@option("--resolve", multiple=True, metavar="HOST:PORT:ADDRESS[:PORT]", help="Connect there for that host.")
@option("--confdir", type=click.Path(path_type=Path), default=CONFDIR, metavar="DIR", help="Where the authority is.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def audit_command(urls: tuple[str, ...], **given: Any) -> int:
    """Drive a site's own consent flow through every state in a real browser, and judge what runs.

    \b
    consentry audit https://staging.example.com
    consentry audit https://staging.example.com https://staging.example.com/basket --states nothing,reject
    consentry audit https://staging.example.com --regime ccpa --states gpc --report audit.html --report audit.json
    consentry audit --urls sites.txt --output audits/

    Pages after the first are looked at in every state too; they lie on the same site. It ends with exit code 1 if
    there is a violation (see --fail-on), 2 if the site cannot be looked at.
    """
    try:
        from rich.console import Console  # noqa: PLC0415 - these and the driver are an extra

        from .options import Options  # noqa: PLC0415
        from .steps import NO_STEPS, read_steps  # noqa: PLC0415

        many = check_many(urls, given)
        if not many:
            from .drive import SiteError  # noqa: PLC0415
            from .report.terminal import show  # noqa: PLC0415
            from .run import auditor  # noqa: PLC0415
        elif find_spec("playwright") is None:
            raise UsageError(_MISSING)
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in ("playwright", "rich"):
            raise UsageError(_MISSING) from None
        raise
    from ..listeners import Transport  # noqa: PLC0415

    site, *pages = ("",) if many else _addresses(urls)
    if not many:
        check_targets(given["reports"])
    baseline = read_baseline(given["baseline"]) if given["baseline"] is not None else Baseline({})
    for name in ("storage_state", "upstream_ca"):
        if given[name] is not None and not given[name].is_file():
            raise UsageError(f"There is no file {given[name]}; check the path given to --{name.replace('_', '-')}.")
    if given["storage_state"] is not None:
        _check_storage_state(given["storage_state"])
    options = Options(
        transport=Transport(
            confdir=expanded(given["confdir"]),
            upstream_ca=given["upstream_ca"],
            insecure_upstream=given["insecure_upstream"],
            resolver=Resolver([parse_entry(entry) for entry in given["resolve"]]),
        ),
        mode=given["mode"],
        regime=given["regime"],
        states=states_named(name for names in given["states"] or many_states(many) for name in names.split(",")),
        steps=read_steps(given["steps"]) if given["steps"] is not None else NO_STEPS,
        links=given["links"],
        sitemap=given["sitemap"],
        storage_state=given["storage_state"],
        platform=given["platform"],
        autoconsent=given["autoconsent"],
        rules=given["rules"],
        config=read_config(given["config"]),
        quiet=given["quiet_for"],
        screenshots=not many if given["screenshots"] is None else given["screenshots"],
    )
    if many:
        return audit_many(options, given, severities_of(given["fail_on"]))
    try:
        with auditor(options) as running:
            result = running.audit(site, pages, _teller(sys.stderr.isatty()))
    except SiteError as error:
        raise UsageError(str(error)) from None
    if given["as_json"]:
        click.echo(result.to_json())
    else:
        show(result, Console(highlight=False, soft_wrap=not sys.stdout.isatty()), baseline.keys)
        for title in baseline.stale(result):
            click.echo(f"The baseline lists what is no longer found: {one_line(title)}", err=True)
    for path in write_reports(result, given["reports"], baseline.keys):
        click.echo(f"wrote {path}", err=True)
    if given["write_baseline"] is not None:
        write_baseline(given["write_baseline"], result.findings)
        return 0
    return int(fails(result, given["fail_on"], baseline.keys))


def fails(result: AuditResult, severity: str, known: Collection[str] = ()) -> bool:
    """Whether a result has a finding of this severity, or a worse one, that is not `known` by its key."""
    return any(each.severity in severities_of(severity) and each.key not in known for each in result.findings)


def severities_of(fail_on: str) -> tuple[str, ...]:
    """The severities at which --fail-on ends with exit code 1."""
    return {_NONE: (), VIOLATION: (VIOLATION,)}.get(fail_on, SEVERITIES)


def _addresses(urls: Sequence[str]) -> list[str]:
    """The addresses, the first being the site's; the others must lie on it. Raises UsageError."""
    if not urls:
        raise UsageError("Name the site to audit, as in: consentry audit https://staging.example.com")
    found = [url if "://" in url else f"https://{url}" for url in urls]
    sites: set[str] = set()
    for url in found:
        parts = split(url)
        if parts is None or not url.lower().startswith(("http://", "https://")):
            raise UsageError(f"'{url}' is no address of a site; write it as https://staging.example.com.")
        sites.add(registrable_domain(parts.host))
    if len(sites) > 1:
        raise UsageError(f"One audit is of one site, and these are of {len(sites)}; audit each by itself.")
    return found


def _check_storage_state(path: Path) -> None:
    """Raise UsageError if a file is none that Playwright could have saved."""
    try:
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        kept = None
    parts = [kept.get(name, []) for name in ("cookies", "origins")] if isinstance(kept, dict) else [None]
    if not all(isinstance(part, list) and all(isinstance(each, dict) for each in part) for part in parts):
        raise UsageError(f"{path} is no storage state; save one with Playwright's context.storage_state(path=…).")


def _teller(on_terminal: bool) -> Callable[[State], None]:
    """Says each state as it begins, where somebody watches."""
    if not on_terminal:
        return lambda _: None
    return lambda state: click.echo(f"{state.title} …", err=True)
