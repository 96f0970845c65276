"""The store, in each kind of database: nothing is lost, nothing is twice, and everything is found."""

from __future__ import annotations

import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from proxy_addon.ledger import TROUBLE, Evidence, LedgerError, schema
from proxy_addon.ledger import store as store_module
from proxy_addon.ledger.asked import COUNTED, Filters
from proxy_addon.ledger.place import Place
from proxy_addon.ledger.query import Row
from proxy_addon.ledger.retention import Keep
from proxy_addon.ledger.store import Store
from tests.kit.postgres import Postgres

from .plans import planned
from .rows import ROW, numbers, row, rows


def stored(store: Store) -> list[Evidence]:
    """All rows in their order, as they were before they had ids."""
    return [Evidence(**{each.name: getattr(found, each.name) for each in fields(Evidence)}) for found in store.rows()]


def ask(store: Store, statement: str) -> list[tuple[object, ...]]:
    """Ask the database itself, as another program would."""
    address = f"sqlite:///{store.place.path}" if store.place.path else store.place.url.replace("://", "+psycopg://", 1)
    engine = create_engine(address)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        found = [tuple(each) for each in result] if result.returns_rows else []
    engine.dispose()
    return found


# Storing


def test_what_is_stored_comes_back_as_it_was(store: Store) -> None:
    given = [row(1), row(2, vendor=None, rule=None, categories=(), missing=(), url="cookie _acme", page="")]
    store.append(given)
    assert stored(store) == given


def test_many_rows_are_stored_at_once_and_in_their_order(store: Store) -> None:
    store.append(rows(1234))
    assert numbers(list(store.rows())) == list(range(1, 1235))


def test_nothing_is_a_batch_too(store: Store) -> None:
    store.append([])
    assert stored(store) == []


def test_a_batch_is_stored_whole_or_not_at_all(store: Store) -> None:
    store.append(rows(3))
    with pytest.raises((SQLAlchemyError, OverflowError)):
        store.append([*rows(500, first=4), row(2**70)])
    assert numbers(stored(store)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\0b", "a\ufffdb"),
        ("a\udcffb", "a?b"),
        ("\U0001f36a ü \u202e", "\U0001f36a ü \u202e"),
        ("x" * 100_000, "x" * 4095 + "…"),
        ("'; DROP TABLE evidence_row; --", "'; DROP TABLE evidence_row; --"),
        ("%s ? :time {0}", "%s ? :time {0}"),
    ],
    ids=["nul", "surrogate", "unicode", "long", "sql", "placeholders"],
)
def test_what_strangers_write_is_stored_as_text(store: Store, given: str, kept: str) -> None:
    store.append([row(1, url=given)])
    assert stored(store)[0].url == kept


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_keeps_a_row_from_being_stored(sqlite: Store, one: str, other: str) -> None:
    before = sqlite.newest()
    sqlite.append([row(1, url=one, page=other, reason=one, vendor=other, consent=one, signal=other)])
    assert sqlite.newest() == before + 1


def test_an_error_is_stored_without_what_it_quotes(store: Store) -> None:
    reason = "an error while deciding (ValueError: invalid literal: 'session=secret' and \"token\")"
    store.append([row(1, outcome=TROUBLE, reason=reason)])
    assert stored(store)[0].reason == "an error while deciding (ValueError: invalid literal: '…' and '…')"


def test_what_is_tried_again_is_not_stored_twice(store: Store) -> None:
    store.append(rows(700))
    store.append(rows(1000, first=301), again=True)
    assert numbers(stored(store)) == list(range(1, 1301))
    store.append(rows(5), again=True)
    assert store.newest() == 1300


def test_the_same_number_of_another_run_is_another_row(store: Store) -> None:
    store.append([row(1)])
    store.append([row(1, session="another")], again=True)
    assert [each.session for each in stored(store)] == [ROW.session, "another"]


