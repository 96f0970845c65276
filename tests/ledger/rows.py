"""Rows of evidence, made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from proxy_addon.ledger import Evidence

ROW = Evidence(
    time=1_767_261_600.25,  # 2026-01-01T10:00:00.250Z
    layer="html",
    outcome="held",
    verdict="block",
    vendor="acme",
    rule="acme-script",
    categories=("analytics", "marketing"),
    missing=("marketing",),
    reason="acme needs analytics and marketing: marketing is denied (onetrust)",
    url="https://cdn.acme.test/a.js?id=…",
    page="https://shop.test/basket",
    type="script",
    consent="functional unset, analytics granted, marketing denied",
    signal="onetrust",
    regime="gdpr",
    mode="enforce",
    session="20260101T100000Z-abcdef",
    number=1,
    visitor="00112233445566ff",
    site="shop.test",
)


def row(number: int = 1, **differs: Any) -> Evidence:
    """A row that differs from ROW in this; each number is a second later."""
    return replace(ROW, **{"number": number, "time": ROW.time + number, **differs})


def rows(count: int, first: int = 1, **differs: Any) -> list[Evidence]:
    """So many rows, numbered."""
    return [row(number, **differs) for number in range(first, first + count)]


def numbers(found: Sequence[Evidence]) -> list[int]:
    """The rows' numbers."""
    return [each.number for each in found]
