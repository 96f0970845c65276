"""Consentry asks for an address of its own accord: where it is told to, and never longer than it may."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

import pytest

from proxy_addon.ask import Fetcher
from proxy_addon.resolve import Resolver, parse_entry

from .kit.certificates import Authority
from .kit.messages import Request, Response
from .kit.network import Network

URL = "https://cdn.relay.test/sources/K1/settings?x=1"


def fetcher(network: Network, authorities: Path | None, *, insecure: bool = False) -> Fetcher:
    where = Resolver([parse_entry(f"*:443:127.0.0.1:{network.secure.port}")])
    return Fetcher(where, authorities=authorities, insecure=insecure)


def answering(
    network: Network, body: bytes | Iterable[bytes] = b"{}", status: int = 200, fields: dict[str, str] | None = None
) -> list[Request]:
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return Response(body, list((fields or {}).items()), status)

    network.host("cdn.relay.test", answer)
    return asked


def test_an_address_is_got_from_where_the_configuration_says(network: Network, authority: Authority) -> None:
    asked = answering(network, b'{"a":1}')
    assert fetcher(network, authority.pem)(URL) == '{"a":1}'
    assert [request.url for request in asked] == [URL]
    assert asked[0].header("cookie") == ""


def test_a_body_may_come_in_pieces(network: Network, authority: Authority) -> None:
    answering(network, [b'{"a"', b":1}"], fields={"transfer-encoding": "chunked"})
    assert fetcher(network, authority.pem)(URL) == '{"a":1}'


def test_a_body_may_come_coded_though_nobody_asked_for_it(network: Network, authority: Authority) -> None:
    answering(network, gzip.compress(b"{}"), fields={"content-encoding": "gzip"})
    assert fetcher(network, authority.pem)(URL) == "{}"
    for body, coding in ((b"{}", "gzip"), (b"{}", "snappy"), (b"\xff", "identity")):
        answering(network, body, fields={"content-encoding": coding})
        assert fetcher(network, authority.pem)(URL) is None


def test_a_host_that_nobody_vouches_for_is_not_believed(network: Network) -> None:
    answering(network)
    assert fetcher(network, None)(URL) is None
    assert fetcher(network, None, insecure=True)(URL) == "{}"


@pytest.mark.parametrize("status", [301, 404, 500])
def test_only_a_success_counts(network: Network, authority: Authority, status: int) -> None:
    answering(network, status=status, fields={"location": "https://cdn.relay.test/other"})
    assert fetcher(network, authority.pem)(URL) is None


def test_what_is_too_long_is_not_taken(network: Network, authority: Authority) -> None:
    answering(network, b" " * (9 * 1024 * 1024))
    assert fetcher(network, authority.pem)(URL) is None


def test_a_body_that_takes_too_long_is_not_waited_for(
    network: Network, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(network)
    clock = iter([0.0, 60.0])
    monkeypatch.setattr("proxy_addon.ask.time.monotonic", lambda: next(clock, 60.0))
    assert fetcher(network, authority.pem)(URL) is None


@pytest.mark.parametrize("url", ["http://cdn.relay.test/x", "nonsense", "https://", "https://a b/"])
def test_what_is_no_secure_address_is_not_asked(network: Network, url: str) -> None:
    assert fetcher(network, None)(url) is None


def test_nobody_there_is_no_answer() -> None:
    assert Fetcher(Resolver([parse_entry("*:443:127.0.0.1:1")]))(URL) is None
