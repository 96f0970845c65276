"""What a person, or a program, sees while the proxy runs: one line a verdict."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, TextIO

from .cleaned import printable
from .ledger import FILTERED, HELD, LEAK, MISMATCH, TROUBLE, VIOLATION, Evidence

_YELLOW, _RED, _GREEN = "33", "31", "32"
_COLOURS = {
    "held": _YELLOW,
    "answered": _YELLOW,
    "violation": _RED,
    "passed": _GREEN,
    "released": _GREEN,
    "trouble": _RED,
    "leak": _RED,
    "mismatch": _RED,
    "filtered": _YELLOW,
}


class Console:
    """A sink for evidence that prints it."""

    def __init__(self, out: TextIO, *, json_lines: bool = False, quiet: bool = False) -> None:
        """`quiet` leaves only what needs attention."""
        self._out = out
        self._json = json_lines
        self._quiet = quiet
        self._colour = out.isatty() and not json_lines
        self._lock = threading.Lock()

    def record(self, evidence: Evidence) -> None:
        """Print one row; see ledger.Sink."""
        if self._json:
            self._write(json.dumps({"event": "verdict", **evidence.plain()}, ensure_ascii=True))
        elif not self._quiet or evidence.outcome in (VIOLATION, TROUBLE, LEAK, MISMATCH):
            self._write(self._line(evidence))

    def say(self, text: str, event: str, **facts: Any) -> None:
        """Print a sentence, or the event and its facts for a machine."""
        self._write(json.dumps({"event": event, **facts}, ensure_ascii=True) if self._json else text)

    def line(self, text: str) -> None:
        """Print a line that another process of this run has made."""
        self._write(text)

    def warn(self, text: str) -> None:
        """Print what the proxy core warns of."""
        self.say(f"warning: {printable(text)}", "warning", what=text)

    def _line(self, evidence: Evidence) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(evidence.time))
        outcome = f"{evidence.outcome:<9}"
        if self._colour:
            outcome = f"\x1b[{_COLOURS[evidence.outcome]}m{outcome}\x1b[0m"
        if evidence.outcome in (TROUBLE, MISMATCH, FILTERED):
            return f"{clock}  {outcome}  " + printable(f"{evidence.reason}  {evidence.url}")
        needs = "+".join(evidence.categories)
        where = f"  on {evidence.page}" if evidence.page and evidence.outcome == HELD else ""
        vendor = f"{evidence.vendor or '':<18}"
        return f"{clock}  {outcome}  {vendor}  {needs:<20}  " + printable(f"{evidence.type:<8}  {evidence.url}{where}")

    def _write(self, line: str) -> None:
        with self._lock:
            try:
                self._out.write(line + "\n")
                self._out.flush()
            except (OSError, ValueError):
                # The reader has gone (a closed pipe): the proxy goes on.
                return
