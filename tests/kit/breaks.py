"""Lets methods of a running Consentry raise, to see what becomes of requests meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_KIT = Path(__file__).parent


class Breaks:
    """Methods that can be broken in a process which was started with `environment`."""

    def __init__(self, file: Path, *methods: str) -> None:
        """`methods` as module:Class.method; `file` says which of them raise just now, and is made."""
        self._file = file
        self._file.write_text("", "ascii")
        self.environment = {
            "BREAKABLE": " ".join(methods),
            "BROKEN": str(file),
            "PYTHONPATH": os.pathsep.join((str(_KIT / "broken"), str(_KIT.parents[1]))),
        }

    @contextmanager
    def broken(self, *names: str) -> Iterator[None]:
        """Let methods, as Class.method, raise."""
        self._file.write_text(" ".join(names), "ascii")
        try:
            yield
        finally:
            self._file.write_text("", "ascii")
