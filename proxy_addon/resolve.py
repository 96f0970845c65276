"""Where to connect for a host, as curl's --resolve says it: HOST:PORT:ADDRESS[:PORT]."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from .config import UsageError

_ENTRY = re.compile(
    r"(?P<host>\*|[^:\s]+):(?P<port>\d{1,5}|\*):(?P<address>\[[0-9a-fA-F:.]+\]|[^:\s]+)(?::(?P<to>\d{1,5}))?\Z"
)


class Entry(NamedTuple):
    """One mapping; `host` and `port` None stand for any."""

    host: str | None
    port: int | None
    address: str
    to: int | None


def parse_entry(text: str) -> Entry:
    """Read one mapping. Raises UsageError."""
    found = _ENTRY.match(text)
    if found is None or any(port.isdigit() and int(port) > 65535 for port in (found["port"], found["to"] or "*")):
        raise UsageError(
            f"'{text}' is no mapping; write it as HOST:PORT:ADDRESS[:PORT], as in shop.test:443:127.0.0.1:8443."
        )
    return Entry(
        host=None if found["host"] == "*" else found["host"].lower(),
        port=None if found["port"] == "*" else int(found["port"]),
        address=found["address"].strip("[]"),
        to=int(found["to"]) if found["to"] else None,
    )


class Resolver:
    """Looks a host and port up in the mappings; the first that fits counts."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = tuple(entries)

    def leads(self, host: str) -> bool:
        """Whether a mapping names this host, on whatever port."""
        return any(entry.host in (None, host.lower()) for entry in self._entries)

    def resolve(self, host: str, port: int) -> tuple[str, int]:
        """The address and port to connect to."""
        for entry in self._entries:
            if entry.host in (None, host.lower()) and entry.port in (None, port):
                return entry.address, entry.to or port
        return host, port
