"""Two Envoys, two processors, Redis or Valkey, and PostgreSQL, each a process that can be killed and started again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from proxy_addon.envoy.supervise import envoy_program
from proxy_addon.listeners import free_port
from tests.kit.postgres import Postgres
from tests.kit.redis import Redis

ROOT = Path(__file__).resolve().parents[2]
_START = 60.0


class Part:
    """One program that listens on a port."""

    def __init__(self, name: str, command: Sequence[str], port: int, folder: Path) -> None:
        self.name = name
        self.port = port
        self._command = command
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and return when it listens."""
        if self._listens():
            raise AssertionError(f"Another program listens on port {self.port}, which {self.name} was to have.")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTRY_")}
        with (self._folder / f"{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env={**environment, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._listens():
                return
            time.sleep(0.05)
        raise AssertionError(f"{self.name} did not start: {(self._folder / f'{self.port}.log').read_text()[-2000:]}")

    def _listens(self) -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


class Cluster:
    """All of them in front of a site; usable as a context manager."""

    def __init__(self, site: str, folder: Path) -> None:
        self._stack = ExitStack()
        try:
            self.postgres = self._stack.enter_context(Postgres())
            (folder / "redis").mkdir()
            self.redis = self._stack.enter_context(Redis(folder / "redis"))
            shared = ("--ledger", self.postgres.url(), "--state", self.redis.url, "--quiet")
            start = (sys.executable, "-m", "proxy_addon")
            self.processors = []
            for number in (1, 2):
                port = free_port()
                command = (*start, "processor", "--processor", f"127.0.0.1:{port}", *shared)
                self.processors.append(self._part(f"processor {number}", command, port, folder))
            self.envoys = []
            asked = [word for each in self.processors for word in ("--processor", f"127.0.0.1:{each.port}")]
            made = subprocess.run(
                [*start, "envoy", site, "--listen", "127.0.0.1:8080", *asked, "--print-config"],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for number in (1, 2):
                port, config = free_port(), folder / f"envoy-{number}.json"
                plain = json.loads(made)
                # All are on one machine: only one could have the usual ports.
                for part, own in ((plain["admin"], free_port()), (plain["static_resources"]["listeners"][0], port)):
                    part["address"]["socket_address"]["port_value"] = own
                config.write_text(json.dumps(plain), "utf-8")
                envoy = (envoy_program(), "--config-path", str(config), "--use-dynamic-base-id")
                quiet = ("--log-level", "error", "--concurrency", "1")
                self.envoys.append(self._part(f"Envoy {number}", (*envoy, *quiet), port, folder))
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def parts(self) -> list[tuple[str, Callable[[], None], Callable[[], None]]]:
        """Every part: its name, what kills it, and what starts it again."""
        ours = [(part.name, part.kill, part.start) for part in (*self.processors, *self.envoys)]
        return [
            *ours,
            ("Redis", self.redis.stop, self.redis.start),
            ("PostgreSQL", self.postgres.kill, self.postgres.start),
        ]

    def _part(self, name: str, command: Sequence[str], port: int, folder: Path) -> Part:
        part = Part(name, command, port, folder)
        self._stack.callback(part.kill)
        return part
