"""One thread that writes evidence in batches, so that the proxy need not wait for a disk.

What is promised: while the store works, however slowly, nothing is lost: whoever records waits when the queue is full.
While it fails, or does not answer for `patience` seconds, nobody waits: what still fits into the queue is stored
later, and what does not is counted, told, and written down as a row of trouble once the store works again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from .evidence import Evidence, trouble_with_ledger
from .retention import Keep
from .store import is_of_a_row, reason_of

# Seconds between two sentences about one failure.
_TELL_AGAIN = 60.0
# Seconds between two looks for what is not to be kept any more.
_LOOK_AGAIN = 30.0


class Appends(Protocol):
    """What the writer needs of a store; see store.Store."""

    def append(self, rows: Sequence[Evidence], *, again: bool = False) -> None:
        """Store rows, all or none."""

    def expire(self, keep: Keep, now: float, most: int = 5000) -> int:
        """Delete some of what is not to be kept."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How the writer goes about it. Times are in seconds."""

    # Rows that may wait, and rows of one transaction.
    capacity: int = 50_000
    batch: int = 2_000
    # How long a row waits for company.
    linger: float = 0.2
    # How long whoever records waits for room, while the store does not answer.
    patience: float = 5.0
    # Pauses after a failure: the first, which doubles up to the longest.
    first_pause: float = 0.2
    longest_pause: float = 5.0


@dataclass(frozen=True, slots=True)
class Status:
    """How it stands: rows stored, waiting and lost; why the store fails, if it does; and whether it is silent."""

    stored: int
    waiting: int
    lost: int
    failing: str
    silent: bool = False


