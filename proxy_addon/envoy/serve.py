"""Serves one processor: gRPC on one address, with the health that Envoy and Kubernetes ask for."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import grpc
from envoy.service.ext_proc.v3.external_processor_pb2 import ProcessingRequest, ProcessingResponse

from ..config import UsageError
from ..console import Console
from ..engine import Engine
from ..watch import Live
from .bootstrap import Place
from .processor import Processor

_SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
_HEALTH = "grpc.health.v1.Health"
# A HealthCheckResponse that says SERVING, and one that says NOT_SERVING (gRPC health checking protocol, v1).
_SERVING, _NOT_SERVING = b"\x08\x01", b"\x08\x02"
# Exchanges under way may end within so many seconds.
_GRACE = 2.0
_OPTIONS: list[tuple[str, Any]] = [
    # A body that comes as a whole is at most as long as events may be.
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.so_reuseport", 0),
    # A large page waits at the site, and not here: without a guess at the line's capacity no more is taken ahead.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 256 * 1024),
]


def run_processor(engine: Engine, place: Place, console: Console, live: Live | None = None) -> None:
    """Answer until interrupted, with what is `live` beside it. Raises UsageError if the place cannot be listened on."""
    import uvloop  # noqa: PLC0415 - not on Windows, where Envoy is not either

    uvloop.run(_run(engine, place, console, live))


async def _run(engine: Engine, place: Place, console: Console, live: Live | None) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stopping.set)
    server = grpc.aio.server(options=_OPTIONS)
    processor = Processor(engine, console.warn, live)
    server.add_generic_rpc_handlers((_processing(processor), _health(stopping)))
    address = f"unix:{place.path}" if place.path else f"{place.host}:{place.port}"
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        raise UsageError(f"Cannot listen on {address}; choose another address with --processor.") from None
    await server.start()
    where = address if place.path else f"{place.host}:{port}"
    console.say(f"Answers Envoy at {where}", "processing", listen=where)
    if live is not None:
        console.say(f"The dashboard is at {live.url}", "dashboard", url=live.url)
    await stopping.wait()
    await server.stop(_GRACE)


def _processing(processor: Processor) -> grpc.GenericRpcHandler:
    handler = grpc.stream_stream_rpc_method_handler(
        processor.process,
        request_deserializer=ProcessingRequest.FromString,
        response_serializer=ProcessingResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(_SERVICE, {"Process": handler})


def _health(stopping: asyncio.Event) -> grpc.GenericRpcHandler:
    async def check(_: bytes, __: object) -> bytes:
        return _NOT_SERVING if stopping.is_set() else _SERVING

    return grpc.method_handlers_generic_handler(_HEALTH, {"Check": grpc.unary_unary_rpc_method_handler(check)})
