"""Gets one address over HTTPS for ourselves: bounded in time and size, and to where the configuration says."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from pathlib import Path

from .bounded import TooLateError, TooLongError, whole
from .catalogue.urls import split
from .resolve import Resolver
from .rewrite import coding
from .rewrite.destinations import MOST_BYTES, unpack

_SECONDS = 5.0


class Fetcher:
    """Gets addresses with the TLS settings of upstream connections; see routers.Fetch."""

    def __init__(
        self, resolver: Resolver | None = None, *, authorities: Path | None = None, insecure: bool = False
    ) -> None:
        """`authorities` is a PEM file to trust in place of the system's; `insecure` verifies nothing."""
        self._resolver = resolver or Resolver(())
        self._context = ssl.create_default_context(cafile=str(authorities) if authorities else None)
        if insecure:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE

    def __call__(self, url: str) -> str | None:
        """The text of a 200 answer, or None. Redirects are not followed."""
        parts = split(url)
        if parts is None or not url.startswith("https://"):
            return None
        ends = time.monotonic() + _SECONDS
        connection = _Connection(parts.host, self._resolver, self._context)
        try:
            connection.request(
                "GET",
                f"{parts.path}?{parts.query}" if parts.query else parts.path,
                headers={"accept": "application/json", "accept-encoding": "identity"},
            )
            answer = connection.getresponse()
            return _text(answer, ends) if answer.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()


class _Connection(http.client.HTTPSConnection):
    """Connects where the resolver says, and names the host in TLS all the same."""

    def __init__(self, host: str, resolver: Resolver, context: ssl.SSLContext) -> None:
        super().__init__(host, timeout=_SECONDS, context=context)
        self._where = resolver.resolve(host, 443)
        self._tls = context

    def connect(self) -> None:
        plain = socket.create_connection(self._where, _SECONDS)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def _text(answer: http.client.HTTPResponse, ends: float) -> str | None:
    try:
        data = whole(answer, MOST_BYTES, ends)
    except (TooLongError, TooLateError):
        return None
    encodings = coding.codings(answer.getheader("content-encoding"))
    unpacked = unpack(data, encodings) if encodings is not None else None
    return unpacked[0] if unpacked else None
