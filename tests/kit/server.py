# mypy: disable-error-code="import-untyped"
"""A small server on loopback, a thread per connection, that remembers who connected."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

import h2.exceptions
import h11
import wsproto
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.events import Request as UpgradeRequest

from .http2 import Http2Conversation
from .messages import Connection, Echo, Headers, Request, Response

# Of a request's body only this much is kept; the rest is read and counted.
_KEPT_BODY = 1 << 20
_PIECE = 1 << 16


Answer = Callable[[Request], Response | Echo]
SniContext = Callable[[str | None], ssl.SSLContext]


@dataclass(eq=False)
class Server:
    """Listens on a free port of 127.0.0.1 from its making until close().

    `tls` is a context, or a function from the name that a handshake asks for to one. It speaks HTTP/2
    where the context offers that and the other side wants it.
    """

    answer: Answer
    tls: ssl.SSLContext | SniContext | None = None
    connections: list[Connection] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Bind, and accept in a thread of its own."""
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name=f"server {self.port}", daemon=True).start()

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return "https" if self.tls else "http"

    @property
    def url(self) -> str:
        """The server's origin."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def drop(self) -> None:
        """Cut every open connection and forget the ones there were; go on listening."""
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            self.connections.clear()

    def close(self) -> None:
        """Stop listening and cut every connection."""
        # shutdown wakes the thread that waits in accept; close alone would not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection(tls=self.tls is not None)
            with self._lock:
                self._open.add(sock)
                self.connections.append(connection)
            threading.Thread(target=self._converse, args=(sock, connection), daemon=True).start()

    def _converse(self, raw: socket.socket, connection: Connection) -> None:
        sock = raw
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock = self._secured(raw, connection)
            if connection.protocol == "h2":
                Http2Conversation(sock, connection, self._answered).run()
            else:
                _Conversation(sock, connection, self.scheme, self._answered).run()
        except (OSError, h11.RemoteProtocolError, h2.exceptions.ProtocolError):
            # Browsers and proxies hang up when it suits them.
            pass
        finally:
            connection.spoken.set()
            with self._lock:
                self._open.discard(raw)
            sock.close()

    def _answered(self, request: Request) -> Response | Echo:
        response = self.answer(request)
        request.connection.spoken.set()
        return response

    def _secured(self, raw: socket.socket, connection: Connection) -> socket.socket:
        if self.tls is None:
            return raw
        tls = self.tls
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

        def named(handshake: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
            connection.name = name
            handshake.context = tls if isinstance(tls, ssl.SSLContext) else tls(name)

        context.sni_callback = named
        secured = context.wrap_socket(raw, server_side=True)
        connection.protocol = secured.selected_alpn_protocol() or "http/1.1"
        return secured


class _Conversation:
    """The requests of one connection, one after the other."""

    def __init__(self, sock: socket.socket, connection: Connection, scheme: str, answer: Answer) -> None:
        self._sock = sock
        self._connection = connection
        self._scheme = scheme
        self._answer = answer
        self._http = h11.Connection(h11.SERVER)

    def run(self) -> None:
        while (request := self._request()) is not None:
            response = self._answer(request)
            if isinstance(response, Echo):
                return self._echo(request)
            self._respond(request, response)
            if self._http.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
                return None
            self._http.start_next_cycle()
        return None

    def _event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            if self._http.they_are_waiting_for_100_continue:
                self._send(h11.InformationalResponse(status_code=100, headers=[]))
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                assert event is h11.PAUSED or isinstance(event, h11.Event)
                return event
            self._http.receive_data(self._sock.recv(_PIECE))

    def _request(self) -> Request | None:
        head = self._event()
        if not isinstance(head, h11.Request):
            return None
        body, length = bytearray(), 0
        while isinstance(event := self._event(), h11.Data):
            length += len(event.data)
            body += event.data[: _KEPT_BODY - len(body)]
        if not isinstance(event, h11.EndOfMessage) and event is not h11.PAUSED:
            return None
        headers = [(name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers]
        path, _, query = head.target.decode("ascii").partition("?")
        return Request(
            method=head.method.decode("ascii"),
            scheme=self._scheme,
            host=_host_of(headers),
            path=path,
            query=query,
            headers=headers,
            body=bytes(body),
            length=length,
            connection=self._connection,
        )

    def _respond(self, request: Request, response: Response) -> None:
        headers = list(response.headers)
        names = {name.lower() for name, _ in headers}
        bodiless = request.method == "HEAD" or response.status in (204, 304)
        if isinstance(response.body, bytes) and "content-length" not in names and response.status not in (204, 304):
            headers.append(("content-length", str(len(response.body))))
        reason = HTTPStatus(response.status).phrase
        self._send(h11.Response(status_code=response.status, headers=headers, reason=reason))
        pieces = [response.body] if isinstance(response.body, bytes) else response.body
        if not bodiless:
            for piece in pieces:
                self._send(h11.Data(data=piece))
        self._send(h11.EndOfMessage())

    def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._sock.sendall(data)

    def _echo(self, request: Request) -> None:
        socket_ = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        upgrade = [(name.encode(), value.encode()) for name, value in request.headers]
        socket_.initiate_upgrade_connection(upgrade, request.path)
        rest, _ = self._http.trailing_data
        if rest:
            socket_.receive_data(rest)
        while True:
            for event in socket_.events():
                if (reply := _reply(event)) is not None:
                    self._sock.sendall(socket_.send(reply))
                if isinstance(event, CloseConnection):
                    return
            data = self._sock.recv(_PIECE)
            socket_.receive_data(data or None)


def _reply(event: Event) -> Event | None:
    match event:
        case UpgradeRequest():
            return wsproto.events.AcceptConnection()
        case TextMessage():
            return TextMessage(data=event.data, message_finished=event.message_finished)
        case BytesMessage():
            return BytesMessage(data=event.data, message_finished=event.message_finished)
        case Ping():
            return event.response()
        case CloseConnection():
            return event.response()
    return None


def _host_of(headers: Headers) -> str:
    host = next((value for name, value in headers if name == "host"), "")
    return host.removesuffix(":80").removesuffix(":443").lower()
