"""What is known of a router's sources, how it is learnt, and how long it lasts."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from proxy_addon.config import Site
from proxy_addon.routers import DROP, EVENTS, LISTING, SETTINGS, Fetch, Routers, Way

from .rewrite.routers import relay
from .small import GDPR

SITE = Site("enforce", GDPR, None, strict_labels=False)
SAYS = json.dumps({"integrations": {"Ads": {}, "Relay": {}}})
LISTS = json.dumps([{"name": "Tally"}, {"name": "Ads"}])
SETTINGS_URL, LISTING_URL = "https://cdn.relay.test/sources/K1/settings", "https://cdn.relay.test/sources/K1/list"


def routers(fetch: Fetch | None = None, clock: list[float] | None = None) -> Routers:
    at = clock or [1000.0]
    return Routers(relay(), [SITE], fetch, lambda: at[0])


def way(url: str, method: str = "GET") -> Way | None:
    return routers().way(relay().match(url), url, method)


@pytest.mark.parametrize(
    ("url", "part"),
    [
        (SETTINGS_URL, SETTINGS),
        (LISTING_URL, LISTING),
        ("https://api.relay.test/v1/t", EVENTS),
        ("https://relay.test/x", EVENTS),
        ("https://api.relay.test/v1/pixel/t", DROP),
        ("https://api.relay.test/v1/health", None),
        ("https://cdn.relay.test/js/K1/relay.js", None),
    ],
)
def test_what_a_request_is_to_a_router_is_known_by_its_rule(url: str, part: str | None) -> None:
    assert way(url) == (Way("relay", part) if part else None)


@pytest.mark.parametrize(
    ("url", "method", "part"),
    [
        ("https://shop.test/cdn/sources/K1/settings", "GET", SETTINGS),
        ("https://shop.test/cdn/sources/K1/settings", "POST", None),
        ("https://shop.test/proxy/t", "POST", EVENTS),
        ("https://shop.test/proxy/t", "GET", None),
        ("https://shop.test/about", "POST", None),
        ("nothing", "GET", None),
    ],
)
def test_on_any_other_host_its_path_is_a_first_sign(url: str, method: str, part: str | None) -> None:
    found = routers().way(None, url, method)
    # (Which router's it is, its body says.)
    assert (found and (found.part, found.stranger)) == ((part, True) if part else None)


def test_what_was_never_heard_of_is_not_known() -> None:
    known = routers()
    assert known.active("shop.test", "relay", "K1") is None
    assert known.active("shop.test", "relay", None) is None
    assert known.active_on("shop.test", "relay") is None
    assert known.plain("shop.test") == {}


def test_settings_and_listings_are_known_together() -> None:
    known = routers()
    known.learn("", "relay", "K1", frozenset({"Ads"}))
    known.learn("", "relay", "K1", frozenset({"Tally"}), listing=True)
    assert known.active("shop.test", "relay", "K1") == frozenset({"Ads", "Tally"})
    known.learn("", "relay", "K1", frozenset())
    assert known.active("shop.test", "relay", "K1") == frozenset({"Tally"})


def test_what_a_site_says_on_a_host_of_its_own_counts_there_only() -> None:
    known = routers()
    known.learn("shop.test", "relay", "K1", frozenset({"Ads"}))
    assert known.active("shop.test", "relay", "K1") == frozenset({"Ads"})
    assert known.active("blog.test", "relay", "K1") is None
    known.learn("", "relay", "K1", frozenset({"Tally"}))
    assert known.active("shop.test", "relay", "K1") == frozenset({"Tally"})


def test_what_a_site_uses_is_known_only_if_all_of_its_sources_are() -> None:
    known = routers()
    known.sees("shop.test", "relay", "K1")
    known.sees("shop.test", "relay", "K2")
    known.learn("", "relay", "K1", frozenset({"Ads"}))
    assert known.active_on("shop.test", "relay") is None
    assert known.plain("shop.test") == {"relay": {"K1": ["Ads"]}}
    known.learn("", "relay", "K2", frozenset({"Tally"}))
    assert known.active_on("shop.test", "relay") == frozenset({"Ads", "Tally"})
    assert known.active_on("blog.test", "relay") is None


def test_memory_is_bounded() -> None:
    known = routers()
    for index in range(1200):
        known.sees(f"s{index}.test", "relay", "K")
        known.learn("", "relay", f"K{index}", frozenset({"Ads"}))
    assert known.active("x.test", "relay", "K100") is None
    assert known.active("x.test", "relay", "K1199") == frozenset({"Ads"})
    assert (len(known._sources), len(known._keys)) == (1000, 1000)
    for index in range(50):
        known.sees("shop.test", "relay", f"K{index}")
    assert len(known._keys["shop.test", "relay"]) == 8
    known.learn("", "relay", "many", frozenset(map(str, range(2000))))
    assert known.active("x.test", "relay", "many") is None


# Asking


class Asked:
    """Answers for the router, and remembers what was asked."""

    def __init__(self, answers: dict[str, str] | None = None) -> None:
        self.answers = {SETTINGS_URL: SAYS, LISTING_URL: LISTS} if answers is None else answers
        self.urls: list[str] = []
        self.done = threading.Semaphore(0)

    def __call__(self, url: str) -> str | None:
        self.urls.append(url)
        if url.endswith("/list"):
            self.done.release()
        if url not in self.answers:
            raise OSError("offline")
        return self.answers[url]


def ended(known: Routers) -> None:
    """Wait until nobody asks any more."""
    for thread in threading.enumerate():
        if getattr(thread, "_target", None) == known._ask:
            thread.join(10)


def test_a_source_is_asked_for_once_and_what_it_says_is_known() -> None:
    asked = Asked()
    known = routers(asked)
    known.ask("relay", "K1")
    assert asked.done.acquire(timeout=10)
    ended(known)
    known.ask("relay", "K1")
    ended(known)
    assert asked.urls == [SETTINGS_URL, LISTING_URL]
    assert known.active("shop.test", "relay", "K1") == frozenset({"Ads", "Tally"})


def test_what_cannot_be_asked_is_not_known_and_is_asked_again_later() -> None:
    asked, clock = Asked({}), [1000.0]
    known = routers(asked, clock)
    for wait, times in ((0, 2), (60, 2), (601, 4)):
        clock[0] = 1000.0 + wait
        known.ask("relay", "K1")
        ended(known)
        assert len(asked.urls) == times
    assert known.active("shop.test", "relay", "K1") is None


@pytest.mark.parametrize("answer", ["", "{", "{}", '{"error":"no such source"}', "<html>", " " * 9_000_000])
def test_an_answer_that_makes_no_sense_says_nothing(answer: str) -> None:
    known = routers(lambda _: answer)
    known.read("relay", "K1", SETTINGS_URL)
    assert known.active("shop.test", "relay", "K1") is None


def test_only_so_many_ask_at_once() -> None:
    let_go, started = threading.Event(), threading.Semaphore(0)

    def fetch(_: str) -> str | None:
        started.release()
        let_go.wait(10)
        return None

    known = routers(fetch)
    for index in range(10):
        known.ask("relay", f"K{index}")
    for _ in range(4):
        assert started.acquire(timeout=10)
    assert not started.acquire(blocking=False)
    let_go.set()
    ended(known)


def test_without_a_way_to_ask_nobody_is_asked() -> None:
    known = routers()
    known.ask("relay", "K1")
    assert known.active("shop.test", "relay", "K1") is None


def test_a_site_has_its_own_categories_for_destinations() -> None:
    site = replace(SITE, destinations={"Ads": "functional"})
    known = Routers(relay(), [SITE, site])
    for each, category in ((SITE, "marketing"), (site, "functional"), (replace(site), "functional")):
        roster = known.roster(each, "relay")
        assert roster is not None
        assert roster.find("Ads").categories == (category,)
    assert known.roster(SITE, "meter") is None
