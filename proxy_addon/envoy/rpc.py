"""gRPC over HTTP/2, as much of it as Envoy and health probes speak: calls come in, and are answered message by message.

What a general library does for a call, with threads and queues of its own, costs as much as the rewriting of a page.
Here a message is answered where it is read. Nothing is taken in for which there is no room on the way out: what a
client may send is granted as it is used, and answers are made only when the ones before them are gone.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

from hpack import Decoder, HPACKError

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
# Flags: of DATA and HEADERS, of HEADERS, and of SETTINGS and PING.
_END_STREAM, _END_HEADERS, _PADDED, _PRIORITY, _ACK = 0x1, 0x4, 0x8, 0x20, 0x1
_TABLE_SIZE, _INITIAL_WINDOW, _FRAME_SIZE = 1, 4, 5
_PROTOCOL_ERROR, _FLOW_ERROR, _REFUSED, _COMPRESSION_ERROR = 1, 3, 7, 9
# What one call, and all calls of a connection, may send before they are told to go on.
_ROOM, _ROOM_FOR_ALL = 256 * 1024, 16 * 1024 * 1024
_LARGEST_FRAME = 256 * 1024
_LARGEST_BLOCK = 64 * 1024
# A body that comes as a whole is at most as long as events may be.
_LARGEST_MESSAGE = 16 * 1024 * 1024
_LARGEST_WINDOW = 2**31 - 1
# So much is written at once.
_ENOUGH = 64 * 1024
_MOST_KNOWN = 256
OK, _TOO_LARGE, _UNKNOWN_METHOD, _FAILED = 0, 8, 12, 13
# ":status: 200" and "content-type: application/grpc", as HPACK writes them without a table.
_HEAD = b"\x88\x0f\x10\x10application/grpc"


class Call(Protocol):
    """What answers one call. `done` says that it wants no further message."""

    @property
    def done(self) -> bool:
        """Whether all has been said once the last answers are out."""

    def take(self, message: bytes) -> Iterator[bytes]:
        """The answers to one message, made as they are asked for."""


Accept = Callable[[str, Mapping[str, str]], Call | None]
Warn = Callable[[str], None]


class ProtocolError(Exception):
    """The other side does not keep to HTTP/2: the code to say so with."""


@dataclass(slots=True)
class _Stream:
    """One call. `owed` is how much the client has sent and not been granted anew; `window` what it takes of us."""

    number: int
    call: Call
    window: int
    received: bytearray = field(default_factory=bytearray)
    owed: int = 0
    ended: bool = False
    begun: bool = False
    answers: Iterator[bytes] = field(default_factory=lambda: iter(()))
    pending: memoryview = field(default_factory=lambda: memoryview(b""))

    def message(self) -> bytes | None:
        """The next message, if it is there as a whole."""
        if len(self.received) < 5:
            return None
        end = 5 + int.from_bytes(self.received[1:5], "big")
        if len(self.received) < end:
            return None
        message = bytes(self.received[5:end])
        del self.received[:end]
        return message

    @property
    def too_large(self) -> bool:
        """Whether what comes is longer than any message may be, or compressed, which nobody was offered."""
        head = self.received[:5]
        return len(head) == 5 and (head[0] != 0 or int.from_bytes(head[1:], "big") > _LARGEST_MESSAGE)


class Server:
    """Accepts connections. `accept` takes a method's path and the call's metadata; None if there is no such method."""

    def __init__(self, accept: Accept, warn: Warn) -> None:
        """`warn` is told, in one line, what goes wrong in a call."""
        self.accept = accept
        self.warn = warn
        self.connections: set[_Connection] = set()
        self.stopping = False
        self._empty = asyncio.Event()

    def protocol(self) -> asyncio.Protocol:
        """What speaks on a new connection."""
        return _Connection(self)

    async def stop(self, grace: float) -> None:
        """Take no further calls, and wait so many seconds for those that are under way."""
        self.stopping = True
        for each in tuple(self.connections):
            each.leave()
        self.look()
        try:
            async with asyncio.timeout(grace):
                await self._empty.wait()
        except TimeoutError:
            pass
        for each in tuple(self.connections):
            each.close()

    def look(self) -> None:
        """Notice that the last call has ended."""
        if self.stopping and not any(each.busy for each in self.connections):
            self._empty.set()


class _Connection(asyncio.Protocol):
    """One client, and its calls."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._greeted = False
        self._out: list[bytes] = []
        self._size = 0
        self._streams: dict[int, _Stream] = {}
        self._last = 0
        self._window = self._initial = 65_535
        self._largest = 16_384
        self._taken = 0
        # Streams that have something to say, and no room for it.
        self._blocked: dict[int, None] = {}
        self._block = b""
        self._begun: tuple[int, int] | None = None
        self._decoder = Decoder()
        # Without a table that changes, the same bytes say the same.
        self._known: dict[bytes, dict[str, str]] = {}

    @property
    def busy(self) -> bool:
        """Whether calls are under way."""
        return bool(self._streams)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self)
        settings = ((_TABLE_SIZE, 0), (_INITIAL_WINDOW, _ROOM), (_FRAME_SIZE, _LARGEST_FRAME))
        self._frame(_SETTINGS, 0, 0, b"".join(struct.pack(">HI", *each) for each in settings))
        self._frame(_WINDOW, 0, 0, struct.pack(">I", _ROOM_FOR_ALL - 65_535))
        self._flush()

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._streams.clear()
        self._blocked.clear()
        self._server.connections.discard(self)
        self._server.look()

    def data_received(self, data: bytes) -> None:
        if self._data:
            data = self._data + data
        start = 0
        try:
            if not self._greeted:
                if data[: len(_PREFACE)] != _PREFACE[: len(data)]:
                    raise ProtocolError(_PROTOCOL_ERROR)
                if len(data) < len(_PREFACE):
                    self._data = data
                    return
                self._greeted, start = True, len(_PREFACE)
            while len(data) >= start + 9:
                length, kind, flags = int.from_bytes(data[start : start + 3], "big"), data[start + 3], data[start + 4]
                if length > _LARGEST_FRAME:
                    raise ProtocolError(_PROTOCOL_ERROR)
                end = start + 9 + length
                if len(data) < end:
                    break
                number = int.from_bytes(data[start + 5 : start + 9], "big") & _LARGEST_WINDOW
                self._take(kind, flags, number, data[start + 9 : end])
                start = end
        except (ProtocolError, HPACKError, struct.error, IndexError) as error:
            code = error.args[0] if isinstance(error, ProtocolError) else _COMPRESSION_ERROR
            self._frame(_GOAWAY, 0, 0, struct.pack(">II", self._last, code))
            self.close()
            return
        self._data = data[start:]
        self._flush()

    def leave(self) -> None:
        """Tell the client to go elsewhere with further calls."""
        self._frame(_GOAWAY, 0, 0, struct.pack(">II", self._last, 0))
        self._flush()

    def close(self) -> None:
        """End it, with what is still to be said."""
        self._flush()
        self._streams.clear()
        if self._transport is not None:
            self._transport.close()

    # What comes

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if self._begun is not None and kind != _CONTINUATION:
            raise ProtocolError(_PROTOCOL_ERROR)
        if kind == _DATA:
            self._take_data(flags, number, payload)
        elif kind == _HEADERS:
            if flags & _PADDED:
                payload = payload[1 : len(payload) - payload[0]]
            self._take_block(flags, number, flags & _END_STREAM, payload[5:] if flags & _PRIORITY else payload)
        elif kind == _CONTINUATION:
            if self._begun is None or self._begun[0] != number:
                raise ProtocolError(_PROTOCOL_ERROR)
            self._take_block(flags, number, self._begun[1], self._block + payload)
        elif kind == _RESET:
            self._forget(number)
        elif kind == _SETTINGS:
            if not flags & _ACK:
                self._take_settings(payload)
        elif kind == _PING:
            if not flags & _ACK:
                self._frame(_PING, _ACK, 0, payload)
        elif kind == _WINDOW:
            self._take_window(number, struct.unpack(">I", payload)[0] & _LARGEST_WINDOW)

    def _take_data(self, flags: int, number: int, payload: bytes) -> None:
        size = len(payload)
        self._taken += size
        if self._taken >= _ROOM_FOR_ALL // 2:
            self._frame(_WINDOW, 0, 0, struct.pack(">I", self._taken))
            self._taken = 0
        stream = self._streams.get(number)
        if stream is None:
            return
        if flags & _PADDED:
            payload = payload[1 : size - payload[0]]
        stream.received += payload
        stream.owed += size
        if stream.owed > _ROOM:
            raise ProtocolError(_FLOW_ERROR)
        stream.ended = bool(flags & _END_STREAM)
        self._advance(stream)

    def _take_block(self, flags: int, number: int, ends: int, block: bytes) -> None:
        if len(block) > _LARGEST_BLOCK:
            raise ProtocolError(_PROTOCOL_ERROR)
        if not flags & _END_HEADERS:
            self._block, self._begun = block, (number, ends)
            return
        self._block, self._begun = b"", None
        fields = self._fields(block)
        stream = self._streams.get(number)
        if stream is not None:
            stream.ended = True
            self._advance(stream)
        elif number % 2 == 0 or number <= self._last:
            # What was reset here may still be on its way there.
            if number > self._last:
                raise ProtocolError(_PROTOCOL_ERROR)
        elif self._server.stopping:
            self._frame(_RESET, 0, number, struct.pack(">I", _REFUSED))
        else:
            self._begin(number, fields, bool(ends))

    def _fields(self, block: bytes) -> dict[str, str]:
        fixed = self._decoder.header_table_size == 0
        if fixed and (known := self._known.get(block)) is not None:
            return known
        fields = {str(name): str(value) for name, value in self._decoder.decode(block)}
        if fixed:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[block] = fields
        return fields

    def _take_settings(self, payload: bytes) -> None:
        for name, value in struct.iter_unpack(">HI", payload):
            if name == _INITIAL_WINDOW:
                for stream in self._streams.values():
                    stream.window += value - self._initial
                self._initial = value
            elif name == _FRAME_SIZE:
                self._largest = value
        self._frame(_SETTINGS, _ACK, 0, b"")
        self._go_on()

    def _take_window(self, number: int, more: int) -> None:
        if number == 0:
            self._window += more
            if self._window > _LARGEST_WINDOW:
                raise ProtocolError(_FLOW_ERROR)
            self._go_on()
        elif (stream := self._streams.get(number)) is not None:
            stream.window += more
            if number in self._blocked:
                self._advance(stream)

    # What is answered

    def _begin(self, number: int, fields: dict[str, str], ended: bool) -> None:
        self._last = number
        call = self._server.accept(fields.get(":path", ""), fields)
        if call is None:
            self._frame(_HEADERS, _END_HEADERS | _END_STREAM, number, _HEAD + _status(_UNKNOWN_METHOD))
            return
        stream = self._streams[number] = _Stream(number, call, self._initial, ended=ended)
        if ended:
            self._advance(stream)

    def _go_on(self) -> None:
        for number in tuple(self._blocked):
            if self._window > 0 and number in self._streams:
                self._advance(self._streams[number])

    def _advance(self, stream: _Stream) -> None:
        """Answer what has come, as far as there is room for it."""
        self._blocked.pop(stream.number, None)
        try:
            while self._sent(stream):
                if stream.call.done:
                    self._end(stream, OK)
                    return
                message = stream.message()
                if message is None:
                    break
                stream.answers = stream.call.take(message)
            else:
                self._blocked[stream.number] = None
                return
        except Exception as error:
            # Without an answer Envoy lets nothing through: what it cannot ask about stays where it is.
            self._server.warn(f"an exchange was given up ({type(error).__name__}: {error})")
            self._end(stream, _FAILED)
            return
        if stream.too_large:
            self._end(stream, _TOO_LARGE)
        elif stream.ended:
            self._end(stream, OK)
        elif stream.owed >= _ROOM // 2:
            self._frame(_WINDOW, 0, stream.number, struct.pack(">I", stream.owed))
            stream.owed = 0

    def _sent(self, stream: _Stream) -> bool:
        """Send all answers that are there; False if there is no room for them."""
        while True:
            while stream.pending:
                room = min(stream.window, self._window, self._largest, len(stream.pending))
                if room <= 0:
                    return False
                self._frame(_DATA, 0, stream.number, bytes(stream.pending[:room]))
                stream.pending = stream.pending[room:]
                stream.window -= room
                self._window -= room
            answer = next(stream.answers, None)
            if answer is None:
                return True
            if not stream.begun:
                stream.begun = True
                self._frame(_HEADERS, _END_HEADERS, stream.number, _HEAD)
            stream.pending = memoryview(b"\0" + len(answer).to_bytes(4, "big") + answer)

    def _end(self, stream: _Stream, status: int) -> None:
        head = b"" if stream.begun else _HEAD
        self._frame(_HEADERS, _END_HEADERS | _END_STREAM, stream.number, head + _status(status))
        self._forget(stream.number)

    def _forget(self, number: int) -> None:
        self._streams.pop(number, None)
        self._blocked.pop(number, None)
        self._server.look()

    def _frame(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        self._out.append(len(payload).to_bytes(3, "big") + bytes((kind, flags)) + number.to_bytes(4, "big"))
        self._out.append(payload)
        self._size += len(payload)
        if self._size >= _ENOUGH:
            self._flush()

    def _flush(self) -> None:
        if self._out and self._transport is not None:
            self._transport.write(b"".join(self._out))
        self._out.clear()
        self._size = 0


def _status(code: int) -> bytes:
    """The field "grpc-status", as HPACK writes it without a table."""
    text = str(code).encode()
    return b"\x00\x0bgrpc-status" + bytes((len(text),)) + text
