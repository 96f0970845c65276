"""What replicas know of each other: in memory, and in a real Redis or Valkey that comes and goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.config import UsageError
from proxy_addon.consent.model import CATEGORIES, Consent
from proxy_addon.ledger.visitor import Pseudonyms
from proxy_addon.own import Quota
from proxy_addon.setup import open_state
from proxy_addon.state import Memory, Shared, read_consent, write_consent
from proxy_addon.state.redis import RedisState
from proxy_addon.visitors import Visitors
from tests.kit.redis import Redis, program

CLIENT = ("203.0.113.7", "Firefox")
URL = "https://cdn.acme.test/a.js?secret=1"
GRANTED = Consent({"analytics": True}, {"acme": False}, gpc=True, refused={"ads": frozenset({"marketing"})})

_choices = st.dictionaries(st.sampled_from(CATEGORIES), st.booleans())
_consents = st.builds(
    Consent,
    categories=_choices,
    vendors=st.dictionaries(st.text(max_size=8), st.booleans(), max_size=3),
    gpc=st.booleans(),
    signal=st.text(max_size=8),
    note=st.text(max_size=8),
    implied=_choices,
    refused=st.dictionaries(st.text(max_size=8), st.frozensets(st.sampled_from(CATEGORIES)), max_size=3),
    dnt=st.booleans(),
    sources=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    if program() is None:
        pytest.skip("neither Valkey nor Redis is installed (Debian: apt-get install redis-server)")
    with Redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def told() -> list[str]:
    return []


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(_consents)
def test_a_consent_is_read_as_it_was_written(consent: Consent) -> None:
    assert read_consent(write_consent(consent)) == consent


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"refused": 1}', '{"refused": {}, "new": 1}', '{"refused": {"a": 1}}']
)
def test_what_another_release_has_written_is_no_consent(text: str) -> None:
    assert read_consent(text) is None


def test_what_is_known_in_memory_is_forgotten_when_its_time_is_up() -> None:
    clock = Clock()
    memory = Memory(clock)
    memory.put("held", "key", "1", 60)
    assert (memory.get("held", "key"), memory.get("consent", "key")) == ("1", None)
    clock.now += 60
    assert memory.get("held", "key") is None


def test_what_is_counted_in_memory_begins_anew_when_its_time_is_up() -> None:
    clock = Clock()
    memory = Memory(clock)
    assert [memory.add("reported", "key", each, 60) for each in (1, 2)] == [1, 3]
    clock.now += 59
    assert memory.add("reported", "key", 4, 60) == 7
    clock.now += 1
    assert memory.add("reported", "key", 5, 60) == 5


def test_two_replicas_count_together_what_a_page_reports(server: Redis, told: list[str]) -> None:
    one, two = (Quota(Clock(), Shared(RedisState(server.url, told.append))) for _ in range(2))
    site = "reporting.example"
    assert one.take(CLIENT, site, 900) == (900, False)
    assert two.take(CLIENT, site, 250) == (100, True)
    assert one.take(CLIENT, site, 1) == (0, False)
    assert two.take(CLIENT, "other.example", 5) == (5, False)
    assert told == []


def test_memory_is_bounded() -> None:
    memory = Memory()
    for number in range(20_001):
        memory.put("held", str(number), "1", 60)
    assert (memory.get("held", "0"), memory.get("held", "20000")) == (None, "1")


def test_two_replicas_know_what_either_was_told(server: Redis, told: list[str]) -> None:
    one, two = (Shared(RedisState(server.url, told.append), Pseudonyms(each)) for each in (b"a" * 32, b"b" * 32))
    assert not two.held(CLIENT, "shop.example", URL)
    one.holds(CLIENT, "shop.example", URL)
    one.learn(CLIENT, "shop.example", GRANTED)
    assert two.held(CLIENT, "shop.example", URL)
    assert two.consent(CLIENT, "shop.example") == GRANTED
    assert two.consent(CLIENT, "other.example") is None
    assert one.pseudonyms.of(*CLIENT, "shop.example") == two.pseudonyms.of(*CLIENT, "shop.example")
    assert told == []


def test_what_a_visitor_takes_back_on_one_replica_counts_on_the_other(server: Redis, told: list[str]) -> None:
    one, two = (Visitors(shared=Shared(RedisState(server.url, told.append))) for _ in range(2))
    one.learn(CLIENT, "shop.example", Consent({"marketing": True}))
    two.learn(CLIENT, "shop.example", Consent({"marketing": True}))
    one.learn(CLIENT, "shop.example", Consent({"marketing": False}))
    assert two.consent(CLIENT, "shop.example") == Consent({"marketing": False})


def test_nothing_of_a_visitor_can_be_read_there(server: Redis, told: list[str]) -> None:
    import redis

    Shared(RedisState(server.url, told.append)).holds(CLIENT, "secret.example", URL)
    keys = str(redis.Redis.from_url(server.url).keys())
    for word in ("203.0.113.7", "Firefox", "secret", "acme"):
        assert word not in keys


def test_a_replica_goes_by_what_it_knows_itself_while_the_state_is_away(tmp_path: Path, told: list[str]) -> None:
    if program() is None:
        pytest.skip("neither Valkey nor Redis is installed (Debian: apt-get install redis-server)")
    clock = Clock()
    with Redis(tmp_path) as server:
        state = RedisState(server.url, told.append, clock)
        state.put("held", "before", "1", 600)
        server.stop()
        assert state.get("held", "before") == "1"
        state.put("held", "during", "1", 600)
        assert state.get("held", "during") == "1"
        assert len(told) == 1
        assert "cannot be reached" in told[0]
        server.start()
        # It is not asked again at once.
        assert state.get("held", "during") == "1"
        clock.now += 2
        state.put("held", "after", "1", 600)
        assert state.get("held", "after") == "1"
        assert told[1:] == ["the state is reached again"]
        state.close()


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("memcached://x", "is no address of a state"),
        ("redis://127.0.0.1:1/0", "cannot be reached"),
        ("redis://x:y", "is no address of a state"),
    ],
)
def test_a_state_that_cannot_be_had_ends_the_start_with_one_sentence(where: str, says: str, told: list[str]) -> None:
    with pytest.raises(UsageError, match=says) as error:
        open_state(where, told.append)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "where",
    [
        "redis://:s3cret@127.0.0.1:1/0",
        "redis://:s3cret@127.0.0.1:port/0",
        "redis://:s3cret/x@127.0.0.1:1/0",
        "http://u:s3cret@127.0.0.1",
        "u:s3cret@127.0.0.1:6379",
    ],
)
def test_what_lets_one_in_is_not_shown(where: str) -> None:
    with pytest.raises(UsageError) as error:
        open_state(where, lambda _: None)
    assert "s3cret" not in str(error.value)
