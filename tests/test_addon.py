"""The mitmproxy adapter: hooks into the engine, and the script with its options."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions, http, options, tcp, udp
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import taddons, tflow
from mitmproxy.tls import ClientHello, ClientHelloData, TlsData

from proxy_addon.addon import Gate, Script
from proxy_addon.addon import addons as listed
from proxy_addon.config import EMPTY, ConfigFile, read_config
from proxy_addon.console import Console
from proxy_addon.faults import Faults
from proxy_addon.filter.passing import Passing
from proxy_addon.resolve import Resolver, parse_entry
from proxy_addon.setup import Choices, build_engine

from .rewrite.routers import RELAY
from .small import ACME, ship, write

TAG = "https://cdn.acme.test/a.js"
GRANTED = "consentry=v=1&analytics=granted&functional=granted&marketing=granted"
PAGE = b"<!doctype html><title>x</title><script src=https://cdn.acme.test/a.js></script>"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    ship(tmp_path / "shipped", monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def gate(config: ConfigFile = EMPTY, mode: str = "enforce", *resolve: str) -> Gate:
    engine = build_engine(Choices(mode=mode), config, Console(io.StringIO()))
    return Gate(engine, Resolver(map(parse_entry, resolve)))


def flow_of(url: str, *, upstream: str = "", method: str = "GET", **fields: str) -> http.HTTPFlow:
    headers = http.Headers([(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()])
    request = http.Request.make(method, url)
    request.headers = headers
    flow = tflow.tflow(req=request)
    flow.client_conn.proxy_mode = ProxyMode.parse(f"reverse:{upstream}" if upstream else "regular")
    flow.client_conn.peername = ("203.0.113.7", 40000)
    flow.client_conn.tls_version = None
    flow.client_conn.timestamp_tls_setup = None
    return flow


def document(
    url: str = "http://localhost:8080/page", upstream: str = "https://shop.test", **fields: str
) -> http.HTTPFlow:
    return flow_of(url, upstream=upstream, **{"host": "localhost:8080", "sec_fetch_dest": "document", **fields})


def answered(flow: http.HTTPFlow, body: bytes, **fields: str) -> http.HTTPFlow:
    """Let a response's headers arrive."""
    headers = http.Headers([(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()])
    flow.response = http.Response.make(200, body, headers)
    return flow


def streamed(flow: http.HTTPFlow, body: bytes) -> bytes:
    """The body as mitmproxy would send it through the flow's stream."""
    assert flow.response is not None
    stream: Any = flow.response.stream
    assert callable(stream)
    pieces = [piece for data in (body[:10], body[10:], b"") for piece in stream(data)]
    assert b"" not in pieces, "an empty piece would end a chunked response"
    return b"".join(pieces)


# Requests


def test_a_held_request_is_answered_and_never_leaves() -> None:
    flow = flow_of(TAG, sec_fetch_dest="script", referer="https://shop.test/")
    gate().requestheaders(flow)
    assert flow.response is not None
    assert (flow.response.status_code, flow.response.content) == (200, b"window.acme = { count() {} };")
    assert flow.response.headers["x-consentry"] == "held; vendor=acme"


def test_any_other_request_passes() -> None:
    flow = flow_of("https://shop.test/a.js", sec_fetch_dest="script")
    gate().requestheaders(flow)
    assert flow.response is None


def test_a_flow_that_is_answered_failed_or_replayed_already_is_left_alone() -> None:
    done, failed, replayed = (flow_of(TAG) for _ in range(3))
    done.response = http.Response.make(404)
    failed.error = tflow.terr()
    replayed.live = False
    for flow in (done, failed, replayed):
        gate().requestheaders(flow)
        assert flow.response is None or flow.response.status_code == 404


def test_in_reverse_mode_the_request_is_told_in_the_words_of_the_site() -> None:
    flow = document(referer="http://localhost:8080/a", origin="http://localhost:8080")
    gate().requestheaders(flow)
    headers = flow.request.headers
    assert (headers["host"], headers["referer"], headers["origin"]) == (
        "shop.test",
        "https://shop.test/a",
        "https://shop.test",
    )


def test_in_reverse_mode_the_page_in_the_evidence_is_the_sites_own_address() -> None:
    out = io.StringIO()
    built = Gate(build_engine(Choices(), EMPTY, Console(out, json_lines=True)))
    flow = document("http://localhost:8080/api", sec_fetch_dest="empty", referer="http://localhost:8080/page")
    built.requestheaders(flow)
    built.responseheaders(answered(flow, b"{}", link="<https://cdn.acme.test/a.js>; rel=preload"))
    assert json.loads(out.getvalue())["page"] == "https://shop.test/page"


@pytest.mark.parametrize("name", ["choice", "__Host-choice", "__Secure-choice"])
def test_in_reverse_mode_the_sites_consent_cookie_is_read_though_it_travels_renamed(name: str) -> None:
    path = Path("consentry.yaml")
    path.write_text(f"consent_cookie: {{name: {name}, values: {{all: [functional, analytics, marketing]}}}}")
    built = gate(read_config(path))
    flow = document()
    built.requestheaders(flow)
    built.responseheaders(answered(flow, b"", set_cookie=f"{name}=all; Path=/; Secure"))
    assert flow.response is not None
    travelling = flow.response.headers["set-cookie"].partition(";")[0]
    again = document(cookie=travelling)
    built.requestheaders(again)
    assert again.request.headers["cookie"] == f"{name}=all"
    assert again.metadata["consentry"].visit.consent.decided


def test_cookies_that_http2_split_are_read_as_one() -> None:
    flow = document()
    flow.request.headers.set_all("cookie", ["a=b", GRANTED])
    gate().requestheaders(flow)
    assert flow.metadata["consentry"].visit.consent.decided


@pytest.mark.parametrize(
    ("method", "fields", "streams"),
    [
        ("GET", {}, False),
        ("POST", {"content_length": "10"}, False),
        ("POST", {"content_length": "1000000"}, True),
        ("POST", {"transfer_encoding": "chunked"}, True),
    ],
)
def test_a_long_upload_is_streamed_and_a_short_one_is_not(method: str, fields: dict[str, str], streams: bool) -> None:
    flow = flow_of("https://shop.test/up", method=method, **fields)
    gate().requestheaders(flow)
    assert bool(flow.request.stream) is streams


# What is ours


def own(name: str, **fields: str) -> http.HTTPFlow:
    return document(
        f"http://localhost:8080/__consentry/{name}",
        **{"sec_fetch_dest": "empty", "origin": "http://localhost:8080", "sec_fetch_site": "same-origin", **fields},
    )


def test_what_is_ours_is_answered_and_never_reaches_the_site() -> None:
    built, flow = gate(), own("guard.js")
    built.requestheaders(flow)
    built.request(flow)
    assert flow.response is not None
    assert flow.response.status_code == 200
    assert flow.response.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b'{"rows": [{"outcome": "trouble", "vendor": "x", "url": "", "type": ""}]}']
)
def test_a_report_never_reaches_the_site_whatever_it_says(body: bytes) -> None:
    built, flow = gate(), own("report", content_length=str(len(body)))
    flow.request.method = "POST"
    flow.request.raw_content = body
    built.requestheaders(flow)
    built.request(flow)
    assert flow.response is not None


