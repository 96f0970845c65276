"""What came of one address, as it travels from a worker to the journal."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

# Why there is no result: the site did not answer as a page, the browser broke down, or a limit was passed.
UNREACHABLE, CRASH, TIME, MEMORY = "unreachable", "crash", "time", "memory"
FAILURES = (UNREACHABLE, CRASH, TIME, MEMORY)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a process with a browser says of an address: `failure` with `error`, or the `result` as JSON on one line.

    The first one, before any address, says that the browser is there. `unusable` says why there can be none.
    """

    failure: str = ""
    error: str = ""
    result: str = ""
    unusable: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One address, looked at or not.

    `failure` is a word of FAILURES with `error` as its sentence, both '' where there is a result. `started` is in
    seconds since the epoch, `memory` the most megabytes that the browser's family of processes held together, `worker`
    the machine and process. `result` is the audit's result as JSON on one line, '' if there is none.
    """

    url: str
    host: str
    failure: str
    error: str
    attempts: int
    started: float
    seconds: float
    memory: int
    worker: str
    result: str

    def line(self) -> str:
        """The outcome as one line of NDJSON, without the line's end. The result goes in as it is."""
        head = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "result"}
        return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "result": {self.result or "null"}}}'


def outcome_of(line: str | bytes) -> Outcome:
    """The outcome that a line holds. Raises ValueError."""
    plain: Any = json.loads(line)
    try:
        result = plain.pop("result")
        return Outcome(**plain, result="" if result is None else json.dumps(result, ensure_ascii=False))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no outcome of an audit: {error}") from None
