"""Other names of a host: a tracker that a site gives a name of its own is found by where that leads (CNAME)."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import dns.asyncresolver
import dns.exception
import dns.resolver

from ..config import UsageError

_MOST_HOSTS = 10_000
_MOST_NAMES = 8
# Seconds: what a page may have to wait, and how long an answer, or none, is kept.
_PATIENCE = 0.5
_LEAST, _LONGEST, _UNANSWERED = 60.0, 3600.0, 300.0


class _Known(NamedTuple):
    names: tuple[str, ...]
    until: float


class Aliases:
    """Looks other names up and remembers them. For one event loop."""

    def __init__(self, server: tuple[str, int] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """`server` is the address and port of the DNS server to ask; None asks the system's."""
        self._server = server
        self._clock = clock
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asked: dict[str, asyncio.Future[tuple[str, ...]]] = {}

    def known(self, host: str) -> tuple[str, ...] | None:
        """The other names of a host, the nearest first; None if they would have to be looked up."""
        known = self._known.get(host)
        return known.names if known is not None and self._clock() < known.until else None

    async def names(self, host: str) -> tuple[str, ...]:
        """The other names of a host, looked up if need be. One that is not answered in time has none for a while."""
        known = self.known(host)
        if known is not None:
            return known
        asked = self._asked.get(host)
        if asked is None:
            asked = self._asked[host] = asyncio.ensure_future(self._ask(host))
            asked.add_done_callback(lambda _: self._asked.pop(host, None))
        # Whoever asked first may go away meanwhile.
        return await asyncio.shield(asked)

    async def _ask(self, host: str) -> tuple[str, ...]:
        names: tuple[str, ...] = ()
        kept = _UNANSWERED
        try:
            answer = await asyncio.wait_for(self._answer(host), _PATIENCE)
        except (dns.exception.DNSException, OSError, TimeoutError, ValueError):
            pass
        else:
            chain = [str(rrset[0].target).rstrip(".").lower() for rrset in answer.chaining_result.cnames]
            names = tuple(chain[:_MOST_NAMES])
            kept = min(max(float(answer.chaining_result.minimum_ttl), _LEAST), _LONGEST)
        self._known[host] = _Known(names, self._clock() + kept)
        self._known.move_to_end(host)
        while len(self._known) > _MOST_HOSTS:
            self._known.popitem(last=False)
        return names

    async def _answer(self, host: str) -> dns.resolver.Answer:
        if self._resolver is None:
            self._resolver = dns.asyncresolver.Resolver(configure=self._server is None)
            if self._server is not None:
                address, port = self._server
                self._resolver.nameservers = [address]
                self._resolver.port = port
        return await self._resolver.resolve(f"{host}.", "A", raise_on_no_answer=False, search=False)


def parse_server(text: str) -> tuple[str, int] | None:
    """Read 'ADDRESS[:PORT]'; '' is None. Raises UsageError."""
    if not text:
        return None
    address, port = text, "53"
    if text.startswith("[") and "]" in text:
        address, _, port = text[1:].partition("]")
        port = port.removeprefix(":") or "53"
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    try:
        dns.asyncresolver.Resolver(configure=False).nameservers = [address]
        number = int(port)
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise UsageError(f"'{text}' is no DNS server; write it as ADDRESS or ADDRESS:PORT, as in 192.0.2.53.")
    return address, number
