"""One exchange, from request to response, in both modes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import replace

import pytest
from mitmproxy.http import Headers

from proxy_addon.catalogue.match import Catalogue
from proxy_addon.catalogue.model import Cookie, Domain, Exemption, Match, RequestRule, Snippet, Vendor
from proxy_addon.config import Site
from proxy_addon.consent.cookie import PlainCookie
from proxy_addon.consent.model import CATEGORIES
from proxy_addon.consent.platforms import Platform
from proxy_addon.engine import Engine, Visit
from proxy_addon.ledger import Evidence
from proxy_addon.rewrite.segments import Segments

from .small import CCPA, GDPR, vendor

ADDRESS = "10.0.0.1"
TAG = "https://cdn.acme.test/tag.js"
SHOP = "https://shop.test"
PUBLIC = "http://localhost:8080"
GRANTED = "consentry=v=1&analytics=granted&functional=granted&marketing=granted"
DENIED = "consentry=v=1&analytics=denied&functional=denied&marketing=denied"
PAGE = b"<!doctype html><title>x</title><script src=https://cdn.acme.test/tag.js></script><p>hello</p>"

VENDORS: tuple[Vendor, ...] = (
    vendor(
        "acme",
        domains=(Domain("acme.test", "analytics"),),
        requests=(RequestRule("tag", "script", "cdn.acme.test", "/*.js", "The tag."),),
        exempt=(Exemption("acme.test", "/help/**", "a handbook"),),
        snippets=(Snippet("loader", ("acme.load",), ""),),
        cookies=(Cookie("_acme", "first", "", ""), Cookie("uid", "third", "", "")),
        surrogate="acme.js",
        stub="window.acme = window.acme || function () {};",
    ),
    vendor("ads", "marketing", domains=(Domain("ads.test", "marketing"),)),
    vendor("safe", "necessary", domains=(Domain("safe.test", "necessary"),)),
    vendor(
        "tags",
        domains=(Domain("tags.test", "analytics"),),
        requests=(RequestRule("own-server", "script", "*", "/metrics.js", "The tag, from the site's own server."),),
        exempt=(Exemption("tags.test", "/help/**", "a handbook"),),
        tells_consent=True,
    ),
)


class Broken(Catalogue):
    """A catalogue that cannot say anything of a URL."""

    def match(self, url: str, *, site: str | None = None, attributes: Collection[str] = ()) -> Match | None:
        raise RuntimeError("it broke")


class World:
    """An engine and the evidence it gave."""

    def __init__(
        self,
        *,
        mode: str = "enforce",
        ccpa: bool = False,
        cookie: PlainCookie | None = None,
        keep_query: bool = False,
        kind: type[Catalogue] = Catalogue,
        sites: dict[str, Site] | None = None,
        platforms: tuple[Platform, ...] = (),
        dnt: str = "ignore",
    ) -> None:
        self.rows: list[Evidence] = []
        known = kind(VENDORS, (), {"acme.js": "window.acme = {};"})
        site = Site(mode, CCPA if ccpa else GDPR, cookie, strict_labels=False, dnt=dnt)
        self.engine = Engine(
            known, site, sites or {}, self, keep_query=keep_query, platforms=platforms, clock=lambda: 7.0
        )

    def record(self, evidence: Evidence) -> None:
        self.rows.append(evidence)

    def seen(self) -> list[tuple[str, str, str | None]]:
        return [(row.layer, row.outcome, row.vendor) for row in self.rows]

    def reverse(self, cookie: str = "", url: str = f"{SHOP}/page", **fields: str) -> Visit:
        return self.engine.visit_reverse(SHOP, PUBLIC, url, given(cookie, **{"sec_fetch_dest": "document", **fields}))

    def forward(self, url: str, cookie: str = "", **fields: str) -> Visit:
        host = url.partition("://")[2].partition("/")[0]
        return self.engine.visit_forward(ADDRESS, url, host, given(cookie, **{"user_agent": "B/1", **fields}))

    def page(self, url: str = f"{SHOP}/", cookie: str = "", **fields: str) -> Visit:
        return self.forward(url, cookie, **{"sec_fetch_dest": "document", **fields})

    def tag(self, url: str = TAG, **fields: str) -> tuple[Visit, int | None]:
        """Ask for a vendor's script: the status of the answer in its place, None if it passed."""
        visit = self.forward(url, **{"sec_fetch_dest": "script", **fields})
        answer = self.engine.request(visit, "GET", url, url.partition(".test")[2], {"sec-fetch-dest": "script"})
        return visit, answer and answer.status

    def respond(
        self,
        visit: Visit,
        headers: Headers,
        body: bytes = b"",
        *,
        url: str = f"{SHOP}/page",
        method: str = "GET",
        status: int = 200,
        dest: str = "document",
        pieces: int = 7,
        **fields: str,
    ) -> bytes | None:
        """The body as it is sent on; None if it passes by."""
        request = given("", **{"sec_fetch_dest": dest, **fields})
        rewriting = self.engine.response(visit, method, url, status, request=request, headers=headers, recode=False)
        if rewriting is None:
            return None
        sent = [each for start in range(0, len(body), pieces) for each in rewriting.feed(body[start : start + pieces])]
        return b"".join([*sent, *rewriting.close()])


def given(cookie: str, **fields: str) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in fields.items() if value}
    return {**named, "cookie": cookie} if cookie else named


def html(*fields: tuple[bytes, bytes]) -> Headers:
    return Headers([(b"content-type", b"text/html; charset=utf-8"), *fields])


# Who asks, in reverse mode


