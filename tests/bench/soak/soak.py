"""Runs the soak, and says what came of it."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from proxy_addon.listeners import free_port

from ..loop import run
from ..memory import Memory
from ..processes import BenchError, Running
from .client import Client, Seen
from .traffic import LISTED, asks

CHECKPOINTS = 20
_WORKERS = 48
_ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Soak:
    """What came of it. `leaked` requests for trackers reached the upstream, `said` is what the filter wrote."""

    seen: Seen
    memory: Memory
    seconds: float
    leaked: int
    said: str
    alive: bool

    @property
    def requests(self) -> int:
        """How many there were."""
        return self.seen.right.total() + self.seen.wrong.total()

    @property
    def clean(self) -> bool:
        """Whether everything came out as it should: no crash, no growth, nothing odd, nothing leaked, nothing said."""
        quiet = not self.seen.wrong and not self.leaked and "Traceback" not in self.said
        return self.alive and quiet and self.memory.settled


def measure(requests: int, folder: Path, tell: Callable[[str], None]) -> Soak:
    """Let so many requests pass through a filter. Raises BenchError if it cannot be started."""
    with _upstream(folder) as (plain, secure), _filter(folder, plain, secure) as proxy:
        client = Client(proxy.port, str(folder / "confdir" / "mitmproxy-ca-cert.pem"))
        seen, stream, began = Seen(), asks(requests), time.monotonic()
        points = [(0, proxy.memory())]
        for step in range(1, CHECKPOINTS + 1):
            upto = requests * step // CHECKPOINTS
            run(client.ask_all(islice(stream, upto - points[-1][0]), seen, _WORKERS))
            if proxy.process.poll() is not None:
                break
            points.append((upto, proxy.memory()))
            tell(f"{upto} requests, {points[-1][1] >> 20} MB, {seen.wrong.total()} not as they should be")
        took = time.monotonic() - began
        alive = proxy.process.poll() is None
        count = urllib.request.urlopen(f"http://127.0.0.1:{plain}/count", timeout=10).read()
        return Soak(seen, Memory(tuple(points)), took, int(count), proxy.log(), alive)


def table(soak: Soak) -> str:
    """The figures as a Markdown table."""
    right, wrong = soak.seen.right, soak.seen.wrong
    points = soak.memory.checkpoints
    sizes = (f"{points[index][1] >> 20}" for index in (1, len(points) // 2, -1))
    rows = [
        ("requests", f"{soak.requests:,} in {soak.seconds:.0f} s, {soak.requests / soak.seconds:.0f} a second"),
        ("answered as the upstream answers", f"{right['answered']:,}; otherwise: {wrong['answered']}"),
        ("trackers held", f"{right['held']:,}; otherwise: {wrong['held']}; reached the upstream: {soak.leaked}"),
        ("upstream broken off, reset or talking nonsense", f"{right['broken']:,}; otherwise: {wrong['broken']}"),
        ("upstream stalled", f"{right['stalled']:,}; otherwise: {wrong['stalled']}"),
        ("upstream with a bad certificate", f"{right['refused']:,}; otherwise: {wrong['refused']}"),
        (f"memory after {points[1][0]:,}, half and all of them", f"{', '.join(sizes)} MB"),
        ("growth over the last half", f"{soak.memory.drift:+.1%}"),
        ("crashed", "no" if soak.alive else "yes"),
    ]
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    return "\n".join([*lines, *(f"- {each}" for each in soak.seen.odd)])


@contextmanager
def _upstream(folder: Path) -> Iterator[tuple[int, int]]:
    (folder / "upstream").mkdir()
    command = [sys.executable, "-m", "tests.bench.soak.upstream", str(folder / "upstream")]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ports = process.stdout.readline().split()
        if len(ports) != 2:
            raise BenchError("The upstream of the soak did not start.")
        try:
            yield int(ports[0]), int(ports[1])
        finally:
            process.terminate()


@contextmanager
def _filter(folder: Path, plain: int, secure: int) -> Iterator[Running]:
    """A filter with a list, whose every host is the upstream."""
    state = {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state")}
    listed = folder / "listed.txt"
    listed.write_text(f"! Title: Listed\n{LISTED}", "ascii")
    port = free_port()
    program = [sys.executable, "-m", "proxy_addon"]
    brought = [*program, "rules", "import", str(listed), "--category", "marketing"]
    brought += ["--into", str(folder / "config" / "consentry" / "lists")]
    # mitmproxy listens before it has made its authority, which takes a while.
    shown = [*program, "ca", "show", "--confdir", str(folder / "confdir")]
    for before in (brought, shown):
        subprocess.run(before, cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)
    command = [*program, "filter", "--listen", f"127.0.0.1:{port}", "--confdir", str(folder / "confdir"), "--quiet"]
    command += ["--no-dashboard", "--upstream-ca", str(folder / "upstream" / "authority.pem")]
    command += ["--resolve", f"*:80:127.0.0.1:{plain}", "--resolve", f"*:443:127.0.0.1:{secure}"]
    running = Running("the filter", command, port, folder, state)
    try:
        running.wait_until_it_listens()
        yield running
    finally:
        running.stop()
