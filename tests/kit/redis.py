"""A real Redis or Valkey on loopback, from the machine's own packages."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

_START = 30.0
_NAMES = ("valkey-server", "redis-server")


def program() -> str | None:
    """The path of a server, or None if there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


class Redis:
    """One server, which can be stopped and started again with nothing remembered; usable as a context manager."""

    def __init__(self, folder: Path) -> None:
        """Start it in a folder of its own."""
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> Redis:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and return when it answers."""
        server = program()
        assert server is not None
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        self._process = subprocess.Popen(
            [server, *options], cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline:
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            try:
                self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        raise AssertionError(f"{server} did not start")

    def stop(self) -> None:
        """Stop it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
