"""Rows in other programs' forms."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from proxy_addon.ledger import LedgerError
from proxy_addon.ledger.asked import FORMS, GROWING
from proxy_addon.ledger.export import COLUMNS, EXPORTERS
from proxy_addon.ledger.query import Row
from proxy_addon.ledger.schema import FIELDS

from .rows import ROW


def stored(ident: int, **differs: Any) -> Row:
    return Row(id=ident, **{**{name: getattr(ROW, name) for name in FIELDS}, **differs})


HOSTILE = '=HYPERLINK("http://evil.test")\r\n,"x\u2028\U0001f36a</script>'
ROWS = [
    stored(1),
    stored(2, url="inline script", vendor=None, rule=None, categories=(), missing=()),
    stored(3, url="https://a.test/ü?x=…", page=HOSTILE, reason=HOSTILE, visitor="other"),
]


def exported(form: str, rows: Sequence[Row] = ROWS) -> bytes:
    out = io.BytesIO()
    exporter = EXPORTERS[form](out)
    for row in rows:
        exporter.add(row)
        exporter.flush()
    exporter.close()
    assert not out.closed, "the stream is its owner's to close"
    return out.getvalue()


def test_every_form_is_there() -> None:
    assert tuple(EXPORTERS) == FORMS
    assert set(GROWING) <= set(FORMS)


def test_ndjson_is_one_object_a_line_with_everything() -> None:
    lines = exported("ndjson").decode().split("\n")
    assert lines.pop() == ""
    plain = [json.loads(line) for line in lines]
    assert [list(each) for each in plain] == [list(COLUMNS)] * 3
    assert (plain[0]["id"], plain[0]["at"]) == (1, "2026-01-01T10:00:00.250Z")
    assert plain[0]["categories"] == ["analytics", "marketing"]
    assert plain[1]["vendor"] is None
    assert plain[2]["page"] == HOSTILE


def test_csv_is_read_back_by_others() -> None:
    read = list(csv.reader(io.StringIO(exported("csv").decode(), newline="")))
    assert read[0] == list(COLUMNS)
    plain = [dict(zip(COLUMNS, each, strict=True)) for each in read[1:]]
    assert plain[0]["categories"] == "analytics,marketing"
    assert plain[1]["vendor"] == ""
    assert plain[2]["url"] == "https://a.test/ü?x=…"


def test_what_a_spreadsheet_would_take_for_a_formula_is_text() -> None:
    for start in "=+-@\t\r":
        page = f"{start}1"
        read = list(csv.reader(io.StringIO(exported("csv", [stored(1, page=page)]).decode(), newline="")))
        assert read[1][COLUMNS.index("page")] == f"'{page}"


def test_parquet_has_types() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(exported("parquet")))
    assert table.column_names == list(COLUMNS)
    plain = table.to_pylist()
    assert plain[0]["at"] == datetime(2026, 1, 1, 10, 0, 0, 250_000, UTC)
    assert plain[0]["missing"] == ["marketing"]
    assert (plain[1]["vendor"], plain[1]["categories"]) == (None, [])
    assert plain[2]["page"] == HOSTILE


def test_parquet_of_many_rows_is_written_in_groups() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    file = parquet.ParquetFile(io.BytesIO(exported("parquet", [stored(1)] * 20_001)))
    assert (file.num_row_groups, file.metadata.num_rows) == (2, 20_001)


def test_parquet_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(LedgerError, match=r"pip install 'consentry\[parquet\]'"):
        exported("parquet")


def test_har_has_an_entry_for_each_request_with_the_verdict() -> None:
    log = json.loads(exported("har"))["log"]
    assert (log["version"], log["creator"]["name"]) == ("1.2", "Consentry")
    assert [entry["request"]["url"] for entry in log["entries"]] == [ROWS[0].url, ROWS[2].url]
    told = log["entries"][0]["_consentry"]
    assert (told["vendor"], told["verdict"], told["missing"]) == ("acme", "block", ["marketing"])
    assert "1 rows that are no requests" in log["comment"]


def test_har_names_each_page_once_for_each_visitor() -> None:
    log = json.loads(exported("har", [ROWS[0], ROWS[0], ROWS[2]]))["log"]
    assert [page["title"] for page in log["pages"]] == [ROW.page, HOSTILE]
    assert {page["id"] for page in log["pages"]} == {entry["pageref"] for entry in log["entries"]}


def test_har_has_what_the_form_demands() -> None:
    log = json.loads(exported("har"))["log"]
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= set(entry)
        assert {"method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"} <= set(
            entry["request"]
        )
        assert {
            "status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL", "headersSize",
            "bodySize",
        } <= set(entry["response"])  # fmt: skip
        assert {"send", "wait", "receive"} <= set(entry["timings"])
    for page in log["pages"]:
        assert {"startedDateTime", "id", "title", "pageTimings"} <= set(page)


@pytest.mark.parametrize("form", FORMS)
def test_no_rows_are_an_export_too(form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    out = exported(form, [])
    if form == "har":
        assert json.loads(out)["log"]["entries"] == []
    if form == "csv":
        assert out.decode().strip() == ",".join(COLUMNS)
