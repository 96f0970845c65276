"""What is written at nearly the same time goes out together, in its order, and nothing is lost at the end."""

from __future__ import annotations

import asyncio
from typing import cast

from proxy_addon import gathering
from proxy_addon.gathering import GatheringWriter


class _Sent:
    """A stream's writer that keeps what it is given."""

    def __init__(self) -> None:
        self.said: list[bytes | str] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.said.append(data)

    async def drain(self) -> None:
        self.said.append("drained")

    def write_eof(self) -> None:
        self.said.append("eof")

    def close(self) -> None:
        self.said.append("closed")
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


def _writer(sent: _Sent) -> GatheringWriter:
    return GatheringWriter(cast("asyncio.StreamWriter", sent))


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_what_is_written_in_one_turn_and_the_next_goes_out_in_one_piece() -> None:
    async def run() -> list[bytes | str]:
        sent = _Sent()
        writer = _writer(sent)
        writer.write(b"head ")
        writer.write(b"body ")
        await _turns(1)
        assert sent.said == []
        writer.write(b"end")
        await _turns(3)
        return sent.said

    assert asyncio.run(run()) == [b"head body end"]


def test_what_comes_later_goes_out_by_itself() -> None:
    async def run() -> list[bytes | str]:
        sent = _Sent()
        writer = _writer(sent)
        writer.write(b"one")
        await _turns(4)
        writer.write(b"two")
        await _turns(4)
        return sent.said

    assert asyncio.run(run()) == [b"one", b"two"]


def test_nothing_is_left_behind_by_what_ends_a_connection() -> None:
    async def run() -> list[bytes | str]:
        sent = _Sent()
        writer = _writer(sent)
        writer.write(b"one")
        await writer.drain()
        writer.write(b"two")
        writer.write_eof()
        writer.write(b"three")
        writer.close()
        await _turns(4)
        return sent.said

    assert asyncio.run(run()) == [b"one", "drained", b"two", "eof", b"three", "closed"]


def test_a_connection_that_is_gone_is_sent_nothing() -> None:
    async def run() -> list[bytes | str]:
        sent = _Sent()
        writer = _writer(sent)
        writer.write(b"one")
        sent.closing = True
        await _turns(4)
        return sent.said

    assert asyncio.run(run()) == []


def test_much_does_not_wait() -> None:
    async def run() -> list[bytes | str]:
        sent = _Sent()
        writer = _writer(sent)
        writer.write(b"x" * gathering._LONG)
        writer.write(b"y")
        return list(sent.said)

    assert asyncio.run(run()) == [b"x" * gathering._LONG + b"y"]


def test_it_has_whatever_else_a_writer_has() -> None:
    async def run() -> str:
        return str(_writer(_Sent()).get_extra_info("peername"))

    assert asyncio.run(run()) == "the peername"
