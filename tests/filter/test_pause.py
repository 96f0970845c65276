"""A pause ends by itself, and is one for all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy_addon.cli import main
from proxy_addon.config import UsageError
from proxy_addon.filter.duration import parse_span
from proxy_addon.filter.pause import Pause


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def pause(tmp_path: Path, clock: list[float]) -> Pause:
    return Pause(tmp_path / "state" / "pause", lambda: clock[0])


def test_there_is_no_pause_until_one_begins(pause: Pause) -> None:
    assert not pause.on


def test_a_pause_ends_by_itself(pause: Pause, clock: list[float]) -> None:
    assert pause.begin(60) == 1060
    assert pause.on
    clock[0] = 1059.9
    assert pause.until == 1060
    clock[0] = 1060.0
    assert not pause.on


def test_a_pause_can_be_ended_and_begun_anew(pause: Pause) -> None:
    pause.begin(60)
    pause.end()
    assert not pause.on
    pause.begin(10)
    assert pause.until == 1010


def test_a_pause_is_seen_by_others(pause: Pause, tmp_path: Path) -> None:
    other = Pause(tmp_path / "state" / "pause", lambda: 1000.0)
    assert not other.on
    pause.begin(60)
    assert other.on
    other.end()
    assert not pause.on


def test_no_pause_is_longer_than_a_day(pause: Pause, tmp_path: Path) -> None:
    assert pause.begin(10**9) == 1000 + 86_400
    (tmp_path / "state" / "pause").write_text("9999999999\n")
    assert not pause.on


@pytest.mark.parametrize("content", ["", "soon", "nan", "inf", "\0"])
def test_a_file_that_says_no_moment_is_no_pause(pause: Pause, tmp_path: Path, content: str) -> None:
    pause.begin(60)
    (tmp_path / "state" / "pause").write_text(content)
    assert not pause.on


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("10", 600), ("2h", 7200), ("1d", 86_400), (" 5M ", 300)]
)
def test_a_span_is_read(text: str, seconds: float) -> None:
    assert parse_span(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1m", "2d", "soon", "1w", "99999999h"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="10m or 2h"):
        parse_span(text)


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[object, str]]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["consentry", "filter", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code, out + err

    return run


def test_the_commands_begin_and_end_a_pause(run: Callable[..., tuple[object, str]], tmp_path: Path) -> None:
    shared = Pause(tmp_path / "consentry" / "pause")
    code, said = run("pause", "5m")
    assert code == 0
    assert said.startswith("Nothing is held until ")
    assert shared.on
    assert run("resume") == (0, "Held again.\n")
    assert not shared.on
    code, said = run("resume")
    assert (code, said.count("\n")) == (2, 1)
    assert run("pause", "forever")[0] == 2
