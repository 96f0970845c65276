"""Spans of time as people write them."""

from __future__ import annotations

import re

from ..config import UsageError

_SPAN = re.compile(r"(\d{1,6})\s*([smhd]?)\Z")
_SECONDS = {"s": 1, "": 60, "m": 60, "h": 3600, "d": 86_400}
LONGEST = 86_400.0


def parse_span(text: str) -> float:
    """The seconds in '90s', '10m', '2h'; a bare number counts minutes. Raises UsageError."""
    found = _SPAN.match(text.strip().lower())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST:
        raise UsageError(f"'{text}' is no time to pause for; write it as 90s, 10m or 2h, at most a day.")
    return float(seconds)
