"""The benchmark of Envoy works, with nothing installed that it could do without. How fast anything is, is no test."""

from __future__ import annotations

import pytest

pytest.importorskip("envoy", reason="the extra 'envoy' is not installed: its packages have no wheels for here")

from .envoy import PROXIES, measure, table
from .test_bench import TINY

pytestmark = pytest.mark.once


def test_every_proxy_answers_every_load_and_the_table_says_so() -> None:
    found = measure(TINY)
    assert len(found) == 3
    for each in found:
        assert {name: len(loads) for name, loads in each.loads.items()} == dict.fromkeys(PROXIES, 1)
        assert all(load.requests for loads in each.loads.values() for load in loads)
        assert all(each.cost(name) >= 0 for name in PROXIES)
    written = table(found)
    assert all(name in written for name in PROXIES)
    assert "to reach" in written
