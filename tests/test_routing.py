"""A router's settings and events on their way through the engine, in both modes."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from mitmproxy.http import Headers

from proxy_addon.answer import Answer
from proxy_addon.config import BASE, FILTER, STRICT, Site, read_rules
from proxy_addon.consent.model import CATEGORIES, Consent
from proxy_addon.consent.told import chosen
from proxy_addon.engine import Engine, Visit
from proxy_addon.ledger import Evidence

from .rewrite.routers import relay
from .small import CCPA, GDPR

SHOP, PUBLIC = "https://shop.test", "http://localhost:8080"
SCRIPT = "https://cdn.relay.test/js/K1/relay.js"
SETTINGS, LISTING = "https://cdn.relay.test/sources/K1/settings", "https://cdn.relay.test/sources/K1/list"
EVENT, PIXEL = "https://api.relay.test/v1/t", "https://api.relay.test/v1/pixel/t?data=x"
OWN_SETTINGS, OWN_EVENT = f"{SHOP}/cdn/sources/K1/settings", f"{SHOP}/proxy/t"
ANALYTICS = "consentry=v=1&analytics=granted&functional=denied&marketing=denied"
ALL = "consentry=v=1&analytics=granted&functional=granted&marketing=granted"
NONE = "consentry=v=1&analytics=denied&functional=denied&marketing=denied"
SAYS = b'{"integrations":{"Relay":{"apiKey":"K1"},"Ads":{"id":1.0},"Tally":{}},"plan":{}}'
KEPT = b'{"integrations":{"Relay":{"apiKey":"K1"},"Tally":{}},"plan":{}}'
SENT = b'{"writeKey":"K1","type":"track","event":"Order Completed","userId":"jane","integrations":{}}'


class World:
    """An engine with the invented router, and the evidence it gave."""

    def __init__(self, *, mode: str = "enforce", policy: str = FILTER, ccpa: bool = False, **parts: Any) -> None:
        self.rows: list[Evidence] = []
        self.asked: list[str] = []
        site = Site(mode, CCPA if ccpa else GDPR, None, strict_labels=False, router_policy=policy, **parts)
        self.engine = Engine(relay(), site, {}, self, clock=lambda: 7.0)
        self.engine._routing.routers.ask = self._asks  # type: ignore[method-assign]

    def record(self, evidence: Evidence) -> None:
        self.rows.append(evidence)

    def _asks(self, vendor: str, key: str) -> None:
        assert vendor == "relay"
        self.asked.append(key)

    def told(self) -> list[tuple[str, str | None, str]]:
        return [(row.outcome, row.vendor, row.reason) for row in self.rows]

    def visit(self, url: str, cookie: str = ANALYTICS) -> Visit:
        """A request that a page of the shop makes, by way of a forward proxy."""
        agent = {"user-agent": "B/1"}
        page = {**agent, "sec-fetch-dest": "document", "cookie": cookie}
        self.engine.visit_forward("10.0.0.1", f"{SHOP}/", "shop.test", page)
        host = url.partition("://")[2].partition("/")[0]
        return self.engine.visit_forward("10.0.0.1", url, host, {**agent, "referer": f"{SHOP}/"})

    def reverse(self, url: str, cookie: str = ANALYTICS) -> Visit:
        return self.engine.visit_reverse(SHOP, PUBLIC, url, {"cookie": cookie})

    def ask(self, url: str, cookie: str = ANALYTICS, method: str = "GET") -> int | None:
        """Ask for something: the status of the answer in its place, None if it passes."""
        visit = self.visit(url, cookie)
        answer = self.engine.request(visit, method, url, url, {})
        return answer and answer.status

    def get(
        self,
        url: str = SETTINGS,
        body: bytes = SAYS,
        cookie: str = ANALYTICS,
        visit: Visit | None = None,
        **fields: str,
    ) -> tuple[bytes | None, Headers]:
        """Let an answer pass: what the browser gets (None: the answer as it is), and its fields."""
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items() if value]
        headers = Headers([(b"content-type", b"application/json"), (b"etag", b'"1"'), *named])
        passing = self.engine.response(
            visit or self.visit(url, cookie), "GET", url, 200, request={}, headers=headers, recode=False
        )
        if passing is None:
            return None, headers
        pieces = [each for start in range(0, len(body), 5) for each in passing.feed(body[start : start + 5])]
        return b"".join([*pieces, *passing.close()]), headers

    def post(
        self,
        body: bytes | None = SENT,
        cookie: str = ANALYTICS,
        url: str = EVENT,
        encoding: str = "",
        *,
        own: bool = False,
    ) -> int | dict[str, Any] | None:
        """Send events: the status of the answer in their place, or what goes out instead, or None."""
        visit = self.reverse(url, cookie) if own else self.visit(url, cookie)
        answer = None if own else self.engine.request(visit, "POST", url, url, {})
        if answer is not None:
            return answer.status
        if not self.engine.carries_events(visit, "POST", url):
            return None
        judged = self.engine.events(visit, "POST", url, {"content-encoding": encoding}, body)
        if isinstance(judged, Answer):
            return judged.status
        if judged is None:
            return None
        plain: dict[str, Any] = json.loads(gzip.decompress(judged) if judged.startswith(b"\x1f\x8b") else judged)
        return plain


# Settings, on the wire


def test_settings_lose_what_is_refused() -> None:
    world = World()
    body, headers = world.get()
    assert body == KEPT
    assert "etag" not in headers
    assert headers["cache-control"] == "private, no-cache"
    assert world.told() == [("filtered", "relay", "settings → taken out: Ads (marketing is denied (cookie consentry))")]


def test_settings_that_are_coded_come_out_plain() -> None:
    body, headers = World().get(body=gzip.compress(SAYS), content_encoding="gzip", content_length="99")
    assert body == KEPT
    assert "content-encoding" not in headers
    assert "content-length" not in headers


def test_settings_of_which_everything_is_allowed_pass_letter_for_letter_and_are_not_kept() -> None:
    world = World()
    coded = gzip.compress(SAYS)
    body, headers = world.get(body=coded, cookie=ALL, content_encoding="gzip")
    assert body == coded
    assert (headers["content-encoding"], headers["cache-control"]) == ("gzip", "private, no-cache")
    assert world.told() == []


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(SAYS[:-9], ""), (b"[]", ""), (b'{"new":{}}', ""), (SAYS, "gzip"), (SAYS, "snappy"), (b" " * 9_000_000, "")],
    ids=["cut off", "no object", "unknown", "not gzip", "unknown coding", "too long"],
)
def test_settings_that_are_not_understood_do_not_pass(body: bytes, encoding: str) -> None:
    world = World()
    got, _ = world.get(body=body, content_encoding=encoding)
    assert got == b"{}"
    row = world.rows[-1]
    assert (row.outcome, row.vendor) == ("answered", "relay")
    assert row.reason == "the settings were not understood, and not every destination of relay is allowed"


def test_settings_that_are_not_understood_pass_where_everything_is_allowed() -> None:
    assert World().get(body=b"[]", cookie=ALL)[0] == b"[]"


def test_an_answer_that_is_no_success_passes() -> None:
    world = World()
    headers = Headers([(b"content-type", b"application/json")])
    for status in (404, 304, 204, 500):
        assert (
            world.engine.response(
                world.visit(SETTINGS), "GET", SETTINGS, status, request={}, headers=headers, recode=False
            )
            is None
        )


def test_a_listing_passes_and_is_learnt_from() -> None:
    world = World()
    listing = b'[{"name":"Ads"},{"name":"Chat"}]'
    assert world.get(LISTING, listing)[0] == listing
    sent = world.post()
    assert isinstance(sent, dict)
    assert sent["integrations"]["Ads"] is False


def test_settings_on_a_host_of_the_sites_own_are_known_by_their_shape() -> None:
    world = World()
    assert world.get(OWN_SETTINGS)[0] == KEPT
    assert world.get(OWN_SETTINGS, visit=world.reverse(OWN_SETTINGS))[0] == KEPT


@pytest.mark.parametrize("body", [b'{"color":"red"}', b"<p>no JSON", b"\xff\xfe", b"x" * 9_000_000])
def test_what_only_looks_like_settings_by_its_path_passes(body: bytes) -> None:
    assert World().get(OWN_SETTINGS, body)[0] == body


def test_the_request_for_settings_is_made_unconditional() -> None:
    world = World()
    fields = {"if-none-match": '"1"', "accept-encoding": "gzip, snappy"}
    for url, left in ((SETTINGS, False), (f"{SHOP}/api", True)):
        headers = Headers([(name.encode(), value.encode()) for name, value in fields.items()])
        world.engine.prepare_request(world.visit(url), "GET", url, headers, fields)
        assert ("if-none-match" in headers) is left
        assert headers["accept-encoding"] == "gzip"


# Events, on the wire


def test_an_event_goes_out_with_what_is_refused_switched_off() -> None:
    world = World()
    world.get()
    sent = world.post()
    assert sent == {
        "writeKey": "K1",
        "type": "track",
        "event": "Order Completed",
        "userId": "jane",
        "integrations": {"Tally": True, "All": False, "Ads": False, "Ads (Actions)": False},
        "context": {"consent": {"preferences": {"functional": False, "analytics": True, "marketing": False}}},
    }
    row = world.rows[-1]
    assert (row.outcome, row.layer, row.verdict, row.type, row.url) == ("filtered", "wire", "allow", "event", EVENT)
    assert row.reason == (
        "track 'Order Completed' → kept: Tally; switched off: Ads (marketing is denied (cookie consentry))"
    )
    assert "jane" not in str(row.plain())


def test_an_event_is_held_while_the_router_itself_is() -> None:
    world = World()
    assert world.post(cookie=NONE) == 204
    assert world.told() == [("answered", "relay", "relay needs analytics: analytics is denied (cookie consentry)")]


def test_with_everything_granted_an_event_only_tells_so() -> None:
    world = World()
    world.get(cookie=ALL)
    sent = world.post(cookie=ALL)
    assert isinstance(sent, dict)
    assert sent["integrations"] == {}
    assert world.told()[-1] == ("passed", "relay", "track 'Order Completed' → kept: Ads, Tally")


def test_with_everything_allowed_by_silence_an_event_passes_as_it_is() -> None:
    world = World(ccpa=True)
    assert world.post(cookie="") is None
    assert world.rows[-1].outcome == "passed"


def test_where_it_is_not_known_what_is_connected_only_what_is_allowed_is_on() -> None:
    world = World()
    sent = world.post()
    assert isinstance(sent, dict)
    assert sent["integrations"] == {"Meter": True, "Tally": True, "All": False}
    assert world.told()[-1][2] == "track 'Order Completed' → kept: whatever is allowed; what is connected is not known"
    assert world.rows[-1].outcome == "filtered"


@pytest.mark.parametrize("coding", ["gzip", ""])
def test_a_coded_event_goes_out_coded(coding: str) -> None:
    sent = World().post(gzip.compress(SENT), encoding=coding)
    assert isinstance(sent, dict)
    assert sent["integrations"]["All"] is False


@pytest.mark.parametrize(
    ("body", "coding"),
    [(b"data=x", ""), (b"", ""), (SENT[:-2], ""), (SENT, "gzip"), (SENT, "snappy"), (b'{"series":[]}', ""), (None, "")],
    ids=["form", "empty", "cut off", "not gzip", "unknown coding", "no event", "too long"],
)
def test_what_is_not_understood_is_held_unless_everything_is_allowed(body: bytes | None, coding: str) -> None:
    world = World()
    assert world.post(body, encoding=coding) == 204
    assert world.told()[-1] == (
        "answered",
        "relay",
        "the body was not understood as events, and not every destination of relay is allowed",
    )
    assert world.post(body, cookie=ALL, encoding=coding) is None
    assert world.rows[-1].outcome == "passed"


def test_each_event_of_a_batch_is_told_and_of_a_long_one_so_many() -> None:
    world = World()
    batch = {"writeKey": "K1", "batch": [{"type": "track", "event": f"E{index}"} for index in range(120)]}
    sent = world.post(json.dumps(batch).encode())
    assert isinstance(sent, dict)
    assert all(each["integrations"]["All"] is False for each in sent["batch"])
    assert len(world.rows) == 101
    assert world.rows[-1].reason == "and 20 events more"


def test_events_in_an_address_are_held_unless_everything_is_allowed() -> None:
    world = World()
    for url in (PIXEL, f"{EVENT}?data=x"):
        assert world.ask(url) == 204
        assert world.rows[-1].reason == (
            "events in an address cannot be filtered, and not every destination of relay is allowed"
        )
        assert world.ask(url, cookie=ALL) is None
        assert world.ask(url, method="OPTIONS") is None
    assert world.ask(EVENT) is None


def test_what_a_router_reports_of_itself_passes() -> None:
    world = World()
    assert world.post(b'{"series":[]}', url="https://api.relay.test/v1/health") is None
    assert world.rows[-1].outcome == "passed"


def test_events_to_a_host_of_the_sites_own_are_known_by_their_shape() -> None:
    for own in (True, False):
        world = World()
        sent = world.post(url=OWN_EVENT, own=own)
        assert isinstance(sent, dict)
        assert sent["integrations"]["All"] is False
        assert world.rows[-1].rule == "shape"
        assert world.post(url=OWN_EVENT, cookie=NONE, own=own) == 204


@pytest.mark.parametrize("body", [b'{"type":"track"}', b"<p>", b"\xff", b"", None, b"[1]"])
def test_what_only_looks_like_events_by_its_path_passes(body: bytes | None) -> None:
    world = World()
    assert world.post(body, url=OWN_EVENT, own=True) is None
    assert world.rows == []


def test_a_refused_vendor_gets_no_events_though_its_category_is_granted() -> None:
    world = World()
    sent = world.post(cookie=f"{ALL}&vendor.meter=denied")
    assert isinstance(sent, dict)
    assert sent["integrations"] == {"Meter": False, "Actions Meter": False}


def test_a_sites_own_category_counts() -> None:
    world = World(destinations={"Ads": "analytics"})
    assert world.get()[0] == SAYS
    sent = world.post()
    assert isinstance(sent, dict)
    assert sent["integrations"]["Ads"] is True


def test_an_error_while_filtering_holds_what_is_the_routers_and_passes_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("it broke")

    monkeypatch.setattr(world.engine._routing, "events", broken)
    visit = world.visit(EVENT)
    held = world.engine.events(visit, "POST", EVENT, {}, SENT)
    assert isinstance(held, Answer)
    assert world.engine.events(world.visit(OWN_EVENT), "POST", OWN_EVENT, {}, SENT) is None
    assert {row.outcome for row in world.rows} == {"trouble"}


# Observing


def test_where_we_only_observe_nothing_is_changed_and_everything_is_told() -> None:
    world = World(mode="observe")
    body, headers = world.get()
    assert (body, headers["etag"]) == (SAYS, '"1"')
    assert world.post() is None
    assert world.told()[-1] == (
        "violation",
        "relay",
        "track 'Order Completed' → kept: Tally; switched off: Ads (marketing is denied (cookie consentry))",
    )
    assert world.post(b"data=x") is None
    assert world.rows[-1].outcome == "violation"


# Policies


def test_the_base_policy_filters_nothing() -> None:
    world = World(policy=BASE)
    assert world.get()[0] is None
    assert world.post() is None
    assert world.ask(PIXEL) is None
    assert world.engine._state(world.visit(SHOP))["routing"] is None


def test_the_strict_policy_holds_the_router_until_all_its_destinations_are_allowed() -> None:
    world = World(policy=STRICT)
    assert world.ask(SCRIPT) == 200
    assert world.rows[-1].categories == ("analytics", "functional", "marketing")
    world.engine._routing.routers.learn("", "relay", "K1", frozenset({"Tally"}))
    assert world.ask(SCRIPT) is None
    assert isinstance(world.post(), dict)
    world.engine._routing.routers.learn("", "relay", "K1", frozenset({"Tally", "Pixels"}))
    assert world.ask(SCRIPT) == 200
    assert world.rows[-1].missing == ("marketing",)
    assert world.post() == 204


def test_under_the_strict_policy_a_page_is_held_to_what_all_sources_of_the_site_need() -> None:
    world = World(policy=STRICT)
    page = b"<script src=https://cdn.relay.test/js/K1/relay.js></script><script>relay.load('K2')</script>"

    def rows() -> list[str]:
        world.rows.clear()
        visit = world.engine.visit_reverse(
            SHOP, PUBLIC, f"{SHOP}/", {"cookie": ANALYTICS, "sec-fetch-dest": "document"}
        )
        headers = Headers([(b"content-type", b"text/html")])
        passing = world.engine.response(
            visit, "GET", f"{SHOP}/", 200, request={"sec-fetch-dest": "document"}, headers=headers, recode=False
        )
        assert passing is not None
        assert b"".join([*passing.feed(page), *passing.close()])
        return [row.outcome for row in world.rows]

    assert rows() == ["held", "held"]
    assert world.asked == ["K1", "K2"]
    for key in ("K1", "K2"):
        world.engine._routing.routers.learn("", "relay", key, frozenset({"Tally"}))
    assert rows() == ["passed", "passed"]
    assert world.engine._routing.needs(world.reverse(SHOP)) == {"relay": ["analytics"], "segment": [*CATEGORIES]}


# Asking


def test_in_reverse_mode_a_source_is_asked_for_when_it_is_met() -> None:
    world = World()
    world.engine.request(world.reverse(SCRIPT, NONE), "GET", SCRIPT, SCRIPT, {})
    assert world.asked == ["K1"]


def test_in_forward_mode_a_router_that_is_refused_is_not_asked() -> None:
    world = World()
    world.ask(SCRIPT, cookie=NONE)
    assert world.asked == []
    world.ask(SCRIPT)
    assert world.asked == ["K1"]


def test_what_is_known_is_not_asked_for() -> None:
    world = World()
    world.get()
    world.ask(SCRIPT)
    world.post()
    assert world.asked == []


def test_a_site_may_forbid_to_ask() -> None:
    world = World(ask_routers=False)
    world.engine.request(world.reverse(SCRIPT), "GET", SCRIPT, SCRIPT, {})
    world.post()
    assert world.asked == []


# The page


def test_a_page_is_told_what_is_connected_and_the_sites_own_categories() -> None:
    world = World(destinations={"Ads": "functional"})
    world.get(cookie=ALL)
    assert world.engine._state(world.reverse(SHOP))["routing"] == {
        "categories": {"Ads": "functional", "Ads (Actions)": "functional"},
        "active": {"relay": {"K1": ["Ads", "Tally"]}},
        "needs": {},
    }


def test_in_forward_mode_what_a_page_reports_of_its_events_is_left_to_the_wire() -> None:
    world = World()
    event: dict[str, Any] = {"kind": "track", "title": "", "kept": None, "off": [], "site": []}
    row = {"outcome": "filtered", "vendor": "relay", "url": EVENT, "type": "empty", "layer": "guard", "event": event}
    url = f"{SHOP}/__consentry/report"
    fields = {"sec-fetch-site": "same-origin"}
    world.engine.own(world.visit(url), "POST", "/__consentry/report", fields, json.dumps({"rows": [row]}).encode())
    assert world.rows == []


def test_what_a_page_reports_makes_nobody_ask() -> None:
    world = World()
    row = {"outcome": "held", "vendor": "relay", "url": SCRIPT, "type": "script", "layer": "guard"}
    visit = world.reverse(f"{SHOP}/__consentry/report")
    body = json.dumps({"rows": [row]}).encode()
    world.engine.own(visit, "POST", "/__consentry/report", {"sec-fetch-site": "same-origin"}, body)
    assert [each.outcome for each in world.rows] == ["held"]
    assert world.asked == []


def test_what_a_page_reports_of_its_events_is_told_in_the_same_words() -> None:
    world = World()
    event = {"kind": "track", "title": "Order Completed", "kept": ["Tally"], "off": ["Ads"], "site": ["Meter"]}
    row = {"outcome": "filtered", "vendor": "relay", "url": EVENT, "type": "empty", "layer": "guard", "event": event}
    body = json.dumps({"page": f"{PUBLIC}/x", "rows": [row, {**row, "event": 7}, {**row, "vendor": "x"}]}).encode()
    visit = world.reverse(f"{SHOP}/__consentry/report")
    world.engine.own(visit, "POST", "/__consentry/report", {"sec-fetch-site": "same-origin"}, body)
    words = "track 'Order Completed' → kept: Tally; switched off: Ads (marketing is denied (cookie consentry))"
    assert [(each.layer, each.outcome, each.reason) for each in world.rows] == [
        ("guard", "filtered", f"{words}, Meter (by the site)")
    ]


# What tags were told, in bodies


def test_an_event_whose_router_was_told_more_than_the_visitor_allowed_is_told_of() -> None:
    told = b'"context":{"consent":{"preferences":{"marketing":true,"analytics":true}}}'
    world = World()
    world.get()
    assert world.post(SENT[:-1] + b"," + told + b"}") is not None
    assert world.rows[-1].outcome == "mismatch"
    assert world.rows[-1].reason == "relay was told granted for 'marketing', and the visitor denied marketing"


@pytest.mark.parametrize(("told", "found"), [(1, ["mismatch"]), (0, [])])
def test_what_a_body_of_claritys_says_is_compared_and_passes(told: int, found: list[str]) -> None:
    rows: list[Evidence] = []
    world = World()
    world.engine = Engine(read_rules(())[0].catalogue, Site("enforce", GDPR, None, strict_labels=False), {}, world)
    world.rows = rows
    url, body = "https://k.clarity.ms/collect", json.dumps({"a": [[9, 47, 5, told, 1]]}).encode()
    visit = world.visit(url)
    assert world.engine.request(visit, "POST", url, url, {}) is None
    assert world.engine.carries_events(visit, "POST", url)
    assert world.engine.events(visit, "POST", url, {}, body) is None
    assert [row.outcome for row in rows if row.outcome == "mismatch"] == found


def test_a_choice_for_the_vendor_itself_outranks_what_it_was_told() -> None:
    consent = Consent({"marketing": False}, {"relay": True})
    assert chosen(consent, GDPR, "relay") is None


def test_where_the_law_binds_gpc_it_is_the_visitors_choice() -> None:
    choice = chosen(Consent({"marketing": True}, gpc=True), CCPA, "relay")
    assert choice is not None
    assert choice.categories["marketing"] is False
