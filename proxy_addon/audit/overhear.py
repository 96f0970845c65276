"""Everything that passed the proxy of one state, with what the engine made of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..answer import PAGES, destination
from ..consent.model import Consent
from ..ledger import MISMATCH, Evidence
from ..ledger.evidence import WIRE

# So much is kept of one state; of what comes later, of a page that never ends, only the number is.
MOST = 20_000
# An answer that goes on for longer than so many seconds is a stream that may stay open all day.
_STREAMS = 5.0


@dataclass(slots=True)
class Heard:
    """One exchange. `time` is in seconds since the epoch; URLs are whole here, and leave this package redacted."""

    number: int
    time: float
    method: str
    url: str
    type: str
    referer: str
    consent: Consent | None
    held: bool
    status: int = 0
    evidence: list[Evidence] = field(default_factory=list)
    cookies: tuple[str, ...] = ()
    ended: bool = False


class Overhearing:
    """Takes what a proxy tells, on its thread, and hands it out on any. A sink for evidence, and a Traffic."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since the epoch."""
        self._clock = clock
        self._changed = threading.Condition()
        self._heard: dict[str, Heard] = {}
        # Evidence of the step that the proxy is about to tell of.
        self._pending: list[Evidence] = []
        self._mismatches: list[Evidence] = []
        self._noticed: list[Evidence] = []
        self._unheard = 0
        self._last = clock()

    # Sink

    def record(self, evidence: Evidence) -> None:
        """See Sink."""
        with self._changed:
            if evidence.layer == WIRE and evidence.outcome != MISMATCH:
                self._pending.append(evidence)
                return
            rows = self._mismatches if evidence.outcome == MISMATCH else self._noticed
            if len(rows) < MOST:
                rows.append(evidence)
            else:
                self._unheard += 1

    # Traffic

    def asked(
        self, exchange: str, method: str, url: str, fields: Mapping[str, str], consent: Consent | None, *, held: bool
    ) -> None:
        """See Traffic."""
        with self._changed:
            evidence, self._pending = self._pending, []
            if _is_the_browsers_own(fields):
                return
            if len(self._heard) >= MOST:
                self._unheard += 1
                return
            self._heard[exchange] = Heard(
                len(self._heard) + 1,
                self._clock(),
                method,
                url,
                destination(fields, url),
                fields.get("referer", ""),
                consent,
                held,
                evidence=evidence,
            )
            self._stirs()

    def sent(self, exchange: str, *, held: bool) -> None:
        """See Traffic."""
        with self._changed:
            evidence, self._pending = self._pending, []
            heard = self._heard.get(exchange)
            if heard is not None:
                heard.evidence += evidence
                heard.held = heard.held or held

    def answered(self, exchange: str, status: int, cookies: Sequence[str]) -> None:
        """See Traffic."""
        with self._changed:
            self._pending = []
            heard = self._heard.get(exchange)
            if heard is not None:
                heard.status, heard.cookies = status, tuple(cookies)
                self._stirs()

    def ended(self, exchange: str) -> None:
        """See Traffic."""
        with self._changed:
            heard = self._heard.get(exchange)
            if heard is not None:
                heard.ended = True
                self._stirs()

    # Whoever drives the browser

    def requests(self) -> list[Heard]:
        """All exchanges so far, in order."""
        with self._changed:
            return list(self._heard.values())

    def mismatches(self) -> list[Evidence]:
        """What tags were told against the visitor's choice, as the engine saw it."""
        with self._changed:
            return list(self._mismatches)

    def noticed(self) -> list[Evidence]:
        """What the engine recorded of pages: tags that were held, or should have been."""
        with self._changed:
            return list(self._noticed)

    def unheard(self) -> int:
        """How many requests and rows came that are not kept, since there were so many."""
        with self._changed:
            return self._unheard

    def quiet_since(self) -> float | None:
        """Since when nothing has been under way, None while something is. Streams that stay open do not count."""
        with self._changed:
            now = self._clock()
            open_ = (each for each in self._heard.values() if not each.ended)
            busy = any(not each.status or now - each.time < _STREAMS for each in open_)
            return None if busy else self._last

    def _stirs(self) -> None:
        self._last = self._clock()
        self._changed.notify_all()


def _is_the_browsers_own(fields: Mapping[str, str]) -> bool:
    """Whether no page asks, but the browser itself: for what a form may hold, as an example (Fetch Metadata §2.4)."""
    return fields.get("sec-fetch-site") == "none" and fields.get("sec-fetch-dest") not in PAGES
