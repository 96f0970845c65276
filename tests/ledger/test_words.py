"""What people write: places, how long to keep, and moments."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy_addon.ledger import LedgerError, new_session
from proxy_addon.ledger.moment import parse_moment
from proxy_addon.ledger.place import Place, default_place, parse_place
from proxy_addon.ledger.retention import Keep, parse_keep

NOW = 1_767_261_600.0


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("evidence.db", Place(Path("evidence.db"))),
        ("/var/lib/x.db", Place(Path("/var/lib/x.db"))),
        ("~/x.db", Place(Path("/home/someone/x.db"))),
        ("sqlite:///x.db", Place(Path("x.db"))),
        ("sqlite:////var/x.db", Place(Path("/var/x.db"))),
        ("SQLite:///~/x.db", Place(Path("/home/someone/x.db"))),
        ("postgresql://me@db/x", Place(None, "postgresql://me@db/x")),
        ("postgres://db/x", Place(None, "postgresql://db/x")),
    ],
)
def test_a_place_is_a_file_or_a_database(text: str, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert parse_place(text) == place


@pytest.mark.parametrize(
    "text", ["", "mysql://me:secret@db/x", "sqlite://", "sqlite:///", "https://shop.test", "sqlite://x/y"]
)
def test_what_is_no_place_is_told_without_its_password(text: str) -> None:
    with pytest.raises(LedgerError, match=r"is no ledger; name a file, or a database as in postgresql://") as caught:
        parse_place(text)
    assert "secret" not in str(caught.value)


def test_a_place_is_shown_without_its_password() -> None:
    assert str(Place(None, "postgresql://me:se:cr@et@db/x")) == "postgresql://me:…@db/x"
    assert str(Place(None, "postgresql://me@db/x")) == "postgresql://me@db/x"
    assert str(Place(Path("a:b@c.db"))) == "a:b@c.db"


def test_the_usual_place_is_in_the_users_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_place() == Place(Path("/state/consentry/evidence.db"))
    for ignored in ("", "relative/state"):
        monkeypatch.setenv("XDG_STATE_HOME", ignored)
        assert default_place() == Place(Path("/home/someone/.local/state/consentry/evidence.db"))


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("30d", Keep(seconds=30 * 86400)),
        ("12h", Keep(seconds=12 * 3600)),
        ("2W", Keep(seconds=14 * 86400)),
        ("500MB", Keep(bytes=500_000_000)),
        ("1 gb", Keep(bytes=10**9)),
        ("30d,500MB", Keep(30 * 86400, 500_000_000)),
        (" 500mb , 30d ", Keep(30 * 86400, 500_000_000)),
        ("forever", Keep()),
    ],
)
def test_how_long_to_keep_is_an_age_a_size_or_both(text: str, keep: Keep) -> None:
    assert parse_keep(text) == keep


@pytest.mark.parametrize(
    "text",
    ["", "30", "d", "0d", "-1d", "30d,40d", "1MB,2MB", "30y", "30d;1MB", "²d", "9999999999d", "1kb", "forever,1d"],
)
def test_what_says_not_how_long_is_told(text: str) -> None:
    with pytest.raises(LedgerError, match="does not say what to keep; write an age, a size or both, as 30d, 500MB"):
        parse_keep(text)


def test_only_what_has_a_bound_is_ever_deleted() -> None:
    assert not Keep().bounded
    assert Keep(seconds=1).bounded
    assert Keep(bytes=1).bounded


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", NOW - 90),
        ("30m", NOW - 1800),
        ("1h", NOW - 3600),
        (" 7 D ", NOW - 7 * 86400),
        ("2w", NOW - 14 * 86400),
        ("2026-01-01T10:00:00Z", NOW),
        ("2026-01-01T11:00+01:00", NOW),
        ("2026-01-01", datetime(2026, 1, 1).astimezone().timestamp()),
        ("2026-01-01 08:30", datetime(2026, 1, 1, 8, 30).astimezone().timestamp()),
    ],
)
def test_a_moment_is_so_long_ago_or_a_date(text: str, moment: float) -> None:
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "1", "1y", "-1h", "2026-13-01", "0001-01-01", "²h"])
def test_what_is_no_moment_is_told(text: str) -> None:
    with pytest.raises(LedgerError, match="is no moment; write how long ago, as 30m, 1h or 7d, or a date"):
        parse_moment(text, NOW)


# The home of nobody.
@example("~0")
@example("sqlite:///~0/x")
@given(st.text(max_size=30))
def test_no_text_is_more_than_refused(text: str) -> None:
    for parse in (parse_keep, parse_place, lambda text: parse_moment(text, NOW)):
        try:
            parse(text)
        except LedgerError:
            continue


def test_a_run_has_a_name_of_its_own() -> None:
    assert len({new_session() for _ in range(100)}) == 100