def test_in_reverse_mode_each_request_carries_its_consent() -> None:
    world = World()
    assert world.reverse(GRANTED).consent.categories == dict.fromkeys(CATEGORIES, True)
    assert not world.reverse().consent.decided


def test_in_reverse_mode_the_site_is_the_first_party() -> None:
    visit = World().engine.visit_reverse("https://www.shop.test:8443", PUBLIC, "https://www.shop.test:8443/", {})
    assert (visit.first_party, visit.forward) == ("shop.test", False)


def test_in_reverse_mode_gpc_is_read_from_the_request() -> None:
    world = World(ccpa=True)
    assert world.reverse(GRANTED, sec_gpc="1").consent.gpc
    assert not world.reverse(GRANTED, sec_gpc="0").consent.gpc


def test_do_not_track_is_read_where_the_site_heeds_it() -> None:
    for world, heeded in ((World(ccpa=True), False), (World(ccpa=True, dnt="deny"), True)):
        assert world.reverse(dnt="1").consent.dnt is heeded
        assert world.reverse(dnt="0").consent.dnt is False
        page = world.respond(world.reverse(dnt="1"), html(), PAGE)
        assert page is not None
        assert (b"text/x-consentry" in page) is heeded
        assert (b"&quot;analytics&quot;:false" in page) is heeded


def test_in_forward_mode_do_not_track_holds_until_the_visitor_chooses() -> None:
    world = World(ccpa=True, dnt="deny")
    world.page(dnt="1")
    visit, status = world.tag(referer=f"{SHOP}/", dnt="1")
    assert (status, visit.consent.dnt) == (200, True)
    assert world.rows[-1].reason == "acme needs analytics: analytics is unset, and Do Not Track denies it"
    # A tag on a page of which nothing is known yet.
    assert world.tag(referer="https://blog.test/", dnt="1")[1] == 200
    assert world.tag(referer="https://blog.test/")[1] is None
    visit = world.page(cookie="session=1", dnt="1")
    world.respond(visit, html((b"set-cookie", f"{GRANTED}; Path=/".encode())), url=f"{SHOP}/")
    visit, status = world.tag(referer=f"{SHOP}/", dnt="1")
    assert (status, visit.consent.dnt) == (None, True)


def test_the_page_is_the_document_or_what_asks_for_a_resource() -> None:
    world = World()
    assert world.reverse().page == f"{SHOP}/page"
    assert world.reverse(sec_fetch_dest="empty", referer=f"{SHOP}/other").page == f"{SHOP}/other"


# Who asks, in forward mode


def test_a_request_to_a_vendor_is_judged_by_what_the_site_said() -> None:
    world = World()
    world.page(cookie=GRANTED)
    assert world.tag(referer=f"{SHOP}/")[1] is None
    world.page("https://blog.test/", cookie=DENIED)
    assert world.tag(referer="https://blog.test/")[1] == 200
    assert world.tag(referer=f"{SHOP}/")[1] is None


def test_a_vendors_page_that_another_sites_page_asks_for_is_no_visit_where_the_browser_does_not_say() -> None:
    world = World()
    page = {"accept": "text/html", "sec_fetch_dest": ""}
    world.page(f"{SHOP}/", cookie=DENIED, **page)
    frame = world.forward("https://acme.test/frame", referer=f"{SHOP}/", accept="text/html")
    assert frame.first_party == "shop.test"
    visit, status = world.tag(referer="https://acme.test/frame", sec_fetch_dest="")
    assert (visit.first_party, status) == ("shop.test", 200)
    # Another site's page is a visit, wherever it was linked; so is a vendor's that is typed in, or said to be one.
    assert world.forward("https://blog.test/", referer=f"{SHOP}/", accept="text/html").first_party == "blog.test"
    assert world.forward("https://acme.test/", accept="text/html").first_party == "acme.test"
    assert (
        world.forward("https://acme.test/b", referer="https://acme.test/", accept="text/html").first_party
        == "acme.test"
    )
    assert world.page("https://acme.test/", referer=f"{SHOP}/").first_party == "acme.test"


def test_a_visitor_of_whom_nothing_is_known_has_said_nothing() -> None:
    visit, status = World().tag(referer=f"{SHOP}/")
    assert (visit.first_party, visit.consent.decided, status) == ("shop.test", False, 200)


def test_another_browser_at_the_same_address_is_another_visitor() -> None:
    world = World()
    world.page(cookie=GRANTED)
    assert world.tag(referer=f"{SHOP}/", user_agent="B/2")[1] == 200


def test_a_vendors_own_cookies_are_no_consent() -> None:
    world = World()
    world.page()
    visit, status = world.tag(referer=f"{SHOP}/", cookie=GRANTED)
    assert (visit.consent.decided, status) == (False, 200)


def test_a_request_of_the_site_itself_teaches_a_choice() -> None:
    world = World()
    world.page()
    world.forward(f"{SHOP}/api", GRANTED, sec_fetch_dest="empty", referer=f"{SHOP}/")
    assert world.tag(referer=f"{SHOP}/")[1] is None


def test_a_request_of_the_site_without_cookies_forgets_no_choice() -> None:
    world = World()
    world.page(cookie=GRANTED)
    world.forward(f"{SHOP}/font", sec_fetch_dest="font", referer=f"{SHOP}/")
    assert world.tag(referer=f"{SHOP}/")[1] is None


def test_a_document_without_the_cookie_is_a_withdrawal() -> None:
    world = World()
    world.page(cookie=GRANTED)
    world.page()
    assert world.tag(referer=f"{SHOP}/")[1] == 200


