"""Metrics, traces and health, asked of real processes on both adapters."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from proxy_addon.config import UsageError
from proxy_addon.listeners import free_port
from proxy_addon.telemetry import open_telemetry
from tests.kit.client import fetch
from tests.kit.proxy import ENVOY, MITMPROXY, Proxy, behind, run
from tests.kit.server import Server
from tests.kit.site import Site

SCRIPT = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
PAGE = f'<!doctype html><title>shop</title><script src="{SCRIPT}"></script>'.encode()
PAGE_FIELDS = {"Accept": "text/html", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Server]:
    site = Site()
    site.page("/", PAGE)
    site.page("/data.json", b"{}", "application/json")
    server = Server(site)
    yield server
    server.close()


@pytest.fixture(params=[MITMPROXY, ENVOY])
def adapter(request: pytest.FixtureRequest) -> Iterator[str]:
    with behind(request.param):
        yield request.param


def value(text: str, name: str, **labels: str) -> float:
    """The sum of the samples of this name with these labels."""
    total = 0.0
    for line in text.splitlines():
        found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if found and found[1] == name:
            said = dict(re.findall(r'(\w+)="([^"]*)"', found[2] or ""))
            if labels.items() <= said.items():
                total += float(found[3])
    return total


def test_verdicts_and_steps_are_counted_and_health_is_told(adapter: str, upstream: Server, tmp_path: Path) -> None:
    port = free_port()
    admin = f"http://127.0.0.1:{port}"
    with Proxy(upstream.url, "--metrics", str(port), "--no-ledger", folder=tmp_path) as proxy:
        assert fetch(f"{admin}/healthz").status == 200
        assert fetch(f"{admin}/readyz").status == 200
        assert fetch(f"{admin}/else").status == 404
        for _ in range(3):
            fetch(proxy.url + "/", PAGE_FIELDS)
        fetch(proxy.url + "/data.json", {"Sec-Fetch-Dest": "empty"})
        answer = fetch(f"{admin}/metrics")
        assert (answer.header("content-type") or "").startswith("text/plain; version=")
        held = value(answer.text, "consentry_verdicts_total", outcome="held", vendor="segment", layer="html")
        assert held == 3
        assert value(answer.text, "consentry_step_seconds_count", step="response") == (4 if adapter == MITMPROXY else 3)
        assert value(answer.text, "consentry_step_seconds_sum", step="response") > 0
        if adapter == ENVOY:
            # Envoy's own are beside them: it saw what was not handed over as well.
            assert value(answer.text, "envoy_http_downstream_rq_completed") >= 4


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes], threading.Event]]:
    """Where spans can be sent, the bodies that come there, and whether one has come."""
    came = threading.Event()
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()
            came.set()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/traces", bodies, came
        server.shutdown()


def test_each_step_is_a_span_of_the_trace_that_the_request_names(
    adapter: str, upstream: Server, tmp_path: Path
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with collector() as (endpoint, bodies, came):
        with Proxy(upstream.url, f"--traces={endpoint}", "--no-ledger", folder=tmp_path) as proxy:
            fetch(proxy.url + "/", {**PAGE_FIELDS, "traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        assert came.wait(15)
    spans = [
        (span["name"], span["traceId"])
        for body in bodies
        for resource in json.loads(body)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    assert spans == [("consentry request", trace), ("consentry response", trace)]


@pytest.mark.parametrize("first", [(), ("envoy",)], ids=["mitmproxy", "envoy"])
def test_an_address_for_metrics_that_is_taken_is_one_sentence(
    first: tuple[str, ...], upstream: Server, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ("--listen", "127.0.0.1:0", "--no-ledger", "--no-dashboard")
        ended = run(*first, upstream.url, "--metrics", str(port), *options, folder=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"Error: Metrics cannot be served on {port}: another program uses it; choose another address with --metrics.\n"
    )


def test_a_span_is_told_as_the_protocol_says() -> None:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    from proxy_addon.telemetry.otlp import JsonExporter

    with collector() as (endpoint, bodies, _):
        provider = TracerProvider(resource=Resource({"service.name": "consentry"}))
        provider.add_span_processor(SimpleSpanProcessor(JsonExporter(endpoint)))
        tracer = provider.get_tracer("consentry", "1")
        with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner"):
            pass
    inner, outer = (json.loads(each)["resourceSpans"][0] for each in bodies)
    first, second = (each["scopeSpans"][0]["spans"][0] for each in (inner, outer))
    assert inner["resource"]["attributes"] == [{"key": "service.name", "value": {"stringValue": "consentry"}}]
    assert (first["name"], first["parentSpanId"], first["kind"]) == ("inner", second["spanId"], 1)
    assert "parentSpanId" not in second
    assert int(first["startTimeUnixNano"]) <= int(first["endTimeUnixNano"])
    assert (len(first["traceId"]), first["traceId"]) == (32, second["traceId"])


def test_a_collector_that_is_not_there_harms_nothing() -> None:
    from opentelemetry.sdk.trace.export import SpanExportResult

    from proxy_addon.telemetry.otlp import JsonExporter

    assert JsonExporter("http://127.0.0.1:1/v1/traces").export([]) is SpanExportResult.FAILURE


def test_an_address_for_spans_that_is_none_is_one_sentence() -> None:
    with ExitStack() as stack, pytest.raises(UsageError, match="'collector' is no address to send spans to"):
        open_telemetry(None, "collector", lambda: True, stack)
