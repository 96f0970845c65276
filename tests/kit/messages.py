"""What a server of the kit is asked, and what it answers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Headers = Sequence[tuple[str, str]]


@dataclass(eq=False, slots=True)
class Connection:
    """One TCP connection that was accepted; `name` and `protocol` are what its TLS handshake asked for.

    `spoken` is set once the first request is there, or the connection has ended without one.
    """

    tls: bool
    name: str | None = None
    protocol: str = "http/1.1"
    spoken: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived. `length` is the body's whole length, `body` its beginning."""

    method: str
    scheme: str
    host: str
    path: str
    query: str
    headers: Headers
    body: bytes
    length: int
    connection: Connection

    @property
    def url(self) -> str:
        """The absolute URL that was asked for."""
        return f"{self.scheme}://{self.host}{self.path}{'?' + self.query if self.query else ''}"

    def header(self, name: str) -> str:
        """All values of a header, joined with commas; empty if it was not sent."""
        return ", ".join(value for key, value in self.headers if key == name.lower())


@dataclass(slots=True)
class Response:
    """An answer: a body of bytes is sent with its length, one of pieces as they come."""

    body: bytes | Iterable[bytes] = b""
    headers: Headers = ()
    status: int = 200


@dataclass(frozen=True, slots=True)
class Echo:
    """The answer that turns the connection into a WebSocket which sends back what it gets."""
