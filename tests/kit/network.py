"""A fake internet on loopback: every host is here, and every connection and request is remembered."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterable

from .cases import Serve
from .certificates import Authority
from .globs import url_matches
from .messages import Connection, Echo, Request, Response
from .server import Answer, Server

_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_EMPTY = {
    "script": ("text/javascript", b""),
    "worker": ("text/javascript", b""),
    "style": ("text/css", b""),
    "image": ("image/gif", _GIF),
    "iframe": ("text/html", b"<!doctype html><title></title>"),
    "document": ("text/html", b"<!doctype html><title></title>"),
}
# What Chromium asks for on its own account, whatever the page: it must not count as the page's.
_OF_THE_BROWSER = frozenset(
    {
        "accounts.google.com",
        "android.clients.google.com",
        "clients2.google.com",
        "clients4.google.com",
        "content-autofill.googleapis.com",
        "edgedl.me.gvt1.com",
        "mtalk.google.com",
        "optimizationguide-pa.googleapis.com",
        "redirector.gvt1.com",
        "safebrowsing.googleapis.com",
        "update.googleapis.com",
    }
)
_DESTINATIONS = {".js": "script", ".mjs": "script", ".css": "style", ".gif": "image", ".png": "image"}
# How long a connection must be silent to be called idle.
_IDLE = 1.0


class Network:
    """Answers for any host over HTTP and HTTPS.

    Hosts given to `host()` are sites of the test's own; all others are the vendors', and only what
    happens to those is remembered.
    """

    def __init__(self, authority: Authority) -> None:
        """Listen on two free ports: `plain` for HTTP, `secure` for HTTPS of any name."""
        self._sites: dict[str, Answer] = {}
        self._serves: tuple[Serve, ...] = ()
        self._requests: list[Request] = []
        self._unwatched: set[Connection] = set()
        self._gone: set[str] = set()
        self._arrived = threading.Condition()
        # Seconds that every vendor takes to answer.
        self.latency = 0.0
        self.plain = Server(self._answer)
        self.secure = Server(self._answer, tls=lambda name: authority.context(name or "127.0.0.1"))

    def host(self, name: str, answer: Answer) -> None:
        """Let a site of the test's own answer for a host."""
        self._sites[name] = answer

    def serve(self, serves: Iterable[Serve]) -> None:
        """Answer these from now on, in place of what was served before; all else is empty."""
        self._serves = tuple(serves)

    def clear(self) -> None:
        """Forget all requests, connections and serves; cut what is open. Sites stay."""
        with self._arrived:
            self._requests.clear()
            self._serves = ()
        self.plain.drop()
        self.secure.drop()
        self._unwatched.clear()

    def dismiss(self, agent: str) -> None:
        """Take no more notice of a user agent: its last beacons may come long after it has left."""
        self._gone.add(agent)

    def close(self) -> None:
        """Stop listening."""
        self.plain.close()
        self.secure.close()

    def requests(self) -> list[Request]:
        """Every request for a vendor's host so far."""
        with self._arrived:
            return list(self._requests)

    def requests_to(self, pattern: str) -> list[Request]:
        """The requests that fit a URL glob."""
        return [request for request in self.requests() if url_matches(request.url, pattern)]

    def wait_for(self, pattern: str, timeout: float = 15) -> Request:
        """The first request that fits a URL glob, as soon as it is there."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: self._first(pattern) is not None, timeout):
                seen = "\n".join(f"  {request.method} {request.url}" for request in self._requests) or "  nothing"
                raise AssertionError(f"no request to {pattern} within {timeout} s; arrived was:\n{seen}")
            found = self._first(pattern)
        assert found is not None
        return found

    def connections(self) -> list[Connection]:
        """The TCP connections made so far that did not turn out to be for a site of the test's own.

        A connection that was opened ahead and never used counts; with TLS its `name` says for whom.
        """
        names = _OF_THE_BROWSER | self._sites.keys()

        def counts(connection: Connection) -> bool:
            if connection.name not in names:
                connection.spoken.wait(_IDLE)
            return connection.name not in names and connection not in self._unwatched

        return [each for each in [*self.plain.connections, *self.secure.connections] if counts(each)]

    def _first(self, pattern: str) -> Request | None:
        return next((request for request in self._requests if url_matches(request.url, pattern)), None)

    def _answer(self, request: Request) -> Response | Echo:
        name = request.host.partition(":")[0]
        if name in self._sites:
            self._unwatched.add(request.connection)
            return self._sites[name](request)
        if name in _OF_THE_BROWSER or request.header("user-agent") in self._gone:
            self._unwatched.add(request.connection)
            return Response(status=404)
        with self._arrived:
            self._requests.append(request)
            self._arrived.notify_all()
        if self.latency:
            time.sleep(self.latency)
        return _with_cors(request, self._vendor_answer(request))

    def _vendor_answer(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status=204)
        for serve in self._serves:
            if url_matches(request.url, serve.url):
                return Response(serve.body, [("content-type", serve.type)])
        return _empty(request)


def _empty(request: Request) -> Response:
    _, dot, extension = request.path.rpartition(".")
    destination = request.header("sec-fetch-dest") or _DESTINATIONS.get(dot + extension, "")
    if destination not in _EMPTY:
        return Response(status=204)
    kind, body = _EMPTY[destination]
    return Response(body, [("content-type", kind)])


def _with_cors(request: Request, response: Response) -> Response:
    origin = request.header("origin")
    if origin:
        response.headers = [
            *response.headers,
            ("access-control-allow-origin", origin),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE"),
            ("access-control-allow-headers", request.header("access-control-request-headers")),
            ("vary", "origin"),
        ]
    return response
