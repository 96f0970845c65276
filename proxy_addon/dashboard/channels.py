"""The pages of proxied sites that listen for what the dashboard sets."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..watch import Who

# Browsers that may listen at once, and pages of one visitor. (Each site's tabs share one channel where they can.)
_MOST_OPEN = 200
_MOST_OF_ONE = 8
_MOST_TICKETS = 1000
_MOST_WAITING = 32
_TICKET_SECONDS = 10.0
# A page that is being left may not have heard the last order: for so long the next one gets it.
_OWED_SECONDS = 10.0


class Channel:
    """One page's end: messages in the order in which they were sent, then None."""

    def __init__(self, who: Who) -> None:
        self.who = who
        self._queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_MOST_WAITING)

    def put(self, message: dict[str, Any] | None) -> None:
        """Send; a page that has stopped reading loses the oldest."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(message)

    async def get(self, timeout: float) -> dict[str, Any] | None:
        """The next message, or None for the end. Raises TimeoutError."""
        return await asyncio.wait_for(self._queue.get(), timeout)


class Channels:
    """All that are open. A page is let in by a ticket, which the proxy buys for it and which is good once."""

    def __init__(
        self,
        changed: Callable[[str, int], None],
        owed: Callable[[str], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`changed` is told a visitor's name and how many of its pages listen now.

        `owed` says the number of the order that none of a visitor's pages has carried out. `clock` gives seconds.
        """
        self._changed = changed
        self._owed = owed
        self._sent: OrderedDict[str, tuple[int, dict[str, Any], float]] = OrderedDict()
        self._clock = clock
        self._open: dict[str, list[Channel]] = {}
        self._tickets: OrderedDict[str, tuple[Who, float]] = OrderedDict()
        self._lock = threading.Lock()

    def ticket(self, who: Who) -> str:
        """A ticket for one page of a visitor. On any thread."""
        ticket = secrets.token_urlsafe(24)
        with self._lock:
            self._tickets[ticket] = (who, self._clock() + _TICKET_SECONDS)
            if len(self._tickets) > _MOST_TICKETS:
                self._tickets.popitem(last=False)
        return ticket

    def redeem(self, ticket: str) -> Who | None:
        """Whose ticket it is, or None; it is void from then on."""
        with self._lock:
            who, until = self._tickets.pop(ticket, (None, 0.0))
        return who if self._clock() <= until else None

    # The rest is called on the dashboard's loop only.

    def open(self, who: Who) -> Channel | None:
        """A channel, or None if there are too many."""
        mine = self._open.setdefault(who.visitor, [])
        if len(mine) >= _MOST_OF_ONE or sum(map(len, self._open.values())) >= _MOST_OPEN:
            if not mine:
                del self._open[who.visitor]
            return None
        channel = Channel(who)
        mine.append(channel)
        number, message, until = self._sent.get(who.visitor, (0, {}, 0.0))
        if number and number == self._owed(who.visitor) and self._clock() <= until:
            channel.put(message)
        self._changed(who.visitor, len(mine))
        return channel

    def close(self, channel: Channel) -> None:
        """The page has gone."""
        name = channel.who.visitor
        mine = self._open.get(name, [])
        if channel in mine:
            mine.remove(channel)
            if not mine:
                del self._open[name]
            self._changed(name, len(mine))

    def send(self, visitor: str, number: int, message: dict[str, Any]) -> int:
        """Send an order to all pages of a visitor; returns to how many."""
        mine = self._open.get(visitor, [])
        if mine:
            self._sent[visitor] = (number, message, self._clock() + _OWED_SECONDS)
            self._sent.move_to_end(visitor)
            if len(self._sent) > _MOST_OPEN:
                self._sent.popitem(last=False)
        for channel in mine:
            channel.put(message)
        return len(mine)

    def end(self) -> None:
        """Send everybody home."""
        for mine in self._open.values():
            for channel in mine:
                channel.put(None)
