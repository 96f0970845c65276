"""Starts Envoy and the processors that it asks, keeps them running, and ends them together."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..config import UsageError
from ..console import Console
from ..listeners import Listener, family_of, free_port, reason_of
from ..telemetry import FOLDER, serve_collected
from .bootstrap import Place, read_listeners

# Seconds: for all to be up, between two looks, and for all to end by themselves.
_START, _LOOK, _END = 60.0, 0.05, 5.0
# Seconds after which what has ended is started again: at first, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
# What ran for so many seconds is not held against its next start.
_STEADY = 30.0
_USAGE = 2

Configure = Callable[[Sequence[Listener], Sequence[Place], Place], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is started: Envoy with the configuration that `configure` makes, and `processor` as often as is said.

    `processor` is the command of one processor, without where it listens. `threads` is how many Envoy uses.
    `metrics` is where all of them are counted, if anywhere.
    """

    listeners: Sequence[Listener]
    configure: Configure
    processor: Sequence[str]
    processors: int
    threads: int
    metrics: str | None = None


def run_fleet(fleet: Fleet, console: Console, *, tls: bool) -> None:
    """Run until interrupted. Raises UsageError if it cannot start."""
    program = envoy_program()
    for listener in fleet.listeners:
        _check_free(listener)
    asyncio.run(_Supervisor(fleet, console, program, tls=tls).run())


def with_ports(listeners: Sequence[Listener]) -> list[Listener]:
    """The same, each with a port of its own now: what is told to browsers must be known before Envoy starts."""
    return [each if each.port else replace(each, port=free_port(each.host)) for each in listeners]


def envoy_program() -> str:
    """The path of Envoy, from the package or the system. Raises UsageError."""
    try:
        import envoy  # noqa: PLC0415 - it is an extra
    except ImportError:
        packaged = None
    else:
        packaged = next((path for each in envoy.__path__ if (path := Path(each) / "_bin" / "envoy").exists()), None)
    found = str(packaged) if packaged else shutil.which("envoy")
    if found is None:
        raise UsageError("Envoy is not installed; pip install 'consentry[envoy]' brings it.")
    return found


def _check_free(listener: Listener) -> None:
    """Envoy would say it at length."""
    with socket.socket(family_of(listener.host), socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listener.host, listener.port))
        except OSError as error:
            raise UsageError(
                f"Cannot listen on port {listener.port}: {reason_of(error)}; choose another with --listen."
            ) from None


@dataclass(slots=True)
class _Kept:
    """A program that is kept running."""

    name: str
    command: Sequence[str]
    process: asyncio.subprocess.Process | None = None
    said: list[str] = field(default_factory=list)


