"""Which address comes next: one of a host at a time, and each host left alone for a while between two. Pure."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Job:
    """An address to look at, and how often that has been tried."""

    url: str
    attempts: int = 0

    @property
    def host(self) -> str:
        """The host that is to be treated politely."""
        return host_of(self.url)


def host_of(url: str) -> str:
    """The host of an address in small letters, '' if it has none."""
    return (urlsplit(url).hostname or "").lower()


class Schedule:
    """Hands jobs out. Times are seconds of any clock that only goes forward; the caller reads it."""

    def __init__(self, urls: Iterable[str], delay: float) -> None:
        """Jobs come in the order of `urls`, as far as politeness lets them; `delay` lies between two of one host."""
        self._delay = delay
        self._waiting: dict[str, deque[Job]] = {}
        # (from when, in which order, host) of each host with jobs and none under way.
        self._ready: list[tuple[float, int, str]] = []
        self._count = 0
        self.left = 0
        for url in urls:
            job = Job(url)
            self.left += 1
            if job.host not in self._waiting:
                self._waiting[job.host] = deque()
                self._free(job.host, float("-inf"))
            self._waiting[job.host].append(job)

    def take(self, now: float) -> Job | None:
        """The next job, whose host is busy from now on; None if there is none at the moment."""
        if not self._ready or self._ready[0][0] > now:
            return None
        host = heapq.heappop(self._ready)[2]
        self.left -= 1
        return self._waiting[host].popleft()

    def wait(self, now: float) -> float | None:
        """In how many seconds there is a job; None if first another one must be finished."""
        return max(0.0, self._ready[0][0] - now) if self._ready else None

    def finished(self, job: Job, now: float, *, again: bool = False) -> None:
        """A job that was taken is over; with `again` it is to be tried once more, before others of its host."""
        jobs = self._waiting[job.host]
        if again:
            jobs.appendleft(Job(job.url, job.attempts + 1))
            self.left += 1
        if jobs:
            self._free(job.host, now + self._delay)
        else:
            del self._waiting[job.host]

    def _free(self, host: str, start: float) -> None:
        self._count += 1
        heapq.heappush(self._ready, (start, self._count, host))
