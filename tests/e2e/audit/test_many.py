"""Audits of many addresses with real browsers: here, on a real cluster, and across a stop."""

from __future__ import annotations

import json
import platform
import signal
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest

from proxy_addon.audit.many.store import JOURNAL, part_files
from proxy_addon.audit.many.summary import summarise
from tests.kit.certificates import Authority
from tests.kit.fleet import Cluster, sites, start, violating, wait_for
from tests.kit.messages import Request, Response
from tests.kit.network import Network
from tests.kit.proxy import run

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@pytest.fixture
def arguments(network: Network, authority: Authority, confdir: Path) -> tuple[str, ...]:
    """How the command reaches the fake network, and looks at one state only."""
    return (
        *("--states", "nothing", "--quiet-for", "0.2", "--delay", "0", "--confdir", str(confdir)),
        *("--upstream-ca", str(authority.pem), "--resolve", f"*:443:127.0.0.1:{network.secure.port}"),
    )


def test_a_fleet_that_was_stopped_goes_on_where_it_was(
    network: Network, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    # (Chromium itself refuses this port.)
    urls = [*sites(network, 6), "http://localhost:1/"]
    command = ("audit", *_fleet(tmp_path, urls), "--workers", "2", *arguments)
    first = start("proxy_addon", *command, folder=tmp_path)
    wait_for(lambda: len(_lines(tmp_path)) >= 2, "the second result", [first])
    # Not even asked: whatever it had under way is lost.
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = _lines(tmp_path)
    assert len(before) < len(urls)
    done = run(*command, "--json", folder=tmp_path, timeout=240)
    assert done.returncode == 1, done.stderr
    assert _lines(tmp_path)[: len(before)] == before
    _check(tmp_path, urls)
    summary = json.loads(done.stdout)
    assert (summary["pages"], summary["failed"], summary["violating"]) == (6, 1, violating(6))
    assert [each["failure"] for each in summary["failures"]] == ["unreachable"]
    assert [each["host"] for each in summary["hosts"]] == ["cdn.stranger.example"]
    # Nothing is left: a third time nobody is visited.
    seen = _lines(tmp_path)
    assert run(*command, folder=tmp_path, timeout=120).returncode == 1
    assert _lines(tmp_path) == seen


def test_what_passes_a_limit_is_given_up_and_recorded(
    network: Network, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    takes = "<script>const all = []; for (let n = 0; n < 40; n++) all.push(new Uint8Array(1 << 25).fill(1))</script>"
    hungry, slow = *sites(network, 1, takes), "https://slow.example/"
    network.host("slow.example", _never)
    limits = ("--page-memory", "1000", "--page-timeout", "20", "--workers", "1")
    done = run("audit", *_fleet(tmp_path, [hungry, slow]), *limits, *arguments, folder=tmp_path, timeout=240)
    assert done.returncode == 2, done.stderr
    assert {each.url: each.failure for each in summarise(tmp_path / "out").failures} == {
        hungry: "memory",
        slow: "time",
    }


@pytest.mark.parametrize(("count", "end"), [(24, signal.SIGKILL), (9, signal.SIGTERM)], ids=["killed", "leaving"])
def test_a_cluster_that_loses_a_worker_looks_at_each_address_once(
    count: int, end: signal.Signals, network: Network, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    urls = sites(network, count)
    with Cluster(tmp_path, workers=2) as cluster:
        command = ("audit", *_fleet(tmp_path, urls), "--cluster", cluster.address, *arguments)
        audit = start("proxy_addon", *command, folder=tmp_path)
        wait_for(lambda: {str(each["worker"]) for each in _lines(tmp_path)} >= _ids(cluster), "both workers", [audit])
        orphans = psutil.Process(cluster.workers[0].pid).children(recursive=True)
        cluster.workers[0].send_signal(end)
        # Its browser ends with it, though nobody was left to end it.
        assert orphans
        assert psutil.wait_procs(orphans, timeout=60)[1] == []
        assert len(_lines(tmp_path)) < len(urls)
        assert audit.wait(timeout=240) == 1, (tmp_path / "said.txt").read_text()
    _check(tmp_path, urls)
    summary = summarise(tmp_path / "out")
    assert (summary.pages, summary.failed, summary.violating) == (count, 0, violating(count))


def test_a_cluster_that_is_not_there_is_said_to_be_so(arguments: tuple[str, ...], tmp_path: Path) -> None:
    fleet = _fleet(tmp_path, ["https://a.example/"])
    done = run("audit", *fleet, "--cluster", "tcp://127.0.0.1:9", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert "There is no Dask scheduler at tcp://127.0.0.1:9" in done.stderr


def _never(_: Request) -> Response:
    """A page whose script never ends, so that it never finishes loading."""
    body = b"<!doctype html><title>Slow</title><script>for (;;);</script>"
    return Response(body, [("content-type", "text/html")])


def _fleet(folder: Path, urls: Sequence[str]) -> tuple[str, ...]:
    (folder / "urls.txt").write_text("\n".join(urls))
    return ("--urls", "urls.txt", "--output", "out")


def _lines(folder: Path) -> list[dict[str, Any]]:
    """The results so far, but for one that is just being written."""
    journal = folder / "out" / JOURNAL
    text = journal.read_text("utf-8") if journal.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _ids(cluster: Cluster) -> set[str]:
    return {f"{platform.node()}:{each.pid}" for each in cluster.workers}


def _check(folder: Path, urls: Sequence[str]) -> None:
    """Each address is in the journal once, and once in the parts."""
    parquet: Any = import_module("pyarrow.parquet")
    parts = [url for part in part_files(folder / "out") for url in parquet.read_table(part)["url"].to_pylist()]
    assert sorted(parts) == sorted(urls)
    assert sorted(each["url"] for each in _lines(folder)) == sorted(urls)
