"""`consentry log`: rows for people and for programs, followed and counted."""

from __future__ import annotations

import io
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from proxy_addon import log
from proxy_addon.cli import main
from proxy_addon.config import UsageError
from proxy_addon.ledger import LedgerError
from proxy_addon.ledger.asked import Filters
from proxy_addon.ledger.place import Place
from proxy_addon.ledger.query import Row
from proxy_addon.ledger.store import Store

from .rows import ROW, numbers, row, rows
from .test_export import stored


class Result(NamedTuple):
    code: object
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `consentry log` in this process, in a folder without a configuration."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")

    def run(*args: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["consentry", "log", *args])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Result(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def usual(run: Run, tmp_path: Path) -> Iterator[Store]:
    """The ledger in its usual place."""
    store = Store.open(Place(tmp_path / "state" / "consentry" / "evidence.db"))
    yield store
    store.close()


def listed(result: Result) -> list[int]:
    return [json.loads(line)["number"] for line in result.out.splitlines()]


def test_each_row_is_a_line_with_all_that_matters(run: Run, usual: Store) -> None:
    usual.append([ROW])
    result = run()
    assert (result.code, result.err, result.out.count("\n")) == (0, "", 1)
    assert re.split(r" {2,}", result.out.strip())[1:] == [
        "held",
        "acme",
        "analytics+marketing",
        "html",
        "script",
        "https://cdn.acme.test/a.js?id=…",
        "on https://shop.test/basket",
    ]


def test_trouble_and_mismatches_tell_the_reason() -> None:
    for outcome in ("trouble", "mismatch"):
        assert "it broke" in log.row_line(stored(1, outcome=outcome, reason="it broke", vendor=None), colour=False)


def test_what_strangers_wrote_cannot_steer_the_terminal() -> None:
    line = log.row_line(stored(1, url="https://a.test/\x1b[2J\r\n\x9b\u202e", page="\x1b]0;x\x07"), colour=True)
    assert "\n" not in line
    assert re.findall(r"\x1b[^m]*m", line) == ["\x1b[33m", "\x1b[0m"]
    assert not re.search(r"\x1b\[2J|\r|\x9b|\u202e|\x07", line)


def test_colour_is_for_terminals_only(run: Run, usual: Store) -> None:
    usual.append([ROW])
    assert "\x1b" not in run().out


def test_filters_are_taken_together(run: Run, usual: Store) -> None:
    usual.append([row(1, vendor="beta"), row(2), row(3, outcome="passed"), row(4, site="blog.test")])
    assert listed(run("--format", "ndjson", "--vendor", "acme")) == [2, 3, 4]
    assert listed(run("--format", "ndjson", "--vendor", "acme", "--vendor", "beta", "--outcome", "held")) == [1, 2, 4]
    assert listed(run("--format", "ndjson", "--site", "blog.test", "--category", "marketing")) == [4]
    assert listed(run("--format", "ndjson", "--page", "https://shop.test/*", "--limit", "2")) == [3, 4]
    assert listed(run("--format", "ndjson", "--visitor", ROW.visitor, "--layer", "html", "--text", "ACME")) == [
        1,
        2,
        3,
        4,
    ]


def test_times_are_so_long_ago_or_dates(run: Run, usual: Store) -> None:
    usual.append(rows(3))
    assert listed(run("--format", "ndjson", "--since", "2026-01-01T10:00:02.5Z")) == [3]
    assert listed(run("--format", "ndjson", "--until", "2026-01-01T10:00:02.5Z")) == [1, 2]
    assert run("--since", "1h").out == ""


def test_the_latest_run_can_be_asked_for(run: Run, usual: Store) -> None:
    assert run("--session", "last") == (0, "", "")
    usual.append([row(1, session="one"), row(2, session="two"), row(3, session="two")])
    assert listed(run("--format", "ndjson", "--session", "last")) == [2, 3]
    assert listed(run("--format", "ndjson", "--session", "one")) == [1]


@pytest.mark.parametrize(
    ("outcome", "code"), [("held", 0), ("passed", 0), ("trouble", 0), ("violation", 1), ("leak", 1)]
)
def test_what_should_not_have_been_ends_with_exit_code_one(run: Run, usual: Store, outcome: str, code: int) -> None:
    usual.append([row(1), row(2, outcome=outcome)])
    assert run().code == code
    assert run("--by", "vendor").code == code
    assert run("--until", "2026-01-01T10:00:01.5Z").code == 0


def test_a_file_takes_what_is_written(run: Run, usual: Store, tmp_path: Path) -> None:
    usual.append(rows(3))
    result = run("--format", "csv", "--output", str(tmp_path / "rows.csv"))
    assert result == (0, "", "")
    assert (tmp_path / "rows.csv").read_text("utf-8").count("\n") == 4


@pytest.mark.parametrize("form", ["ndjson", "csv", "har"])
def test_what_is_text_goes_to_the_standard_output(run: Run, usual: Store, form: str) -> None:
    usual.append(rows(3))
    result = run("--format", form)
    assert result.code == 0
    assert result.out.count(ROW.url) == 3


def test_what_is_no_text_goes_to_a_file(run: Run, usual: Store) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    usual.append(rows(3))
    assert run("--format", "parquet", "-o", "rows.parquet") == (0, "", "")
    assert parquet.read_table("rows.parquet").num_rows == 3


def test_counts_are_a_table_or_objects(run: Run, usual: Store) -> None:
    usual.append([*rows(3), row(4, outcome="passed"), row(5, vendor="beta")])
    lines = [re.split(r" {2,}", line.strip()) for line in run("--by", "vendor").out.splitlines()]
    assert lines[0] == ["vendor", "rows", "first", "last", "outcomes"]
    assert [line[:2] for line in lines[1:]] == [["acme", "4"], ["beta", "1"]]
    assert lines[1][-1] == "held 3, passed 1"
    plain = [json.loads(line) for line in run("--by", "vendor", "--format", "ndjson").out.splitlines()]
    assert plain[1] == {
        "vendor": "beta",
        "rows": 1,
        "outcomes": {"held": 1},
        "first": "2026-01-01T10:00:05.250Z",
        "last": "2026-01-01T10:00:05.250Z",
    }


# Mistakes


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--since", "yesterday"], "'yesterday' is no moment"),
        (["--ledger", "mysql://x/y"], "is no ledger"),
        (["--ledger", "none.db"], "There is no ledger none.db"),
        (["--follow", "--format", "har"], "--follow goes with the forms table, ndjson and csv"),
        (["--follow", "--by", "vendor"], "--follow goes with"),
        (["--by", "vendor", "--format", "csv"], "Counts have no form csv"),
        (["--by", "reason"], "reason"),
        (["--outcome", "nonsense"], "nonsense"),
        (["--limit", "0"], "0"),
        (["--output", "no/such/folder.csv"], "no/such/folder.csv cannot be written (No such file or directory)"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
    ],
    ids=str,
)
def test_a_mistake_is_one_sentence_and_exit_code_two(run: Run, usual: Store, args: list[str], words: str) -> None:
    result = run(*args)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert "Traceback" not in result.err


