"""CSV (RFC 4180): the findings, and the cookies of every state."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from ...cleaned import plain_text
from ...ledger.texts import cell
from ..model import AuditResult
from .wording import ordered

FINDING_COLUMNS = (
    "severity", "kind", "title", "state", "page", "vendor", "category", "evidence", "law", "remedy", "known", "key"
)  # fmt: skip
COOKIE_COLUMNS = (
    "state", "name", "domain", "path", "vendor", "categories", "set_by", "via", "lifetime", "first", "phases",
    "http_only", "secure", "same_site",
)  # fmt: skip


def findings_csv(result: AuditResult, known: frozenset[str] = frozenset()) -> str:
    """A row for each finding, violations first."""
    return csv_text(
        FINDING_COLUMNS,
        (
            [
                "\n".join(each.evidence)
                if name == "evidence"
                else ("yes" if each.key in known else "no")
                if name == "known"
                else getattr(each, name)
                for name in FINDING_COLUMNS
            ]
            for each in ordered(result.findings)
        ),
    )


def cookies_csv(result: AuditResult) -> str:
    """A row for each cookie of each state."""
    return csv_text(
        COOKIE_COLUMNS,
        (
            [state.state, *(_said(getattr(cookie, name)) for name in COOKIE_COLUMNS[1:])]
            for state in result.states
            for cookie in state.cookies
        ),
    )


def _said(value: object) -> object:
    return ("yes" if value else "no") if isinstance(value, bool) else value


def csv_text(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table as CSV whose cells no spreadsheet takes for formulas."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(plain_text(each) if isinstance(each, str) else each) for each in row])
    return out.getvalue()
