"""Evidence as it happens, for whoever watches. Watching never slows what is watched."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from functools import partial

from .evidence import Evidence

_MOST_WAITING = 1000


class Subscription:
    """What one viewer has not taken yet: at most so many rows, of which the oldest are dropped, and counted.

    It belongs to one thread or one event loop, and is a context manager: at the end nothing more is collected.
    """

    def __init__(self, leave: Callable[[Subscription], None], most: int) -> None:
        """Use `Feed.subscribe`."""
        self._leave = leave
        self._most = most
        self._waiting: deque[Evidence] = deque()
        self._dropped = 0
        self._changed = threading.Condition()
        self._wake: Callable[[], object] | None = None

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def dropped(self) -> int:
        """How many rows were dropped so far because this viewer was too slow."""
        return self._dropped

    def take(self) -> list[Evidence]:
        """What has come since the last time, at once."""
        with self._changed:
            taken = list(self._waiting)
            self._waiting.clear()
        return taken

    def wait(self, timeout: float | None = None) -> list[Evidence]:
        """What has come since the last time, as soon as there is anything; nothing after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting), timeout)
        return self.take()

    async def next(self, timeout: float | None = None) -> list[Evidence]:
        """The same on an event loop, which goes on meanwhile."""
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        with self._changed:
            self._wake = partial(loop.call_soon_threadsafe, came.set)
            waiting = bool(self._waiting)
        try:
            if not waiting:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(timeout):
                        await came.wait()
        finally:
            self._wake = None
        return self.take()

    def close(self) -> None:
        """Collect nothing more."""
        self._leave(self)

    def put(self, evidence: Evidence) -> None:
        """Take one row, for the feed."""
        with self._changed:
            if len(self._waiting) >= self._most:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(evidence)
            self._changed.notify_all()
            wake = self._wake
        if wake is not None:
            # The viewer's loop may have ended meanwhile.
            with contextlib.suppress(RuntimeError):
                wake()


class Feed:
    """A sink that hands each row to all who have subscribed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribed: tuple[Subscription, ...] = ()

    def record(self, evidence: Evidence) -> None:
        """See evidence.Sink."""
        for each in self._subscribed:
            each.put(evidence)

    def subscribe(self, most: int = _MOST_WAITING) -> Subscription:
        """Collect what happens from now on, up to `most` rows until they are taken."""
        subscription = Subscription(self._leave, most)
        with self._lock:
            self._subscribed = (*self._subscribed, subscription)
        return subscription

    def _leave(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscribed = tuple(each for each in self._subscribed if each is not subscription)
