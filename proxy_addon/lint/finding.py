"""What the lint says: one finding, one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something in a file that should be otherwise: `check` names the kind, `line` counts from 1 (0: all of it)."""

    path: Path
    line: int
    check: str
    what: str
    remedy: str

    def words(self) -> str:
        """The finding in one sentence, with the place before it."""
        end = "" if self.remedy.endswith("?") else "."
        return f"{self.path}:{self.line or 1}: {self.what}; {self.remedy}{end} [{self.check}]"

    def plain(self) -> dict[str, Any]:
        """The finding as a JSON-ready mapping."""
        return {
            "file": str(self.path),
            "line": self.line or None,
            "check": self.check,
            "what": self.what,
            "remedy": self.remedy,
        }
