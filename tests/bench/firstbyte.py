"""Whether the first bytes of a page wait for its last: the upstream sends a beginning and no more until told."""

from __future__ import annotations

import http.client
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .load import headers
from .processes import Running

_BEGINNING = 4096


@dataclass(frozen=True, slots=True)
class FirstByte:
    """Seconds to a body's first byte (the median), and how often it came before the upstream sent the rest."""

    seconds: float
    early: int
    tries: int

    @property
    def delayed(self) -> bool:
        """Whether it ever waited for the whole body."""
        return self.early < self.tries


class SlowSite:
    """Serves one page: its first kilobytes at once, the rest when the client has them, or when patience ends."""

    def __init__(self, page: bytes, patience: float) -> None:
        """Listen on a free port until close()."""
        self._page = page
        self._patience = patience
        self._arrived = threading.Event()
        self._rest_sent = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def ask(self, through: str) -> tuple[float, bool]:
        """Ask for the page at an address: seconds to the first byte of the body, and whether it came early."""
        self._arrived.clear()
        self._rest_sent.clear()
        host, _, port = through.partition("://")[2].partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        try:
            connection.connect()
            start = time.perf_counter()
            connection.request("GET", "/", headers=headers("document"))
            response = connection.getresponse()
            response.read(1)
            took = time.perf_counter() - start
            early = not self._rest_sent.is_set()
            self._arrived.set()
            response.read()
        finally:
            connection.close()
        return took, early

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(self._page)}\r\n\r\n".encode()
        with connection, connection.makefile("rb") as requests:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for line in requests:
                if line != b"\r\n":
                    continue
                connection.sendall(head + self._page[:_BEGINNING])
                self._arrived.wait(self._patience)
                self._rest_sent.set()
                connection.sendall(self._page[_BEGINNING:])


@contextmanager
def slow_site(page: bytes, patience: float) -> Iterator[SlowSite]:
    """A SlowSite that is closed at the end."""
    site = SlowSite(page, patience)
    try:
        yield site
    finally:
        site.close()


def measure(site: SlowSite, proxy: Running, tries: int) -> FirstByte:
    """Ask through a proxy, some times; the first time, which opens connections, does not count."""
    site.ask(proxy.url)
    answers = [site.ask(proxy.url) for _ in range(tries)]
    return FirstByte(statistics.median(took for took, _ in answers), sum(early for _, early in answers), tries)
