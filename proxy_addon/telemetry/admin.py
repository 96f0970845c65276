"""Answers whoever watches: /metrics, /healthz (it runs) and /readyz (it serves)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ..config import UsageError
from ..listeners import parse_listen, reason_of

_TEXT = "text/plain; charset=utf-8"
# Prometheus' text format.
_METRICS = "text/plain; version=1.0.0; charset=utf-8"


class Admin:
    """Listens in a thread of its own, as long as the context lasts."""

    def __init__(self, address: str, metrics: Callable[[], bytes], ready: Callable[[], bool]) -> None:
        """Listen on `address`, as [HOST:]PORT. Raises UsageError."""
        place = parse_listen(address, None)

        class Handler(BaseHTTPRequestHandler):
            """One question."""

            def do_GET(self) -> None:
                """Answer it."""
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    self._answer(200, _METRICS, metrics())
                elif path == "/healthz":
                    self._answer(200, _TEXT, b"alive\n")
                elif path == "/readyz":
                    up = ready()
                    self._answer(200 if up else 503, _TEXT, b"ready\n" if up else b"not yet\n")
                else:
                    self._answer(404, _TEXT, b"There is /metrics, /healthz and /readyz.\n")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nobody reads who asked."""

        try:
            self._server = ThreadingHTTPServer((place.host, place.port), Handler)
        except OSError as error:
            raise UsageError(
                f"Metrics cannot be served on {address}: {reason_of(error)}; choose another address with --metrics."
            ) from None
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def __enter__(self) -> Admin:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it is."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"
