"""What `consentry log` does with rows of evidence: hand them on, follow them, and show them to people."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import BinaryIO

import click

from .cleaned import printable
from .config import UsageError
from .ledger import ANSWERED, HELD, MISMATCH, PASSED, RELEASED, TROUBLE, WRONG
from .ledger.asked import GROWING, LAST, Filters
from .ledger.export import EXPORTERS, Exporter
from .ledger.place import Place
from .ledger.query import Count, Row
from .ledger.store import Store
from .ledger.texts import at

# Rows that are shown of what was before, where somebody follows and says nothing.
BEFORE = 10
_COLOURS = {PASSED: "green", RELEASED: "green", HELD: "yellow", ANSWERED: "yellow"}


def run(
    place: Place,
    filters: Filters,
    *,
    form: str = "table",
    output: str | None = None,
    limit: int | None = None,
    follow: bool = False,
    by: str | None = None,
) -> bool:
    """Show what a ledger keeps; whether any row that was shown should not have been. Raises LedgerError, UsageError.

    `output` is a file's name, None the standard output.
    """
    if by and form not in ("table", "ndjson"):
        raise UsageError(f"Counts have no form {form}; --by goes with table and ndjson.")
    if follow and (by or form not in ("table", *GROWING)):
        raise UsageError(f"--follow goes with the forms table, {' and '.join(GROWING)}, and not with --by.")
    if form == "parquet" and output is None and sys.stdout.isatty():
        raise UsageError("Parquet is nothing to read on a terminal; name a file with --output.")
    with ExitStack() as stack:
        store = stack.enter_context(closing(Store.open(place, create=False)))
        if filters.session == LAST:
            filters = replace(filters, session=store.latest_session() or "")
        out = stack.enter_context(_opened(output)) if output else sys.stdout.buffer
        if by:
            counts = store.counts(filters, by=by)
            out.write((counts_words(counts, by) if form == "table" else counts_lines(counts, by)).encode() + b"\n")
            out.flush()
            return any(outcome in WRONG for count in counts for outcome in count.outcomes)
        colour = output is None and sys.stdout.isatty()
        exporter = Table(out, colour=colour) if form == "table" else EXPORTERS[form](out)
        if follow and limit is None and filters.since is None:
            limit = BEFORE
        return export(rows_of(store, filters, limit=limit, follow=follow), exporter)


def _opened(output: str) -> BinaryIO:
    try:
        return open(output, "wb")
    except OSError as error:
        raise UsageError(f"{output} cannot be written ({error.strerror}); check --output.") from None


class Table:
    """One line a row, for people. See export.Exporter."""

    def __init__(self, out: BinaryIO, *, colour: bool) -> None:
        self._out = out
        self._colour = colour

    def add(self, row: Row) -> None:
        """Write one line."""
        self._out.write(row_line(row, colour=self._colour).encode("utf-8", "replace") + b"\n")

    def flush(self) -> None:
        """Let it be seen."""
        self._out.flush()

    def close(self) -> None:
        """Let it be seen."""
        self._out.flush()


def row_line(row: Row, *, colour: bool) -> str:
    """A row in one line: when, what was done, to whom, and where."""
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.time))
    outcome = f"{row.outcome:<9}"
    if colour:
        outcome = click.style(outcome, fg=_COLOURS.get(row.outcome, "red"))
    vendor, needs = f"{row.vendor or '':<18}", f"{'+'.join(row.categories):<20}"
    where = f"  on {row.page}" if row.page and row.page != row.url else ""
    what = f"{row.reason}  {row.url}" if row.outcome in (TROUBLE, MISMATCH) else row.url
    return f"{clock}  {outcome}  " + printable(f"{vendor}  {needs}  {row.layer:<10}  {row.type:<8}  {what}{where}")


def rows_of(
    store: Store,
    filters: Filters,
    *,
    limit: int | None,
    follow: bool,
    pause: Callable[[], None] | None = None,
) -> Iterator[Row | None]:
    """The rows in their order: all, or the last `limit`; then, to `follow`, each that comes, and None at each pause."""
    last = store.newest() if follow else 0
    if limit is None:
        yield from store.rows(filters)
    else:
        yield from reversed(store.query(filters, limit))
    while follow:
        yield None
        came = store.after(last, filters)
        if not came:
            (pause or _pause)()
        for row in came:
            last = row.id
            yield row


def export(rows: Iterator[Row | None], exporter: Exporter) -> bool:
    """Hand rows to an exporter; whether any of them should not have been."""
    wrong = False
    try:
        for row in rows:
            if row is None:
                exporter.flush()
            else:
                wrong = wrong or row.outcome in WRONG
                exporter.add(row)
    except KeyboardInterrupt:
        # Whoever follows ends it so.
        pass
    exporter.close()
    return wrong


def counts_words(counts: Sequence[Count], by: str) -> str:
    """Counts as a table: what, how many, by outcome, when first and last."""
    width = max([len(by), *(len(printable(each.key)) for each in counts)])
    lines = [f"{by:<{width}}  {'rows':>9}  {'first':<19}  {'last':<19}  outcomes"]
    for each in counts:
        times = [time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)) for moment in (each.first, each.last)]
        outcomes = ", ".join(f"{name} {total:,}" for name, total in sorted(each.outcomes.items()))
        lines.append(f"{printable(each.key):<{width}}  {each.total:>9,}  {'  '.join(times)}  {outcomes}")
    return "\n".join(lines)


def counts_lines(counts: Sequence[Count], by: str) -> str:
    """Counts as one JSON object a line."""
    return "\n".join(
        json.dumps(
            {
                by: each.key,
                "rows": each.total,
                "outcomes": dict(each.outcomes),
                "first": at(each.first),
                "last": at(each.last),
            }
        )
        for each in counts
    )


def _pause() -> None:
    time.sleep(0.3)
