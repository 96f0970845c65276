"""Evidence: what tried to run, where, under which consent, and what was done about it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Protocol

# What was done. held: a placeholder, or a header withheld · answered: the proxy answered for the vendor ·
# violation: observe mode saw what should have been held · passed: allowed, and let through · trouble: something
# could not be judged · leak: a browser asked for what should have been held · mismatch: a tag whose request went out
# was told something else than the visitor chose · filtered: a router's event went out, or its settings came in, without
# the destinations that are refused.
HELD, ANSWERED, VIOLATION, PASSED, TROUBLE, LEAK = "held", "answered", "violation", "passed", "trouble", "leak"
MISMATCH, FILTERED = "mismatch", "filtered"
# Where it was done.
HTML, HEADER, WIRE, GUARD, WORKER, CSP_REPORT = "html", "header", "wire", "guard", "worker", "csp-report"

_QUERY_VALUE = re.compile(r"=[^&#]*")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One row: `time` is in seconds since the epoch, `type` is a word of Sec-Fetch-Dest."""

    time: float
    layer: str
    outcome: str
    verdict: str
    vendor: str | None
    rule: str | None
    categories: tuple[str, ...]
    missing: tuple[str, ...]
    reason: str
    url: str
    page: str
    type: str
    consent: str
    signal: str
    regime: str
    mode: str

    def plain(self) -> dict[str, Any]:
        """The row as a JSON-ready mapping."""
        return asdict(self)


class Sink(Protocol):
    """Takes evidence; must not raise and must not block for long."""

    def record(self, evidence: Evidence) -> None:
        """Take one row."""


@lru_cache(maxsize=2048)
def redact(url: str) -> str:
    """The URL without user info, fragment and query values: they may hold personal data."""
    head, question, query = url.partition("#")[0].partition("?")
    head = re.sub(r"(?<=://)[^/]*@", "", head)
    return head + question + _QUERY_VALUE.sub("=…", query)
