"""The process that keeps one browser and audits what it is told, until nobody tells it more.

`python -m proxy_addon.audit.many.child FD`: over the socket FD come first the Options, then addresses; after each
address goes one Reply. Its keeper may kill it, and the browser with it, at any moment.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ...catalogue.yamlfile import FileError
from ...chromium import AUTHORITY
from ...config import UsageError
from ...proxy import authority
from ..drive import BrokenError, SiteError
from ..options import Options
from ..run import Auditor, auditor
from .outcome import CRASH, UNREACHABLE, Reply

# A keeper that has nothing for so long has gone away, or can start another browser.
_IDLE = 120.0


def main(socket: int) -> None:
    """Serve the keeper at the other end of a socket."""
    keeper: Connection[Any, Any] = Connection(socket)
    options: Options = keeper.recv()
    addresses: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(keeper, addresses), daemon=True).start()
    try:
        _with_authority(options.transport.confdir)
        with auditor(options) as running:
            keeper.send(Reply())
            while True:
                try:
                    url = addresses.get(timeout=_IDLE)
                except queue.Empty:
                    return
                reply = _looked(running, url)
                keeper.send(reply)
                if reply.failure == CRASH:
                    # The next one gets a browser of which everything is known.
                    return
    except (UsageError, FileError) as error:
        keeper.send(Reply(unusable=str(error)))


def _looked(running: Auditor, url: str) -> Reply:
    try:
        result = running.audit(url)
    except SiteError as error:
        return Reply(CRASH if isinstance(error, BrokenError) else UNREACHABLE, str(error))
    except Exception as error:  # One page's surprise must not end the audit of thousands; it is recorded as it is.
        said = " ".join(str(error).split())[:300]
        return Reply(CRASH, f"The audit of {url} broke off ({type(error).__name__}: {said}).")
    return Reply(result=json.dumps(result.plain(), ensure_ascii=False))


def _listen(keeper: Connection[Any, Any], addresses: queue.SimpleQueue[str]) -> None:
    while True:
        try:
            addresses.put(keeper.recv())
        except (EOFError, OSError):
            # The keeper is gone. Playwright's driver closes the browser when it sees this process end.
            os._exit(0)


def _with_authority(confdir: Path) -> None:
    """Of several that start at once, one makes the authority that all of them use."""
    there = confdir / AUTHORITY
    if not there.is_file() or not there.stat().st_size:
        with _alone(confdir):
            authority(confdir)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    fcntl: Any = import_module("fcntl")
    with (folder / ".audit-many.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    # What something prints must not reach the terminal on which progress is shown.
    os.dup2(2, 1)
    main(int(sys.argv[1]))
