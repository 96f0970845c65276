"""What it costs to read the consent in a request's cookies: for headers that were seen before, and for new ones."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy_addon.consent.platforms import compile_platforms
from proxy_addon.consent.signals import Reader

_BYTES = 4096
_ONETRUST = (
    "OptanonConsent=isGpcEnabled=0&datestamp=Wed+Apr+09+2025+03%3A06%3A14+GMT&version=202403.1.0&hosts="
    "&groups=C0001%3A1%2CC0003%3A1%2CC0002%3A1%2CC0004%3A0; OptanonAlertBoxClosed=2025-04-09T03:06:14.269Z"
)
_TCF = "euconsent-v2=CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"


@dataclass(frozen=True, slots=True)
class Consenting:
    """Seconds of processor time a header, medians of the rounds."""

    bytes: int
    known: float
    new: float


def header(number: int = 0) -> str:
    """A Cookie header of 4 KB with OneTrust's cookies and a TC string, as no other number has it."""
    start = f"session={number}; {_ONETRUST}; {_TCF}; "
    filler = "; ".join(f"cookie{index}=value-{index:08d}" for index in range(200))
    return (start + filler)[:_BYTES]


def measure(platforms: Mapping[str, Any], rounds: int, headers: int = 400) -> Consenting:
    """Read them, round after round. `platforms` is what the rules say."""
    reader = Reader(platforms=compile_platforms(platforms))
    known = header()
    numbers = iter(range(1, rounds * headers + 1))
    read_known = [_timed(lambda: reader.read(known, None), headers) for _ in range(rounds)]
    read_new = [_timed(lambda: reader.read(header(next(numbers)), None), headers) for _ in range(rounds)]
    making = statistics.median(_timed(header, headers) for _ in range(rounds))
    return Consenting(len(known), statistics.median(read_known), statistics.median(read_new) - making)


def _timed(action: Callable[[], object], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        action()
    return (time.process_time() - start) / times
