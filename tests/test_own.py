"""What is ours on every site: scripts, and what pages report to us. A page may say anything."""

from __future__ import annotations

import gzip
import json
from typing import Any

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.config import read_rules
from proxy_addon.consent.model import Consent
from proxy_addon.consent.platforms import compile_platforms
from proxy_addon.engine import Visit
from proxy_addon.own import (
    Event,
    Quota,
    deletions,
    is_own,
    parse_json,
    reported_consent,
    reported_rows,
    reported_violations,
)

from .test_engine import DENIED, GRANTED, PUBLIC, SHOP, TAG, World
from .test_engine import given as fields_of
from .test_visitors import Clock

BASE = "/__consentry/"
PLATFORMS = compile_platforms(read_rules(())[0].platforms)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "rows",
                    "outcome",
                    "vendor",
                    "url",
                    "type",
                    "layer",
                    "consent",
                    "categories",
                    "vendors",
                    "gpc",
                    "analytics",
                    "csp-report",
                    "blocked-uri",
                    "effective-directive",
                ]
            ),
            inner | st.sampled_from(["held", "trouble", "leak", "asked", "acme", "tags", "nobody", TAG]),
            max_size=6,
        )
    ),
    max_leaves=20,
)


def post(world: World, visit: Visit, name: str, plain: object, **fields: str) -> int:
    given = {"origin": visit.origin, "sec_fetch_site": "same-origin", **fields}
    body = json.dumps(plain).encode()
    return world.engine.own(visit, "POST", BASE + name, fields_of("", **given), body).status


def consent(granted: bool) -> dict[str, Any]:
    answers = dict.fromkeys(("functional", "analytics", "marketing"), granted)
    return {"consent": {"categories": answers, "vendors": {}, "gpc": False}}


def row(**values: object) -> dict[str, object]:
    return {"outcome": "held", "vendor": "acme", "url": TAG, "type": "script", "layer": "guard", **values}


def test_only_our_folder_is_ours() -> None:
    assert is_own("/__consentry/guard.js?v=1")
    assert not is_own("/__consentry")
    assert not is_own("/x/__consentry/guard.js")


# Scripts


@pytest.mark.parametrize("name", ["guard.js", "scope.js", "worker.js"])
def test_a_script_of_ours_is_served(name: str) -> None:
    world = World()
    answer = world.engine.own(world.reverse(), "GET", BASE + name, {}, b"")
    assert answer.status == 200
    assert ("content-type", "text/javascript; charset=utf-8") in answer.headers
    assert answer.body


def test_a_worker_that_imports_is_told_what_the_visitor_chose() -> None:
    world = World()
    for cookie, analytics in ((GRANTED, True), (DENIED, False)):
        answer = world.engine.own(world.reverse(cookie), "GET", f"{BASE}told.js", {}, b"")
        said = json.loads(answer.body.decode().partition("=")[2].rstrip(";\n"))
        assert said["categories"]["analytics"] is analytics
        assert dict(answer.headers)["cache-control"] == "no-store"


def test_the_guard_is_kept_only_under_the_name_of_its_version() -> None:
    world = World()
    for query, cached in ((f"?v={world.engine.assets.version}", True), ("?v=0", False), ("", False)):
        answer = world.engine.own(world.reverse(), "GET", f"{BASE}guard.js{query}", {}, b"")
        assert ("immutable" in dict(answer.headers)["cache-control"]) is cached


def test_a_head_request_for_a_script_gets_no_body() -> None:
    world = World()
    answer = world.engine.own(world.reverse(), "HEAD", f"{BASE}guard.js", {}, b"")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("path", ["nothing.js", "", "../guard.js", "guard.js/"])
def test_there_is_nothing_else(path: str) -> None:
    world = World()
    assert world.engine.own(world.reverse(), "GET", BASE + path, {}, b"").status == 404


# Reports


def test_what_a_page_held_is_recorded() -> None:
    world = World()
    assert post(world, world.reverse(), "report", {"rows": [row(), row(layer="worker", outcome="leak")]}) == 204
    assert world.seen() == [("guard", "held", "acme"), ("worker", "leak", "acme")]
    assert world.rows[0].rule == "tag"


