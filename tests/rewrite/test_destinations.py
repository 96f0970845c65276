"""A router's settings and events lose what is refused, and nothing else."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.catalogue.load import load
from proxy_addon.consent.model import CATEGORIES, Consent
from proxy_addon.rewrite.destinations import (
    MOST_BYTES,
    Filter,
    Sent,
    fits,
    key_of,
    listed_in,
    pack,
    shown,
    unpack,
)
from tests.small import CCPA, GDPR

from .routers import VECTORS, filter_of, relay, roster
from .test_jsontext import TEXTS, pairs

ROUTER = roster().router
EVENTS = ROUTER.events
CHOICES = st.fixed_dictionaries({}, optional={name: st.booleans() for name in CATEGORIES})
NAMES = st.sampled_from(
    ["Ads", "Ads (Actions)", "Chat", "Meter", "Actions Meter", "Tally", "Pixels", "Relay", "All", "Secret"]
)
ACTIVE = st.none() | st.sets(NAMES.filter(lambda name: name not in ("All", "Relay")))
SWITCHES = st.dictionaries(NAMES, st.booleans() | st.just({"option": 1}), max_size=6)
MEMBERS = st.dictionaries(
    st.text(max_size=8).filter(lambda name: name not in ("batch", "context", "integrations")), TEXTS, max_size=4
)


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_a_case_comes_out_as_said(case: dict[str, Any]) -> None:
    wanted, filtering = case["expect"], filter_of(case)
    if "settings" in case:
        found = filtering.settings(case["settings"])
        plain: Any = found and {"text": found.text, "active": sorted(found.active), "refused": list(found.refused)}
    elif "event" in case:
        body = filtering.event(case["event"], case["active"])
        plain = body and {"text": body.text, "events": [_plain(each) for each in body.events]}
    else:
        names = listed_in(ROUTER, case["listing"])
        plain = None if names is None else sorted(names)
    assert plain == wanted


def _plain(sent: Sent) -> dict[str, Any]:
    return {
        "kind": sent.kind,
        "title": sent.title,
        "kept": None if sent.kept is None else list(sent.kept),
        "off": [name for name, why in sent.off if why != "by the site"],
        "site": [name for name, why in sent.off if why == "by the site"],
    }


def a_filter(categories: dict[str, bool], **parts: Any) -> Filter:
    return Filter(roster(), Consent(categories, **parts), GDPR)


def of(name: str, members: dict[str, str]) -> str:
    return (
        "{" + ",".join(f"{json.dumps(each)}:{text}" for each, text in [*members.items()]) + f",{name}}}"
        if members
        else f"{{{name}}}"
    )


# What holds of every event


@given(CHOICES, ACTIVE, SWITCHES, MEMBERS)
def test_an_event_keeps_every_member_but_switches_and_preferences(
    said: dict[str, bool], active: set[str] | None, switches: dict[str, Any], members: dict[str, str]
) -> None:
    text = of(f'"type":"track","integrations":{json.dumps(switches)}', members)
    body = a_filter(said).event(text, active)
    assert body is not None
    assert _others(body.text) == _others(text)


@given(CHOICES, ACTIVE, SWITCHES)
def test_nothing_refused_is_on_and_nothing_off_is_turned_on(
    said: dict[str, bool], active: set[str] | None, switches: dict[str, Any]
) -> None:
    filtering = a_filter(said)
    body = filtering.event(json.dumps({"type": "track", "integrations": switches}), active)
    assert body is not None
    after = json.loads(body.text).get("integrations", {})
    for name in {*after, *(active or ())} - {"All", "Relay"}:
        if not filtering.allows(name):
            assert after.get(name, after.get("All", True)) is False
    for name, value in switches.items():
        if value is False:
            assert after[name] is False
        elif name == "Relay" or (name != "All" and filtering.allows(name)):
            assert after[name] == value
    if switches.get("All") is False:
        assert not [name for name, value in after.items() if value is True and name not in switches]
    # What is in no list is refused while anything is.
    assert filtering.allows_unlisted or after["All"] is False


@given(CHOICES, ACTIVE, SWITCHES, SWITCHES)
def test_each_event_of_a_batch_is_filtered_as_it_would_be_alone(
    said: dict[str, bool], active: set[str] | None, first: dict[str, Any], second: dict[str, Any]
) -> None:
    events = [{"type": "track", "integrations": each} for each in (first, second)]
    batch = a_filter(said).event(json.dumps({"batch": events, "writeKey": "K"}), active)
    alone = [a_filter(said).event(json.dumps(each), active) for each in events]
    assert batch is not None
    assert json.loads(batch.text) == {"batch": [json.loads(each.text) for each in alone if each], "writeKey": "K"}


@given(CHOICES, ACTIVE, SWITCHES)
def test_what_was_filtered_is_filtered_already(
    said: dict[str, bool], active: set[str] | None, switches: dict[str, Any]
) -> None:
    once = a_filter(said).event(json.dumps({"type": "track", "integrations": switches}), active)
    assert once is not None
    again = a_filter(said).event(once.text, active)
    assert again is not None
    assert again.text == once.text


@given(CHOICES, st.sets(NAMES), MEMBERS)
def test_settings_keep_every_member_but_what_is_refused(
    said: dict[str, bool], names: set[str], members: dict[str, str]
) -> None:
    filtering = a_filter(said)
    members = {name: text for name, text in members.items() if name != "plugins"}
    text = of(f'"integrations":{json.dumps({name: {"n": 1.5} for name in sorted(names)})}', members)
    found = filtering.settings(text)
    assert found is not None
    before, after = (dict(pairs(each)[1]) for each in (text, found.text))
    assert after.pop("integrations")[1] == [each for each in before.pop("integrations")[1] if filtering.allows(each[0])]
    assert after == before
    assert found.active == names - {"Relay"}


@given(st.text(max_size=60) | TEXTS, CHOICES)
def test_any_text_is_filtered_or_refused(text: str, said: dict[str, bool]) -> None:
    filtering = a_filter(said)
    assert filtering.event(text, None) is None or json.loads(text)
    assert filtering.settings(text) is None or json.loads(text) is not None
    listed_in(ROUTER, text)
    key_of(ROUTER, text)
    fits(ROUTER.shape, "/sources/K/settings", text)


@settings(max_examples=200)
@given(st.data(), CHOICES)
def test_what_is_cut_off_is_refused(data: st.DataObject, said: dict[str, bool]) -> None:
    text = json.dumps({"type": "track", "integrations": {"Ads": True}, "context": {"ip": "x"}})
    assert a_filter(said).event(text[: data.draw(st.integers(0, len(text) - 1))], None) is None


def _others(text: str) -> list[Any]:
    return [each for each in pairs(text)[1] if each[0] not in ("integrations", "context")]


# What is large, deep or hostile


def test_settings_of_five_megabytes_are_filtered() -> None:
    filler = json.dumps({f"plan {index}": {"enabled": True, "integrations": {}} for index in range(100_000)})
    text = f'{{"plan":{filler},"integrations":{{"Ads":{{}},"Tally":{{"a":1.0}}}}}}'
    assert len(text) > 5_000_000
    found = a_filter({"analytics": True, "functional": True, "marketing": False}).settings(text)
    assert found is not None
    assert found.text == text.replace('"Ads":{},', "")


def test_an_event_of_five_megabytes_is_filtered() -> None:
    text = f'{{"type":"track","properties":{{"long":"{"x" * 5_000_000}"}},"integrations":{{"Ads":true}}}}'
    body = a_filter({"analytics": True}).event(text, {"Ads"})
    assert body is not None
    assert len(body.text) > 5_000_000
    assert json.loads(body.text)["integrations"]["Ads"] is False


@pytest.mark.parametrize("text", ['{"type":"track","x":"' + "y" * MOST_BYTES + '"}', " " * (MOST_BYTES + 1)])
def test_what_is_longer_than_anyone_sends_is_refused(text: str) -> None:
    assert a_filter({}).event(text, None) is None
    assert a_filter({}).settings(text) is None
    assert listed_in(ROUTER, text) is None


def test_more_switches_than_anyone_has_are_refused() -> None:
    switches = ",".join(f'"n{index}":true' for index in range(30_000))
    assert a_filter({}).event(f'{{"type":"track","integrations":{{{switches}}}}}', None) is None


# Bodies


@pytest.mark.parametrize(
    ("data", "encodings"),
    [
        (b"{}", ()),
        (gzip.compress(b"{}", mtime=0), ("gzip",)),
        (gzip.compress(b"{}"), ()),
        (zlib.compress(b"{}"), ("deflate",)),
        (brotli.compress(b"{}"), ("br",)),  # type: ignore[no-untyped-call]
        (brotli.compress(gzip.compress(b"{}")), ("gzip", "br")),  # type: ignore[no-untyped-call]
    ],
    ids=["plain", "gzip", "gzip without a word", "deflate", "brotli", "two"],
)
def test_a_body_comes_out_of_its_codings_and_goes_into_them_again(data: bytes, encodings: tuple[str, ...]) -> None:
    unpacked = unpack(data, encodings)
    assert unpacked is not None
    text, codings = unpacked
    assert text == "{}"
    assert unpack(pack('{"a":"é"}', codings), encodings) == ('{"a":"é"}', codings)


@pytest.mark.parametrize(
    ("data", "encodings"),
    [
        (b"{}", ("gzip",)),
        (b"\x1f\x8bnothing", ()),
        (b'{"a":"\xff"}', ()),
        ("{}".encode("utf-16"), ()),
        (gzip.compress(b" " * (MOST_BYTES + 1)), ("gzip",)),
        (gzip.compress(gzip.compress(b" " * (MOST_BYTES + 1))), ("gzip", "gzip")),
    ],
    ids=["not gzip", "broken gzip", "not UTF-8", "UTF-16", "a bomb", "a bomb in a bomb"],
)
def test_a_body_that_cannot_be_read_is_refused(data: bytes, encodings: tuple[str, ...]) -> None:
    assert unpack(data, encodings) is None


# Rosters, keys and shapes


def test_a_site_has_its_own_categories_for_a_destination_by_any_of_its_names() -> None:
    said = roster({"Ads (Actions)": "functional", "Home Brew": "analytics"})
    assert said.find("Ads").categories == ("functional",)
    assert said.find("Home Brew").categories == ("analytics",)
    assert said.own == {"Ads": "functional", "Ads (Actions)": "functional", "Home Brew": "analytics"}


def test_a_destination_in_no_list_needs_every_category() -> None:
    assert roster().find("Secret").categories == CATEGORIES
    assert not roster().find("Secret").listed


@pytest.mark.parametrize(
    ("active", "needed"),
    [
        (None, CATEGORIES),
        ((), ()),
        (("Tally",), ("analytics",)),
        (("Pixels", "Chat", "Ads"), ("functional", "marketing")),
        (("Tally", "Secret"), CATEGORIES),
    ],
)
def test_what_is_active_says_what_is_needed(active: tuple[str, ...] | None, needed: tuple[str, ...]) -> None:
    assert roster().needs(active) == needed


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("https://cdn.relay.test/js/K123/relay.js", "K123"),
        ("https://cdn.relay.test/sources/K123/settings?x=1", "K123"),
        ("relay.load('K123');", "K123"),
        ("https://cdn.relay.test/js/../relay.js", None),
        ("relay.load(key)", None),
        ("", None),
    ],
)
def test_a_key_is_found_in_urls_and_scripts(text: str, key: str | None) -> None:
    assert roster().key_in(text) == key


@pytest.mark.parametrize(
    ("body", "key"), [('{"writeKey":"K1"}', "K1"), ('{"writeKey":1}', None), ("{}", None), ("[]", None), ("x", None)]
)
def test_a_key_is_found_in_a_body(body: str, key: str | None) -> None:
    assert key_of(ROUTER, body) == key


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("/proxy/t", '{"writeKey":"K","type":"track"}', True),
        ("/proxy/t", None, True),
        ("/proxy/t", '{"type":"track"}', False),
        ("/proxy/t", "writeKey", False),
        ("/proxy/that", '{"writeKey":"K"}', False),
        ("/proxy/t/", '{"writeKey":"K"}', False),
    ],
)
def test_a_body_on_any_host_is_known_by_its_shape(path: str, text: str | None, wanted: bool) -> None:
    assert fits(EVENTS.shape, path, text) is wanted


def test_without_a_shape_nothing_fits() -> None:
    assert not fits(None, "/t", "{}")


# Words


def test_an_event_is_told_in_words() -> None:
    body = a_filter({"analytics": True, "functional": True, "marketing": False}, signal="cookie x").event(
        '{"type":"track","event":"Order Completed","userId":"jane","properties":{"total":3}}', {"Meter", "Ads", "Tally"}
    )
    assert body is not None
    assert body.events[0].words() == (
        "track 'Order Completed' → kept: Meter, Tally; switched off: Ads (marketing is denied (cookie x))"
    )


def test_an_event_without_known_destinations_says_so() -> None:
    body = a_filter({"analytics": True}).event('{"messageId":"1"}', None)
    assert body is not None
    assert body.events[0].words() == "event → kept: whatever is allowed; what is connected is not known"


def test_words_of_many_destinations_are_few() -> None:
    sent = Sent("track", "", tuple(f"n{index}" for index in range(1000)), ())
    assert sent.words().endswith("n49 and 950 more")


@pytest.mark.parametrize(
    ("title", "seen"),
    [
        ("Order Completed", "Order Completed"),
        ("to jane@example.com", "to …"),
        ("call 004912345678", "call …"),
        ("a\x1b[31mb\n", "a [31mb "),
        ("x" * 100, "x" * 59 + "…"),
    ],
)
def test_a_title_is_shown_without_what_may_be_personal(title: str, seen: str) -> None:
    assert shown(title) == seen


def test_where_all_is_allowed_only_by_silence_nothing_is_told() -> None:
    text = '{"type":"track"}'
    body = Filter(roster(), Consent(), CCPA).event(text, None)
    assert body is not None
    assert body.text == text


def test_everything_is_allowed_only_if_no_vendor_is_refused() -> None:
    everything = dict.fromkeys(CATEGORIES, True)
    assert a_filter(everything).allows_all
    assert not a_filter(everything, vendors={"meter": False}).allows_all
    assert not a_filter({**everything, "marketing": False}).allows_all


# The shipped router


def test_the_shipped_routers_have_destinations() -> None:
    catalogue = load()
    for vendor in catalogue.vendors.values():
        if vendor.router is not None:
            assert len(catalogue.destinations[vendor.vendor]) >= 150


def test_the_invented_router_loads_beside_the_shipped_ones() -> None:
    assert {"relay", "segment"} <= set(relay().destinations)