class _Supervisor:
    """All programs of one run."""

    def __init__(self, fleet: Fleet, console: Console, program: str, *, tls: bool) -> None:
        self._fleet = fleet
        self._console = console
        self._program = program
        self._tls = tls
        self._stopping = asyncio.Event()
        self._kept: list[_Kept] = []
        self._up = False
        self._environment = dict(os.environ)

    async def run(self) -> None:
        """Start, watch, and end."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._stopping.set)
        # Short, for the path of a socket may not be long.
        folder = Path(tempfile.mkdtemp(prefix="consentry-"))
        tasks: list[asyncio.Task[None]] = []
        stack = ExitStack()
        try:
            places = [Place(path=str(folder / f"{number}.sock")) for number in range(self._fleet.processors)]
            admin = Place(path=str(folder / "admin.sock"))
            configuration = folder / "envoy.json"

            def configure(listeners: Sequence[Listener]) -> None:
                configuration.write_text(json.dumps(self._fleet.configure(listeners, places, admin)), "utf-8")

            configure(self._fleet.listeners)
            self._count(stack, folder / "counts", admin)
            for number, place in enumerate(places):
                listens = (*self._fleet.processor, "--processor", f"unix:{place.path}")
                self._start(_Kept(f"processor {number + 1}", listens), tasks)
            await self._first(tasks, self._in_time(_listening(places)))
            if not self._stopping.is_set():
                # Only now: whoever comes as soon as it listens shall be answered.
                self._start(_Kept("Envoy", self._envoy(configuration)), tasks)
                await self._first(tasks, self._in_time(self._started(admin, configure)))
                await self._first(tasks, self._stopping.wait())
        finally:
            self._stopping.set()
            await self._end()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            stack.close()
            shutil.rmtree(folder, ignore_errors=True)
        self._console.say("Stopped.", "stopped")

    def _count(self, stack: ExitStack, folder: Path, admin: Place) -> None:
        """Count what all of them do."""
        if self._fleet.metrics is None:
            return
        folder.mkdir()
        self._environment[FOLDER] = str(folder)

        def of_envoy() -> bytes:
            return _get(admin, "/stats/prometheus") or b""

        def ready() -> bool:
            return self._up and _get(admin, "/ready") is not None

        stack.enter_context(serve_collected(folder, self._fleet.metrics, of_envoy, ready))

    def _envoy(self, configuration: Path) -> list[str]:
        return [
            *(self._program, "--config-path", str(configuration), "--concurrency", str(self._fleet.threads)),
            # More than one may run on a machine.
            *("--use-dynamic-base-id", "--log-level", "error", "--log-format", "%v"),
        ]

    async def _first(self, tasks: Sequence[asyncio.Task[None]], wanted: Any) -> None:
        """Wait for what is wanted, unless a program is given up first or all is to stop."""
        waiting = asyncio.ensure_future(wanted)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([waiting, stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            stopping.cancel()
        for each in done:
            if each not in (waiting, stopping):
                each.result()
        if waiting in done:
            waiting.result()

    def _start(self, kept: _Kept, tasks: list[asyncio.Task[None]]) -> None:
        self._kept.append(kept)
        tasks.append(asyncio.create_task(self._keep(kept)))

    async def _in_time(self, wanted: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(_START):
                await wanted
        except TimeoutError:
            raise UsageError(f"Envoy and its processors are not up after {_START:g} seconds.") from None

    async def _started(self, admin: Place, configure: Callable[[Sequence[Listener]], None]) -> None:
        """Wait for Envoy, and say where it listens."""
        ports: list[int] = []
        while len(ports) < len(self._fleet.listeners) or 0 in ports:
            await asyncio.sleep(_LOOK)
            if await asyncio.to_thread(_get, admin, "/ready") is not None:
                said = await asyncio.to_thread(_get, admin, "/listeners?format=json")
                ports = read_listeners(json.loads(said or b"{}"))
        # Wherever it listens now, it listens again once it had to be started anew.
        configure([replace(each, port=port) for each, port in zip(self._fleet.listeners, ports, strict=True)])
        self._up = True
        for listener, port in zip(self._fleet.listeners, ports, strict=True):
            url = listener.url(tls=self._tls, port=port)
            self._console.say(
                f"Consentry and Envoy stand in front of {listener.upstream} at {url}",
                "listening",
                mode="reverse",
                listen=url,
                upstream=listener.upstream,
            )

    async def _keep(self, kept: _Kept) -> None:
        """Run a program, and start it again when it ends. Raises UsageError if it cannot even start."""
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            kept.said.clear()
            kept.process = await asyncio.create_subprocess_exec(
                *kept.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=1024 * 1024,
                env=self._environment,
                # Ctrl-C is for this process, which ends them in order. No session of their own: Linux shares a busy
                # machine out by session, and they would get less of it.
                process_group=0,
            )
            await asyncio.gather(self._pass_on(kept.process), self._hear(kept), kept.process.wait())
            code = kept.process.returncode
            if self._stopping.is_set():
                return
            if not self._up or code == _USAGE:
                raise UsageError(_why(kept, code))
            pause = _FIRST_PAUSE if asyncio.get_running_loop().time() - began > _STEADY else pause
            self._console.warn(f"{kept.name} has ended (code {code}) and is started again")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _pass_on(self, process: asyncio.subprocess.Process) -> None:
        """Evidence comes line by line; that a processor listens is nobody's business."""
        assert process.stdout is not None
        async for line in process.stdout:
            text = line.decode("utf-8", "replace").rstrip("\n")
            if not text.startswith(('{"event": "processing"', "Answers Envoy at ")):
                self._console.line(text)

    async def _hear(self, kept: _Kept) -> None:
        assert kept.process is not None
        assert kept.process.stderr is not None
        async for line in kept.process.stderr:
            text = line.decode("utf-8", "replace").strip()
            kept.said.append(text)
            del kept.said[:-20]
            if self._up and text:
                self._console.warn(f"{kept.name}: {text}")

    async def _end(self) -> None:
        running = [each.process for each in self._kept if each.process is not None and each.process.returncode is None]
        for process in running:
            with suppress(ProcessLookupError):
                process.terminate()
        if not running:
            return
        _, late = await asyncio.wait([asyncio.create_task(process.wait()) for process in running], timeout=_END)
        for process in running if late else ():
            with suppress(ProcessLookupError):
                process.kill()


def _why(kept: _Kept, code: int | None) -> str:
    """Why a program did not start, in its own last words."""
    said = [line for line in kept.said if line]
    last = said[-1].removeprefix("Error: ") if said else f"it ended with code {code}"
    return last if code == _USAGE and kept.name != "Envoy" else f"{kept.name} does not start: {last}"


async def _listening(places: Sequence[Place]) -> None:
    """Wait for every processor."""
    for place in places:
        while not await _answers(place):
            await asyncio.sleep(_LOOK)


async def _answers(place: Place) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(place.path)
    except OSError:
        return False
    writer.close()
    return True


class _Admin(http.client.HTTPConnection):
    """A connection to Envoy's admin interface."""

    def __init__(self, place: Place) -> None:
        super().__init__("admin", timeout=_END)
        self._path = place.path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _get(place: Place, path: str) -> bytes | None:
    """What Envoy's admin interface answers, or None if it does not yet."""
    connection = _Admin(place)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read() if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def itself() -> list[str]:
    """The command that starts this program anew."""
    return [sys.executable, "-m", __package__.partition(".")[0]]


def threads_of_this_machine() -> int:
    """How many threads can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
