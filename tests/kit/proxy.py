"""The real `consentry` command as a process of its own, and what it says about itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

import pytest

_START = 60.0
# The tree that is tested, whichever is installed.
_ROOT = Path(__file__).resolve().parents[2]
# What stands in front of sites: mitmproxy, or Envoy.
MITMPROXY, ENVOY = "mitmproxy", "envoy"
_WORDS = ("layer", "outcome", "verdict", "vendor", "rule", "url", "page", "type", "reason")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict line."""

    layer: str
    outcome: str
    verdict: str
    vendor: str
    rule: str
    url: str
    page: str
    type: str
    reason: str
    categories: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Proxy:
    """Consentry, started with some arguments and stopped at the end; usable as a context manager.

    It is up, and says where, once the constructor is through; it raises with the process's own words if
    it is not. `--json` is added, and `--listen` and `--no-dashboard` where nothing is said of these. It runs in
    `folder`, which holds no configuration. Sites named first have the `adapter` in front that is chosen with `behind`.
    """

    adapter: ClassVar[str] = MITMPROXY

    def __init__(self, *arguments: str, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """Start the process and wait until it listens."""
        listen = () if any(each.startswith("--listen") for each in arguments) else ("--listen", "127.0.0.1:0")
        if not any(each.startswith("--dashboard") for each in arguments):
            # Pages that no dashboard listens to have nothing under way once they are loaded.
            listen = (*listen, "--no-dashboard")
        if self.adapter == ENVOY and arguments and arguments[0].startswith(("http://", "https://")):
            arguments = ("envoy", *arguments, "--processors", "1", "--envoy-threads", "1")
        # What comes after '--' is another program's.
        end = arguments.index("--") if "--" in arguments else len(arguments)
        own, others = arguments[:end], arguments[end:]
        self._lines: list[dict[str, Any]] = []
        self._stray: list[str] = []
        self._errors: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "proxy_addon", *own, *listen, "--json", *others],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self._read_errors, args=(self.process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        forward = bool(arguments) and arguments[0] in ("forward", "filter", "browse")
        self._expected = 1 if forward else sum(each.startswith(("http://", "https://")) for each in arguments)
        try:
            self._wait(lambda: len(self.urls) >= self._expected, _START, "it does not listen")
        except AssertionError:
            self.kill()
            raise

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def urls(self) -> list[str]:
        """Where it listens, in the order of the sites."""
        return [line["listen"] for line in self._lines if line.get("event") == "listening"]

    @property
    def url(self) -> str:
        """Where it listens (for the first site)."""
        return self.urls[0]

    @property
    def dashboard(self) -> str:
        """Where the dashboard is, with a slash at the end; it says so after all sites."""
        self._wait(lambda: bool(self._dashboards()), _START, "there is no dashboard")
        return self._dashboards()[0]

    def _dashboards(self) -> list[str]:
        return [line["url"] for line in self._lines if line.get("event") == "dashboard"]

    @property
    def port(self) -> int:
        """The port of `url`."""
        return int(self.url.rpartition(":")[2].rstrip("/"))

    @property
    def stderr(self) -> str:
        """All that it wrote to its standard error so far."""
        return "".join(self._errors)

    @property
    def stray(self) -> list[str]:
        """Lines on its standard output that are no JSON; with --json there must be none."""
        return list(self._stray)

    def mark(self) -> int:
        """Where the output stands: pass it as `since` to see only what comes after."""
        return len(self._lines)

    def verdicts(self, since: int = 0) -> list[Verdict]:
        """The verdicts so far."""
        return [_verdict(line) for line in self._lines[since:] if line.get("event") == "verdict"]

    def wait_for_verdict(self, wanted: Callable[[Verdict], bool], since: int = 0, timeout: float = 10) -> Verdict:
        """The first verdict of a kind, as soon as it is there."""
        found: list[Verdict] = []

        def there() -> bool:
            found[:] = [verdict for verdict in self.verdicts(since) if wanted(verdict)]
            return bool(found)

        self._wait(there, timeout, "the verdict did not come")
        return found[0]

    def wait_until(self, wanted: Callable[[list[Verdict]], bool], since: int = 0, timeout: float = 10) -> None:
        """Wait until the verdicts, taken together, are what is wanted."""
        self._wait(lambda: wanted(self.verdicts(since)), timeout, "the verdicts did not become what they should")

    def wait_for_warning(self, text: str, timeout: float = 10) -> None:
        """Wait until it has warned of something with this text."""

        self.wait_for_line(lambda line: line.get("event") == "warning" and text in line.get("what", ""), timeout)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All that it said so far, one object a line."""
        return list(self._lines)

    def wait_for_line(self, wanted: Callable[[dict[str, Any]], bool], timeout: float = 10) -> None:
        """Wait until it has said something of a kind."""
        self._wait(lambda: any(map(wanted, self._lines)), timeout, "it did not say what was waited for")

    def interrupt(self, timeout: float = 15) -> int:
        """Send what Ctrl-C sends, and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.wait(timeout)

    def wait(self, timeout: float = 15) -> int:
        """Wait for the process to end by itself, and return the exit code."""
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return code

    def stop(self) -> None:
        """End the process, by force if it does not go."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.wait()

    def memory(self) -> int:
        """The resident memory of the process and its children, in bytes (Linux)."""
        return sum(_resident(pid) for pid in _family(self.process.pid))

    def _wait(self, condition: Callable[[], bool], timeout: float, complaint: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: condition() or self._ended, timeout)
            if condition():
                return
        state = f"it ended with code {self.process.poll()}" if self._ended else f"{timeout} s passed"
        said = "\n".join([*map(json.dumps, self._lines[-40:]), *self._stray])
        raise AssertionError(f"consentry: {complaint} ({state})\nstdout:\n{said}\nstderr:\n{self.stderr}")

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            with self._changed:
                try:
                    self._lines.append(json.loads(line))
                except ValueError:
                    self._stray.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _read_errors(self, stream: IO[str]) -> None:
        for line in stream:
            self._errors.append(line)


@contextmanager
def behind(adapter: str) -> Iterator[str]:
    """Let sites have this adapter in front, as long as the context lasts; skip where it is not installed."""
    if adapter == ENVOY:
        pytest.importorskip("envoy", reason="the extra 'envoy' is not installed: its packages have no wheels for here")
    before, Proxy.adapter = Proxy.adapter, adapter
    try:
        yield adapter
    finally:
        Proxy.adapter = before


def run(
    *arguments: str, folder: Path, timeout: float = 60, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a consentry command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "proxy_addon", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


def _verdict(line: Mapping[str, Any]) -> Verdict:
    words = {each: str(line.get(each) or "") for each in _WORDS}
    return Verdict(**words, categories=tuple(line["categories"]), missing=tuple(line["missing"]))


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    mine = children.read_text().split() if children.exists() else []
    return [pid, *(each for child in mine for each in _family(int(child)))]


def children(pid: int) -> list[tuple[int, str]]:
    """The processes that a process has started, each with its command (Linux)."""
    return [
        (each, Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip())
        for each in _family(pid)[1:]
    ]


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
