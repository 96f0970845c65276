"""Ledgers to test with: SQLite, and a real PostgreSQL where the machine has one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy_addon.ledger.place import Place, parse_place
from proxy_addon.ledger.store import Store
from tests.kit.postgres import Postgres, PostgresError


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The one PostgreSQL of a test run."""
    try:
        server = Postgres()
    except PostgresError as error:
        pytest.skip(str(error))
    with server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where an empty ledger can be, in each kind of database."""
    if request.param == "sqlite":
        return Place(tmp_path / "ledger" / "evidence.db")
    server: Postgres = request.getfixturevalue("postgres")
    return parse_place(server.empty())


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    """An empty ledger, in each kind of database."""
    opened = Store.open(place)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Store]:
    """An empty ledger in a file."""
    opened = Store.open(Place(tmp_path / "evidence.db"))
    yield opened
    opened.close()


@pytest.fixture
def opened() -> Iterator[Callable[[Place], Store]]:
    """Opens ledgers, and closes them at the end."""
    stores: list[Store] = []

    def opened(place: Place) -> Store:
        stores.append(Store.open(place))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()