def test_without_a_ledger_it_is_told_where_there_would_be_one(run: Run, tmp_path: Path) -> None:
    result = run()
    assert (result.code, result.out) == (2, "")
    assert f"There is no ledger {tmp_path}/state/consentry/evidence.db" in result.err
    assert not (tmp_path / "state").exists()


def test_parquet_is_not_for_a_terminal(usual: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(UsageError, match="name a file with --output"):
        log.run(usual.place, Filters(), form="parquet")


# Which ledger


def test_the_ledger_is_named_by_flag_environment_or_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(("flag", "environment", "file"), 1):
        store = Store.open(Place(Path(f"{name}.db")))
        store.append([row(number)])
        store.close()
    Path("consentry.yaml").write_text("ledger: file.db\n")
    assert listed(run("--format", "ndjson")) == [3]
    monkeypatch.setenv("CONSENTRY_LEDGER", "environment.db")
    assert listed(run("--format", "ndjson")) == [2]
    assert listed(run("--format", "ndjson", "--ledger", "flag.db")) == [1]


def test_a_database_can_be_asked_as_a_file_is(store: Store) -> None:
    store.append([ROW, row(2, outcome="leak")])
    assert log.run(store.place, Filters(), output="/dev/null", form="csv")
    with pytest.raises(LedgerError):
        log.run(Place(Path("/nowhere/x.db")), Filters())


# Following


def test_who_follows_sees_the_last_rows_and_then_each_that_comes(store: Store) -> None:
    store.append(rows(30))
    following = log.rows_of(store, Filters(), limit=3, follow=True, pause=lambda: store.append(rows(2, 31)))
    seen = [next(following) for _ in range(7)]
    assert [each.number if each else None for each in seen] == [28, 29, 30, None, None, 31, 32]


def test_who_follows_misses_nothing_that_came_while_the_past_was_shown(store: Store) -> None:
    store.append(rows(2))
    following = log.rows_of(store, Filters(vendor="acme"), limit=None, follow=True)
    first = next(following)
    store.append([row(3), row(4, vendor="beta"), row(5)])
    found = [first, *(next(following) for _ in range(4))]
    assert numbers([each for each in found if each]) == [1, 2, 3, 5]


def test_an_interrupt_ends_following_and_what_was_seen_decides_the_code() -> None:
    class Kept:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def add(self, row: Row) -> None:
            self.seen.append(str(row.id))

        def flush(self) -> None:
            self.seen.append("flush")

        def close(self) -> None:
            self.seen.append("close")

    def rows() -> Iterator[Row | None]:
        yield stored(1, outcome="leak")
        yield None
        raise KeyboardInterrupt

    kept = Kept()
    assert log.export(rows(), kept)
    assert kept.seen == ["1", "flush", "close"]


def test_following_writes_each_row_at_once(usual: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    out, wrote = io.BytesIO(), threading.Event()
    monkeypatch.setattr(out, "flush", wrote.set)

    def pause() -> None:
        assert wrote.is_set()
        raise KeyboardInterrupt

    usual.append([ROW])
    assert not log.export(
        log.rows_of(usual, Filters(), limit=10, follow=True, pause=pause), log.Table(out, colour=False)
    )
    assert out.getvalue().count(b"\n") == 1
