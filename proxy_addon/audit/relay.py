"""Forward proxies, each of one state's own in a thread: nothing that one learnt of a visitor reaches the next."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from ..config import UsageError
from ..engine import Engine
from ..listeners import Transport, check_files
from ..proxy import lend
from .overhear import Overhearing

_START, _END = 60.0, 10.0


class Relay:
    """Runs from entering to leaving it. Raises UsageError if it cannot start."""

    def __init__(self, engine: Engine, transport: Transport, overhearing: Overhearing) -> None:
        """`overhearing` is told everything that passes; the engine's own sink is its maker's business."""
        self.overhearing = overhearing
        self._engine = engine
        self._transport = transport
        self._started = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self._error: Exception | None = None
        self._port = 0
        self._thread = threading.Thread(target=self._run, name="consentry-audit-proxy", daemon=True)

    @property
    def confdir(self) -> Path:
        """Where the authority is by which it signs."""
        return self._transport.confdir

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
            asyncio.run(lend(self._engine, self._transport, self.overhearing, self._runs))
        except Exception as error:
            self._error = error
        finally:
            self._started.set()

    def _runs(self, port: int, stop: Callable[[], None]) -> None:
        self._port, self._stop = port, stop
        self._started.set()


class Relays:
    """Relays for one state after the other. Each is made ready while the browser is in the state before.

    (Only one runs at a time: mitmproxy keeps the one that runs in a global.)
    """

    def __init__(self, engine: Callable[[Overhearing], Engine], transport: Transport) -> None:
        """`engine` makes one that records into what it is given."""
        self._engine = engine
        self._transport = transport
        self._pool = ThreadPoolExecutor(1, "consentry-audit-relays")
        self._next: Future[Relay] = self._pool.submit(self._ready)

    def check(self) -> None:
        """Raise UsageError or FileError if none can start."""
        check_files(self._transport)
        self._next.result()

    def take(self) -> Relay:
        """The next one, to be entered. Raises UsageError and FileError."""
        relay = self._next.result()
        self._next = self._pool.submit(self._ready)
        return relay

    def close(self) -> None:
        """Make no more of them."""
        self._pool.shutdown(cancel_futures=True)

    def _ready(self) -> Relay:
        overhearing = Overhearing()
        return Relay(self._engine(overhearing), self._transport, overhearing)
