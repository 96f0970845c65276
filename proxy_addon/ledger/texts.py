"""Values of a row as texts that other programs read; importing this needs no database."""

from __future__ import annotations

from datetime import UTC, datetime

# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def at(time: float) -> str:
    """A time in seconds since the epoch, as RFC 3339 writes it: UTC, milliseconds."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cell(value: object) -> object:
    """A value as a cell of what a spreadsheet may open: lists as words, and nothing that it takes for a formula."""
    if isinstance(value, tuple):
        return ",".join(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
