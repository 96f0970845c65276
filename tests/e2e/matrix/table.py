"""Writes docs/ways.md from ways.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from .ways import Way

DOCS = Path(__file__).resolve().parents[3] / "docs" / "ways.md"

_INTRODUCTION = """\
# The ways for a page to make a request

<!-- Written by: pytest tests/e2e/matrix --write-docs -->

The {count} ways below are taken in a real Chromium by pages that stand behind Consentry in reverse mode, where a
vendor's requests never pass the proxy. Each is aimed at an address of its own on a catalogued host, and once more
at a host that nobody lists. The suite (`tests/e2e/matrix`) counts what arrives: requests, and where there is none,
connections and datagrams.

| consent | load | arrive at the catalogued host | arrive at the other |
|---|---|--:|--:|
| everything granted | any | {count} | {count} |
| none | the first, before the worker is in charge | {first} | {count} |
| none | with the worker in charge | {leaks} | {count} |
| none | the first, with `--strict` | {leaks} | {count} |

Once consent is given, {after} of the {markup} ways in the markup start without a reload, none of them twice.

In the table, **first load** says whether a way is held on a plain first load; with the worker in charge, and with
`--strict`, every way is but those that always may pass. **After consent** says whether what was held starts by itself
once consent is given; what scripts were refused is not sent later.
"""


def table(ways: Sequence[Way]) -> str:
    """The page, in Markdown."""
    counted = [way for way in ways if not way.absent]
    markup = [way for way in counted if not way.js]
    passing = sum(1 for way in counted if way.first or way.leaks)
    notes: dict[str, int] = {}
    parts = [
        _INTRODUCTION.format(
            count=len(counted),
            leaks=sum(1 for way in counted if way.leaks),
            first=f"at most {passing}" if passing else "0",
            after=sum(1 for way in markup if not way.after),
            markup=len(markup),
        )
    ]
    for kind, group in groupby(counted, key=lambda way: way.kind):
        parts.append(f"\n## {kind[0].upper()}{kind[1:]}\n\n| way | what the page does | first load | after consent |\n")
        parts.append("|---|---|---|---|\n")
        parts += [_row(way, notes) for way in group]
    if notes:
        parts.append("\n## Notes\n\n")
        parts += [f"{number}. {_sentence(reason)}\n" for reason, number in notes.items()]
    parts.append("\n## Not counted\n\n| way | what the page does | why |\n|---|---|---|\n")
    parts += [f"| {way.name} | {way.what} | {way.absent} |\n" for way in ways if way.absent]
    return "".join(parts)


def _row(way: Way, notes: dict[str, int]) -> str:
    first = f"may pass{_note(way.first, notes)}" if way.first else "held"
    if way.leaks:
        first = f"always may pass{_note(way.leaks, notes)}"
    after = f"does not{_note(way.after, notes)}" if way.after else "" if way.js else "starts"
    return f"| {way.name} | {way.what} | {first} | {after} |\n"


def _note(reason: str, notes: dict[str, int]) -> str:
    return f" ({notes.setdefault(reason, len(notes) + 1)})"


def _sentence(reason: str) -> str:
    return f"{reason[0].upper()}{reason[1:]}."
