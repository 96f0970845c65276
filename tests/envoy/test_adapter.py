"""What Envoy does with what it does not hand over, and what becomes of what it does: over real sockets."""

from __future__ import annotations

import gzip
import json
import socket
from pathlib import Path

import pytest

from tests.kit.client import TIMEOUT, fetch
from tests.kit.messages import Request, Response
from tests.kit.proxy import ENVOY, Proxy, behind
from tests.kit.server import Server
from tests.kit.site import Site
from tests.rewrite.routers import RELAY

SCRIPT = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
GRANTED = "consentry=v=1&functional=granted&analytics=granted&marketing=granted"
PAGE = f'<!doctype html><title>shop</title><script src="{SCRIPT}"></script>'.encode()
ASSET = {"Sec-Fetch-Dest": "image"}


@pytest.fixture
def public(proxy: Proxy) -> str:
    """The origin under which the browser reaches the site."""
    return f"http://localhost:{proxy.port}"


@pytest.mark.parametrize("destination", ["image", "document"])
def test_a_request_says_in_the_sites_own_words_where_it_comes_from(
    site: Site, proxy: Proxy, upstream: Server, public: str, destination: str
) -> None:
    site.page("/where", b"here", "text/plain")
    said = {
        "Origin": public,
        "Referer": f"{public}/page?q=1",
        "Cookie": "a=1; consentry-Host-sid=2; CONSENTRY-secure-x=3; consentry-hostess=4",
        "Sec-Fetch-Dest": destination,
    }
    fetch(f"{public}/where", said)
    asked = site.requests("/where")[-1]
    assert asked.header("origin") == upstream.url
    assert asked.header("referer") == f"{upstream.url}/page?q=1"
    assert asked.header("cookie").lower() == "a=1; __host-sid=2; __secure-x=3; consentry-hostess=4"
    assert asked.header("host") == upstream.url.partition("://")[2]


@pytest.mark.parametrize("destination", ["image", "document"])
def test_another_sites_origin_that_begins_alike_stays_what_it_is(
    site: Site, proxy: Proxy, public: str, destination: str
) -> None:
    site.page("/alike", b"here", "text/plain")
    # Cut short, its port is another one.
    said = {"Origin": public[:-1], "Referer": public[:-1] + "/page", "Sec-Fetch-Dest": destination}
    fetch(f"{public}/alike", said)
    asked = site.requests("/alike")[-1]
    assert (asked.header("origin"), asked.header("referer")) == (public[:-1], public[:-1] + "/page")
    fetch(f"{public}/alike", {**said, "Origin": public + "0"})
    assert site.requests("/alike")[-1].header("origin") == public + "0"


def test_the_site_is_told_nothing_that_the_browser_did_not_say(site: Site, public: str) -> None:
    site.page("/told", b"here", "text/plain")
    fetch(f"{public}/told", ASSET)
    names = {name for name, _ in site.requests("/told")[-1].headers}
    assert not {name for name in names if name.startswith("x-")}


def test_a_files_redirect_stays_here_and_its_cookies_wait_for_consent(
    site: Site, upstream: Server, public: str
) -> None:
    fields = [
        ("location", f"{upstream.url}/there"),
        ("set-cookie", "ajs_anonymous_id=1; Path=/"),
        ("set-cookie", "sid=1; Path=/; Secure"),
        ("strict-transport-security", "max-age=31536000"),
    ]
    site.route("/moved", lambda request: Response(b"", fields, 302))
    held = fetch(f"{public}/moved", ASSET)
    assert (held.status, held.header("location")) == (302, f"{public}/there")
    assert held.all("set-cookie") == ["sid=1; Path=/"]
    assert held.header("strict-transport-security") is None
    granted = fetch(f"{public}/moved", {**ASSET, "Cookie": GRANTED})
    assert [each.partition("=")[0] for each in granted.all("set-cookie")] == ["ajs_anonymous_id", "sid"]


def test_promises_about_the_sites_own_address_are_dropped_from_every_file(site: Site, public: str) -> None:
    fields = [("strict-transport-security", "max-age=31536000"), ("alt-svc", 'h3=":443"'), ("etag", '"1"')]
    site.route("/plain.js", lambda request: Response(b"1", [("content-type", "text/javascript"), *fields]))
    answer = fetch(f"{public}/plain.js", {"Sec-Fetch-Dest": "script"})
    assert (answer.header("strict-transport-security"), answer.header("alt-svc")) == (None, None)
    assert (answer.body, answer.header("etag")) == (b"1", '"1"')


def test_a_fragment_that_a_script_fetches_is_held_too(site: Site, public: str) -> None:
    site.page("/part", f'<p>news</p><script src="{SCRIPT}"></script>'.encode(), "text/html")
    asked = {"Sec-Fetch-Dest": "empty", "Accept": "*/*"}
    assert "text/x-consentry" in fetch(f"{public}/part", asked).text
    assert "text/x-consentry" not in fetch(f"{public}/part", {**asked, "Cookie": GRANTED}).text


