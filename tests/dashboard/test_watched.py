"""What the engine tells whoever watches it, and how it treats a browser that passes for another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from mitmproxy.http import Headers

from proxy_addon.config import Site
from proxy_addon.consent.model import Consent
from proxy_addon.engine import Engine, Visit
from proxy_addon.ledger import Evidence
from proxy_addon.watch import Cookie, Who, cookie_set, duration
from tests.small import CCPA

from .world import catalogue

SHOP, PUBLIC, ADDRESS = "https://shop.test", "http://localhost:8080", "10.0.0.1"
GRANTED = "consentry=v=1&functional=granted&analytics=granted&marketing=granted"
SAME = {"sec-fetch-site": "same-origin"}
DOCUMENT = {"sec-fetch-dest": "document", "accept": "text/html"}


class World:
    """An engine, and all that its watcher was told."""

    def __init__(self, mode: str = "enforce") -> None:
        self.rows: list[Evidence] = []
        self.pages: list[tuple[str, str]] = []
        self.consents: list[Consent] = []
        self.orders: list[int] = []
        self.names: list[Cookie] = []
        self.hosts: list[tuple[str, str, str]] = []
        self.pretending: list[tuple[str, bool]] = []
        site = Site(mode, CCPA, None, strict_labels=False)
        self.engine = Engine(catalogue(), site, {}, self, watcher=self, clock=lambda: 7.0)

    def record(self, evidence: Evidence) -> None:
        self.rows.append(evidence)

    def page(self, who: Who, url: str, consent: Consent, time: float) -> None:
        self.pages.append((who.visitor, url))

    def consent(self, who: Who, consent: Consent, time: float, order: int = 0) -> None:
        self.consents.append(consent)
        self.orders.append(order)

    def done(self, visitor: str, order: int) -> None:
        self.orders.append(order)

    def cookies(self, who: Who, seen: tuple[Cookie, ...], time: float) -> None:
        self.names += seen

    def host(self, who: Who, host: str, page: str, kind: str, time: float) -> None:
        self.hosts.append((host, page, kind))

    def pretends(self, visitor: str, gpc: bool) -> None:
        self.pretending.append((visitor, gpc))

    def counts(self, who: Who, page: str) -> Mapping[str, object]:
        return {"page": page}

    def reverse(self, path: str = "/page", **fields: str) -> Visit:
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        return self.engine.visit_reverse(SHOP, PUBLIC, SHOP + path, {**DOCUMENT, **given}, address=ADDRESS)

    def forward(self, url: str, **fields: str) -> Visit:
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        return self.engine.visit_forward(ADDRESS, url, url.split("/")[2], given)

    def respond(self, visit: Visit, *fields: tuple[bytes, bytes], url: str = f"{SHOP}/page", **request: str) -> Headers:
        headers = Headers([(b"content-type", b"text/html"), *fields])
        asked = {**DOCUMENT, **{name.replace("_", "-"): value for name, value in request.items()}}
        self.engine.response(visit, "GET", url, 200, request=asked, headers=headers, recode=False)
        return headers

    def post(self, visit: Visit, plain: object, path: str = "live", **fields: str) -> tuple[int, Any]:
        given = {**SAME, **{name.replace("_", "-"): value for name, value in fields.items()}}
        answer = self.engine.own(visit, "POST", f"/__consentry/{path}", given, json.dumps(plain).encode())
        return answer.status, json.loads(answer.body) if answer.body else None


# Pages, choices, cookies


@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_a_document_is_a_page_and_its_query_values_are_not_told(mode: str) -> None:
    world = World(mode)
    visit = world.reverse("/page?mail=me@x.test")
    world.respond(visit, url=f"{SHOP}/page?mail=me@x.test")
    assert [url for _, url in world.pages] == [f"{SHOP}/page?mail=…"]


@pytest.mark.parametrize("dest", ["iframe", "script", "image", "empty"])
def test_what_is_no_document_is_no_page(dest: str) -> None:
    world = World()
    world.respond(world.reverse(), sec_fetch_dest=dest)
    assert world.pages == []


def test_a_page_and_its_rows_name_the_same_visitor() -> None:
    world = World()
    visit = world.forward("https://shop.test/", sec_fetch_dest="document")
    world.respond(visit, url="https://shop.test/")
    world.engine.request(
        world.forward("https://acme.test/x", referer="https://shop.test/"), "GET", "https://acme.test/x", "/x", {}
    )
    assert {row.visitor for row in world.rows} == {visitor for visitor, _ in world.pages}


def test_a_choice_is_told_with_the_signal_that_it_was_read_from() -> None:
    world = World()
    said = {"categories": dict.fromkeys(("functional", "analytics", "marketing"), True), "vendors": {}, "gpc": False}
    world.post(world.reverse(cookie=GRANTED), {"consent": said}, "consent", cookie=GRANTED)
    assert [(each.signal, each.words()) for each in world.consents] == [
        ("cookie consentry", "functional granted, analytics granted, marketing granted")
    ]


@pytest.mark.parametrize(("said", "order"), [(7, 7), ("7", 0), (None, 0), (True, 0), ([7], 0)])
def test_a_choice_that_was_ordered_names_the_order(said: object, order: int) -> None:
    world = World()
    consent = {"categories": {"analytics": True}, "vendors": {}, "order": said}
    world.post(world.reverse(), {"consent": consent}, "consent")
    assert world.orders == [order]


@pytest.mark.parametrize(("said", "told"), [(7, [7]), ("7", []), (True, []), (None, [])])
def test_a_page_says_what_it_has_done(said: object, told: list[int]) -> None:
    world = World()
    world.post(world.reverse(), {"done": said})
    assert world.orders == told


def test_cookies_are_told_by_name_and_lifetime_and_never_by_value() -> None:
    world = World()
    visit = world.reverse(cookie="basket=secret; consentry-dashboard=secret")
    world.respond(
        visit, (b"set-cookie", b"id=secret; Max-Age=86400"), cookie="basket=secret; consentry-dashboard=secret"
    )
    assert {(each.name, each.lifetime) for each in world.names} == {("basket", ""), ("id", "1 day")}
    assert "secret" not in repr(world.names)


def test_a_cookie_that_is_withheld_was_not_set() -> None:
    world = World()
    world.respond(world.reverse(sec_gpc="1", cookie="consentry=v=1&analytics=denied"), (b"set-cookie", b"_acme_1=x"))
    assert world.names == []


@pytest.mark.parametrize(
    ("field", "lifetime"),
    [
        ("a=1", "Session"),
        ("a=1; Max-Age=31536000", "1 year"),
        ("a=1; Max-Age=15552000", "6 months"),
        ("a=1; Max-Age=1800", "30 minutes"),
        ("a=1; Max-Age=5", "Less than a minute"),
        ("a=1; Expires=Fri, 02 Jan 1970 00:00:07 GMT", "1 day"),
        ("a=1; Max-Age=x; Expires=never", "Session"),
        ("a=1; Max-Age=99999999999999999999", "3168808781156 years"),
    ],
)
def test_a_lifetime_is_told_in_words(field: str, lifetime: str) -> None:
    found = cookie_set(field, "shop.test", 7.0)
    assert found is not None
    assert found.lifetime.rpartition(" ")[2] == lifetime.rpartition(" ")[2]
    if "9999" not in field:
        assert found.lifetime == lifetime


@pytest.mark.parametrize(
    "field", ["a=1; Max-Age=0", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "=x", "", "consentry-dashboard=x"]
)
def test_what_takes_a_cookie_away_or_names_none_sets_none(field: str) -> None:
    assert cookie_set(field, "shop.test", 7.0) is None


def test_a_session_is_a_session() -> None:
    assert duration(None) == "Session"


# Hosts that nobody has catalogued


def test_a_forward_proxy_sees_which_unknown_hosts_a_page_asks() -> None:
    world = World()
    world.forward("https://shop.test/", sec_fetch_dest="document")
    for url in ("https://cdn.other.test/x.js", "https://acme.test/x.js", "https://img.shop.test/x.png"):
        visit = world.forward(url, sec_fetch_dest="script", referer="https://shop.test/")
        world.engine.request(visit, "GET", url, "/x.js", {"sec-fetch-dest": "script"})
    assert world.hosts == [("cdn.other.test", "https://shop.test/", "script")]


def test_going_to_another_site_is_no_unknown_host() -> None:
    world = World()
    world.forward("https://shop.test/", sec_fetch_dest="document")
    visit = world.forward("https://other.test/", sec_fetch_dest="document", referer="https://shop.test/")
    world.engine.request(visit, "GET", "https://other.test/", "/", {"sec-fetch-dest": "document"})
    assert world.hosts == []


def test_in_reverse_mode_the_page_names_them() -> None:
    world = World()
    hosts = [["cdn.other.test", "script"], ["acme.test", "img"], ["shop.test", "img"], ["localhost", "img"]]
    status, _ = world.post(world.reverse(), {"page": f"{PUBLIC}/page", "hosts": hosts})
    assert status == 204
    assert world.hosts == [("cdn.other.test", f"{SHOP}/page", "script")]


def test_a_leak_report_names_them_too() -> None:
    world = World()
    report = {"csp-report": {"blocked-uri": "https://cdn.other.test/x.js", "effective-directive": "script-src-elem"}}
    world.engine.judge_reports(world.reverse(), json.dumps(report).encode())
    assert [(host, kind) for host, _, kind in world.hosts] == [("cdn.other.test", "script-src-elem")]


@pytest.mark.parametrize(
    "hosts",
    [
        None,
        "x",
        [1],
        [["a"]],
        [["a.test"]],
        [["<script>", "x"]],
        [["a b.test", "x"]],
        [["a.test", 1]],
        [["x" * 300 + ".test", "x"]],
    ],
)
def test_what_a_page_makes_up_is_left_out(hosts: object) -> None:
    world = World()
    assert world.post(world.reverse(), {"hosts": hosts})[0] == 204
    assert world.hosts == []


def test_a_page_that_names_too_many_is_cut_off() -> None:
    world = World()
    for number in range(30):
        world.post(world.reverse(), {"hosts": [[f"h{number}-{index}.other.test", "img"] for index in range(90)]})
    assert len(world.hosts) == 1000
    assert [row.outcome for row in world.rows] == ["trouble"]


def test_only_the_sites_own_pages_are_heard() -> None:
    world = World()
    answer = world.engine.own(
        world.reverse(), "POST", "/__consentry/live", {"sec-fetch-site": "cross-site"}, b'{"hosts": [["a.test", "x"]]}'
    )
    assert (answer.status, world.hosts) == (400, [])


# Pages that listen


def test_a_page_of_the_site_may_listen_and_nobody_else() -> None:
    world = World()
    listener = world.engine.listener
    live = "/__consentry/live"
    assert listener(world.reverse(), "GET", live, SAME) is not None
    assert listener(world.reverse(), "GET", live, {"sec-fetch-site": "cross-site"}) is None
    assert listener(world.reverse(), "POST", live, SAME) is None
    assert listener(world.reverse(), "GET", "/__consentry/guard.js", SAME) is None


def test_a_frame_of_another_site_does_not_listen() -> None:
    world = World()
    world.forward("https://shop.test/", sec_fetch_dest="document")
    framed = world.forward(
        "https://other.test/__consentry/live", referer="https://shop.test/", sec_fetch_site="same-origin"
    )
    assert framed.first_party == "shop.test"
    assert world.engine.listener(framed, "GET", "/__consentry/live", SAME) is None


def test_a_badge_is_told_what_it_shows() -> None:
    world = World()
    answer = world.post(world.reverse(), {"page": f"{PUBLIC}/page?a=1", "counts": True})
    assert answer == (200, {"page": f"{SHOP}/page?a=…"})


def test_the_channel_is_in_the_guard_only_where_somebody_watches() -> None:
    assert "pretend" in World().engine.assets.guard()
    site = Site("enforce", CCPA, None, strict_labels=False)
    assert "pretend" not in Engine(catalogue(), site, {}, World()).assets.guard()


# A browser that passes for one that sends GPC


def test_who_passes_for_sending_gpc_is_judged_so_and_the_site_hears_it() -> None:
    world = World()
    visit = world.reverse()
    assert not visit.consent.gpc
    world.engine.pretend(visit.client, visit.first_party, True)
    again = world.reverse()
    assert again.consent.gpc
    headers = Headers([(b"cookie", b"a=1")])
    world.engine.prepare_request(again, "GET", f"{SHOP}/page", headers, {"cookie": "a=1"})
    assert headers["sec-gpc"] == "1"
    assert world.engine.own(again, "POST", "/__consentry/consent", SAME, b'{"ask": true, "storage": {}}').body.count(
        b'"gpc": true'
    )
    world.engine.pretend(visit.client, visit.first_party, False)
    assert not world.reverse().consent.gpc


def test_in_forward_mode_vendors_are_judged_so_too() -> None:
    world = World()
    page = world.forward("https://shop.test/", sec_fetch_dest="document")
    world.engine.pretend(page.client, "shop.test", True)
    tag = world.forward("https://ads.test/x.js", referer="https://shop.test/", sec_fetch_dest="script")
    assert world.engine.request(tag, "GET", "https://ads.test/x.js", "/x.js", {"sec-fetch-dest": "script"}) is not None


def test_another_visitor_does_not_pass_for_it() -> None:
    world = World()
    world.engine.pretend((ADDRESS, "Other"), "shop.test", True)
    assert not world.reverse().consent.gpc


def test_the_badge_can_pass_for_it_for_its_own_visitor() -> None:
    world = World()
    visit = world.reverse()
    world.post(visit, {"pretend": True})
    assert world.reverse().consent.gpc
    assert world.pretending == [(world.engine.listener(visit, "GET", "/__consentry/live", SAME).visitor, True)]  # type: ignore[union-attr]


def test_only_so_many_pass_for_others() -> None:
    world = World()
    for number in range(3000):
        world.engine.pretend((f"10.0.0.{number}", ""), "shop.test", True)
    assert len(world.engine._pretending) == 1000


# The dashboard's session stays here


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("consentry-dashboard=secret", None),
        ("a=1; consentry-dashboard=secret; b=2", "a=1; b=2"),
        ("a=1", "a=1"),
        ("x-consentry-dashboard=1", "x-consentry-dashboard=1"),
    ],
)
def test_the_dashboards_session_does_not_go_on_to_the_site(sent: str, kept: str | None) -> None:
    world = World()
    headers = Headers([(b"cookie", sent.encode())])
    world.engine.prepare_request(world.reverse(cookie=sent), "GET", f"{SHOP}/page", headers, {"cookie": sent})
    assert headers.get("cookie") == kept
