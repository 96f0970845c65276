from __future__ import annotations

from collections import deque
from itertools import pairwise
from pathlib import Path

import pytest

from proxy_addon.audit.many.fleet import Progress, run
from proxy_addon.audit.many.outcome import CRASH, TIME, UNREACHABLE, Outcome
from proxy_addon.audit.many.schedule import Job
from proxy_addon.audit.many.store import Store
from proxy_addon.config import UsageError

from .outcomes import failed, looked

KIND = {"states": ["nothing"]}
URLS = tuple(f"https://{number}.example/" for number in range(6))


class Hands:
    """A crew that looks at addresses in no time; `fails` are what happens to an address, one after the other."""

    def __init__(self, size: int = 2, fails: dict[str, list[str]] | None = None, stops_after: int = 1000) -> None:
        self.given: list[str] = []
        self.most = 0
        self._size = size
        self._fails = fails or {}
        self._jobs: deque[Job] = deque()
        self._stops_after = stops_after

    def size(self) -> int:
        return self._size

    def give(self, job: Job) -> None:
        self.given.append(job.url)
        self._jobs.append(job)
        self.most = max(self.most, len(self._jobs))

    def take(self, seconds: float) -> tuple[Job, Outcome] | None:
        if not self._jobs:
            return None
        if self._stops_after == 0:
            raise UsageError("The cluster is gone.")
        self._stops_after -= 1
        job = self._jobs.popleft()
        fails = self._fails.get(job.url)
        return job, failed(job.url, fails.pop(0)) if fails else looked(job.url)

    def close(self) -> None:
        pass


def test_each_address_is_looked_at_once_and_no_more_at_once_than_there_are_hands(tmp_path: Path) -> None:
    hands = Hands(size=2)
    with Store(tmp_path, KIND) as store:
        run((*URLS, URLS[0]), store, hands, delay=0)
        assert tuple(store.done) == URLS
    assert (tuple(hands.given), hands.most) == (URLS, 2)


def test_what_a_stop_left_undone_is_all_that_is_done_later(tmp_path: Path) -> None:
    with Store(tmp_path, KIND) as store, pytest.raises(UsageError, match="gone"):
        run(URLS, store, Hands(stops_after=4), delay=0)
    later = Hands()
    with Store(tmp_path, KIND) as store:
        run(URLS, store, later, delay=0)
        assert sorted(store.done) == sorted(URLS)
    assert tuple(later.given) == URLS[4:]


@pytest.mark.parametrize(
    ("fails", "tries", "came"),
    [([CRASH], 2, ""), ([CRASH, CRASH], 2, CRASH), ([UNREACHABLE], 1, UNREACHABLE), ([TIME], 1, TIME)],
    ids=["broke-down-once", "broke-down-twice", "unreachable", "too-slow"],
)
def test_only_a_browser_that_broke_down_is_followed_by_another_and_once(
    fails: list[str], tries: int, came: str, tmp_path: Path
) -> None:
    hands = Hands(fails={URLS[1]: fails})
    with Store(tmp_path, KIND) as store:
        run(URLS, store, hands, delay=0)
        assert (store.done[URLS[1]], len(store.done)) == (came, len(URLS))
    assert hands.given.count(URLS[1]) == tries


def test_pages_of_one_host_wait_for_each_other_and_for_the_delay(tmp_path: Path) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.25
        return now[0]

    starts: list[float] = []

    class Timed(Hands):
        def give(self, job: Job) -> None:
            super().give(job)
            starts.append(now[0])

    hands = Timed(size=4)
    with Store(tmp_path, KIND) as store:
        run([f"https://a.example/{page}" for page in range(4)], store, hands, delay=5, clock=clock)
    assert hands.most == 1
    assert all(later - earlier >= 5 for earlier, later in pairwise(starts))


def test_progress_counts_what_was_done_earlier_too(tmp_path: Path) -> None:
    told: list[Progress] = []
    with Store(tmp_path, KIND) as store:
        run(URLS[:2], store, Hands(fails={URLS[0]: [TIME]}), delay=0)
        run(URLS, store, Hands(), delay=0, tell=told.append)
    assert told[0] == Progress(total=6, done=2, failed=1, running=0, last=None)
    assert (told[-1].done, told[-1].failed, told[-1].running) == (6, 1, 0)
