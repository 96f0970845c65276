"""A DNS server on loopback that answers what the test says, and remembers what it was asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping

import dns.message
import dns.rcode
import dns.rrset


class NameServer:
    """Answers for A: a chain of other names, then 127.0.0.1. `silent` hosts get no answer, others do not exist."""

    def __init__(self, chains: Mapping[str, tuple[str, ...]], silent: frozenset[str] = frozenset(), ttl: int = 300):
        """Listen on a free UDP port of 127.0.0.1."""
        self.chains = dict(chains)
        self.asked: list[str] = []
        self._silent = silent
        self._ttl = ttl
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        """As --dns takes it."""
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop."""
        # A datagram of its own wakes the thread that waits.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"", ("127.0.0.1", self.port))

    def _serve(self) -> None:
        with self._socket:
            while True:
                data, peer = self._socket.recvfrom(4096)
                if not data:
                    return
                query = dns.message.from_wire(data)
                host = str(query.question[0].name).rstrip(".")
                self.asked.append(host)
                if host not in self._silent:
                    self._socket.sendto(self._answer(query, host).to_wire(), peer)

    def _answer(self, query: dns.message.Message, host: str) -> dns.message.Message:
        answer = dns.message.make_response(query)
        if host not in self.chains:
            answer.set_rcode(dns.rcode.NXDOMAIN)
            return answer
        name = host
        for other in self.chains[host]:
            answer.answer.append(dns.rrset.from_text(f"{name}.", self._ttl, "IN", "CNAME", f"{other}."))
            name = other
        answer.answer.append(dns.rrset.from_text(f"{name}.", self._ttl, "IN", "A", "127.0.0.1"))
        return answer
