"""The server of calls, asked by gRPC's own client and by one that speaks in single frames."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from hpack import Encoder

from proxy_addon.envoy.rpc import Call, Server

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
LARGE = b"0123456789abcdef" * 200_000


@dataclass(slots=True)
class Echo:
    """Says everything twice, and counts what it has said. What is 'last' ends the call, what is 'bad' fails."""

    metadata: Mapping[str, str]
    said: list[bytes] = field(default_factory=list)
    done: bool = False

    def take(self, message: bytes) -> Iterator[bytes]:
        if message == b"bad":
            raise ValueError("this is bad")
        self.done = message == b"last"
        for _ in range(2):
            self.said.append(message)
            yield message


@dataclass(slots=True)
class Running:
    server: Server
    address: str
    warned: list[str]
    calls: list[Echo]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    warned: list[str] = []
    calls: list[Echo] = []

    def accept(path: str, metadata: Mapping[str, str]) -> Call | None:
        if path != "/echo/Echo":
            return None
        calls.append(Echo(metadata))
        return calls[-1]

    server = Server(accept, warned.append)
    path = str(folder / "rpc.sock")
    listening = await asyncio.get_running_loop().create_unix_server(server.protocol, path)
    try:
        yield Running(server, path, warned, calls)
    finally:
        listening.close()
        await server.stop(0.1)


def run(folder: Path, wanted: Callable[[Running], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        async with running(folder) as it, asyncio.timeout(60):
            await wanted(it)

    asyncio.run(all_of_it())


@asynccontextmanager
async def client(it: Running) -> AsyncIterator[grpc.aio.Channel]:
    """gRPC's own client."""
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    async with grpc.aio.insecure_channel(f"unix:{it.address}", options=options) as channel:
        yield channel


async def ask(it: Running, said: AsyncIterator[bytes] | Iterator[bytes]) -> list[bytes]:
    """What is answered to all that is said in one call."""
    async with client(it) as channel:
        method: grpc.aio.StreamStreamMultiCallable[Any, bytes] = channel.stream_stream("/echo/Echo")
        return [answer async for answer in method(said, metadata=(("site", "shop"),))]


def test_messages_large_and_small_come_back_in_their_order(tmp_path: Path) -> None:
    async def wanted(it: Running) -> None:
        said = [b"", b"a", LARGE, b"b"]
        assert await ask(it, iter(said)) == [each for each in said for _ in range(2)]
        assert it.calls[0].metadata["site"] == "shop"

    run(tmp_path, wanted)


def test_calls_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    async def wanted(it: Running) -> None:
        async with client(it) as channel:
            method: grpc.aio.StreamStreamMultiCallable[Any, bytes] = channel.stream_stream("/echo/Echo")

            async def one(number: int) -> list[bytes]:
                said = [bytes([number]) * size for size in (1, 300_000, 7)]
                assert [bytes(answer) async for answer in method(iter(said))] == [x for x in said for _ in range(2)]
                return said

            assert len(await asyncio.gather(*map(one, range(20)))) == 20

    run(tmp_path, wanted)


def test_a_call_ends_where_its_answerer_says_so(tmp_path: Path) -> None:
    async def wanted(it: Running) -> None:
        async def said() -> AsyncIterator[bytes]:
            yield b"a"
            yield b"last"
            await asyncio.Event().wait()

        assert await ask(it, said()) == [b"a", b"a", b"last", b"last"]

    run(tmp_path, wanted)


@pytest.mark.parametrize(
    ("method", "said", "code", "warning"),
    [
        ("/echo/Other", b"a", grpc.StatusCode.UNIMPLEMENTED, ""),
        ("/echo/Echo", b"bad", grpc.StatusCode.INTERNAL, "ValueError: this is bad"),
        ("/echo/Echo", b"x" * (16 * 1024 * 1024 + 1), grpc.StatusCode.RESOURCE_EXHAUSTED, ""),
    ],
)
def test_what_cannot_be_answered_ends_with_its_status(
    tmp_path: Path, method: str, said: bytes, code: grpc.StatusCode, warning: str
) -> None:
    async def wanted(it: Running) -> None:
        async with client(it) as channel:
            asked: grpc.aio.UnaryUnaryMultiCallable[bytes, Any] = channel.unary_unary(method)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await asked(said)
        assert raised.value.code() is code
        assert "".join(it.warned).endswith(warning + ")" * bool(warning))
        # Another call is answered as ever.
        assert await ask(it, iter([b"a"])) == [b"a", b"a"]

    run(tmp_path, wanted)


