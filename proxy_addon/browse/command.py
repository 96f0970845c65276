"""The command `consentry browse`."""

from __future__ import annotations

from typing import Any

import click

from ..catalogue.urls import split
from ..config import UsageError, read_config
from ..home import expanded
from ..options import CONFDIR, serving_options
from ..serving import serve_sites
from .window import Window

# A port that nobody else has.
_ANYWHERE = "127.0.0.1:0"


@click.command("browse")
@click.argument("url")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- CHROMIUM'S OPTIONS]")
@click.option("--headless", is_flag=True, help="Show no window.")
@serving_options
def browse_command(url: str, arguments: tuple[str, ...], *, headless: bool, **given: Any) -> None:
    """Look at a site in a clean Chromium behind the forward proxy, with the badge in each page.

    \b
    consentry browse https://www.example.com
    consentry browse https://www.example.com --mode observe --regime ccpa
    consentry browse https://www.example.com -- --window-size=390,844

    The profile is new and forgotten at the end; its certificate authority is trusted in it and nowhere else. It ends
    when the last window is closed.
    """
    address = url if "://" in url else f"https://{url}"
    if split(address) is None:
        raise UsageError(f"'{url}' is no web URL; write it whole, as in https://www.example.com.")
    config = read_config(given["config"])
    given["listen"] = given["listen"] or (_ANYWHERE,)
    if given["badge"] is None and "badge" not in config.options:
        given["badge"] = not given["no_dashboard"]
    confdir = expanded(given["confdir"] or config.options.get("confdir", CONFDIR))
    window = Window(address, confdir, [*(["--headless"] if headless else []), *arguments])
    try:
        serve_sites([(None, None)], config, given, window.open)
    finally:
        window.close()
