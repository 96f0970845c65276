"""Forward mode remembers who said what on which site, for a while."""

from __future__ import annotations

import pytest

from proxy_addon import visitors as module
from proxy_addon.consent.model import Consent
from proxy_addon.visitors import Visitors

CLIENT = ("10.0.0.1", "Browser/1")
OTHER = ("10.0.0.1", "Browser/2")
GRANTED, DENIED = Consent({"analytics": True}), Consent({"analytics": False})


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def visitors(clock: Clock) -> Visitors:
    return Visitors(clock)


def party(visitors: Visitors, host: str, destination: str = "script", origin: str = "", referer: str = "") -> str:
    return visitors.first_party(CLIENT, host=host, destination=destination, origin=origin, referer=referer)


def test_nothing_is_known_of_a_stranger(visitors: Visitors) -> None:
    assert visitors.consent(CLIENT, "shop.test") is None


def test_what_a_site_said_is_remembered_for_that_client_on_that_site(visitors: Visitors) -> None:
    visitors.learn(CLIENT, "shop.test", GRANTED)
    assert visitors.consent(CLIENT, "shop.test") == GRANTED
    assert visitors.consent(CLIENT, "blog.test") is None
    assert visitors.consent(OTHER, "shop.test") is None


def test_the_latest_word_counts(visitors: Visitors) -> None:
    visitors.learn(CLIENT, "shop.test", GRANTED)
    visitors.learn(CLIENT, "shop.test", DENIED)
    assert visitors.consent(CLIENT, "shop.test") == DENIED


def test_another_visit_to_a_site_forgets_nothing(visitors: Visitors) -> None:
    visitors.learn(CLIENT, "shop.test", GRANTED)
    visitors.visits(CLIENT, "shop.test")
    assert visitors.consent(CLIENT, "shop.test") == GRANTED


def test_after_half_a_day_of_silence_everything_is_forgotten(visitors: Visitors, clock: Clock) -> None:
    visitors.learn(CLIENT, "shop.test", GRANTED)
    clock.now = 12 * 3600
    assert visitors.consent(CLIENT, "shop.test") == GRANTED
    clock.now += 1
    assert visitors.consent(CLIENT, "shop.test") is None
    visitors.visits(CLIENT, "blog.test")
    assert visitors.consent(CLIENT, "shop.test") is None


def test_who_keeps_coming_is_not_forgotten(visitors: Visitors, clock: Clock) -> None:
    visitors.learn(CLIENT, "shop.test", GRANTED)
    for hour in range(48):
        clock.now = hour * 3600
        visitors.visits(CLIENT, "shop.test")
    assert visitors.consent(CLIENT, "shop.test") == GRANTED


def test_a_forgotten_client_is_on_no_site(visitors: Visitors, clock: Clock) -> None:
    visitors.visits(CLIENT, "shop.test")
    clock.now = 12 * 3600 + 1
    assert party(visitors, "acme.test") != "shop.test"


def test_sites_and_clients_are_bounded_and_the_oldest_go(visitors: Visitors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_SITES", 3)
    monkeypatch.setattr(module, "_MOST_CLIENTS", 2)
    for site in ("a.test", "b.test", "a.test", "c.test", "d.test"):
        visitors.visits(CLIENT, site)
        visitors.learn(CLIENT, site, GRANTED)
    assert [visitors.consent(CLIENT, f"{name}.test") for name in "abcd"] == [GRANTED, None, GRANTED, GRANTED]
    visitors.learn(OTHER, "a.test", DENIED)
    visitors.learn(("10.0.0.2", ""), "a.test", DENIED)
    assert visitors.consent(CLIENT, "a.test") is None
    assert visitors.consent(OTHER, "a.test") == DENIED


def test_learning_without_visits_is_bounded_too(visitors: Visitors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_SITES", 3)
    for number in range(10):
        visitors.learn(CLIENT, f"{number}.test", GRANTED)
    assert [number for number in range(10) if visitors.consent(CLIENT, f"{number}.test")] == [7, 8, 9]


# The first party


def test_a_navigation_is_its_own_first_party(visitors: Visitors) -> None:
    visitors.visits(CLIENT, "shop.test")
    assert party(visitors, "www.blog.test", "document", referer="https://shop.test/") == "blog.test"


def test_a_request_belongs_to_the_visited_site_that_origin_or_referer_name(visitors: Visitors) -> None:
    visitors.visits(CLIENT, "shop.test")
    visitors.visits(CLIENT, "blog.test")
    assert party(visitors, "acme.test", origin="https://www.shop.test") == "shop.test"
    assert party(visitors, "acme.test", referer="https://www.shop.test/a?b") == "shop.test"
    assert party(visitors, "acme.test", origin="https://shop.test", referer="https://blog.test/") == "shop.test"


@pytest.mark.parametrize("origin", ["", "null", "moz-extension://x", "not a url"])
def test_a_request_that_names_no_site_belongs_to_the_latest_one(visitors: Visitors, origin: str) -> None:
    for site in ("shop.test", "blog.test", "shop.test"):
        visitors.visits(CLIENT, site)
    assert party(visitors, "acme.test", origin=origin) == "shop.test"


def test_a_frame_belongs_to_the_site_that_it_was_seen_on(visitors: Visitors) -> None:
    visitors.visits(CLIENT, "shop.test")
    visitors.frames(CLIENT, "frame.test", "shop.test")
    visitors.visits(CLIENT, "blog.test")
    assert party(visitors, "acme.test", origin="https://frame.test") == "shop.test"
    assert party(visitors, "acme.test", origin="https://unseen.test") == "unseen.test"


def test_a_site_that_others_frame_is_a_frame_even_unseen(clock: Clock) -> None:
    visitors = Visitors(clock, framed={"acme.test"})
    visitors.visits(CLIENT, "shop.test")
    assert party(visitors, "acme.test", origin="https://www.acme.test") == "shop.test"


def test_frames_are_bounded_and_the_oldest_go(visitors: Visitors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_SITES", 2)
    visitors.visits(CLIENT, "shop.test")
    for name in ("a", "b", "a", "c"):
        visitors.frames(CLIENT, f"{name}.test", "shop.test")
    assert [party(visitors, "x.test", origin=f"https://{name}.test") for name in "abc"] == [
        "shop.test", "b.test", "shop.test",
    ]  # fmt: skip


def test_of_a_stranger_the_asking_document_counts(visitors: Visitors) -> None:
    assert party(visitors, "acme.test", referer="https://shop.test/") == "shop.test"


def test_learning_on_the_way_does_not_make_a_site_the_latest(visitors: Visitors) -> None:
    visitors.visits(CLIENT, "shop.test")
    visitors.visits(CLIENT, "blog.test")
    visitors.learn(CLIENT, "shop.test", GRANTED)
    assert party(visitors, "acme.test") == "blog.test"
