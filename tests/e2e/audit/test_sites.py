"""An audit of sites whose faults are known finds exactly these: no more, and no fewer."""

from __future__ import annotations

import pytest

from .conftest import Audit
from .sites import SITES, Planted

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@pytest.mark.parametrize("planted", SITES, ids=lambda planted: planted.name.replace(" ", "-"))
def test_exactly_what_was_planted_is_found(planted: Planted, audit: Audit) -> None:
    result = audit(planted)
    assert {(each.kind, each.vendor, each.state) for each in result.findings} == planted.truth, result.to_json()
    assert result.errors == ()
