"""Outcomes as workers hand them in."""

from __future__ import annotations

import json
from dataclasses import replace

from proxy_addon.audit.many.outcome import Outcome
from proxy_addon.audit.many.schedule import host_of
from proxy_addon.audit.model import Cell, Finding, HostSeen, VendorRow
from tests.audit.results import full_result


def looked(
    url: str,
    *,
    vendors: tuple[VendorRow, ...] | None = None,
    findings: tuple[Finding, ...] | None = None,
    hosts: tuple[HostSeen, ...] | None = None,
) -> Outcome:
    """An address with a full result, in which some parts may be other ones."""
    result = full_result()
    result = replace(
        result,
        site=url,
        vendors=result.vendors if vendors is None else vendors,
        findings=result.findings if findings is None else findings,
        hosts=result.hosts if hosts is None else hosts,
    )
    return Outcome(
        url, host_of(url), "", "", 1, 1_700_000_000.0, 2.5, 300, "here", json.dumps(result.plain(), ensure_ascii=False)
    )


def failed(url: str, failure: str, error: str = "The browser broke down.") -> Outcome:
    """An address without a result."""
    return Outcome(url, host_of(url), failure, error, 2, 1_700_000_001.0, 1.0, 200, "here", "")


def vendor(name: str, **cells: Cell) -> VendorRow:
    """A vendor's row, with a cell for each state."""
    return VendorRow(name, name.title(), "analytics", ("analytics",), cells)
