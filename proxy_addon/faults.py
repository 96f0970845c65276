"""Tells of errors of our own that an adapter catches: what carries on after one must not hide it, nor flood a log."""

from __future__ import annotations

import logging
from collections.abc import Callable

# So many sorts of errors are told; the rest are in the log at debug only.
_MOST = 100
_logger = logging.getLogger(__name__)


class Faults:
    """One sentence for each sort of error, however often it comes."""

    def __init__(self, warn: Callable[[str], None] = _logger.warning) -> None:
        """`warn` takes a sentence."""
        self._warn = warn
        self._told: set[tuple[str, str, str]] = set()

    def tell(self, what: str, error: Exception) -> None:
        """Tell what came of an error. Where it comes from is in the log at debug, each time."""
        _logger.debug("%s", what, exc_info=error)
        sort = (what, type(error).__name__, _place(error))
        if sort in self._told or len(self._told) >= _MOST:
            return
        self._told.add(sort)
        self._warn(f"{what}, by an error in Consentry ({sort[1]}: {error}); this is said once")


def _place(error: Exception) -> str:
    """Where in the code an error comes from."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
