"""What passes untouched: what is named, and what is learnt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy_addon.catalogue.load import load_rules
from proxy_addon.filter.passing import Passing, Untouched

REFUSAL = "OpenSSL Error([('SSL routines', '', 'tlsv1 alert unknown ca')])"
CLOSED = "connection closed"


class World:
    """A clock, what was told, and a place for what was learnt."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_000_000.0
        self.told: list[str] = []
        self.path = folder / "state" / "untouched.json"

    def passing(self, *untouched: Untouched, learns: bool = True) -> Passing:
        return Passing(
            untouched,
            lambda host: host.endswith("vendor.test"),
            self.path if learns else None,
            lambda: self.now,
            self.told.append,
        )

    def trusted(self, *untouched: Untouched, learns: bool = True) -> Passing:
        passing = self.passing(*untouched, learns=learns)
        passing.accepted("1.1.1.1", "shop.test")
        return passing


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_host_that_is_named_passes_and_others_do_not(world: World) -> None:
    passing = world.passing(Untouched("bank.test", "A bank."), Untouched("*.push.test", "Push."))
    assert passing.why("bank.test") == "A bank."
    assert passing.why("BANK.test.") == "A bank."
    assert passing.why("a.push.test") == passing.why("push.test") == "Push."
    assert not passing.why("www.bank.test")
    assert not passing.why("notpush.test")


def test_a_program_that_refuses_us_passes_the_next_time(world: World) -> None:
    passing = world.trusted()
    assert not passing.why("app.test")
    passing.refused("1.1.1.1", "app.test", REFUSAL)
    assert passing.why("app.test")
    assert len(world.told) == 1
    assert "app.test" in world.told[0]


def test_what_was_learnt_is_remembered_by_the_next_run_and_forgotten_after_a_month(world: World) -> None:
    world.trusted().refused("1.1.1.1", "app.test", REFUSAL)
    world.now += 29 * 86_400
    assert world.passing().why("app.test")
    world.now += 2 * 86_400
    assert not world.passing().why("app.test")


def test_nothing_is_learnt_of_a_machine_that_does_not_trust_us_at_all(world: World) -> None:
    passing = world.passing()
    passing.refused("1.1.1.1", "app.test", REFUSAL)
    passing.accepted("2.2.2.2", "shop.test")
    passing.refused("1.1.1.1", "app.test", REFUSAL)
    assert not passing.why("app.test")


def test_nothing_is_learnt_of_a_host_for_which_another_program_there_trusts_us(world: World) -> None:
    passing = world.trusted()
    passing.refused("1.1.1.1", "shop.test", REFUSAL)
    assert not passing.why("shop.test")


def test_a_browser_that_does_not_trust_us_teaches_only_so_much(world: World) -> None:
    passing = world.trusted()
    for number in range(30):
        passing.refused("1.1.1.1", f"site{number}.test", REFUSAL)
    assert [bool(passing.why(f"site{number}.test")) for number in range(30)] == [True] * 10 + [False] * 20
    assert sum("does it trust our authority?" in said for said in world.told) == 1
    world.now += 3600
    passing.refused("1.1.1.1", "app.test", REFUSAL)
    assert passing.why("app.test")


def test_a_vendors_host_is_never_learnt(world: World) -> None:
    passing = world.trusted()
    passing.refused("1.1.1.1", "api.vendor.test", REFUSAL)
    assert not passing.why("api.vendor.test")


def test_a_program_that_only_hangs_up_is_believed_the_third_time(world: World) -> None:
    passing = world.trusted()
    for _ in range(2):
        passing.refused("1.1.1.1", "app.test", CLOSED)
        assert not passing.why("app.test")
    passing.refused("1.1.1.1", "app.test", CLOSED)
    assert passing.why("app.test")


def test_a_program_that_hung_up_but_trusts_us_is_not_believed(world: World) -> None:
    passing = world.trusted()
    for _ in range(5):
        passing.refused("1.1.1.1", "app.test", CLOSED)
        passing.accepted("1.1.1.1", "app.test")
    assert not passing.why("app.test")


def test_a_failure_that_is_no_refusal_teaches_nothing(world: World) -> None:
    passing = world.trusted()
    for _ in range(5):
        passing.refused("1.1.1.1", "app.test", "unsupported protocol")
        passing.refused("1.1.1.1", "", REFUSAL)
    assert not passing.why("app.test")


def test_no_more_is_remembered_than_is_bounded(world: World) -> None:
    passing = world.trusted()
    for number in range(600):
        world.now += 360
        passing.refused("1.1.1.1", f"app{number}.test", REFUSAL)
    kept = json.loads(world.path.read_text())
    assert len(kept) == 500
    assert not passing.why("app99.test")
    assert passing.why("app599.test")
    assert world.passing().why("app599.test")


def test_without_a_place_nothing_is_learnt(world: World) -> None:
    passing = world.trusted(learns=False)
    passing.refused("1.1.1.1", "app.test", REFUSAL)
    assert not passing.why("app.test")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a.test": "x"}', b"\xff", b'{"a.test": null}'])
def test_a_damaged_memory_is_an_empty_one(world: World, content: bytes) -> None:
    world.path.parent.mkdir()
    world.path.write_bytes(content)
    assert not world.passing().why("a.test")


def test_a_memory_that_cannot_be_written_teaches_for_this_run(world: World) -> None:
    world.path.parent.write_text("a file where a folder should be")
    passing = world.trusted()
    passing.refused("1.1.1.1", "app.test", REFUSAL)
    assert passing.why("app.test")


def test_no_shipped_host_is_a_catalogued_vendors() -> None:
    rules = load_rules()
    hosts = [each["host"].removeprefix("*.") for each in rules.untouched]
    matches = {host: rules.catalogue.match(f"https://{host}/") for host in hosts}
    assert {host: match for host, match in matches.items() if match is not None and not match.exempt} == {}
