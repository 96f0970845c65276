"""What is captured without a proxy being set: programs of this machine, and a WireGuard tunnel."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import mitmproxy_rs
import pytest
from mitmproxy.proxy.mode_specs import ProxyMode

from proxy_addon.config import UsageError
from proxy_addon.listeners import Listener
from proxy_addon.proxy import captures

from ..kit.proxy import Proxy
from ..kit.server import Server
from ..kit.site import Site
from ..kit.wireguard import Tunnel, ask
from ..test_addon import flow_of, gate, here  # noqa: F401 - the fixture makes acme the only vendor


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Let this machine be one that can capture programs, or cannot for this reason."""

    def able(why: str | None) -> None:
        class Redirector:
            @staticmethod
            def unavailable_reason() -> str | None:
                return why

        monkeypatch.setattr(mitmproxy_rs.local, "LocalRedirector", Redirector)

    return able


def test_programs_are_captured_by_name_or_all_of_them(able: Callable[[str | None], None]) -> None:
    able(None)
    assert [each.spec for each in captures("curl,firefox", None)] == ["local:curl,firefox"]
    assert [each.spec for each in captures("all", None)] == ["local"]


def test_where_programs_cannot_be_captured_one_sentence_says_why(able: Callable[[str | None], None]) -> None:
    able("Linux kernel 5.4 is too old.")
    with pytest.raises(UsageError) as caught:
        captures("all", None)
    assert str(caught.value) == (
        "--local does not work here: Linux kernel 5.4 is too old. Set the proxy in the programs themselves, or use "
        "--wireguard."
    )


def test_an_old_mitmproxy_on_linux_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(mitmproxy_rs.local, "LocalRedirector", type("Redirector", (), {}))
    with pytest.raises(UsageError, match="version 12 can"):
        captures("all", None)


@pytest.mark.parametrize(
    ("given", "spec"), [("51820", "wireguard@51820"), ("127.0.0.1:51820", "wireguard@127.0.0.1:51820")]
)
def test_a_tunnel_listens_for_other_devices_unless_a_host_is_named(given: str, spec: str) -> None:
    assert [each.spec for each in captures(None, given)] == [spec]


def test_without_either_there_is_nothing_more_to_listen_on() -> None:
    assert captures(None, None) == []


@pytest.mark.parametrize("spec", [Listener("", 51820, None, "wireguard").spec, "local"])
def test_what_is_captured_is_judged_by_the_host_that_it_names(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = flow_of(
        "https://203.0.113.80/a.js", host="cdn.acme.test", sec_fetch_dest="script", referer="https://shop.test/"
    )
    try:
        flow.client_conn.proxy_mode = ProxyMode.parse(spec)
    except ValueError:
        pytest.skip("this mitmproxy has no such mode here")
    gate().requestheaders(flow)
    assert flow.response is not None
    assert flow.response.headers["x-consentry"] == "held; vendor=acme"


@pytest.fixture(scope="module")
def tunnelled(confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, str]]:
    """A filter with a tunnel, in which 203.0.113.9 is a shop, and how a device is set up for it."""
    site = Site()
    site.page("/", b"<!doctype html><html><head><title>shop</title></head><body>open</body></html>")
    folder = tmp_path_factory.mktemp("tunnel")
    environment = {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with closing(Server(site)) as server:
        led = server.url.rpartition(":")[2]
        arguments = [*("filter", "--confdir", str(confdir), "--wireguard", "127.0.0.1:0")]
        arguments += ["--resolve", f"203.0.113.9:80:127.0.0.1:{led}"]
        with Proxy(*arguments, folder=folder, environment=environment) as proxy:
            proxy.wait_for_line(lambda line: line.get("mode") == "wireguard", timeout=60)
            (line,) = [each for each in proxy.lines if each.get("mode") == "wireguard"]
            port = line["listen"].rpartition(":")[2]
            assert int(port) > 0
            assert f"Endpoint = 127.0.0.1:{port}" in line["client"]
            yield proxy, line["client"]


def through(tunnel: Tunnel, address: str, host: str, path: str, **fields: str) -> str:
    said = {"Host": host, "Connection": "close", **{name.replace("_", "-"): value for name, value in fields.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return ask(tunnel, address, 80, f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()).decode("latin-1")


def test_what_a_device_sends_through_the_tunnel_is_judged(tunnelled: tuple[Proxy, str]) -> None:
    proxy, configuration = tunnelled
    with closing(Tunnel(configuration)) as tunnel:
        page = through(tunnel, "203.0.113.9", "shop.example", "/", Sec_Fetch_Dest="document")
        assert page.startswith("HTTP/1.1 200 ")
        assert "data-consentry-runtime" in page
        assert "open</body>" in page
        held = through(tunnel, "203.0.113.80", "px.ads.linkedin.com", "/collect/?pid=1", Referer="http://shop.example/")
    assert "x-consentry: held; vendor=linkedin-insight-tag" in held
    proxy.wait_for_verdict(lambda row: (row.vendor, row.outcome) == ("linkedin-insight-tag", "answered"), timeout=60)


def test_a_tunnel_ends_with_the_filter(confdir: Path, tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    arguments = ("filter", "--confdir", str(confdir), "--wireguard", "127.0.0.1:0")
    with Proxy(*arguments, folder=tmp_path, environment=environment) as proxy:
        proxy.wait_for_line(lambda line: line.get("mode") == "wireguard", timeout=60)
        assert proxy.interrupt(timeout=60) == 0
        assert "Traceback" not in proxy.stderr