def test_trouble_of_a_page_is_recorded_whatever_vendor_it_names() -> None:
    world = World()
    rows = [row(outcome="trouble", vendor=name, url="it broke") for name in ("", "acme", "nobody")]
    assert post(world, world.reverse(), "report", {"rows": rows}) == 204
    assert [each.outcome for each in world.rows] == ["trouble"] * 3


@pytest.mark.parametrize(
    "bad",
    [row(outcome="passed"), row(vendor="nobody"), row(url=1), row(type=None), row(vendor=["acme"]), {}, [], "x", None],
)
def test_a_row_that_makes_no_sense_is_left_out(bad: object) -> None:
    assert reported_rows({"rows": [bad]}, "acme".__eq__) == []
    assert len(reported_rows({"rows": [bad, row()]}, "acme".__eq__)) == 1


def test_a_report_is_bounded() -> None:
    rows = reported_rows({"rows": [row(url="x" * 99999, type="y" * 999)] * 9999}, "acme".__eq__)
    assert len(rows) == 100
    assert (len(rows[0].url), len(rows[0].type)) == (2000, 32)
    assert parse_json(b'{"a":"' + b"x" * 65536 + b'"}') is None


def test_what_a_page_reports_is_told_in_the_sites_own_addresses() -> None:
    world = World()
    rows = [row(url=f"{PUBLIC}/a.js"), row(url=f"{PUBLIC}.evil.test/a.js")]
    post(world, world.reverse(), "report", {"page": f"{PUBLIC}/cart?id=1#top", "rows": rows})
    assert [each.url for each in world.rows] == [f"{SHOP}/a.js", f"{PUBLIC}.evil.test/a.js"]
    assert {each.page for each in world.rows} == {f"{SHOP}/cart?id=…"}


@pytest.mark.parametrize("page", ["https://evil.test/", f"{PUBLIC}.evil.test/", 1, None])
def test_a_page_can_report_for_its_own_origin_only(page: object) -> None:
    world = World()
    visit = world.reverse(sec_fetch_dest="empty", referer=f"{SHOP}/seen")
    post(world, visit, "report", {"page": page, "rows": [row()]})
    assert world.rows[0].page == f"{SHOP}/seen"


def test_a_flood_of_rows_is_cut_off_and_that_is_recorded_once() -> None:
    world = World()
    for _ in range(30):
        post(world, world.reverse(), "report", {"rows": [row()] * 100})
    outcomes = [each.outcome for each in world.rows]
    assert (outcomes.count("held"), outcomes.count("trouble")) == (1000, 1)


def test_reports_of_a_browser_are_cut_off_with_those_of_its_pages() -> None:
    world = World()
    for _ in range(11):
        post(world, world.reverse(), "report", {"rows": [row()] * 100})
    world.rows.clear()
    world.engine.judge_reports(world.reverse(), csp("https://ads.test/x"))
    assert world.rows == []


ONE = ("203.0.113.7", "Firefox")


def test_a_flood_of_one_visitor_on_one_site_cuts_off_nobody_else() -> None:
    clock = Clock()
    quota = Quota(clock)
    assert quota.take(ONE, "shop.example", 999) == (999, False)
    assert quota.take(ONE, "shop.example", 1) == (1, False)
    assert quota.take(ONE, "shop.example", 1) == (0, True)
    assert quota.take(ONE, "shop.example", 1) == (0, False)
    assert quota.take(("203.0.113.8", "Firefox"), "shop.example", 2000) == (1000, True)
    clock.now = 60.0
    assert quota.take(ONE, "shop.example", 1) == (1, False)


def test_those_who_report_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy_addon.own._MOST_REPORTING", 2)
    quota = Quota(Clock())
    assert [quota.take(ONE, site, 1)[0] for site in ("a", "b", "c", "a")] == [1, 1, 0, 1]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"null", b"\xff", b"[" * 50000])
def test_what_is_no_object_is_no_report(body: bytes) -> None:
    assert parse_json(body) is None


