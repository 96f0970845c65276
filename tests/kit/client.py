"""A plain HTTP/1.1 client that hides nothing: headers as they came, bodies still encoded."""

from __future__ import annotations

import gzip
import http.client
import socket
import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import brotli
import zstandard

TIMEOUT = 20

DECODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}
ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key == name.lower()]

    @property
    def text(self) -> str:
        """The body, decoded as its content-encoding says."""
        return DECODERS[self.header("content-encoding") or ""](self.body).decode()


@contextmanager
def opened(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes | Iterable[bytes] | None = None,
    proxy: str | None = None,
    authority: Path | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """Send a request and give the response while its body is still to be read.

    `proxy` is the URL of a forward proxy; `authority` the PEM file of what vouches for an https URL.
    """
    parts = urlsplit(url)
    address = urlsplit(proxy or url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 443, timeout=TIMEOUT)
    target = url if proxy else f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    if parts.scheme == "https":
        target = target.removeprefix(f"https://{parts.netloc}") or "/"
        connection.sock = _secured(parts.hostname or "", parts.port or 443, address.hostname, address.port, authority)
    try:
        connection.request(method, target, body=body, headers={"Host": parts.netloc, **(headers or {})})
        yield connection.getresponse()
    finally:
        connection.close()


def fetch(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes | Iterable[bytes] | None = None,
    proxy: str | None = None,
    authority: Path | None = None,
) -> Answer:
    """Send a request and give the whole response."""
    with opened(url, headers, method=method, body=body, proxy=proxy, authority=authority) as response:
        fields = tuple((name.lower(), value) for name, value in response.getheaders())
        return Answer(response.status, fields, response.read())


def _secured(host: str, port: int, via: str | None, via_port: int | None, authority: Path | None) -> ssl.SSLSocket:
    raw = socket.create_connection((via or host, via_port or port), timeout=TIMEOUT)
    if (via, via_port) != (host, port):
        raw.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        tunnel = http.client.HTTPResponse(raw, method="CONNECT")
        tunnel.begin()
        if tunnel.status != 200:
            raise OSError(f"the proxy refused to open a tunnel to {host}:{port} ({tunnel.status})")
    context = ssl.create_default_context(cafile=str(authority) if authority else None)
    return context.wrap_socket(raw, server_hostname=host)