class Raw:
    """A client of single frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._encoder = Encoder()

    @classmethod
    async def to(cls, it: Running, settings: bytes = b"", *, preface: bytes = PREFACE) -> Raw:
        raw = cls(*await asyncio.open_unix_connection(it.address))
        raw._writer.write(preface)
        raw.send(SETTINGS, 0, 0, settings)
        return raw

    def send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self._writer.write(struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream))
        self._writer.write(payload)

    def headers(self, path: str) -> bytes:
        return bytes(self._encoder.encode([(":method", "POST"), (":path", path), ("te", "trailers")]))

    def say(self, stream: int, message: bytes, flags: int = 0) -> None:
        self.send(DATA, flags, stream, b"\0" + struct.pack(">I", len(message)) + message)

    async def frame(self, *kinds: int) -> tuple[int, int, int, bytes]:
        """The next frame of these kinds."""
        while True:
            head = await self._reader.readexactly(9)
            payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
            if head[3] in kinds:
                return head[3], head[4], int.from_bytes(head[5:], "big"), payload

    async def ended(self) -> bool:
        """Wait until the server has nothing more to say."""
        try:
            while await self._reader.read(65536):
                pass
        except ConnectionError:
            pass
        return True

    def close(self) -> None:
        self._writer.close()


def test_answers_are_made_only_as_there_is_room_for_them(tmp_path: Path) -> None:
    async def wanted(it: Running) -> None:
        raw = await Raw.to(it, struct.pack(">HI", 4, 8))
        raw.send(HEADERS, 4, 1, raw.headers("/echo/Echo"))
        raw.say(1, b"twelve bytes")
        raw.say(1, b"more")
        raw.send(PING, 0, 0, b"12345678")
        assert len((await raw.frame(DATA))[3]) == 8
        assert (await raw.frame(PING))[3] == b"12345678"
        assert it.calls[0].said == [b"twelve bytes"]
        raw.send(WINDOW, 0, 1, struct.pack(">I", 9))
        assert len((await raw.frame(DATA))[3]) == 9
        raw.send(PING, 0, 0, b"12345678")
        await raw.frame(PING)
        assert it.calls[0].said == [b"twelve bytes"] * 2
        # Room for all that comes still, by the setting that counts for each call.
        raw.send(SETTINGS, 0, 0, struct.pack(">HI", 4, 60_000))
        got = b""
        while len(got) < 17 + 2 * 9:
            got += (await raw.frame(DATA))[3]
        assert it.calls[0].said == [b"twelve bytes"] * 2 + [b"more"] * 2
        raw.close()

    run(tmp_path, wanted)


def test_who_takes_nothing_is_granted_nothing_more(tmp_path: Path) -> None:
    async def wanted(it: Running) -> None:
        raw = await Raw.to(it, struct.pack(">HI", 4, 0))
        raw.send(HEADERS, 4, 1, raw.headers("/echo/Echo"))
        for _ in range(15):
            raw.say(1, b"x" * 16_000)
        raw.send(PING, 0, 0, b"12345678")
        kinds: list[int] = []
        while not kinds or kinds[-1] != PING:
            kinds.append((await raw.frame(DATA, WINDOW, PING))[0])
        # One grant for all calls comes with the connection.
        assert kinds == [WINDOW, PING]
        for _ in range(2):
            raw.say(1, b"x" * 16_000)
        assert (await raw.frame(GOAWAY))[3][4:] == struct.pack(">I", 3)
        assert await raw.ended()
        raw.close()

    run(tmp_path, wanted)


def test_a_call_that_was_reset_says_nothing_more_and_others_go_on(tmp_path: Path) -> None:
    async def wanted(it: Running) -> None:
        raw = await Raw.to(it)
        block = raw.headers("/echo/Echo")
        raw.send(HEADERS, 0, 1, block[:2])
        raw.send(CONTINUATION, 4, 1, block[2:])
        raw.send(HEADERS, 4 | 8 | 32, 3, b"\x02" + b"\0" * 5 + raw.headers("/echo/Echo") + b"\0\0")
        raw.send(RESET, 0, 1, struct.pack(">I", 8))
        raw.say(1, b"late")
        raw.say(3, b"in time", flags=1)
        kind, _, stream, payload = await raw.frame(DATA)
        assert (kind, stream, payload[5:]) == (DATA, 3, b"in time")
        assert [call.said for call in it.calls] == [[], [b"in time"] * 2]
        raw.close()

    run(tmp_path, wanted)


@pytest.mark.parametrize(
    ("kind", "flags", "stream", "payload"),
    [
        (HEADERS, 4, 2, b"\x82"),
        (HEADERS, 4, 1, b"\xff\xff\xff\xff\xff"),
        (CONTINUATION, 4, 1, b""),
        (WINDOW, 0, 0, b"\x7f\xff\xff\xff"),
        (WINDOW, 0, 0, b"\x01"),
        (HEADERS, 4 | 8, 1, b""),
        (DATA, 0, 1, b"\0" * 300_000),
    ],
)
def test_what_is_not_http2_ends_the_connection_and_no_other(
    tmp_path: Path, kind: int, flags: int, stream: int, payload: bytes
) -> None:
    async def wanted(it: Running) -> None:
        raw = await Raw.to(it)
        raw.send(kind, flags, stream, payload)
        await raw.frame(GOAWAY)
        assert await raw.ended()
        raw.close()
        stranger = await Raw.to(it, preface=b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        assert await stranger.ended()
        stranger.close()
        assert await ask(it, iter([b"a"])) == [b"a", b"a"]

    run(tmp_path, wanted)


def test_who_is_about_to_stop_ends_what_is_under_way_and_takes_no_more(tmp_path: Path) -> None:
    async def wanted(it: Running) -> None:
        raw = await Raw.to(it)
        raw.send(HEADERS, 4, 1, raw.headers("/echo/Echo"))
        raw.say(1, b"a")
        for _ in range(2):
            await raw.frame(DATA)
        stopping = asyncio.create_task(it.server.stop(30))
        await raw.frame(GOAWAY)
        raw.send(HEADERS, 4, 3, raw.headers("/echo/Echo"))
        assert await raw.frame(RESET) == (RESET, 0, 3, struct.pack(">I", 7))
        raw.say(1, b"last", flags=1)
        assert [(await raw.frame(DATA))[3][5:] for _ in range(2)] == [b"last", b"last"]
        await stopping
        assert await raw.ended()
        raw.close()

    run(tmp_path, wanted)