@settings(deadline=None)
@given(JSON)
def test_any_report_is_read_without_an_error(plain: object) -> None:
    world = World()
    for name in ("report", "consent", "csp", "other"):
        post(world, world.reverse(), name, plain)
    world.engine.judge_reports(world.reverse(), json.dumps(plain).encode())
    if isinstance(plain, dict):
        reported_violations(plain)
        reported_consent(plain)


FOREIGN = [
    {"origin": "https://evil.test", "sec_fetch_site": "cross-site"},
    {"origin": "https://evil.test", "sec_fetch_site": ""},
    {"origin": "null", "sec_fetch_site": "cross-site"},
    {"origin": "null", "sec_fetch_site": ""},
    {"origin": SHOP, "sec_fetch_site": "same-site"},
]


@pytest.mark.parametrize("fields", FOREIGN, ids=lambda fields: " ".join(fields.values()))
def test_a_report_of_another_site_does_not_count(fields: dict[str, str]) -> None:
    world = World()
    assert post(world, world.reverse(), "report", {"rows": [row()]}, **fields) == 400
    assert world.rows == []


@pytest.mark.parametrize("fields", [{}, {"origin": "null"}, {"origin": ""}, {"sec_fetch_site": ""}])
def test_a_report_of_the_site_itself_counts(fields: dict[str, str]) -> None:
    world = World()
    assert post(world, world.reverse(), "report", {"rows": [row()]}, **fields) == 204


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_nothing_but_a_post_reports(method: str) -> None:
    world = World()
    assert world.engine.own(world.reverse(), method, BASE + "report", {}, b'{"rows": []}').status == 400


# Consent


def test_in_forward_mode_consent_that_a_page_reports_counts_at_once() -> None:
    world = World()
    world.page()
    visit = world.forward(f"{SHOP}{BASE}consent", sec_fetch_dest="empty", referer=f"{SHOP}/", origin=SHOP)
    assert post(world, visit, "consent", consent(True)) == 204
    assert world.tag(referer=f"{SHOP}/")[1] is None
    assert post(world, visit, "consent", consent(False)) == 204
    assert world.tag(referer=f"{SHOP}/")[1] == 200


def test_in_forward_mode_no_report_takes_gpc_back() -> None:
    world = World(ccpa=True)
    world.page(cookie="__gpp=DBABLA~CAAqAAAAAACA.YA")
    visit = world.forward(f"{SHOP}/", "__gpp=DBABLA~CAAqAAAAAACA.YA", sec_fetch_dest="empty", referer=f"{SHOP}/")
    assert visit.consent.gpc
    assert post(world, visit, "consent", consent(granted=True)) == 204
    visit, status = world.tag("https://ads.test/x.js", referer=f"{SHOP}/")
    assert (status, visit.consent.gpc) == (200, True)


def test_in_forward_mode_a_frame_of_another_site_cannot_speak_for_the_page() -> None:
    world = World()
    world.page(cookie=DENIED)
    frame = "https://frame.test"
    world.forward(f"{frame}/x", sec_fetch_dest="iframe", referer=f"{SHOP}/")
    visit = world.forward(f"{frame}{BASE}consent", sec_fetch_dest="empty", referer=f"{frame}/x", origin=frame)
    assert visit.first_party == "shop.test"
    post(world, visit, "consent", consent(True))
    assert world.tag(referer=f"{SHOP}/")[1] == 200


def test_when_consent_goes_the_cookies_of_what_is_held_go() -> None:
    world = World()
    answer = world.engine.own(
        world.reverse(),
        "POST",
        BASE + "consent",
        {"origin": SHOP, "cookie": "_acme=1; session=2"},
        json.dumps(consent(False)).encode(),
    )
    deleted = [value for name, value in answer.headers if name == "set-cookie"]
    assert deleted == ["_acme=; Max-Age=0; Path=/"]


def test_when_consent_comes_no_cookie_goes() -> None:
    world = World()
    fields = {"origin": SHOP, "cookie": "_acme=1; session=2"}
    answer = world.engine.own(world.reverse(), "POST", BASE + "consent", fields, json.dumps(consent(True)).encode())
    assert "set-cookie" not in dict(answer.headers)


