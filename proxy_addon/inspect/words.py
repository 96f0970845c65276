"""What a look found, as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from ..cleaned import printable
from .sighting import Look, Sighting

_LONGEST = 100
_MOST_STRANGERS = 20


def look_words(look: Look) -> str:
    """One file: a table with a line for each sighting, and the hosts that nobody has catalogued."""
    title = look.source if look.page in ("", look.source) else f"{look.source} (from {look.page})"
    lines = [printable(title)]
    if not look.sightings:
        lines.append("  nothing of a catalogued vendor's")
    rows = [_row(each) for each in look.sightings]
    widths = [max(len(row[index]) for row in rows) for index in range(4)] if rows else []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  " + "  ".join([*cells, row[4]]).rstrip())
        lines.append(" " * 6 + row[5])
    if look.strangers:
        shown = [f"{printable(host)} ({count})" for host, count in look.strangers[:_MOST_STRANGERS]]
        more = len(look.strangers) - len(shown)
        lines.append(f"  uncatalogued: {', '.join(shown)}{f', and {more} more' if more > 0 else ''}")
    return "\n".join(lines)


def summary(looks: Sequence[Look]) -> str:
    """A line for all: how many vendors, how much of theirs, and how much of that would be held."""
    sightings = [each for look in looks for each in look.sightings]
    vendors = {each.match.vendor for each in sightings}
    held = [each for each in sightings if each.verdict.blocks]
    files = f"{len(looks)} file{'s' if len(looks) != 1 else ''}"
    things = f"{len(sightings)} thing{'s' if len(sightings) != 1 else ''}"
    known = f"{len(vendors)} vendor{'s' if len(vendors) != 1 else ''}"
    return f"{files}: {things} of {known}; {len(held)} would be held"


def _row(sighting: Sighting) -> tuple[str, str, str, str, str, str]:
    verdict = "held" if sighting.verdict.blocks else "allowed"
    needs = " and ".join(sighting.verdict.categories) or "exempt"
    where = str(sighting.place)
    url = printable(sighting.url)
    what = sighting.what if not url else f"{sighting.what}  {url if len(url) <= _LONGEST else url[:_LONGEST] + '…'}"
    path = printable(sighting.place.path) if sighting.place.line is not None else ""
    beside = f"{sighting.match.rule}  {path}".rstrip()
    return where, verdict, sighting.match.vendor, needs, what, beside
