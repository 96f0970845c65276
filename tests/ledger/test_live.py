"""The feed: who watches sees what happens, and slows nobody."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from proxy_addon.ledger.live import Feed

from .rows import numbers, row, rows

PATIENCE = 20.0


def test_a_viewer_gets_what_happens_from_then_on() -> None:
    feed = Feed()
    feed.record(row(1))
    with feed.subscribe() as viewer:
        assert viewer.take() == []
        feed.record(row(2))
        feed.record(row(3))
        assert numbers(viewer.take()) == [2, 3]
        assert viewer.take() == []


def test_each_viewer_gets_all_of_it() -> None:
    feed = Feed()
    with feed.subscribe() as one, feed.subscribe() as other:
        feed.record(row(1))
        assert numbers(one.take()) == numbers(other.take()) == [1]


def test_for_a_slow_viewer_the_oldest_rows_are_dropped_and_counted() -> None:
    feed = Feed()
    with feed.subscribe(most=3) as slow, feed.subscribe() as quick:
        for each in rows(10):
            feed.record(each)
        assert slow.dropped == 7
        assert numbers(slow.take()) == [8, 9, 10]
        assert (quick.dropped, len(quick.take())) == (0, 10)


def test_who_has_left_is_sent_nothing_more() -> None:
    feed = Feed()
    viewer = feed.subscribe()
    viewer.close()
    viewer.close()
    feed.record(row(1))
    assert viewer.take() == []


def test_a_thread_can_wait_for_the_next_row() -> None:
    feed = Feed()
    with feed.subscribe() as viewer, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(viewer.wait, PATIENCE)
        feed.record(row(1))
        assert numbers(waiting.result(PATIENCE)) == [1]
        assert viewer.wait(0.001) == []


def test_a_loop_can_wait_for_what_another_thread_records() -> None:
    feed = Feed()

    async def watch() -> list[int]:
        with feed.subscribe() as viewer:
            seen: list[int] = []
            thread = threading.Thread(target=lambda: list(map(feed.record, rows(50))))
            thread.start()
            while len(seen) < 50:
                seen += numbers(await viewer.next(PATIENCE))
            thread.join()
            assert await viewer.next(0.001) == []
            return seen

    assert asyncio.run(watch()) == list(range(1, 51))


def test_a_viewer_whose_loop_has_ended_troubles_nobody() -> None:
    feed = Feed()
    viewer = feed.subscribe(most=2)
    asyncio.run(viewer.next(0.001))
    for each in rows(5):
        feed.record(each)
    assert numbers(viewer.take()) == [4, 5]


def test_many_threads_may_come_and_go() -> None:
    feed = Feed()

    def watch(_: int) -> None:
        for _ in range(50):
            with feed.subscribe() as viewer:
                feed.record(row(1))
                assert viewer.take()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(watch, range(4)))
