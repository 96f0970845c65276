"""Requests a second and the slowest hundredth, for each proxy and each resource."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .load import Load
from .payloads import Payload
from .processes import Running

Generator = Callable[[str, str, float], Load]


@dataclass(slots=True)
class Throughput:
    """The runs of all rounds on one resource, by proxy, and the processor time that each proxy took for a request."""

    payload: Payload
    loads: dict[str, list[Load]] = field(default_factory=dict)
    costs: dict[str, list[float]] = field(default_factory=dict)

    def per_second(self, proxy: str) -> float:
        """Requests a second: the median of the rounds."""
        return statistics.median(load.per_second for load in self.loads[proxy])

    def p99(self, proxy: str) -> float:
        """Seconds within which 99 of 100 requests were answered: the median of the rounds."""
        return statistics.median(load.p99 for load in self.loads[proxy])

    def cost(self, proxy: str) -> float:
        """Seconds of the proxy's processor time for a request: what is least touched by what else the machine does."""
        return statistics.median(self.costs[proxy])

    def ratio(self, proxy: str, beside: str) -> float:
        """How many times as many requests a second: the median of the rounds' own ratios."""
        pairs = zip(self.loads[proxy], self.loads[beside], strict=True)
        return statistics.median(one.per_second / other.per_second for one, other in pairs)


def measure(
    running: Mapping[str, Running], payloads: Sequence[Payload], generator: Generator, *, rounds: int, seconds: float
) -> list[Throughput]:
    """Load each proxy in turn, round after round, so that what else the machine does hits all alike."""
    found = [Throughput(payload) for payload in payloads]
    for _ in range(rounds):
        for each in found:
            for name, proxy in running.items():
                url = proxy.url + each.payload.path
                before = proxy.processor()
                load = generator(url, each.payload.destination, seconds)
                each.loads.setdefault(name, []).append(load)
                each.costs.setdefault(name, []).append((proxy.processor() - before) / load.requests)
    return found
