"""The command line: parse, call, print."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

import click

from . import __version__
from .ask import Fetcher
from .catalogue.index import LISTED, PAYLOADS
from .catalogue.payloads import Payloads
from .catalogue.yamlfile import FileError
from .config import (
    BASE,
    FILTER,
    STRICT,
    UsageError,
    read_config,
    read_rules,
    regime_named,
)
from .consent.platforms import compile_platforms
from .consent.signals import Reader, with_dnt
from .decode import decode
from .explain import Explanation, ask, connected, consent_of, explain
from .later import LaterGroup
from .ledger import OUTCOMES, LedgerError
from .ledger.asked import COUNTED, FORMS, Filters
from .ledger.moment import parse_moment
from .ledger.place import Place, default_place, parse_place
from .listed import listings
from .lists.catalogue import with_lists
from .lists.filters import open_filters
from .lists.store import open_lists
from .options import list_option, option, rules_option, serving_options
from .region import regime_at
from .rewrite.destinations import MOST_BYTES
from .serving import serve_sites, sites_of
from .show import decoded_words, vendor_list, vendor_page, vendor_plain, verdict_words

_LONGEST_TEXT = 65536
_FILTERS = ("vendor", "outcome", "category", "site", "page", "layer", "session", "visitor", "text")


class _SiteFirst(LaterGroup):
    """Lets `consentry https://…` do without the name of the command."""

    later = {
        "audit": (".audit.command", "audit_command"),
        "browse": (".browse.command", "browse_command"),
        "ca": (".authority.command", "ca_group"),
        "envoy": (".envoy.command", "envoy_command"),
        "filter": (".filter.command", "filter_command"),
        "inspect": (".inspect.command", "inspect_command"),
        "processor": (".envoy.command", "processor_command"),
        "report": (".audit.report.command", "report"),
        "rules": (".lists.command", "rules_group"),
    }

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Whatever is no command is taken for a site, or for an option of `reverse`."""
        if args and not self.has(args[0]) and ("." in args[0] or ":" in args[0] or args[0] == "localhost"):
            args = ["reverse", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options may stand before the site, and before the name of a command that serves."""
        own = {"--help", "--version", "-h"}
        if args and args[0].startswith("-") and args[0] not in own:
            options, _, _ = self.commands["reverse"].make_parser(ctx).parse_args(list(args))
            name, *rest = options["urls"] or ["reverse"]
            before = args[: len(args) - len(options["urls"])]
            args = [name, *before, *rest] if self.has(name) else ["reverse", *args]
        return super().parse_args(ctx, args)


class _ListFirst(LaterGroup):
    """Lets `consentry vendors` do without `list`."""

    later = {"lint": (".lint.command", "lint_command")}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options belong to `list` too."""
        if not args or (args[0].startswith("-") and args[0] not in ("--help", "-h")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_SiteFirst, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="consentry")
def cli() -> None:
    """Keep tracking vendors silent until the visitor's consent allows them.

    \b
    consentry https://staging.example.com     stand in front of a site
    consentry forward                         stand before a browser, as its proxy
    consentry filter                          the same, to leave on all day
    consentry demo                            try it on a sample shop
    consentry explain URL                     say why a URL is held or allowed
    consentry inspect page.html               say which vendors are in a page
    consentry log --since 1h                  show what was held, and what ran
    consentry audit https://example.com       drive a site's consent flow, and judge it

    Exit codes: 0 fine, 1 violations found, 2 wrong usage, configuration or rules.
    """


@cli.command()
@click.argument("urls", nargs=-1, metavar="URL...")
@serving_options
def reverse(urls: tuple[str, ...], **given: Any) -> None:
    """Stand in front of one site or several, as a reverse proxy.

    \b
    consentry https://staging.example.com
    consentry https://shop.example.com https://blog.example.com --listen 8080 --listen 8081
    """
    config = read_config(given["config"])
    serve_sites(sites_of(urls, config), config, given)


@cli.command()
@serving_options
def forward(**given: Any) -> None:
    """Filter what a browser asks for, as its HTTP and HTTPS proxy.

    \b
    consentry forward --listen 8080
    """
    serve_sites([(None, None)], read_config(given["config"]), given)


@cli.command()
@serving_options
def demo(**given: Any) -> None:
    """Stand in front of a sample shop with a consent banner, to see it work.

    \b
    consentry demo
    """
    from .demo.shop import Shop  # noqa: PLC0415

    with Shop() as shop:
        serve_sites([(shop.url, None)], read_config(given["config"]), given)


@cli.group(cls=_ListFirst)
def vendors() -> None:
    """List the catalogued vendors.

    \b
    consentry vendors
    consentry vendors show segment
    """


@vendors.command("list")
@rules_option
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def vendors_list(rules: tuple[str, ...], as_json: bool) -> None:
    """List the catalogued vendors: id, category, name, owner.

    \b
    consentry vendors list --json
    """
    catalogue = read_rules(rules)[0].catalogue
    if as_json:
        click.echo(json.dumps([vendor_plain(vendor) for vendor in catalogue.vendors.values()], indent=2))
    else:
        click.echo(vendor_list(catalogue))


@vendors.command("show")
@click.argument("name")
@rules_option
@click.option("--json", "as_json", is_flag=True, help="A JSON object.")
def vendors_show(name: str, rules: tuple[str, ...], as_json: bool) -> None:
    """Show everything that is known of a vendor, by its id, name or alias.

    \b
    consentry vendors show segment
    """
    catalogue = read_rules(rules)[0].catalogue
    vendor = catalogue.vendor_named(name)
    if vendor is None:
        raise UsageError(f"There is no vendor '{name}'; `consentry vendors` lists them.")
    known = catalogue.destinations.get(vendor.vendor, {}).values()
    click.echo(json.dumps(vendor_plain(vendor, known), indent=2) if as_json else vendor_page(vendor, known))


@cli.command("explain")
@click.argument("url")
@click.option(
    "--type",
    "kind",
    metavar="TYPE",
    help="What it is fetched as (script, image, …); only filters of lists depend on it.",
)
@click.option("--site", metavar="HOST", help="The site on which it is asked for.")
@click.option("--attribute", multiple=True, metavar="NAME", help="An attribute that the tag carries, as data-domain.")
@click.option(
    "--consent", metavar="LIST", help="Granted categories and vendors; '-' refuses. Left out: nothing said yet."
)
@click.option("--gpc", is_flag=True, help="The browser sends Sec-GPC: 1.")
@click.option("--dnt", is_flag=True, help="The browser sends DNT: 1, and the site heeds it (dnt: deny).")
@click.option(
    "--regime", default="gdpr", show_default=True, metavar="NAME", help="The law that decides what silence means."
)
@click.option("--region", metavar="CODE", help="Where the visitor is, as DE or US-CA: the law there, not --regime.")
@click.option("--strict-labels", is_flag=True, help="Require the category of a vendor's domain as well.")
@click.option(
    "--router-policy",
    type=click.Choice([FILTER, STRICT, BASE]),
    default=FILTER,
    show_default=True,
    help="What a router such as Segment needs.",
)
@click.option(
    "--settings",
    type=click.File("rb"),
    metavar="FILE",
    help="The settings that the router gave its script: they say which destinations are active.",
)
@click.option("--ask", "asks", is_flag=True, help="Ask the router which destinations are active.")
@rules_option
@list_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def explain_command(
    url: str,
    *,
    kind: str | None,
    site: str | None,
    attribute: tuple[str, ...],
    consent: str | None,
    gpc: bool,
    dnt: bool,
    regime: str,
    region: str | None,
    strict_labels: bool,
    router_policy: str,
    settings: IO[bytes] | None,
    asks: bool,
    rules: tuple[str, ...],
    lists: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say whether a URL would be held or allowed, and by which rule. '-' reads one URL a line.

    \b
    consentry explain https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js --consent functional
    consentry explain https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js --region US-CA --gpc
    consentry explain https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js --settings settings.json
    cat urls.txt | consentry explain - --regime ccpa --gpc
    """
    loaded, known = read_rules(rules)
    brought = open_lists(lists, rules)
    catalogue = with_lists(loaded.catalogue, brought)
    filters = open_filters(catalogue, brought)
    payloads = Payloads(catalogue.having(PAYLOADS))
    said = consent_of(consent, gpc, catalogue)
    said = with_dnt(said) if dnt else said
    law = regime_named(regime, known) if region is None else regime_at(region, known)

    given = settings.read(MOST_BYTES + 1).decode("utf-8", "replace") if settings is not None else None
    fetch = Fetcher() if asks else None

    def active(address: str) -> frozenset[str] | None:
        if given is not None:
            return connected(catalogue, address, given)
        return ask(catalogue, address, fetch) if fetch is not None else None

    def one(address: str) -> Explanation:
        return explain(
            catalogue,
            address,
            said,
            law,
            site=site,
            attributes=attribute,
            strict_labels=strict_labels,
            policy=router_policy,
            active=active(address),
            filters=filters,
            kind=kind,
            payloads=payloads,
        )

    def plain(explanation: Explanation) -> dict[str, Any]:
        return {**explanation.plain(), "type": kind} if kind else explanation.plain()

    if url != "-":
        found = one(url)
        click.echo(json.dumps(plain(found)) if as_json else verdict_words(found, catalogue))
        return
    for line in _lines(sys.stdin.buffer):
        try:
            click.echo(json.dumps(plain(one(line))))
        except UsageError as error:
            click.echo(json.dumps({"url": line, "error": str(error)}))


@cli.group()
def consent() -> None:
    """Read what consent platforms and standards write.

    \b
    consentry consent decode 'OptanonConsent=groups=C0001%3A1%2CC0002%3A0; OptanonAlertBoxClosed=2026-01-01'
    """


@consent.command("decode")
@click.argument("text")
@click.option("--gpc", is_flag=True, help="The browser sends Sec-GPC: 1.")
@rules_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def consent_decode(text: str, *, gpc: bool, rules: tuple[str, ...], as_json: bool) -> None:
    """Say what a Cookie header, or one TCF, GPP, US Privacy or Additional Consent string, means. '-' reads it.

    \b
    consentry consent decode 1YYN
    consentry consent decode 'CookieConsent={necessary:true%2Cpreferences:false%2Cstatistics:true%2Cmarketing:false}'
    """
    if text == "-":
        text = sys.stdin.buffer.read(_LONGEST_TEXT).decode("utf-8", "replace")
    loaded = read_rules(rules)[0]
    reader = Reader(platforms=compile_platforms(loaded.platforms), listed=listings(loaded.catalogue.having(LISTED)))
    decoded = decode(text, reader, gpc=gpc)
    click.echo(json.dumps(decoded.plain()) if as_json else decoded_words(decoded))


@cli.command("log")
@click.option("--since", metavar="WHEN", help="From then on: 90s, 30m, 1h, 7d ago, or a date and time.")
@click.option("--until", metavar="WHEN", help="Before then.")
@click.option("--vendor", multiple=True, metavar="ID", help="Of that vendor; several options add up.")
@click.option("--outcome", multiple=True, type=click.Choice(OUTCOMES), help="With that outcome.")
@click.option("--category", multiple=True, metavar="NAME", help="That needed this category.")
@click.option("--site", multiple=True, metavar="DOMAIN", help="On that site.")
@click.option("--page", metavar="URL", help="On that page; with * at the end, on pages that begin so.")
@click.option("--layer", multiple=True, metavar="NAME", help="Seen there: html, header, wire, guard, …")
@click.option("--session", metavar="ID", help="Of that run of the proxy; last: of the latest.")
@click.option("--visitor", metavar="HASH", help="Of that visitor.")
@click.option("--text", metavar="WORDS", help="With that text in URL, page, reason or vendor.")
@click.option("--limit", type=click.IntRange(1), metavar="COUNT", help="Only the last so many.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until interrupted.")
@click.option("--by", type=click.Choice(COUNTED), help="Count instead, for each vendor, outcome, …")
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", *FORMS)),
    default="table",
    show_default=True,
    help="har: HTTP Archive, with verdicts in _consentry.",
)
@click.option("--output", "-o", type=click.Path(dir_okay=False), metavar="FILE", help="Write there.")
@option("--ledger", metavar="FILE|URL", help="The ledger to ask. [~/.local/state/consentry/evidence.db]")
@option("--config", type=click.Path(path_type=Path), help="A configuration file that names it.")
def log_command(**given: Any) -> int:
    """Show what the ledger keeps: what tried to run, where, under which consent, and what was done about it.

    \b
    consentry log --since 1h --vendor segment
    consentry log --outcome violation --outcome leak --session last
    consentry log --follow --format ndjson
    consentry log --by vendor --since 7d
    consentry log --format parquet --output evidence.parquet

    It ends with exit code 1 if a row that it shows is a violation or a leak.
    """
    from .log import run  # noqa: PLC0415 - SQLAlchemy loads slowly, and only keeping needs it

    now = time.time()
    asked = {name: given[name] for name in _FILTERS}
    moments = {name: parse_moment(given[name], now) for name in ("since", "until") if given[name] is not None}
    how = {name: given[name] for name in ("form", "output", "limit", "follow", "by")}
    return int(run(_ledger_to_ask(given), Filters(**{**asked, **moments}), **how))


@cli.command()
def addon() -> None:
    """Print the path of the mitmproxy add-on.

    \b
    mitmdump -s "$(consentry addon)" --set consentry_mode=observe
    """
    click.echo(Path(__file__).parent / "addon.py")


def _lines(stream: Iterable[bytes]) -> Iterator[str]:
    for line in stream:
        if stripped := line.decode("utf-8", "replace").strip():
            yield stripped


def _ledger_to_ask(given: Mapping[str, Any]) -> Place:
    said = given["ledger"] or read_config(given["config"]).options.get("ledger")
    return parse_place(said) if isinstance(said, str) else default_place()


def main() -> NoReturn:
    """Run the command line; a user's mistake is one sentence and exit code 2."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (FileError, UsageError, LedgerError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
