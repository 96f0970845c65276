"""The scene: what it counts, to which page load a row belongs, and that nobody can make it grow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy_addon.consent.model import Consent
from proxy_addon.dashboard.scene import HELD, LEAKED, OTHER, RAN, Scene, kind_of
from proxy_addon.ledger import OUTCOMES
from proxy_addon.watch import Cookie

from .world import PAGE, SAID, SITE, START, WHO, seen


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.page(WHO, PAGE, Consent(), START)
    return scene


def counts(scene: Scene, vendor: str = "acme") -> tuple[int, int, int]:
    site = scene.site(SITE)
    assert site is not None
    count = site.vendors[vendor]
    return count.held, count.ran, count.leaked


def test_every_outcome_counts_as_something() -> None:
    kinds = {outcome: kind_of(outcome) for outcome in OUTCOMES}
    assert kinds == {
        "held": HELD,
        "answered": HELD,
        "passed": RAN,
        "released": RAN,
        "filtered": RAN,
        "violation": LEAKED,
        "leak": LEAKED,
        "mismatch": OTHER,
        "trouble": OTHER,
    }


def test_rows_are_counted_by_vendor_and_when_it_was_seen(scene: Scene) -> None:
    for number, outcome in enumerate(["held", "answered", "released", "leak"], 1):
        scene.record(seen(number, outcome=outcome))
    assert counts(scene) == (2, 1, 1)
    site = scene.site(SITE)
    assert site is not None
    assert (site.vendors["acme"].first, site.vendors["acme"].last) == (START + 1, START + 4)


def test_a_row_belongs_to_the_latest_load_of_its_page(scene: Scene) -> None:
    scene.page(WHO, "https://shop.test/other", Consent(), START + 1)
    scene.record(seen(2))
    assert [row.load for row in scene.rows()] == [1]


def test_a_row_whose_page_is_not_known_belongs_to_the_visitors_latest_load(scene: Scene) -> None:
    scene.page(WHO, "https://shop.test/other", Consent(), START + 1)
    scene.record(seen(2, page="https://shop.test/"))
    assert [row.load for row in scene.rows()] == [2]


def test_a_row_of_another_visitor_belongs_to_no_load_of_this_one(scene: Scene) -> None:
    scene.record(seen(1, visitor="ffffffffffffffff"))
    assert [row.load for row in scene.rows()] == [0]


def test_a_consent_that_changes_stands_on_the_timeline_once(scene: Scene) -> None:
    said = Consent(SAID, signal="cookie consentry")
    scene.consent(WHO, said, START + 2)
    scene.consent(WHO, said, START + 3)
    found = scene.load(1)
    assert found is not None
    assert [(choice["time"], choice["signal"]) for choice in found[0]["choices"]] == [(START + 2, "cookie consentry")]


def test_what_a_visitor_said_before_is_remembered(scene: Scene) -> None:
    scene.consent(WHO, Consent(SAID), START + 1)
    [visitor] = scene.picture()["visitors"]
    assert [each["words"] for each in visitor["history"]] == [Consent().words(), Consent(SAID).words()]


def test_a_visitor_is_shown_without_address_and_user_agent(scene: Scene) -> None:
    [visitor] = scene.picture()["visitors"]
    assert "10.0.0.1" not in str(visitor)
    assert "Mozilla" not in str(visitor)
    assert visitor["browser"] == "Chrome 131 on Linux"


def test_a_pages_word_on_an_older_order_does_not_undo_a_newer_one(scene: Scene) -> None:
    older, newer = Consent({"analytics": True}), Consent({"analytics": True, "marketing": True})
    scene.expect(WHO.visitor, older, 1)
    scene.expect(WHO.visitor, newer, 2)
    scene.consent(WHO, older, START + 1, 1)
    assert scene.picture()["visitors"][0]["words"] == newer.words()
    scene.consent(WHO, newer, START + 2, 2)
    # What the visitor says without any order counts.
    scene.consent(WHO, older, START + 3)
    assert scene.picture()["visitors"][0]["words"] == older.words()


def test_an_order_is_owed_until_a_page_has_carried_it_out(scene: Scene) -> None:
    assert scene.owed(WHO.visitor) == 0
    scene.expect(WHO.visitor, Consent(SAID), 2)
    for nonsense in (1, 3, 0, -1):
        scene.done(WHO.visitor, nonsense)
        assert scene.owed(WHO.visitor) == 2
    scene.done(WHO.visitor, 2)
    assert scene.owed(WHO.visitor) == scene.owed("nobody") == 0


def test_news_begin_where_the_picture_ends(scene: Scene) -> None:
    woken: list[int] = []
    scene.record(seen(1))
    subscription = scene.subscribe(lambda: woken.append(1))
    assert scene.picture(subscription)["rows"] == 1
    scene.record(seen(2))
    scene.record(seen(3))
    news = scene.news(subscription)
    assert news is not None
    assert [(what, plain["number"]) for what, plain in news] == [("row", 2), ("row", 3)]
    assert len(woken) == 1
    assert scene.news(subscription) == []


def test_who_falls_behind_is_told_to_look_anew(scene: Scene) -> None:
    subscription = scene.subscribe(lambda: None)
    for number in range(1, 1500):
        scene.record(seen(number))
    assert scene.news(subscription) is None
    scene.record(seen(1500))
    news = scene.news(subscription)
    assert news is not None
    assert len(news) == 1


def test_who_has_left_is_told_nothing(scene: Scene) -> None:
    woken: list[int] = []
    subscription = scene.subscribe(lambda: woken.append(1))
    scene.leave(subscription)
    scene.record(seen(1))
    assert woken == []


def test_the_badge_counts_one_page_load(scene: Scene) -> None:
    scene.record(seen(1))
    scene.page(WHO, PAGE, Consent(), START + 2)
    scene.record(seen(3, outcome="released"))
    vendors = scene.counts(WHO, PAGE)["vendors"]
    assert (vendors["acme"]["held"], vendors["acme"]["ran"]) == (0, 1)


def test_rows_are_found_by_vendor_kind_and_place(scene: Scene) -> None:
    for number in range(1, 6):
        scene.record(seen(number, vendor="acme" if number % 2 else "ads", outcome="held" if number < 4 else "leak"))
    assert [row.number for row in scene.rows(vendor="acme")] == [5, 3, 1]
    assert [row.number for row in scene.rows(kind=LEAKED)] == [5, 4]
    assert [row.number for row in scene.rows(before=3, most=1)] == [2]
    assert scene.rows(site="other.test") == []


def test_a_flood_of_names_does_not_make_it_grow() -> None:
    scene = Scene()
    for number in range(3000):
        who = replace(WHO, visitor=f"{number:016x}", site=f"s{number}.test")
        scene.page(who, f"https://s{number}.test/", Consent(), START)
        scene.page(WHO, f"https://shop.test/{number}", Consent(), START)
        scene.record(seen(number, page=f"https://shop.test/{number}"))
        scene.cookies(WHO, (Cookie(f"c{number}" * 1000, "shop.test"),), START)
        scene.host(WHO, f"h{number}.test", f"https://shop.test/{number}", f"k{number}", START)
        scene.host(WHO, "always.test", f"https://shop.test/{number}", f"k{number}", START)
    picture, site = scene.picture(), scene.site(SITE)
    assert site is not None
    assert len(picture["sites"]) <= 100
    assert len(picture["loads"]) <= 60
    assert len(picture["visitors"]) <= 500
    assert len(site.pages) <= 200
    assert len(site.hosts) <= 500
    assert len(site.cookies) <= 1000
    assert max(len(name) for name, _ in site.cookies) <= 2000
    always = site.hosts["always.test"]
    assert (always.times, len(always.pages), len(always.kinds)) == (3000, 5, 10)


def test_one_load_keeps_so_many_rows_and_counts_the_rest(scene: Scene) -> None:
    for number in range(1, 701):
        scene.record(seen(number))
    found = scene.load(1)
    assert found is not None
    assert (len(found[1]), found[0]["left_out"]) == (600, 100)
    assert counts(scene) == (700, 0, 0)


def test_a_lifetime_that_was_told_is_kept(scene: Scene) -> None:
    scene.cookies(WHO, (Cookie("a", SITE, "2 years"),), START)
    scene.cookies(WHO, (Cookie("a", SITE),), START + 1)
    site = scene.site(SITE)
    assert site is not None
    assert site.cookies["a", SITE].cookie.lifetime == "2 years"
