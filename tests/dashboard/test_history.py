"""What the dashboard asks of a ledger, however large: a page of rows, older than what it remembers itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy_addon.dashboard.history import Stored
from proxy_addon.dashboard.keeping import Standing
from proxy_addon.ledger.place import Place
from proxy_addon.ledger.store import Store
from proxy_addon.ledger.writer import Status
from tests.ledger.plans import planned
from tests.ledger.rows import numbers, row, rows


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(Place(tmp_path / "evidence.db"))
    store.append([*rows(500, session="earlier"), *rows(500)])
    yield store
    store.close()


def stored(store: Store) -> Stored:
    return Stored(store, lambda: Status(0, 0, 0, ""))


def asked(store: Store, **differs: object) -> list[tuple[str, int]]:
    usual = {"vendor": "", "site": "", "than": None, "before": None, "most": 3}
    found, older = stored(store).rows(**{**usual, **differs})  # type: ignore[arg-type]
    assert older == (found[-1].id if len(found) == usual["most"] else 0)
    assert [each.id for each in found] == sorted((each.id for each in found), reverse=True)
    return [(each.evidence.session, each.evidence.number) for each in found]


def test_what_is_older_than_a_row_begins_before_it_whatever_the_clock_said(store: Store) -> None:
    back = row(501, time=0.0)
    store.append([back, row(502, time=1.0)])
    assert [number for _, number in asked(store, than=back)] == [500, 499, 498]


def test_the_rows_of_earlier_runs_come_after_those_of_this(store: Store) -> None:
    assert asked(store, than=row(2)) == [(row(1).session, 1), ("earlier", 500), ("earlier", 499)]


def test_older_than_a_row_that_was_lost_is_what_was_recorded_before_it(store: Store) -> None:
    lost = replace(row(501), time=row(400).time + 0.5)
    assert [number for _, number in asked(store, than=lost)] == [400, 399, 398]


def test_before_an_id_comes_the_next_page(store: Store) -> None:
    found, older = stored(store).rows(vendor="acme", site="shop.test", than=None, before=401, most=100)
    assert older == 301
    assert [each.id for each in found] == list(range(400, 300, -1))
    assert numbers([each.evidence for each in found]) == list(range(400, 300, -1))


@pytest.mark.parametrize("vendor", ["", "acme"], ids=["any vendor", "a vendor"])
@pytest.mark.parametrize("site", ["", "shop.test"], ids=["any site", "a site"])
@pytest.mark.parametrize("page", ["first", "next"])
def test_each_page_is_read_from_an_index_and_nothing_is_sorted(store: Store, vendor: str, site: str, page: str) -> None:
    than, before = (row(100), None) if page == "first" else (None, 300)
    *_, plan = planned(store, lambda: asked(store, vendor=vendor, site=site, than=than, before=before))
    assert plan.startswith("SEARCH evidence_row USING ")
    assert "\n" not in plan, "neither sorted nor looked for elsewhere"
    assert plan.endswith(("(rowid<?)", "AND id<?)"))


def test_how_the_writer_stands_is_told_with_where_the_ledger_is(store: Store) -> None:
    standing = Stored(store, lambda: Status(7, 3, 2, "it burns", silent=True)).standing()
    assert standing == Standing(str(store.place), "it burns", silent=True, waiting=3, lost=2, server=False)
