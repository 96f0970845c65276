"""One Chromium with a profile of its own, from when the proxy listens until its last window is closed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..chromium import QUIET, executable, trusting
from ..config import UsageError

_ENDS = 10.0
_WORDS = 300
# A group of its own, which can be ended as a whole, where the system has such groups.
_GROUP: dict[str, Any] = {"process_group": 0} if hasattr(os, "killpg") else {}


class Window:
    """Started by `open`, which a proxy calls once it listens; gone, with its profile, after `close`."""

    def __init__(self, url: str, confdir: Path, arguments: Sequence[str] = ()) -> None:
        """`confdir` holds the authority to trust; `arguments` are for Chromium. Raises UsageError if there is none."""
        found = executable()
        if found is None:
            raise UsageError("There is no Chromium or Chrome; install one, or set CHROMIUM to its path.")
        self._program = found
        self._url = url
        self._confdir = confdir
        self._arguments = tuple(arguments)
        self._folder = Path(tempfile.mkdtemp(prefix="consentry-browse-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._error = ""
        self._closing = False

    def open(self, proxies: Sequence[str], stop: Callable[[], None]) -> None:
        """Start Chromium behind the first of the proxies; `stop` is called when it has ended."""
        command = [
            self._program,
            f"--user-data-dir={self._folder / 'profile'}",
            f"--proxy-server={proxies[0]}",
            # This machine's own sites pass too.
            "--proxy-bypass-list=<-loopback>",
            trusting(self._confdir),
            "--no-default-browser-check",
            *QUIET,
            # Chromium's sandbox does not start for root, as whom containers run.
            *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
            *self._arguments,
            self._url,
        ]
        log = (self._folder / "chromium.log").open("wb")
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, **_GROUP
            )
        except OSError as error:
            self._error = error.strerror or str(error)
            stop()
            return
        finally:
            log.close()
        threading.Thread(target=self._wait, args=(self._process, stop), daemon=True).start()

    def close(self) -> None:
        """End it if it runs still, and forget its profile. Raises UsageError if it did not start."""
        if self._process is not None and self._process.poll() is None:
            self._closing = True
            _tell(self._process, "SIGTERM")
            try:
                self._process.wait(_ENDS)
            except subprocess.TimeoutExpired:
                _tell(self._process, "SIGKILL")
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._error:
            raise UsageError(f"{self._program} did not start ({self._error}); set CHROMIUM to another browser.")

    def _wait(self, process: subprocess.Popen[bytes], stop: Callable[[], None]) -> None:
        # What a script around the browser makes of our own signal says nothing of the start.
        if process.wait() > 0 and not self._closing:
            said = (self._folder / "chromium.log").read_text("utf-8", "replace").split()
            self._error = " ".join(said)[-_WORDS:] or f"exit code {process.returncode}"
        stop()


def _tell(process: subprocess.Popen[bytes], name: str) -> None:
    """Send a signal to the browser, also where a script that started it stands between."""
    if not _GROUP:
        process.terminate()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, getattr(signal, name))