def ask(world: World, cookie: str, **told: object) -> tuple[dict[str, Any], list[str]]:
    """What a page is answered that asks what its cookies mean, and the cookies set."""
    fields = {"origin": SHOP, "cookie": cookie}
    body = json.dumps({"ask": True, **told}).encode()
    answer = world.engine.own(world.reverse(), "POST", BASE + "consent", fields, body)
    assert answer.status == 200
    assert ("cache-control", "no-store") in answer.headers
    return json.loads(answer.body), [value for name, value in answer.headers if name == "set-cookie"]


def test_a_page_that_asks_is_told_what_its_cookies_mean() -> None:
    said, _ = ask(World(), "consentry=v=1&analytics=granted")
    assert said == {
        "categories": {"analytics": True},
        "vendors": {},
        "implied": {},
        "gpc": False,
        "dnt": False,
        "refused": {},
        "signal": "cookie consentry",
    }


def test_a_page_that_asks_is_told_of_do_not_track() -> None:
    world = World(dnt="deny")
    whole: tuple[dict[str, object], ...] = ({"storage": {}}, {})
    for told in whole:
        body = json.dumps({"ask": True, **told}).encode()
        answer = world.engine.own(world.reverse(), "POST", BASE + "consent", {"origin": SHOP, "dnt": "1"}, body)
        said = json.loads(answer.body)
        assert (said["dnt"], said["implied"]) == (True, {"analytics": False, "marketing": False})


def test_what_a_page_tells_of_its_storage_is_kept_for_the_next_page() -> None:
    world = World(platforms=PLATFORMS)
    kept = '{"categories":["necessary","analytics"],"services":{"analytics":[],"marketing":[]}}'
    said, cookies = ask(world, "", storage={"cc_cookie": kept})
    assert said["categories"] == {"analytics": True, "marketing": False}
    assert cookies == ["consentry-told=v=1&analytics=granted&marketing=denied; Max-Age=15552000; Path=/; SameSite=Lax"]


def test_for_a_worker_that_sees_no_storage_what_the_page_told_counts() -> None:
    said, cookies = ask(World(platforms=PLATFORMS), "consentry-told=v=1&analytics=granted")
    assert said["categories"] == {"analytics": True}
    assert not any(value.startswith("consentry-told") for value in cookies)


def test_what_is_told_no_more_is_forgotten() -> None:
    world = World(platforms=PLATFORMS)
    said, cookies = ask(world, "consentry-told=v=1&analytics=granted", storage={"cc_cookie": "{}"})
    assert said["categories"] == {}
    assert cookies == ["consentry-told=; Max-Age=0; Path=/; SameSite=Lax"]


@pytest.mark.parametrize(
    "told", [{"storage": []}, {"storage": {"cc_cookie": 1}}, {"pages": 7}, {"pages": {"osano": []}}]
)
def test_a_page_may_tell_anything(told: dict[str, object]) -> None:
    said, _ = ask(World(platforms=PLATFORMS), "", **told)
    assert said["categories"] == {}


def test_when_a_page_asks_the_cookies_of_what_is_held_go() -> None:
    assert "_acme=; Max-Age=0; Path=/" in ask(World(), f"_acme=1; {DENIED}")[1]


def test_a_cookie_is_deleted_at_every_domain_it_could_sit_on() -> None:
    values = [value for _, value in deletions(["a"], "www.shop.test")]
    assert values == [
        "a=; Max-Age=0; Path=/",
        "a=; Max-Age=0; Path=/; Domain=www.shop.test",
        "a=; Max-Age=0; Path=/; Domain=shop.test",
    ]


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"consent": 1},
        {"consent": {}},
        {"consent": {"categories": [], "vendors": {}}},
        {"consent": {"categories": {}, "vendors": {str(n): True for n in range(1001)}}},
    ],
)
def test_consent_that_makes_no_sense_is_none(plain: dict[str, Any]) -> None:
    assert reported_consent(plain) is None


