"""Metrics, traces and health, for those who watch over many."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..catalogue.urls import split
from ..config import UsageError
from ..ledger import Sink
from ..meter import Meter, Meters, Unmetered

if TYPE_CHECKING:
    from .admin import Admin
    from .metrics import Metrics

# Where the processes of one run leave what they count; the client library reads it when it is imported.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_MISSING = "Metrics and traces need what the extra brings; pip install 'consentry[telemetry]'."


@dataclass(slots=True)
class Telemetry:
    """What measures one run, as far as that was asked for."""

    metrics: Metrics | None = None
    meters: list[Meter] = field(default_factory=list)

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """What evidence is counted by."""
        return (self.metrics,) if self.metrics is not None else ()

    @property
    def meter(self) -> Meter:
        """What steps are measured by."""
        if not self.meters:
            return Unmetered()
        return self.meters[0] if len(self.meters) == 1 else Meters(self.meters)


def open_telemetry(
    address: str | None, traces: str | None, ready: Callable[[], bool], stack: ExitStack, *, counts: bool = False
) -> Telemetry:
    """Measure what is asked for: metrics at an `address`, `traces` to one. `stack` ends it. Raises UsageError.

    `counts` counts without an address, for whoever collects what several processes count. `ready` says whether all
    is up.
    """
    telemetry = Telemetry()
    try:
        if address or counts:
            from .metrics import Metrics  # noqa: PLC0415 - an extra

            telemetry.metrics = Metrics()
            telemetry.meters.append(telemetry.metrics)
        if address and telemetry.metrics is not None:
            from .admin import Admin  # noqa: PLC0415

            stack.enter_context(Admin(address, telemetry.metrics.text, ready))
        if traces:
            if split(traces) is None or not traces.startswith(("http://", "https://")):
                raise UsageError(
                    f"'{traces}' is no address to send spans to; write it as in http://localhost:4318/v1/traces."
                )
            from .traces import Traces  # noqa: PLC0415 - an extra

            telemetry.meters.append(stack.enter_context(Traces(traces)))
    except ImportError:
        raise UsageError(_MISSING) from None
    return telemetry


def serve_collected(folder: Path, address: str, also: Callable[[], bytes], ready: Callable[[], bool]) -> Admin:
    """Answer, at an `address`, with what several processes count into a folder, and `also` that. Raises UsageError."""
    try:
        from .metrics import collected  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(_MISSING) from None
    from .admin import Admin  # noqa: PLC0415

    return Admin(address, lambda: collected(str(folder)) + also(), ready)
