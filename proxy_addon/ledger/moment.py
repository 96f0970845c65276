"""Moments as people write them: so long ago, or a date and a time."""

from __future__ import annotations

import re
from datetime import datetime

from .evidence import LedgerError
from .retention import SECONDS

_AGO = re.compile(r"(\d{1,9})\s*([smhdw])")


def parse_moment(text: str, now: float) -> float:
    """Read `90s`, `30m`, `1h`, `7d` or `2w` (before `now`), or ISO 8601 in local time. Raises LedgerError."""
    ago = _AGO.fullmatch(text.strip().lower())
    if ago:
        return now - int(ago[1]) * SECONDS[ago[2]]
    try:
        return datetime.fromisoformat(text.strip()).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise LedgerError(
            f"'{text}' is no moment; write how long ago, as 30m, 1h or 7d, "
            "or a date, as 2026-01-31 or 2026-01-31T14:00."
        ) from None
