"""`consentry rules`: bring lists, keep them up to date, see which there are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from .formats import FORMATS
from .importing import import_list, renew
from .model import ListError, UserList
from .store import lists_folder, names, read, save

_CATEGORIES = ("functional", "analytics", "marketing")
into_option = click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The folder of lists. [~/.config/consentry/lists]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a list.")


@click.group("rules")
def rules_group() -> None:
    """Bring lists of trackers that others maintain. None is shipped.

    \b
    consentry rules import https://easylist.to/easylist/easyprivacy.txt --category analytics
    consentry rules list
    consentry rules update
    """


@rules_group.command("import")
@click.argument("sources", nargs=-1, required=True, metavar="FILE|URL...")
@click.option("--name", metavar="NAME", help="What the list is called here. [by its file]")
@click.option("--format", "form", type=click.Choice(FORMATS), help="What it is. [by what it looks like]")
@click.option(
    "--category", type=click.Choice(_CATEGORIES), help="What its entries need, whatever the list itself calls them."
)
@click.option("--domains-only", is_flag=True, help="Leave out what needs the adblock engine.")
@into_option
@json_option
def import_command(
    sources: tuple[str, ...],
    *,
    name: str | None,
    form: str | None,
    category: str | None,
    domains_only: bool,
    into: Path | None,
    as_json: bool,
) -> None:
    """Import lists: filter lists of Adblock Plus and uBlock Origin, hosts files, Disconnect's services.json, Ghostery's
    trackerdb.json, and the folder of DuckDuckGo's Tracker Radar.

    \b
    consentry rules import https://easylist.to/easylist/easyprivacy.txt --category analytics
    consentry rules import trackerdb.json
    consentry rules import ~/src/tracker-radar --name radar

    What the catalogue knows already stays as it is. A list counts where --list NAME, or lists: [NAME] in
    consentry.yaml, says so.
    """
    if name and len(sources) > 1:
        raise ListError("--name is for one list; import the others by themselves.")
    folder = into or lists_folder()
    for source in sources:
        each = import_list(source, name=name or "", form=form or "", category=category or "", domains_only=domains_only)
        save(folder, each)
        click.echo(json.dumps(_plain(each)) if as_json else f"Imported {_words(each)}.")


@rules_group.command("update")
@click.argument("wanted", nargs=-1, metavar="[NAME]...")
@into_option
@json_option
def update_command(wanted: tuple[str, ...], *, into: Path | None, as_json: bool) -> int:
    """Get the newest version of every list, or of those that are named, where they came from.

    \b
    consentry rules update
    consentry rules update easyprivacy

    What has not changed is not sent again. A list that cannot be had stays as it is, and the exit code is 2.
    """
    folder = into or lists_folder()
    code = 0
    for name, path in _paths(folder, wanted):
        state, said = "unchanged", ""
        try:
            known = read(path)
            new = renew(known)
            if new is not None:
                save(folder, new)
                state, said = "updated", f"{_words(new)}; {_count(known)} before"
        except ListError as error:
            state, said, code = "failed", str(error), 2
        if as_json:
            click.echo(json.dumps({"list": name, "state": state, "said": said}))
        else:
            words = {
                "unchanged": f"{name} has not changed.",
                "updated": f"Updated {said}.",
                "failed": f"{name} stays as it is: {said}",
            }
            click.echo(words[state], err=state == "failed")
    return code


@rules_group.command("list")
@into_option
@json_option
def list_command(*, into: Path | None, as_json: bool) -> None:
    """Say which lists there are, what is in them, and where they came from.

    \b
    consentry rules list
    """
    found = [read(path) for _, path in _paths(into or lists_folder(), ())]
    if not found and not as_json:
        click.echo("There are no lists yet; `consentry rules import` brings one.")
    for each in found:
        click.echo(json.dumps(_plain(each)) if as_json else f"{_words(each)}, of {each.origin.fetched}")


def _paths(folder: Path, wanted: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    known = names(folder)
    for name in wanted or known:
        if name not in known:
            raise ListError(f"There is no list '{name}' in {folder}; `consentry rules list` says which there are.")
        yield name, folder / f"{name}.json"


def _count(each: UserList) -> str:
    filters = f" and {len(each.parsed.filters)} filters" if each.parsed.filters else ""
    return f"{len(each.parsed.domains)} domains{filters}"


def _words(each: UserList) -> str:
    needs = each.category or "categories of its own"
    skipped = f", {each.parsed.skipped} left out" if each.parsed.skipped else ""
    return f"{each.name} ({each.form}, {needs}): {_count(each)}{skipped}; from {each.origin.source}"


def _plain(each: UserList) -> dict[str, Any]:
    origin = each.origin
    return {
        "list": each.name,
        "title": each.title,
        "format": each.form,
        "category": each.category or None,
        "vendors": len(each.parsed.companies),
        "domains": len(each.parsed.domains),
        "filters": len(each.parsed.filters),
        "left_out": each.parsed.skipped,
        "source": origin.source,
        "fetched": origin.fetched,
        "sha256": origin.sha256,
        "bytes": origin.size,
    }
