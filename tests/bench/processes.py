"""What runs in processes of its own: the upstream, and the proxies in front of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from proxy_addon.listeners import free_port

from .payloads import TOKEN, Payload

_ROOT = Path(__file__).resolve().parents[2]
_START = 60.0

BARE, LEAN, CONSENTRY = "`mitmdump -q`", "lean master", "Consentry"
PROXIES = (BARE, LEAN, CONSENTRY)
# The bare proxy, made not to wait for bodies: what a first byte costs when nothing holds it back.
STREAMING = "`mitmdump -q` made to stream"
# Consentry that keeps no evidence.
FORGETFUL = "Consentry with `--no-ledger`"

_NGINX = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 100000000;
  types {{ text/html html; application/json json; }}
  default_type application/octet-stream;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    root {folder}/www;
    location = /new.html {{ sub_filter "{token}" "$request_id"; }}
  }}
}}
"""


class BenchError(Exception):
    """What was to be measured cannot be: one sentence."""


class Running:
    """A program that listens on a port of its own, from its start until stop()."""

    def __init__(
        self, name: str, command: Sequence[str], port: int, folder: Path, more: Mapping[str, str] | None = None
    ) -> None:
        """Start it in `folder`, without what the user's environment sets for Consentry but with `more`."""
        self.name = name
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / f"{port}.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTRY_")}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                # The ledger is where nothing else is, not the user's own.
                env={
                    **environment,
                    "PYTHONPATH": str(_ROOT),
                    "XDG_STATE_HOME": str(folder / f"state-{port}"),
                    **(more or {}),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_until_it_listens(self) -> None:
        """Return as soon as it accepts connections. Raises BenchError if it ends first, or never does."""
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline:
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                with socket.socket() as attempt:
                    if attempt.connect_ex(("127.0.0.1", self.port)) == 0:
                        return
            else:
                break
        raise BenchError(f"{self.name} did not start: {self.log().strip()[-2000:]}")

    def log(self) -> str:
        """All that it wrote so far."""
        return self._log.read_text("utf-8", "replace")

    def memory(self) -> int:
        """Its resident memory in bytes (Linux)."""
        return resident(self.process.pid)

    def processor(self) -> float:
        """The seconds of processor time that it has used, in all its threads (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it, by force if it does not go."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def resident(process: int | str = "self") -> int:
    """The resident memory of a process in bytes (Linux)."""
    status = Path(f"/proc/{process}/status").read_text("ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


def nginx() -> str | None:
    """The path of nginx, which distributions keep where only root looks; None if it is not installed."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def upstream(payloads: Sequence[Payload], folder: Path, *, plain: bool = False) -> Iterator[Running]:
    """Serve the payloads: by nginx, or by a small server of our own if `plain` or if there is no nginx."""
    www = folder / "www"
    www.mkdir()
    for payload in payloads:
        (www / payload.path.lstrip("/")).write_bytes(payload.content)
    port = free_port()
    program = None if plain else nginx()
    if program is not None:
        settings = folder / "nginx.conf"
        settings.write_text(_NGINX.format(folder=folder, port=port, token=TOKEN), "ascii")
        command = [program, "-p", str(folder), "-c", str(settings)]
    else:
        command = [sys.executable, "-m", "tests.bench.upstream", str(port), str(www)]
    server = Running("nginx" if program else "asyncio", command, port, folder)
    try:
        server.wait_until_it_listens()
        yield server
    finally:
        server.stop()


@contextmanager
def proxies(site: str, folder: Path, names: Sequence[str] = PROXIES) -> Iterator[dict[str, Running]]:
    """The proxies of these names in front of a site."""
    with ExitStack() as stack:
        running: dict[str, Running] = {}
        for name in names:
            port = free_port()
            running[name] = Running(name, command(name, site, port, folder / f"confdir-{port}"), port, folder)
            stack.callback(running[name].stop)
        for proxy in running.values():
            proxy.wait_until_it_listens()
        yield running


def command(name: str, site: str, port: int, confdir: Path) -> list[str]:
    """What starts the proxy of that name in front of a site."""
    if name in (BARE, STREAMING):
        start = "from mitmproxy.tools.main import mitmdump; mitmdump()"
        mode = f"reverse:{site}@127.0.0.1:{port}"
        streams = ["--set", "stream_large_bodies=1"] if name == STREAMING else []
        return [sys.executable, "-c", start, "-q", "--mode", mode, "--set", f"confdir={confdir}", *streams]
    if name == LEAN:
        return [sys.executable, "-m", "tests.bench.lean", site, str(port), str(confdir)]
    listen = f"127.0.0.1:{port}"
    more = ["--no-ledger"] if name == FORGETFUL else []
    return [sys.executable, "-m", "proxy_addon", site, "--listen", listen, "--confdir", str(confdir), "--quiet", *more]