def test_of_reported_consent_only_answers_to_known_questions_count() -> None:
    said = reported_consent(
        {
            "consent": {
                "categories": {"analytics": True, "necessary": False, "marketing": "yes"},
                "vendors": {"acme": False},
            }
        }
    )
    assert said == Consent({"analytics": True}, {"acme": False}, signal="the page", note="reported by the page")


@pytest.mark.parametrize(
    ("refused", "read"),
    [
        ({"acme": ["marketing", "necessary", 7]}, {"acme": frozenset({"marketing"})}),
        ({"acme": "marketing"}, {}),
        (["acme"], {}),
    ],
)
def test_a_page_may_report_in_what_a_vendor_is_refused(refused: object, read: dict[str, frozenset[str]]) -> None:
    said = reported_consent({"consent": {"categories": {}, "vendors": {}, "refused": refused}})
    assert said is not None
    assert said.refused == read


# Leaks


def csp(url: object) -> bytes:
    return json.dumps({"csp-report": {"blocked-uri": url, "effective-directive": "script-src-elem"}}).encode()


def test_what_a_browser_asked_for_though_it_should_be_held_is_a_leak() -> None:
    world = World()
    world.engine.judge_reports(world.reverse(), csp(TAG))
    (found,) = world.rows
    assert (found.layer, found.outcome, found.vendor, found.type) == ("csp-report", "leak", "acme", "script-src-elem")


def test_what_one_visitor_held_is_a_leak_of_another() -> None:
    world = World()
    post(world, world.reverse(), "report", {"rows": [row()]})
    world.rows.clear()
    world.engine.judge_reports(world.reverse(user_agent="B/2"), csp(TAG))
    assert world.seen() == [("csp-report", "leak", "acme")]


def test_what_a_page_held_is_no_leak() -> None:
    world = World()
    post(world, world.reverse(), "report", {"rows": [row()]})
    world.rows.clear()
    world.engine.judge_reports(world.reverse(), csp(TAG))
    assert world.rows == []


@pytest.mark.parametrize("url", ["https://cdn.test/x", "https://acme.test/help/x", "inline", "data", "", None, 1])
def test_what_is_nobodys_or_no_address_is_no_leak(url: object) -> None:
    world = World()
    world.engine.judge_reports(world.reverse(), csp(url))
    assert world.rows == []


def test_of_an_origin_alone_a_leak_is_told_only_where_nothing_is_exempt() -> None:
    world = World()
    world.engine.judge_reports(world.reverse(), csp("https://acme.test"))
    assert world.rows == []
    world.engine.judge_reports(world.reverse(), csp("https://cdn.acme.test"))
    assert world.seen() == [("csp-report", "leak", "acme")]


def test_with_consent_nothing_leaks() -> None:
    world = World()
    world.engine.judge_reports(world.reverse(GRANTED), csp(TAG))
    assert world.rows == []


# How our scripts are sent


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip, deflate, br, zstd", "br"), ("gzip;q=1.0", "gzip"), ("br;q=0, gzip", "gzip"), ("", None), ("zstd", None)],
)
@pytest.mark.parametrize("name", ["guard", "worker"])
def test_a_script_comes_in_a_coding_that_the_browser_takes(name: str, accepted: str, coding: str | None) -> None:
    world = World()
    path = f"{BASE}{name}.js?v={world.engine.assets.version}"
    plain = world.engine.own(world.reverse(), "GET", path, {}, b"")
    answer = world.engine.own(world.reverse(), "GET", path, {"accept-encoding": accepted}, b"")
    assert dict(answer.headers).get("content-encoding") == coding
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding]
    assert unpack(answer.body) == plain.body
    assert coding is None or len(answer.body) < len(plain.body) / 2
    assert dict(answer.headers).get("vary") == ("accept-encoding" if coding else None)


# Events that a page filtered


EVENT = {"kind": "track", "title": "Order", "kept": ["Mixpanel"], "off": ["Ads", 7], "site": []}


