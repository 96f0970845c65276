# mypy: disable-error-code="import-untyped"
"""One HTTP/2 connection of a server: one request at a time, with flow control."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from .messages import Connection, Echo, Request, Response

_PIECE = 1 << 16


@dataclass(slots=True)
class _Incoming:
    headers: list[tuple[str, str]]
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False


class Http2Conversation:
    """Answers the streams of a connection in the order in which their requests are complete."""

    def __init__(
        self, sock: socket.socket, connection: Connection, answer: Callable[[Request], Response | Echo]
    ) -> None:
        """Take over a socket on which "h2" was agreed."""
        self._sock = sock
        self._connection = connection
        self._answer = answer
        self._incoming: dict[int, _Incoming] = {}
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))

    def run(self) -> None:
        """Converse until the other side hangs up."""
        self._http.initiate_connection()
        self._flush()
        while self._receive():
            for stream in [number for number, incoming in self._incoming.items() if incoming.complete]:
                self._respond(stream, self._incoming.pop(stream))

    def _receive(self) -> bool:
        data = self._sock.recv(_PIECE)
        if not data:
            return False
        for event in self._http.receive_data(data):
            match event:
                case h2.events.RequestReceived():
                    # What type these have differs from one version of h2 to the next.
                    fields: Any = event.headers
                    self._incoming[event.stream_id] = _Incoming(list(fields))
                case h2.events.DataReceived():
                    self._incoming[event.stream_id].body += event.data
                    self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded():
                    self._incoming[event.stream_id].complete = True
                case h2.events.ConnectionTerminated():
                    return False
        self._flush()
        return True

    def _respond(self, stream: int, incoming: _Incoming) -> None:
        request = _request(incoming, self._connection)
        response = self._answer(request)
        if isinstance(response, Echo):
            response = Response(status=501)
        headers = [(":status", str(response.status)), *((name.lower(), value) for name, value in response.headers)]
        try:
            self._http.send_headers(stream, headers)
            if request.method != "HEAD":
                for piece in [response.body] if isinstance(response.body, bytes) else response.body:
                    self._send(stream, piece)
            self._http.end_stream(stream)
        except (h2.exceptions.StreamClosedError, h2.exceptions.NoSuchStreamError):
            # The other side has cancelled this stream; the connection goes on.
            pass
        self._flush()

    def _send(self, stream: int, piece: bytes) -> None:
        while piece:
            room = min(self._http.local_flow_control_window(stream), self._http.max_outbound_frame_size)
            if room > 0:
                self._http.send_data(stream, piece[:room])
                piece = piece[room:]
                self._flush()
            elif not self._receive():
                raise ConnectionResetError

    def _flush(self) -> None:
        self._sock.sendall(self._http.data_to_send())


def _request(incoming: _Incoming, connection: Connection) -> Request:
    pseudo = {name: value for name, value in incoming.headers if name.startswith(":")}
    path, _, query = pseudo[":path"].partition("?")
    return Request(
        method=pseudo[":method"],
        scheme=pseudo[":scheme"],
        host=pseudo.get(":authority", "").removesuffix(":443").lower(),
        path=path,
        query=query,
        headers=[(name, value) for name, value in incoming.headers if not name.startswith(":")],
        body=bytes(incoming.body),
        length=len(incoming.body),
        connection=connection,
    )