@pytest.mark.parametrize("fields", [{"content_length": "1000000000"}, {"transfer_encoding": "chunked"}])
def test_a_report_that_may_be_too_long_is_cut_off_before_it_is_read(fields: dict[str, str]) -> None:
    built, flow = gate(), own("report", **fields)
    flow.request.method = "POST"
    built.requestheaders(flow)
    assert flow.error is not None
    assert "consentry-gathered" not in flow.metadata


def test_a_browsers_report_is_judged_when_the_layers_have_had_their_say() -> None:
    judged: list[bytes] = []

    def report(**fields: str) -> None:
        built, flow = gate(), own("csp", content_length="2", **fields)
        built.engine.judge_reports = lambda visit, body: judged.append(body)  # type: ignore[method-assign]
        flow.request.method = "POST"
        flow.request.raw_content = b"{}"
        built.requestheaders(flow)
        built.request(flow)

    async def reports() -> None:
        report()
        report(sec_fetch_site="cross-site")
        assert judged == []
        while not judged:
            await asyncio.sleep(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("proxy_addon.exchange.SETTLE", 0.0)
        asyncio.run(reports())
    assert judged == [b"{}"]


# Responses


def test_a_page_is_rewritten_as_it_streams() -> None:
    built, flow = gate(), document()
    built.requestheaders(flow)
    built.responseheaders(answered(flow, b"", content_type="text/html", content_length=str(len(PAGE))))
    assert flow.response is not None
    assert "content-length" not in flow.response.headers
    assert flow.response.headers["transfer-encoding"] == "chunked"
    sent = streamed(flow, PAGE)
    assert b"text/x-consentry" in sent
    assert b"data-consentry-runtime" in sent


def test_over_http2_a_page_of_unknown_length_needs_no_chunks() -> None:
    built, flow = gate(), document()
    flow.request.http_version = "HTTP/2.0"
    built.requestheaders(flow)
    built.responseheaders(answered(flow, b"", content_type="text/html", content_length="9"))
    assert flow.response is not None
    assert "transfer-encoding" not in flow.response.headers


def test_a_response_of_the_site_is_told_in_the_words_of_the_browser() -> None:
    built, flow = gate(), document()
    built.requestheaders(flow)
    built.responseheaders(
        answered(flow, b"", location="https://shop.test/next", set_cookie="a=b; Domain=shop.test; Secure")
    )
    assert flow.response is not None
    assert flow.response.headers["location"] == "http://localhost:8080/next"
    assert flow.response.headers["set-cookie"] == "a=b"


@pytest.mark.parametrize(
    ("fields", "streams"), [({"content_length": "10"}, False), ({"content_length": "1000000"}, True), ({}, True)]
)
def test_a_long_download_is_streamed_and_a_short_one_is_not(fields: dict[str, str], streams: bool) -> None:
    built, flow = gate(), flow_of("https://shop.test/file", sec_fetch_dest="empty")
    built.requestheaders(flow)
    answered(flow, b"", content_type="application/octet-stream")
    assert flow.response is not None
    flow.response.headers.pop("content-length", None)
    flow.response.headers.update({name.replace("_", "-"): value for name, value in fields.items()})
    built.responseheaders(flow)
    assert bool(flow.response.stream) is streams


def test_the_answer_in_place_of_a_vendor_is_not_touched_again() -> None:
    built, flow = gate(), flow_of(TAG, sec_fetch_dest="script", referer="https://shop.test/")
    built.requestheaders(flow)
    assert flow.response is not None
    before = flow.response.headers.fields
    built.responseheaders(flow)
    assert (flow.response.headers.fields, flow.response.stream) == (before, False)


# Connections and messages


def test_a_connection_is_made_where_the_configuration_says() -> None:
    built = gate(EMPTY, "enforce", "shop.test:443:127.0.0.1:8443")
    flow = document()
    data = ServerConnectionHookData(flow.server_conn, flow.client_conn)
    data.server.address = ("shop.test", 443)
    data.server.tls = True
    built.server_connect(data)
    assert data.server.address is not None
    assert ([*data.server.address], data.server.sni) == (["127.0.0.1", 8443], "shop.test")


def test_a_connection_that_was_led_elsewhere_is_found_again_by_the_address_that_was_asked_for() -> None:
    built = gate(EMPTY, "enforce", "*:443:127.0.0.1:8443")
    addresses = []
    for asked in (("shop.test", 443), ("shop.test", 443), ("blog.test", 443)):
        flow = document()
        data = ServerConnectionHookData(flow.server_conn, flow.client_conn)
        data.server.address = asked
        built.server_connect(data)
        assert data.server.address == asked
        assert asked == data.server.address
        addresses.append(data.server.address)
    assert (addresses[0] == addresses[1], addresses[0] != addresses[1]) == (True, False)
    assert (addresses[0] == addresses[2], addresses[0] != addresses[2]) == (False, True)
    assert len(dict.fromkeys(addresses)) == 2


class Fails(Passing):
    """Fails at whatever it is asked."""

    def __init__(self) -> None:
        super().__init__((), lambda host: False)

    def why(self, host: str) -> str:
        raise RuntimeError("it is broken")

    def accepted(self, client: str, host: str) -> None:
        raise RuntimeError("it is broken")


def test_where_passing_cannot_be_told_a_connection_is_looked_into_and_it_is_said_once() -> None:
    said: list[str] = []
    engine = build_engine(Choices(), EMPTY, Console(io.StringIO()))
    built = Gate(engine, passing=Fails(), faults=Faults(said.append))
    flow = flow_of(TAG)
    context = Context(flow.client_conn, options.Options())
    # What a client may send at the least: a version, 32 random bytes, no session, one cipher, no compression.
    data = ClientHelloData(context, ClientHello(bytes.fromhex("0303" + "00" * 32 + "00" + "00021301" + "0100")))
    for _ in range(2):
        built.tls_clienthello(data)
        built.tls_established_client(TlsData(flow.client_conn, context))
    assert not data.ignore_connection
    assert [each.partition(",")[0] for each in said] == [
        "Whether a connection is to pass cannot be said",
        "Who trusts our certificates cannot be learnt",
    ]


def test_a_request_that_streams_already_can_still_be_answered() -> None:
    built = gate()
    flow = flow_of("https://cdn.acme.test/collect", method="POST", content_length="9000000", cookie=GRANTED)
    flow.request.stream = True
    built._unjudged(flow, RuntimeError("it is broken"))
    assert flow.response is not None
    assert (flow.response.headers["x-consentry"], flow.request.stream) == ("held; vendor=acme", False)


@pytest.mark.parametrize(
    ("url", "mode", "destination", "held"),
    [
        ("https://cdn.acme.test/a.js", "enforce", "script", True),
        ("https://cdn.acme.test/a.js", "observe", "script", False),
        # Whoever visits a vendor's page is on the vendor's own site.
        ("https://acme.test/", "enforce", "document", False),
        ("https://shop.test/a.js", "enforce", "script", False),
    ],
)
def test_what_cannot_be_judged_is_held_where_a_vendor_is_and_something_is_held_at_all(
    url: str, mode: str, destination: str, held: bool
) -> None:
    flow = flow_of(url, sec_fetch_dest=destination)
    gate(mode=mode)._unjudged(flow, RuntimeError("it is broken"))
    assert (flow.response is not None) is held


def test_in_reverse_mode_a_page_that_cannot_be_judged_is_asked_of_its_site() -> None:
    flow = document()
    gate()._unjudged(flow, RuntimeError("it is broken"))
    assert (flow.response, flow.request.headers["host"]) == (None, "shop.test")


def test_messages_of_long_connections_are_not_hoarded() -> None:
    built = gate()
    socket = tflow.twebsocketflow()
    assert socket.websocket is not None
    last = socket.websocket.messages[-1]
    built.websocket_message(socket)
    assert socket.websocket.messages == [last]
    stream = tflow.ttcpflow()
    assert isinstance(stream, tcp.TCPFlow)
    built.tcp_message(stream)
    assert len(stream.messages) == 1
    datagrams = tflow.tudpflow()
    assert isinstance(datagrams, udp.UDPFlow)
    built.udp_message(datagrams)
    assert len(datagrams.messages) == 1


# The script


@pytest.fixture
def script() -> Iterator[tuple[Script, Any]]:
    script = Script()
    with taddons.context(script) as context:  # type: ignore[no-untyped-call]
        context.configure(script)
        yield script, context


def mode_and_regime(script: Script, host: str = "shop.test") -> tuple[str, str]:
    flow = flow_of(f"https://{host}/", sec_fetch_dest="document")
    script.requestheaders(flow)
    site = flow.metadata["consentry"].visit.site
    return site.mode, site.regime.regime


def test_mitmproxy_finds_one_add_on() -> None:
    assert [type(each) for each in listed] == [Script]


def test_the_script_holds_and_lets_pass(script: tuple[Script, Any]) -> None:
    addon, _ = script
    held = flow_of(TAG, sec_fetch_dest="script", referer="https://shop.test/")
    passed = flow_of("https://shop.test/")
    addon.requestheaders(held)
    addon.requestheaders(passed)
    assert held.response is not None
    assert passed.response is None


def test_the_script_takes_options_and_a_change_of_them(script: tuple[Script, Any]) -> None:
    addon, context = script
    assert mode_and_regime(addon) == ("enforce", "gdpr")
    context.configure(addon, consentry_mode="observe", consentry_regime="ccpa")
    assert mode_and_regime(addon) == ("observe", "ccpa")
    context.configure(addon, consentry_mode="enforce")
    assert mode_and_regime(addon) == ("enforce", "ccpa")


def test_a_change_of_other_options_forgets_no_visitor(script: tuple[Script, Any]) -> None:
    addon, context = script
    addon.requestheaders(flow_of("https://shop.test/", sec_fetch_dest="document", cookie=GRANTED))
    context.configure(addon, showhost=True)
    flow = flow_of(TAG, sec_fetch_dest="script", referer="https://shop.test/")
    addon.requestheaders(flow)
    assert flow.response is None


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("consentry_mode", "nonsense", "nonsense"),
        ("consentry_regime", "nonsense", "There is no regime 'nonsense'"),
        ("consentry_router_policy", "nonsense", "nonsense"),
        ("consentry_rules", "nowhere", "there is no such rules folder"),
        ("consentry_config", "nowhere.yaml", "cannot be read"),
        ("consentry_config", "bad.yaml", "bad.yaml, line 1"),
    ],
)
def test_a_bad_option_is_refused_and_the_good_ones_stay(
    script: tuple[Script, Any], option: str, value: str, words: str
) -> None:
    addon, context = script
    Path("bad.yaml").write_text("mdoe: observe\n")
    with pytest.raises(exceptions.OptionsError, match=words):
        context.configure(addon, **{option: value})
    assert mode_and_regime(addon) == ("enforce", "gdpr")


