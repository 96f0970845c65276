"""Who may see the dashboard and steer with it, and who may not."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping

import pytest

from proxy_addon.config import UsageError
from proxy_addon.dashboard.access import Keys, TooManyError, check_bounds, is_loopback
from proxy_addon.dashboard.server import Address, Server, parse_address
from tests.kit.client import Answer, fetch

from .world import WHO, World, world

TOKEN = "correct-horse-battery-staple"
ACCEPT = {"visitor": WHO.visitor, "preset": "gpc-on"}


@pytest.fixture(scope="module")
def open_one() -> Iterator[World]:
    """One on loopback, which needs no token."""
    with world() as made:
        made.visit()
        yield made


@pytest.fixture
def closed() -> Iterator[World]:
    """One that asks for a token."""
    with world(TOKEN) as made:
        made.visit()
        yield made


def login(made: World, token: str) -> Answer:
    headers = {"Origin": made.url, "Content-Type": "application/x-www-form-urlencoded"}
    return fetch(made.url + "/login", headers, method="POST", body=f"token={token}".encode())


def session(answer: Answer) -> str:
    return (answer.header("set-cookie") or "").partition(";")[0]


# Names and origins


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_it_answers_under_loopbacks_names(open_one: World, name: str) -> None:
    port = open_one.host.rpartition(":")[2]
    assert open_one.get("/", {"Host": f"{name}:{port}"}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8079",
        "127.0.0.1.evil.example:8079",
        "localhost@evil.example",
        "localhost:1:2",
        "x",
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/events", "/static/live.js", "/api/rows"])
def test_a_name_that_was_pointed_at_this_machine_is_refused(open_one: World, host: str, path: str) -> None:
    answer = open_one.get(path, {"Host": host})
    assert answer.status == 421
    assert "127.0.0.1" in answer.text


def test_its_own_page_may_change_something(open_one: World) -> None:
    assert open_one.post(ACCEPT).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ""},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:8080"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"x-consentry-csrf": ""},
        {"x-consentry-csrf": "guessed"},
        {"x-consentry-csrf": "gu\xe9ssed"},
    ],
)
def test_another_origin_changes_nothing(open_one: World, headers: Mapping[str, str]) -> None:
    before = len(open_one.pretended)
    assert open_one.post(ACCEPT, headers).status == 403
    assert len(open_one.pretended) == before


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_another_origins_scripts_may_not_even_ask(open_one: World, site: str) -> None:
    asked = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
    for path in ("/api/rows", "/api/events", "/static/live.js", "/"):
        assert open_one.get(path, asked).status == 403


def test_a_link_from_elsewhere_leads_to_a_page(open_one: World) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert open_one.get("/", followed).status == 200


@pytest.mark.parametrize("dest", ["iframe", "frame", "embed", "object"])
def test_it_is_framed_by_nobody(open_one: World, dest: str) -> None:
    framed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": dest}
    assert open_one.get("/", framed).status == 403
    assert "frame-ancestors 'none'" in (open_one.get("/").header("content-security-policy") or "")


@pytest.mark.parametrize("path", ["/", "/consent", "/vendors", "/vendors/acme", "/site", "/static/live.js", "/nowhere"])
def test_every_answer_has_a_strict_policy(open_one: World, path: str) -> None:
    answer = open_one.get(path)
    policy = answer.header("content-security-policy") or ""
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("access-control-allow-origin") is None
    assert answer.header("cache-control") is not None


@pytest.mark.parametrize("path", ["/", "/consent", "/vendors", "/vendors/acme", "/site", "/login"])
def test_no_page_has_code_or_styles_in_it(open_one: World, path: str) -> None:
    text = open_one.get(path).text
    assert re.findall(r"<script(?![^>]*(?:\bsrc=|type=\"application/json\"))", text) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", text) == []


# Sizes


def test_a_body_that_is_too_long_is_refused(open_one: World) -> None:
    assert open_one.post({"visitor": "x" * 20_000}).status == 413


def test_a_body_without_a_length_is_cut_off(open_one: World) -> None:
    headers = {"Origin": open_one.url, "x-consentry-csrf": open_one.csrf()}
    pieces = (b"x" * 1000 for _ in range(50))
    assert fetch(open_one.url + "/api/consent", headers, method="POST", body=pieces).status == 413


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "x", "\uff11"])
def test_a_length_that_makes_no_sense_is_refused(open_one: World, length: str) -> None:
    with socket.create_connection((open_one.host.split(":")[0], int(open_one.host.split(":")[1])), timeout=10) as raw:
        raw.sendall(f"POST /api/consent HTTP/1.1\r\nHost: {open_one.host}\r\nContent-Length: {length}\r\n\r\n".encode())
        assert raw.recv(100).split()[1] in (b"400", b"413")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"[" * 16000, b'{"visitor": {}}', b"\xff"])
def test_a_body_that_makes_no_sense_changes_nothing(open_one: World, body: bytes) -> None:
    headers = {"Origin": open_one.url, "x-consentry-csrf": open_one.csrf()}
    assert fetch(open_one.url + "/api/consent", headers, method="POST", body=body).status == 404


# The door of the proxied pages


def test_browsers_do_not_reach_the_door_of_the_proxy(open_one: World) -> None:
    ticket = open_one.server.ticket(WHO)
    assert open_one.get("/inside/live", {"x-consentry-ticket": ticket}).status == 404


def test_the_door_of_the_proxy_leads_to_nothing_else(open_one: World) -> None:
    host, port = open_one.server.inside
    for path in ("/", "/api/rows", "/consent"):
        assert fetch(f"http://{host}:{port}{path}").status == 404


def test_a_ticket_is_good_once(open_one: World) -> None:
    host, port = open_one.server.inside
    for ticket in ("", "guessed"):
        assert fetch(f"http://{host}:{port}/inside/live", {"x-consentry-ticket": ticket}).status == 204


# The token


def test_without_a_session_there_is_only_the_way_in(closed: World) -> None:
    for path in ("/", "/consent", "/vendors", "/site"):
        answer = closed.get(path)
        assert (answer.status, answer.header("location")) == (303, "/login")
    assert closed.get("/api/rows").status == 401
    assert closed.get("/login").status == 200
    assert closed.get("/static/dashboard.css").status == 200


def test_the_token_opens_a_session(closed: World) -> None:
    cookie = session(login(closed, TOKEN))
    assert closed.get("/", {"Cookie": f"other=1; {cookie}; more=2"}).status == 200
    assert closed.post(ACCEPT, {"Cookie": cookie}).status == 200


def test_the_session_is_kept_from_scripts_and_other_sites(closed: World) -> None:
    said = (login(closed, TOKEN).header("set-cookie") or "").lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert TOKEN not in said


def test_a_wrong_token_opens_nothing(closed: World) -> None:
    answer = login(closed, "wrong")
    assert (answer.status, answer.header("set-cookie")) == (303, None)
    assert "not the token" in closed.get("/login?wrong").text
    assert closed.get("/", {"Cookie": "consentry-dashboard=guessed"}).status == 303


def test_the_address_that_is_printed_opens_one_session_and_then_no_more(closed: World) -> None:
    printed = closed.server.url
    assert TOKEN not in printed
    code = printed.partition("?")[2]
    first = closed.get(f"/?{code}")
    assert (first.status, first.header("refresh")) == (200, "0;url=/")
    assert closed.get("/", {"Cookie": session(first)}).status == 200
    assert closed.get(f"/?{code}").header("set-cookie") is None


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "/%0d%0aset-cookie:x=1", "/ü"])
def test_a_way_in_leads_nowhere_else(closed: World, path: str) -> None:
    answer = closed.get(f"{path.replace('ü', '%C3%BC')}?token={TOKEN}")
    assert (answer.header("refresh") or "").startswith("0;url=/")
    assert not (answer.header("refresh") or "").startswith("0;url=//")
    assert len(answer.all("set-cookie")) == 1


def test_tokens_can_not_be_tried_for_long(closed: World) -> None:
    statuses = [login(closed, f"wrong-{number}").status for number in range(12)]
    assert statuses[-1] == 429
    assert login(closed, TOKEN).status == 429


def test_after_a_minute_tokens_can_be_tried_again() -> None:
    now = [0.0]
    keys = Keys(TOKEN, lambda: now[0])
    for _ in range(10):
        assert keys.enter("wrong") is None
    with pytest.raises(TooManyError):
        keys.enter(TOKEN)
    now[0] = 61.0
    assert keys.enter(TOKEN) is not None


def test_a_session_ends() -> None:
    now = [0.0]
    keys = Keys(TOKEN, lambda: now[0])
    cookie = f"consentry-dashboard={keys.enter(TOKEN)}"
    assert keys.knows(cookie)
    now[0] = 13 * 3600.0
    assert not keys.knows(cookie)


# Where it listens


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "shop.example"])
def test_it_is_not_open_to_others_without_a_token(host: str) -> None:
    with pytest.raises(UsageError, match="CONSENTRY_DASHBOARD_TOKEN"):
        check_bounds(host, "")
    check_bounds(host, TOKEN)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
def test_on_loopback_no_token_is_needed(host: str) -> None:
    assert is_loopback(host)
    check_bounds(host, "")


@pytest.mark.parametrize("token", ["short", "ü" * 20, "a" * 15 + "\n"])
def test_a_token_that_is_too_weak_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match="too weak"):
        check_bounds("127.0.0.1", token)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("8079", "127.0.0.1", 8079), ("0.0.0.0:1", "0.0.0.0", 1), ("[::1]:2", "::1", 2), ("localhost:3", "localhost", 3)],
)
def test_an_address_is_read(text: str, host: str, port: int) -> None:
    assert parse_address(text) == Address(host, port, chosen=True)


@pytest.mark.parametrize("text", ["x", "1:x", "65536", "-1", "127.0.0.1", "\uff11"])
def test_an_address_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="PORT"):
        parse_address(text)


def test_a_port_that_was_named_and_is_taken_ends_the_start_with_a_sentence(open_one: World) -> None:
    port = int(open_one.host.rpartition(":")[2])
    with pytest.raises(UsageError, match=f"{port}: another program uses it; choose another port with --dashboard"):
        Server(Address("127.0.0.1", port, chosen=True), "", lambda _: None)


def test_a_port_that_nobody_named_may_be_another(open_one: World) -> None:
    port = int(open_one.host.rpartition(":")[2])
    server = Server(Address("127.0.0.1", port), "", lambda _: None)
    try:
        assert not server.url.endswith(f":{port}/")
    finally:
        server.stop()


def test_once_it_has_stopped_nothing_answers() -> None:
    with world() as made:
        url = made.url
        with made.stream() as events:
            assert next(events)[0] == "picture"
            made.server.stop()
    with pytest.raises(ConnectionError):
        fetch(url)
