"""Envoy's configuration: what it does by itself, and what it asks a processor about.

A request takes one of two ways. What has to be judged before it goes to the site (what is ours, what the catalogue
may know, workers, whatever is not plain) is handed over from its first header on. Anything else goes straight to the
site, and only a response that has something to judge (a page, a style sheet, a cookie, a redirect, a hint) is handed
over then. So a picture, a script or an answer of an API never leaves Envoy.

Both fail closed: a page that no processor has seen would be a page without its guard.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import certifi

from ..browser.assets import BASE
from ..catalogue.index import PAYLOADS
from ..catalogue.match import Catalogue
from ..catalogue.model import Payload
from ..engine import CHANGING, PAGE_FOR_A_WORKER
from ..errorpage import error_page, unavailable_page
from ..exchange import MOST_EVENTS
from ..listeners import Listener, Transport
from ..own import INSIDE_PATH, LIVE_PATH
from ..rewrite.coding import CODINGS
from .messages import attribute_of
from .payloads import glob_in_re2, in_re2, matches
from .processor import AUTHORITY, SCHEME, UPSTREAM

Plain = dict[str, Any]

# What the engine reads of a request whose response it judges.
_READ = (
    "cookie", "accept", "accept-encoding", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-gpc", "dnt",
    "user-agent", "referer", "origin",
)  # fmt: skip
# Fields of any response that may have to be withheld or translated.
_JUDGED = ("set-cookie", "location", "content-location", "link", "refresh")
# Promises about the site's own address, which do not hold for another.
_DROPPED = ("strict-transport-security", "alt-svc")
# What a browser asks for with these is neither a page nor anything else that changes (Sec-Fetch-Dest); and pages.
_FILES, _SHEETS, _DOCUMENTS = "audio|empty|font|image|manifest|script|track|video", "style", "document|frame|iframe"
# By these a site may answer with less than the whole (RFC 9110 §13, §14).
_PARTLY = ("if-none-match", "if-modified-since", "if-range", "range")
_PAGES, _REST, _LUA, _STATE = "consentry.pages", "consentry.responses", "consentry.request", "consentry.authority"
_SITE, _LIVE = "site-", "live"
_TYPE = "type.googleapis.com/"
_CORE = "envoy.extensions.filters.http."
_MATCHING = "envoy.extensions.common.matching.v3.ExtensionWithMatcher"
_OFF = {"@type": _TYPE + "envoy.config.route.v3.FilterConfig", "disabled": True}
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_ANYTHING: Plain = {"safe_regex": {"google_re2": {}, "regex": ".*"}}
_ANY_SIZE = {"re2.max_program_size.error_level": 1_000_000, "re2.max_program_size.warn_level": 1_000_000}
_WINDOW = 256 * 1024
# Where one processor takes no call, another is asked.
_PREVIOUS = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
_ANOTHER = {
    "num_retries": 2,
    "retry_on": "connect-failure,refused-stream,unavailable",
    "retry_host_predicate": [{"name": "previous", "typed_config": {"@type": f"type.googleapis.com/{_PREVIOUS}"}}],
    "host_selection_retry_max_attempts": 3,
}
_NO_REASONS = (
    "enforcing_consecutive_5xx",
    "enforcing_consecutive_gateway_failure",
    "enforcing_success_rate",
    "enforcing_local_origin_success_rate",
)
# What TLS says when it fails, the more telling first.
_FAILURES = (
    "certificate has expired",
    "self-signed certificate",
    "self signed certificate",
    "unable to get local issuer",
    "CERTIFICATE_VERIFY_FAILED",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something listens: a socket's path, or a host and port."""

    path: str = ""
    host: str = ""
    port: int = 0

    def plain(self) -> Plain:
        """As Envoy writes it."""
        if self.path:
            return {"pipe": {"path": self.path}}
        return {"socket_address": {"address": self.host, "port_value": self.port}}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a processor may take. `patience` is how many seconds Envoy waits for an answer about headers."""

    patience: float = 2.0
    # Exchanges that one processor may have under way; who comes then is told to come again.
    most: int = 400


def bootstrap(
    listeners: Sequence[Listener],
    transport: Transport,
    catalogue: Catalogue,
    processors: Sequence[Place],
    admin: Place,
    *,
    reads: Iterable[str] = (),
    keeps_forwarded: bool = False,
    limits: Limits | None = None,
    metrics: Place | None = None,
    http3: bool = False,
    live: Place | None = None,
    straight: bool = True,
) -> Plain:
    """The whole configuration, JSON-ready. With `http3` each site is served by QUIC too, at the same port.

    `straight` says that nothing is answered in place of a page, so that a request for one need not be asked about.

    At `live`, what serves the channels of pages that listen to the dashboard listens for them.

    At `metrics`, Envoy itself answers /metrics, /healthz and /readyz, and nothing else of its admin interface.

    `reads` are further fields of requests that the engine reads. `keeps_forwarded` says that servers in front are
    trusted, so that the site may hear from them how the browser came.
    """
    limits = limits or Limits()
    sites = sorted({listener.upstream for listener in listeners if listener.upstream})
    fields = tuple(dict.fromkeys((*_READ, *reads)))
    front = _Front(transport, catalogue, limits, fields, keeps_forwarded, http3, live, straight)
    return {
        "admin": {"address": admin.plain()},
        # What the catalogue knows makes one long expression, and RE2 reads it in one go all the same.
        "layered_runtime": {"layers": [{"name": "static", "static_layer": _ANY_SIZE}]},
        "static_resources": {
            "listeners": [
                *(front.listener(index, each) for index, each in enumerate(listeners)),
                *(front.quic_listener(index, each) for index, each in enumerate(listeners) if http3),
                *([_watched(metrics)] if metrics is not None else ()),
            ],
            "clusters": [
                *(_site(index, upstream, transport) for index, upstream in enumerate(sites)),
                _processors(processors, limits),
                *([{"name": "admin", **_endpoints("admin", [admin], {})}] if metrics is not None else ()),
                *([{"name": _LIVE, **_endpoints(_LIVE, [live], {})}] if live is not None else ()),
            ],
        },
    }


def _watched(place: Place) -> Plain:
    routes: list[Plain] = [
        {"match": {"path": path}, "route": {"cluster": "admin", "prefix_rewrite": to}}
        for path, to in (("/metrics", "/stats/prometheus"), ("/readyz", "/ready"))
    ]
    routes.append({"match": {"path": "/healthz"}, "direct_response": {"status": 200}})
    manager = _typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="metrics",
        route_config={"name": "metrics", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        http_filters=[_named("router", _typed(_CORE + "router.v3.Router"))],
    )
    return {
        "name": "metrics",
        "address": place.plain(),
        "filter_chains": [{"filters": [_named("http", manager)]}],
    }


@dataclass(frozen=True, slots=True)
class _Front:
    """What all listeners have in common."""

    transport: Transport
    catalogue: Catalogue
    limits: Limits
    reads: tuple[str, ...]
    keeps_forwarded: bool
    http3: bool
    live: Place | None
    straight: bool

    def listener(self, index: int, listener: Listener) -> Plain:
        chain = self._chain(index, listener)
        if self.transport.tls_cert:
            chain["transport_socket"] = _tls_downstream(self.transport.tls_cert)
        return {
            "name": f"{_SITE}{index}",
            "address": {"socket_address": {"address": listener.host, "port_value": listener.port}},
            # Two programs that share a port would each get some of its requests.
            "enable_reuse_port": False,
            # A balancer in front has few connections, and keeps them.
            "connection_balance_config": {"exact_balance": {}},
            "filter_chains": [chain],
        }

    def quic_listener(self, index: int, listener: Listener) -> Plain:
        assert self.transport.tls_cert is not None
        chain = self._chain(
            index, listener, codec_type="HTTP3", http3_protocol_options={"allow_extended_connect": True}
        )
        chain["transport_socket"] = _quic_downstream(self.transport.tls_cert)
        where = {"address": listener.host, "port_value": listener.port, "protocol": "UDP"}
        return {
            "name": f"quic-{index}",
            "address": {"socket_address": where},
            "udp_listener_config": {"quic_options": {}},
            "filter_chains": [chain],
        }

    def _chain(self, index: int, listener: Listener, **further: Any) -> Plain:
        scheme = "https" if self.transport.tls_cert else "http"
        manager = _typed(
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            **{**self._manager(index, listener, scheme), **further},
        )
        return {"filters": [_named("http", manager)]}

    def _manager(self, index: int, listener: Listener, scheme: str) -> Plain:
        upstream = listener.upstream or ""
        return {
            "stat_prefix": f"site-{index}",
            # The site is told nothing that the browser did not say.
            "use_remote_address": False,
            "skip_xff_append": True,
            "generate_request_id": False,
            "preserve_external_request_id": True,
            "server_header_transformation": "PASS_THROUGH",
            "max_request_headers_kb": 96,
            "common_http_protocol_options": {"max_headers_count": 250},
            "http2_protocol_options": {"allow_connect": True},
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "request_headers_timeout": "30s",
            # A stream of events may say nothing for long.
            "stream_idle_timeout": "3600s",
            "route_config": {
                "name": f"site-{index}",
                "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": list(self._routes(upstream))}],
                "response_headers_to_remove": list(_DROPPED),
                **({"response_headers_to_add": [_by_quic(listener.port)]} if self.http3 else {}),
                **({} if self.keeps_forwarded else {"request_headers_to_remove": ["x-forwarded-proto"]}),
            },
            "http_filters": [
                {"name": _STATE, "typed_config": _authority()},
                {"name": _LUA, "typed_config": _lua(upstream, scheme)},
                {"name": _PAGES, "typed_config": self._asks(upstream, scheme, "SEND")},
                {"name": _REST, "typed_config": self._asks_about_responses(upstream, scheme)},
                {
                    "name": "router",
                    "typed_config": _typed(_CORE + "router.v3.Router", suppress_envoy_headers=True),
                },
            ],
            "local_reply_config": {"mappers": [_unavailable(), *_unreachable()]},
        }

    # Which way a request takes

    def _routes(self, upstream: str) -> Iterable[Plain]:
        if self.live is not None:
            # Whom the processor does not lead there it answers itself.
            led = {"cluster": _LIVE, "prefix_rewrite": INSIDE_PATH, "timeout": "0s"}
            yield {
                "match": {"path": LIVE_PATH},
                "route": led,
                "typed_per_filter_config": dict.fromkeys((_REST, _LUA, _STATE), _OFF),
            }
        if not self._is_vendors(upstream):
            for plain, drops in self._plain():
                unmoved = {**plain, "headers": [*_UNMOVED, *plain["headers"]]}
                yield _route(unmoved, upstream, without=(_PAGES, _LUA), drops=drops)
                yield _route(plain, upstream, without=(_PAGES,), drops=drops)
        for match in self._asked(upstream):
            yield _route(match, upstream, without=(_REST, _LUA, _STATE))
        for header in (
            {"name": "referer", "present_match": True},
            {"name": "origin", "present_match": True},
            {"name": "cookie", "string_match": {"contains": "consentry-", "ignore_case": True}},
        ):
            yield _route({"prefix": "/", "headers": [header]}, upstream, without=(_PAGES,))
        yield _route({"prefix": "/"}, upstream, without=(_PAGES, _LUA))
        # What has no path (OPTIONS *) is no page.
        yield _route({"safe_regex": {"regex": ".*"}}, upstream, without=(_PAGES,))

    def _plain(self) -> Iterable[tuple[Plain, Sequence[str]]]:
        """What goes straight to the site, and which fields of it do not, files before all: they are asked for most."""
        yield _plain(self.catalogue, _FILES), ()
        yield _plain(self.catalogue, _SHEETS), _PARTLY
        if self.straight and self.live is None:
            yield _plain(self.catalogue, _DOCUMENTS), _PARTLY

    def _asked(self, upstream: str) -> Iterable[Plain]:
        """What is handed over from its first header on."""
        yield {"prefix": BASE}
        wanted = "|".join(sorted(CHANGING))
        yield _with("sec-fetch-dest", {"safe_regex": {"regex": f"(?i)(?:{wanted})"}})
        # A navigation that a service worker passes on is for nothing in particular.
        yield _with("sec-fetch-mode", {"exact": "navigate", "ignore_case": True})
        yield _with("accept", {"contains": "text/html"})
        yield _with("accept", {"contains": PAGE_FOR_A_WORKER})
        yield _with("accept", {"prefix": "text/css"})
        known = "|".join((*CODINGS, "identity", r"\*"))
        coding = rf"(?:{known})(?:\s*;[^,]*)?"
        yield {
            "prefix": "/",
            "headers": [
                {"name": "accept-encoding", "present_match": True},
                {
                    "name": "accept-encoding",
                    "string_match": {"safe_regex": {"regex": rf"(?i)\s*{coding}(?:\s*,\s*{coding})*\s*"}},
                    "invert_match": True,
                },
            ],
        }
        if self._is_vendors(upstream):
            yield {"prefix": "/"}
        else:
            yield {"safe_regex": {"regex": f"(?s){_catalogued(self.catalogue)}"}}
            yield from matches(_payloads(self.catalogue))

    def _is_vendors(self, upstream: str) -> bool:
        return self.catalogue.knows_host(urlsplit(upstream).hostname or "")

    # What asks a processor

    def _asks(self, upstream: str, scheme: str, request: str, **further: Any) -> Plain:
        return _typed(
            _CORE + "ext_proc.v3.ExternalProcessor",
            grpc_service={
                "envoy_grpc": {"cluster_name": "processors"},
                "retry_policy": _ANOTHER,
                "initial_metadata": [{"key": UPSTREAM, "value": upstream}, {"key": SCHEME, "value": scheme}],
            },
            processing_mode={"request_header_mode": request, "response_header_mode": "SEND"},
            allow_mode_override=True,
            failure_mode_allow=False,
            status_on_error={"code": "ServiceUnavailable"},
            message_timeout=f"{self.limits.patience:g}s",
            request_attributes=["source.address"],
            mutation_rules={"allow_all_routing": False, "disallow_system": False},
            **further,
        )

    def _asks_about_responses(self, upstream: str, scheme: str) -> Plain:
        """Made only where a response has something to judge: for all others it costs a comparison."""
        asks = self._asks(
            upstream,
            scheme,
            "SKIP",
            response_attributes=[
                *("source.address", "request.method", "request.path", AUTHORITY),
                *map(attribute_of, self.reads),
            ],
        )
        own = urlsplit(upstream).netloc
        judged = [
            # As such a browser may show whatever comes.
            _said("Request", "sec-fetch-dest", {"safe_regex": {"google_re2": {}, "regex": _DOCUMENTS}}),
            *(_response(name, _ANYTHING) for name in _JUDGED),
            _response("access-control-allow-origin", {"contains": own, "ignore_case": True}),
            *(_response("content-type", {"contains": kind, "ignore_case": True}) for kind in ("text/html", "text/css")),
        ]
        action = _typed(_CORE + "composite.v3.ExecuteFilterAction", typed_config={"name": _REST, "typed_config": asks})
        matcher = {"predicate": {"or_matcher": {"predicate": judged}}, "on_match": {"action": _named("ask", action)}}
        return _typed(
            _MATCHING,
            extension_config=_named("composite", _typed(_CORE + "composite.v3.Composite")),
            xds_matcher={"matcher_list": {"matchers": [matcher]}},
        )


def _typed(kind: str, **settings: Any) -> Plain:
    return {"@type": _TYPE + kind, **settings}


def _named(name: str, config: Plain) -> Plain:
    return {"name": name, "typed_config": config}


def _with(header: str, match: Plain) -> Plain:
    return {"prefix": "/", "headers": [{"name": header, "string_match": match}]}


def _response(header: str, match: Plain) -> Plain:
    return _said("Response", header, match)


def _said(by: str, header: str, match: Plain) -> Plain:
    given = _named("header", _typed(f"envoy.type.matcher.v3.Http{by}HeaderMatchInput", header_name=header))
    return {
        "single_predicate": {"input": given, "value_match": match},
    }


def _lacks(header: str, match: Plain) -> Plain:
    """Whether a header, if there is one, does not say this."""
    return {"name": header, "string_match": match, "invert_match": True, "treat_missing_header_as_empty": True}


# A request that says nothing of where it comes from, so that nothing of it has to be translated.
_UNMOVED: tuple[Plain, ...] = (
    {"name": "referer", "present_match": False},
    {"name": "origin", "present_match": False},
    _lacks("cookie", {"contains": "consentry-", "ignore_case": True}),
)


def _plain(catalogue: Catalogue, wanted: str) -> Plain:
    """A plain request, as browsers make most: that it need not be asked about is told by a few comparisons.

    Whatever is not as plain as this is looked at more closely: see _Front._asked(). `wanted` are words of
    Sec-Fetch-Dest.
    """
    own = rf"{re.escape(BASE)}.*"
    said: list[Plain] = []
    told: tuple[str, ...]
    if wanted == _DOCUMENTS:
        # What a page's address says after its path is for the site.
        told = (rf"(?:{_catalogued(catalogue)})(?:[?#].*)?", own)
    else:
        anywhere = (glob_in_re2(each) for each in _payloads(catalogue) if each.query is None and not each.body)
        told = (_catalogued(catalogue), r".*[?#].*", own, *anywhere)
        said.append(_lacks("sec-fetch-mode", {"exact": "navigate", "ignore_case": True}))
        said.append(_lacks("accept", {"contains": "text/html"}))
    if wanted == _FILES:
        said.append(_lacks("accept", {"prefix": "text/css"}))
    coding = f"(?:{'|'.join(CODINGS)})"
    return {
        "prefix": "/",
        "headers": [
            {"name": ":method", "string_match": {"exact": "GET"}},
            {"name": "sec-fetch-dest", "string_match": {"safe_regex": {"regex": wanted}}},
            *said,
            _lacks("accept", {"contains": PAGE_FOR_A_WORKER}),
            {"name": "accept-encoding", "string_match": {"safe_regex": {"regex": rf"{coding}(?:, ?{coding})*"}}},
            _lacks(":path", {"safe_regex": {"regex": f"(?s){'|'.join(told)}"}}),
        ],
    }


def _payloads(catalogue: Catalogue) -> Iterable[Payload]:
    return (each for vendor in catalogue.having(PAYLOADS) for each in vendor.payloads)


def _route(match: Plain, upstream: str, without: Sequence[str], drops: Sequence[str] = ()) -> Plain:
    return {
        "match": match,
        "route": {
            "cluster": upstream,
            "host_rewrite_literal": urlsplit(upstream).netloc,
            # A download may take all day.
            "timeout": "0s",
        },
        **({"request_headers_to_remove": list(drops)} if drops else {}),
        # What is gathered as a whole: events, and pages of some size.
        "request_body_buffer_limit": MOST_EVENTS,
        "typed_per_filter_config": dict.fromkeys(without, _OFF),
    }


@cache
def _catalogued(catalogue: Catalogue) -> str:
    """What a path must be like for the catalogue to know it on any host, and what a browser would read as another."""
    names = "|".join(re.escape(name) for name in sorted(catalogue.names_anywhere()))
    shapes = "".join(f"|.*(?:{_in_re2(shape)}).*" for shape in sorted(catalogue.shapes_anywhere()))
    odd = r".*(?:\\|%5[cC]|%2[eE]).*|.*/\.\.?(?:/.*)?"
    return rf"(?:.*/)?(?:{names})(?:\.[^/]*)?|{odd}{shapes}"


def _in_re2(pattern: str) -> str:
    """The pattern for Envoy, which cannot look around or back: what needs that is handed over as a whole."""
    return pattern if in_re2(pattern) else ""


def _authority() -> Plain:
    form = {"text_format_source": {"inline_string": "%REQ(:authority)%"}}
    kept = {"object_key": "consentry.authority", "factory_key": "envoy.string", "format_string": form}
    return _typed(_CORE + "set_filter_state.v3.Config", on_request_headers=[kept])


def _lua(upstream: str, scheme: str) -> Plain:
    script = (Path(__file__).parent / "request.lua").read_text("utf-8")
    script = script.replace("@UPSTREAM@", upstream).replace("@SCHEME@", scheme)
    return _typed(_CORE + "lua.v3.Lua", default_source_code={"inline_string": script})


# Where connections lead


def _site(index: int, upstream: str, transport: Transport) -> Plain:
    parts = urlsplit(upstream)
    host = parts.hostname or ""
    address, port = transport.resolver.resolve(host, parts.port or (443 if parts.scheme == "https" else 80))
    cluster: Plain = {
        "name": upstream,
        # In the name of a number a dot means more than a dot.
        "alt_stat_name": f"site-{index}",
        "connect_timeout": "10s",
        # What cannot be reached is said at once, each time: there is nowhere else to go.
        "circuit_breakers": {"thresholds": [_most(100_000)]},
        # One connection is tried to each of its addresses, until one is there.
        **_endpoints(upstream, [Place(host=address, port=port)], {"type": "LOGICAL_DNS", "dns_lookup_family": "ALL"}),
    }
    if parts.scheme == "https":
        cluster["transport_socket"] = _tls_upstream(host, transport)
        http: Plain = {"auto_config": {"http2_protocol_options": {}}}
    else:
        http = {"explicit_http_config": {"http_protocol_options": {}}}
    cluster["typed_extension_protocol_options"] = {_HTTP: _typed(_HTTP, **http)}
    return cluster


def _processors(places: Sequence[Place], limits: Limits) -> Plain:
    windows = {"initial_stream_window_size": _WINDOW, "initial_connection_window_size": 16 * _WINDOW}
    return {
        "name": "processors",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "circuit_breakers": {"thresholds": [_most(limits.most * len(places))]},
        "health_checks": [
            {
                "timeout": "2s",
                "interval": "1s",
                "no_traffic_interval": "1s",
                "unhealthy_threshold": 1,
                "healthy_threshold": 1,
                "grpc_health_check": {},
            }
        ],
        # One that takes no connection is left out at once, before its health is asked again.
        "outlier_detection": {
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": 1,
            "interval": "1s",
            "base_ejection_time": "2s",
            "max_ejection_time": "5s",
            "max_ejection_percent": 90,
            # What it answers is no reason.
            **dict.fromkeys(_NO_REASONS, 0),
        },
        # None at all is healthy: then each is tried, rather than none.
        "common_lb_config": {"healthy_panic_threshold": {"value": 1}},
        "typed_extension_protocol_options": {
            _HTTP: _typed(_HTTP, explicit_http_config={"http2_protocol_options": windows})
        },
        # Each address is a processor.
        **_endpoints("processors", places, {"type": "STRICT_DNS", "dns_lookup_family": "V4_PREFERRED"}),
    }


def _most(count: int) -> Plain:
    return {"max_connections": count, "max_pending_requests": count, "max_requests": count}


def _endpoints(name: str, places: Sequence[Place], lookup: Plain) -> Plain:
    fixed = all(place.path or _is_address(place.host) for place in places)
    endpoints = [{"endpoint": {"address": place.plain()}} for place in places]
    return {
        **({"type": "STATIC"} if fixed else lookup),
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    }


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _tls_upstream(host: str, transport: Transport) -> Plain:
    context: Plain = {"alpn_protocols": ["h2", "http/1.1"]}
    if not transport.insecure_upstream:
        trusted = str(transport.upstream_ca or certifi.where())
        kind = "IP_ADDRESS" if _is_address(host) else "DNS"
        context["validation_context"] = {
            "trusted_ca": {"filename": trusted},
            "match_typed_subject_alt_names": [{"san_type": kind, "matcher": {"exact": host}}],
        }
    sni = {} if _is_address(host) else {"sni": host}
    kind = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    return _named("tls", _typed(kind, common_tls_context=context, **sni))


def _tls_downstream(pem: Path) -> Plain:
    # One file holds both, as --tls-cert takes it.
    certificate = {"certificate_chain": {"filename": str(pem)}, "private_key": {"filename": str(pem)}}
    context = {"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [certificate]}
    kind = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    return _named("tls", _typed(kind, common_tls_context=context))


def _quic_downstream(pem: Path) -> Plain:
    certificate = {"certificate_chain": {"filename": str(pem)}, "private_key": {"filename": str(pem)}}
    kind = "envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport"
    return _named(
        "quic", _typed(kind, downstream_tls_context={"common_tls_context": {"tls_certificates": [certificate]}})
    )


def _by_quic(port: int) -> Plain:
    """Where browsers find the same site by HTTP/3. The site's own word on it is dropped before."""
    return _header("alt-svc", f'h3=":{port}"; ma=86400')


