"""`consentry inspect`: parse, look, print."""

from __future__ import annotations

import json

import click

from ..catalogue.model import Match
from ..catalogue.urls import split
from ..config import UsageError, read_rules, regime_named
from ..explain import consent_of
from ..options import rules_option
from ..policy import Verdict, decide
from .sighting import Look, Spotter, held
from .source import Source, sources
from .words import look_words, summary


@click.command("inspect")
@click.argument("names", nargs=-1, required=True, metavar="FILE|URL|FOLDER...")
@click.option("--base", metavar="URL", help="Where the page came from. [what it says of itself]")
@click.option("--consent", metavar="LIST", help="Granted categories and vendors; '-' refuses. [nothing said yet]")
@click.option("--gpc", is_flag=True, help="The browser sends Sec-GPC: 1.")
@click.option("--regime", default="gdpr", show_default=True, metavar="NAME", help="The law that decides on silence.")
@click.option("--check", is_flag=True, help="End with exit code 1 if anything would be held.")
@rules_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
def inspect_command(
    names: tuple[str, ...],
    *,
    base: str | None,
    consent: str | None,
    gpc: bool,
    regime: str,
    check: bool,
    rules: tuple[str, ...],
    as_json: bool,
) -> int:
    """Look at saved pages, HAR files and scripts: which vendors, where, and what would be held.

    \b
    consentry inspect page.html
    consentry inspect https://www.example.com/ --consent analytics
    consentry inspect captures/ --json
    """
    if base is not None and "://" not in base:
        base = f"https://{base}"
    if base is not None and split(base) is None:
        raise UsageError(f"'{base}' is no web URL; write --base whole, as in https://www.example.com/page.")
    loaded, known = read_rules(rules)
    catalogue = loaded.catalogue
    said = consent_of(consent, gpc, catalogue)
    law = regime_named(regime, known)

    def verdict(match: Match) -> Verdict:
        return decide(match, said, law)

    looks: list[Look] = []
    for source in sources(names):
        look = _look(source, Spotter(catalogue, verdict, base or source.url or None))
        looks.append(look)
        click.echo(json.dumps(look.plain()) if as_json else look_words(look))
    if not as_json and any(look.sightings for look in looks):
        click.echo(summary(looks))
    return int(check and held(looks) > 0)


def _look(source: Source, spotter: Spotter) -> Look:
    from .har import HarError, look_at_har  # noqa: PLC0415 - a tree's parser loads slowly, and only this needs it
    from .page import look_at_page  # noqa: PLC0415
    from .script import look_at_script  # noqa: PLC0415

    if source.is_script:
        look_at_script(source.content.decode("utf-8-sig", "replace"), spotter)
        return spotter.look(source.name, source.url)
    if not source.is_har:
        page = look_at_page(source.content, spotter, charset=source.charset)
        return spotter.look(source.name, page or "")
    try:
        page = look_at_har(source.content.decode("utf-8-sig", "replace"), spotter)
    except HarError as error:
        raise UsageError(f"'{source.name}' is no HAR: {error}.") from None
    return spotter.look(source.name, page)
