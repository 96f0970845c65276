"""Sends a span for each step of an exchange, by OpenTelemetry's protocol over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .. import __version__
from .otlp import JsonExporter

# Seconds that the last spans may take to go out.
_LAST = 2_000


class Traces:
    """A meter of steps; usable as a context manager, which sends what waits at its end."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is a collector's address, as http://localhost:4318/v1/traces."""
        resource = Resource.create({"service.name": "consentry", "service.version": __version__})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(JsonExporter(endpoint)))
        self._tracer = self._provider.get_tracer("consentry", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def __enter__(self) -> Traces:
        return self

    def __exit__(self, *_: object) -> None:
        self._provider.force_flush(_LAST)
        self._provider.shutdown()

    @contextmanager
    def step(self, name: str, fields: Mapping[str, str]) -> Iterator[None]:
        """See meter.Meter. A step belongs to the trace that the request names, if it names one."""
        parent = self._propagator.extract(dict(fields))
        with self._tracer.start_as_current_span(f"consentry {name}", context=parent, kind=SpanKind.INTERNAL):
            yield
