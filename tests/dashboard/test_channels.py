"""The channels of pages: who is let in, who hears what, and what a page that comes too late still gets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from proxy_addon.dashboard.channels import Channel, Channels

from .world import WHO

OTHER = replace(WHO, visitor="ffffffffffffffff")


class World:
    """Channels with a clock of their own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.owed = 0
        self.listening: dict[str, int] = {}
        self.channels = Channels(self.listening.__setitem__, lambda _: self.owed, lambda: self.now)

    def open(self) -> Channel:
        channel = self.channels.open(WHO)
        assert channel is not None
        return channel


def run(test: Callable[[World], None]) -> None:
    """Run on a loop, as queues want."""

    async def on_loop() -> None:
        test(World())

    asyncio.run(on_loop())


def heard(channel: Channel) -> list[dict[str, Any] | None]:
    found = []
    while not channel._queue.empty():
        found.append(channel._queue.get_nowait())
    return found


def test_a_ticket_lets_its_visitor_in_once_and_for_a_while() -> None:
    def test(world: World) -> None:
        ticket = world.channels.ticket(WHO)
        assert world.channels.redeem(ticket) == WHO
        assert world.channels.redeem(ticket) is None
        late = world.channels.ticket(WHO)
        world.now = 11.0
        assert world.channels.redeem(late) is None

    run(test)


def test_a_flood_of_tickets_makes_old_ones_void() -> None:
    def test(world: World) -> None:
        first = world.channels.ticket(WHO)
        for _ in range(1000):
            world.channels.ticket(OTHER)
        assert world.channels.redeem(first) is None

    run(test)


def test_an_order_is_heard_by_the_pages_of_its_visitor() -> None:
    def test(world: World) -> None:
        mine, other = world.open(), world.channels.open(OTHER)
        assert other is not None
        assert world.channels.send(WHO.visitor, 1, {"cookie": "x"}) == 1
        assert (heard(mine), heard(other)) == ([{"cookie": "x"}], [])
        assert world.channels.send("nobody", 2, {}) == 0

    run(test)


def test_a_page_that_comes_next_gets_what_the_last_one_did_not_carry_out() -> None:
    def test(world: World) -> None:
        world.open()
        world.channels.send(WHO.visitor, 1, {"cookie": "x"})
        world.owed = 1
        assert heard(world.open()) == [{"cookie": "x"}]
        world.owed = 0
        assert heard(world.open()) == []

    run(test)


def test_what_is_owed_for_long_is_owed_no_more() -> None:
    def test(world: World) -> None:
        world.open()
        world.channels.send(WHO.visitor, 1, {"cookie": "x"})
        world.owed, world.now = 1, 11.0
        assert heard(world.open()) == []

    run(test)


def test_a_page_that_stops_reading_loses_the_oldest() -> None:
    def test(world: World) -> None:
        channel = world.open()
        for number in range(100):
            world.channels.send(WHO.visitor, number, {"number": number})
        found = heard(channel)
        assert (len(found), found[-1]) == (32, {"number": 99})

    run(test)


def test_whoever_goes_is_not_counted_any_more() -> None:
    def test(world: World) -> None:
        first, second = world.open(), world.open()
        assert world.listening == {WHO.visitor: 2}
        world.channels.close(first)
        world.channels.close(first)
        world.channels.close(second)
        assert world.listening == {WHO.visitor: 0}

    run(test)


def test_only_so_many_are_open_at_once() -> None:
    def test(world: World) -> None:
        opened = [world.channels.open(replace(WHO, visitor=f"{number:016x}")) for number in range(201)]
        assert [channel is None for channel in opened] == [*[False] * 200, True]
        assert len(world.listening) == 200

    run(test)


def test_at_the_end_everybody_is_sent_home() -> None:
    def test(world: World) -> None:
        channel = world.open()
        world.channels.end()
        assert heard(channel) == [None]

    run(test)
