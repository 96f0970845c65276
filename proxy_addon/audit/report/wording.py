"""What several forms of a report say in the same words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..model import (
    CELL_HELD,
    CELL_MISSING,
    CELL_RAN,
    CELL_SILENT,
    CELL_UNKNOWN,
    CELL_VIOLATION,
    VIOLATION,
    AuditResult,
    Cell,
    Finding,
)

CELL_WORDS: Mapping[str, str] = {
    CELL_VIOLATION: "ran without consent",
    CELL_RAN: "ran",
    CELL_HELD: "held",
    CELL_SILENT: "silent",
    CELL_MISSING: "did not run",
    CELL_UNKNOWN: "not reached",
}
KIND_WORDS: Mapping[str, str] = {
    "ran-without-consent": "A vendor ran without consent",
    "cookie-without-consent": "A cookie was set without consent",
    "storage-without-consent": "Web storage was written without consent",
    "kept-after-withdrawal": "A cookie or storage key stayed after withdrawal",
    "ran-after-withdrawal": "A vendor ran after withdrawal",
    "wrong-consent-signal": "A vendor was told another consent than the visitor gave",
    "refusal-harder": "Refusing is harder than accepting",
    "gpc-ignored": "Global Privacy Control was ignored",
    "uncatalogued-host": "A third party that nobody has catalogued",
    "never-ran": "A vendor did not run even with consent",
    "page-broken": "The page has errors that holding causes",
    "state-not-reached": "A state could not be reached",
    "page-not-opened": "A page could not be opened",
}


@dataclass(frozen=True, slots=True)
class Counted:
    """How many findings there are of each sort; `known` are those that a baseline lists."""

    violations: int
    warnings: int
    known: int


def counted(result: AuditResult, known: frozenset[str]) -> Counted:
    """The findings of a result, counted."""
    new = [each for each in result.findings if each.key not in known]
    violations = sum(each.severity == VIOLATION for each in new)
    return Counted(violations, len(new) - violations, len(result.findings) - len(new))


def headline(result: AuditResult, known: frozenset[str]) -> str:
    """The verdict in a sentence without a full stop."""
    counts = counted(result, known)
    said = f"{_number(counts.violations, 'violation')}, {_number(counts.warnings, 'warning')}"
    return said + (f", {counts.known} known from the baseline" if counts.known else "")


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Violations first, then as they came."""
    return sorted(findings, key=lambda each: each.severity != VIOLATION)


def cell_words(cell: Cell | None) -> str:
    """A cell of the matrix in words."""
    if cell is None:
        return CELL_WORDS[CELL_UNKNOWN]
    count = cell.violations if cell.what == CELL_VIOLATION else cell.requests
    return CELL_WORDS[cell.what] + (f" ({count})" if count else "")


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
