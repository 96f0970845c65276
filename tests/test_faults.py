"""What is told of errors that an adapter catches."""

from __future__ import annotations

import logging

import pytest

from proxy_addon.faults import Faults


def caught(text: str) -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_an_error_is_told_once_however_often_it_comes_and_whatever_it_says() -> None:
    said: list[str] = []
    faults = Faults(said.append)
    for number in range(200):
        faults.tell("It was left out", caught(f"number {number}"))
    assert said == ["It was left out, by an error in Consentry (ValueError: number 0); this is said once"]


def test_an_error_of_another_place_or_another_sort_is_told_too() -> None:
    said: list[str] = []
    faults = Faults(said.append)
    faults.tell("It was left out", caught("one"))
    faults.tell("It was left out", ValueError("raised nowhere"))
    faults.tell("It was cut off", caught("one"))
    assert len(said) == 3


def test_the_details_are_in_the_log_each_time(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "proxy_addon.faults"):
        faults = Faults(lambda _: None)
        for _ in range(2):
            faults.tell("It was left out", caught("one"))
    assert [record.levelname for record in caplog.records] == ["DEBUG", "DEBUG"]
    assert caplog.text.count("Traceback") == 2
