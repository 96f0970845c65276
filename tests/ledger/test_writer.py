"""The writer: what it promises while the store works, is slow, fails, hangs, and at the end."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from sqlalchemy.exc import DataError, OperationalError

from proxy_addon.ledger import LEDGER, TROUBLE, Evidence
from proxy_addon.ledger.retention import Keep
from proxy_addon.ledger.writer import Pace, Writer

from .rows import ROW, numbers, row, rows

QUICK = Pace(capacity=100, batch=10, linger=0.001, patience=20.0, first_pause=0.001, longest_pause=0.004)
PATIENCE = 20.0


def failure(words: str = "database or disk is full") -> OperationalError:
    return OperationalError("INSERT", None, sqlite3.OperationalError(words))


class Memory:
    """A store in memory that works, fails or hangs as it is told."""

    def __init__(self) -> None:
        self.rows: list[Evidence] = []
        self.batches: list[int] = []
        self.again: list[bool] = []
        self.tries = 0
        self.failing: Exception | None = None
        self.expired: list[float] = []
        self.to_expire = 0
        # Open: it answers.
        self.open = threading.Event()
        self.open.set()
        self.changed = threading.Condition()

    def append(self, rows: Sequence[Evidence], *, again: bool = False) -> None:
        with self.changed:
            self.tries += 1
            self.changed.notify_all()
        assert self.open.wait(PATIENCE)
        with self.changed:
            if self.failing is not None:
                raise self.failing
            self.rows += rows
            self.batches.append(len(rows))
            self.again.append(again)
            self.changed.notify_all()

    def expire(self, keep: Keep, now: float, most: int = 5000) -> int:
        with self.changed:
            self.expired.append(now)
            self.changed.notify_all()
            if self.failing is not None:
                raise self.failing
            step, self.to_expire = min(self.to_expire, 10), max(0, self.to_expire - 10)
            return step

    def wait_until(self, there: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(there, PATIENCE)


class World:
    """A store, what was told of it, and a clock."""

    def __init__(self) -> None:
        self.store = Memory()
        self.told: list[Evidence] = []
        self.now = 1000.0
        self.writer: Writer | None = None

    def start(self, pace: Pace = QUICK, keep: Keep | None = None) -> Writer:
        self.writer = Writer(
            self.store, self.told.append, pace=pace, keep=keep, clock=lambda: 7.0, monotonic=lambda: self.now
        )
        return self.writer

    def said(self) -> list[str]:
        return [each.reason for each in self.told]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.store.open.set()
    world.store.failing = None
    if world.writer is not None:
        world.writer.close()


# While the store works


def test_everything_is_stored_in_its_order(world: World) -> None:
    writer = world.start()
    for each in rows(1000):
        writer.record(each)
    assert writer.flush()
    assert numbers(world.store.rows) == list(range(1, 1001))
    assert max(world.store.batches) <= QUICK.batch
    assert (writer.status.stored, writer.status.waiting, writer.status.lost) == (1000, 0, 0)
    assert world.told == []


def test_one_row_does_not_wait_for_others(world: World) -> None:
    world.start().record(ROW)
    world.store.wait_until(lambda: world.store.rows == [ROW])


def test_rows_wait_for_company_so_that_a_batch_is_worth_it(world: World) -> None:
    writer = world.start(Pace(batch=10, linger=PATIENCE))
    for each in rows(10):
        writer.record(each)
    world.store.wait_until(lambda: world.store.batches == [10])


def test_what_comes_from_several_threads_is_all_stored(world: World) -> None:
    writer = world.start()

    def record(first: int) -> None:
        for each in rows(200, first):
            writer.record(each)

    threads = [threading.Thread(target=record, args=(first,)) for first in range(1, 1000, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush()
    assert sorted(numbers(world.store.rows)) == list(range(1, 1001))


def test_the_end_stores_what_waits(world: World) -> None:
    writer = world.start(Pace(linger=PATIENCE))
    for each in rows(3):
        writer.record(each)
    writer.close()
    assert numbers(world.store.rows) == [1, 2, 3]
    assert world.told == []


def test_the_end_may_come_twice_and_with_nothing_to_store(world: World) -> None:
    writer = world.start()
    writer.close()
    writer.close()
    assert (world.store.rows, world.told) == ([], [])


def test_what_comes_after_the_end_is_counted_as_lost(world: World) -> None:
    writer = world.start()
    writer.close()
    writer.record(ROW)
    assert writer.status.lost == 1


# While it is slow


def test_when_the_queue_is_full_whoever_records_waits_and_nothing_is_lost(world: World) -> None:
    writer = world.start()
    world.store.open.clear()
    done = threading.Event()

    def record() -> None:
        for each in rows(500):
            writer.record(each)
        done.set()

    threading.Thread(target=record, daemon=True).start()
    world.store.wait_until(lambda: world.store.tries == 1)
    while writer.status.waiting < QUICK.capacity:
        assert not done.is_set()
    world.store.open.set()
    assert done.wait(PATIENCE)
    assert writer.flush(PATIENCE)
    assert numbers(world.store.rows) == list(range(1, 501))
    assert writer.status.lost == 0


def test_a_queue_holds_no_more_than_it_may(world: World) -> None:
    world.store.failing = failure()
    writer = world.start()
    for each in rows(500):
        writer.record(each)
    assert writer.status.waiting <= QUICK.capacity + QUICK.batch


def test_a_store_that_does_not_answer_at_all_costs_one_wait_and_then_rows(world: World) -> None:
    world.store.open.clear()
    writer = world.start(Pace(capacity=5, batch=1, linger=0.001, patience=0.01))
    for each in rows(20):
        writer.record(each)
    status = writer.status
    assert status.lost == 20 - status.waiting
    assert 0 < status.waiting <= 6
    assert world.said() == ["the ledger does not answer; what does not fit into the memory set aside for it is lost"]
    world.store.open.set()
    assert writer.flush(PATIENCE)
    world.store.wait_until(lambda: any(each.layer == LEDGER for each in world.store.rows))
    kept = [each for each in world.store.rows if each.layer != LEDGER]
    assert len(kept) == status.waiting
    assert world.said()[1:] == [f"evidence is stored again; rows lost before this: {status.lost}"]


# While it fails


def test_a_failure_that_passes_loses_nothing(world: World) -> None:
    world.store.failing = failure("database is locked")
    writer = world.start()
    for each in rows(20):
        writer.record(each)
    world.store.wait_until(lambda: world.store.tries >= 3)
    assert writer.status.failing == "database is locked"
    world.store.failing = None
    assert writer.flush(PATIENCE)
    assert numbers(world.store.rows) == list(range(1, 21))
    assert world.store.again[0], "nobody knows how the first attempt ended"
    assert writer.status.failing == ""
    assert world.said()[0].startswith("evidence cannot be stored (database is locked); ")
    assert world.said()[1:] == ["evidence is stored again, and none is lost"]


def test_while_it_fails_nobody_waits_and_what_is_lost_is_counted_exactly(world: World) -> None:
    world.store.failing = failure()
    writer = world.start()
    writer.record(row(1))
    world.store.wait_until(lambda: world.store.tries >= 2)
    for each in rows(500, first=2):
        writer.record(each)
    lost = writer.status.lost
    assert lost == 501 - writer.status.waiting
    world.store.failing = None
    world.store.wait_until(lambda: bool(world.store.rows) and world.store.rows[-1].layer == LEDGER)
    *kept, last = world.store.rows
    assert numbers(kept) == list(range(1, 502 - lost)), "the oldest are kept, with no gap before the loss"
    assert (last.outcome, last.reason) == (TROUBLE, f"evidence is stored again; rows lost before this: {lost}")
    assert last.session == ROW.session
    assert world.told[-1] == last
    assert writer.status.lost == lost


def test_a_failure_is_told_once_a_minute(world: World) -> None:
    world.store.failing = failure()
    writer = world.start()
    writer.record(ROW)
    for minute in range(3):
        world.now = 1000.0 + 60 * minute
        tries = world.store.tries
        world.store.wait_until(lambda tries=tries: world.store.tries > tries + 3)  # type: ignore[misc]
        assert len(world.said()) == minute + 1
    assert set(world.said()) == {
        "evidence cannot be stored (database or disk is full); rows that wait: 1, that are lost: 0"
    }


def test_a_row_that_cannot_be_stored_does_not_keep_the_others(world: World) -> None:
    class Picky(Memory):
        def append(self, rows: Sequence[Evidence], *, again: bool = False) -> None:
            if any(each.number == 2 for each in rows):
                raise DataError("INSERT", None, sqlite3.DataError("string or blob too big"))
            super().append(rows, again=again)

    world.store = Picky()
    writer = world.start()
    for each in rows(4):
        writer.record(each)
    assert writer.flush(PATIENCE)
    assert numbers(world.store.rows) == [1, 3, 4]
    assert world.said() == ["a row of evidence cannot be stored: string or blob too big"]
    assert (writer.status.stored, writer.status.lost) == (3, 1)


def test_the_end_tells_what_could_not_be_stored(world: World) -> None:
    world.store.failing = failure()
    writer = world.start()
    for each in rows(30):
        writer.record(each)
    writer.close()
    assert world.said()[-1] == "rows of evidence lost: 30 (database or disk is full)"
    assert writer.status.lost == 30


def test_the_end_does_not_wait_for_ever(world: World) -> None:
    world.store.open.clear()
    writer = world.start()
    writer.record(ROW)
    world.store.wait_until(lambda: world.store.tries == 1)
    writer.close(timeout=0.01)
    assert world.said() == ["rows of evidence lost: 1 (the ledger does not answer)"]


def test_the_end_tries_once_more_what_failed_before(world: World) -> None:
    world.store.failing = failure()
    writer = world.start(Pace(linger=0.001, first_pause=PATIENCE))
    writer.record(ROW)
    world.store.wait_until(lambda: world.store.tries == 1)
    world.store.failing = None
    writer.close()
    assert world.store.rows[0] == ROW


# What is not to be kept


def test_old_rows_are_looked_for_at_once_and_then_now_and_again(world: World) -> None:
    writer = world.start(keep=Keep(seconds=60))
    writer.record(row(1))
    world.store.wait_until(lambda: len(world.store.expired) == 1)
    for each in rows(100):
        writer.record(each)
    assert writer.flush(PATIENCE)
    assert world.store.expired == [7.0]
    world.now += 31
    writer.record(row(2))
    world.store.wait_until(lambda: len(world.store.expired) == 2)


def test_old_rows_go_although_nothing_new_comes(world: World) -> None:
    world.store.to_expire = 35
    world.start(Pace(linger=0.0), keep=Keep(seconds=60))
    world.store.wait_until(lambda: world.store.to_expire == 0)


def test_without_a_bound_nothing_is_looked_for(world: World) -> None:
    writer = world.start()
    writer.record(ROW)
    assert writer.flush(PATIENCE)
    assert world.store.expired == []


def test_rows_that_cannot_be_deleted_are_told_and_new_ones_stored(world: World) -> None:
    class Stubborn(Memory):
        def expire(self, keep: Keep, now: float, most: int = 5000) -> int:
            super().expire(keep, now, most)
            raise failure("database is locked")

    world.store = Stubborn()
    writer = world.start(keep=Keep(seconds=60))
    writer.record(ROW)
    assert writer.flush(PATIENCE)
    world.store.wait_until(lambda: bool(world.store.expired))
    writer.close()
    assert world.store.rows == [ROW]
    assert world.said() == ["old evidence cannot be deleted (database is locked)"]
