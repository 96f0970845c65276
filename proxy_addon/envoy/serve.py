"""Serves one processor: gRPC on one address, with the health that Envoy and Kubernetes ask for."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..config import UsageError
from ..console import Console
from ..engine import Engine
from .bootstrap import Place
from .processor import Processor
from .rpc import Accept, Call, Server

_PROCESS = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
_HEALTH = "/grpc.health.v1.Health/Check"
# A HealthCheckResponse that says SERVING, and one that says NOT_SERVING (gRPC health checking protocol, v1).
_SERVING, _NOT_SERVING = b"\x08\x01", b"\x08\x02"
# Exchanges under way may end within so many seconds.
_GRACE = 2.0


def run_processor(engine: Engine, place: Place, console: Console) -> None:
    """Answer until interrupted. Raises UsageError if the place cannot be listened on."""
    import uvloop  # noqa: PLC0415 - not on Windows, where Envoy is not either

    uvloop.run(_run(engine, place, console))


async def _run(engine: Engine, place: Place, console: Console) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stopping.set)
    server = Server(_methods(Processor(engine), stopping), console.warn)
    address = f"unix:{place.path}" if place.path else f"{place.host}:{place.port}"
    try:
        listening = await _listen(server, place)
    except OSError:
        raise UsageError(f"Cannot listen on {address}; choose another address with --processor.") from None
    port = "" if place.path else listening.sockets[0].getsockname()[1]
    where = address if place.path else f"{place.host}:{port}"
    console.say(f"Answers Envoy at {where}", "processing", listen=where)
    await stopping.wait()
    listening.close()
    await server.stop(_GRACE)


async def _listen(server: Server, place: Place) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    if not place.path:
        return await loop.create_server(server.protocol, place.host, place.port)
    # One that was killed leaves its socket behind.
    with suppress(FileNotFoundError):
        os.unlink(place.path)
    return await loop.create_unix_server(server.protocol, place.path)


@dataclass(slots=True)
class _Health:
    """Answers a health check."""

    answer: bytes
    done: bool = False

    def take(self, _: bytes) -> Iterator[bytes]:
        """See rpc.Call."""
        self.done = True
        yield self.answer


def _methods(processor: Processor, stopping: asyncio.Event) -> Accept:
    def accept(path: str, metadata: Mapping[str, str]) -> Call | None:
        if path == _PROCESS:
            return processor.call(metadata)
        return _Health(_NOT_SERVING if stopping.is_set() else _SERVING) if path == _HEALTH else None

    return accept