def test_the_script_reads_a_folder_of_rules(script: tuple[Script, Any]) -> None:
    addon, context = script
    write(Path("mine"), "vendors/beta.yaml", ACME.replace("acme", "beta").replace("surrogate: beta.js\n", ""))
    context.configure(addon, consentry_rules="mine")
    flow = flow_of("https://beta.test/x", sec_fetch_dest="script", referer="https://shop.test/")
    addon.requestheaders(flow)
    assert flow.response is not None


def test_the_script_reads_sites_and_cookies_of_a_configuration(script: tuple[Script, Any]) -> None:
    addon, context = script
    Path("some.yaml").write_text("sites: [{url: 'https://shop.test', mode: observe}]")
    context.configure(addon, consentry_config="some.yaml")
    assert mode_and_regime(addon) == ("observe", "gdpr")
    assert mode_and_regime(addon, "blog.test") == ("enforce", "gdpr")


def test_the_script_takes_from_a_configuration_what_no_option_says(script: tuple[Script, Any]) -> None:
    addon, context = script
    Path("some.yaml").write_text("mode: observe\nregime: ccpa\n")
    context.configure(addon, consentry_config="some.yaml")
    assert mode_and_regime(addon) == ("observe", "ccpa")


def test_while_running_nothing_connects_before_the_verdict(script: tuple[Script, Any]) -> None:
    addon, context = script
    # mitmproxy's own add-ons declare these.
    context.options.add_option("connection_strategy", str, "eager", "")
    context.options.add_option("keep_host_header", bool, False, "")
    addon.running()
    assert context.options.connection_strategy == "lazy"
    assert context.options.keep_host_header


