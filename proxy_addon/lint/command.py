"""`consentry vendors lint`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .lint import lint


@click.command("lint")
@click.argument("folders", nargs=-1, metavar="[DIR]...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="A JSON array of findings.")
def lint_command(folders: tuple[Path, ...], as_json: bool) -> int:
    """Look for what is wrong with vendor files: the shipped ones, or those in rules folders of your own.

    \b
    consentry vendors lint
    consentry vendors lint my-rules --json

    It finds duplicates, rules that can never win, patterns that take too much, names that clash, and what has no
    example or near miss. Ends with exit code 1 if it finds anything.
    """
    found, count = lint(folders)
    if as_json:
        click.echo(json.dumps([each.plain() for each in found], indent=2))
    else:
        for each in found:
            click.echo(each.words())
        files = "1 file" if count == 1 else f"{count} files"
        click.echo(f"{len(found) or 'No'} finding{'' if len(found) == 1 else 's'} in {files}.", err=bool(found))
    return 1 if found else 0
