"""Kill each part once under load, and print what browsers saw of it."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
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
# Seconds: of load before a part is killed, until it is started again, and after that.
BEFORE, AWAY, AFTER = 2.0, 2.0, 6.0
_BROWSERS = 6


@dataclass(slots=True)
class Seen:
    """What browsers saw: when each request ended, and whether it failed; and every page against consent."""

    ends: list[tuple[float, bool]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def between(self, start: float, end: float) -> list[tuple[float, bool]]:
        """The requests that ended then."""
        return [each for each in self.ends if start <= each[0] < end]


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


def main() -> int:
    """Run it all; 1 if something went against consent, or acknowledged evidence was lost."""
    site = Site()
    site.page("/", PAGE)
    site.page("/app.js", b"console.log(1)", "text/javascript")
    upstream = Server(site)
    lines = [
        "| killed | requests | failed | share | seconds with failures | evidence kept |",
        "|---|---|---|---|---|---|",
    ]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="consentry-chaos-") as name, Cluster(upstream.url, Path(name)) as cluster:
        seen, stop = Seen(), threading.Event()
        browsers = [
            threading.Thread(target=browse, args=(cluster, seen, stop, number), daemon=True)
            for number in range(_BROWSERS)
        ]
        for each in browsers:
            each.start()
        for part, kill, start in cluster.parts:
            time.sleep(BEFORE)
            before, began = stored(cluster.postgres.url()), time.monotonic()
            kill()
            time.sleep(AWAY)
            start()
            time.sleep(AFTER)
            found = seen.between(began, time.monotonic())
            failures = [end for end, failed in found if failed]
            lasted = failures[-1] - began if failures else 0.0
            lost = len(before - stored(cluster.postgres.url()))
            bad += lost
            share = len(failures) / max(1, len(found))
            kept = f"{len(before) - lost:,} of {len(before):,}"
            lines.append(f"| {part} | {len(found):,} | {len(failures):,} | {share:.1%} | {lasted:.1f} | {kept} |")
        stop.set()
        for each in browsers:
            each.join(30)
    upstream.close()
    print("\n".join(lines))
    print(f"\nPages against consent, or without their guard: {len(seen.wrong)}")
    for wrong in seen.wrong[:5]:
        print(wrong, file=sys.stderr)
    return 1 if bad or seen.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