def test_rows_about_the_ledger_itself_have_no_number_and_are_all_stored(store: Store) -> None:
    for _ in range(2):
        store.append([replace(ROW, number=0)], again=True)
    assert numbers(stored(store)) == [0, 0]


def test_threads_may_write_and_read_at_once(store: Store) -> None:
    def write(writer: int) -> None:
        for batch in range(5):
            store.append(rows(20, first=1 + batch * 20, session=str(writer)))
            store.query()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    for writer in range(4):
        assert numbers(list(store.rows(Filters(session=str(writer))))) == list(range(1, 101))


def test_several_processes_may_keep_one_ledger(place: Place, opened: Callable[[Place], Store]) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: opened(place), range(4)))
        list(pool.map(lambda each: each.append(rows(50)), stores))
    assert len(stored(stores[0])) == 200


def test_a_new_file_that_another_is_just_making_is_waited_for(
    tmp_path: Path, opened: Callable[[Place], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "evidence.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE other (id)")
        other.execute("BEGIN EXCLUSIVE")
        with ThreadPoolExecutor(1) as pool:
            opening = pool.submit(opened, Place(path))
            time.sleep(0.3)
            assert not opening.done()
            other.execute("ROLLBACK")
            opening.result(20).append(rows(1))
        monkeypatch.setattr(store_module, "_BUSY_SECONDS", 0.05)
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerError, match="database is locked; name another with --ledger"):
            Store.open(Place(path))
        other.execute("ROLLBACK")


@pytest.mark.parametrize(("code", "asked"), [(sqlite3.SQLITE_BUSY, 3), (sqlite3.SQLITE_BUSY_RECOVERY, 3)])
def test_what_sqlite_does_not_wait_for_itself_is_tried_again(tmp_path: Path, code: int, asked: int) -> None:
    tried: list[str] = []

    class Busy(sqlite3.Connection):
        def execute(self, sql: str, *arguments: object) -> sqlite3.Cursor:
            tried.append(sql)
            if len(tried) < asked:
                error = sqlite3.OperationalError("database is locked")
                error.sqlite_errorcode = code
                raise error
            return super().execute(sql, *arguments)  # type: ignore[arg-type]

    with closing(sqlite3.connect(tmp_path / "evidence.db", factory=Busy)) as connection:
        store_module._set(connection, "journal_mode = WAL")
    assert tried == ["PRAGMA journal_mode = WAL"] * asked


def test_whoever_reads_keeps_nobody_from_writing(store: Store) -> None:
    store.append(rows(5000))
    reading = store.rows()
    next(reading)
    store.append(rows(10, first=5001))
    assert len(list(reading)) == 4999, "what came since belongs to the next question"


# Asking


def test_the_newest_come_first_and_lead_to_those_before(store: Store) -> None:
    store.append(rows(10))
    first = store.query(limit=4)
    assert numbers(first) == [10, 9, 8, 7]
    assert numbers(store.query(limit=4, before_id=first[-1].id)) == [6, 5, 4, 3]
    assert [each.id for each in first] == sorted((each.id for each in first), reverse=True)


def test_whoever_follows_gets_what_came_since(store: Store) -> None:
    store.append(rows(3))
    last = store.newest()
    assert store.after(last) == []
    store.append(rows(3, first=4))
    assert numbers(store.after(last)) == [4, 5, 6]
    assert numbers(store.after(last, limit=2)) == [4, 5]


def test_an_id_is_given_once_whatever_is_deleted(store: Store) -> None:
    store.append(rows(3))
    last = store.newest()
    assert store.expire(Keep(seconds=1), ROW.time + 1000) == 3
    assert store.newest() == 0
    store.append(rows(1, first=4))
    assert store.newest() > last


