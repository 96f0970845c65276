"""Runs the dashboard beside the proxy: in a thread with a loop of its own, from `start` to `stop`."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from ..config import UsageError
from ..listeners import family_of
from ..watch import Who
from .access import Keys, check_bounds, is_loopback
from .app import Dashboard, Subject
from .scene import Scene

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8079
_MOST_CONNECTIONS = 400
_STOP_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Address:
    """Where the dashboard listens. `chosen` says that the port was named, so that no other will do."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    chosen: bool = False


def parse_address(text: str) -> Address:
    """Read '[HOST:]PORT'. Raises UsageError."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise UsageError(
            f"'{text}' is no address for the dashboard; write it as PORT or HOST:PORT, "
            f"as in {DEFAULT_HOST}:{DEFAULT_PORT}."
        )
    return Address(host.strip("[]") or DEFAULT_HOST, int(port), chosen=True)


class Server:
    """The dashboard, listening from its making on, and answering from `start` to `stop`."""

    def __init__(self, address: Address, token: str, warn: Callable[[str], None], inside: int = 0) -> None:
        """Take the ports; `inside` is the one for the proxy, 0 any.

        `warn` is told, in one line, what goes wrong later. Raises UsageError.
        """
        check_bounds(address.host, token)
        self.scene = Scene()
        self._host = address.host
        self._socket = _listen(address)
        # The proxy leads the channels of its pages here: no browser reaches this port.
        self._inside = _listen(Address(port=inside, chosen=True))
        self._keys = Keys(token)
        self._warn = warn
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._dashboard: Dashboard | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        port = self._socket.getsockname()[1]
        if is_loopback(self._host) or self._host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            # Not by the name localhost, which the proxied site has: cookies do not tell ports apart.
            host = "127.0.0.1" if self._host not in ("::1", "::") else "[::1]"
        else:
            host = f"[{self._host}]" if ":" in self._host else self._host
        code = f"?token={self._keys.code}" if self._keys.code else ""
        return f"http://{host}:{port}/{code}"

    @property
    def inside(self) -> tuple[str, int]:
        """Where the proxy leads the channels of its pages."""
        address: tuple[str, int] = self._inside.getsockname()
        return address[0], address[1]

    def ticket(self, who: Who) -> str:
        """What a page of this visitor is let in by."""
        assert self._dashboard is not None
        return self._dashboard.channels.ticket(who)

    def start(self, subject: Subject) -> None:
        """Answer from now on."""
        self._dashboard = Dashboard(subject, self._keys, inside=self.inside[1])
        config = uvicorn.Config(
            self._dashboard.app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            http="h11",
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        _quiet(self._warn)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="dashboard", daemon=True)
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Close all streams, and the ports."""
        if self._thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._end)
            self._thread.join(2 * _STOP_SECONDS + 1)
            self._thread = None
        for each in (self._socket, self._inside):
            each.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._warn(f"the dashboard has stopped ({type(error).__name__}: {error}); the proxy goes on")
        finally:
            self._started.set()

    async def _serve(self) -> None:
        assert self._server is not None
        self._loop = asyncio.get_running_loop()
        self._started.set()
        await self._server.serve(sockets=[self._socket, self._inside])

    def _end(self) -> None:
        assert self._dashboard is not None
        assert self._server is not None
        self._dashboard.end()
        self._server.should_exit = True


class _Errors(logging.Handler):
    """Hands the server's errors on, one line each."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._warn = warn

    def emit(self, record: logging.LogRecord) -> None:
        lines = record.getMessage().strip().splitlines() or [record.name]
        error = record.exc_info[1] if record.exc_info else None
        what = f" ({type(error).__name__}: {error})" if error else ""
        self._warn(f"the dashboard: {lines[0]}{what}")


def _quiet(warn: Callable[[str], None]) -> None:
    logger = logging.getLogger("uvicorn")
    logger.propagate = False
    # What is no HTTP is answered as such, and is nobody's trouble.
    logger.setLevel(logging.ERROR)
    logger.handlers = [_Errors(warn)]
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def _listen(address: Address) -> socket.socket:
    try:
        return _bound(address.host, address.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and not address.chosen:
            # Nobody asked for this port: any other will do.
            return _bound(address.host, 0)
        reason = {
            errno.EADDRINUSE: "another program uses it",
            errno.EACCES: "this user may not",
            errno.EADDRNOTAVAIL: "the address is not one of this machine's",
        }.get(error.errno or 0, error.strerror or str(error))
        raise UsageError(
            f"The dashboard cannot listen on {address.host}:{address.port}: {reason}; "
            "choose another port with --dashboard, or do without it with --no-dashboard."
        ) from None


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(family_of(host), socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Who comes before the thread has started waits for it.
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
