"""The mitmproxy adapter: hooks of a few lines into the engine.

Used by proxy.py with an engine of its own, and by anyone's mitmproxy as a script:

    mitmdump -s "$(consentry addon)" --set consentry_regime=ccpa
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitmproxy import ctx, exceptions, http, tcp, udp
from mitmproxy.addonmanager import Loader
from mitmproxy.optmanager import OptManager
from mitmproxy.proxy.mode_specs import LocalMode, ProxyMode, ReverseMode, WireGuardMode
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.tls import ClientHelloData, TlsData

from proxy_addon.answer import Answer
from proxy_addon.ask import Fetcher
from proxy_addon.catalogue.yamlfile import FileError
from proxy_addon.config import BASE, ENFORCE, FILTER, OBSERVE, STRICT, ConfigFile, UsageError, read_config
from proxy_addon.console import Console
from proxy_addon.engine import Engine
from proxy_addon.errorpage import unjudged_page
from proxy_addon.exchange import DIGESTS, Exchange, Fields, Gather, Refuse, is_long
from proxy_addon.faults import Faults
from proxy_addon.filter.passing import Passing
from proxy_addon.ledger import Several
from proxy_addon.own import INSIDE_PATH, TICKET, is_own
from proxy_addon.resolve import Resolver
from proxy_addon.rewrite.coding import Body
from proxy_addon.rewrite.mount import Mount
from proxy_addon.setup import Choices, build_engine, choose, open_ledger
from proxy_addon.traffic import Traffic
from proxy_addon.watch import Live, Who

if TYPE_CHECKING:
    from proxy_addon.filter.aliases import Aliases
    from proxy_addon.ledger.ledger import Ledger

_ERROR_FIELDS = (("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store"))


class Gate:
    """Lets every flow through the engine."""

    def __init__(
        self,
        engine: Engine,
        resolver: Resolver | None = None,
        live: Live | None = None,
        passing: Passing | None = None,
        aliases: Aliases | None = None,
        *,
        faults: Faults | None = None,
    ) -> None:
        """`resolver` says where to connect for a host, if not where its name points; `live` serves the channels.

        `passing` says which connections are not looked into, `aliases` which other names hosts have. `faults` hears of
        errors of our own: mitmproxy would send on whatever a hook fails at as if nothing had been said of it.
        """
        self.engine = engine
        self._passing = passing
        self._aliases = aliases
        self._resolver = resolver or Resolver(())
        self._live = live
        self._faults = faults or Faults()

    def requestheaders(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Judge a request before its body is read; to be awaited where other names of its host must be looked up."""
        if flow.response or flow.error or not flow.live:
            return None
        try:
            return self._asked(flow)
        except Exception as error:
            self._unjudged(flow, error)
            return None

    def _asked(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        request = flow.request
        headers = _Headers(request.headers)
        mode = flow.client_conn.proxy_mode
        address = flow.client_conn.peername[0] if flow.client_conn.peername else ""
        if isinstance(mode, ReverseMode):
            mount = _mount(flow, mode)
            exchange = Exchange.reverse(self.engine, mount, request.method, request.path, headers, address=address)
            request.host_header = mount.upstream.partition("://")[2]
        else:
            url, host = _named(request, mode)
            exchange = Exchange.forward(
                self.engine, request.method, url, host, headers, path=request.path, address=address
            )
        who = exchange.listener()
        if who is not None and self._live is not None:
            self._lead(flow, self._live, who)
            return None
        host = exchange.hides() if self._aliases is not None else ""
        if host and self._aliases is not None and not self._resolver.leads(host):
            names = self._aliases.known(host)
            if names is None:
                return self._look_up(flow, exchange, headers, host)
            self._judge(flow, exchange, headers, names)
            return None
        self._judge(flow, exchange, headers)
        return None

    async def _look_up(self, flow: http.HTTPFlow, exchange: Exchange, headers: Fields, host: str) -> None:
        """Judge a request once the other names of its host are known."""
        assert self._aliases is not None
        try:
            names = await self._aliases.names(host)
            if flow.response is None and flow.error is None and flow.live:
                self._judge(flow, exchange, headers, names)
        except Exception as error:
            self._unjudged(flow, error)

    def _unjudged(self, flow: http.HTTPFlow, error: Exception) -> None:
        """Closed for trackers, open for pages: a request that could not be judged passes where no vendor's host is."""
        self._faults.tell("A request could not be judged, and passes only where no vendor is", error)
        request, mode = flow.request, flow.client_conn.proxy_mode
        # No answer can be given to what streams on already.
        request.stream = False
        if is_own(request.path):
            flow.response = _response(Answer(502, (("cache-control", "no-store"),), b""))
            return
        try:
            if isinstance(mode, ReverseMode):
                url = _mount(flow, mode).upstream + request.path
                request.host_header = url.split("/", 3)[2]
            else:
                url, _ = _named(request, mode)
            fields, reverse = _Headers(request.headers).plain(), isinstance(mode, ReverseMode)
            answer = self.engine.unjudged(request.method, url, fields, reverse=reverse)
        except Exception as again:
            self._faults.tell("Nothing can be said of a request, and it goes no further", again)
            answer = Answer(502, _ERROR_FIELDS, unjudged_page())
        if answer is not None:
            # What is ours is rewritten no more.
            flow.metadata.pop("consentry", None)
            flow.response = _response(answer)

    def _judge(self, flow: http.HTTPFlow, exchange: Exchange, headers: Fields, names: tuple[str, ...] = ()) -> None:
        step = exchange.request(headers, names)
        if isinstance(step, Refuse):
            # mitmproxy would keep all of it before it sends any answer.
            flow.kill()  # type: ignore[no-untyped-call]
            return
        if isinstance(step, Answer):
            flow.response = _response(step)
            return
        if not exchange.own:
            flow.metadata["consentry"] = exchange
        if isinstance(step, Gather):
            flow.metadata["consentry-gathered"] = exchange
        elif exchange.is_long():
            flow.request.stream = True

    def request(self, flow: http.HTTPFlow) -> None:
        """Answer what is ours, and judge events by their bodies."""
        exchange: Exchange | None = flow.metadata.pop("consentry-gathered", None)
        # What grew longer than is kept back is on its way.
        if exchange is None or flow.response is not None or flow.request.stream:
            return
        try:
            self._gathered(flow, exchange)
        except Exception as error:
            self._unjudged(flow, error)

    def _gathered(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        request = flow.request
        judged = exchange.body(request.raw_content or b"", _later)
        if isinstance(judged, Answer):
            # What is ours is rewritten no more.
            flow.metadata.pop("consentry", None)
            flow.response = _response(judged)
        elif judged is not None:
            request.raw_content = judged
            request.headers["content-length"] = str(len(judged))
            for name in DIGESTS:
                request.headers.pop(name, None)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Rewrite a response's headers, and set up what rewrites its body."""
        exchange: Exchange | None = flow.metadata.get("consentry")
        response = flow.response
        if response is not None and "consentry-live" in flow.metadata:
            response.stream = True
        if exchange is None or response is None:
            return
        came = response.headers.fields, response.http_version, response.stream
        try:
            self._answered(flow, exchange, response)
        except Exception as error:
            self._faults.tell("A response could not be rewritten, and passes as it came", error)
            response.headers.fields, response.http_version, response.stream = came
            with suppress(Exception):
                exchange.untouched(_Headers(response.headers))

    def _answered(self, flow: http.HTTPFlow, exchange: Exchange, response: http.Response) -> None:
        headers = _Headers(response.headers)
        body = exchange.response(response.status_code, headers)
        if body is not None:
            response.stream = _Stream(body, partial(self._broken, flow))
            # Of unknown length now: HTTP/1.1 says so by chunks, HTTP/2 needs nothing.
            if flow.request.http_version == "HTTP/1.1" and not headers.get_all("content-length"):
                headers.set_all("transfer-encoding", ["chunked"])
                response.http_version = "HTTP/1.1"
        elif response.status_code != 101 and is_long(", ".join(headers.get_all("content-length")), True):
            response.stream = True

    def _broken(self, flow: http.HTTPFlow, error: Exception) -> None:
        """A body that fails in the middle must not end as if it were whole."""
        self._faults.tell("A response could not be rewritten to its end, and is broken off", error)
        if flow.killable:
            flow.kill()  # type: ignore[no-untyped-call]

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Connect where the configuration says, and name the site in TLS."""
        try:
            self._connect(data)
        except Exception as error:
            self._faults.tell("Where to connect cannot be said, and no connection is made", error)
            data.server.error = "Consentry cannot say where to connect."

    def _connect(self, data: ServerConnectionHookData) -> None:
        address = data.server.address
        if address is None or (self._live is not None and address == self._live.inside):
            return
        if data.server.tls and isinstance(data.client.proxy_mode, ReverseMode):
            data.server.sni = address[0]
        led = self._resolver.resolve(address[0], address[1])
        if led != address:
            data.server.address = _Led(led, address)

    def tls_clienthello(self, data: ClientHelloData) -> None:
        """Let a connection pass that is not to be looked into."""
        if self._passing is None:
            return
        try:
            data.ignore_connection = bool(self._passing.why(_server_name(data))) or data.ignore_connection
        except Exception as error:
            self._faults.tell("Whether a connection is to pass cannot be said, and it is looked into", error)

    def tls_established_client(self, data: TlsData) -> None:
        """Remember who trusts our certificates."""
        if self._passing is not None:
            with self._learning():
                self._passing.accepted(_peer(data), data.conn.sni or "")

    def tls_failed_client(self, data: TlsData) -> None:
        """Learn who does not."""
        if self._passing is not None:
            with self._learning():
                self._passing.refused(_peer(data), data.conn.sni or "", data.conn.error or "")

    @contextmanager
    def _learning(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._faults.tell("Who trusts our certificates cannot be learnt", error)

    def _lead(self, flow: http.HTTPFlow, live: Live, who: Who) -> None:
        """Send a page that listens to where it is told; nothing of its request goes there."""
        request = flow.request
        request.headers = http.Headers([(TICKET.encode(), live.ticket(who).encode())])
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
        exchange: Exchange | None = flow.metadata.get("consentry")
        fields = _Headers(request.headers).plain()
        consent = exchange.visit.consent if exchange is not None else None
        self._traffic.asked(flow.id, request.method, request.url, fields, consent, held=flow.response is not None)

    def request(self, flow: http.HTTPFlow) -> None:
        """Tell that the whole request is there."""
        self._traffic.sent(flow.id, held=flow.response is not None)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Tell of an answer."""
        if flow.response is not None:
            self._traffic.answered(
                flow.id, flow.response.status_code, _Headers(flow.response.headers).get_all("set-cookie")
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
        self._faults = Faults()
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
        self._gate = Gate(engine, faults=self._faults)

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


def _server_name(data: ClientHelloData) -> str:
    address = data.context.server.address
    return data.client_hello.sni or (address[0] if address else "")


def _peer(data: TlsData) -> str:
    return str(data.conn.peername[0]) if data.conn.peername else ""


class _Led(tuple[str, int]):
    """An address to connect to in place of another, and equal to that one.

    mitmproxy takes an open connection for the next request by its address, and opens no more than five to each. Under
    the address that it was led to, it would find none again and wait for ever, and hosts led there would count as one.
    """

    _asked: tuple[str, int]

    def __new__(cls, led: tuple[str, int], asked: tuple[str, int]) -> _Led:
        made = super().__new__(cls, led)
        made._asked = (asked[0], asked[1])
        return made

    def __eq__(self, other: object) -> bool:
        return self._asked == (other._asked if isinstance(other, _Led) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._asked)


class _Headers(Fields):
    """A message's header fields, read once: mitmproxy goes through all of them for each name."""

    def __init__(self, headers: http.Headers) -> None:
        super().__init__(
            (name.lower().decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, value in headers.fields
        )
        self._headers = headers

    def set_all(self, name: str, values: Iterable[str]) -> None:
        """See rewrite.headers.Headers."""
        super().set_all(name, values)
        self._headers.set_all(name, self.get_all(name))


class _Stream:
    """A body as mitmproxy calls it: with each piece, and with nothing at the end."""

    def __init__(self, body: Body, broken: Callable[[Exception], None]) -> None:
        """`broken` hears of an error, after which nothing more comes."""
        self._body: Body | None = body
        self._broken = broken

    def __call__(self, data: bytes) -> Iterator[bytes]:
        if self._body is None:
            return
        try:
            for piece in self._body.feed(data) if data else self._body.close():
                # An empty piece would end a chunked response for the client.
                if piece:
                    yield piece
        except Exception as error:
            self._body = None
            self._broken(error)


def _later(seconds: float, call: Callable[..., object], *arguments: object) -> None:
    asyncio.get_running_loop().call_later(seconds, call, *arguments)


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


def _named(request: http.Request, mode: ProxyMode) -> tuple[str, str]:
    """The URL and the host that a client asks for by a forward proxy."""
    # What was captured names the host in its fields, and for the rest only an address.
    if isinstance(mode, (LocalMode, WireGuardMode)):
        return request.pretty_url, request.pretty_host
    return request.url, request.host


def _mount(flow: http.HTTPFlow, mode: ReverseMode) -> Mount:
    host, port = mode.address
    scheme = "https" if mode.scheme in ("https", "http3") else "http"
    name = f"[{host}]" if ":" in host else host
    upstream = f"{scheme}://{name}" if port == {"http": 80, "https": 443}[scheme] else f"{scheme}://{name}:{port}"
    public = "https" if flow.client_conn.tls_established else "http"
    return Mount(upstream, f"{public}://{flow.request.host_header or ''}")


addons = [Script()]
