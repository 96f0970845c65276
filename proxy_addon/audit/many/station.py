"""A place where addresses are looked at one after the other: a process with a browser, watched from outside."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from ...config import UsageError
from .outcome import CRASH, MEMORY, TIME, Outcome, Reply
from .rows import missing
from .schedule import Job

if TYPE_CHECKING:
    from ..options import Options

# How often memory is looked at, and how long a browser may take to start, in seconds.
_WATCH, _START = 0.5, 120.0
# By how much more must be in memory before it is counted exactly again, which takes a while.
_HIGHER = 1.1
# A browser grows; after so many addresses another one takes its place.
_MOST_ADDRESSES = 100
_MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one address may take: seconds, and megabytes of the process, its browser and all of that one's."""

    seconds: float
    megabytes: int


class UnusableError(UsageError):
    """No browser can be had here, whatever the address: one sentence."""


class ClosedError(Exception):
    """The station was closed before it had looked at the address."""


class Station:
    """Keeps one process of child.py, started when it is needed. Usable by one thread at a time; close() by any."""

    def __init__(self, options: Options, limits: Limits) -> None:
        """Nothing is started yet. Raises UsageError without psutil."""
        try:
            self._ps: Any = import_module("psutil")
        except ImportError:
            raise missing() from None
        self._options = options
        self._limits = limits
        self._child: subprocess.Popen[bytes] | None = None
        self._wire: Connection[Any, Any] | None = None
        self._looked = 0
        self._closed = False
        self._lock = threading.Lock()

    def look(self, job: Job) -> Outcome:
        """Audit an address within the limits. Raises UnusableError, and ClosedError if it is closed."""
        started = time.time()
        begun = time.monotonic()
        try:
            wire = self._ready()
            begun = time.monotonic()
            wire.send(job.url)
            reply, most = self._watched(wire, job.url, begun)
        except (EOFError, OSError):
            if self._closed:
                raise ClosedError from None
            reply, most = Reply(CRASH, f"The browser broke down while it looked at {job.url}."), 0
        self._looked += 1
        if reply.failure in (CRASH, TIME, MEMORY) or self._looked >= _MOST_ADDRESSES:
            self._end()
        return Outcome(
            url=job.url,
            host=job.host,
            failure=reply.failure,
            error=reply.error,
            attempts=job.attempts + 1,
            started=started,
            seconds=round(time.monotonic() - begun, 3),
            memory=most,
            worker=f"{platform.node()}:{os.getpid()}",
            result=reply.result,
        )

    def close(self) -> None:
        """End the process and its browser, also while an address is being looked at."""
        self._closed = True
        self._end()

    def _ready(self) -> Connection[Any, Any]:
        if self._wire is not None and self._child is not None and self._child.poll() is None:
            return self._wire
        self._end()
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            if self._closed:
                ours.close()
                raise ClosedError
            self._child = subprocess.Popen(
                [sys.executable, "-m", "proxy_addon.audit.many.child", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Ctrl-C is for the keeper, which ends its children in order.
                start_new_session=True,
            )
            self._wire = wire = Connection(ours.detach())
        wire.send(self._options)
        if not wire.poll(_START):
            self._end()
            raise UnusableError("No browser was there within two minutes; use fewer --workers.")
        try:
            reply: Reply = wire.recv()
        except EOFError:
            if self._closed:
                raise ClosedError from None
            raise UnusableError(
                "The process that keeps the browser ended as it began; audit one address by itself to see why."
            ) from None
        if reply.unusable:
            raise UnusableError(reply.unusable)
        return wire

    def _watched(self, wire: Connection[Any, Any], url: str, begun: float) -> tuple[Reply, int]:
        """The reply, or what takes its place when a limit is passed; and the most megabytes there were."""
        most = highest = 0
        while not wire.poll(_WATCH):
            # What is shared counts in each that shares it, so that this is never too little, and it is had for nothing.
            resident = self._resident()
            if resident > highest * _HIGHER:
                highest, most = resident, max(most, self._megabytes())
            if resident > self._limits.megabytes and (most := max(most, self._megabytes())) > self._limits.megabytes:
                return Reply(MEMORY, f"{url} took {most} MB, more than --page-memory allows."), most
            if time.monotonic() - begun > self._limits.seconds:
                return Reply(TIME, f"{url} took longer than the {self._limits.seconds:g} s of --page-timeout."), most
        reply: Reply = wire.recv()
        return reply, most

    def _family(self) -> list[Any]:
        """The process and all that it started, and these, and so on."""
        child = self._child
        if child is None:
            return []
        try:
            parent = self._ps.Process(child.pid)
            return [parent, *parent.children(recursive=True)]
        except self._ps.Error:
            return []

    def _resident(self) -> int:
        """The megabytes that each of the family has in memory, added up."""
        return self._summed(lambda process: process.memory_info().rss)

    def _megabytes(self) -> int:
        """What the family holds, what its members share counted once where the system tells that."""

        def held(process: Any) -> int:
            told = process.memory_full_info()
            return int(getattr(told, "pss", told.uss))

        return self._summed(held)

    def _summed(self, bytes_of: Callable[[Any], int]) -> int:
        total = 0
        for process in self._family():
            try:
                total += bytes_of(process)
            except self._ps.Error:
                # It has ended, or is none of ours to look into.
                continue
        return total // _MEGABYTE

    def _end(self) -> None:
        with self._lock:
            family = self._family()
            for process in family:
                try:
                    process.kill()
                except self._ps.Error:
                    continue
            if self._child is not None:
                self._child.kill()
                self._child.wait()
            if self._wire is not None and not self._closed:
                self._wire.close()
            self._child = self._wire = None
            self._looked = 0