def test_gpc_of_a_vendors_request_counts_though_the_site_was_not_told() -> None:
    world = World(ccpa=True)
    world.page(cookie=GRANTED)
    url = "https://ads.test/x.js"
    assert world.tag(url, referer=f"{SHOP}/")[1] is None
    visit, status = world.tag(url, referer=f"{SHOP}/", sec_gpc="1")
    assert (visit.consent.gpc, status) == (True, 200)


def test_gpc_denies_what_the_regime_says_and_nothing_under_another() -> None:
    world = World()
    world.page(cookie=GRANTED)
    assert world.tag("https://ads.test/x.js", referer=f"{SHOP}/", sec_gpc="1")[1] is None


def test_on_the_vendors_own_site_it_is_let_through() -> None:
    world = World()
    assert world.tag("https://www.acme.test/", sec_fetch_dest="document")[1] is None
    assert world.tag(TAG, referer="https://www.acme.test/")[1] is None


def test_a_request_that_names_no_page_is_not_taken_for_one_of_the_vendors_own_site() -> None:
    """A page may forbid the Referer, and the proxy may have been started after the page was loaded."""
    assert World().tag()[1] == 200
    assert World().tag(sec_fetch_site="cross-site")[1] == 200


def test_a_request_that_names_no_page_is_one_of_its_own_site_where_that_is_nobodys() -> None:
    visit = World().forward(f"{SHOP}/api", GRANTED)
    assert (visit.first_party, visit.consent.decided) == ("shop.test", True)


def test_a_frame_of_a_vendor_is_no_visit_to_it() -> None:
    world = World()
    world.page()
    visit, status = world.tag("https://www.acme.test/frame", sec_fetch_dest="iframe", referer=f"{SHOP}/")
    assert (visit.first_party, status) == ("shop.test", 200)
    assert world.tag(TAG, referer="https://www.acme.test/frame")[1] == 200


def test_a_page_from_before_the_proxy_is_not_lent_the_consent_of_another_site() -> None:
    world = World()
    world.page(cookie=GRANTED)
    assert world.tag(referer="https://open.test/")[1] == 200


def test_a_frame_counts_as_the_page_around_it() -> None:
    world = World()
    world.page(cookie=GRANTED)
    world.forward("https://frame.test/", sec_fetch_dest="iframe", referer=f"{SHOP}/")
    world.page("https://blog.test/", cookie=DENIED)
    assert world.tag(referer="https://frame.test/")[1] is None


def test_a_vendors_frame_out_of_the_browsers_cache_is_no_site_of_its_own() -> None:
    world = World()
    world.page()
    assert world.tag(referer="https://www.acme.test/frame")[1] == 200


def test_a_request_of_a_site_that_is_treated_otherwise_is_treated_so() -> None:
    world = World(sites={"shop.test": Site("observe", GDPR, None, strict_labels=False)})
    world.page()
    assert world.tag(referer=f"{SHOP}/")[1] is None
    world.page("https://blog.test/")
    assert world.tag(referer="https://blog.test/")[1] == 200


# Set-Cookie


def test_consent_that_a_response_sets_counts_from_there_on() -> None:
    world = World()
    visit = world.page()
    world.respond(visit, Headers([(b"set-cookie", f"{GRANTED}; Path=/; Secure".encode())]), url=f"{SHOP}/")
    assert world.tag(referer=f"{SHOP}/")[1] is None


def test_consent_that_a_response_takes_back_counts_too() -> None:
    world = World()
    visit = world.page(cookie=GRANTED)
    world.respond(visit, Headers([(b"set-cookie", f"{DENIED}; Path=/".encode())]), url=f"{SHOP}/")
    assert world.tag(referer=f"{SHOP}/")[1] == 200


def test_the_site_s_own_cookie_is_learnt_from_a_response_as_well() -> None:
    world = World(cookie=PlainCookie("choice", {"all": frozenset(CATEGORIES)}))
    visit = world.page()
    fields = [(b"set-cookie", b"a=b; Path=/"), (b"set-cookie", b"choice=all; Path=/")]
    world.respond(visit, Headers(fields), url=f"{SHOP}/")
    assert world.tag(referer=f"{SHOP}/")[1] is None


def test_the_response_of_another_site_teaches_nothing() -> None:
    world = World()
    world.page()
    visit = world.forward("https://cdn.test/x", sec_fetch_dest="empty", referer=f"{SHOP}/")
    world.respond(visit, Headers([(b"set-cookie", GRANTED.encode())]), url="https://cdn.test/x")
    assert world.tag(referer=f"{SHOP}/")[1] == 200


