"""What the ledger can be asked, and the forms in which it answers; importing this needs no database."""

from __future__ import annotations

from dataclasses import dataclass

# One value, or several of which any may be.
Wanted = str | tuple[str, ...] | None
# What counts can be of.
COUNTED = ("vendor", "outcome", "category", "page", "site", "visitor", "session", "layer", "signal")
# What rows can be exported as; see export.py.
FORMS = ("ndjson", "csv", "parquet", "har")
# Those of which a part can be read, so that they can be followed.
GROWING = ("ndjson", "csv")
# Stands for the session that wrote last.
LAST = "last"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which rows: those for which all of this is so; None or nothing says nothing.

    `since` and `until` are seconds since the epoch; `until` itself is not part of the time. `page` that ends in * is
    the beginning of one. `text` may stand anywhere in URL, page, reason or vendor, in whatever case.
    """

    since: float | None = None
    until: float | None = None
    vendor: Wanted = None
    site: Wanted = None
    page: str | None = None
    outcome: Wanted = None
    category: Wanted = None
    session: Wanted = None
    visitor: Wanted = None
    layer: Wanted = None
    text: str | None = None
