"""A forward proxy of one state's own, in a thread: nothing that it learnt of a visitor reaches the next state."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType

from ..config import UsageError
from ..engine import Engine
from ..listeners import Transport
from ..proxy import lend
from .overhear import Overhearing

_START, _END = 60.0, 10.0


class Relay:
    """Runs from entering to leaving it. Raises UsageError if it cannot start."""

    def __init__(self, engine: Engine, transport: Transport, overhearing: Overhearing) -> None:
        """`overhearing` is told everything that passes; the engine's own sink is its maker's business."""
        self._engine = engine
        self._transport = transport
        self._overhearing = overhearing
        self._started = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self._error: Exception | None = None
        self._port = 0
        self._thread = threading.Thread(target=self._run, name="consentry-audit-proxy", daemon=True)

    @property
    def url(self) -> str:
        """Where the browser finds it."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Relay:
        self._thread.start()
        if not self._started.wait(_START):
            raise UsageError("The audit's proxy did not start; is the machine overloaded?")
        if self._error is not None:
            raise self._error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()
        self._thread.join(_END)

    def _run(self) -> None:
        try:
            asyncio.run(lend(self._engine, self._transport, self._overhearing, self._runs))
        except Exception as error:
            self._error = error
        finally:
            self._started.set()

    def _runs(self, port: int, stop: Callable[[], None]) -> None:
        self._port, self._stop = port, stop
        self._started.set()