# A router's events

SETTINGS = b'{"integrations":{"Relay":{},"Ads":{},"Tally":{}}}'
SENT = b'{"writeKey":"K1","type":"track","event":"Order"}'
ANALYTICS = "consentry=v=1&analytics=granted&functional=denied&marketing=denied"


def relaying(cookie: str = ANALYTICS) -> Gate:
    """A forward proxy that knows the invented router, and a visitor who has chosen."""
    engine = build_engine(Choices(rules=(str(RELAY),)), EMPTY, Console(io.StringIO()))
    built = Gate(engine)
    built.requestheaders(flow_of("https://shop.test/", sec_fetch_dest="document", cookie=cookie))
    return built


def sending(url: str = "https://api.relay.test/v1/t", **fields: str) -> http.HTTPFlow:
    return flow_of(url, method="POST", referer="https://shop.test/", **fields)


def sent(built: Gate, flow: http.HTTPFlow, body: bytes = SENT) -> http.HTTPFlow:
    built.requestheaders(flow)
    assert not flow.request.stream
    flow.request.raw_content = body
    built.request(flow)
    return flow


def test_an_event_waits_for_its_body_and_goes_out_filtered() -> None:
    flow = sent(relaying(), sending(content_length=str(len(SENT)), content_md5="x", content_type="text/plain"))
    assert flow.response is None
    body = flow.request.raw_content or b""
    assert json.loads(body)["integrations"]["All"] is False
    assert flow.request.headers["content-length"] == str(len(body))
    assert "content-md5" not in flow.request.headers
    assert flow.request.headers["content-type"] == "text/plain"