@pytest.mark.parametrize("end", ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_cookie_that_a_response_deletes_grants_nothing(end: str) -> None:
    world = World()
    visit = world.page()
    world.respond(visit, Headers([(b"set-cookie", f"{GRANTED}; Path=/; {end}".encode())]), url=f"{SHOP}/")
    assert world.tag(referer=f"{SHOP}/")[1] == 200


def test_in_reverse_mode_nothing_is_remembered() -> None:
    world = World()
    world.respond(world.reverse(), Headers([(b"set-cookie", GRANTED.encode())]))
    assert not world.reverse().consent.decided


# What is asked for


def test_a_held_request_is_answered_and_recorded() -> None:
    world = World()
    world.page(cookie=DENIED)
    visit, status = world.tag(f"{TAG}?id=42", referer=f"{SHOP}/p?q=1")
    (row,) = world.rows
    assert status == 200
    assert (row.time, row.layer, row.outcome, row.verdict) == (7.0, "wire", "answered", "block")
    assert (row.vendor, row.rule, row.categories, row.missing) == ("acme", "tag", ("analytics",), ("analytics",))
    assert (row.url, row.page, row.type) == (f"{TAG}?id=…", f"{SHOP}/p?q=…", "script")
    assert (row.consent, row.signal) == (visit.consent.words(), "cookie consentry")
    assert (row.regime, row.mode) == ("gdpr", "enforce")


@pytest.mark.parametrize("host", ["metrics.shop.test", "Metrics.Shop.test", "metrics.shop.test:8443"])
def test_a_vendor_behind_another_name_is_held_however_that_is_spelt(host: str) -> None:
    world = World()
    world.page(cookie=DENIED)
    url = f"https://{host}/tag.js?a=1"
    visit = world.forward(url, sec_fetch_dest="script", referer=f"{SHOP}/")
    said = {"sec-fetch-dest": "script"}
    assert world.engine.request(visit, "GET", url, "/tag.js", said, names=("cdn.acme.test",)) is not None
    assert [row.vendor for row in world.rows] == ["acme"]
    assert "is another name of cdn.acme.test" in world.rows[0].reason


def test_query_values_are_kept_where_that_was_asked_for() -> None:
    world = World(keep_query=True)
    world.tag(f"{TAG}?id=42", referer=f"{SHOP}/?q=1")
    assert (world.rows[0].url, world.rows[0].page) == (f"{TAG}?id=42", f"{SHOP}/?q=1")


def test_what_is_allowed_is_recorded_as_passed() -> None:
    world = World()
    world.page(cookie=GRANTED)
    world.tag(referer=f"{SHOP}/")
    assert world.seen() == [("wire", "passed", "acme")]


def test_to_observe_is_to_record_and_to_let_through() -> None:
    world = World(mode="observe")
    world.page()
    assert world.tag(referer=f"{SHOP}/")[1] is None
    assert world.seen() == [("wire", "violation", "acme")]


@pytest.mark.parametrize("url", ["https://shop.test/a.js", "https://acme.test/help/x", "https://other.test/x"])
def test_what_is_nobodys_or_exempt_passes_unrecorded(url: str) -> None:
    world = World()
    world.page()
    assert world.tag(url, referer=f"{SHOP}/")[1] is None
    assert world.rows == []


# When deciding fails


def test_an_error_while_deciding_holds_a_catalogued_request_and_is_recorded() -> None:
    world = World(kind=Broken)
    world.page(cookie=GRANTED)
    assert world.tag(referer=f"{SHOP}/")[1] == 200
    (row,) = world.rows
    assert (row.outcome, row.url) == ("trouble", TAG)
    assert "it broke" in row.reason


@pytest.mark.parametrize(
    "url",
    [
        "https://CDN.acme.test/x",
        "https://cdn.acme.test./x",
        "https://cdn.acme.test:8443/x",
        "https://u@cdn.acme.test/x",
    ],
)
def test_a_catalogued_host_is_known_however_it_is_spelt_when_deciding_fails(url: str) -> None:
    world = World(kind=Broken)
    visit = world.page()
    assert world.engine.request(visit, "GET", url, "/x", {}) is not None


@pytest.mark.parametrize(
    "url", ["https://shop.test/x", "https://notacme.test/x", "https://safe.test/x", "https://[bad/x", "nonsense"]
)
def test_an_error_while_deciding_lets_everything_else_pass(url: str) -> None:
    world = World(kind=Broken)
    visit = world.page()
    assert world.engine.request(visit, "GET", url, "/x", {}) is None
    assert [row.outcome for row in world.rows] == ["trouble"]


def test_an_error_while_deciding_holds_nothing_of_a_vendor_on_its_own_site() -> None:
    world = World(kind=Broken)
    visit = world.page("https://www.acme.test/")
    assert world.engine.request(visit, "GET", "https://www.acme.test/", "/", {}) is None


def test_an_error_while_observing_holds_nothing() -> None:
    world = World(kind=Broken, mode="observe")
    world.page()
    assert world.tag(referer=f"{SHOP}/")[1] is None


def test_an_error_while_judging_a_page_lets_the_page_arrive() -> None:
    world = World(kind=Broken)
    headers = html((b"link", b"<https://cdn.acme.test/tag.js>; rel=preload"), (b"set-cookie", b"a=b"))
    sent = world.respond(world.reverse(), headers, PAGE)
    assert sent is None or b"hello" in sent
    assert "trouble" in [row.outcome for row in world.rows]


def test_a_request_whose_address_cannot_be_read_still_has_a_visit() -> None:
    world = World()
    visit = world.engine.visit_forward(
        ADDRESS, "https://[bad/x", "[bad", {"referer": "https://[bad", "origin": "http://["}
    )
    assert world.engine.request(visit, "GET", "https://[bad/x", "/x", {}) is None


# Documents


@pytest.mark.parametrize("pieces", [1, 16, 4096])
def test_a_page_is_rewritten_in_reverse_mode(pieces: int) -> None:
    world = World()
    headers = html(
        (b"content-length", b"94"), (b"etag", b'"1"'), (b"last-modified", b"x"), (b"cache-control", b"max-age=9")
    )
    sent = world.respond(world.reverse(), headers, PAGE, pieces=pieces)
    assert sent is not None
    assert b"text/x-consentry" in sent
    assert b"data-consentry-runtime" in sent
    assert b"<p>hello</p>" in sent
    assert [name for name in ("content-length", "etag", "last-modified") if name in headers] == []
    assert headers["cache-control"] == "private, no-cache"
    assert world.seen() == [("html", "held", "acme")]


def test_a_page_with_all_consent_keeps_its_elements_and_is_recorded() -> None:
    world = World()
    sent = world.respond(world.reverse(GRANTED), html(), PAGE)
    assert sent is not None
    assert b"<script src=https://cdn.acme.test/tag.js></script><p>hello</p>" in sent
    assert world.seen() == [("html", "passed", "acme")]


def test_an_observed_page_passes_as_it_is_and_its_violations_are_recorded() -> None:
    world = World(mode="observe")
    headers = html((b"etag", b'"1"'), (b"cache-control", b"max-age=9"))
    assert world.respond(world.reverse(), headers, PAGE) == PAGE
    assert (headers["etag"], headers["cache-control"]) == ('"1"', "max-age=9")
    assert world.seen() == [("html", "violation", "acme")]


def test_a_page_of_the_consent_of_one_visitor_is_not_that_of_another() -> None:
    world = World()
    for cookie, held in (("", True), (GRANTED, False), (DENIED, True), ("consentry=v=1&vendor.acme=granted", False)):
        sent = world.respond(world.reverse(cookie), html(), PAGE)
        assert sent is not None
        assert (b"text/x-consentry" in sent) is held, cookie


def test_in_forward_mode_a_page_is_rewritten_too_and_only_what_is_held_is_recorded() -> None:
    world = World()
    sent = world.respond(world.page(), html(), PAGE, url=f"{SHOP}/")
    assert sent is not None
    assert b"text/x-consentry" in sent
    visit = world.page(cookie=GRANTED)
    world.rows.clear()
    sent = world.respond(visit, html(), PAGE, url=f"{SHOP}/")
    assert sent is not None
    assert b"text/x-consentry" not in sent
    assert world.rows == []


@pytest.mark.parametrize(
    ("fields", "status", "dest"),
    [
        ([(b"content-type", b"application/json")], 200, "document"),
        ([(b"content-type", b"text/html")], 206, "document"),
        ([(b"content-type", b"text/html"), (b"content-disposition", b"Attachment; filename=x")], 200, "document"),
        ([(b"content-type", b"text/html")], 200, "script"),
        ([(b"content-type", b"image/svg+xml")], 200, "image"),
        ([(b"x-content-type-options", b"nosniff")], 200, "document"),
        ([], 200, "empty"),
        ([(b"content-type", b"text/html")], 101, "document"),
    ],
)
def test_what_is_no_document_passes_by(fields: Iterable[tuple[bytes, bytes]], status: int, dest: str) -> None:
    world = World()
    headers = Headers(fields)
    before = headers.fields
    assert world.respond(world.reverse(), headers, PAGE, status=status, dest=dest) is None
    assert headers.fields == before


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 204)])
def test_a_response_without_a_body_has_none_to_rewrite(method: str, status: int) -> None:
    world = World()
    assert world.respond(world.reverse(), html(), method=method, status=status) is None