def test_a_worker_script_that_is_empty_gets_what_goes_before_it(site: Site, public: str) -> None:
    site.page("/worker.js", b"", "text/javascript")
    answer = fetch(f"{public}/worker.js", {"Sec-Fetch-Dest": "worker"})
    assert (answer.status, b"consentry" in answer.body) == (200, True)
    assert answer.header("content-length") in (None, str(len(answer.body)))


def test_a_page_with_its_length_and_one_in_pieces_are_the_same(site: Site, public: str) -> None:
    site.page("/whole", PAGE)
    site.route("/pieces", lambda request: Response(iter([PAGE[:30], PAGE[30:]]), [("content-type", "text/html")]))
    whole, pieces = (fetch(f"{public}{path}", {"Accept": "text/html"}) for path in ("/whole", "/pieces"))
    assert b"text/x-consentry" in whole.body
    assert whole.body == pieces.body


def test_a_page_that_inflates_a_thousandfold_arrives_whole(site: Site, public: str) -> None:
    text = PAGE + b"<p>" + b"x" * 8_000_000
    fields = [("content-type", "text/html"), ("content-encoding", "gzip")]
    site.route("/large", lambda request: Response(gzip.compress(text), fields))
    answer = fetch(f"{public}/large", {"Accept": "text/html", "Accept-Encoding": "gzip"})
    assert answer.status == 200
    assert answer.text.endswith("x" * 1000)
    assert answer.text.count("x" * 8_000_000) == 1


def test_what_is_ours_is_answered_and_never_reaches_the_site(site: Site, public: str) -> None:
    answer = fetch(f"{public}/__consentry/worker.js")
    assert (answer.status, answer.header("content-type")) == (200, "text/javascript; charset=utf-8")
    assert fetch(f"{public}/__consentry/worker.js", method="HEAD").body == b""
    assert fetch(f"{public}/__consentry/nothing").status == 404
    assert site.requests("/__consentry/worker.js") == []


def test_what_a_page_reports_is_recorded_and_too_much_of_it_refused(site: Site, proxy: Proxy, public: str) -> None:
    row = {"outcome": "held", "vendor": "segment", "url": SCRIPT, "type": "script", "layer": "guard"}
    body = json.dumps({"rows": [row], "page": f"{public}/shop"}).encode()
    fields = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    since = proxy.mark()
    assert fetch(f"{public}/__consentry/report", fields, method="POST", body=body).status == 204
    found = proxy.wait_for_verdict(lambda verdict: verdict.layer == "guard", since)
    assert (found.vendor, found.url) == ("segment", SCRIPT)
    assert fetch(f"{public}/__consentry/report", fields, method="POST", body=b"x" * 70_000).status == 413


def test_a_vendors_path_on_the_sites_own_host_is_held_before_the_site_is_asked(site: Site, public: str) -> None:
    site.page("/stats/matomo.js", b"track()", "text/javascript")
    held = fetch(f"{public}/stats/matomo.js", {"Sec-Fetch-Dest": "script"})
    assert (held.header("x-consentry") or "").startswith("held")
    assert site.requests("/stats/matomo.js") == []
    granted = fetch(f"{public}/stats/matomo.js", {"Sec-Fetch-Dest": "script", "Cookie": GRANTED})
    assert granted.body == b"track()"


def test_a_routers_settings_and_events_are_filtered_on_the_sites_own_host(folder: Path) -> None:
    site = Site()
    seen: list[Request] = []

    def event(request: Request) -> Response:
        seen.append(request)
        return Response(b"{}", [("content-type", "application/json")])

    says = b'{"integrations":{"Relay":{"apiKey":"K1"},"Ads":{"n":1.0},"Tally":{"n":1}}}'
    site.page("/sources/K1/settings", says, "application/json")
    site.route("/v1/t", event)
    upstream = Server(site)
    analytics = "consentry=v=1&functional=denied&analytics=granted&marketing=denied"
    with behind(ENVOY), Proxy(upstream.url, "--rules", str(RELAY), folder=folder) as proxy:
        asked = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin", "Cookie": analytics}
        settings = fetch(f"{proxy.url}/sources/K1/settings", asked)
        assert "Ads" not in json.loads(settings.body)["integrations"]
        assert "Tally" in json.loads(settings.body)["integrations"]
        body = json.dumps({"writeKey": "K1", "type": "track", "event": "Order Completed"}).encode()
        sent = {**asked, "Content-Type": "application/json", "Digest": "sha-256=x"}
        assert fetch(f"{proxy.url}/v1/t", sent, method="POST", body=body).status == 200
    upstream.close()
    (arrived,) = seen
    plain = json.loads(arrived.body)
    assert plain["event"] == "Order Completed"
    # Only what may have it is named.
    assert plain["integrations"]["All"] is False
    assert "Ads" not in plain["integrations"]
    assert arrived.length == len(arrived.body)
    assert arrived.header("digest") == ""


