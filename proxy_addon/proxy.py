"""Builds and runs the mitmproxy master: listeners, TLS, and a clean end."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mitmproxy_rs
from mitmproxy import addonmanager, certs, exceptions, http, options, version
from mitmproxy.addons import core, disable_h2c, next_layer, proxyserver, tlsconfig
from mitmproxy.hooks import Hook
from mitmproxy.master import Master
from mitmproxy.net.http import status_codes
from mitmproxy.proxy import layers
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.http import _http1, _http2
from mitmproxy.proxy.layers.http._events import RequestData

from .addon import Gate, Tap
from .chromium import AUTHORITY
from .config import UsageError
from .console import Console
from .engine import Engine
from .errorpage import error_page
from .exchange import MOST_EVENTS
from .faults import Faults
from .gathering import gather_writes
from .listeners import DEFAULT_HOST, Listener, Transport, check_files, parse_listen, reason_of
from .traffic import Traffic
from .watch import Live

# Told where a proxy listens, once it does, and what stops it from whatever thread.
Started = Callable[[Sequence[str], Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate of our authority: its file, its fingerprint (SHA-256), and until when it is valid."""

    path: Path
    fingerprint: str
    until: str


def authority(confdir: Path) -> Shown:
    """The authority that is kept in a folder; it is made if there is none. Raises UsageError."""
    try:
        certs.CertStore.from_store(confdir, "mitmproxy", 2048)
        path = confdir / AUTHORITY
        certificate = certs.Cert.from_pem(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The authority in {confdir} cannot be had ({error}); name another folder with --confdir."
        ) from None
    return Shown(path, certificate.fingerprint().hex(":").upper(), certificate.notafter.strftime("%Y-%m-%d"))


def captures(local: str | None, wireguard: str | None) -> list[Listener]:
    """Listeners for what programs of this machine ask for ('all', or names of programs), and for a WireGuard tunnel.

    Raises UsageError where this system cannot do it.
    """
    found = list[Listener]()
    if local is not None:
        _must_capture()
        programs = "" if local == "all" else f":{local}"
        found.append(Listener("", 0, None, f"local{programs}"))
    if wireguard is not None:
        listener = parse_listen(wireguard, None)
        # Who comes through a tunnel comes from another device, and shows a key.
        host = listener.host if ":" in wireguard else ""
        found.append(replace(listener, host=host, capture="wireguard"))
    return found


def _must_capture() -> None:
    redirector = mitmproxy_rs.local.LocalRedirector
    why = getattr(redirector, "unavailable_reason", lambda: None)()
    if sys.platform == "linux" and not hasattr(redirector, "unavailable_reason"):
        why = f"this mitmproxy ({version.VERSION}) cannot do it on Linux; version 12 can"
    if why:
        raise UsageError(
            f"--local does not work here: {str(why).rstrip('.')}. Set the proxy in the programs themselves, or use "
            "--wireguard."
        )


def serve(
    engine: Engine,
    listeners: Sequence[Listener],
    transport: Transport,
    console: Console,
    *,
    live: Live | None = None,
    started: Started | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Run until interrupted; `live` is the dashboard beside it, `started` is told once it listens, and so is `ready`.

    Raises UsageError if it cannot start.
    """
    run = asyncio.run
    if _takes_uvloop():
        try:
            import uvloop  # noqa: PLC0415 - it is optional
        except ImportError:
            pass
        else:
            run = uvloop.run
    run(_serve(engine, listeners, transport, console, live=live, started=started, ready=ready))


def _takes_uvloop() -> bool:
    """uvloop hands `eager_start` to the task factory that mitmproxy sets, and Python takes it since 3.13.3 only."""
    if sys.platform == "win32":
        return False
    factory = getattr(asyncio, "eager_task_factory", None)
    if factory is None:
        return True
    parameters = inspect.signature(factory).parameters.values()
    return any(each.name == "eager_start" or each.kind is each.VAR_KEYWORD for each in parameters)


class _Hooks(addonmanager.AddonManager):
    """Calls the hooks that add-ons have, and nothing in between: mitmproxy looks for them anew each time."""

    def __init__(self, master: Master) -> None:
        super().__init__(master)  # type: ignore[no-untyped-call]
        self._known: dict[str, list[Callable[..., Any]]] = {}

    def add(self, *addons: object) -> None:
        super().add(*addons)  # type: ignore[no-untyped-call]
        self._known.clear()

    async def handle_lifecycle(self, event: Hook) -> None:
        # The update hook that follows in mitmproxy's own is for user interfaces.
        known = self._known.get(event.name)
        if known is None:
            known = [function for each in self.chain for _, function in self._iter_hooks(each, event)]
            self._known[event.name] = known
        for function in known:
            with addonmanager.safecall():
                result = function(*event.args())
                if inspect.isawaitable(result):
                    await result


def _unchecked(self: http.MessageData) -> None:
    """mitmproxy checks the types of every message that it makes itself, which costs a tenth of a request."""


def _bounded(self: layers.http.HttpStream, request: bool) -> CommandGenerator[bool]:
    """Keep no more of a request's body than anyone looks into: mitmproxy keeps all of what does not say its length."""
    if request and len(self.request_body_buf) > MOST_EVENTS:
        body = bytes(self.request_body_buf)
        self.request_body_buf = type(self.request_body_buf)()
        # What has its answer already goes nowhere.
        if self.flow.response is None:
            self.flow.request.stream = True
            yield from self.start_request_stream()
            yield from self.handle_event(RequestData(self.stream_id, body))
    return False


async def _serve(
    engine: Engine,
    listeners: Sequence[Listener],
    transport: Transport,
    console: Console,
    *,
    live: Live | None,
    started: Started | None,
    ready: Callable[[], None],
) -> None:
    servers = proxyserver.Proxyserver()  # type: ignore[no-untyped-call]

    def running() -> None:
        _settle()
        # Whoever reads where it listens may ask at once whether it is ready.
        ready()
        urls = _announce(listeners, transport, servers, console, live, led=started is not None)
        if started is not None:
            started(urls, master.shutdown)

    gate = Gate(engine, transport.resolver, live, transport.passing, transport.aliases, faults=Faults(console.warn))
    master = _master(listeners, transport, servers, running, gate)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_quiet_end)
    stop: Callable[[], None] = master.shutdown
    for each in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(each, stop)
        except NotImplementedError:
            signal.signal(each, lambda *_: stop())
    await master.run()
    console.say("Stopped.", "stopped")


