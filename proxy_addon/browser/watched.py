"""Compiles the platforms into what the page has to watch. What it sees there it does not read: it asks the proxy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..consent.platforms import Platform, browser_table
from ..consent.standards import COOKIES


def watch_table(platforms: Iterable[Platform]) -> dict[str, Any]:
    """What to watch, as JSON-ready data.

    cookies, storage: patterns of names · events: [window or document, event] · layer: events of the data layer ·
    calls: [path, arguments], to be told of a change · pages: platform → path of the call that tells the choice.
    """
    known = tuple(platforms)
    cookies: dict[str, None] = dict.fromkeys(COOKIES)
    storage: dict[str, None] = {}
    events: dict[tuple[str, str], None] = {}
    layer: dict[str, None] = {}
    calls: list[list[Any]] = []
    pages: dict[str, str] = {}
    for platform in known:
        cookies |= dict.fromkeys(platform.cookie_names())
    for entry in browser_table(known):
        storage |= dict.fromkeys(entry.get("storage", ()))
        for change in entry.get("change", ()):
            if "event" in change:
                events[change["on"], change["event"]] = None
            elif "data_layer" in change:
                layer[change["data_layer"]] = None
            elif "call" in change:
                calls.append([change["call"], change["arguments"]])
        if "api" in entry:
            pages[entry["platform"]] = entry["api"]["read"]
    return {
        "cookies": list(cookies),
        "storage": list(storage),
        "events": [list(each) for each in events],
        "layer": list(layer),
        "calls": calls,
        "pages": pages,
    }