def test_what_a_vendor_is_sent_under_an_address_of_the_sites_own_is_held(site: Site, public: str) -> None:
    site.route("/api/event", lambda _: Response(b"ok", [("content-type", "text/plain")]))
    site.page("/m/x9", b"ok", "text/plain")
    asked = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}
    hit = {"n": "pageview", "u": "https://shop.example/", "d": "shop.example"}
    for body in (json.dumps(hit).encode(), b'{"name": "the site\'s own"}'):
        fetch(f"{public}/api/event", {**asked, "Content-Type": "text/plain"}, method="POST", body=body)
    for query in ("v=2&tid=G-ABCDEF123&cid=1.2", "v=2"):
        fetch(f"{public}/m/x9?{query}", asked)
    assert [each.body for each in site.requests("/api/event")] == [b'{"name": "the site\'s own"}']
    assert len(site.requests("/m/x9")) == 1


def test_what_does_not_say_its_length_is_looked_into_up_to_a_bound(site: Site, public: str, proxy: Proxy) -> None:
    site.route("/api/event", lambda _: Response(b"ok", [("content-type", "text/plain")]))
    asked = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin", "Content-Type": "text/plain"}
    before = len(site.requests("/api/event"))
    hit = [b'{"n": "pageview", "u": "https://shop.example/",', b' "d": "shop.example"}']
    own, piece = b'{"name": "the site\'s own"}', b" " * 65_536
    answer = fetch(f"{public}/api/event", asked, method="POST", body=hit)
    assert (answer.header("x-consentry") or "").startswith("held")
    for body in ([own], [own, *[piece] * 140]):
        assert fetch(f"{public}/api/event", asked, method="POST", body=body).body == b"ok"
    arrived = [each.length for each in site.requests("/api/event")[before:]]
    assert arrived == [len(own), len(own) + 140 * len(piece)]
    # With trailers, which say where it ends.
    for whole, status in ((own, b" 200 "), (b"".join(hit), b" 204 ")):
        fields = "".join(f"{name}: {value}\r\n" for name, value in asked.items())
        head = f"POST /api/event HTTP/1.1\r\nHost: localhost:{proxy.port}\r\n{fields}Transfer-Encoding: chunked\r\n"
        with socket.create_connection(("localhost", proxy.port), timeout=TIMEOUT) as connection:
            chunk = b"%x\r\n%b\r\n" % (len(whole), whole)
            connection.sendall(head.encode() + b"Trailer: x-sum\r\n\r\n" + chunk + b"0\r\nx-sum: 1\r\n\r\n")
            assert status in connection.recv(100)
    assert len(site.requests("/api/event")) == before + 3


def test_the_short_way_of_a_plain_file_lets_nothing_by(site: Site, public: str) -> None:
    plain = {"Sec-Fetch-Mode": "no-cors", "Accept": "*/*", "Accept-Encoding": "gzip, deflate, br, zstd"}
    script, empty = {**plain, "Sec-Fetch-Dest": "script"}, {**plain, "Sec-Fetch-Dest": "empty"}
    fields = [("set-cookie", "ajs_anonymous_id=1; Path=/"), ("set-cookie", "sid=1; Path=/")]
    site.route("/own.js", lambda _: Response(b"own()", [("content-type", "text/javascript"), *fields]))
    answer = fetch(f"{public}/own.js", script)
    assert (answer.body, answer.all("set-cookie")) == (b"own()", ["sid=1; Path=/"])
    site.page("/news", f'<p>news</p><script src="{SCRIPT}"></script>'.encode(), "text/html")
    assert "text/x-consentry" in fetch(f"{public}/news", empty).text
    for path in ("/lib/matomo.js", "/x/../lib/matomo.js"):
        site.page(path, b"track()", "text/javascript")
        assert (fetch(f"{public}{path}", script).header("x-consentry") or "").startswith("held"), path
        assert site.requests(path) == []
    site.page("/m/x8", b"ok", "text/plain")
    fetch(f"{public}/m/x8?v=2&tid=G-ABCDEF123&cid=1.2", empty)
    assert site.requests("/m/x8") == []
    assert fetch(f"{public}/__consentry/worker.js", script).header("content-type") == "text/javascript; charset=utf-8"
    site.page("/where2", b"here", "text/plain")
    fetch(f"{public}/where2", {**script, "Referer": f"{public}/page", "Cookie": "consentry-Host-sid=2"})
    asked = site.requests("/where2")[-1]
    assert (asked.header("referer").startswith(public), asked.header("cookie")) == (False, "__Host-sid=2")