def _settle() -> None:
    """Let the garbage collector leave alone what stays for good.

    It goes through everything only when a quarter as much has come since, and each connection leaves cycles behind.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(gc.get_threshold()[0], 10, 2)


async def lend(
    engine: Engine, transport: Transport, traffic: Traffic, started: Callable[[int, Callable[[], None]], None]
) -> None:
    """Run a forward proxy on a free port of this machine alone, until it is stopped; any thread's loop will do.

    `started` is told the port, and what stops it from whatever thread. Raises UsageError if it cannot start.
    """
    servers = proxyserver.Proxyserver()  # type: ignore[no-untyped-call]
    listener = Listener(DEFAULT_HOST, 0, None)

    def running() -> None:
        started(next(iter(servers.servers)).listen_addrs[0][1], master.shutdown)

    master = _master([listener], transport, servers, running, Gate(engine, transport.resolver), Tap(traffic))
    asyncio.get_running_loop().set_exception_handler(_quiet_end)
    await master.run()


def _master(
    listeners: Sequence[Listener],
    transport: Transport,
    servers: proxyserver.Proxyserver,
    started: Callable[[], None],
    *addons: object,
) -> Master:
    """A master with these listeners and add-ons, ready to run. Raises UsageError."""
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("mitmproxy").propagate = False
    # Until it runs, what goes wrong ends the start with a sentence of its own.
    logging.getLogger("mitmproxy").addHandler(logging.NullHandler())
    master = Master(_options(listeners, transport))
    master.addons = _Hooks(master)
    # Only what a proxy needs: every further add-on costs each request.
    master.addons.add(
        core.Core(),
        disable_h2c.DisableH2C(),
        servers,
        next_layer.NextLayer(),
        tlsconfig.TlsConfig(),
        *addons,
        _Start(servers, started),
    )
    try:
        master.options.update(**_late_options(transport))  # type: ignore[no-untyped-call]
    except exceptions.OptionsError as error:
        raise UsageError(_sentence(str(error))) from None
    _readable_errors()
    gather_writes()
    setattr(http.MessageData, "__post_init__", _unchecked)  # noqa: B010 - a method cannot be assigned to
    setattr(layers.http.HttpStream, "check_body_size", _bounded)  # noqa: B010 - see above
    return master


def _options(listeners: Sequence[Listener], transport: Transport) -> options.Options:
    # A vendor must not even be connected to before the verdict: connections wait for requests.
    return options.Options(
        mode=[listener.spec for listener in listeners],
        confdir=str(transport.confdir),
        ssl_insecure=transport.insecure_upstream,
    )


def _late_options(transport: Transport) -> dict[str, object]:
    """Options that exist once their add-ons are loaded."""
    chosen: dict[str, object] = {"keep_host_header": True, "connection_strategy": "lazy"}
    check_files(transport)
    if transport.tls_cert is not None:
        chosen["certs"] = [f"*={transport.tls_cert}"]
    if transport.upstream_ca is not None:
        chosen["ssl_verify_upstream_trusted_ca"] = str(transport.upstream_ca)
    return chosen


def _announce(
    listeners: Sequence[Listener],
    transport: Transport,
    servers: proxyserver.Proxyserver,
    console: Console,
    live: Live | None,
    *,
    led: bool,
) -> list[str]:
    """Say where it listens, and return it; with `led` nobody needs to be told how to lead a browser there."""
    logging.getLogger("mitmproxy").addHandler(_Warnings(console))
    urls = list[str]()
    for listener, server in zip(listeners, servers.servers, strict=True):
        port = server.listen_addrs[0][1] if server.listen_addrs else 0
        if listener.capture:
            client = _tunnel_settings(listener, server) if listener.capture == "wireguard" else ""
            console.say(
                _capture_words(listener, client),
                "capturing",
                mode=listener.capture,
                listen=f"{listener.host}:{port}" if port else "",
                client=client,
                ca=str(transport.confdir / AUTHORITY),
            )
            continue
        url = listener.url(tls=transport.tls_cert is not None, port=port)
        urls.append(url)
        if listener.upstream:
            console.say(
                f"Consentry stands in front of {listener.upstream} at {url}",
                "listening",
                mode="reverse",
                listen=url,
                upstream=listener.upstream,
            )
        else:
            authority = transport.confdir / AUTHORITY
            console.say(
                f"Consentry filters at {url}" if led else _forward_words(url, authority),
                "listening",
                mode="forward",
                listen=url,
                upstream=None,
                ca=str(authority),
            )
    if live is not None:
        console.say(f"The dashboard is at {live.url}", "dashboard", url=live.url)
    return urls


def _tunnel_settings(listener: Listener, server: Any) -> str:
    """How a WireGuard client is set up, with the port that was opened where any would do."""
    return f"{server.client_conf().removesuffix(f':{listener.port}')}:{server.listen_addrs[0][1]}"


def _capture_words(listener: Listener, client: str) -> str:
    if client:
        return f"Consentry filters what comes through WireGuard; a client is set up with:\n{client}"
    programs = listener.capture.partition(":")[2]
    return f"Consentry filters what {programs or 'every program of this machine'} asks for."


def _forward_words(url: str, authority: Path) -> str:
    address = url.partition("://")[2]
    return f"""Consentry filters at {url}
  1. Set {address} as the HTTP and HTTPS proxy of the browser.
  2. Trust its certificate authority, {authority}:
     Firefox   Settings > Privacy & Security > Certificates > View Certificates > Authorities > Import
     Chrome    Settings > Privacy and security > Security > Manage certificates > Authorities > Import
     macOS     sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {authority}
     Windows   certutil -addstore root {authority}
     Debian    sudo cp {authority} /usr/local/share/ca-certificates/consentry.crt && sudo update-ca-certificates
     or, for all that this machine has: consentry ca install
  The key beside it signs for every site: keep that folder private."""


class _Start:
    """Ends the start with one sentence if a listener cannot be opened. (The master asks for it by this name.)"""

    name = "errorcheck"

    def __init__(self, servers: proxyserver.Proxyserver, announce: Callable[[], None]) -> None:
        self._servers = servers
        self._announce = announce

    async def shutdown_if_errored(self) -> None:
        for server in self._servers.servers:
            if server.last_exception is not None and server.mode.type_name == "local":
                raise UsageError(
                    f"--local does not work here: {_first_cause(server.last_exception)}. It may need more rights; else "
                    "set the proxy in the programs themselves, or use --wireguard."
                )
            if server.last_exception is not None:
                raise UsageError(
                    f"Cannot listen on port {server.mode.listen_port()}: {reason_of(server.last_exception)}; "
                    "choose another with --listen."
                )

    def running(self) -> None:
        self._announce()

    def finish(self) -> None:
        """Nothing is watched after the start."""


class _Warnings(logging.Handler):
    """Hands mitmproxy's warnings to the console, one line each."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.warn(record.getMessage().splitlines()[0] if record.getMessage() else record.name)


def _readable_errors() -> None:
    """mitmproxy has no hook for its error page: put ours in its place, in the two modules that send it."""
    for module in (_http1, _http2):
        if hasattr(module, "format_error"):
            setattr(module, "format_error", _error_page)  # noqa: B010 - the module's typing knows no such attribute


def _error_page(status: int, message: str) -> bytes:
    return error_page(status, status_codes.RESPONSES.get(status, "Error"), message)


def _quiet_end(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A connection that is open at the end is cancelled, which Python 3.11 reports as an error: it is none."""
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


def _first_cause(error: Exception) -> str:
    """What a Rust error says, without the trace that it brings along."""
    said = str(error).partition("Stack backtrace")[0].replace("Caused by:", "")
    return " ".join(said.split()).rstrip(".")


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith(".") else text + "."
