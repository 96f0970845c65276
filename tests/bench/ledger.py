"""What evidence costs: rows appended a second beside raw sqlite3, and what the dashboard asks of so many rows."""

from __future__ import annotations

import random
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from proxy_addon.ledger import Evidence
from proxy_addon.ledger.asked import Filters
from proxy_addon.ledger.ledger import Ledger
from proxy_addon.ledger.place import Place
from proxy_addon.ledger.schema import FIELDS, ROWS
from proxy_addon.ledger.store import Store
from proxy_addon.ledger.writer import Pace

from .processes import BenchError, resident

# Rows that are made before the clock runs, and then appended by one and by the other.
_PIECE = 20_000
_PATIENCE = 600.0
_PRAGMAS = ("auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = NORMAL", "journal_size_limit = 67108864")
_PAGE_OF_ROWS = 100
_START = 1_767_261_600.0
_VENDORS = tuple(f"vendor-{number:02d}" for number in range(40))
_SITES = ("shop.example", "blog.example", "news.example")
_OUTCOMES = ("held", "passed", "released", "leak")
_LEAST = 5


@dataclass(slots=True)
class Appending:
    """Rows a second of each round, by the ledger and by raw sqlite3; what the process grew by; seconds of questions."""

    rows: int = 0
    rounds: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    growth: int = 0
    asked: dict[str, float] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def beside(self) -> float:
        """The median of the rounds of sqlite3."""
        return statistics.median(self.others)

    @property
    def ratio(self) -> float:
        """How many times as fast as sqlite3: the median of the rounds' own ratios."""
        return statistics.median(one / other for one, other in zip(self.rounds, self.others, strict=True))


def evidence(count: int) -> Iterator[Evidence]:
    """So many rows as a proxy of some sites records them, no two alike; the same each time."""
    chance = random.Random(count)
    for number in range(1, count + 1):
        vendor, site = _VENDORS[min(int(chance.expovariate(0.15)), len(_VENDORS) - 1)], chance.choice(_SITES)
        outcome = chance.choice(_OUTCOMES)
        yield Evidence(
            time=_START + number / 100,
            layer="html",
            outcome=outcome,
            verdict="block" if outcome == "held" else "allow",
            vendor=vendor,
            rule="script",
            categories=("analytics",),
            missing=("analytics",) if outcome == "held" else (),
            reason=f"{vendor} needs analytics: analytics is unset, which gdpr counts as denied",
            url=f"https://cdn.{vendor}.example/collect.js?id=…&visit={number}",
            page=f"https://{site}/p/{chance.randrange(500)}",
            type="script",
            consent="functional unset, analytics unset, marketing unset",
            signal="none",
            regime="gdpr",
            mode="enforce",
            session="20260101T100000Z-abcdef",
            number=number,
            visitor=f"{chance.getrandbits(12):016x}",
            site=site,
        )


def measure(count: int, folder: Path) -> Appending:
    """Append so many rows to a ledger in a new file, and to another by sqlite3, by turns. Raises BenchError.

    Both files have the ledger's schema and its pragmas; sqlite3 gets tuples that are ready, in batches as large as the
    writer's.
    """
    place, other = Place(folder / "ledger.db"), Place(folder / "raw.db")
    Store.open(other).close()
    told: list[str] = []
    found = Appending(count)
    made = evidence(count)
    with (
        Ledger(Store.open(place), lambda row: told.append(row.reason)) as ledger,
        closing(_connected(other)) as connection,
    ):
        before = 0
        for start in range(0, count, _PIECE):
            piece = [next(made) for _ in range(min(_PIECE, count - start))]
            ready = [tuple(_plain(getattr(row, name)) for name in FIELDS) for row in piece]
            one = (partial(_by_ledger, ledger, piece), found.rounds)
            two = (partial(_by_sqlite, connection, ready), found.others)
            for append, rounds in (one, two) if len(found.rounds) % 2 else (two, one):
                rounds.append(len(piece) / _timed(append))
            before = before or resident()
        found.growth = resident() - before
        status = ledger.writer.status
        found.asked = _questions(ledger.store)
    if told or status.stored != count:
        raise BenchError(f"The ledger stored {status.stored:,} of {count:,} rows: {' '.join(told)}")
    return found


def _by_ledger(ledger: Ledger, rows: Sequence[Evidence]) -> None:
    for row in rows:
        ledger.record(row)
    if not ledger.writer.flush(_PATIENCE):
        raise BenchError("The ledger does not store what it took.")


def _by_sqlite(connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    statement = f"INSERT INTO {ROWS.name} ({', '.join(FIELDS)}) VALUES ({', '.join('?' * len(FIELDS))})"
    batch = Pace().batch
    for start in range(0, len(rows), batch):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, rows[start : start + batch])
        connection.execute("COMMIT")


def _connected(place: Place) -> sqlite3.Connection:
    connection = sqlite3.connect(str(place.path), isolation_level=None)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def _plain(value: object) -> object:
    return ",".join(value) if isinstance(value, tuple) else value


def _questions(store: Store) -> dict[str, float]:
    """Seconds for what the dashboard asks: one page of rows, medians of some."""
    end = store.newest() // 2
    questions: dict[str, Callable[[], object]] = {
        "a vendor's latest": partial(store.query, Filters(vendor=_VENDORS[0]), _PAGE_OF_ROWS),
        "a rare vendor's": partial(store.query, Filters(vendor=_VENDORS[-1]), _PAGE_OF_ROWS),
        "a vendor's on a site": partial(store.vendors_page, _VENDORS[3], _SITES[1], _PAGE_OF_ROWS),
        "further down": partial(store.vendors_page, _VENDORS[3], _SITES[1], _PAGE_OF_ROWS, end),
        "where it never was": partial(store.vendors_page, _VENDORS[0], "none.example", _PAGE_OF_ROWS),
    }
    return {name: statistics.median(_timed(question) for _ in range(_LEAST)) for name, question in questions.items()}


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