def test_a_filtered_event_is_taken_with_the_names_that_are_names() -> None:
    (found,) = reported_rows({"rows": [row(outcome="filtered", event=EVENT)]}, "acme".__eq__)
    assert found.event == Event("track", "Order", ("Mixpanel",), ("Ads",), ())


@pytest.mark.parametrize("event", [None, 7, [], "x"])
def test_a_filtered_row_without_an_event_is_left_out(event: object) -> None:
    assert reported_rows({"rows": [row(outcome="filtered", event=event)]}, "acme".__eq__) == []


def test_an_event_of_no_known_destinations_says_so() -> None:
    (found,) = reported_rows({"rows": [row(outcome="filtered", event={"kept": None, "title": 5})]}, "acme".__eq__)
    assert found.event == Event("", "", None, (), ())


def test_an_event_that_says_too_much_is_cut() -> None:
    huge = {"kind": "x" * 9999, "title": "a@b.c " * 999, "kept": ["y" * 9999] * 9999, "off": [], "site": []}
    (found,) = reported_rows({"rows": [row(outcome="filtered", event=huge)]}, "acme".__eq__)
    assert found.event is not None
    assert found.event.kept is not None
    assert (len(found.event.kind), len(found.event.kept), len(found.event.kept[0])) == (60, 200, 120)
    assert "a@b.c" not in found.event.title
    # What is no filtered event brings none.
    (plain,) = reported_rows({"rows": [row(event=EVENT)]}, "acme".__eq__)
    assert plain.event is None


# What a page asks of the catalogue


def test_a_page_is_told_the_rules_of_a_host_and_keeps_them_while_the_version_lasts() -> None:
    world = World()
    for version, cached in ((world.engine.assets.version, True), ("0", False)):
        answer = world.engine.own(world.reverse(), "GET", f"{BASE}table?v={version}&host=cdn.acme.test", {}, b"")
        fields = dict(answer.headers)
        assert (answer.status, fields["content-type"]) == (200, "application/json")
        assert fields["access-control-allow-origin"] == "*", "a document of no origin asks too"
        assert ("immutable" in fields["cache-control"]) is cached
        told = json.loads(answer.body)
        assert list(told["vendors"]) == ["acme"]
        assert "acme.test" in told["domains"]


def test_what_a_page_asks_about_and_nobody_knows_is_answered_with_nothing() -> None:
    world = World()
    for query in (
        "&host=nobody.test",
        "&host=",
        "",
        "&other=x",
        "&host=" + "x" * 300,
        "&vendor=constructor",
        "&cookie=%00",
    ):
        answer = world.engine.own(world.reverse(), "GET", f"{BASE}table?v=1{query}", {}, b"")
        assert (answer.status, json.loads(answer.body)) == (200, {"vendors": {}})


def test_a_vendors_code_comes_with_its_rules_and_alone() -> None:
    world = World()
    told = world.engine.own(world.reverse(), "GET", f"{BASE}table?v=1&vendor=acme", {}, b"")
    assert "window.acme" in json.loads(told.body)["code"]
    alone = world.engine.own(world.reverse(), "GET", f"{BASE}code.js?v=1&vendor=acme", {}, b"").body.decode()
    assert alone.startswith("document.currentScript.dispatchEvent(")
    assert "window.acme" in alone
    worker = world.engine.own(world.reverse(), "GET", f"{BASE}table.js?v=1&vendor=acme", {}, b"").body.decode()
    assert worker.startswith("self.__consentryTable={")


def test_the_guard_brings_the_rules_of_vendors_that_the_sites_pages_have_met() -> None:
    world = World()
    visit = world.reverse()
    before = world.engine.assets.guard_path(world.engine.met.of(visit.first_party))
    world.engine.own(visit, "GET", f"{BASE}table?v=1&host=cdn.acme.test", {}, b"")
    after = world.engine.assets.guard_path(world.engine.met.of(visit.first_party))
    assert before != after
    for path, cached, brings in ((after, True, True), (before, False, True)):
        answer = world.engine.own(visit, "GET", path, {}, b"")
        assert ("immutable" in dict(answer.headers)["cache-control"]) is cached
        assert (b"window.acme" in answer.body) is brings
