"""The store of evidence: SQLite or PostgreSQL, by the same code (SQLAlchemy Core).

SQLite runs in WAL mode with synchronous=NORMAL: what is committed outlives the process, however that ends, and
the file stays whole whatever happens to the machine.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, delete, event, func, make_url, select
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError

from . import query
from .asked import COUNTED, Filters
from .evidence import TROUBLE, Evidence, LedgerError
from .place import Place
from .query import Count, Row
from .retention import Keep
from .schema import FIELDS, LOCK, ROWS, migrate

_C = ROWS.c
# Rows of one statement to SQLite: each is one call, which leaves the interpreter to other threads meanwhile; with a
# call a row the thread that writes would have to wait for them as often.
_TOGETHER = 200
# Fewer are a multiple of this many, and what is left then.
_STEP = 16
# Rows that a question which has no end is answered with at a time.
_PIECE = 2000
# Rows of a vendor that are looked at for those on one site.
_LOOKED_AT = 20_000
# Pages that are given back to the file system at a time.
_PAGES = 2000
_BUSY_SECONDS = 5
# What a row takes in PostgreSQL beside its own bytes: its head and three entries of indexes, about.
_OVERHEAD = 150
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_LONGEST = {"url": 4096, "page": 4096, "reason": 2048, "consent": 2048}
_LONGEST_WORD = 512
# From here on all values of a row are texts, or None.
_TEXTS = FIELDS.index("visitor")

# The open transaction writes.
_WRITES = "consentry_writes"


class Store:
    """One ledger, open. Any thread may call its methods.

    Where the database fails, those that read raise LedgerError, those that write SQLAlchemyError.
    """

    def __init__(self, engine: Engine, place: Place) -> None:
        """Use `Store.open`."""
        self._engine = engine
        self.place = place

    @classmethod
    def open(cls, place: Place, *, create: bool = True) -> Store:
        """Open a ledger and bring its tables up to date. Raises LedgerError.

        Without `create` nothing is made where there is no ledger yet.
        """
        if place.path is not None and not create and not place.path.is_file():
            raise LedgerError(
                f"There is no ledger {place}; Consentry writes it while it runs, and --ledger names another."
            )
        engine = _engine(place)
        try:
            if place.path is not None and create:
                _make_private(place.path)
            with _writing(engine) as connection:
                migrate(connection, create=create)
        except (SQLAlchemyError, OSError, LedgerError) as error:
            engine.dispose()
            raise LedgerError(
                f"The ledger {place} cannot be used: {reason_of(error)}; name another with --ledger."
            ) from None
        return cls(engine, place)

    def append(self, rows: Sequence[Evidence], *, again: bool = False) -> None:
        """Store rows, all or none of them.

        `again` says that they were tried before, and that nobody knows how it ended: what is there already is left
        out.
        """
        with _writing(self._engine) as connection:
            left = _unknown(connection, rows) if again else rows
            if left and connection.dialect.name == "postgresql":
                # psycopg sends them all before it waits for the first answer.
                connection.exec_driver_sql(_insert("%s", 1), list(map(_values, left)))
                return
            start = 0
            for count in _parts(len(left), self._together):
                part = left[start : start + count]
                connection.exec_driver_sql(_insert("?", count), tuple(chain.from_iterable(map(_values, part))))
                start += count

    def query(self, filters: Filters | None = None, limit: int = 100, before_id: int | None = None) -> list[Row]:
        """The newest rows, newest first; with `before_id` those before that row."""
        with self._reading() as connection:
            return query.page_of(connection, filters or Filters(), limit, before=before_id)

    def vendors_page(
        self, vendor: str, site: str, limit: int, before_id: int | None = None, most: int = _LOOKED_AT
    ) -> tuple[list[Row], int]:
        """A vendor's newest rows on a site, newest first, and the id before which to go on, 0 where there are no more.

        However many rows there are, `most` are looked at: so there may be more though few were found, or none.
        """
        with self._reading() as connection:
            return query.vendors_page(connection, vendor, site, limit, before=before_id, most=most)

    def after(self, last_id: int, filters: Filters | None = None, limit: int = _PIECE) -> list[Row]:
        """The next rows after that of `last_id`, in their order. Whoever follows misses none."""
        with self._reading() as connection:
            return query.page_of(connection, filters or Filters(), limit, after=last_id)

    def rows(self, filters: Filters | None = None) -> Iterator[Row]:
        """All rows up to now in their order, read piece by piece, so that nobody waits for whoever reads."""
        last, newest = 0, self.newest()
        while last < newest:
            piece = self.after(last, filters)
            yield from (row for row in piece if row.id <= newest)
            if len(piece) < _PIECE:
                return
            last = piece[-1].id

    def counts(self, filters: Filters | None = None, *, by: str) -> list[Count]:
        """How many rows there are of each vendor, outcome, category, …; `by` is one of asked.COUNTED."""
        if by not in COUNTED:
            raise LedgerError(f"Rows cannot be counted by '{by}'; by one of: {', '.join(COUNTED)}.")
        with self._reading() as connection:
            return query.counts(connection, filters or Filters(), by)

    def newest(self, filters: Filters | None = None) -> int:
        """The id of the newest row, 0 if there is none."""
        with self._reading() as connection:
            return query.newest(connection, filters)

    def id_of(self, evidence: Evidence) -> int | None:
        """Under which id a row is stored; None if it is not, or has no number."""
        with self._reading() as connection:
            return query.id_of(connection, evidence)

    def latest_session(self) -> str | None:
        """The session that wrote last."""
        with self._reading() as connection:
            return query.latest_session(connection)

    def size(self) -> int:
        """About how many bytes the rows take."""
        with self._reading() as connection:
            return _size(connection)

    def expire(self, keep: Keep, now: float, most: int = 5000) -> int:
        """Delete up to so many of the rows that are not to be kept, oldest first; how many it were."""
        with _writing(self._engine) as connection:
            old = 0 if keep.seconds is None else _delete_oldest(connection, most, before=now - keep.seconds)
            if old < most and keep.bytes is not None and _size(connection) > keep.bytes:
                old += _delete_oldest(connection, most - old)
            if old and connection.dialect.name == "sqlite":
                _give_back(connection)
        return old

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise LedgerError(f"The ledger {self.place} cannot be read: {reason_of(error)}.") from error

    @cached_property
    def _together(self) -> int:
        with contextlib.closing(sqlite3.connect(":memory:")) as probe:
            # SQLite before 3.32 takes no more than 999 values.
            return min(_TOGETHER, probe.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // len(FIELDS))


def reason_of(error: BaseException) -> str:
    """Why the database failed, in its own words, on one line."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    said = str(cause).strip() or type(cause).__name__
    return said.splitlines()[0].rstrip(" .")


