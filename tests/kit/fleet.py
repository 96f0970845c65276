"""Many generated sites with known truth, and a real Dask cluster of processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from .network import Network
from .site import Site

_ROOT = Path(__file__).resolve().parents[2]
_POLL, _PATIENCE = 0.1, 120.0
_GA = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-ABCDE12345"></script>'
_STRANGER = '<script async src="https://cdn.stranger.example/a.js"></script>'
# What stands in a site's page, by its number: nothing, a vendor that asks nobody, a third party that nobody knows.
_KINDS = ("", _GA, _STRANGER)


def sites(network: Network, count: int, body: str = "", files: dict[str, bytes] | None = None) -> list[str]:
    """So many sites, each on a host of its own; their addresses. Every third violates, beginning with the second.

    `body` stands in each page too, and each serves `files`, which are scripts.
    """
    urls = []
    for number in range(count):
        site = Site()
        site.page("/", _page(number, body))
        for path, content in (files or {}).items():
            site.page(path, content, "text/javascript; charset=utf-8")
        network.host(f"site-{number:03}.example", site)
        urls.append(f"https://site-{number:03}.example/")
    return urls


def violating(count: int) -> int:
    """How many of so many sites have a violation."""
    return len(range(1, count, len(_KINDS)))


def _page(number: int, body: str) -> bytes:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Site {number}</title>'
        f'<link rel="icon" href="data:,">{_KINDS[number % len(_KINDS)]}</head>'
        f"<body><h1>Site {number}</h1>{body}</body></html>"
    ).encode()


def wait_for(
    condition: Callable[[], bool],
    what: str,
    alive: Sequence[subprocess.Popen[str]] = (),
    patience: float = _PATIENCE,
) -> None:
    """Wait until a condition holds, while these processes live."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"{what} did not come"
        assert all(each.poll() is None for each in alive), f"a process ended before {what}"
        time.sleep(_POLL)


def start(*command: str, folder: Path) -> subprocess.Popen[str]:
    """A program of this interpreter's, with this tree's modules."""
    with (folder / "said.txt").open("a") as said:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            text=True,
        )


class Cluster:
    """A Dask scheduler, and workers without a nanny that would start them again; each a process."""

    def __init__(self, folder: Path, workers: int) -> None:
        """Start them, and wait until the scheduler says where it is."""
        self._file = folder / "scheduler.json"
        where = ("--scheduler-file", str(self._file))
        self._scheduler = start(
            *("distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1", *where),
            folder=folder,
        )
        self.workers = [
            start(
                *("distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1", "--no-dashboard", *where),
                folder=folder,
            )
            for _ in range(workers)
        ]
        wait_for(self._listens, "the scheduler", [self._scheduler])

    @property
    def address(self) -> str:
        """Where the scheduler is."""
        return str(json.loads(self._file.read_bytes())["address"])

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in [*self.workers, self._scheduler]:
            process.terminate()
        for process in [*self.workers, self._scheduler]:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _listens(self) -> bool:
        try:
            return bool(self.address)
        except (OSError, ValueError):
            return False
