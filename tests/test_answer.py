"""What is answered in place of a vendor."""

from __future__ import annotations

import pytest

from proxy_addon.answer import Answer, answer_for, destination
from proxy_addon.catalogue.model import Domain, Match, RequestRule

from .small import catalogue, vendor

CATALOGUE = catalogue(
    vendor(
        "acme",
        domains=(Domain("acme.test", "analytics"),),
        surrogate="acme.js",
        requests=(
            RequestRule("script", "script", "acme.test", "/tag", ""),
            RequestRule("forms", "script", "acme.test", "/forms", "", surrogate="forms.js"),
            RequestRule("settings", "settings", "acme.test", "/settings/*", ""),
            RequestRule("pixel", "pixel", "acme.test", "/p", ""),
        ),
    ),
    acme="window.acme = {};",
    forms="/* forms */",
)


def matched(path: str) -> Match:
    match = CATALOGUE.match(f"https://acme.test{path}")
    assert match is not None
    return match


def answered(path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
    return answer_for(CATALOGUE, matched(path), method, headers or {}, path)


def field(answer: Answer, name: str) -> str | None:
    values = [value for key, value in answer.headers if key == name]
    assert len(values) <= 1, f"{name} stands twice"
    return values[0] if values else None


@pytest.mark.parametrize(
    ("headers", "path", "expected"),
    [
        ({"sec-fetch-dest": "script"}, "/x.gif", "script"),
        ({"sec-fetch-dest": "Image"}, "/x", "image"),
        ({"sec-fetch-dest": "empty", "accept": "text/html"}, "/x", "empty"),
        ({"sec-fetch-dest": "empty", "sec-fetch-mode": "navigate"}, "/x", "document"),
        ({"sec-fetch-dest": "iframe", "sec-fetch-mode": "navigate"}, "/x", "iframe"),
        ({"accept": "text/html,*/*;q=0.8"}, "/x.js", "document"),
        ({"accept": "text/css,*/*;q=0.1"}, "/x", "style"),
        ({"accept": "image/avif,image/webp,*/*"}, "/x", "image"),
        ({"accept": "*/*"}, "/x.js", "script"),
        ({"accept": "*/*"}, "/x.js?v=1.2", "script"),
        ({"accept": "*/*"}, "/x.gif?u=https://shop.test/a.b", "image"),
        ({}, "/x.GIF", "image"),
        ({}, "/x.woff2", "font"),
        ({}, "/x", "empty"),
        ({}, "/x.js/collect", "empty"),
        ({}, "", "empty"),
    ],
)
def test_what_a_request_is_for_is_read_from_the_browser_or_guessed(
    headers: dict[str, str], path: str, expected: str
) -> None:
    assert destination(headers, path) == expected


def test_a_script_is_answered_with_the_vendors_surrogate() -> None:
    answer = answered("/tag", {"sec-fetch-dest": "script"})
    assert (answer.status, answer.body) == (200, b"window.acme = {};")
    assert field(answer, "content-type") == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("headers", [{"accept": "*/*"}, {}])
def test_a_script_is_answered_with_the_surrogate_where_the_browser_does_not_say_what_it_is_for(
    headers: dict[str, str],
) -> None:
    """Browsers send Sec-Fetch-Dest to https:// only."""
    assert answered("/tag", headers).body == b"window.acme = {};"
    assert answered("/tag?id=1", headers).body == b"window.acme = {};"


def test_a_rule_with_a_surrogate_of_its_own_is_answered_with_that() -> None:
    assert answered("/forms", {"sec-fetch-dest": "script"}).body == b"/* forms */"


def test_a_script_without_a_surrogate_is_answered_with_a_comment() -> None:
    assert answered("/other.js", {"sec-fetch-dest": "script"}).body == b"/* held by Consentry */"


@pytest.mark.parametrize(
    ("wanted", "kind", "beginning"),
    [
        ("image", "image/gif", b"GIF89a"),
        ("style", "text/css; charset=utf-8", b"/*"),
        ("iframe", "text/html; charset=utf-8", b"<!doctype html>"),
        ("document", "text/html; charset=utf-8", b"<!doctype html>"),
        ("worker", "text/javascript; charset=utf-8", b"/*"),
    ],
)
def test_an_answer_is_of_the_type_that_was_asked_for(wanted: str, kind: str, beginning: bytes) -> None:
    answer = answered("/p", {"sec-fetch-dest": wanted})
    assert (answer.status, field(answer, "content-type")) == (200, kind)
    assert answer.body.startswith(beginning)


@pytest.mark.parametrize("wanted", ["empty", "font", "video", "audio", "track", "manifest", "report", "novel"])
def test_anything_else_is_answered_with_nothing(wanted: str) -> None:
    answer = answered("/p", {"sec-fetch-dest": wanted})
    assert (answer.status, answer.body, field(answer, "content-type")) == (204, b"", None)


def test_a_fetch_of_data_gets_no_script() -> None:
    assert answered("/settings/x.json", {"sec-fetch-dest": "empty"}).status == 204


def test_a_head_request_gets_the_fields_and_no_body() -> None:
    answer = answered("/tag", {"sec-fetch-dest": "script"}, "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert field(answer, "content-type") == "text/javascript; charset=utf-8"


def test_a_held_answer_says_so_and_is_never_cached() -> None:
    answer = answered("/p")
    assert field(answer, "x-consentry") == "held; vendor=acme"
    assert field(answer, "cache-control") == "no-store"
    assert field(answer, "cross-origin-resource-policy") == "cross-origin"


def test_any_origin_may_read_it() -> None:
    assert field(answered("/p"), "access-control-allow-origin") == "*"
    answer = answered("/p", {"origin": "https://shop.test"})
    assert field(answer, "access-control-allow-origin") == "https://shop.test"
    assert field(answer, "access-control-allow-credentials") == "true"
    assert field(answer, "vary") == "origin"


def test_a_preflight_is_granted_what_it_asks_for() -> None:
    answer = answered(
        "/p",
        {
            "origin": "null",
            "access-control-request-method": "PUT",
            "access-control-request-headers": "authorization, x-y",
            "access-control-request-private-network": "true",
        },
        "OPTIONS",
    )
    assert (answer.status, answer.body) == (204, b"")
    assert field(answer, "access-control-allow-origin") == "null"
    assert field(answer, "access-control-allow-methods") == "PUT"
    assert field(answer, "access-control-allow-headers") == "authorization, x-y"
    assert field(answer, "access-control-allow-private-network") == "true"


def test_a_web_socket_is_refused() -> None:
    answer = answered("/p", {"upgrade": "WebSocket", "connection": "upgrade"})
    assert (answer.status, answer.body) == (403, b"")
