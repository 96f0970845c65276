"""The short form of `python -m tests.chaos`: a processor and an Envoy die under load."""

from __future__ import annotations

import pytest

from tests.kit import postgres, redis

from .killing import Plan, run

pytest.importorskip("envoy", reason="the extra 'envoy' is not installed: its packages have no wheels for here")


@pytest.mark.skipif(postgres.program("postgres") is None, reason="PostgreSQL is not installed")
@pytest.mark.skipif(redis.program() is None, reason="neither Valkey nor Redis is installed")
def test_a_processor_and_an_envoy_that_die_take_no_evidence_with_them_and_let_nothing_through() -> None:
    found, wrong = run(Plan(0.5, 0.5, 0.5, least=60), {"processor 1", "Envoy 1"}.__contains__)
    assert [each.part for each in found] == ["processor 1", "Envoy 1"]
    assert wrong == []
    assert [each.lost for each in found] == [0, 0]
    assert all(each.stored for each in found)
    # The other processor takes over; whoever asks for the Envoy that is gone hears of it.
    one, other = found
    assert one.failed < one.requests / 2
    assert 0 < other.failed < other.requests
