"""A pause of the filter, kept in a file: the command, the dashboard and every filter of one user see the same."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ..atomic import replace
from ..config import UsageError
from .duration import LONGEST


class Pause:
    """Until when nothing is held. A file that cannot be read is no pause: what should be held stays held."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """`path` is where the moment of its end stands."""
        self._path = path
        self._clock = clock
        self._stamp: tuple[int, int] | None = None
        self._until = 0.0

    @property
    def on(self) -> bool:
        """Whether it is now."""
        return self.until > 0

    @property
    def until(self) -> float:
        """When it ends, in seconds of the clock; 0 if there is none."""
        try:
            known = os.stat(self._path)
        except OSError:
            self._stamp = None
            return 0.0
        stamp = (known.st_mtime_ns, known.st_ino)
        if stamp != self._stamp:
            self._until, self._stamp = self._read(), stamp
        now = self._clock()
        return self._until if now < self._until <= now + LONGEST else 0.0

    def begin(self, seconds: float) -> float:
        """Pause for so long from now, and say until when. Raises UsageError."""
        until = self._clock() + min(seconds, LONGEST)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace(self._path, f"{until:.3f}\n".encode())
        except OSError as error:
            raise UsageError(f"{self._path} cannot be written ({error.strerror}); check the folder.") from None
        return until

    def end(self) -> None:
        """Hold again. Raises UsageError."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"{self._path} cannot be removed ({error.strerror}); check the folder.") from None

    def _read(self) -> float:
        try:
            return float(self._path.read_text("ascii")[:32])
        except (OSError, ValueError):
            return 0.0