def test_an_event_that_is_not_understood_is_answered_and_never_leaves() -> None:
    built = relaying()
    flow = sent(built, sending(content_length="6", origin="https://shop.test"), b"data=x")
    assert flow.response is not None
    assert (flow.response.status_code, flow.response.headers["x-consentry"]) == (204, "held; vendor=relay")
    assert flow.response.headers["access-control-allow-origin"] == "https://shop.test"
    built.responseheaders(flow)
    assert flow.response.status_code == 204


@pytest.mark.parametrize("fields", [{"content_length": "9000000"}, {"transfer_encoding": "chunked"}])
def test_an_event_of_no_known_or_an_absurd_length_is_answered(fields: dict[str, str]) -> None:
    flow = sending(**fields)
    relaying().requestheaders(flow)
    assert flow.response is not None
    assert flow.response.status_code == 204
    assert not flow.request.stream


def test_a_long_event_is_no_stream() -> None:
    body = SENT[:-1] + b',"properties":{"x":"' + b"x" * 300_000 + b'"}}'
    flow = sent(relaying(), sending(content_length=str(len(body))), body)
    assert json.loads(flow.request.raw_content or b"")["integrations"]["All"] is False


@pytest.mark.parametrize(
    ("url", "length", "streams"),
    [
        ("https://shop.test/proxy/t", "300000", False),
        ("https://shop.test/proxy/t", "9000000", True),
        ("https://shop.test/upload", "300000", True),
    ],
)
def test_an_upload_that_may_be_events_is_no_stream_unless_it_is_too_long(url: str, length: str, streams: bool) -> None:
    flow = sending(url, content_length=length)
    relaying().requestheaders(flow)
    assert flow.response is None
    assert bool(flow.request.stream) is streams


