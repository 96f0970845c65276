"""The dashboard's button by which a filter pauses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy_addon.filter.pause import Pause

from .world import World, world


@pytest.fixture
def pause(tmp_path: Path) -> Pause:
    return Pause(tmp_path / "state" / "pause")


@pytest.fixture
def pausing(pause: Pause) -> Iterator[World]:
    with world(pause=pause) as made:
        yield made


def test_a_filter_is_paused_and_holds_again(pausing: World, pause: Pause) -> None:
    assert pausing.json("/api/pause") == {"until": 0}
    answer = pausing.post({"seconds": 600}, path="/api/pause")
    assert json.loads(answer.text) == {"until": pause.until}
    assert pause.on
    assert pausing.json("/api/pause") == {"until": pause.until}
    assert json.loads(pausing.post({"seconds": 0}, path="/api/pause").text) == {"until": 0}
    assert not pause.on


@pytest.mark.parametrize(
    "plain", [{}, [], {"seconds": "600"}, {"seconds": True}, {"seconds": -1}, {"seconds": 86_401}, 7]
)
def test_what_is_no_span_is_refused(pausing: World, pause: Pause, plain: object) -> None:
    assert pausing.post(plain, path="/api/pause").status == 400
    assert not pause.on


def test_a_stranger_cannot_pause_it(pausing: World, pause: Pause) -> None:
    assert pausing.post({"seconds": 600}, {"x-consentry-csrf": ""}, path="/api/pause").status == 403
    assert pausing.post({"seconds": 600}, {"Origin": "https://evil.test"}, path="/api/pause").status == 403
    assert not pause.on


def test_a_pause_that_cannot_be_kept_is_told(pausing: World, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    answer = pausing.post({"seconds": 600}, path="/api/pause")
    assert answer.status == 409
    assert "cannot be written" in json.loads(answer.text)["error"]


def test_only_a_filter_has_the_button() -> None:
    with world() as made:
        assert made.get("/api/pause").status == 404
        assert 'id="pause"' not in made.get("/").text


def test_every_page_of_a_filter_has_the_button(pausing: World) -> None:
    for path in ("/", "/consent", "/vendors", "/vendors/acme", "/site"):
        assert 'id="pause"' in pausing.get(path).text
