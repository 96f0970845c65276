"""Evidence: what tried to run, where, under which consent, and what was done about it."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Protocol

# What was done. held: a placeholder, or a header withheld · released: what was held started, as consent came ·
# answered: the proxy answered for the vendor · violation: observe mode saw what should have been held · passed:
# allowed, and let through · filtered: a router's event went out, or its settings came in, without the destinations that
# are refused · trouble: something could not be judged, or kept · leak: a browser asked for what should have been held ·
# mismatch: a tag whose request went out was told something else than the visitor chose.
HELD, ANSWERED, VIOLATION, PASSED, TROUBLE, LEAK = "held", "answered", "violation", "passed", "trouble", "leak"
RELEASED, MISMATCH, FILTERED = "released", "mismatch", "filtered"
OUTCOMES = (HELD, RELEASED, ANSWERED, FILTERED, PASSED, VIOLATION, LEAK, MISMATCH, TROUBLE)
# Something ran, or was asked for, that should not have been.
WRONG = (VIOLATION, LEAK)
# Where it was done.
HTML, HEADER, WIRE, GUARD, WORKER, CSP_REPORT = "html", "header", "wire", "guard", "worker", "csp-report"
# Where evidence itself is kept: only trouble comes from there.
LEDGER = "ledger"


class LedgerError(Exception):
    """The ledger cannot be used so: one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One row: `time` is in seconds since the epoch, `type` is a word of Sec-Fetch-Dest.

    `session` names one run of the proxy, `number` counts its rows from 1, so that a gap shows a loss; `visitor` is a
    salted hash (see visitor.Pseudonyms), `site` the registrable domain that the visitor was on.
    """

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
    session: str = ""
    number: int = 0
    visitor: str = ""
    site: str = ""

    def plain(self) -> dict[str, Any]:
        """The row as a JSON-ready mapping."""
        return asdict(self)


class Sink(Protocol):
    """Takes evidence; must not raise and must not block for long."""

    def record(self, evidence: Evidence) -> None:
        """Take one row."""


class Several:
    """Hands each row to several sinks, in their order."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks

    def record(self, evidence: Evidence) -> None:
        """See Sink."""
        for sink in self._sinks:
            sink.record(evidence)


def trouble_with_ledger(now: float, what: str, session: str = "") -> Evidence:
    """A row that says what became of the evidence itself."""
    return Evidence(
        now, LEDGER, TROUBLE, "allow", None, None, (), (), what, "", "", "", "", "none", "", "", session
    )  # fmt: skip


def new_session() -> str:
    """A name for one run: when it began (UTC), and what tells it from others that began then."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(3)}"


@lru_cache(maxsize=2048)
def redact(url: str) -> str:
    """The URL without user info, fragment and query values: they may hold personal data."""
    head, question, query = url.partition("#")[0].partition("?")
    head = re.sub(r"(?<=://)[^/]*@", "", head)
    return head + question + "&".join(map(_without_value, query.split("&")))


def _without_value(part: str) -> str:
    """A part of a query without what it says; one that has no name says all that it is."""
    name, equals, _ = part.partition("=")
    return f"{name}=…" if equals else "…" if part else ""
