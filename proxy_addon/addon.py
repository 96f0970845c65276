"""The mitmproxy adapter: hooks of a few lines into the engine.

Used by proxy.py with an engine of its own, and by anyone's mitmproxy as a script:

    mitmdump -s "$(consentry addon)" --set consentry_regime=ccpa
"""

from __future__ import annotations

import asyncio
import ipaddress
import sys
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mitmproxy import ctx, exceptions, http, tcp, udp
from mitmproxy.addonmanager import Loader
from mitmproxy.optmanager import OptManager
from mitmproxy.proxy.mode_specs import LocalMode, ReverseMode, WireGuardMode
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.tls import ClientHelloData, TlsData

from proxy_addon.answer import Answer
from proxy_addon.ask import Fetcher
from proxy_addon.catalogue.yamlfile import FileError
from proxy_addon.config import BASE, ENFORCE, FILTER, OBSERVE, STRICT, ConfigFile, UsageError, read_config
from proxy_addon.console import Console
from proxy_addon.engine import Engine, Visit
from proxy_addon.filter.aliases import Aliases
from proxy_addon.filter.passing import Passing
from proxy_addon.ledger import Several
from proxy_addon.own import CSP_PATH, INSIDE_PATH, MOST_BYTES, is_own
from proxy_addon.resolve import Resolver
from proxy_addon.rewrite.coding import Body
from proxy_addon.rewrite.mount import Mount
from proxy_addon.setup import Choices, build_engine, choose, open_ledger
from proxy_addon.traffic import Traffic
from proxy_addon.watch import Who

if TYPE_CHECKING:
    from proxy_addon.ledger.ledger import Ledger

# Bodies up to this many bytes are passed in one piece, which is faster; longer ones stream.
_SMALL = 128 * 1024
# Nobody's events take more.
MOST_EVENTS = 8 * 1024 * 1024
# What says of a body that it is the one that was sent.
_DIGESTS = ("content-md5", "digest", "content-digest", "repr-digest")
# Seconds after which a browser's report is held against what the layers said.
_SETTLE = 2.0


class _Exchange(NamedTuple):
    visit: Visit
    url: str
    fields: Mapping[str, str]
    mount: Mount | None


class Live(Protocol):
    """Serves the channels of pages that listen: a stream, which only a server of its own can send."""

    @property
    def url(self) -> str:
        """Where a browser finds what it shows."""

    @property
    def inside(self) -> tuple[str, int]:
        """Where it listens for the proxy."""

    def ticket(self, who: Who) -> str:
        """What a page of this visitor is let in by."""