def test_a_preflight_is_left_alone() -> None:
    flow = flow_of("https://api.relay.test/v1/t", method="OPTIONS", referer="https://shop.test/")
    built = relaying()
    built.requestheaders(flow)
    built.request(flow)
    assert flow.response is None


def test_in_reverse_mode_events_to_the_site_itself_are_filtered_too() -> None:
    built = relaying()
    flow = document("http://localhost:8080/proxy/t", sec_fetch_dest="empty", cookie=ANALYTICS, content_length="48")
    flow.request.method = "POST"
    sent(built, flow)
    assert json.loads(flow.request.raw_content or b"")["integrations"]["All"] is False
    flow = document("http://localhost:8080/proxy/t", sec_fetch_dest="empty", cookie=ANALYTICS, content_length="9")
    flow.request.method = "POST"
    assert sent(built, flow, b'{"a":"b"}').request.raw_content == b'{"a":"b"}'


def test_settings_are_filtered_as_they_pass() -> None:
    built = relaying()
    flow = flow_of("https://cdn.relay.test/sources/K1/settings", referer="https://shop.test/", if_none_match="x")
    built.requestheaders(flow)
    assert "if-none-match" not in flow.request.headers
    built.responseheaders(answered(flow, b"", content_type="application/json", content_length=str(len(SETTINGS))))
    assert streamed(flow, SETTINGS) == b'{"integrations":{"Relay":{},"Tally":{}}}'
    assert flow.response is not None
    assert "content-length" not in flow.response.headers