def test_a_fragment_that_a_script_fetches_is_rewritten_without_our_script() -> None:
    world = World()
    sent = world.respond(world.reverse(), html(), PAGE, dest="empty")
    assert sent is not None
    assert b"text/x-consentry" in sent
    assert b"data-consentry-runtime" not in sent


@pytest.mark.parametrize(("mode", "accept"), [("navigate", "*/*"), ("cors", "*/*, application/x-consentry")])
def test_a_page_that_a_service_worker_fetches_is_a_page(mode: str, accept: str) -> None:
    world = World()
    sent = world.respond(world.reverse(), html(), PAGE, dest="empty", sec_fetch_mode=mode, accept=accept)
    assert sent is not None
    assert b"data-consentry-runtime" in sent


def test_a_page_that_a_service_worker_passes_on_may_lead_to_a_vendor() -> None:
    world = World()
    for mode, led in (("navigate", TAG), ("cors", f"{PUBLIC}/__consentry/held")):
        headers = Headers([(b"location", TAG.encode())])
        world.respond(world.reverse(), headers, status=302, dest="empty", sec_fetch_mode=mode)
        assert headers["location"] == led


def test_an_error_page_is_a_page() -> None:
    sent = World().respond(World().reverse(), html(), PAGE, status=404)
    assert sent is not None
    assert b"text/x-consentry" in sent


def test_a_page_in_an_unknown_coding_passes_and_that_is_recorded() -> None:
    world = World()
    headers = html((b"content-encoding", b"compress"))
    assert world.respond(world.reverse(), headers, PAGE) is None
    assert headers["content-encoding"] == "compress"
    assert [row.outcome for row in world.rows] == ["trouble"]


def test_no_transform_is_kept_by_a_forward_proxy_and_not_by_the_sites_own() -> None:
    world = World()
    fields = (b"cache-control", b"No-Transform")
    assert world.respond(world.page(), html(fields), PAGE, url=f"{SHOP}/") is None
    assert world.respond(world.reverse(), html(fields), PAGE) is not None


def test_the_policy_of_a_page_lets_our_script_run_and_changes_in_nothing_else() -> None:
    world = World()
    headers = html((b"content-security-policy", b"default-src 'none'; script-src https://cdn.test; img-src *"))
    world.respond(world.reverse(), headers, PAGE)
    policy = headers["content-security-policy"]
    assert f"{PUBLIC}/__consentry/" in policy
    assert "script-src https://cdn.test" in policy
    assert "img-src *" in policy


# The page before the first


