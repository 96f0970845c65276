"""A small first-party site whose pages and behaviour the test sets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from email.utils import formatdate
from hashlib import sha256

from .messages import Echo, Headers, Request, Response

Handler = Callable[[Request], Response | Echo]


class Site:
    """Routes by path. Usable as the answer of a Server or of a host of the Network."""

    def __init__(self) -> None:
        """A site with no page yet."""
        self._routes: dict[str, Handler] = {}
        self._requests: list[Request] = []
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Response | Echo:
        """Answer by the route of the path; 404 where there is none."""
        with self._lock:
            self._requests.append(request)
        handler = self._routes.get(request.path)
        return Response(b"no such page", [("content-type", "text/plain")], 404) if handler is None else handler(request)

    def page(self, path: str, body: bytes, kind: str = "text/html; charset=utf-8", headers: Headers = ()) -> None:
        """Serve bytes with validators, answering 304 as a file server does."""
        tag = f'"{sha256(body).hexdigest()[:16]}"'
        fixed = [("content-type", kind), ("etag", tag), ("last-modified", formatdate(0, usegmt=True)), *headers]

        def answer(request: Request) -> Response:
            if tag in request.header("if-none-match"):
                return Response(b"", fixed, 304)
            return Response(body, fixed)

        self.route(path, answer)

    def route(self, path: str, handler: Handler) -> None:
        """Let a handler answer for a path."""
        self._routes[path] = handler

    def requests(self, path: str) -> list[Request]:
        """The requests for a path so far."""
        with self._lock:
            return [request for request in self._requests if request.path == path]
