"""`consentry ca`: show, install and remove the certificate authority of forward mode."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from shlex import join

import click

from ..chromium import AUTHORITY
from ..config import UsageError
from ..home import expanded
from ..options import CONFDIR, option
from .stores import Machine, Step, Store, stores

confdir_option = option(
    "--confdir", type=click.Path(path_type=Path), default=CONFDIR, help=f"Where it is kept. [{CONFDIR}]"
)
which_option = click.option(
    "--only", type=click.Choice(["system", "browser"]), help="Only in the system's store, or only in browsers'."
)
dry_option = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@click.group("ca")
def ca_group() -> None:
    """The certificate authority by which forward mode looks into encrypted requests.

    Whoever has its key can pass for any site to whoever trusts it: keep its folder private.

    \b
    consentry ca show
    consentry ca install --dry-run
    consentry ca remove
    """


@ca_group.command("show")
@confdir_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show_command(confdir: Path, as_json: bool) -> None:
    """Say where the certificate is, its fingerprint, and where it could be installed.

    \b
    consentry ca show
    """
    from ..proxy import authority  # noqa: PLC0415 - mitmproxy loads slowly

    shown = authority(expanded(confdir))
    found = stores(_machine(), shown.path)
    if as_json:
        places = [{"which": each.which, "name": each.name, "lacks": each.lacks or None} for each in found]
        said = {"certificate": str(shown.path), "sha256": shown.fingerprint, "until": shown.until, "stores": places}
        click.echo(json.dumps(said))
        return
    click.echo(f"Certificate  {shown.path}\nSHA-256      {shown.fingerprint}\nUntil        {shown.until}\n\nStores")
    for each in found:
        click.echo(f"  {each.which:<8}  {each.name}{f' (needs {each.lacks})' if each.lacks else ''}")
    click.echo("\n`consentry ca install` installs it there. To other devices, copy the file; never the key beside it.")


@ca_group.command("install")
@confdir_option
@which_option
@dry_option
@yes_option
def install_command(confdir: Path, only: str | None, dry_run: bool, yes: bool) -> int:
    """Let this system and its browsers trust it. Every command is shown before it is run.

    \b
    consentry ca install
    consentry ca install --only browser --dry-run
    """
    from ..proxy import authority  # noqa: PLC0415 - see above

    certificate = authority(expanded(confdir)).path
    return _change(certificate, only, dry_run=dry_run, yes=yes, install=True)


@ca_group.command("remove")
@confdir_option
@which_option
@dry_option
@yes_option
def remove_command(confdir: Path, only: str | None, dry_run: bool, yes: bool) -> int:
    """Trust it no longer. The folder with its key stays; remove that yourself.

    \b
    consentry ca remove
    """
    certificate = expanded(confdir) / AUTHORITY
    return _change(certificate, only, dry_run=dry_run, yes=yes, install=False)


def _change(certificate: Path, only: str | None, *, dry_run: bool, yes: bool, install: bool) -> int:
    """Show what is to be done, ask, and do it; 2 if something of it failed."""
    found = [each for each in stores(_machine(), certificate) if only in (None, each.which)]
    ready = [each for each in found if not each.lacks]
    for each in found:
        click.echo(each.name[0].upper() + each.name[1:] + ":")
        for step in _steps(each, install=install):
            click.echo(f"  {step.what}\n    {join(_command(step))}")
        if each.lacks:
            click.echo(f"  This is left out: it needs {each.lacks}.")
    if not ready:
        raise UsageError(
            "There is no store here that can be changed; `consentry ca show` says where the certificate is, and "
            "docs/filter.md how to install it by hand."
        )
    if dry_run or not (yes or click.confirm("Do this?")):
        return 0
    failed = [each.name for each in ready if not all(_run(step) for step in _steps(each, install=install))]
    for name in failed:
        click.echo(f"Error: it could not be done in {name}; see above.", err=True)
    if not failed:
        click.echo("Done. Browsers that are open notice when they are started again.")
    return 2 if failed else 0


def _steps(store: Store, *, install: bool) -> tuple[Step, ...]:
    return store.install if install else store.remove


def _command(step: Step) -> tuple[str, ...]:
    administrator = step.root and hasattr(os, "geteuid") and os.geteuid() != 0
    return ("sudo", *step.command) if administrator else step.command


def _run(step: Step) -> bool:
    try:
        return subprocess.run(_command(step), check=False).returncode == 0
    except OSError as error:
        click.echo(f"{step.command[0]}: {error.strerror}", err=True)
        return False


def _machine() -> Machine:
    return Machine(sys.platform, Path.home(), lambda program: shutil.which(program) is not None)
