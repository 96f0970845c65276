"""What the pages show, and what the API answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import html5lib
import pytest

from proxy_addon.consent.model import Consent
from proxy_addon.dashboard import scene
from proxy_addon.dashboard.app import Past
from proxy_addon.dashboard.keeping import Standing
from proxy_addon.ledger import Evidence, trouble_with_ledger
from proxy_addon.watch import Cookie
from tests.kit.client import fetch

from .world import PAGE, SAID, SITE, START, WHO, World, seen, world

HOSTILE = "\"'><img src=x onerror=alert(1)></textarea></script><script>alert(2)</script>{{7*7}}"


@pytest.fixture
def made() -> Iterator[World]:
    with world() as made:
        yield made


class Kept:
    """A ledger of 150 rows that are older than all others."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.stands = Standing("evidence.db")

    def rows(
        self, *, vendor: str, site: str, than: Evidence | None, before: int | None, most: int
    ) -> tuple[list[Past], int]:
        self.asked.append({"vendor": vendor, "site": site, "than": than})
        newest = 150 if before is None else before - 1
        found = [Past(number, seen(-1000 + number)) for number in range(newest, max(0, newest - most), -1)]
        return found, found[-1].id if len(found) == most else 0

    def standing(self) -> Standing:
        return self.stands


def addresses(answer: dict[str, Any]) -> list[float]:
    return [row["time"] - START for row in answer["rows"]]


def parsed(text: str) -> Any:
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)  # type: ignore[no-untyped-call]
    tree = parser.parse(text)  # type: ignore[no-untyped-call]
    assert [error for error in parser.errors if error[1] not in ("foreign-attribute",)] == []
    return tree


