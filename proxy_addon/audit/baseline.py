"""Baselines: the findings that are known, so that a build fails by new ones only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..config import UsageError
from .model import AuditResult, Finding

_FORM = 1


@dataclass(frozen=True, slots=True)
class Baseline:
    """The keys of known findings, each with the title that it had when it was written."""

    known: dict[str, str]

    @property
    def keys(self) -> frozenset[str]:
        """The keys alone."""
        return frozenset(self.known)

    def stale(self, result: AuditResult) -> tuple[str, ...]:
        """The titles of entries that the result no longer has: they can be taken out."""
        found = {each.key for each in result.findings}
        return tuple(title for key, title in self.known.items() if key not in found)


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file. Raises UsageError."""
    try:
        plain = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); write it with --write-baseline.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON ({error}); write it anew with --write-baseline.") from None
    known = plain.get("known") if isinstance(plain, dict) and plain.get("baseline") == _FORM else None
    if not isinstance(known, dict) or not all(isinstance(title, str) for title in known.values()):
        raise UsageError(f"{path} is no baseline of version {_FORM}; write it anew with --write-baseline.")
    return Baseline(known)


def write_baseline(path: Path, findings: Iterable[Finding]) -> None:
    """Write the findings as known ones. Raises UsageError."""
    known = {each.key: each.title for each in sorted(findings, key=lambda each: each.key)}
    text = json.dumps({"baseline": _FORM, "known": known}, indent=1, ensure_ascii=False) + "\n"
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from None