class Writer:
    """A sink that stores. `record` may be called from any thread."""

    def __init__(
        self,
        store: Appends,
        tell: Callable[[Evidence], None],
        *,
        keep: Keep | None = None,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tell` takes rows of trouble, for people to see. `keep` says what is deleted after a while."""
        self._store = store
        self._tell = tell
        self._keep = keep or Keep()
        self._pace = pace or Pace()
        self._clock = clock
        self._monotonic = monotonic
        self._queue: deque[Evidence] = deque()
        self._taken: list[Evidence] = []
        self._changed = threading.Condition()
        # There is something to write; there is enough for a batch, or somebody waits for room.
        self._wake, self._enough = threading.Event(), threading.Event()
        self._closing = threading.Event()
        self._stored = 0
        self._lost = 0
        self._untold = 0
        self._session = ""
        self._failing = ""
        self._stalled = False
        self._told: float | None = None
        # When to look for what is not to be kept; at once for the first time.
        self._look_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    @property
    def status(self) -> Status:
        """How it stands now."""
        with self._changed:
            waiting = len(self._queue) + len(self._taken)
            return Status(self._stored, waiting, self._lost, self._failing, self._stalled)

    def record(self, evidence: Evidence) -> None:
        """See evidence.Sink: it returns at once, unless the queue is full."""
        queue = self._queue
        if (len(queue) >= self._pace.capacity and not self._room()) or self._closing.is_set():
            self._lose(1, evidence.session)
            return
        queue.append(evidence)
        if not self._wake.is_set():
            self._wake.set()
        if len(queue) >= self._pace.batch and not self._enough.is_set():
            self._enough.set()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was recorded is stored; whether it is."""
        self._enough.set()
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._taken, timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Store what waits, and end. What cannot be stored within `timeout` seconds is told."""
        self._closing.set()
        self._enough.set()
        self._wake.set()
        self._thread.join(timeout)
        with self._changed:
            left = len(self._queue) + len(self._taken)
            self._queue.clear()
            self._lost += left
            self._untold += left
        if self._untold:
            self._say(f"rows of evidence lost: {self._untold:,} ({self._failing or 'the ledger does not answer'})")
            self._untold = 0

    # In the thread of whoever records

    def _room(self) -> bool:
        """Wait for room in the queue; whether there is any."""
        with self._changed:
            if self._failing or self._stalled:
                return False
            self._enough.set()
            there = self._changed.wait_for(
                lambda: len(self._queue) < self._pace.capacity or bool(self._failing), self._pace.patience
            )
            if there:
                return not self._failing
            # Only what is stored makes room, so nothing was stored for so long.
            self._stalled = True
        self._say("the ledger does not answer; what does not fit into the memory set aside for it is lost")
        return False

    def _lose(self, count: int, session: str) -> None:
        with self._changed:
            self._lost += count
            self._untold += count
            self._session = session

    # In the writer's own thread

    def _run(self) -> None:
        while True:
            self._wake.wait(self._until_next_look())
            if not self._closing.is_set():
                # Company makes a batch cheaper.
                self._enough.wait(self._pace.linger if self._queue else 0)
            # Cleared before looking: what comes from now on sets them anew.
            self._wake.clear()
            self._enough.clear()
            while self._take() and self._write():
                self._expire()
            if self._closing.is_set():
                return
            self._expire()

    def _take(self) -> bool:
        with self._changed:
            while self._queue and len(self._taken) < self._pace.batch:
                self._taken.append(self._queue.popleft())
            self._changed.notify_all()
            return bool(self._taken)

    def _write(self) -> bool:
        """Store what was taken, however often it has to be tried; False if that was given up, at the end."""
        pause, again, last = self._pace.first_pause, False, False
        while True:
            try:
                self._store.append(self._taken, again=again)
            except Exception as error:
                if is_of_a_row(error):
                    self._done(self._write_singly())
                    return True
                self._fails(reason_of(error))
                if last:
                    return False
            else:
                self._done(len(self._taken))
                return True
            again, last = True, self._closing.wait(pause)
            pause = min(2 * pause, self._pace.longest_pause)

    def _write_singly(self) -> int:
        """Store what can be, where something in one of the rows cannot; how many it were."""
        stored = 0
        for row in self._taken:
            try:
                self._store.append([row], again=True)
                stored += 1
            except Exception as error:
                with self._changed:
                    self._lost += 1
                self._say(f"a row of evidence cannot be stored: {reason_of(error)}")
        return stored

    def _done(self, count: int) -> None:
        with self._changed:
            self._stored += count
            self._taken.clear()
            recovered, self._failing, self._stalled = bool(self._failing) or self._stalled, "", False
            lost, self._untold = (self._untold, 0) if recovered else (0, self._untold)
            self._changed.notify_all()
        if recovered:
            self._told = None
            self._recovered(lost)

    def _recovered(self, lost: int) -> None:
        if not lost:
            self._say("evidence is stored again, and none is lost")
            return
        row = self._trouble(f"evidence is stored again; rows lost before this: {lost:,}")
        self._tell(row)
        self._queue.append(row)

    def _fails(self, reason: str) -> None:
        with self._changed:
            self._failing = reason
            waiting, lost = len(self._queue) + len(self._taken), self._untold
            self._changed.notify_all()
        now = self._monotonic()
        if self._told is None or now - self._told >= _TELL_AGAIN:
            self._told = now
            self._say(f"evidence cannot be stored ({reason}); rows that wait: {waiting:,}, that are lost: {lost:,}")

    def _until_next_look(self) -> float | None:
        """Seconds that may pass with nothing to write."""
        if not self._keep.bounded:
            return None
        return 0.0 if self._look_at is None else max(0.0, self._look_at - self._monotonic())

    def _expire(self) -> None:
        """Delete a little of what is not to be kept; the rest after the next batch, or a moment."""
        now = self._monotonic()
        if not self._keep.bounded or (self._look_at is not None and now < self._look_at):
            return
        try:
            more = self._store.expire(self._keep, self._clock()) > 0
        except Exception as error:
            self._say(f"old evidence cannot be deleted ({reason_of(error)})")
            more = False
        self._look_at = now + (self._pace.linger if more else _LOOK_AGAIN)

    def _say(self, what: str) -> None:
        self._tell(self._trouble(what))

    def _trouble(self, what: str) -> Evidence:
        return trouble_with_ledger(self._clock(), what, self._session)
