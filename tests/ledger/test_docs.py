"""docs/evidence.md says what is so: its columns and words, its commands and its SQL."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy_addon import ledger
from proxy_addon.cli import cli
from proxy_addon.ledger.export import COLUMNS
from proxy_addon.ledger.place import Place, parse_place
from proxy_addon.ledger.store import Store

from .rows import row

DOCS = Path(__file__).parents[2] / "docs" / "evidence.md"
TEXT = DOCS.read_text("utf-8")
LAYERS = {
    *(ledger.HTML, ledger.HEADER, ledger.WIRE, ledger.GUARD, ledger.WORKER, ledger.CSP_REPORT, ledger.LEDGER),
}
RECIPES = re.findall(r"```sql\n(?:-- (\w+)\n)?(.*?);\n```", TEXT, re.DOTALL)
CASES = [
    (dialect, statement)
    for database, statement in RECIPES
    for dialect in ([database.lower()] if database else ["sqlite", "postgresql"])
]
_SHOWN = re.findall(r"^(consentry log .*?)(?:\s+#.*)?$", TEXT, re.MULTILINE)
COMMANDS = [line for line in _SHOWN if "--follow" not in line]
ROWS = [
    row(1, vendor="segment", outcome="violation", visitor="0" * 16),
    row(2, vendor="segment", outcome="passed", visitor="0" * 16),
    row(4, vendor="hotjar", outcome="held"),
    row(0, vendor=None, layer="ledger", outcome="trouble", reason="rows lost: 1"),
]


def first_cells(title: str) -> list[str]:
    """The first column of the table with that title in its first cell."""
    table = TEXT.partition(f"\n| {title} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


def test_the_columns_are_those_of_the_ledger() -> None:
    assert tuple(first_cells("column")) == COLUMNS


def test_the_outcomes_are_all_there_are() -> None:
    assert tuple(first_cells("outcome")) == ledger.OUTCOMES


def test_the_layers_are_all_there_are() -> None:
    assert set(first_cells("layer")) == LAYERS


@pytest.mark.parametrize(
    ("dialect", "statement"), CASES, ids=[f"{dialect}-{n}" for n, (dialect, _) in enumerate(CASES)]
)
def test_the_sql_finds_something(
    opened: Callable[[Place], Store], request: pytest.FixtureRequest, tmp_path: Path, dialect: str, statement: str
) -> None:
    server = dialect == "postgresql"
    store = opened(
        parse_place(request.getfixturevalue("postgres").empty()) if server else Place(tmp_path / "evidence.db")
    )
    store.append(ROWS)
    with store._engine.begin() as connection:
        # What was written in the last days, whenever that is.
        now = "extract(epoch FROM now())" if server else "strftime('%s', 'now')"
        connection.exec_driver_sql(f"UPDATE evidence_row SET time = {now}")
        assert connection.exec_driver_sql(statement).fetchall()


def test_the_view_has_the_columns_and_no_other(store: Store) -> None:
    with store._engine.connect() as connection:
        assert tuple(connection.exec_driver_sql("SELECT * FROM evidence").keys()) == COLUMNS


@pytest.mark.parametrize("number", range(len(COMMANDS)))
def test_the_commands_are_understood(
    sqlite: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    sqlite.append(ROWS)
    monkeypatch.chdir(tmp_path)
    _, *arguments = shlex.split(COMMANDS[number])
    found = CliRunner().invoke(cli, [*arguments, "--ledger", str(sqlite.place)], standalone_mode=False)
    assert found.exception is None, found.output


def test_there_are_recipes_and_commands() -> None:
    assert len(RECIPES) == 9
    assert {database for database, _ in RECIPES} == {"", "SQLite", "PostgreSQL"}
    assert len(COMMANDS) == 7
