"""A look at a HAR: requests, cookies, and the pages in it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from proxy_addon.consent.model import Consent
from proxy_addon.inspect.har import HarError, look_at_har
from proxy_addon.inspect.sighting import Look, Spotter
from proxy_addon.policy import decide
from tests.inspect.test_page import shipped
from tests.small import GDPR

PAGE = "<title>Shop</title><script src='https://static.hotjar.com/c/hotjar-1.js'></script>"


def entry(url: str, kind: str = "", **answer: Any) -> dict[str, Any]:
    return {"_resourceType": kind, "request": {"method": "GET", "url": url}, "response": answer}


def look(*entries: object) -> Look:
    spotter = Spotter(shipped(), lambda match: decide(match, Consent(), GDPR), None)
    page = look_at_har(json.dumps({"log": {"version": "1.2", "entries": entries}}), spotter)
    return spotter.look("a.har", page)


def seen(found: Look) -> list[tuple[str, str, str]]:
    return [(each.match.vendor, each.what, str(each.place)) for each in found.sightings]


def test_requests_cookies_and_pages_are_seen() -> None:
    found = look(
        entry("https://www.shop.example/", "document", content={"mimeType": "text/html; charset=utf-8", "text": PAGE}),
        entry(
            "https://www.facebook.com/tr?id=1&ev=PageView",
            "image",
            headers=[{"name": "Set-Cookie", "value": "fr=1; Path=/"}],
        ),
        entry("https://cdn.other.example/x.css", "stylesheet"),
    )
    assert found.page == "https://www.shop.example/"
    assert seen(found) == [
        ("hotjar", "script", "1:20"),
        ("meta-pixel", "image", "entry 1"),
        ("meta-pixel", "cookie", "entry 1"),
    ]
    assert found.strangers == (("cdn.other.example", 1),)


def test_a_page_packed_in_base64_is_unpacked() -> None:
    text = base64.b64encode(PAGE.encode()).decode()
    found = look(
        entry("https://www.shop.example/", content={"mimeType": "text/html", "text": text, "encoding": "base64"})
    )
    assert seen(found) == [("hotjar", "script", "1:20")]


def test_a_vendor_on_its_own_site_is_allowed() -> None:
    found = look(entry("https://www.hotjar.com/"), entry("https://static.hotjar.com/c/hotjar-1.js", "script"))
    assert not any(each.verdict.blocks for each in found.sightings)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        {},
        {"request": None},
        {"request": {"url": 7}},
        {"request": {"url": "chrome://x"}},
        {"request": {"url": "https://a.example/"}, "response": "no"},
        {"request": {"url": "https://a.example/"}, "response": {"content": {"mimeType": "text/html", "text": 5}}},
        {"request": {"url": "https://a.example/"}, "response": {"headers": [None, {}], "cookies": {"a": 1}}},
        {
            "request": {"url": "https://a.example/"},
            "response": {"content": {"mimeType": "text/html", "text": "?", "encoding": "base64"}},
        },
    ],
    ids=range(10),
)
def test_an_odd_entry_is_passed_over(odd: object) -> None:
    assert look(odd, entry("https://static.hotjar.com/c/hotjar-1.js", "script")).sightings


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"log": {}}', '{"log": {"entries": 3}}', "[" * 100_000], ids=range(6)
)
def test_what_is_no_har_is_said_to_be_none(text: str) -> None:
    with pytest.raises(HarError, match="no list of entries"):
        look_at_har(text, Spotter(shipped(), lambda match: decide(match, Consent(), GDPR), None))
