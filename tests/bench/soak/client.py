"""Asks through the filter as browsers do, and compares every answer with what the upstream says."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..load import headers
from .traffic import BOMB, MARK, Ask, made, tail

# Patience with an upstream that stalls, and with everything else.
_STALLED, _PATIENCE = 1.0, 30.0
_MOST_ODD = 20


@dataclass(slots=True)
class Seen:
    """What became of the requests: how many of each sort came out as they should, and those that did not, in words."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)

    def note(self, ask: Ask, complaint: str) -> None:
        """Count one."""
        sort = "held" if ask.tracker else ask.kind.fault or "answered"
        if not complaint:
            self.right[sort] += 1
            return
        self.wrong[sort] += 1
        if len(self.odd) < _MOST_ODD:
            self.odd.append(f"{ask.url} as {ask.kind.wanted}: {complaint}")


@dataclass(frozen=True, slots=True)
class _Got:
    status: int
    fields: dict[str, str]
    body: bytes


class Client:
    """Several connections at once to one proxy, one for each worker and origin."""

    def __init__(self, port: int, authority: str) -> None:
        """`port` is the proxy's, `authority` the PEM file of its authority."""
        self._port = port
        self._tls = ssl.create_default_context(cafile=authority)

    async def ask_all(self, asks: Iterator[Ask], seen: Seen, workers: int) -> None:
        """Ask everything, `workers` at a time."""
        await asyncio.gather(*(self._work(asks, seen, number) for number in range(workers)))

    async def _work(self, asks: Iterator[Ask], seen: Seen, worker: int) -> None:
        kept: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        for ask in asks:
            # One connection for each origin, as browsers keep them; mitmproxy opens only five at a time to one address.
            key = ask.url[: ask.url.index("/", 8)]
            try:
                reader, writer = kept.get(key) or await self._open(ask.url)
                kept[key] = (reader, writer)
                got = await asyncio.wait_for(
                    _exchange(reader, writer, ask, worker), _STALLED if ask.kind.fault == "stalled" else _PATIENCE
                )
                seen.note(ask, _complaint(ask, got))
                if got.fields.get("connection") == "close" or len(kept) > 4:
                    kept.pop(key)[1].close()
            except (OSError, EOFError, ValueError, TimeoutError, asyncio.LimitOverrunError) as error:
                if key in kept:
                    kept.pop(key)[1].close()
                expected = ask.kind.fault and not ask.tracker
                seen.note(ask, "" if expected else f"{type(error).__name__} {error}")
        for _, writer in kept.values():
            writer.close()

    async def _open(self, url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        parts = urlsplit(url)
        if parts.scheme == "https":
            writer.write(f"CONNECT {parts.hostname}:443 HTTP/1.1\r\nhost: {parts.hostname}:443\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            await writer.start_tls(self._tls, server_hostname=parts.hostname)
        return reader, writer


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ask: Ask, worker: int) -> _Got:
    parts = urlsplit(ask.url)
    body = b"n=%d;" % ask.number * 200 if ask.kind.method == "POST" else b""
    said = headers(ask.kind.wanted, "session=1") | {
        "Host": parts.netloc,
        "User-Agent": f"Soak/{worker}",
        "Referer": ask.page,
        "Sec-Fetch-Site": "cross-site" if ask.tracker else "same-site",
        "Content-Length": str(len(body)),
    }
    target = ask.url if parts.scheme == "http" else ask.url.removeprefix(f"https://{parts.netloc}")
    lines = [f"{ask.kind.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items())]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    status = int(head[0].split(" ")[1])
    if status == 204:
        return _Got(status, fields, b"")
    if fields.get("transfer-encoding") == "chunked":
        return _Got(status, fields, await _chunks(reader))
    if "content-length" in fields:
        return _Got(status, fields, await reader.readexactly(int(fields["content-length"])))
    return _Got(status, {**fields, "connection": "close"}, await reader.read())


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(pieces)


def _complaint(ask: Ask, got: _Got) -> str:
    """What is wrong with an answer; '' for nothing."""
    held = got.fields.get("x-consentry", "").startswith("held")
    if ask.tracker:
        return "" if held else f"it was not held but answered with {got.status}"
    if held:
        return f"it was held ({got.fields['x-consentry']})"
    if ask.kind.fault:
        # The proxy's own word for an upstream that fails.
        return "" if got.status == 502 else f"an upstream that fails is answered with {got.status}"
    body = b"n=%d;" % ask.number * 200 if ask.kind.method == "POST" else b""
    said = made(ask.kind.name, ask.number, body)
    if got.status != said.status:
        return f"{got.status} in place of {said.status}"
    missing = [
        name for name, value in said.fields if name.startswith(("x-", "location")) and got.fields.get(name) != value
    ]
    if missing:
        return f"the fields {', '.join(missing[:3])} are not as they were sent"
    plain = zlib.decompress(got.body, 47) if got.fields.get("content-encoding") == "gzip" else got.body
    if ask.kind.wanted != "document":
        return "" if plain == said.body else f"{len(plain)} bytes that differ from the {len(said.body)} sent"
    return _page_complaint(ask, plain, said.body)


def _page_complaint(ask: Ask, plain: bytes, sent: bytes) -> str:
    if b"data-consentry-runtime" not in plain[:2000]:
        return "the page came without the guard"
    if ask.kind.name == "bomb":
        return "" if plain.endswith(tail(0)) and len(plain) > BOMB else f"a page of {len(plain)} bytes"
    whole = zlib.decompress(sent, 47) if sent.startswith(b"\x1f\x8b") else sent
    same = plain[plain.find(MARK) :] == whole[whole.find(MARK) :]
    return "" if same and b'type="text/x-consentry"' in plain else "the page differs where nothing should be changed"
