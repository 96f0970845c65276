"""The dashboard's options, as the command takes them: refusals in a sentence, and what it prints when it starts."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy_addon.setup import Choices, open_dashboard
from tests.kit.client import fetch
from tests.kit.proxy import Proxy, run
from tests.kit.server import Server
from tests.kit.site import Site

TOKEN = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    server = Server(Site())
    yield server.url
    server.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--dashboard", "0.0.0.0:0"], "set CONSENTRY_DASHBOARD_TOKEN to a secret of 16 or more characters"),
        (["--badge", "--no-dashboard"], "leave out --no-dashboard, or --badge"),
    ],
)
def test_what_can_not_be_is_refused_in_a_sentence(options: list[str], says: str, upstream: str, tmp_path: Path) -> None:
    ended = run(upstream, "--listen", "127.0.0.1:0", "--confdir", str(tmp_path), *options, folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Error: ")
    assert says in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_told_and_nothing_starts(upstream: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(upstream, "--listen", "127.0.0.1:0", "--dashboard", str(port), folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"127.0.0.1:{port}: another program uses it" in ended.stderr


@pytest.fixture(scope="module")
def started(upstream: str, confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    options = ("--confdir", str(confdir), "--dashboard", "127.0.0.1:0")
    folder, environment = tmp_path_factory.mktemp("work"), {"CONSENTRY_DASHBOARD_TOKEN": TOKEN}
    with Proxy(upstream, *options, folder=folder, environment=environment) as proxy:
        yield proxy


def test_it_says_where_it_is_and_keeps_the_token_to_itself(started: Proxy) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{16,}", started.dashboard)
    assert TOKEN not in str(started.stray) + started.stderr + started.dashboard
    assert fetch(started.dashboard.partition("?")[0]).status == 303


def test_it_ends_with_the_proxy_even_while_somebody_watches(upstream: str, confdir: Path, tmp_path: Path) -> None:
    with Proxy(upstream, "--confdir", str(confdir), "--dashboard", "127.0.0.1:0", folder=tmp_path) as proxy:
        host, _, port = proxy.dashboard.rstrip("/").removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as viewer:
            viewer.sendall(f"GET /api/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            assert viewer.recv(100).startswith(b"HTTP/1.1 200")
            assert proxy.interrupt() == 0
        assert proxy.stray == []
        assert proxy.stderr == ""


def test_without_a_dashboard_there_is_none() -> None:
    assert open_dashboard("", "", lambda _: None, badge=False) is None
    assert Choices().badge is False
