"""Envoy's configuration: Envoy itself says that it is one, and which requests it hands over is tried on its rules."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.catalogue.match import Catalogue
from proxy_addon.catalogue.model import Domain, Payload, RequestRule
from proxy_addon.config import read_rules
from proxy_addon.envoy.bootstrap import Limits, Place, bootstrap
from proxy_addon.envoy.supervise import envoy_program
from proxy_addon.listeners import Listener, Transport
from proxy_addon.resolve import Resolver, parse_entry
from tests.kit.certificates import Authority
from tests.small import catalogue, vendor

ADMIN = Place(host="127.0.0.1", port=9901)
PROCESSORS = (Place(path="/tmp/one.sock"), Place(path="/tmp/two.sock"))


def configured(
    *upstreams: str, known: Catalogue | None = None, transport: Transport | None = None, **more: Any
) -> dict[str, Any]:
    listeners = [Listener("127.0.0.1", 8080 + index, upstream) for index, upstream in enumerate(upstreams)]
    processors = more.pop("processors", PROCESSORS)
    return bootstrap(
        listeners,
        transport or Transport(Path("/nowhere")),
        known or catalogue(),
        processors,
        ADMIN,
        **more,
    )


def checked(configuration: dict[str, Any], folder: Path) -> None:
    """Let Envoy read it."""
    path = folder / "envoy.json"
    path.write_text(json.dumps(configuration), "utf-8")
    command = [envoy_program(), "--mode", "validate", "-c", str(path), "-l", "error"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr


def manager(configuration: dict[str, Any], index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = configuration["static_resources"]["listeners"][index]["filter_chains"][0]
    config: dict[str, Any] = found["filters"][0]["typed_config"]
    return config


def patterns(configuration: dict[str, Any]) -> list[str]:
    """The expressions of paths that are handed over."""
    routes = manager(configuration)["route_config"]["virtual_hosts"][0]["routes"]
    return [
        route["match"]["safe_regex"]["regex"]
        for route in routes
        if "safe_regex" in route["match"] and "consentry.responses" in route["typed_per_filter_config"]
    ]


def by_words(configuration: dict[str, Any]) -> list[dict[str, Any]]:
    """The matches of what is handed over for its path and method."""
    routes = manager(configuration)["route_config"]["virtual_hosts"][0]["routes"]
    return [
        route["match"]
        for route in routes
        if "consentry.responses" in route["typed_per_filter_config"]
        and {":path"} <= {each["name"] for each in route["match"].get("headers", ())}
        and {each["name"] for each in route["match"]["headers"]} <= {":method", ":path", "content-length"}
    ]


def fits(match: dict[str, Any], said: Mapping[str, str]) -> bool:
    """Whether a request fits a route, as Envoy reads it; `said` are its fields, with method and path among them."""
    bare = re.split(r"[?#]", said[":path"])[0]
    if not said[":path"].startswith(match.get("prefix", "")):
        return False
    if "safe_regex" in match and not re.fullmatch(match["safe_regex"]["regex"], bare):
        return False
    return all(_fits(each, said.get(each["name"])) for each in match.get("headers", ()))


def _fits(wanted: dict[str, Any], value: str | None) -> bool:
    if "present_match" in wanted:
        return wanted["present_match"] is (value is not None)
    if value is None and not wanted.get("treat_missing_header_as_empty"):
        return False
    how = dict(wanted["string_match"])
    whole = value or ""
    if how.pop("ignore_case", False):
        whole, how = whole.lower(), {kind: text.lower() for kind, text in how.items()}
    ((kind, text),) = how.items()
    if kind == "safe_regex":
        found = re.fullmatch(text["regex"], whole) is not None
    else:
        found = {"exact": text == whole, "prefix": whole.startswith(text), "contains": text in whole}[kind]
    return found is not bool(wanted.get("invert_match"))


def cluster(configuration: dict[str, Any], name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = configuration["static_resources"]["clusters"]
    return next(each for each in found if each["name"] == name)


def test_envoy_takes_the_configuration_with_all_shipped_rules(tmp_path: Path) -> None:
    known = read_rules(())[0].catalogue
    checked(configured("http://127.0.0.1:3000", "https://shop.example", known=known), tmp_path)


def test_envoy_takes_certificates_private_authorities_and_mappings(tmp_path: Path, authority: Authority) -> None:
    transport = Transport(
        tmp_path,
        tls_cert=authority.issue("localhost"),
        upstream_ca=authority.pem,
        resolver=Resolver([parse_entry("shop.example:443:[::1]:8443")]),
    )
    made = configured("https://shop.example", "https://192.0.2.7:8443", transport=transport)
    checked(made, tmp_path)
    endpoint = cluster(made, "https://shop.example")["load_assignment"]["endpoints"][0]["lb_endpoints"][0]
    assert endpoint["endpoint"]["address"]["socket_address"] == {"address": "::1", "port_value": 8443}


def test_envoy_takes_processors_by_name_and_fields_that_say_where_a_visitor_is(tmp_path: Path) -> None:
    processors = (Place(host="consentry", port=9000),)
    made = configured("https://shop.example", processors=processors, reads=("cf-ipcountry",), limits=Limits(0.5, 7))
    checked(made, tmp_path)
    assert cluster(made, "processors")["type"] == "STRICT_DNS"
    assert cluster(made, "processors")["circuit_breakers"]["thresholds"][0]["max_requests"] == 7
    assert "request.headers['cf-ipcountry']" in json.dumps(made)


def test_nothing_is_let_through_when_it_cannot_be_asked_about() -> None:
    asking: list[dict[str, Any]] = []

    def look(part: Any) -> None:
        if isinstance(part, dict):
            if part.get("@type", "").endswith("ExternalProcessor"):
                asking.append(part)
            for each in part.values():
                look(each)
        elif isinstance(part, list):
            for each in part:
                look(each)

    look(configured("https://shop.example"))
    assert len(asking) == 2
    assert [each["failure_mode_allow"] for each in asking] == [False, False]
    assert [each["status_on_error"] for each in asking] == [{"code": "ServiceUnavailable"}] * 2


@pytest.mark.parametrize(
    ("path", "handed"),
    [
        ("/matomo.js", True),
        ("/stats/matomo.js", True),
        ("/stats/matomo.php", True),
        ("/a/../matomo.js", True),
        ("/m%2Ejs", True),
        ("/x\\y", True),
        ("/matomo.js/picture.png", False),
        ("/mymatomo.js", False),
        ("/", False),
    ],
)
def test_what_is_catalogued_on_any_host_is_handed_over(path: str, handed: bool) -> None:
    rule = RequestRule("script", "script", "*", "/**/matomo.js", "The script.")
    made = configured("https://shop.example", known=catalogue(vendor("matomo", requests=(rule,))))
    assert any(re.fullmatch(each, path) for each in patterns(made)) is handed


def test_a_routers_settings_are_handed_over_wherever_they_are_served() -> None:
    found = patterns(configured("https://shop.example", known=read_rules(())[0].catalogue))
    for path, handed in (("/v1/projects/KEY/settings", True), ("/cdn/v1/projects/KEY/settings", True), ("/v1/t", True)):
        assert any(re.fullmatch(each, path) for each in found) is handed, path
    assert not any(re.fullmatch(each, "/v1/products") for each in found)


@pytest.mark.parametrize(
    ("method", "path", "handed"),
    [
        ("POST", "/api/event", True),
        ("POST", "/api/event?x=1", True),
        ("GET", "/api/event", False),
        # Rules for every path look into what is short.
        ("POST", "/api/hello", True),
        ("POST", "/x/track/?verbose=1", True),
        ("GET", "/m/x9?v=2&tid=G-ABCDEF123&cid=1.2", True),
        ("POST", "/m/x9?cid=1.2&tid=G-ABCDEF123&v=2", True),
        ("GET", "/m/x9?v=2&cid=1.2", False),
        ("GET", "/hit?idsite=1&rec=1&_id=0123456789abcdef", True),
        ("GET", "/gateway?id=123456789012345&ev=PageView&dl=x&fbp=fb.1.2.3", True),
        ("GET", "/picture.png?v=2", False),
    ],
)
def test_what_a_vendor_may_be_sent_under_any_address_is_handed_over(method: str, path: str, handed: bool) -> None:
    asked = by_words(configured("https://shop.example", known=read_rules(())[0].catalogue))
    said = {":method": method, ":path": path, "content-length": "1000"}
    assert any(fits(each, said) for each in asked) is handed


def test_an_upload_is_handed_over_only_where_a_rule_says_how_its_path_ends() -> None:
    asked = by_words(configured("https://shop.example", known=read_rules(())[0].catalogue))
    for path, handed in (("/upload", False), ("/api/event", True)):
        said = {":method": "POST", ":path": path, "content-length": "10000000"}
        assert any(fits(each, said) for each in asked) is handed, path


@pytest.mark.parametrize(
    "query", [r"(?=.*(?=.*a=)b=)", r"(?<=x)a=1", r"^a=1", r"a=1\Z", "(?=a)|b=1", "a=[0-9]{1001}", "(?:a{40}=){30}"]
)
def test_a_query_that_envoy_cannot_read_is_handed_over_wherever_there_is_one(query: str, tmp_path: Path) -> None:
    payload = Payload("hit", "/**", "A hit.", query=query)
    made = configured("https://shop.example", known=catalogue(vendor("acme", payloads=(payload,))))
    (match,) = by_words(made)
    assert fits(match, {":path": "/any?thing=1"})
    assert not fits(match, {":path": "/any"})
    checked(made, tmp_path)


_WORDS: dict[str, tuple[str, ...]] = {
    "sec-fetch-dest": (
        "image",
        "script",
        "empty",
        "font",
        "IMAGE",
        "document",
        "style",
        "worker",
        "image,document",
        "",
    ),
    "sec-fetch-mode": ("no-cors", "cors", "navigate", "Navigate"),
    "accept": ("*/*", "image/webp,*/*;q=0.8", "text/html,*/*", "text/css,*/*;q=0.1", "*/*, application/x-consentry"),
    "accept-encoding": ("gzip, deflate, br, zstd", "gzip", "gzip,br", "identity", "gzip, x-zip", "gzip, ", "*;q=0"),
    "referer": ("https://shop.example/page",),
    "origin": ("https://shop.example",),
    "cookie": ("sid=1", "consentry-Host-sid=1", "a=1; CONSENTRY-secure-x=2"),
}
_PATHS = (
    *("/", "/app.js", "/img/a.png", "/a.png?v=2", "/app.js#part", "/__consentry/guard.js", "/__consentry"),
    *(
        "/matomo.js",
        "/stats/matomo.js",
        "/a/../b.js",
        "/m%2Ejs",
        "/x\\y",
        "/v1/t",
        "/api/event",
        "/cdn/v1/projects/K/settings",
    ),
    *("/m/x9?v=2&tid=G-ABCDEF123&cid=1.2", "/hit?idsite=1&rec=1&_id=0123456789abcdef", "/collect"),
)


@cache
def shipped() -> list[dict[str, Any]]:
    """The routes in front of a site, with all shipped rules."""
    made = configured("https://shop.example", known=read_rules(())[0].catalogue)
    found: list[dict[str, Any]] = manager(made)["route_config"]["virtual_hosts"][0]["routes"]
    return found


# So many routes come before those that look at all that may be asked about.
SHORT = 6
# What says of a page, or a sheet, that it is one.
CHANGED = {"document": ("sec-fetch-dest", "sec-fetch-mode", "accept"), "style": ("sec-fetch-dest", "accept")}


def way(said: Mapping[str, str], routes: Sequence[dict[str, Any]]) -> frozenset[str]:
    """The filters that a request passes."""
    names = ("consentry.pages", "consentry.responses", "consentry.request")
    route = next(each for each in routes if fits(each["match"], said))
    return frozenset(name for name in names if name not in route["typed_per_filter_config"])


@settings(max_examples=1500, deadline=None)
@given(
    st.sampled_from(("GET", "GET", "GET", "HEAD", "POST")),
    st.sampled_from(_PATHS),
    st.fixed_dictionaries({}, optional={name: st.sampled_from(words) for name, words in _WORDS.items()}),
)
def test_the_short_way_is_taken_only_by_what_the_long_one_would_let_pass(
    method: str, path: str, fields: dict[str, str]
) -> None:
    said = {":method": method, ":path": path, **fields}
    short = [each for each in shipped()[:SHORT] if fits(each["match"], said)]
    if not short:
        return
    kind = fields["sec-fetch-dest"]
    # Of a page or a sheet the answer is asked about: all else must be as if it were a file.
    plain = {name: value for name, value in said.items() if kind not in CHANGED or name not in CHANGED[kind]}
    if kind == "document":
        plain[":path"] = re.split(r"[?#]", path)[0]
    taken, looked_at = way(said, shipped()), way(plain, shipped()[SHORT:])
    # What is translated may be translated once too often, and not once too seldom.
    assert taken in (looked_at, looked_at | {"consentry.request"})
    assert {"if-none-match", "range"} <= {*short[0].get("request_headers_to_remove", ())} or kind not in CHANGED


@pytest.mark.parametrize(
    ("said", "straight"),
    [
        ({"sec-fetch-dest": "document", "sec-fetch-mode": "navigate", ":path": "/lamps?page=2"}, True),
        ({"sec-fetch-dest": "iframe", "sec-fetch-mode": "navigate"}, True),
        ({"sec-fetch-dest": "style", "accept": "text/css,*/*;q=0.1"}, True),
        ({"sec-fetch-dest": "style", ":path": "/app.css?ver=6"}, False),
        ({"sec-fetch-dest": "document", ":method": "POST"}, False),
        ({"sec-fetch-dest": "document", ":path": "/stats/matomo.php?idsite=1"}, False),
        ({"sec-fetch-dest": "document", ":path": "/__consentry/guard.js?v=1"}, False),
        ({"sec-fetch-dest": "document", "accept": "text/html, application/x-consentry"}, False),
        ({"sec-fetch-dest": "object"}, False),
        ({"sec-fetch-dest": "serviceworker"}, False),
        ({"accept": "text/html"}, False),
    ],
)
def test_a_plain_request_for_a_page_or_a_sheet_goes_straight_to_the_site(said: dict[str, str], straight: bool) -> None:
    request = {":method": "GET", ":path": "/lamps", "accept": "text/html", "accept-encoding": "gzip, br", **said}
    taken = way(request, shipped())
    assert taken == ({"consentry.responses"} if straight else {"consentry.pages"})


def test_every_request_for_a_page_is_asked_about_where_it_may_be_answered_otherwise() -> None:
    request = {":method": "GET", ":path": "/", "sec-fetch-dest": "document", "accept-encoding": "gzip"}
    for more in ({"straight": False}, {"live": Place(host="127.0.0.1", port=1)}):
        routes = manager(configured("https://shop.example", **more))["route_config"]["virtual_hosts"][0]["routes"]
        assert way(request, routes[1:] if "live" in more else routes) == {"consentry.pages"}


@pytest.mark.parametrize("fields", [{}, {"referer": "https://shop.example/"}, {"cookie": "consentry-Host-a=1"}])
def test_a_plain_file_takes_the_short_way_and_is_translated_where_it_has_to_be(fields: dict[str, str]) -> None:
    plain = {"sec-fetch-dest": "image", "sec-fetch-mode": "no-cors", "accept": "image/*", "accept-encoding": "gzip, br"}
    said = {":method": "GET", ":path": "/img/a.png", **plain, **fields}
    assert any(fits(each["match"], said) for each in shipped()[:SHORT])
    assert way(said, shipped()) == {"consentry.responses", *(["consentry.request"] if fields else [])}


def test_a_site_that_is_a_vendors_host_is_handed_over_as_a_whole() -> None:
    known = catalogue(vendor("acme", domains=(Domain("acme.test", "analytics"),)))
    routes = manager(configured("https://cdn.acme.test", known=known))["route_config"]["virtual_hosts"][0]["routes"]
    first = next(route for route in routes if route["match"] == {"prefix": "/"})
    assert "consentry.pages" not in first["typed_per_filter_config"]


def test_the_site_hears_how_a_browser_came_only_from_servers_that_are_trusted() -> None:
    removed = "request_headers_to_remove"
    assert removed in manager(configured("https://shop.example"))["route_config"]
    assert removed not in manager(configured("https://shop.example", keeps_forwarded=True))["route_config"]
