"""Where a fleet's results are kept: a folder that any stop leaves whole.

`results.ndjson` is the journal: each outcome is on the disk before the next address is counted as done. The Parquet
parts are made from it, each saying up to which byte of the journal it goes, so that after a stop exactly the rest is
made into a part, and nothing twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from ...config import UsageError
from .outcome import Outcome, outcome_of
from .rows import missing, row, schema

JOURNAL, KIND, LOCK = "results.ndjson", "audit.json", ".lock"
PART_ROWS = 100
_END = b"consentry_journal_end"


class Store:
    """One folder, held by one program at a time. Raises UsageError where it cannot be used."""

    def __init__(self, folder: Path, kind: Mapping[str, object] | None = None, *, again: bool = False) -> None:
        """Open the folder, or begin it.

        `kind` is what all of its results must have in common, None to take it as it is; with `again` failures are
        forgotten, so that their addresses count as not looked at.
        """
        try:
            self._arrow: Any = import_module("pyarrow")
            self._parquet: Any = import_module("pyarrow.parquet")
        except ImportError:
            raise missing() from None
        self._folder = folder
        self._schema = schema(self._arrow)
        try:
            if kind is not None:
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = _held(folder)
        except OSError as error:
            raise UsageError(f"{folder} cannot be written ({error.strerror}); give another --output.") from None
        try:
            self._open(kind, again=again)
        except OSError as error:
            self._lock.close()
            raise UsageError(f"{folder} cannot be used ({error.strerror}); give another --output.") from None
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def append(self, outcome: Outcome) -> None:
        """Keep an outcome: when this is through, no stop loses it. Raises ValueError if its address has one."""
        if outcome.url in self.done:
            raise ValueError(f"{outcome.url} has a result already")
        self._journal.write(outcome.line().encode("utf-8", "replace") + b"\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())
        self.done[outcome.url] = outcome.failure
        self._rows.append(row(outcome))
        if len(self._rows) >= PART_ROWS:
            self._write_part(self._journal.tell())

    def close(self) -> None:
        """Make a part of what is in none, and let go of the folder."""
        try:
            self._write_part(self._journal.tell())
        finally:
            self._journal.close()
            self._lock.close()

    def _open(self, kind: Mapping[str, object] | None, *, again: bool) -> None:
        if kind is not None:
            _check_kind(self._folder / KIND, kind)
        path = self._folder / JOURNAL
        parts = part_files(self._folder)
        if again and path.exists():
            # The parts first: they can be made anew from the journal, whole or shortened.
            for part in parts:
                part.unlink()
            parts = []
            _without_failures(path)
        covered = 0
        # What each address came to: the word of its failure, or ''.
        self.done: dict[str, str] = {}
        for part in parts:
            covered = max(covered, self._end_of(part))
            table = self._parquet.read_table(part, columns=["url", "failure"]).to_pydict()
            self.done.update(zip(table["url"], table["failure"], strict=True))
        self._next = 1 + max((_number(part) for part in parts), default=0)
        self._rows: list[dict[str, Any]] = []
        self._journal: BinaryIO = path.open("ab+")
        if self._journal.seek(0, os.SEEK_END) < covered:
            raise UsageError(f"{path} is shorter than what was read from it once; give another --output.")
        self._journal.seek(covered)
        for outcome, end in _outcomes(self._journal, path):
            self.done[outcome.url] = outcome.failure
            self._rows.append(row(outcome))
            if len(self._rows) >= PART_ROWS:
                self._write_part(end)
        self._journal.seek(0, os.SEEK_END)

    def _end_of(self, part: Path) -> int:
        try:
            return int(self._parquet.read_metadata(part).metadata[_END])
        except (self._arrow.ArrowInvalid, KeyError, TypeError, ValueError):
            raise UsageError(f"{part} is no part of a fleet's results; take it out of the folder.") from None

    def _write_part(self, end: int) -> None:
        if not self._rows:
            return
        table = self._arrow.Table.from_pylist(self._rows, schema=self._schema.with_metadata({_END: str(end)}))
        path = self._folder / f"part-{self._next:06}.parquet"
        # Under another name until it is whole: a part is there or is not.
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("wb") as file:
            self._parquet.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        self._next += 1
        self._rows.clear()


def part_files(folder: Path) -> list[Path]:
    """The Parquet parts in a folder, in order."""
    return sorted(folder.glob("part-*.parquet"))


def _number(part: Path) -> int:
    digits = part.stem.removeprefix("part-")
    return int(digits) if digits.isdecimal() else 0


def _outcomes(journal: BinaryIO, path: Path) -> Iterator[tuple[Outcome, int]]:
    """The outcomes from here on, each with where it ends. A last line that a stop cut off is cut away."""
    while line := journal.readline():
        end = journal.tell()
        if not line.endswith(b"\n"):
            journal.truncate(end - len(line))
            return
        try:
            outcome = outcome_of(line)
        except ValueError as error:
            raise UsageError(f"{path}, before byte {end}: {error}; give another --output.") from None
        yield outcome, end


def _without_failures(path: Path) -> None:
    unfinished = path.with_suffix(".unfinished")
    with path.open("rb+") as journal, unfinished.open("wb") as kept:
        for outcome, _ in _outcomes(journal, path):
            if not outcome.failure:
                kept.write(outcome.line().encode("utf-8", "replace") + b"\n")
        kept.flush()
        os.fsync(kept.fileno())
    unfinished.replace(path)


def _check_kind(path: Path, kind: Mapping[str, object]) -> None:
    text = json.dumps(kind, indent=1) + "\n"
    if not path.exists():
        path.write_text(text, "utf-8")
        return
    try:
        earlier = json.loads(path.read_bytes())
    except ValueError:
        raise UsageError(f"{path} is damaged; give another --output.") from None
    for name, value in json.loads(text).items():
        if not isinstance(earlier, dict) or earlier.get(name) != value:
            was = earlier.get(name) if isinstance(earlier, dict) else None
            raise UsageError(
                f"{path.parent} holds results of another kind ({name}: {was}, and now {value}); "
                "give another --output, or the options of then."
            )


def _held(folder: Path) -> BinaryIO:
    """The folder's lock, held until it is closed. Raises UsageError if another program holds it."""
    lock = (folder / LOCK).open("ab")
    try:
        fcntl: Any = import_module("fcntl")
    except ImportError:
        # Windows: nothing says there whether another audit writes here.
        return lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise BusyError(f"Another audit writes to {folder}; wait for it, or give another --output.") from None
    return lock


class BusyError(UsageError):
    """Another program holds the folder."""