def is_of_a_row(error: BaseException) -> bool:
    """Whether a failure lies in what was to be stored, so that trying again would not help."""
    return isinstance(error, (DataError, IntegrityError)) or not isinstance(error, (SQLAlchemyError, OSError))


def _engine(place: Place) -> Engine:
    if place.path is not None:
        engine = create_engine(URL.create("sqlite", database=str(place.path)), connect_args={"timeout": _BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        url = make_url(place.url).set(drivername="postgresql+psycopg")
        return create_engine(
            url,
            pool_pre_ping=True,
            # What a network that went silent may take until it counts as broken.
            connect_args={
                "connect_timeout": 5,
                "tcp_user_timeout": 10_000,
                "keepalives_idle": 30,
                "fallback_application_name": "consentry",
            },
        )
    except ImportError:
        raise LedgerError(
            "A ledger in PostgreSQL needs the package psycopg; install it with: pip install 'consentry[postgres]'."
        ) from None
    except (ArgumentError, ValueError):
        raise LedgerError(
            f"'{place}' is no address of a database; write it as postgresql://USER@HOST/DATABASE."
        ) from None


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    # SQLAlchemy says when a transaction begins, not Python's module.
    connection.isolation_level = None
    for pragma in (
        # Takes effect in a new file only, and has to come before anything is written.
        "auto_vacuum = INCREMENTAL",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "journal_size_limit = 67108864",
        # In pages: so seldom must the log be copied into the file, which waits for the disk.
        "wal_autocheckpoint = 4000",
    ):
        _set(connection, pragma)


def _set(connection: sqlite3.Connection, pragma: str) -> None:
    """Several may open a new file at once, and for the mode of its log SQLite lets none of them wait."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that is going to write waits for the others now; one that had read first could not.
    immediate = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextlib.contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, one after the other over all processes, so that ids are committed in their order."""
    with engine.connect() as plain:
        connection = plain.execution_options(**{_WRITES: True})
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
            yield connection


def _make_private(path: Path) -> None:
    """Evidence is somebody's browsing: the file is for this user only, and SQLite makes those beside it alike."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _parts(rows: int, most: int) -> Iterator[int]:
    """Into statements of how many rows so many are put: of few sizes, so that SQLite knows each of them already."""
    while rows:
        count = most if rows >= most else max(rows - rows % _STEP, min(rows, _STEP - 1))
        yield count
        rows -= count


@lru_cache(maxsize=1024)
def _insert(mark: str, count: int) -> str:
    row = f"({', '.join([mark] * len(FIELDS))})"
    return f"INSERT INTO {ROWS.name} ({', '.join(FIELDS)}) VALUES {', '.join([row] * count)}"  # noqa: S608 - our names


def _values(row: Evidence) -> tuple[Any, ...]:
    """The row's values in the order of FIELDS, as any database takes them."""
    # An error's words may quote what it stumbled over, as the value of a cookie.
    reason = _QUOTED.sub("'…'", row.reason) if row.outcome == TROUBLE else row.reason
    values: tuple[Any, ...] = (
        *(row.time, row.session, row.number, row.visitor, row.site, row.page, row.url, row.type, row.vendor, row.rule),
        *(",".join(row.categories), ",".join(row.missing), row.consent, row.regime, row.signal, row.verdict, row.layer),
        *(row.mode, row.outcome, reason),
    )
    # Nearly all rows are as they should be, which is seen at once of all their texts together.
    whole = row.session + "".join(filter(None, values[_TEXTS:]))
    if "\0" not in whole and (whole.isascii() or _is_text(whole)) and _is_short(whole, values):
        return values
    return tuple(
        _clean(value, _LONGEST.get(name, _LONGEST_WORD)) if isinstance(value, str) else value
        for name, value in zip(FIELDS, values, strict=True)
    )


def _is_short(whole: str, values: tuple[Any, ...]) -> bool:
    """Whether no text of a row is longer than a word may be, by all of them together or one by one."""
    return len(whole) <= _LONGEST_WORD or all(len(value) <= _LONGEST_WORD for value in values if value.__class__ is str)


def _clean(text: str, longest: int) -> str:
    """Text that a database takes and a reader can bear: what comes from strangers may be neither."""
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    if "\0" not in text and _is_text(text):
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def _is_text(text: str) -> bool:
    """Whether it has no half characters, which no database takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unknown(connection: Connection, rows: Sequence[Evidence]) -> list[Evidence]:
    """Those of the rows that are not stored yet."""
    times = [row.time for row in rows]
    statement = (
        select(_C.session, _C.number)
        .where(_C.time >= min(times), _C.time <= max(times))
        .where(_C.session.in_({row.session for row in rows}), _C.number > 0)
    )
    known = {(session, number) for session, number in connection.execute(statement)}
    return [row for row in rows if (row.session, row.number) not in known]


def _delete_oldest(connection: Connection, most: int, before: float | None = None) -> int:
    oldest = select(_C.id).limit(most)
    oldest = oldest.order_by(_C.id) if before is None else oldest.where(_C.time < before).order_by(_C.time, _C.id)
    return connection.execute(delete(ROWS).where(_C.id.in_(oldest.scalar_subquery()))).rowcount


def _give_back(connection: Connection) -> None:
    """Shrink a SQLite file by some of the pages that are free."""
    free = int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())
    cursor = connection.connection.cursor()
    for _ in range(min(free, _PAGES)):
        # Asked for several, Python before 3.12 frees one all the same.
        cursor.execute("PRAGMA incremental_vacuum(1)")


def _size(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        pages, free, page = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * page
    # What PostgreSQL takes on the disk does not shrink with what is deleted: so what the rows take, by their newest.
    counted = "SELECT coalesce(max(id) - min(id) + 1, 0) FROM evidence_row"
    sampled = (
        "SELECT coalesce(avg(size), 0) FROM "
        "(SELECT pg_column_size(evidence_row.*) AS size FROM evidence_row ORDER BY id DESC LIMIT 1000) AS newest"
    )
    rows, size = (float(connection.exec_driver_sql(each).scalar_one()) for each in (counted, sampled))
    return int(rows * (size + _OVERHEAD))
