"""Counts evidence and times steps, for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from ..ledger import Evidence

_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """A sink for evidence and a meter of steps."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._verdicts = Counter(
            "consentry_verdicts",
            "Rows of evidence.",
            ("outcome", "layer", "vendor", "site"),
            registry=self._registry,
        )
        self._steps = Histogram(
            "consentry_step_seconds",
            "How long a step of an exchange takes, until its headers or body can go on.",
            ("step",),
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def record(self, evidence: Evidence) -> None:
        """Count one row; see ledger.Sink."""
        self._verdicts.labels(evidence.outcome, evidence.layer, evidence.vendor or "", evidence.site).inc()

    def step(self, name: str, fields: Mapping[str, str]) -> AbstractContextManager[object]:  # noqa: ARG002
        """See meter.Meter."""
        timer: AbstractContextManager[object] = self._steps.labels(name).time()
        return timer

    def text(self) -> bytes:
        """All that is counted, in Prometheus' text format."""
        return bytes(generate_latest(self._registry))


def collected(folder: str) -> bytes:
    """All that the processes of one run have counted into a folder, in Prometheus' text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    return bytes(generate_latest(registry))
