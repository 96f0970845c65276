"""Other names of hosts are looked up once, in time or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from proxy_addon.config import UsageError
from proxy_addon.filter.aliases import Aliases, parse_server

from ..kit.dns import NameServer

CHAINS = {
    "metrics.shop.test": ("shop.vendor.test", "edge.vendor.test"),
    "www.shop.test": (),
}


@pytest.fixture
def server() -> Iterator[NameServer]:
    server = NameServer(CHAINS, frozenset({"slow.shop.test"}))
    yield server
    server.close()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def aliases(server: NameServer, clock: Clock | None = None) -> Aliases:
    return Aliases(("127.0.0.1", server.port), clock or Clock())


def test_the_chain_of_names_is_told_from_the_nearest_on(server: NameServer) -> None:
    assert asyncio.run(aliases(server).names("metrics.shop.test")) == ("shop.vendor.test", "edge.vendor.test")


@pytest.mark.parametrize(
    "host", ["www.shop.test", "nowhere.shop.test", "slow.shop.test", "a..b.test", "x" * 70 + ".test"]
)
def test_a_host_without_other_names_or_answer_has_none(server: NameServer, host: str) -> None:
    assert asyncio.run(aliases(server).names(host)) == ()


def test_a_host_is_asked_for_once_and_again_when_its_time_is_over(server: NameServer) -> None:
    clock = Clock()
    looked = aliases(server, clock)

    async def twice() -> None:
        assert looked.known("metrics.shop.test") is None
        await asyncio.gather(*(looked.names("metrics.shop.test") for _ in range(5)))
        assert looked.known("metrics.shop.test") == CHAINS["metrics.shop.test"]
        clock.now += 299
        await looked.names("metrics.shop.test")
        assert server.asked == ["metrics.shop.test"]
        clock.now += 2
        assert looked.known("metrics.shop.test") is None
        await looked.names("metrics.shop.test")
        assert server.asked == ["metrics.shop.test"] * 2

    asyncio.run(twice())


def test_a_host_that_is_not_answered_is_not_asked_for_at_once_again(server: NameServer) -> None:
    looked = aliases(server)

    async def twice() -> None:
        await looked.names("slow.shop.test")
        assert looked.known("slow.shop.test") == ()

    asyncio.run(twice())


def test_whoever_waits_gets_the_answer_though_the_first_went_away(server: NameServer) -> None:
    looked = aliases(server)

    async def leave() -> None:
        first = asyncio.ensure_future(looked.names("metrics.shop.test"))
        second = asyncio.ensure_future(looked.names("metrics.shop.test"))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == CHAINS["metrics.shop.test"]

    asyncio.run(leave())


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("", None),
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
    ],
)
def test_a_dns_server_is_read(text: str, server: tuple[str, int] | None) -> None:
    assert parse_server(text) == server


@pytest.mark.parametrize("text", ["dns.example", "192.0.2.53:x", "192.0.2.53:0", "192.0.2.53:70000", "[::1"])
def test_what_is_no_dns_server_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no DNS server"):
        parse_server(text)
