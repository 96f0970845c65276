"""A small web server for where nginx is not installed. Run as `python -m tests.bench.upstream PORT FOLDER`."""

from __future__ import annotations

import asyncio
import sys
import uuid
from pathlib import Path
from typing import cast

from .loop import run
from .payloads import TOKEN

_TYPES = {".html": "text/html", ".json": "application/json"}


class _Connection(asyncio.Protocol):
    """Answers GET requests, one after the other, with answers made beforehand, in each a token of its own."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._pending = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *heads, self._pending = (self._pending + data).split(b"\r\n\r\n")
        for head in heads:
            path = head.split(b" ", 2)[1].partition(b"?")[0]
            assert self._transport is not None
            answer = self._answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            self._transport.write(answer.replace(TOKEN.encode(), uuid.uuid4().hex.encode()))


async def serve(port: int, folder: Path) -> None:
    """Serve the files of a folder until interrupted."""
    answers = {f"/{path.name}".encode(): _answer(path) for path in folder.iterdir()}
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(answers), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


def _answer(path: Path) -> bytes:
    content = path.read_bytes()
    kind = _TYPES.get(path.suffix, "application/octet-stream")
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


if __name__ == "__main__":
    run(serve(int(sys.argv[1]), Path(sys.argv[2])))