MANY = [
    row(1, vendor="acme", outcome="held", site="shop.test", visitor="a", layer="html"),
    row(2, vendor="beta", outcome="answered", site="blog.test", visitor="b", layer="wire", categories=("analytics",)),
    row(3, vendor="beta", outcome="violation", site="shop.test", session="other", categories=("marketing",)),
    row(4, vendor=None, outcome="trouble", reason="It Broke 100%", categories=(), page="https://shop.test/a_b"),
    row(5, vendor="acme", outcome="passed", page="https://shop.test/axb", url="https://ACME.test/100%25?a=…"),
]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), [1, 2, 3, 4, 5]),
        (Filters(vendor="acme"), [1, 5]),
        (Filters(vendor=("acme", "beta")), [1, 2, 3, 5]),
        (Filters(vendor=()), [1, 2, 3, 4, 5]),
        (Filters(vendor="nobody"), []),
        (Filters(outcome=("held", "violation")), [1, 3]),
        (Filters(site="blog.test"), [2]),
        (Filters(session="other"), [3]),
        (Filters(visitor=("a", "b")), [1, 2]),
        (Filters(layer="wire"), [2]),
        (Filters(category="analytics"), [1, 2, 5]),
        (Filters(category=("analytics", "marketing")), [1, 2, 3, 5]),
        (Filters(category="analytic"), []),
        (Filters(category="%"), []),
        (Filters(page="https://shop.test/axb"), [5]),
        (Filters(page="https://shop.test/a_*"), [4]),
        (Filters(page="https://shop.test/a*"), [4, 5]),
        (Filters(page="*"), [1, 2, 3, 4, 5]),
        (Filters(text="it broke"), [4]),
        (Filters(text="acme.TEST/100%"), [5]),
        (Filters(text="100%"), [4, 5]),
        (Filters(text="bET"), [2, 3]),
        (Filters(text="'"), []),
        (Filters(since=ROW.time + 3), [3, 4, 5]),
        (Filters(until=ROW.time + 3), [1, 2]),
        (Filters(since=ROW.time + 2, until=ROW.time + 4), [2, 3]),
        (Filters(since=ROW.time + 100), []),
        (Filters(vendor="acme", outcome="passed", since=ROW.time), [5]),
        (Filters(vendor="acme", outcome="violation"), []),
    ],
    ids=str,
)
def test_a_filter_finds_what_it_says(store: Store, filters: Filters, found: list[int]) -> None:
    store.append(MANY)
    assert numbers(list(store.rows(filters))) == found
    assert numbers(store.query(filters)) == found[::-1]
    assert sum(count.total for count in store.counts(filters, by="outcome")) == len(found)


def test_counts_tell_how_many_with_which_outcome_and_when(store: Store) -> None:
    store.append(MANY)
    counts = store.counts(by="vendor")
    assert [(each.key, each.total) for each in counts] == [("acme", 2), ("beta", 2), ("", 1)]
    assert counts[0].outcomes == {"held": 1, "passed": 1}
    assert (counts[0].first, counts[0].last) == (MANY[0].time, MANY[4].time)


def test_a_row_of_two_categories_counts_for_both(store: Store) -> None:
    store.append(MANY)
    assert {each.key: each.total for each in store.counts(by="category")} == {"analytics": 3, "marketing": 3, "": 1}


@pytest.mark.parametrize("by", COUNTED)
def test_everything_that_is_named_can_be_counted(store: Store, by: str) -> None:
    store.append(MANY)
    assert sum(each.total for each in store.counts(by=by)) >= len(MANY)


def test_what_cannot_be_counted_is_told(store: Store) -> None:
    with pytest.raises(LedgerError, match="cannot be counted by 'reason'; by one of: vendor, outcome,"):
        store.counts(by="reason")


def test_the_latest_session_is_that_of_the_last_row(store: Store) -> None:
    assert store.latest_session() is None
    store.append([row(1, session="one"), row(2, session="two")])
    assert store.latest_session() == "two"


