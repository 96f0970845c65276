"""Rows of evidence in other programs' forms: NDJSON, CSV, Parquet and HAR."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, BinaryIO, Protocol

from .. import __version__
from .evidence import LedgerError
from .query import Row
from .schema import FIELDS
from .texts import at, cell

# The columns of CSV and Parquet, and the view's.
COLUMNS = ("id", "at", *FIELDS)
_ROW_GROUP = 20_000


class Exporter(Protocol):
    """Writes rows as they come, and keeps few of them."""

    def add(self, row: Row) -> None:
        """Write one row."""

    def flush(self) -> None:
        """Let what was written be seen, if the form lets it."""

    def close(self) -> None:
        """Write what stands at the end. The stream itself stays open."""


def plain(row: Row) -> dict[str, Any]:
    """The row with `id` and `at` first."""
    values: dict[str, Any] = {"id": row.id, "at": at(row.time)}
    return {**values, **{name: getattr(row, name) for name in FIELDS}}


class Ndjson:
    """One JSON object a line."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def add(self, row: Row) -> None:
        """See Exporter."""
        self._out.write(json.dumps(plain(row), ensure_ascii=False).encode() + b"\n")

    def flush(self) -> None:
        """See Exporter."""
        self._out.flush()

    def close(self) -> None:
        """See Exporter."""
        self._out.flush()


class Csv:
    """Comma-separated values (RFC 4180) with a header, lists as words with commas between.

    What a spreadsheet would take for a formula gets an apostrophe in front: addresses come from strangers.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
        self._csv = csv.writer(self._out)
        self._csv.writerow(COLUMNS)

    def add(self, row: Row) -> None:
        """See Exporter."""
        self._csv.writerow([cell(value) for value in plain(row).values()])

    def flush(self) -> None:
        """See Exporter."""
        self._out.flush()

    def close(self) -> None:
        """See Exporter."""
        self._out.flush()
        # The stream is its owner's to close.
        self._out.detach()


class Parquet:
    """Apache Parquet: typed columns, `at` as a timestamp and lists as lists."""

    def __init__(self, out: BinaryIO) -> None:
        try:
            # Only who wants Parquet needs it; it brings no types.
            arrow: Any = import_module("pyarrow")
            parquet: Any = import_module("pyarrow.parquet")
        except ImportError:
            raise LedgerError(
                "Parquet needs the package pyarrow; install it with: pip install 'consentry[parquet]'."
            ) from None
        self._arrow = arrow
        self._schema = _schema(arrow)
        self._writer = parquet.ParquetWriter(out, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def add(self, row: Row) -> None:
        """See Exporter."""
        values = plain(row)
        values["at"] = datetime.fromtimestamp(row.time, UTC)
        self._rows.append(values)
        if len(self._rows) >= _ROW_GROUP:
            self._write()

    def flush(self) -> None:
        """See Exporter: a file of this form can be read only when it is whole."""

    def close(self) -> None:
        """See Exporter."""
        self._write()
        self._writer.close()

    def _write(self) -> None:
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows.clear()


class Har:
    """HTTP Archive 1.2: an entry for each request, with what was decided in `_consentry`.

    Evidence tells no method, headers or times of a request, so these are empty, and status 0 says that no response is
    told. What is no request (an inline script, a cookie) has no place in the form; how many that are, the comment says.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._pages: dict[tuple[str, str, str], tuple[str, float]] = {}
        self._count = 0
        self._left_out = 0
        creator = {"name": "Consentry", "version": __version__}
        self._out.write(f'{{"log":{{"version":"1.2","creator":{json.dumps(creator)},"entries":['.encode())

    def add(self, row: Row) -> None:
        """See Exporter."""
        if "://" not in row.url:
            self._left_out += 1
            return
        comma = b",\n" if self._count else b"\n"
        self._out.write(comma + json.dumps(_entry(row, self._page(row)), ensure_ascii=False).encode())
        self._count += 1

    def flush(self) -> None:
        """See Exporter: a file of this form can be read only when it is whole."""

    def close(self) -> None:
        """See Exporter."""
        pages = [
            {"startedDateTime": at(time), "id": ident, "title": page, "pageTimings": {}, "_visitor": visitor}
            for (_, visitor, page), (ident, time) in self._pages.items()
        ]
        comment = f"{self._left_out} rows that are no requests (inline scripts, cookies, …) are left out"
        ending = f'\n],"pages":{json.dumps(pages, ensure_ascii=False)},"comment":{json.dumps(comment)}}}}}\n'
        self._out.write(ending.encode())
        self._out.flush()

    def _page(self, row: Row) -> str:
        """The id of the row's page: one for each address, visitor and run."""
        key = (row.session, row.visitor, row.page)
        if key not in self._pages:
            self._pages[key] = (f"page_{len(self._pages) + 1}", row.time)
        return self._pages[key][0]


EXPORTERS: Mapping[str, Callable[[BinaryIO], Exporter]] = {
    "ndjson": Ndjson,
    "csv": Csv,
    "parquet": Parquet,
    "har": Har,
}


def _schema(arrow: Any) -> Any:
    kinds = {
        "id": arrow.int64(),
        "at": arrow.timestamp("us", tz="UTC"),
        "time": arrow.float64(),
        "number": arrow.int64(),
        "categories": arrow.list_(arrow.string()),
        "missing": arrow.list_(arrow.string()),
    }
    return arrow.schema([(name, kinds.get(name, arrow.string())) for name in COLUMNS])


def _entry(row: Row, page: str) -> dict[str, Any]:
    asked = {"method": "", "url": row.url, "httpVersion": "", "cookies": [], "headers": [], "queryString": []}
    answered = {"status": 0, "statusText": "", "httpVersion": "", "cookies": [], "headers": [], "redirectURL": ""}
    unknown = {"headersSize": -1, "bodySize": -1}
    told = {name: value for name, value in plain(row).items() if name not in ("at", "time", "url", "page")}
    return {
        "pageref": page,
        "startedDateTime": at(row.time),
        "time": 0,
        "request": {**asked, **unknown},
        "response": {**answered, "content": {"size": 0, "mimeType": "x-unknown"}, **unknown},
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
        "_resourceType": row.type,
        "_consentry": told,
    }
