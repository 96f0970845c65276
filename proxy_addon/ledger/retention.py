"""How long evidence is kept: `30d`, `500MB`, or both."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .evidence import LedgerError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_BYTES = {"mb": 10**6, "gb": 10**9, "tb": 10**12}
_PART = re.compile(r"(\d{1,9})\s*([a-z]{1,2})")
FOREVER = "forever"


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept: rows not older than `seconds`, and the newest that fit into about `bytes`. None: no bound."""

    seconds: int | None = None
    bytes: int | None = None

    @property
    def bounded(self) -> bool:
        """Whether anything is ever deleted."""
        return self.seconds is not None or self.bytes is not None


def parse_keep(text: str) -> Keep:
    """Read `30d`, `500MB`, `30d,500MB` or `forever`. Raises LedgerError."""
    words = text.strip().lower()
    if words == FOREVER:
        return Keep()
    seconds: int | None = None
    size: int | None = None
    for part in words.split(","):
        found = _PART.fullmatch(part.strip())
        number, unit = (int(found[1]), found[2]) if found else (0, "")
        if number and unit in SECONDS and seconds is None:
            seconds = number * SECONDS[unit]
        elif number and unit in _BYTES and size is None:
            size = number * _BYTES[unit]
        else:
            raise LedgerError(
                f"'{text}' does not say what to keep; write an age, a size or both, as 30d, 500MB or 30d,500MB, "
                f"or {FOREVER}."
            )
    return Keep(seconds, size)