def test_when_the_clock_goes_back_the_order_stays_and_all_is_found(store: Store) -> None:
    times = [100.0, 200.0, 50.0, 60.0, 300.0]
    store.append([row(number, time=time) for number, time in enumerate(times, 1)])
    assert numbers(list(store.rows())) == [1, 2, 3, 4, 5]
    assert numbers(list(store.rows(Filters(since=55.0, until=250.0)))) == [1, 2, 4]
    assert numbers(store.after(store.query(limit=5)[-1].id)) == [2, 3, 4, 5]
    [count] = store.counts(by="vendor")
    assert (count.first, count.last) == (50.0, 300.0)


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (Filters(vendor="acme"), "evidence_row_vendor (vendor=? AND id<?)"),
        (Filters(site="shop.test"), "evidence_row_site (site=? AND id<?)"),
    ],
    ids=["vendor", "site"],
)
def test_a_vendors_and_a_sites_history_are_read_from_an_index_without_sorting(
    sqlite: Store, filters: Filters, index: str
) -> None:
    sqlite.append(rows(2000, vendor="acme"))
    assert planned(sqlite, lambda: sqlite.query(filters, 50, before_id=1000)) == [
        f"SEARCH evidence_row USING INDEX {index}"
    ]


def test_what_was_since_then_is_not_looked_for_in_all_that_is_older(sqlite: Store) -> None:
    sqlite.append(rows(2000, vendor="acme"))
    [plan] = planned(sqlite, lambda: sqlite.query(Filters(since=5.0)))
    assert "SEARCH evidence_row USING INTEGER PRIMARY KEY (rowid>?)" in plan
    assert "SEARCH evidence_row USING COVERING INDEX evidence_row_time (time>?)" in plan


def test_of_a_vendors_rows_on_a_site_only_so_many_are_looked_at(store: Store) -> None:
    sites = ["here", "here", *["there"] * 5, "here", "there"]
    store.append([row(number, vendor="acme", site=site) for number, site in enumerate(sites, 1)])
    store.append([row(10, vendor="beta", site="here")])
    pages, before = [], None
    while before != 0:
        found, before = store.vendors_page("acme", "here", 2, before, most=3)
        pages.append(numbers(found))
    assert pages == [[8], [], [2, 1], []]


def test_a_vendors_rows_on_a_site_are_read_from_the_index_of_vendors(sqlite: Store) -> None:
    sqlite.append(rows(2000, vendor="acme"))
    first, second = planned(sqlite, lambda: sqlite.vendors_page("acme", "shop.test", 50, 1000, most=100))
    assert first == "SEARCH evidence_row USING COVERING INDEX evidence_row_vendor (vendor=? AND id<?)"
    assert second == "SEARCH evidence_row USING INDEX evidence_row_vendor (vendor=? AND id>? AND id<?)"


def test_a_row_is_found_again_by_its_session_and_number(store: Store) -> None:
    store.append([row(1, session="one"), row(1, session="two"), row(2, session="two"), row(0, session="two")])
    assert store.id_of(row(1, session="two")) == 2
    assert store.id_of(row(3, session="two")) is None
    assert store.id_of(row(0, session="two")) is None, "what has no number is like others"


def test_a_row_is_found_again_without_a_look_at_the_others(sqlite: Store) -> None:
    sqlite.append(rows(2000))
    assert planned(sqlite, lambda: sqlite.id_of(row(7))) == [
        "SEARCH evidence_row USING INDEX evidence_row_time (time=?)"
    ]


# What others may rely on


