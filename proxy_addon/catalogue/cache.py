"""Compiled rules, kept in a folder under a hash of every byte that they were compiled from.

Beside each stands which files it was compiled from, and when they were last changed: while none of them is another,
they need not even be read. What is broken, or could have been written by someone else, is left aside and made anew.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..atomic import replace
from .index import MemoryIndex
from .shelf import ShelfIndex, write_shelf

# The kind of the vendors' own files in a shelf.
VENDORS = "vendors"
# So many compiled forms are kept, and so many notes of files.
_KEPT, _NOTED = 4, 8
# A file that was changed so recently may be changed again with the same time (seconds).
_SETTLED = 2

# What reading a file raises that is not what was written.
BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError)

# The files of rules folders, each folder's paths by name.
_Files = Sequence[Mapping[str, str]]


class Checked(NamedTuple):
    """A vendor's file that was found to be right: a digest of it, and what it says."""

    digest: str
    value: Mapping[str, Any]


class Cache:
    """The compiled rules in one folder."""

    def __init__(self, folder: Path, form: int, files: _Files) -> None:
        """`form` is that of what is compiled: what has another is not read. `files` are what is to be compiled."""
        self._folder, self._form, self._files = folder, form, files

    def unchanged(self) -> ShelfIndex | None:
        """What was compiled from the files, if none has been changed since; nothing of them is read."""
        try:
            key = self._note().read_text("ascii")
        except (OSError, ValueError):
            return None
        return self._open(key)

    def find(self, key: str) -> ShelfIndex | None:
        """What was compiled from files with this hash; None if that was never done, or what is there is broken."""
        shelf = self._open(key)
        if shelf is not None:
            self._write_note(key)
        return shelf

    def checked(self) -> Mapping[str, Mapping[str, Any]]:
        """What vendors' files said that were compiled last, by their digests: few of them change at a time."""
        try:
            newest = max(self._folder.glob("catalogue-*.index"), key=lambda path: path.stat().st_mtime, default=None)
            shelf = ShelfIndex(newest) if newest is not None else None
            records = (Checked(*shelf.read(VENDORS, name)) for name in shelf.keys(VENDORS)) if shelf else ()
            return {each.digest: each.value for each in records}
        except BROKEN:
            return {}

    def write(
        self, key: str, index: MemoryIndex, vendors: Mapping[str, Checked], facts: Mapping[str, Any]
    ) -> ShelfIndex | None:
        """Keep what was compiled, and open it; None where it cannot be kept, which only costs time."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            kinds = {VENDORS: vendors, **index.kinds}
            write_shelf(self._path(key), kinds, index.all_traits, facts, key)
            self._sweep("catalogue-*", _KEPT)
        except OSError:
            return None
        return self.find(key)

    def _open(self, key: str) -> ShelfIndex | None:
        try:
            return ShelfIndex(self._path(key))
        except BROKEN:
            return None

    def _path(self, key: str) -> Path:
        return self._folder / f"catalogue-{key}.index"

    def _note(self) -> Path:
        parts = [f"consentry {self._form}"]
        for folder in self._files:
            parts.append("")
            for path in folder.values():
                known = os.stat(path)
                size, changed, moved = known.st_size, known.st_mtime_ns, known.st_ctime_ns
                parts.append(f"{path}\0{size} {changed} {moved} {known.st_ino} {known.st_dev}")
        digest = hashlib.sha256("\n\0".join(parts).encode("utf-8", "surrogateescape"))
        return self._folder / f"files-{digest.hexdigest()}"

    def _write_note(self, key: str) -> None:
        try:
            note = self._note()
            if note.is_file() or time.time() - self._newest() < _SETTLED:
                return
            replace(note, key.encode())
            self._sweep("files-*", _NOTED)
        except OSError:
            return

    def _newest(self) -> float:
        times = (os.stat(path) for folder in self._files for path in folder.values())
        return max(max(known.st_mtime, known.st_ctime) for known in times)

    def _sweep(self, pattern: str, kept: int) -> None:
        """Take out the oldest."""
        found = sorted(self._folder.glob(pattern), key=lambda path: path.stat().st_mtime)
        for stale in found[:-kept]:
            stale.unlink(missing_ok=True)
