"""Spans in OpenTelemetry's protocol over HTTP, as JSON (OTLP 1.0, "JSON Protobuf Encoding").

The SDK's own exporter brings generated modules that xds-protos, which Envoy's adapter needs, brings in another version
under the same names: whichever is installed last breaks the other.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_SECONDS = 5.0


class JsonExporter(SpanExporter):
    """Posts spans to a collector; what cannot be sent is lost, since traces are no evidence."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is a collector's web address, as http://localhost:4318/v1/traces."""
        self._endpoint = endpoint

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See SpanExporter."""
        request = urllib.request.Request(  # noqa: S310 - the address was checked to be one of the web
            self._endpoint, json.dumps(_plain(spans)).encode(), {"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
                return SpanExportResult.SUCCESS
        except (OSError, ValueError):
            return SpanExportResult.FAILURE


def _plain(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    resource = spans[0].resource.attributes if spans else {}
    scope = spans[0].instrumentation_scope if spans else None
    said = {"name": scope.name, "version": scope.version or ""} if scope else {}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [{"scope": said, "spans": [_span(each) for each in spans]}],
            }
        ]
    }


def _span(span: ReadableSpan) -> dict[str, Any]:
    context = span.get_span_context()
    assert context is not None
    return {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        **({"parentSpanId": f"{span.parent.span_id:016x}"} if span.parent is not None else {}),
        "name": span.name,
        # The protocol counts from 1 what the SDK counts from 0.
        "kind": span.kind.value + 1,
        "startTimeUnixNano": str(span.start_time or 0),
        "endTimeUnixNano": str(span.end_time or 0),
        "attributes": _attributes(span.attributes or {}),
        "status": {"code": span.status.status_code.value},
    }


def _attributes(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": str(value)}} for key, value in attributes.items()]
