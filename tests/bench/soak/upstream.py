"""The upstream of the soak: every host, well and badly behaved. Run as a module with a folder of certificates.

It prints two ports, for http and for https, and then answers until it is ended. `GET /count` of any host says how many
requests for trackers have reached it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import sys
from pathlib import Path

from tests.kit.certificates import Authority

from ..loop import run
from .traffic import BAD_CERTIFICATE, BY_NAME, PARTIES, SITES, STALL, made

_OWN = {*SITES, *PARTIES, BAD_CERTIFICATE}
_reached = 0


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await _answer(reader, writer):
            pass
    except (OSError, asyncio.IncompleteReadError, ValueError):
        pass
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; False to hang up."""
    global _reached  # noqa: PLW0603 - it is what this program counts
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    method, target, _ = head.split(" ", 2)
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    body = await reader.readexactly(int(fields.get("content-length", "0")))
    if target == "/count":
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%d" % (len(str(_reached)), _reached))
        return True
    _, name, number = (*target.partition("?")[0].split("/"), "", "")[:3]
    if fields.get("host", "").partition(":")[0] not in _OWN or name not in BY_NAME:
        _reached += 1
    answer = made(name, int(number) if number.isdigit() else 0, body)
    lines = [f"HTTP/1.1 {answer.status} Said", *(f"{each}: {value}" for each, value in answer.fields)]
    start = "\r\n".join(lines).encode() + b"\r\n"
    length = b"content-length: %d\r\n\r\n" % len(answer.body)
    match name:
        case "chunked":
            pieces = (answer.body[:7], answer.body[7:])
            writer.write(start + b"transfer-encoding: chunked\r\n\r\n")
            writer.write(b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n")
            return True
        case "reset":
            writer.write(start[:20])
            _reset(writer)
            return False
        case "cut":
            writer.write(start + length + answer.body[: len(answer.body) // 2])
            return False
        case "chopped":
            writer.write(start + b"transfer-encoding: chunked\r\n\r\n7\r\n" + answer.body[:7] + b"\r\nzz\r\nno chunk")
            return False
        case "garbage":
            writer.write(b"\x00\xffthis is no HTTP at all\r\n\r\n")
            return False
        case "stall":
            writer.write(start + length + answer.body[:100])
            await writer.drain()
            await asyncio.sleep(STALL)
            return False
    writer.write(start + (b"\r\n" if answer.status == 204 else length + (b"" if method == "HEAD" else answer.body)))
    await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Let the connection end with RST."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _serve(folder: Path) -> None:
    authority = Authority(folder)
    good = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    good.load_cert_chain(authority.issue("any.example"))

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = authority.context(name or "any.example", expired=name == BAD_CERTIFICATE)

    good.sni_callback = choose
    plain = await asyncio.start_server(_converse, "127.0.0.1", 0, backlog=1024)
    secure = await asyncio.start_server(_converse, "127.0.0.1", 0, ssl=good, backlog=1024)
    print(*(each.sockets[0].getsockname()[1] for each in (plain, secure)), flush=True)
    await asyncio.gather(plain.serve_forever(), secure.serve_forever())


if __name__ == "__main__":
    run(_serve(Path(sys.argv[1])))
