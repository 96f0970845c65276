"""Those who look at addresses on this machine: a thread for each station, which keeps a process with a browser."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Protocol

from .outcome import Outcome
from .schedule import Job
from .station import Limits, Station

if TYPE_CHECKING:
    from ..options import Options


class Crew(Protocol):
    """Looks at several addresses at once. What it is given comes back once, as an outcome, in any order."""

    def size(self) -> int:
        """How many addresses it can look at now."""

    def give(self, job: Job) -> None:
        """Let somebody look at an address."""

    def take(self, seconds: float) -> tuple[Job, Outcome] | None:
        """What is finished, waiting so long for it. Raises UsageError where nobody can work on."""

    def close(self) -> None:
        """Stop, whatever is under way."""


class LocalCrew:
    """So many stations on this machine."""

    def __init__(self, options: Options, limits: Limits, workers: int) -> None:
        """The stations' processes start with their first addresses. Raises UsageError without psutil."""
        self._stations = [Station(options, limits) for _ in range(workers)]
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Job, Outcome] | Exception] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, args=(station,), name="consentry-audit-station", daemon=True)
            for station in self._stations
        ]
        for thread in self._threads:
            thread.start()

    def size(self) -> int:
        """See Crew."""
        return len(self._stations)

    def give(self, job: Job) -> None:
        """See Crew."""
        self._jobs.put(job)

    def take(self, seconds: float) -> tuple[Job, Outcome] | None:
        """See Crew."""
        try:
            done = self._done.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(done, Exception):
            raise done
        return done

    def close(self) -> None:
        """See Crew."""
        for station in self._stations:
            self._jobs.put(None)
            station.close()
        for thread in self._threads:
            thread.join()

    def _work(self, station: Station) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._done.put((job, station.look(job)))
            except Exception as error:  # It belongs to who waits for the outcome.
                self._done.put(error)
                return
