"""Scripts as files: libraries in them, containers of tag managers, and addresses."""

from __future__ import annotations

import json

from proxy_addon.catalogue.load import load
from proxy_addon.consent.model import Consent
from proxy_addon.inspect.har import look_at_har
from proxy_addon.inspect.page import look_at_page
from proxy_addon.inspect.script import look_at_script
from proxy_addon.inspect.sighting import Spotter
from proxy_addon.policy import decide
from tests.small import GDPR
from tests.test_containers import LOADER, container

CATALOGUE = load()
BUNDLE = "!function(){var t=1;e.name='javascript_native_web'}();\n" * 2


def spotter() -> Spotter:
    return Spotter(CATALOGUE, lambda match: decide(match, Consent(), GDPR), "https://www.shop.example/")


def seen(script: str) -> list[tuple[str, str, str, str]]:
    found = spotter()
    look_at_script(script, found)
    return [(each.match.vendor, each.what, str(each.place), each.place.path) for each in found.sightings]


def test_a_container_is_read_for_what_it_will_load() -> None:
    text = container(
        {"function": "__googtag", "vtp_tagId": "G-ABCDE12345", "tag_id": 1},
        {"function": "__gaawe", "vtp_eventName": "order", "tag_id": 2},
        {"function": "__html", "vtp_html": LOADER, "tag_id": 3},
        {"function": "__img", "vtp_url": "https://px.ads.linkedin.com/collect/?pid=1&fmt=gif", "tag_id": 4},
        {"function": "__twitter_website_tag", "tag_id": 5},
    )
    assert [(vendor, what, where) for vendor, what, where, _ in seen(text)] == [
        ("google-analytics", "script", "GTM-SHOP123, tag 1 (googtag)"),
        ("google-analytics", "tag", "GTM-SHOP123, tag 2 (gaawe)"),
        ("hotjar", "inline script", "GTM-SHOP123, tag 3 (html)"),
        ("linkedin-insight-tag", "image", "GTM-SHOP123, tag 4 (img)"),
        ("x-ads", "tag", "GTM-SHOP123, tag 5 (twitter_website_tag)"),
    ]


def test_what_nobody_knows_in_a_container_is_named() -> None:
    found = spotter()
    look_at_script(
        container({"function": "__odd", "tag_id": 1}, {"function": "__img", "vtp_url": "https://px.other.example/p"}),
        found,
    )
    assert found.look("gtm.js", "").strangers == (("template odd", 1), ("px.other.example", 1))


def test_a_library_in_a_script_is_named_with_its_place() -> None:
    assert seen("// shop\n" + BUNDLE) == [("countly", "bundled SDK", "2:29", "")]


def test_a_library_in_an_inline_script_is_found_as_well() -> None:
    found = spotter()
    look_at_page(f"<!doctype html><script>{BUNDLE}</script>", found)
    assert [(each.match.vendor, each.what) for each in found.sightings] == [("countly", "bundled SDK")]


def test_addresses_and_snippets_in_a_script_are_found_though_they_are_escaped() -> None:
    assert ("hotjar", "script", "1:1", "") in seen(json.dumps(LOADER).replace("/", "\\/"))
    assert seen('load("https:\\/\\/connect.facebook.net\\/en_US\\/fbevents.js")')[-1][:2] == ("meta-pixel", "address")


def test_a_har_tells_of_scripts_and_of_what_was_sent() -> None:
    def entry(url: str, kind: str, text: str, sent: str = "") -> dict[str, object]:
        request = {"method": "POST", "url": url, "postData": {"text": sent}} if sent else {"method": "GET", "url": url}
        return {"request": request, "response": {"content": {"mimeType": kind, "text": text}}}

    entries = [
        entry("https://www.shop.example/", "text/html", "<!doctype html>"),
        entry("https://www.shop.example/app.js", "text/javascript", BUNDLE),
        entry(
            "https://www.shop.example/api/hello",
            "text/plain",
            "ok",
            '{"n":"pageview","v":36,"u":"https://www.shop.example/","d":"shop.example","r":null}',
        ),
    ]
    found = spotter()
    look_at_har(json.dumps({"log": {"entries": entries}}), found)
    assert [(each.match.vendor, each.match.rule, str(each.place)) for each in found.sightings] == [
        ("countly", "bundle", "entry 1"),
        ("plausible", "hidden-event-anywhere", "entry 2"),
    ]