def strict_world(mode: str = "enforce") -> World:
    site = Site(mode, GDPR, None, strict_labels=False, bootstrap=True)
    return World(mode=mode, sites={"shop.test": site})


def test_in_strict_mode_the_worker_comes_before_the_first_document() -> None:
    world = strict_world()
    answer = world.engine.bootstrap(world.reverse(), "GET", {"sec-fetch-dest": "document"})
    assert answer is not None
    fields = dict(answer.headers)
    nonce = fields["content-security-policy"].partition("'nonce-")[2].partition("'")[0]
    assert answer.status == 200
    assert f'nonce="{nonce}"'.encode() in answer.body
    assert f"/__consentry/worker.js?v={world.engine.assets.version}".encode() in answer.body
    assert fields["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("POST", {"sec-fetch-dest": "document"}),
        ("GET", {"sec-fetch-dest": "iframe"}),
        ("GET", {}),
        ("GET", {"sec-fetch-dest": "document", "cookie": "a=b; consentry-armed=1"}),
    ],
)
def test_in_strict_mode_nothing_else_comes_first(method: str, fields: dict[str, str]) -> None:
    world = strict_world()
    assert world.engine.bootstrap(world.reverse(), method, fields) is None


def test_without_strict_mode_and_while_observing_the_document_comes_first() -> None:
    for world in (World(), strict_world("observe")):
        assert world.engine.bootstrap(world.reverse(), "GET", {"sec-fetch-dest": "document"}) is None


# Headers


def test_cookies_and_hints_of_a_held_vendor_are_withheld() -> None:
    world = World()
    headers = Headers(
        [
            (b"set-cookie", b"_acme=1; Path=/"),
            (b"set-cookie", b"session=2; Path=/"),
            (b"set-cookie", b"uid=3; Path=/"),
            (b"link", b"<https://cdn.acme.test/tag.js>; rel=preload, </a.css>; rel=preload"),
        ]
    )
    world.respond(world.reverse(), headers, url=f"{SHOP}/api", dest="empty")
    assert headers.get_all("set-cookie") == ["session=2; Path=/", "uid=3; Path=/"]
    assert "acme" not in headers["link"]
    assert "/a.css" in headers["link"]
    assert world.seen() == [("header", "held", "acme"), ("header", "held", "acme")]


@pytest.mark.parametrize("field", [(b"set-cookie", b"_acme=1"), (b"link", b"<https://cdn.acme.test/x>; rel=preload")])
def test_an_answer_from_which_something_was_withheld_is_no_answer_for_others(field: tuple[bytes, bytes]) -> None:
    headers = Headers([field, (b"cache-control", b"public, max-age=600")])
    World().respond(World().reverse(), headers, url=f"{SHOP}/api", dest="empty")
    assert headers["cache-control"] == "private, no-cache"


def test_cookies_and_hints_pass_with_consent_and_where_we_only_observe() -> None:
    for world, cookie in ((World(), GRANTED), (World(mode="observe"), "")):
        headers = Headers([(b"set-cookie", b"_acme=1; Path=/"), (b"link", b"<https://cdn.acme.test/x>; rel=preload")])
        before = headers.fields
        world.respond(world.reverse(cookie), headers, url=f"{SHOP}/api", dest="empty")
        assert headers.fields == before


# Before a request leaves


def prepared(world: World, visit: Visit, fields: dict[str, str]) -> Headers:
    headers = Headers([(name.encode(), value.encode()) for name, value in fields.items()])
    world.engine.prepare_request(visit, "GET", visit.page, headers, fields)
    return headers


CONDITIONAL = {"if-none-match": '"1"', "if-modified-since": "x", "range": "bytes=0-1", "if-range": '"1"'}


def test_a_document_is_asked_for_whole_and_unconditionally() -> None:
    world = World()
    for fields in ({"sec-fetch-dest": "document"}, {"sec-fetch-dest": "iframe"}, {"accept": "text/html,*/*"}):
        headers = prepared(world, world.reverse(), {**CONDITIONAL, **fields})
        assert [name for name in CONDITIONAL if name in headers] == []


def test_what_a_service_worker_tells_us_is_not_told_to_the_site() -> None:
    world = World()
    fields = {**CONDITIONAL, "sec-fetch-dest": "empty", "accept": "text/*, application/x-consentry"}
    headers = prepared(world, world.reverse(), fields)
    assert headers["accept"] == "text/*"
    assert [name for name in CONDITIONAL if name in headers] == []


def test_anything_else_may_be_asked_for_in_parts() -> None:
    world = World()
    headers = prepared(world, world.reverse(), {**CONDITIONAL, "sec-fetch-dest": "video"})
    assert [name for name in CONDITIONAL if name in headers] == list(CONDITIONAL)


def test_only_codings_that_we_know_are_asked_for() -> None:
    world = World()
    headers = prepared(world, world.reverse(), {"accept-encoding": "gzip, dcb, x-novel, br"})
    assert "dcb" not in headers["accept-encoding"]
    assert "novel" not in headers["accept-encoding"]
    assert "gzip" in headers["accept-encoding"]
    assert "br" in headers["accept-encoding"]


def test_a_forward_proxy_that_only_observes_changes_no_request() -> None:
    world = World(mode="observe")
    fields = {**CONDITIONAL, "sec-fetch-dest": "document", "accept-encoding": "dcb"}
    headers = prepared(world, world.page(), fields)
    assert {name: headers[name] for name in headers} == fields


# What a page says that it let go

