"""Reads what others answer: no more of it, and no longer, than is good for us."""

from __future__ import annotations

import time
from typing import Protocol

_STEP = 65_536


class Answered(Protocol):
    """A body that comes piece by piece, as http.client and urllib have it."""

    def read1(self, size: int, /) -> bytes:
        """The next piece of at most `size` bytes; b"" at the end."""


class TooLongError(Exception):
    """The body has more bytes than it may."""


class TooLateError(Exception):
    """The body has not ended in time."""


def whole(answer: Answered, most: int, ends: float) -> bytes:
    """The body, of at most `most` bytes, if it ends by then on the monotonic clock.

    Raises TooLongError and TooLateError, and what reading raises.
    """
    pieces: list[bytes] = []
    length = 0
    while piece := answer.read1(_STEP):
        pieces.append(piece)
        length += len(piece)
        if length > most:
            raise TooLongError
        if time.monotonic() > ends:
            raise TooLateError
    return b"".join(pieces)