# What Envoy says itself


def _unavailable() -> Plain:
    """No processor answers: nothing that needed one goes out, and the browser may come again."""
    asked = "response.code_details.startsWith('ext_proc')"
    return {
        **_mapper(asked, 503, unavailable_page()),
        "headers_to_add": [_header("retry-after", "1"), _header("cache-control", "no-store")],
    }


def _unreachable() -> Iterable[Plain]:
    """The site cannot be reached; the first of the reasons that fits is told."""
    failed = "response.code >= 500 && response.flags != 0"
    for sign in _FAILURES:
        said = f"upstream.transport_failure_reason.contains('{sign}')"
        # error_page() reads what can be done about it from the sign.
        page = error_page(502, "Bad Gateway", f"{sign.replace('_', ' ')}: %UPSTREAM_TRANSPORT_FAILURE_REASON%")
        yield _mapper(f"{failed} && {said}", 502, page)
    for sign, meaning in (("remote_connection_failure", "connection refused"), ("timeout", "timed out")):
        page = error_page(502, "Bad Gateway", f"{meaning}: %RESPONSE_CODE_DETAILS%")
        yield _mapper(f"{failed} && response.code_details.contains('{sign}')", 502, page)
    page = error_page(502, "Bad Gateway", "name resolution: %RESPONSE_CODE_DETAILS%")
    yield _mapper(f"{failed} && response.code_details.startsWith('no_healthy_upstream')", 502, page)
    yield _mapper(failed, 502, error_page(502, "Bad Gateway", "%RESPONSE_CODE_DETAILS%"))


def _mapper(expression: str, status: int, page: bytes) -> Plain:
    return {
        "filter": {
            "extension_filter": _named(
                "cel",
                _typed("envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter", expression=expression),
            )
        },
        "status_code": status,
        "body_format_override": {
            "text_format_source": {"inline_string": _escaped(page.decode())},
            "content_type": "text/html; charset=utf-8",
        },
    }


def _header(name: str, value: str) -> Plain:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


# A percent sign that begins none of the commands above.
_PLAIN_PERCENT = re.compile(r"%(?![A-Z_]+%)(?<![A-Z_]%)")


def _escaped(text: str) -> str:
    """Text in which only what is meant to be one is a command of Envoy's."""
    return _PLAIN_PERCENT.sub("%%", text)


def read_listeners(found: Mapping[str, Any]) -> list[int]:
    """The ports that Envoy listens on, in the order of its listeners; from its admin interface."""
    ports = {
        each["name"]: int(each["local_address"]["socket_address"]["port_value"])
        for each in found.get("listener_statuses", ())
        if each["name"].startswith(_SITE)
    }
    return [ports[name] for name in sorted(ports, key=lambda name: int(name.rpartition("-")[2]))]
