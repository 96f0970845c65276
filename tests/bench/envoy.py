"""Consentry on Envoy beside bare Envoy, Consentry on mitmproxy and bare mitmdump, in one run."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from proxy_addon.catalogue.load import load_rules
from proxy_addon.envoy.bootstrap import Place, bootstrap
from proxy_addon.envoy.supervise import envoy_program
from proxy_addon.listeners import Listener, Transport, free_port
from tests.kit.proxy import children

from .load import Load, asynchronous, mixed, mixed_by_wrk, with_wrk, wrk
from .payloads import Payload, payloads
from .processes import BARE, Running, command, upstream
from .suite import Plan, check

BARE_ENVOY, ONE, TWO = "bare Envoy", "on Envoy, 1 processor", "on Envoy, 2 processors"
MITMPROXY = "on mitmproxy"
PROXIES = (BARE_ENVOY, ONE, TWO, MITMPROXY, BARE)
# Assets that a page brings with it.
ASSETS = 30
# As many processors as do best on the machine: with few cores a second one is in the way.
OURS = (ONE, TWO)
# What is to be reached: beside which proxy, how many times as many requests a second.
_TARGETS = ((BARE_ENVOY, 0.9), (MITMPROXY, 3.0), (MITMPROXY, 8.0))


@dataclass(slots=True)
class Measured:
    """The runs of all rounds on one kind of load, by proxy, and what is to be reached."""

    name: str
    target: tuple[str, float]
    loads: dict[str, list[Load]] = field(default_factory=lambda: {name: [] for name in PROXIES})
    costs: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in PROXIES})

    def cost(self, proxy: str) -> float:
        """Seconds of processor time for a request, of all its processes: what a busy machine changes least."""
        return statistics.median(self.costs[proxy])

    def per_second(self, proxy: str) -> float:
        """Requests a second: the median of the rounds."""
        return statistics.median(load.per_second for load in self.loads[proxy])

    def p99(self, proxy: str) -> float:
        """Seconds within which 99 of 100 requests were answered: the median of the rounds."""
        return statistics.median(load.p99 for load in self.loads[proxy])

    def ratio(self, proxy: str) -> float:
        """How many times as many requests a second as what it is to be compared with: the median of the rounds'."""
        pairs = zip(self.loads[proxy], self.loads[self.target[0]], strict=True)
        return statistics.median(one.per_second / other.per_second for one, other in pairs)


def measure(plan: Plan, tell: Callable[[str], None] = lambda _: None) -> list[Measured]:
    """Load each proxy in turn, round after round. Raises BenchError, UsageError and RulesError."""
    page, data, *_ = payloads()
    use_wrk = with_wrk() and not plan.plain
    single = wrk if use_wrk else asynchronous
    mix = mixed_by_wrk if use_wrk else mixed

    def one(payload: Payload) -> Callable[[Running], Load]:
        return lambda proxy: single(proxy.url + payload.path, payload.destination, plan.seconds)

    kinds: list[tuple[str, Callable[[Running], Load]]] = [
        ("1 KB JSON", one(data)),
        ("60 KB page, 12 vendor tags", one(page)),
        (f"1 page : {ASSETS} assets", lambda proxy: mix(proxy.url, page, data, ASSETS, plan.seconds)),
    ]
    found = [Measured(name, target) for (name, _), target in zip(kinds, _TARGETS, strict=True)]
    with tempfile.TemporaryDirectory(prefix="consentry-bench-") as name:
        folder = Path(name)
        with upstream((page, data), folder, plain=plan.plain) as site, _running(site.url, folder) as running:
            for proxy, each in running.items():
                check(each, page, holds=proxy not in (BARE, BARE_ENVOY))
            for number in range(plan.rounds):
                tell(f"round {number + 1} of {plan.rounds}")
                for measured, (_, load) in zip(found, kinds, strict=True):
                    for proxy in PROXIES:
                        before = _used(running[proxy])
                        measured.loads[proxy].append(load(running[proxy]))
                        cost = (_used(running[proxy]) - before) / measured.loads[proxy][-1].requests
                        measured.costs[proxy].append(cost)
    return found


def table(found: Sequence[Measured]) -> str:
    """The results as a Markdown table."""
    lines = ["| req/s (p99) | " + " | ".join(PROXIES) + " | ratio | to reach |", "|---" * (len(PROXIES) + 3) + "|"]
    for each in found:
        cells = [f"{each.per_second(proxy):,.0f} ({each.p99(proxy) * 1000:.0f} ms)" for proxy in PROXIES]
        beside, least = each.target
        best = max(OURS, key=each.ratio)
        reached = "reached" if each.ratio(best) >= least else "not reached"
        ratio = f"{each.ratio(best):.2f} times {beside} ({best.rpartition(', ')[2]})"
        lines.append(f"| {each.name} | " + " | ".join(cells) + f" | {ratio} | {least:g}: {reached} |")
    lines += ["", "| processor time for a request | " + " | ".join(PROXIES) + " |", "|---" * (len(PROXIES) + 1) + "|"]
    for each in found:
        cells = [f"{each.cost(proxy) * 1e6:,.0f} µs" for proxy in PROXIES]
        lines.append(f"| {each.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _used(proxy: Running) -> float:
    """The seconds of processor time that a proxy and all that it started have used (Linux)."""
    pids = [proxy.process.pid, *(pid for pid, _ in children(proxy.process.pid))]
    fields = [Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _running(site: str, folder: Path) -> Iterator[dict[str, Running]]:
    """Every proxy in front of a site."""
    with ExitStack() as stack:
        running: dict[str, Running] = {}
        for name in PROXIES:
            port = free_port()
            running[name] = Running(name, _command(name, site, port, folder), port, folder)
            stack.callback(running[name].stop)
        for proxy in running.values():
            proxy.wait_until_it_listens()
        yield running


def _command(name: str, site: str, port: int, folder: Path) -> list[str]:
    if name == BARE:
        return command(BARE, site, port, folder / f"confdir-{port}")
    if name == BARE_ENVOY:
        path = folder / "bare.json"
        path.write_text(json.dumps(_bare(site, port)), "utf-8")
        return [
            *(envoy_program(), "--config-path", str(path), "--use-dynamic-base-id", "--log-level", "error"),
            *("--concurrency", str(os.cpu_count() or 1)),
        ]
    listen = ("--listen", f"127.0.0.1:{port}", "--no-dashboard", "--quiet")
    # Where evidence goes is the same for all.
    ledger = ("--ledger", str(folder / f"evidence-{port}.db"))
    start = [sys.executable, "-m", "proxy_addon"]
    if name == MITMPROXY:
        return [*start, site, *listen, *ledger, "--confdir", str(folder / f"confdir-{port}")]
    return [*start, "envoy", site, *listen, *ledger, "--processors", "1" if name == ONE else "2"]


def _bare(site: str, port: int) -> dict[str, object]:
    """Envoy as we set it up, with nothing of ours in between: no filter, and one route."""
    made = bootstrap(
        [Listener("127.0.0.1", port, site)],
        Transport(Path()),
        load_rules().catalogue,
        [Place(host="127.0.0.1", port=1)],
        Place(host="127.0.0.1", port=0),
    )
    manager = made["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"] = manager["http_filters"][-1:]
    manager.pop("local_reply_config")
    routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    route = next(each for each in routes if each["match"] == {"prefix": "/"})
    route.pop("typed_per_filter_config")
    manager["route_config"]["virtual_hosts"][0]["routes"] = [route]
    made["static_resources"]["clusters"] = [
        each for each in made["static_resources"]["clusters"] if each["name"] != "processors"
    ]
    return made
