"""Kills parts of a cluster under load, and looks at what browsers see of it."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.kit.client import fetch
from tests.kit.server import Server
from tests.kit.site import Site

from .cluster import Cluster

SCRIPT = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
PAGE = f'<!doctype html><title>shop</title><script src="{SCRIPT}"></script><p>the end'.encode()
GRANTED = "consentry=v=1&functional=granted&analytics=granted&marketing=granted"
DENIED = "consentry=v=1&functional=denied&analytics=denied&marketing=denied"
_BROWSERS = 6
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds of load before a part is killed, until it is started again, and after that.

    Each of the three lasts on until browsers have been answered `least` times (while it is away: or been failed).
    """

    before: float
    away: float
    after: float
    least: int = 1


@dataclass(frozen=True, slots=True)
class Killed:
    """What became of one part's end: `lasted` is when the last request failed, in seconds; `lost` counts evidence."""

    part: str
    requests: int
    failed: int
    lasted: float
    stored: int
    lost: int


@dataclass(slots=True)
class Seen:
    """What browsers saw: when each request ended, and whether it failed; and every page against consent."""

    ends: list[tuple[float, bool]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def between(self, start: float, end: float) -> list[tuple[float, bool]]:
        """The requests that ended then."""
        return [each for each in self.ends if start <= each[0] < end]

    def wait(self, seconds: float, least: int, *, answered: bool) -> None:
        """Wait so long, and until so many requests ended, or were `answered`."""
        start = time.monotonic()
        while time.monotonic() < start + _PATIENCE:
            ended = [failed for end, failed in list(self.ends) if end >= start and not (answered and failed)]
            if time.monotonic() >= start + seconds and len(ended) >= least:
                return
            time.sleep(0.05)
        raise AssertionError(f"Browsers were not answered {least} times in {_PATIENCE:g} seconds.")


def browse(cluster: Cluster, seen: Seen, stop: threading.Event, first: int) -> None:
    """Ask for pages and files by turns, by one Envoy and then the other, with a consent and then without."""
    for number in count(first):
        if stop.is_set():
            return
        url = f"http://127.0.0.1:{cluster.envoys[number % 2].port}"
        granted, asset = number % 4 < 2, number % 3 == 0
        fields = {"Cookie": GRANTED if granted else DENIED, "Sec-Fetch-Dest": "script" if asset else "document"}
        try:
            answer = fetch(url + ("/app.js" if asset else "/"), {**fields, "Accept": "*/*" if asset else "text/html"})
        except Exception:
            seen.ends.append((time.monotonic(), True))
            continue
        failed = answer.status != 200
        seen.ends.append((time.monotonic(), failed))
        if not asset and not failed:
            held = b"text/x-consentry" in answer.body
            if held is granted or b"guard.js" not in answer.body or not answer.body.endswith(b"<p>the end"):
                seen.wrong.append(f"granted={granted}: {answer.body[:200]!r}")


def stored(url: str) -> set[tuple[str, int]]:
    """The evidence that is in the ledger."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT session, number FROM evidence")).all()
            return {(str(session), int(number)) for session, number in rows}
    finally:
        engine.dispose()


def run(plan: Plan, wanted: Callable[[str], bool] = lambda _: True) -> tuple[list[Killed], list[str]]:
    """Kill each part whose name is wanted, one after the other; and every page that was against consent."""
    site = Site()
    site.page("/", PAGE)
    site.page("/app.js", b"console.log(1)", "text/javascript")
    upstream = Server(site)
    found: list[Killed] = []
    with tempfile.TemporaryDirectory(prefix="consentry-chaos-") as name, Cluster(upstream.url, Path(name)) as cluster:
        seen, stop = Seen(), threading.Event()
        browsers = [
            threading.Thread(target=browse, args=(cluster, seen, stop, number), daemon=True)
            for number in range(_BROWSERS)
        ]
        for each in browsers:
            each.start()
        for part, kill, start in cluster.parts:
            if not wanted(part):
                continue
            seen.wait(plan.before, plan.least, answered=True)
            before, began = stored(cluster.postgres.url()), time.monotonic()
            kill()
            seen.wait(plan.away, plan.least, answered=False)
            start()
            seen.wait(plan.after, plan.least, answered=True)
            ends = seen.between(began, time.monotonic())
            failures = [end for end, failed in ends if failed]
            lasted = failures[-1] - began if failures else 0.0
            lost = len(before - stored(cluster.postgres.url()))
            found.append(Killed(part, len(ends), len(failures), lasted, len(before), lost))
        stop.set()
        for each in browsers:
            each.join(30)
    upstream.close()
    return found, seen.wrong
