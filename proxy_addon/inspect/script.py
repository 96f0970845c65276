"""Looks at a script as a file: libraries of vendors bundled into it, containers of tag managers, and addresses."""

from __future__ import annotations

import re
from dataclasses import replace

from ..containers import Carried, Container, read_container
from .page import look_at_page
from .sighting import Place, Spotter, Where

# So much of a script is searched, and so many addresses in it.
_LONGEST = 16 * 1024 * 1024
_MOST_ADDRESSES = 2000
_ADDRESS = re.compile(r"(?:https?:)?//[\w-]+(?:\.[\w-]+)*\.[a-z]{2,12}(?:/[^\s\"'`<>\\(){}]*)?")
# How code inside a string of a script is written.
_ESCAPED = re.compile(r"\\(?:/|u003[CcEe]|x3[CcEe])")
_PLAIN = {"/": "/", "c": "<", "e": ">"}


def look_at_script(text: str, spotter: Spotter, within: Where | None = None) -> None:
    """Collect what a script carries; `within` says where it stands, if it is no file of its own."""
    container = read_container(text)
    if container is not None:
        spotter.container = True
        _look_at_container(container, spotter, within)
        return
    text = text[:_LONGEST]
    bundled = spotter.bundles(text, lambda found: within or _at(text, found))
    plain = _ESCAPED.sub(lambda found: _PLAIN[found[0][-1].lower()], text)
    for match in spotter.catalogue.match_snippets(plain):
        if match.vendor not in bundled:
            spotter.sees(match, "script", within or _at(text, 0))
    addresses: dict[str, int] = {}
    for found in _ADDRESS.finditer(plain):
        if len(addresses) == _MOST_ADDRESSES:
            break
        addresses.setdefault(found[0], found.start())
    for address, at in addresses.items():
        # A library names many addresses that it never asks for: only what a vendor's file knows counts.
        spotter.mention(address, within or _at(plain, at), but=bundled)


def _look_at_container(container: Container, spotter: Spotter, within: Where | None) -> None:
    vendors = spotter.templates
    for tag in container.tags:
        where = _in_tag(container, tag, within)
        if tag.template in vendors:
            spotter.template(vendors[tag.template], tag.template, where)
        if tag.html:
            look_at_page(tag.html, replace(spotter, base=spotter.base or "about:blank"), within=where)
        for address, kind in tag.addresses:
            spotter.request(address, kind, where)
        if tag.template not in vendors and not tag.html and not tag.addresses:
            spotter.strangers[f"template {tag.template}"] += 1


def _in_tag(container: Container, tag: Carried, within: Where | None) -> Where:
    name = f"{container.key or 'container'}, tag {tag.number} ({tag.template})"

    def where() -> Place:
        outer = within() if within is not None else None
        if outer is None:
            return Place(None, None, name)
        return Place(outer.line, outer.column, f"{outer.path}: {name}")

    return where


def _at(text: str, position: int) -> Where:
    def where() -> Place:
        line = text.count("\n", 0, position) + 1
        return Place(line, position - text.rfind("\n", 0, position), "")

    return where
