"""Counts who sends UDP to the fake network's HTTPS port, as HTTP/3 and WebTransport do."""

from __future__ import annotations

import socket
import threading


class Datagrams:
    """Listens on a UDP port of loopback; answers nothing."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self._senders: set[int] = set()
        self._ended = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def senders(self) -> int:
        """How many sockets have sent something: one for each connection that was tried."""
        return len(self._senders)

    def clear(self) -> None:
        """Forget them."""
        self._senders.clear()

    def close(self) -> None:
        """Stop listening."""
        self._ended.set()
        # It may wait for a datagram: send one.
        self._socket.sendto(b"", self._socket.getsockname())

    def _listen(self) -> None:
        with self._socket:
            while not self._ended.is_set():
                _, sender = self._socket.recvfrom(2048)
                self._senders.add(sender[1])
