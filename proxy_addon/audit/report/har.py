"""HAR 1.2, one for each state: every request as the proxy saw it, with what was decided in `_consentry`.

An audit keeps no headers, bodies and query values: what HAR 1.2 asks for and nobody kept is empty or -1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ... import __version__
from ...ledger.texts import at
from ..model import AuditResult, RequestSeen, StateRun


def har_files(result: AuditResult) -> Mapping[str, str]:
    """The text of one HAR for each state, by a name of the state that a file's name can hold."""
    return {each.state.replace(":", "-"): _har(result, each) for each in result.states}


def _har(result: AuditResult, state: StateRun) -> str:
    idents: dict[str, str] = {}
    times: dict[str, float] = {}
    for each in state.requests:
        idents.setdefault(each.page, f"page_{len(idents) + 1}")
        times.setdefault(each.page, each.time)
    log = {
        "version": "1.2",
        "creator": {"name": "Consentry", "version": __version__},
        "browser": {"name": result.browser or "unknown", "version": ""},
        "pages": [
            {
                "startedDateTime": at(state.started + times[page]),
                "id": ident,
                "title": page or result.site,
                "pageTimings": {},
            }
            for page, ident in idents.items()
        ]
        + [
            {
                "startedDateTime": at(state.started + each.time),
                "id": f"missed_{number}",
                "title": each.page,
                "pageTimings": {},
                "comment": f"Not opened: {each.why}",
            }
            for number, each in enumerate(state.missed, 1)
        ],
        "entries": [_entry(each, idents[each.page], state.started) for each in state.requests],
        "comment": f"{state.title} ({state.state}), {result.mode}, {result.regime}",
    }
    return json.dumps({"log": log}, indent=1, ensure_ascii=False) + "\n"


def _entry(request: RequestSeen, page: str, started: float) -> dict[str, Any]:
    unknown = {"headersSize": -1, "bodySize": -1, "headers": [], "cookies": [], "httpVersion": ""}
    return {
        "pageref": page,
        "startedDateTime": at(started + request.time),
        "time": 0,
        "request": {"method": request.method, "url": request.url, "queryString": [], **unknown},
        "response": {
            "status": request.status,
            "statusText": "",
            "content": {"size": 0, "mimeType": "x-unknown"},
            "redirectURL": "",
            **unknown,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
        "_resourceType": request.type,
        "_initiator": request.initiator,
        "_consentry": {
            "phase": request.phase,
            "vendor": request.vendor,
            "rule": request.rule,
            "categories": list(request.categories),
            "verdict": request.verdict,
            "outcome": request.outcome,
            "reason": request.reason,
        },
    }
