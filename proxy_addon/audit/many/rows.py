"""An outcome as a row of Parquet: what fleets are asked about, without the requests one by one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from ...config import UsageError
from ..model import CELL_VIOLATION, VIOLATION
from .outcome import Outcome

MISSING = "`consentry audit --urls` needs packages of its own; install them with: pip install 'consentry[fleet]'"


def schema(arrow: Any) -> Any:
    """The columns; `arrow` is pyarrow, which brings no types. `vendors`, `findings` and `hosts` are lists."""
    text, whole = arrow.string(), arrow.int32()
    vendor = {"vendor": text, "name": text, "category": text, "states": arrow.list_(text)}
    vendor |= {"violating": arrow.list_(text), "requests": whole, "violations": whole}
    finding = dict.fromkeys(("key", "kind", "severity", "title", "page", "state", "vendor", "category"), text)
    host = {"host": text, "requests": whole, "types": arrow.list_(text), "states": arrow.list_(text)}
    return arrow.schema(
        {
            "url": text,
            "host": text,
            "failure": text,
            "error": text,
            "attempts": whole,
            "started": arrow.timestamp("ms", tz="UTC"),
            "seconds": arrow.float64(),
            "memory": whole,
            "worker": text,
            "platform": text,
            "violations": whole,
            "warnings": whole,
            "requests": whole,
            "cookies": whole,
            "clicks_accept": whole,
            "clicks_reject": whole,
            "trouble": arrow.list_(text),
            "vendors": arrow.list_(arrow.struct(vendor)),
            "findings": arrow.list_(arrow.struct(finding)),
            "hosts": arrow.list_(arrow.struct(host)),
        }
    )


def row(outcome: Outcome) -> dict[str, Any]:
    """The row of an outcome; what only a result tells is null or empty where there is none."""
    result: dict[str, Any] = json.loads(outcome.result) if outcome.result else {}
    findings = result.get("findings", [])
    states = result.get("states", [])
    severities = [each["severity"] for each in findings]
    clicks = result.get("clicks", {})
    return {
        "url": outcome.url,
        "host": outcome.host,
        "failure": outcome.failure,
        "error": outcome.error,
        "attempts": outcome.attempts,
        "started": datetime.fromtimestamp(outcome.started, UTC),
        "seconds": outcome.seconds,
        "memory": outcome.memory,
        "worker": outcome.worker,
        "platform": result.get("platform", ""),
        "violations": severities.count(VIOLATION),
        "warnings": len(severities) - severities.count(VIOLATION),
        "requests": sum(len(each["requests"]) for each in states),
        "cookies": len({(each["name"], each["domain"]) for state in states for each in state["cookies"]}),
        "clicks_accept": clicks.get("accept"),
        "clicks_reject": clicks.get("reject"),
        "trouble": result.get("errors", []),
        "vendors": [_vendor(each) for each in result.get("vendors", [])],
        "findings": findings,
        "hosts": result.get("hosts", []),
    }


def _vendor(vendor: dict[str, Any]) -> dict[str, Any]:
    cells: dict[str, dict[str, Any]] = vendor["cells"]
    return {
        "vendor": vendor["vendor"],
        "name": vendor["name"],
        "category": vendor["category"],
        "states": [state for state, cell in cells.items() if cell["requests"]],
        "violating": [state for state, cell in cells.items() if cell["what"] == CELL_VIOLATION],
        "requests": sum(cell["requests"] for cell in cells.values()),
        "violations": sum(cell["violations"] for cell in cells.values()),
    }


def missing() -> UsageError:
    """The error for a machine that lacks the packages of fleets."""
    return UsageError(MISSING)
