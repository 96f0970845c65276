"""Audits many addresses: hands them out politely, tries again what broke down, and keeps what comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .crew import Crew
from .outcome import CRASH, Outcome
from .schedule import Schedule
from .store import Store

# How often a browser that broke down over an address is followed by another one.
_AGAIN = 1
# How long at most nothing is looked at but what is finished, in seconds.
_STEP = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fleet is: of `total` addresses so many are `done`, with `failed` among them, so many `running`.

    `last` is what was finished just now, if anything.
    """

    total: int
    done: int
    failed: int
    running: int
    last: Outcome | None


def run(
    urls: Iterable[str],
    store: Store,
    crew: Crew,
    delay: float,
    *,
    tell: Callable[[Progress], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Look at each address that the store has no outcome of. Returns when all have one; raises what the crew does.

    `delay` is how many seconds a host is left alone between two of its pages, of which one is looked at at a time.
    """
    urls = tuple(dict.fromkeys(urls))
    schedule = Schedule((url for url in urls if url not in store.done), delay)
    failures = [store.done[url] for url in urls if url in store.done]
    done, failed, running = len(failures), sum(map(bool, failures)), 0
    tell(Progress(len(urls), done, failed, running, None))
    while schedule.left or running:
        free = crew.size() - running
        while free > 0 and (job := schedule.take(clock())) is not None:
            crew.give(job)
            running, free = running + 1, free - 1
        wait = schedule.wait(clock())
        finished = crew.take(_STEP if wait is None or free <= 0 else min(_STEP, wait))
        if finished is None:
            continue
        job, outcome = finished
        running -= 1
        again = outcome.failure == CRASH and job.attempts < _AGAIN
        schedule.finished(job, clock(), again=again)
        if not again:
            store.append(outcome)
            done, failed = done + 1, failed + bool(outcome.failure)
        tell(Progress(len(urls), done, failed, running, None if again else outcome))