def test_the_view_is_there_for_other_programs(store: Store) -> None:
    store.append([ROW])
    names = ", ".join(("id", *schema.FIELDS))
    [found] = ask(store, f"SELECT {names} FROM evidence")
    kept = {**{name: getattr(ROW, name) for name in schema.FIELDS}, "id": 1}
    kept["categories"], kept["missing"] = "analytics,marketing", "marketing"
    assert dict(zip(("id", *schema.FIELDS), found, strict=True)) == kept
    [(at,)] = ask(store, "SELECT at FROM evidence")
    assert at == "2026-01-01T10:00:00.250Z" if isinstance(at, str) else at.timestamp() == ROW.time  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM evidence", "UPDATE evidence SET vendor = ''", "INSERT INTO evidence (id, vendor) VALUES (1, '')"],
)
def test_the_view_cannot_be_written_to(store: Store, statement: str) -> None:
    store.append([ROW])
    with pytest.raises(SQLAlchemyError, match="view"):
        ask(store, statement)
    assert stored(store) == [ROW]


# Tables


def test_the_tables_are_what_the_code_takes_them_for(store: Store) -> None:
    columns = {each["name"]: each for each in inspect(store._engine).get_columns("evidence_row")}
    assert list(columns) == ["id", *schema.FIELDS]
    for name in schema.FIELDS:
        assert columns[name]["nullable"] is bool(schema.ROWS.c[name].nullable)
    assert set(schema.FIELDS) == {each.name for each in fields(Evidence)}
    assert {each.name for each in fields(Row)} == {"id", *schema.FIELDS}


def test_a_ledger_is_opened_again_with_all_that_is_in_it(place: Place, opened: Callable[[Place], Store]) -> None:
    opened(place).append(rows(3))
    assert numbers(stored(opened(place))) == [1, 2, 3]


def test_those_who_open_a_new_ledger_together_make_it_once(place: Place, opened: Callable[[Place], Store]) -> None:
    together = threading.Barrier(6)

    def open_it(_: int) -> Store:
        together.wait(20)
        return opened(place)

    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(open_it, range(6)))
    assert ask(stores[0], "SELECT version FROM evidence_schema") == [(len(schema.MIGRATIONS),)]