@pytest.mark.parametrize(
    "path", ["/", "/consent", "/vendors", "/vendors?q=counter", "/vendors/acme", "/vendors/ads", "/site", "/login"]
)
def test_every_page_is_valid_and_named(made: World, path: str) -> None:
    made.visit()
    made.scene.record(seen(1))
    made.scene.cookies(WHO, (Cookie("_acme_1", SITE),), START)
    made.scene.host(WHO, "cdn.other.test", PAGE, "script", START)
    tree = parsed(made.get(path).text)
    assert len(tree.findall(".//h1")) == 1
    assert (tree.findtext(".//title") or "").endswith("· Consentry")
    ids = [element.attrib["id"] for element in tree.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", ["/nowhere", "/vendors/nobody", "/static/nothing.js", "/static/..%2fapp.py"])
def test_what_is_not_there_is_not_found(made: World, path: str) -> None:
    assert made.get(path).status == 404


def test_files_under_their_version_may_be_kept(made: World) -> None:
    versioned = re.search(r"/static/dashboard\.css\?v=\w+", made.get("/").text)
    assert versioned is not None
    assert "immutable" in (made.get(versioned[0]).header("cache-control") or "")
    assert made.get("/static/dashboard.css?v=other").header("cache-control") == "no-cache"


# The directory


def test_a_vendors_page_tells_what_its_file_says(made: World) -> None:
    text = made.get("/vendors/acme").text
    for said in (
        "the counter",
        "Pots",
        "Counts.",
        "Offer a way out.",
        "_acme_*",
        "2 years",
        "Why?",
        "Because.",
        "The script.",
    ):
        assert said in text
    assert 'href="/vendors/ads"' in text
    assert 'href="/vendors/gone"' not in text


def test_vendors_that_were_seen_on_the_site_are_marked(made: World) -> None:
    made.visit()
    made.scene.record(seen(1))
    listed = parsed(made.get("/vendors").text).findall(".//ul[@id='vendors']/li")
    assert {item.findtext(".//h2/a"): "data-seen" in item.attrib for item in listed} == {"Acme": True, "Ads": False}
    assert "seen 1 time on" in made.get("/vendors/acme").text


def test_a_search_works_without_scripts(made: World) -> None:
    listed = parsed(made.get("/vendors?q=Counter").text).findall(".//ul[@id='vendors']/li")
    assert {item.findtext(".//h2/a"): "hidden" in item.attrib for item in listed} == {"Acme": False, "Ads": True}


# The site


def test_a_site_page_has_what_it_takes_its_cookies_and_unknown_hosts(made: World) -> None:
    made.visit()
    made.scene.record(seen(1))
    made.scene.cookies(WHO, (Cookie("_acme_1", SITE), Cookie("basket", SITE, "Session")), START)
    made.scene.host(WHO, "cdn.other.test", PAGE, "script", START)
    text = made.get(f"/site?site={SITE}").text
    for said in ("Held until analytics is granted", "_acme_*", "basket", "cdn.other.test", "vendor: other-test", PAGE):
        assert said in text


@pytest.mark.parametrize(("form", "says"), [("html", "<table>"), ("md", "| Cookie |"), ("csv", "Cookie,Set by")])
def test_the_cookie_table_can_be_fetched(made: World, form: str, says: str) -> None:
    made.visit()
    made.scene.cookies(WHO, (Cookie("_acme_1", SITE),), START)
    answer = made.get(f"/site/cookies.{form}?site={SITE}")
    assert says in answer.text
    # Nothing that a browser would run.
    assert (answer.header("content-type") or "").startswith(("text/plain", "text/csv"))


def test_a_table_that_is_not_there_is_not_found(made: World) -> None:
    assert made.get("/site/cookies.exe").status == made.get("/site/cookies.csv").status == 404


# Whatever a site says is text


def test_what_a_hostile_site_names_is_text_everywhere(made: World) -> None:
    who = replace(WHO, site=HOSTILE, origin=HOSTILE, client=("10.0.0.1", HOSTILE))
    made.scene.page(
        who, f"https://x.test/{HOSTILE}", Consent(SAID, {HOSTILE: True}, signal=HOSTILE, note=HOSTILE), START
    )
    row = seen(1, site=HOSTILE, page=f"https://x.test/{HOSTILE}", url=HOSTILE, reason=HOSTILE, type=HOSTILE)
    made.scene.record(row)
    made.scene.record(replace(row, vendor=HOSTILE, rule=HOSTILE))
    made.scene.cookies(who, (Cookie(HOSTILE, HOSTILE, HOSTILE),), START)
    made.scene.host(who, HOSTILE, HOSTILE, HOSTILE, START)
    for path in ("/", "/consent", "/vendors", f"/vendors?q={'%22%3E%3Cimg%20src=x%3E'}", "/site", "/vendors/acme"):
        tree = parsed(made.get(path).text)
        assert tree.findall(".//img") == []
        scripts = [each for each in tree.iter("script") if each.attrib.get("type") != "application/json"]
        assert all(each.attrib["src"].startswith("/static/") and not each.text for each in scripts)
    assert HOSTILE in "".join(parsed(made.get("/site").text).itertext())


def test_half_a_character_breaks_nothing(made: World) -> None:
    half = "\ud800\x00\x1b[31m"
    made.visit()
    made.scene.record(seen(1, url=half, page=half, reason=half, site=SITE))
    made.scene.cookies(WHO, (Cookie(half, SITE, half),), START)
    made.scene.host(WHO, half, half, half, START)
    assert made.get("/api/rows?vendor=acme").status == 200
    assert made.get("/site").status == 200
    assert made.get("/site/cookies.csv").status == 200
    with made.stream() as events:
        assert next(events)[0] == "picture"


# Rows


def test_rows_come_newest_first_with_the_rule_in_words(made: World) -> None:
    made.visit()
    for number in (1, 2):
        made.scene.record(seen(number))
    made.scene.record(seen(3, vendor="ads"))
    answer = made.rows(vendor="acme")
    assert addresses(answer) == [2, 1]
    assert "acme-script" in answer["rows"][0]["words"]
    assert answer["next"] == ""


def test_rows_of_one_page_load(made: World) -> None:
    made.visit()
    made.scene.record(seen(1))
    made.visit()
    made.scene.record(seen(2))
    assert addresses(made.rows(vendor="acme", load="1")) == [1]
    assert addresses(made.rows(vendor="acme", load="99")) == []


def test_older_rows_are_asked_of_memory_and_then_of_the_ledger() -> None:
    kept = Kept()
    with world(history=kept) as made:
        made.visit()
        for number in range(1, 131):
            made.scene.record(seen(number))
        times: list[float] = []
        before = ""
        for _ in range(10):
            answer = made.rows(vendor="acme", before=before)
            times += addresses(answer)
            before = answer["next"]
            if not before:
                break
    assert times == [*range(130, 0, -1), *(number - 1000 for number in range(150, 0, -1))]
    assert kept.asked[0] == {"vendor": "acme", "site": "", "than": seen(1)}


@pytest.mark.parametrize("before", ["x", "m", "s-1", "m1e9", "'; DROP TABLE"])
def test_a_cursor_that_makes_no_sense_is_the_beginning(made: World, before: str) -> None:
    made.visit()
    made.scene.record(seen(1))
    assert addresses(made.rows(vendor="acme", before=before)) == [1]


def test_a_page_load_is_told_with_its_rows(made: World) -> None:
    made.visit()
    made.scene.record(seen(1))
    answer = made.json("/api/load/1")
    assert (answer["page"], [row["number"] for row in answer["rows"]]) == (PAGE, [1])
    assert made.get("/api/load/2").status == 404


# Live


def test_a_stream_begins_with_a_picture_and_goes_on_with_news(made: World) -> None:
    made.visit()
    made.scene.record(seen(1))
    with made.stream() as events:
        name, picture = next(events)
        assert (name, picture["rows"], len(picture["visitors"])) == ("picture", 1, 1)
        made.scene.record(seen(2))
        name, news = next(events)
        assert (name, [(what, plain["number"]) for what, plain in news]) == ("news", [("row", 2)])


def test_a_stream_that_fell_behind_is_shown_a_new_picture(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene, "_MOST_WAITING", 1)
    made.visit()
    with made.stream() as events:
        next(events)
        for number in range(1, 50):
            made.scene.record(seen(number))
        names = [next(events)[0]]
        while names[-1] == "news":
            names.append(next(events)[0])
        assert names[-1] == "picture"


def test_trouble_with_the_ledger_is_told_when_it_comes_and_when_it_goes() -> None:
    kept = Kept()
    with world(history=kept) as made, made.stream() as events:
        assert next(events)[1]["ledger"] == {}
        kept.stands = Standing("evidence.db", failing="database or disk is full", waiting=3)
        made.scene.record(trouble_with_ledger(START, "evidence cannot be stored"))
        told = dict(next(events) for _ in range(2))
        assert told["ledger"]["title"] == "Evidence cannot be stored"
        with made.stream() as others:
            assert next(others)[1]["ledger"] == told["ledger"], "who comes later hears of it too"
        kept.stands = Standing("evidence.db")
        made.scene.record(trouble_with_ledger(START, "evidence is stored again, and none is lost"))
        assert dict(next(events) for _ in range(2))["ledger"] == {}


def test_a_ledger_that_could_not_be_had_is_told_of(made: World) -> None:
    made.scene.record(trouble_with_ledger(START, "evidence is not kept: the disk is gone"))
    with made.stream() as events:
        told = next(events)[1]["ledger"]
    assert (told["title"], told["what"]) == ("There is no ledger", "Evidence is not kept: the disk is gone.")


def test_only_so_many_watch_at_once(made: World) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            next(stack.enter_context(made.stream()))
        assert made.get("/api/events").status == 503


# Steering


def test_a_switch_reaches_the_open_pages_of_the_visitor_and_of_nobody_else(made: World) -> None:
    who = made.visit()
    other = made.visit(visitor="ffffffffffffffff")
    with made.page_channel(who) as messages, made.page_channel(other) as others:
        made.wait_for_listeners(who, other)
        answer = made.post({"visitor": who.visitor, "preset": "only-analytics"})
        assert (answer.status, json.loads(answer.text)["pages"]) == (200, 1)
        name, message = next(messages)
        assert name == "set"
        assert message["cookie"] == "v=1&functional=denied&analytics=granted&marketing=denied"
        made.post({"visitor": other.visitor, "preset": "reject"})
        assert next(others)[1]["cookie"] == "v=1&functional=denied&analytics=denied&marketing=denied"


def test_without_an_open_page_a_switch_says_so(made: World) -> None:
    who = made.visit()
    answer = made.post({"visitor": who.visitor, "preset": "accept"})
    assert answer.status == 409
    assert "open one" in answer.text


def test_gpc_is_pretended_without_an_open_page_too(made: World) -> None:
    who = made.visit()
    assert made.post({"visitor": who.visitor, "preset": "gpc-on"}).status == 200
    assert made.pretended == [(who.client, SITE, True)]
    assert made.scene.picture()["visitors"][0]["pretends"] is True
    made.post({"visitor": who.visitor, "preset": "gpc-off"})
    assert made.pretended[1:] == [(who.client, SITE, False)]


def test_an_order_that_makes_no_sense_is_refused_in_words(made: World) -> None:
    who = made.visit()
    answer = made.post({"visitor": who.visitor, "preset": "everything"})
    assert answer.status == 400
    assert "no such preset" in answer.text
    assert made.post({"visitor": "nobody", "preset": "accept"}).status == 404


def test_one_visitor_has_so_many_channels_and_no_more(made: World) -> None:
    who = made.visit()
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(made.page_channel(who))
        host, port = made.server.inside
        refused = fetch(f"http://{host}:{port}/inside/live", {"x-consentry-ticket": made.server.ticket(who)})
        # An EventSource takes this for the end, and does not ask again.
        assert refused.status == 204
    made.wait_for_listeners()