class Gate:
    """Lets every flow through the engine."""

    def __init__(
        self,
        engine: Engine,
        resolver: Resolver | None = None,
        live: Live | None = None,
        passing: Passing | None = None,
        aliases: Aliases | None = None,
    ) -> None:
        """`resolver` says where to connect for a host, if not where its name points; `live` serves the channels.

        `passing` says which connections are not looked into, `aliases` which other names hosts have.
        """
        self.engine = engine
        self._passing = passing
        self._aliases = aliases
        self._resolver = resolver or Resolver(())
        self._live = live

    def requestheaders(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Judge a request before its body is read; to be awaited where other names of its host must be looked up."""
        if flow.response or flow.error or not flow.live:
            return None
        request = flow.request
        headers = _Fields(request.headers)
        mode = flow.client_conn.proxy_mode
        address = flow.client_conn.peername[0] if flow.client_conn.peername else ""
        mount = None
        if isinstance(mode, ReverseMode):
            mount = _mount(flow, mode)
            url = mount.upstream + request.path
            mount.to_upstream(headers)
            request.host_header = mount.upstream.partition("://")[2]
            fields = headers.plain()
            visit = self.engine.visit_reverse(mount.upstream, mount.public, url, fields, address=address)
        else:
            # What was captured names the host in its fields, and for the rest only an address.
            captured = isinstance(mode, (LocalMode, WireGuardMode))
            url, host = (request.pretty_url, request.pretty_host) if captured else (request.url, request.host)
            fields = headers.plain()
            visit = self.engine.visit_forward(address, url, host, fields)
        exchange = _Exchange(visit, url, fields, mount)
        has_body = "transfer-encoding" in fields or request.method not in ("GET", "HEAD", "OPTIONS", "DELETE")
        if is_own(request.path):
            # Answered when the body is there; nothing of it goes on to the site.
            who = self.engine.listener(visit, request.method, request.path, fields)
            if who is not None and self._live is not None:
                self._lead(flow, self._live, who)
            elif _is_long(fields.get("content-length", ""), has_body, MOST_BYTES):
                # mitmproxy would keep all of it before it sends any answer.
                flow.kill()  # type: ignore[no-untyped-call]
            else:
                flow.metadata["consentry-own"] = exchange
            return None
        host = self.engine.may_hide(visit, url, fields) if self._aliases is not None else ""
        if host and self._aliases is not None and not self._resolver.leads(host):
            names = self._aliases.known(host)
            if names is None:
                return self._look_up(flow, exchange, headers, has_body=has_body, host=host)
            self._judge(flow, exchange, headers, has_body=has_body, names=names)
            return None
        self._judge(flow, exchange, headers, has_body=has_body)
        return None

    async def _look_up(
        self, flow: http.HTTPFlow, exchange: _Exchange, headers: _Fields, *, has_body: bool, host: str
    ) -> None:
        """Judge a request once the other names of its host are known."""
        assert self._aliases is not None
        names = await self._aliases.names(host)
        if flow.response is None and flow.error is None and flow.live:
            self._judge(flow, exchange, headers, has_body=has_body, names=names)

    def _judge(
        self,
        flow: http.HTTPFlow,
        exchange: _Exchange,
        headers: _Fields,
        *,
        has_body: bool,
        names: tuple[str, ...] = (),
    ) -> None:
        request, (visit, url, fields, _) = flow.request, exchange
        answer = self.engine.request(visit, request.method, url, request.path, fields, names=names)
        answer = answer or self.engine.cleaned(visit, request.method, url, fields)
        answer = answer or self.engine.bootstrap(visit, request.method, fields)
        if answer is not None:
            flow.response = _response(answer)
            return
        flow.metadata["consentry"] = exchange
        self.engine.prepare_request(visit, request.method, url, headers, fields)
        length = fields.get("content-length", "")
        if has_body and self.engine.carries_events(visit, request.method, url):
            if not _is_long(length, has_body, MOST_EVENTS):
                # Judged when the body is there; it waits for that, however long it is.
                flow.metadata["consentry-events"] = exchange
                return
            judged = self.engine.events(visit, request.method, url, fields, None)
            if isinstance(judged, Answer):
                del flow.metadata["consentry"]
                flow.response = _response(judged)
                return
        if _is_long(length, has_body):
            request.stream = True

    def request(self, flow: http.HTTPFlow) -> None:
        """Answer what is ours, and judge events by their bodies."""
        self._judge_events(flow)
        exchange: _Exchange | None = flow.metadata.get("consentry-own")
        if exchange is not None and flow.response is None:
            request, content = flow.request, flow.request.raw_content or b""
            answer = self.engine.own(exchange.visit, request.method, request.path, exchange.fields, content)
            if request.path == CSP_PATH and answer.status == 204:
                # The layers that held something report it at their own pace.
                asyncio.get_running_loop().call_later(_SETTLE, self.engine.judge_reports, exchange.visit, content)
            flow.response = _response(answer)

    def _judge_events(self, flow: http.HTTPFlow) -> None:
        exchange: _Exchange | None = flow.metadata.pop("consentry-events", None)
        if exchange is None or flow.response is not None:
            return
        request = flow.request
        judged = self.engine.events(
            exchange.visit, request.method, exchange.url, exchange.fields, request.raw_content or b""
        )
        if isinstance(judged, Answer):
            # What is ours is rewritten no more.
            flow.metadata.pop("consentry", None)
            flow.response = _response(judged)
        elif judged is not None:
            request.raw_content = judged
            request.headers["content-length"] = str(len(judged))
            for name in _DIGESTS:
                request.headers.pop(name, None)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Rewrite a response's headers, and set up what rewrites its body."""
        exchange: _Exchange | None = flow.metadata.get("consentry")
        response = flow.response
        if response is not None and "consentry-live" in flow.metadata:
            response.stream = True
        if exchange is None or response is None:
            return
        headers = _Fields(response.headers)
        if exchange.mount is not None:
            exchange.mount.to_public(headers)
        body = self.engine.response(
            exchange.visit,
            flow.request.method,
            exchange.url,
            response.status_code,
            request=exchange.fields,
            headers=headers,
            recode=not _is_local(flow),
        )
        if body is not None:
            response.stream = _Stream(body)
            # Of unknown length now: HTTP/1.1 says so by chunks, HTTP/2 needs nothing.
            if flow.request.http_version == "HTTP/1.1" and not headers.get_all("content-length"):
                headers.set_all("transfer-encoding", ["chunked"])
                response.http_version = "HTTP/1.1"
        elif response.status_code != 101 and _is_long(", ".join(headers.get_all("content-length")), True):
            response.stream = True

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Connect where the configuration says, and name the site in TLS."""
        address = data.server.address
        if address is None or (self._live is not None and address == self._live.inside):
            return
        if data.server.tls and isinstance(data.client.proxy_mode, ReverseMode):
            data.server.sni = address[0]
        data.server.address = self._resolver.resolve(address[0], address[1])

    def tls_clienthello(self, data: ClientHelloData) -> None:
        """Let a connection pass that is not to be looked into."""
        if self._passing is not None and self._passing.why(_server_name(data)):
            data.ignore_connection = True

    def tls_established_client(self, data: TlsData) -> None:
        """Remember who trusts our certificates."""
        if self._passing is not None:
            self._passing.accepted(_peer(data), data.conn.sni or "")

    def tls_failed_client(self, data: TlsData) -> None:
        """Learn who does not."""
        if self._passing is not None:
            self._passing.refused(_peer(data), data.conn.sni or "", data.conn.error or "")

    def _lead(self, flow: http.HTTPFlow, live: Live, who: Who) -> None:
        """Send a page that listens to where it is told; nothing of its request goes there."""
        request = flow.request
        request.headers = http.Headers([(b"x-consentry-ticket", live.ticket(who).encode())])
        request.scheme, request.path = "http", INSIDE_PATH
        request.host, request.port = live.inside
        request.headers["host"] = f"{request.host}:{request.port}"
        flow.metadata["consentry-live"] = True

    def websocket_message(self, flow: http.HTTPFlow) -> None:
        """Keep no messages: a socket may stay open all day."""
        if flow.websocket is not None:
            del flow.websocket.messages[:-1]

    def tcp_message(self, flow: tcp.TCPFlow) -> None:
        """Keep no messages."""
        del flow.messages[:-1]

    def udp_message(self, flow: udp.UDPFlow) -> None:
        """Keep no messages."""
        del flow.messages[:-1]


class Tap:
    """Tells a listener what passes; stands behind the gate."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Tell of a request, and who asks."""
        request = flow.request
        if is_own(request.path):
            return
        exchange: _Exchange | None = flow.metadata.get("consentry")
        fields = _Fields(request.headers).plain()
        consent = exchange.visit.consent if exchange is not None else None
        self._traffic.asked(flow.id, request.method, request.url, fields, consent, held=flow.response is not None)

    def request(self, flow: http.HTTPFlow) -> None:
        """Tell that the whole request is there."""
        self._traffic.sent(flow.id, held=flow.response is not None)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Tell of an answer."""
        if flow.response is not None:
            self._traffic.answered(
                flow.id, flow.response.status_code, _Fields(flow.response.headers).get_all("set-cookie")
            )

    def response(self, flow: http.HTTPFlow) -> None:
        """Tell of the end. Of a socket or a stream that stays open it is the end of the opening."""
        self._traffic.ended(flow.id)

    def error(self, flow: http.HTTPFlow) -> None:
        """Tell of an end before there was an answer."""
        self._traffic.ended(flow.id)


class Script:
    """The add-on for a mitmproxy of the user's own, with its options."""

    def __init__(self) -> None:
        self._gate: Gate | None = None
        self._ledger: Ledger | None = None

    def load(self, loader: Loader) -> None:
        """Declare the options."""
        loader.add_option(
            "consentry_mode", str, "", "Hold what lacks consent, or only record it. [enforce]", ["", ENFORCE, OBSERVE]
        )
        loader.add_option("consentry_regime", str, "", "The law that decides what silence means. [gdpr]")
        loader.add_option("consentry_strict_labels", bool, False, "Require the category of a vendor's domain as well.")
        loader.add_option("consentry_keep_query", bool, False, "Keep query values of URLs in what is printed.")
        loader.add_option(
            "consentry_router_policy",
            str,
            "",
            "What a router such as Segment needs. [filter]",
            ["", FILTER, STRICT, BASE],
        )
        loader.add_option("consentry_config", str, "", "A consentry.yaml to read sites and cookies from.")
        loader.add_option("consentry_rules", str, "", "A folder of rules that adds to the shipped ones.")
        loader.add_option("consentry_ledger", str, "", "Where evidence is kept: a file, or postgresql://… [nowhere]")
        loader.add_option("consentry_json", bool, False, "Print verdicts as JSON lines.")

    def configure(self, updated: set[str]) -> None:
        """Build the engine anew when an option changes. Raises OptionsError."""
        if self._gate is not None and not any(name.startswith("consentry_") for name in updated):
            return
        options = ctx.options
        if options.consentry_mode not in ("", ENFORCE, OBSERVE):
            raise exceptions.OptionsError(  # type: ignore[no-untyped-call]
                f"There is no mode '{options.consentry_mode}'; it is one of: {ENFORCE}, {OBSERVE}."
            )
        if options.consentry_router_policy not in ("", FILTER, STRICT, BASE):
            raise exceptions.OptionsError(  # type: ignore[no-untyped-call]
                f"There is no router policy '{options.consentry_router_policy}'; it is one of: "
                f"{FILTER}, {STRICT}, {BASE}."
            )
        try:
            config = read_config(Path(options.consentry_config) if options.consentry_config else None)
            console = Console(sys.stdout, json_lines=options.consentry_json)
            # The former ledger first, so that its last rows come before those of this one.
            self.done()
            self._ledger = open_ledger(options.consentry_ledger, None, console.record)
            if self._ledger is None:
                engine = build_engine(_choices(options, config), config, console, fetch=Fetcher())
            else:
                sink = Several(console, self._ledger)
                chosen = _choices(options, config)
                engine = build_engine(chosen, config, sink, self._ledger.pseudonyms, fetch=Fetcher())
        except (FileError, UsageError) as error:
            raise exceptions.OptionsError(str(error)) from None  # type: ignore[no-untyped-call]
        self._gate = Gate(engine)

    def done(self) -> None:
        """Store what waits."""
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    def running(self) -> None:
        """Options that holding depends on: nothing may connect to a vendor before the verdict."""
        ctx.options.update(keep_host_header=True, connection_strategy="lazy")  # type: ignore[no-untyped-call]

    def requestheaders(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """See Gate."""
        return self._gate.requestheaders(flow) if self._gate is not None else None

    def request(self, flow: http.HTTPFlow) -> None:
        """See Gate."""
        if self._gate is not None:
            self._gate.request(flow)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """See Gate."""
        if self._gate is not None:
            self._gate.responseheaders(flow)

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """See Gate."""
        if self._gate is not None:
            self._gate.server_connect(data)


class _Fields:
    """A message's header fields, read once: mitmproxy goes through all of them for each name. Names in lower case."""

    def __init__(self, headers: http.Headers) -> None:
        self._headers = headers
        self._values: dict[str, list[str]] = {}
        for raw_name, raw_value in headers.fields:
            name, value = raw_name.lower().decode("latin-1"), raw_value.decode("utf-8", "surrogateescape")
            self._values.setdefault(name, []).append(value)

    def get_all(self, name: str) -> list[str]:
        """See rewrite.headers.Headers."""
        return self._values.get(name, [])

    def set_all(self, name: str, values: Iterable[str]) -> None:
        """See rewrite.headers.Headers."""
        self._values[name] = list(values)
        self._headers.set_all(name, self._values[name])

    def plain(self) -> dict[str, str]:
        """Each name with one value: several are joined as HTTP joins them."""
        # HTTP/2 may split Cookie into one field a cookie (RFC 9113 §8.2.3).
        return {
            name: ("; " if name == "cookie" else ", ").join(values) for name, values in self._values.items() if values
        }


class _Stream:
    """A body as mitmproxy calls it: with each piece, and with nothing at the end."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def __call__(self, data: bytes) -> Iterable[bytes]:
        # An empty piece would end a chunked response for the client.
        pieces: Iterator[bytes] = self._body.feed(data) if data else self._body.close()
        return (piece for piece in pieces if piece)


def _response(answer: Answer) -> http.Response:
    fields = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in answer.headers]
    response = http.Response.make(answer.status, b"", http.Headers(fields))
    # As it is: setting the content would put it in its coding once more.
    response.raw_content = answer.body
    response.headers["content-length"] = str(len(answer.body))
    return response


def _choices(options: OptManager, config: ConfigFile) -> Choices:
    """An option that is set comes before the configuration file."""

    def chosen(name: str) -> Any:
        option = getattr(options, f"consentry_{name}", None)
        return ([option] if name == "rules" and option else option) or config.options.get(name)

    return choose(chosen)


def _mount(flow: http.HTTPFlow, mode: ReverseMode) -> Mount:
    host, port = mode.address
    scheme = "https" if mode.scheme in ("https", "http3") else "http"
    name = f"[{host}]" if ":" in host else host
    upstream = f"{scheme}://{name}" if port == {"http": 80, "https": 443}[scheme] else f"{scheme}://{name}:{port}"
    public = "https" if flow.client_conn.tls_established else "http"
    return Mount(upstream, f"{public}://{flow.request.host_header or ''}")


def _server_name(data: ClientHelloData) -> str:
    address = data.context.server.address
    return data.client_hello.sni or (address[0] if address else "")


def _peer(data: TlsData) -> str:
    return str(data.conn.peername[0]) if data.conn.peername else ""


def _is_long(length: str, has_body: bool, most: int = _SMALL) -> bool:
    return int(length) > most if length.isdigit() else has_body


def _is_local(flow: http.HTTPFlow) -> bool:
    peer = flow.client_conn.peername
    try:
        return peer is None or ipaddress.ip_address(peer[0]).is_loopback
    except ValueError:
        return False


addons = [Script()]