PING = "https://tags.test/ping"
ONLY_ANALYTICS = "consentry=v=1&analytics=granted&functional=granted&marketing=denied"
ONLY_MARKETING = "consentry=v=1&analytics=denied&functional=granted&marketing=granted"
AD_GRANTED = "google was told granted for ad_storage, and the visitor denied marketing"


def asked(world: World, visit: Visit, url: str, **values: object) -> list[Evidence]:
    """The rows that a page's report of an allowed request leaves."""
    reported = {"outcome": "asked", "vendor": "tags", "url": url, "type": "ping", "layer": "guard", **values}
    body = json.dumps({"page": f"{visit.public}/p", "rows": [reported]}).encode()
    fields = {"sec-fetch-site": "same-origin"}
    assert world.engine.own(visit, "POST", "/__consentry/report", fields, body).status == 204
    return world.rows


def test_in_reverse_mode_a_page_tells_what_its_tags_were_told() -> None:
    world = World()
    url = f"{PING}?cid=42&gcs=G111&gcs=G100&x=1"
    (row,) = asked(world, world.reverse(ONLY_ANALYTICS), url)
    assert (row.layer, row.outcome, row.verdict, row.vendor) == ("guard", "mismatch", "allow", "tags")
    assert (row.reason, row.type, row.page) == (AD_GRANTED, "ping", f"{SHOP}/p")
    assert row.url == f"{PING}?gcs=…"
    assert (row.consent, row.signal) == (
        "functional granted, analytics granted, marketing denied",
        "cookie consentry",
    )


def test_nothing_but_what_tells_of_consent_is_kept_of_what_a_page_asked_for() -> None:
    (row,) = asked(World(keep_query=True), World().reverse(ONLY_ANALYTICS), f"{PING}?cid=42&gcs=G111&asc=x%26y")
    assert row.url == f"{PING}?gcs=G111&asc=x%26y"


@pytest.mark.parametrize(
    ("url", "values"),
    [
        (f"{PING}?gcs=G101", {}),
        (f"{PING}?cid=1", {}),
        (f"{TAG}?gcs=G111", {"vendor": "acme"}),
        (f"{PING}?gcs=G111", {"vendor": "acme"}),
        ("https://tags.test/help/x?gcs=G111", {}),
        ("https://nobody.test/?gcs=G111", {}),
        ("gcs=G111", {}),
    ],
)
def test_what_agrees_or_is_not_the_vendors_leaves_no_row(url: str, values: dict[str, object]) -> None:
    world = World()
    assert asked(world, world.reverse(ONLY_ANALYTICS), url, **values) == []


def test_what_should_have_been_held_is_not_compared_and_is_still_a_leak() -> None:
    world = World()
    url = f"{PING}?gcs=G111"
    assert asked(world, world.reverse(DENIED), url) == []
    report = json.dumps({"csp-report": {"blocked-uri": url, "effective-directive": "img-src"}}).encode()
    world.engine.judge_reports(world.reverse(DENIED), report)
    assert world.seen() == [("csp-report", "leak", "tags")]


def test_in_forward_mode_the_wire_has_compared_already() -> None:
    world = World()
    assert asked(world, world.page(cookie=ONLY_ANALYTICS), f"{PING}?gcs=G111") == []


# What the standards' strings refuse single vendors

# The purposes of both categories, and consent to the vendor 1 alone. Made with @iabtechlabtcf/core 1.5.21.
TC_STRING = "euconsent-v2=CQraFkAQraFkAAKABBENCyFgAPPAAAAAAAYgAAoAAAAA"


def test_a_vendor_that_a_tc_string_refuses_is_held_and_the_page_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = (vendor("ads", "marketing", domains=(Domain("ads.test", "marketing"),), tcf=7), *VENDORS[:1])
    monkeypatch.setattr("tests.test_engine.VENDORS", listed)
    world = World()
    world.page(cookie=TC_STRING)
    assert world.tag(referer=f"{SHOP}/")[1] is None
    visit, status = world.tag("https://ads.test/pixel.js", referer=f"{SHOP}/")
    assert status is not None
    assert world.rows[-1].reason == "ads itself is refused (cookie euconsent-v2)"
    assert visit.consent.words().endswith("ads denied")
    page = world.respond(world.reverse(TC_STRING), html(), PAGE)
    assert page is not None
    assert b"&quot;vendors&quot;:{&quot;ads&quot;:false}" in page


def test_a_tag_of_a_vendor_that_is_refused_in_a_category_should_have_been_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = (RequestRule("ad", "pixel", "tags.test", "/ad", "", category="marketing"),)
    tags = replace(VENDORS[3], requests=rules, tcf=7, listed_for=("marketing",))
    monkeypatch.setattr("tests.test_engine.VENDORS", (*VENDORS[:3], tags))
    assert told(World(), "gcs=G111", TC_STRING) == [AD_GRANTED]
    assert told(World(), "gcs=G101", TC_STRING) == []


# What a tag was told


def told(world: World, query: str, cookie: str, url: str = PING, **fields: str) -> list[str]:
    """The reasons of the mismatches that a ping with this query leaves, sent by a visitor with this cookie."""
    world.page(cookie=cookie)
    world.tag(f"{url}?{query}", referer=f"{SHOP}/", **fields)
    return [row.reason for row in world.rows if row.outcome == "mismatch"]


def test_a_tag_that_was_told_otherwise_leaves_a_row_beside_that_of_its_request() -> None:
    world = World()
    world.page(cookie=ONLY_ANALYTICS)
    _, status = world.tag(f"{PING}?gcs=G111&cid=42", referer=f"{SHOP}/p?q=1")
    assert status is None
    assert world.seen() == [("wire", "passed", "tags"), ("wire", "mismatch", "tags")]
    passed, row = world.rows
    assert row == replace(passed, outcome="mismatch", reason=AD_GRANTED, number=passed.number + 1)
    assert row.url == f"{PING}?gcs=…&cid=…"