def test_an_older_ledger_is_brought_up_to_date_by_the_steps_it_lacks(
    place: Place, opened: Callable[[Place], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(place).append([ROW])
    monkeypatch.setattr(
        schema, "MIGRATIONS", (*schema.MIGRATIONS, lambda _: ["ALTER TABLE evidence_row ADD COLUMN note TEXT"])
    )
    for _ in range(2):
        assert stored(opened(place)) == [ROW]
    assert ask(opened(place), "SELECT note FROM evidence_row") == [(None,)]


def test_a_step_that_fails_leaves_the_ledger_as_it_was(
    place: Place, opened: Callable[[Place], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(place).append([ROW])
    failing = ["ALTER TABLE evidence_row ADD COLUMN note TEXT", "ALTER TABLE nothing ADD COLUMN note TEXT"]
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, lambda _: failing))
        with pytest.raises(LedgerError):
            Store.open(place)
    assert stored(opened(place)) == [ROW]
    assert "note" not in {each["name"] for each in inspect(opened(place)._engine).get_columns("evidence_row")}


def test_a_ledger_of_a_newer_version_is_left_alone(place: Place, opened: Callable[[Place], Store]) -> None:
    ask(opened(place), "UPDATE evidence_schema SET version = 99")
    with pytest.raises(LedgerError, match="newer Consentry; update this one"):
        Store.open(place)


# Opening


def test_the_file_is_its_users_alone(sqlite: Store) -> None:
    sqlite.append(rows(3))
    assert sqlite.place.path is not None
    for file in sqlite.place.path.parent.glob("evidence.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_asking_makes_no_ledger(tmp_path: Path) -> None:
    place = Place(tmp_path / "none.db")
    with pytest.raises(LedgerError, match=r"There is no ledger .*none\.db; Consentry writes it while it runs"):
        Store.open(place, create=False)
    assert list(tmp_path.iterdir()) == []


def test_asking_a_database_that_is_no_ledger_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (a)")
    with pytest.raises(LedgerError, match="it holds no evidence"):
        Store.open(Place(path), create=False)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("mine",)]


def test_what_is_no_database_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("something else entirely, of more than a few bytes\n" * 100)
    for create in (True, False):
        with pytest.raises(LedgerError) as caught:
            Store.open(Place(path), create=create)
        assert str(caught.value) == (
            f"The ledger {path} cannot be used: file is not a database; name another with --ledger."
        )
    assert path.read_text().startswith("something else")


def test_a_place_where_no_file_can_be_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "evidence.db", tmp_path):
        with pytest.raises(LedgerError, match=r"The ledger .* cannot be used: .*; name another with --ledger\."):
            Store.open(Place(path))


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(LedgerError) as caught:
        Store.open(Place(None, "postgresql://me:secret@127.0.0.1:1/x"))
    assert "The ledger postgresql://me:…@127.0.0.1:1/x cannot be used: " in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(LedgerError, match="no address of a database"):
        Store.open(Place(None, "postgresql://host:port/x"))


def test_without_the_driver_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(LedgerError, match=r"pip install 'consentry\[postgres\]'"):
        Store.open(Place(None, "postgresql://127.0.0.1/x"))


def test_a_ledger_that_fails_while_it_is_asked_is_told_in_one_sentence(sqlite: Store) -> None:
    ask(sqlite, "DROP VIEW evidence")
    ask(sqlite, "DROP TABLE evidence_row")
    with pytest.raises(LedgerError, match=r"cannot be read: no such table: evidence_row\.$"):
        sqlite.query()


def test_two_ledgers_may_share_a_server(postgres: Postgres, opened: Callable[[Place], Store]) -> None:
    name = postgres.empty()
    first = Place(None, f"{name}?options=-csearch_path%3Done")
    engine = create_engine(name.replace("://", "+psycopg://", 1))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA IF EXISTS one CASCADE"))
        connection.execute(text("CREATE SCHEMA one"))
    engine.dispose()
    opened(first).append([ROW])
    opened(Place(None, name)).append(rows(2))
    assert numbers(stored(opened(first))) == [1]
    assert numbers(stored(opened(Place(None, name)))) == [1, 2]


# Keeping for a while


def test_what_is_old_goes_oldest_first_and_little_by_little(store: Store) -> None:
    store.append(rows(100))
    now = ROW.time + 1000 + 60.5
    assert store.expire(Keep(seconds=1000), now, most=25) == 25
    assert numbers(stored(store)) == list(range(26, 101))
    assert [store.expire(Keep(seconds=1000), now, most=25) for _ in range(3)] == [25, 10, 0]
    assert numbers(stored(store)) == list(range(61, 101))


def test_when_there_is_too_much_the_oldest_goes(store: Store) -> None:
    store.append(rows(6000))
    most = store.size() // 2
    deleted = 0
    while step := store.expire(Keep(bytes=most), ROW.time, most=500):
        deleted += step
    assert store.size() <= most
    assert 2000 < deleted < 4500
    assert numbers(stored(store)) == list(range(deleted + 1, 6001))
    assert store.expire(Keep(bytes=most), ROW.time) == 0


def test_without_a_bound_everything_is_kept(store: Store) -> None:
    store.append(rows(10))
    assert store.expire(Keep(), ROW.time + 10**9) == 0
    assert len(stored(store)) == 10


def test_a_clock_that_went_back_makes_nothing_old(store: Store) -> None:
    store.append(rows(10))
    assert store.expire(Keep(seconds=10), ROW.time - 10**6) == 0


def test_what_is_deleted_is_given_back_to_the_file_system(sqlite: Store) -> None:
    assert sqlite.place.path is not None
    sqlite.append(rows(20_000))
    sqlite.close()
    before = sqlite.place.path.stat().st_size
    while sqlite.expire(Keep(seconds=1), ROW.time + 10**6):
        pass
    sqlite.close()
    assert sqlite.place.path.stat().st_size < before / 4
