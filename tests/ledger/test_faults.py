"""What is promised holds when things go wrong: kill -9, a full disk, a slow one, a server that restarts."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from proxy_addon.ledger import LEDGER, Evidence
from proxy_addon.ledger.ledger import Ledger
from proxy_addon.ledger.place import Place, parse_place
from proxy_addon.ledger.store import Store
from proxy_addon.ledger.writer import Pace, Writer
from tests.kit.postgres import Postgres

from .rows import numbers, row, rows

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
QUICK = Pace(capacity=2000, batch=100, linger=0.001, patience=PATIENCE, first_pause=0.01, longest_pause=0.02)

# Records rows for ever, and says after each flush up to which number all are stored.
ENDLESS = """
import itertools, sys
from pathlib import Path
from proxy_addon.ledger.ledger import Ledger
from proxy_addon.ledger.place import parse_place
from tests.ledger.rows import row

session = sys.argv[2]
with Ledger.open(parse_place(sys.argv[1]), lambda told: print("told", told.reason, flush=True)) as ledger:
    for number in itertools.count(1):
        ledger.record(row(number, session=session))
        if number % 500 == 0:
            assert ledger.writer.flush(60)
            print(number, flush=True)
"""


class Told:
    """What was told of a ledger, and a way to wait for it."""

    def __init__(self) -> None:
        self.rows: list[Evidence] = []
        self._changed = threading.Condition()

    def __call__(self, evidence: Evidence) -> None:
        with self._changed:
            self.rows.append(evidence)
            self._changed.notify_all()

    def wait_for(self, words: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: any(words in each.reason for each in self.rows), PATIENCE)


def test_kill_9_while_it_writes_loses_nothing_that_was_stored_and_damages_nothing(
    place: Place, opened: Callable[[Place], Store]
) -> None:
    address = str(place.path) if place.path else place.url
    for attempt in range(3):
        session = f"run {attempt}"
        process = subprocess.Popen(
            [sys.executable, "-c", ENDLESS, address, session], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        stored = 0
        for line in process.stdout:
            stored = int(line)
            if stored >= 1500 * (attempt + 1):
                break
        process.send_signal(signal.SIGKILL)
        # What it said before it died counts too.
        stored = max([stored, *(int(line) for line in process.stdout.read().splitlines() if line.isdecimal())])
        assert process.wait(PATIENCE) == -signal.SIGKILL
        process.stdout.close()
        store = opened(place)
        found = numbers([each for each in store.rows() if each.session == session])
        assert found == list(range(1, len(found) + 1)), "no gap, and nothing twice"
        assert len(found) >= stored
        store.append([row(0, session="next")])
    if place.path is not None:
        with closing(sqlite3.connect(place.path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 12 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount the small disk that this test fills")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"the small disk that this test fills cannot be mounted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=False)


def test_a_full_disk_is_told_and_what_waits_is_stored_when_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 10_000_000)
    told = Told()
    place = Place(small_disk / "evidence.db")
    ledger = Ledger(Store.open(place), told, pace=QUICK)
    number = 0
    while not ledger.writer.status.failing:
        number += 1
        ledger.record(row(number))
    told.wait_for("evidence cannot be stored (database or disk is full)")
    for _ in range(QUICK.capacity * 2):
        number += 1
        ledger.record(row(number))
    assert ledger.writer.status.lost > 0
    ballast.unlink()
    told.wait_for("evidence is stored again")
    assert ledger.writer.flush(PATIENCE)
    status = ledger.writer.status
    kept = [each for each in ledger.store.rows() if each.layer != LEDGER]
    assert len(kept) == number - status.lost, "what was lost was counted exactly"
    assert numbers(kept) == sorted(set(numbers(kept))), "in their order, and none twice"
    [lost] = [each for each in ledger.store.rows() if each.layer == LEDGER]
    assert lost.reason == f"evidence is stored again; rows lost before this: {status.lost:,}"
    ledger.close()
    with closing(sqlite3.connect(place.path or "")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_database_that_may_not_grow_is_as_a_full_disk(sqlite: Store) -> None:
    told = Told()
    from sqlalchemy import event

    pages = [200]

    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages[0]}").fetchall()

    event.listen(sqlite._engine, "connect", limit)
    sqlite.close()
    writer = Writer(sqlite, told, pace=QUICK)
    for each in rows(3000):
        writer.record(each)
    told.wait_for("evidence cannot be stored (database or disk is full)")
    pages[0] = 100_000
    sqlite.close()
    told.wait_for("evidence is stored again")
    assert writer.flush(PATIENCE)
    writer.close()
    kept = [each for each in sqlite.rows() if each.layer != LEDGER]
    assert len(kept) == 3000 - writer.status.lost
    assert numbers(kept) == sorted(set(numbers(kept)))


def test_a_server_that_restarts_again_and_again_costs_no_row_and_makes_none_twice(postgres: Postgres) -> None:
    told = Told()
    ledger = Ledger(Store.open(parse_place(postgres.empty())), told, pace=QUICK)
    stop, number = threading.Event(), 0
    counted = threading.Condition()

    def record() -> None:
        nonlocal number
        while not stop.is_set():
            # While it fails nobody waits: what does not fit would be lost, as it says.
            if ledger.writer.status.waiting < QUICK.capacity // 2:
                with counted:
                    number += 1
                    ledger.record(row(number))
                    counted.notify_all()
            else:
                stop.wait(0.001)

    thread = threading.Thread(target=record)
    thread.start()
    try:
        for _ in range(3):
            with counted:
                reached = number
                assert counted.wait_for(lambda reached=reached: number >= reached + 500, PATIENCE)  # type: ignore[misc]
            postgres.stop()
            told.wait_for("evidence cannot be stored")
            postgres.start()
            told.wait_for("evidence is stored again, and none is lost")
            told.rows.clear()
    finally:
        stop.set()
        thread.join()
    assert ledger.writer.flush(PATIENCE)
    assert numbers(list(ledger.store.rows())) == list(range(1, number + 1))
    assert ledger.writer.status.lost == 0
    ledger.close()


def test_a_commit_whose_answer_was_lost_is_not_made_twice(store: Store) -> None:
    class Forgetful:
        """Stores, and now and then says that it did not."""

        def __init__(self) -> None:
            self.calls = 0

        def append(self, rows: Sequence[Evidence], *, again: bool = False) -> None:
            self.calls += 1
            store.append(rows, again=again)
            if self.calls % 3 == 1:
                raise ConnectionResetError("the server went away")

        def expire(self, *_: object) -> int:
            return 0

    writer = Writer(Forgetful(), Told(), pace=QUICK)
    for each in rows(1000):
        writer.record(each)
    assert writer.flush(PATIENCE)
    writer.close()
    assert numbers(list(store.rows())) == list(range(1, 1001))


def test_a_slow_disk_slows_whoever_records_and_loses_nothing(sqlite: Store) -> None:
    class Slow:
        """A disk that takes its time for each batch."""

        def __init__(self) -> None:
            self.waited = threading.Event()

        def append(self, rows: Sequence[Evidence], *, again: bool = False) -> None:
            self.waited.wait(0.02)
            sqlite.append(rows, again=again)

        def expire(self, *_: object) -> int:
            return 0

    told = Told()
    writer = Writer(Slow(), told, pace=Pace(capacity=200, batch=100, linger=0.001, patience=PATIENCE))
    for each in rows(3000):
        writer.record(each)
        assert writer.status.waiting <= 300
    writer.close(PATIENCE)
    assert numbers(list(sqlite.rows())) == list(range(1, 3001))
    assert told.rows == []


def test_another_process_that_holds_the_file_only_delays(sqlite: Store) -> None:
    told = Told()
    assert sqlite.place.path is not None
    with closing(sqlite3.connect(sqlite.place.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer = Writer(sqlite, told, pace=QUICK)
        for each in rows(100):
            writer.record(each)
        assert sqlite.query() == [], "reading goes on"
        other.execute("COMMIT")
    assert writer.flush(PATIENCE)
    writer.close()
    assert numbers(list(sqlite.rows())) == list(range(1, 101))