def test_each_contradiction_is_a_row() -> None:
    # gcd: v is granted, then granted, for all four types.
    assert told(World(), "gcd=11v1v1v1v5", ONLY_ANALYTICS) == [
        f"google was told granted for {name}, and the visitor denied marketing"
        for name in ("ad_storage", "ad_user_data", "ad_personalization")
    ]


def test_a_tag_that_was_told_of_a_refusal_that_nobody_made_is_a_mismatch_too() -> None:
    assert told(World(), "gcs=G110", GRANTED) == [
        "google was told denied for analytics_storage, and the visitor granted analytics"
    ]


def test_microsofts_tag_is_compared_as_well() -> None:
    assert told(World(), "ti=1&asc=G", ONLY_ANALYTICS) == [
        "microsoft-uet was told granted for ad_storage, and the visitor denied marketing"
    ]


@pytest.mark.parametrize(
    "query", ["gcs=G101", "gcd=11q1r1q1q5", "asc=D", "gcs=G1", "gcs=", "gcd=%ff%00", "asc=desc", "v=2", ""]
)
def test_a_tag_that_was_told_the_same_or_nothing_readable_is_no_mismatch(query: str) -> None:
    world = World()
    assert told(world, query, ONLY_ANALYTICS) == []
    assert world.seen() == [("wire", "passed", "tags")]


def test_what_the_visitor_left_unset_contradicts_nothing() -> None:
    assert told(World(), "gcs=G111", "consentry=v=1&analytics=granted") == []
    assert told(World(mode="observe"), "gcs=G111", "") == []


def test_while_observing_a_violation_is_compared_too() -> None:
    world = World(mode="observe")
    assert told(world, "gcs=G110", DENIED) == [AD_GRANTED]
    assert world.seen() == [("wire", "violation", "tags"), ("wire", "mismatch", "tags")]


def test_a_request_that_is_held_says_nothing_to_anyone() -> None:
    world = World()
    assert told(world, "gcs=G111", DENIED) == []
    assert world.seen() == [("wire", "answered", "tags")]


def test_the_same_names_mean_nothing_in_the_requests_of_other_vendors() -> None:
    assert told(World(), "gcs=G111", ONLY_ANALYTICS, TAG) == []


def test_what_is_exempt_is_not_compared() -> None:
    world = World()
    assert told(world, "gcs=G111", ONLY_ANALYTICS, "https://tags.test/help/x") == []
    assert world.rows == []


@pytest.mark.parametrize("choice", ["granted", "denied"])
def test_a_choice_for_the_vendor_itself_leaves_nothing_to_compare(choice: str) -> None:
    world = World(mode="observe")
    assert told(world, "gcs=G110", f"{ONLY_MARKETING}&vendor.tags={choice}") == []


def test_gpc_is_the_visitors_answer_where_the_law_binds_it() -> None:
    assert told(World(ccpa=True), "gcs=G111", GRANTED, sec_gpc="1") == [AD_GRANTED]
    assert told(World(ccpa=True), "gcs=G101", GRANTED, sec_gpc="1") == []
    assert told(World(), "gcs=G111", GRANTED, sec_gpc="1") == []


def test_in_reverse_mode_a_tagging_server_of_the_sites_own_is_compared() -> None:
    world = World()
    url = f"{SHOP}/metrics.js?gcs=G111"
    visit = world.reverse(ONLY_ANALYTICS, url, sec_fetch_dest="script", referer=f"{SHOP}/")
    assert world.engine.request(visit, "GET", url, "/metrics.js?gcs=G111", {"sec-fetch-dest": "script"}) is None
    assert [row.reason for row in world.rows if row.outcome == "mismatch"] == [AD_GRANTED]


def test_only_the_beginning_of_a_long_query_is_read_and_no_pair_in_part() -> None:
    room = 16 * 1024
    assert told(World(), f"x={'a' * (room - 11)}&gcs=G111", ONLY_ANALYTICS) == [AD_GRANTED]
    assert told(World(), f"x={'a' * (room - 11)}&gcs=G111&y=1", ONLY_ANALYTICS) == [AD_GRANTED]
    assert told(World(), f"x={'a' * (room - 10)}&gcs=G111", ONLY_ANALYTICS) == []
    # Cut off, 'asc=Groups' would say 'asc=G'.
    assert told(World(), f"x={'a' * (room - 8)}&asc=Groups", ONLY_ANALYTICS) == []


@pytest.mark.parametrize(
    "query", ["gcs=" * 16_000, "&" * 65_536, "%" * 65_536, "gcd=1" + "l" * 65_536, "gcs=\udcff&;=&="]
)
def test_a_hostile_query_is_no_trouble(query: str) -> None:
    world = World()
    assert told(world, query, ONLY_ANALYTICS) == []
    assert {row.outcome for row in world.rows} <= {"passed"}


def test_a_page_that_is_not_to_be_stored_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytes] = []
    monkeypatch.setattr(Segments, "keep", lambda *_, written, **__: kept.append(written))
    page = PAGE + b"<p>and so on, for long enough</p>"
    world = World()
    for field in ((b"cache-control", b"max-age=60, No-Store"), (b"cache-control", b"private, max-age=60")):
        assert kept == []
        world.respond(world.reverse(), html(field), page, pieces=1000)
    assert kept
