"""Markdown (GitHub's): a short summary, as a comment on a pull request takes it."""

from __future__ import annotations

import re

from ...cleaned import one_line
from ..model import CELL_VIOLATION, VIOLATION, AuditResult, Finding
from .wording import cell_words, headline, ordered

_MOST = 20
_LONGEST = 300
# What begins something in Markdown or HTML, wherever it stands; a mention or an issue's number names somebody.
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~@&$:-])")


def markdown(result: AuditResult, known: frozenset[str] = frozenset()) -> str:
    """The verdict, the findings that are new, and the matrix."""
    new = [each for each in ordered(result.findings) if each.key not in known]
    failed = any(each.severity == VIOLATION for each in new)
    lines = [f"### {'❌' if failed else '✅'} Consent audit of {escape(result.site)}", ""]
    lines += [f"**{headline(result, known)}** · {escape(result.mode)} · {escape(result.regime)}", ""]
    for each in new[:_MOST]:
        lines += _finding(each)
    if len(new) > _MOST:
        lines.append(f"- … and {len(new) - _MOST} more")
    if new:
        lines.append("")
    lines += _matrix(result)
    lines += [f"> The audit itself had trouble: {escape(each)}" for each in result.errors]
    return "\n".join(lines).rstrip() + "\n"


def escape(text: str) -> str:
    """A text of a stranger's so that it stays text: on one line, no longer than a reader takes in."""
    line = one_line(text)
    return _SPECIAL.sub(r"\\\1", line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…")


def _finding(finding: Finding) -> list[str]:
    mark = "❌" if finding.severity == VIOLATION else "⚠️"
    lines = [f"- {mark} **{escape(finding.title)}** (state {escape(finding.state)}, {escape(finding.page)})"]
    lines += [f"  - {escape(each)}" for each in finding.evidence[:3]]
    return [*lines, f"  - Remedy: {escape(finding.remedy)}"] if finding.remedy else lines


def _matrix(result: AuditResult) -> list[str]:
    if not result.vendors or not result.states:
        return []
    states = [each.state for each in result.states]
    lines = ["| vendor | " + " | ".join(map(escape, states)) + " |", "|---" * (len(states) + 1) + "|"]
    for row in result.vendors:
        cells = [row.cells.get(state) for state in states]
        words = [
            f"**{escape(cell_words(cell))}**" if cell and cell.what == CELL_VIOLATION else escape(cell_words(cell))
            for cell in cells
        ]
        lines.append(f"| {escape(row.name)} | " + " | ".join(words) + " |")
    return ["<details><summary>Vendors by state</summary>", "", *lines, "", "</details>", ""]
