"""`consentry envoy` and `consentry processor` as they are used, and misused."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest

from proxy_addon.config import UsageError
from proxy_addon.envoy.bootstrap import Place
from proxy_addon.envoy.command import parse_place
from tests.kit.proxy import run

SITE = ("https://shop.example", "--listen", "127.0.0.1:0", "--no-ledger")


def told(ended: subprocess.CompletedProcess[str]) -> str:
    """The one sentence that a user's mistake is answered with."""
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    return ended.stderr


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("9000", Place(host="127.0.0.1", port=9000)),
        ("0.0.0.0:9000", Place(host="0.0.0.0", port=9000)),
        ("[::1]:9000", Place(host="::1", port=9000)),
        ("unix:/run/one.sock", Place(path="/run/one.sock")),
    ],
)
def test_where_a_processor_listens_is_a_port_an_address_or_a_path(text: str, place: Place) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["", "here", "host:", "host:99999", "host:-1"])
def test_what_is_no_address_of_a_processor_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="is no address of a processor"):
        parse_place(text)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--dashboard", "8079", "--processors", "2"), "use them with `consentry envoy --processors 1`"),
        (("--badge", "--print-config"), "or leave out --dashboard and --badge"),
        (("--processor", "127.0.0.1:9000"), "--processor goes with --print-config"),
        (("--report-leaks", "--processors", "2"), "name a --state"),
        (("--tls-cert", "none.pem"), "There is no file none.pem"),
        (("--http3",), "--http3 needs a certificate"),
        (("--regime", "martian"), "There is no regime 'martian'"),
        (("--state", "redis://127.0.0.1:1", "--processors", "1"), "The state at redis://127.0.0.1:1 cannot be reached"),
    ],
    ids=["dashboard", "badge", "processor", "leaks", "certificate", "http3", "regime", "state"],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(options: tuple[str, ...], says: str, tmp_path: Path) -> None:
    assert says in told(run("envoy", *SITE, *options, folder=tmp_path))


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("envoy", SITE[0], "--listen", f"127.0.0.1:{port}", "--no-ledger", folder=tmp_path)
    assert told(ended) == (
        f"Error: Cannot listen on port {port}: another program uses it; choose another with --listen.\n"
    )


def test_without_a_site_one_is_asked_for(tmp_path: Path) -> None:
    assert "Name the site to stand in front of" in told(run("envoy", "--no-ledger", folder=tmp_path))


def test_the_configuration_is_printed_and_nothing_started(tmp_path: Path) -> None:
    asked = ("--processor", "one:9000", "--processor", "two:9000", "--print-config")
    ended = run("envoy", "https://shop.example", "--listen", "0.0.0.0:8080", *asked, folder=tmp_path)
    assert ended.returncode == 0
    clusters = {each["name"]: each for each in json.loads(ended.stdout)["static_resources"]["clusters"]}
    endpoints = clusters["processors"]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    found = [each["endpoint"]["address"]["socket_address"]["address"] for each in endpoints]
    assert found == ["one", "two"]
