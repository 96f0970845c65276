"""What is written at nearly the same time goes out in one piece: each send costs as much as some work on a page."""

from __future__ import annotations

import asyncio
from typing import Any

from mitmproxy.proxy import mode_servers

# What is longer is not copied to go out together.
_LONG = 256 * 1024


class GatheringWriter:
    """A stream's writer that waits two turns of the loop for more: in one comes the end of what the other began."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        """Write to `writer`."""
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []
        self._length = 0

    def __getattr__(self, name: str) -> Any:
        """Whatever else a writer has."""
        return getattr(self._writer, name)

    def write(self, data: bytes) -> None:
        """See asyncio.StreamWriter."""
        if not self._pieces:
            self._loop.call_soon(self._loop.call_soon, self._flush)
        self._pieces.append(data)
        self._length += len(data)
        if self._length > _LONG:
            self._flush()

    async def drain(self) -> None:
        """See asyncio.StreamWriter."""
        self._flush()
        await self._writer.drain()

    def write_eof(self) -> None:
        """See asyncio.StreamWriter."""
        self._flush()
        self._writer.write_eof()

    def close(self) -> None:
        """See asyncio.StreamWriter."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if not self._pieces:
            return
        pieces, self._pieces, self._length = self._pieces, [], 0
        if not self._writer.is_closing():
            self._writer.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))


class _Handler(mode_servers.ProxyConnectionHandler):
    """A connection of a client, whose answers are gathered."""

    def __init__(self, master: Any, reader: Any, writer: Any, options: Any, mode: Any) -> None:
        if isinstance(writer, asyncio.StreamWriter):
            writer = GatheringWriter(writer)
        super().__init__(master, reader, writer, options, mode)  # type: ignore[no-untyped-call]


def gather_writes() -> None:
    """Let mitmproxy gather what it sends to clients: it has no hook for that."""
    setattr(mode_servers, "ProxyConnectionHandler", _Handler)  # noqa: B010 - its typing takes no other class
