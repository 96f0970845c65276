"""Where a proxy listens, and how it makes and accepts connections, whichever proxy it is."""

from __future__ import annotations

import errno
import itertools
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .catalogue.urls import origin, split
from .config import UsageError
from .filter.passing import Passing
from .resolve import Resolver

if TYPE_CHECKING:
    from .filter.aliases import Aliases

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080


@dataclass(frozen=True, slots=True)
class Listener:
    """An address, and the site in front of which it stands (None: forward mode).

    `capture` is another way for requests to come in forward mode: `wireguard`, a tunnel to this address, or `local`,
    or `local:PROGRAM,…`, which takes what programs of this machine ask for and has no address.
    """

    host: str
    port: int
    upstream: str | None
    capture: str = ""

    @property
    def spec(self) -> str:
        """The listener as mitmproxy's mode specification."""
        if self.capture.startswith("local"):
            return self.capture
        host = f"[{self.host}]" if ":" in self.host else self.host
        mode = f"reverse:{self.upstream}" if self.upstream else self.capture or "regular"
        return f"{mode}@{host}:{self.port}" if host else f"{mode}@{self.port}"

    def url(self, *, tls: bool, port: int | None = None) -> str:
        """Where a browser on this machine reaches it."""
        anywhere = self.host in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
        host = "localhost" if anywhere or self.host in ("127.0.0.1", "::1") else self.host
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if tls and self.upstream else 'http'}://{host}:{port or self.port}"


@dataclass(frozen=True, slots=True)
class Transport:
    """How connections are made and accepted."""

    confdir: Path
    tls_cert: Path | None = None
    upstream_ca: Path | None = None
    insecure_upstream: bool = False
    resolver: Resolver = field(default_factory=lambda: Resolver(()))
    # What is not looked into, and which other names hosts have.
    passing: Passing | None = None
    aliases: Aliases | None = None


def parse_listen(text: str, upstream: str | None) -> Listener:
    """Read '[HOST:]PORT'. Raises UsageError."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"'{text}' is no address to listen on; write it as PORT or HOST:PORT, as in 127.0.0.1:8080.")
    return Listener(host.strip("[]") or DEFAULT_HOST, int(port), upstream)


def place(
    sites: Sequence[tuple[str | None, str | None]], addresses: Sequence[str], common: str | None = None
) -> list[Listener]:
    """A listener for each site: where `addresses` says in the same order, else at its own, else on a free port.

    A site is its origin (None: forward mode) and its own address, if it has one. The first without any gets the
    `common` address. Raises UsageError.
    """
    if len(addresses) > len(sites):
        raise UsageError(
            f"There are {len(addresses)} addresses to listen on, but only {len(sites)} to serve; take one out."
        )
    wanted = [addresses[index] if index < len(addresses) else own for index, (_, own) in enumerate(sites)]
    if common is not None and None in wanted:
        wanted[wanted.index(None)] = common
    taken = {parse_listen(text, None).port for text in wanted if text is not None}
    free = (port for port in itertools.count(DEFAULT_PORT) if port not in taken)
    return [
        Listener(DEFAULT_HOST, next(free), upstream) if text is None else parse_listen(text, upstream)
        for (upstream, _), text in zip(sites, wanted, strict=True)
    ]


def parse_upstream(text: str) -> str:
    """Read a site's URL into its origin. Raises UsageError."""
    url = text if "://" in text else f"https://{text}"
    site, parts = origin(url), split(url)
    if site is None or parts is None or not site.startswith("http") or "@" in url:
        raise UsageError(f"'{text}' is no site to stand in front of; write it as https://staging.example.com.")
    if parts.path != "/" or parts.query:
        raise UsageError(f"'{text}' has a path; Consentry stands in front of a whole site, so give {site}.")
    return site


def check_files(transport: Transport) -> None:
    """Try what a proxy would try at the first connection only. Raises UsageError."""
    if transport.tls_cert is not None:
        # An empty passphrase, so that a key which needs one is an error and no question.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _must_load(
            transport.tls_cert,
            "--tls-cert",
            "a PEM file with a private key (no passphrase) and its certificate",
            lambda path: context.load_cert_chain(path, password=""),
        )
    if transport.upstream_ca is not None:
        _must_load(
            transport.upstream_ca,
            "--upstream-ca",
            "a PEM file of certificates",
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations,
        )


def _must_load(path: Path, option: str, takes: str, load: Callable[[Path], object]) -> None:
    if not path.is_file():
        raise UsageError(f"There is no file {path}; check the path given to {option}.")
    try:
        load(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be used ({error}); {option} takes {takes}.") from None


def family_of(host: str) -> socket.AddressFamily:
    """The sort of address that a host to listen at is, which is written in numbers."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this host just now."""
    with socket.socket(family_of(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def reason_of(error: Exception) -> str:
    """Why an address cannot be listened on, in words."""
    code = error.errno if isinstance(error, OSError) else None
    said = {
        errno.EADDRINUSE: "another program uses it",
        errno.EACCES: "this user may not",
        errno.EADDRNOTAVAIL: "the address is not one of this machine's",
    }
    return said.get(code or 0, str(error))
