"""The results as one Markdown table, and the machine they are of."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from .load import CONNECTIONS
from .processes import BARE, CONSENTRY, LEAN, STREAMING
from .suite import Plan, Results

_HEAD = ["", CONSENTRY, f"bare {BARE}", LEAN, "beside", f"ratio to {BARE}", "to reach"]
_FASTER_BY = {"60 KB page, 12 vendor tags": 1.0, "1 KB JSON": 1.5}
_FASTER_THAN_ADBLOCK = 3.0
_CONSENT_SHARE = 0.05
_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `reached` is None where there is nothing to reach."""

    measured: str
    consentry: str
    bare: str = ""
    lean: str = ""
    beside: str = ""
    ratio: str = ""
    target: str = ""
    reached: bool | None = None

    def cells(self) -> list[str]:
        """The line's cells."""
        verdict = "" if self.reached is None else ": reached" if self.reached else ": **not reached**"
        return [self.measured, self.consentry, self.bare, self.lean, self.beside, self.ratio, self.target + verdict]


def rows(results: Results) -> Iterator[Row]:
    """The lines of the table."""
    for each in results.throughput:
        ratio, least = each.ratio(CONSENTRY, BARE), _FASTER_BY.get(each.payload.name)
        yield Row(
            f"{each.payload.name}: requests/s",
            f"{each.per_second(CONSENTRY):,.0f}",
            f"{each.per_second(BARE):,.0f}",
            f"{each.per_second(LEAN):,.0f}",
            ratio=f"{ratio:.2f}",
            target=f"≥ {least}" if least else "",
            reached=ratio >= least if least else None,
        )
        yield Row(
            f"{each.payload.name}: p99",
            f"{each.p99(CONSENTRY) * 1000:,.0f} ms",
            f"{each.p99(BARE) * 1000:,.0f} ms",
            f"{each.p99(LEAN) * 1000:,.0f} ms",
            ratio=f"{each.p99(CONSENTRY) / each.p99(BARE):.2f}",
        )
        yield Row(
            f"{each.payload.name}: processor time a request",
            f"{each.cost(CONSENTRY) * 1000:,.2f} ms",
            f"{each.cost(BARE) * 1000:,.2f} ms",
            f"{each.cost(LEAN) * 1000:,.2f} ms",
            ratio=f"{each.cost(CONSENTRY) / each.cost(BARE):.2f}",
        )
    yield from _memory(results)
    yield from _first_byte(results)
    for speed in results.rewriting:
        yield Row(
            f"rewriter alone, {speed.name}",
            f"{speed.rewriter:,.0f} MB/s",
            beside=f"turbohtml's tokenizer {speed.tokenizer:,.0f} MB/s" if speed.tokenizer else "",
        )
    yield from _matching(results)
    yield _consenting(results)


def table(results: Results) -> str:
    """The results as Markdown."""
    lines = [_HEAD, ["---", *["---:"] * 3, "---", "---:", "---"], *(row.cells() for row in rows(results))]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine(results: Results, plan: Plan) -> str:
    """On what, and how, it was measured."""
    uvloop = f", uvloop {version('uvloop')}" if _installed("uvloop") else ""
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()}; Python {platform.python_version()}, "
        f"mitmproxy {version('mitmproxy')}{uvloop}. Load from {results.generator} over {CONNECTIONS} connections, "
        f"upstream {results.server}, all on the one machine; medians of {plan.rounds} rounds of {plan.seconds:g} s, in "
        "which the proxies take turns; a ratio of requests is the median of the rounds' own."
    )


def _memory(results: Results) -> Iterator[Row]:
    found = results.memory
    yield Row(
        f"memory after {found.checkpoints[-1][0]:,} requests",
        f"{found.checkpoints[-1][1] / _MEGABYTE:,.0f} MB",
        beside=", ".join(f"{count:,}: {size / _MEGABYTE:,.0f}" for count, size in found.checkpoints[:-1]),
        target="flat",
        reached=found.flat,
    )


def _first_byte(results: Results) -> Iterator[Row]:
    found, bare, streaming = (results.first_bytes[name] for name in (CONSENTRY, BARE, STREAMING))
    yield Row(
        "first byte of a page whose upstream stalls",
        f"{found.seconds * 1000:,.1f} ms",
        f"{bare.seconds * 1000:,.1f} ms" + (", waits for the body" if bare.delayed else ""),
        beside=f"{STREAMING} {streaming.seconds * 1000:,.1f} ms",
        ratio=f"{found.seconds / bare.seconds:.3f}",
        target="not delayed by the body",
        reached=not found.delayed,
    )


def _matching(results: Results) -> Iterator[Row]:
    found = results.matching
    ratio = found.ratio
    yield Row(
        f"matching {found.urls:,} URLs, {found.found / found.urls:.0%} of them catalogued",
        f"{found.per_second:,.0f}/s (first time through {found.first:,.0f})",
        beside=f"adblock {found.beside:,.0f}/s" if found.beside else "adblock is not installed",
        ratio=f"{ratio:.1f} to adblock" if ratio else "",
        target=f"≥ {_FASTER_THAN_ADBLOCK:g} to adblock",
        reached=ratio >= _FASTER_THAN_ADBLOCK if ratio else None,
    )


def _consenting(results: Results) -> Row:
    found = results.consenting
    share = found.known / min(each.cost(CONSENTRY) for each in results.throughput)
    return Row(
        f"consent in a Cookie header of {found.bytes:,} bytes, seen before",
        f"{found.known * 1e6:,.1f} µs (new: {found.new * 1e6:,.0f} µs)",
        ratio=f"{share:.1%} of the cheapest request",
        target=f"≤ {_CONSENT_SHARE:.0%}",
        reached=share <= _CONSENT_SHARE,
    )


def _processor() -> str:
    try:
        said = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in said.splitlines() if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _installed(name: str) -> bool:
    try:
        version(name)
    except ImportError:
        return False
    return True
