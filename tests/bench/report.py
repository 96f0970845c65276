"""The results as one Markdown table, and the machine they are of."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from .atsize import AtSize
from .guardsize import MANY, MET, MOST, GuardSize
from .load import CONNECTIONS
from .pagecost import ELEMENTS, LATENCY, PageCost
from .processes import BARE, CONSENTRY, FORGETFUL, LEAN, STREAMING
from .suite import Plan, Results

_HEAD = ["", CONSENTRY, f"bare {BARE}", LEAN, "beside", f"ratio to {BARE}", "to reach"]
_FASTER_BY = {"60 KB page, 12 vendor tags": 1.0, "1 KB JSON": 1.5}
_FASTER_THAN_ADBLOCK = 3.0
_CONSENT_SHARE = 0.05
_GUARD_SIZE = 25_000
_APPENDING, _RECORDING = 0.5, 0.95
# By how much a process may grow while it appends.
_GROWTH = 64_000_000
# What ten thousand vendors may cost.
_START_RATIO, _MATCH_RATIO, _MORE_MEMORY = 1.2, 1.5, 60e6
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
    yield from _ledger(results)
    yield from _memory(results)
    yield from _first_byte(results)
    for speed in results.rewriting:
        yield Row(
            f"rewriter alone, {speed.name}",
            f"{speed.rewriter:,.0f} MB/s (new: {speed.fresh:,.0f})",
            beside=f"turbohtml's tokenizer {speed.tokenizer:,.0f} MB/s" if speed.tokenizer else "",
        )
    yield from _matching(results)
    yield _consenting(results)
    yield guard_size(results.guard_size)
    yield from at_size(results.at_size)
    if results.page_cost is not None:
        yield from page_cost(results.page_cost)


def table(found: Iterable[Row]) -> str:
    """The lines as Markdown."""
    lines = [_HEAD, ["---", *["---:"] * 3, "---", "---:", "---"], *(row.cells() for row in found)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine(results: Results, plan: Plan) -> str:
    """On what, and how, it was measured."""
    uvloop = f", uvloop {version('uvloop')}" if _installed("uvloop") else ""
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}; Python {platform.python_version()}, "
        f"mitmproxy {version('mitmproxy')}{uvloop}. Load from {results.generator} over {CONNECTIONS} connections, "
        f"upstream {results.server}, all on the one machine; medians of {plan.rounds} rounds of {plan.seconds:g} s, in "
        "which the proxies take turns; a ratio of requests is the median of the rounds' own."
    )


def _ledger(results: Results) -> Iterator[Row]:
    found = results.appending
    yield Row(
        f"ledger of {found.rows:,} rows: rows appended a second",
        f"{found.per_second:,.0f}",
        beside=f"sqlite3 `executemany` {found.beside:,.0f}",
        ratio=f"{found.ratio:.2f} to sqlite3",
        target=f"≥ {_APPENDING:g} to sqlite3",
        reached=found.ratio >= _APPENDING,
    )
    yield Row(
        "… what the process grows by",
        f"{found.growth / _MEGABYTE:,.0f} MB",
        target="flat",
        reached=found.growth <= _GROWTH,
    )
    yield Row(
        f"… a page of rows: {max(found.asked, key=lambda name: found.asked[name])}",
        f"{max(found.asked.values()) * 1000:,.1f} ms",
        beside=", ".join(f"{name} {seconds * 1000:,.1f}" for name, seconds in found.asked.items()),
    )
    for each in results.evidence:
        ratio = each.ratio(CONSENTRY, FORGETFUL)
        kept, forgotten = each.cost(CONSENTRY) * 1000, each.cost(FORGETFUL) * 1000
        yield Row(
            f"{each.payload.name}, evidence kept: requests/s",
            f"{each.per_second(CONSENTRY):,.0f}",
            beside=f"`--no-ledger` {each.per_second(FORGETFUL):,.0f}; processor time {kept:.2f} to {forgotten:.2f} ms",
            ratio=f"{ratio:.2f} to `--no-ledger`",
            target=f"≥ {_RECORDING} to `--no-ledger`",
            reached=ratio >= _RECORDING,
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


def guard_size(size: GuardSize) -> Row:
    """The line on how large the guard is."""
    parts = " + ".join(f"{name} {_kilobytes(part)}" for name, part in size.parts.items())
    more = f"with {MANY} vendors as well known {_kilobytes(size.many)}, with {MOST:,} {_kilobytes(size.most)}"
    met = f"on a site that has met {', '.join(MET)} {_kilobytes(size.met)}"
    return Row(
        f"guard size, {size.vendors} vendors, gzip",
        f"{_kilobytes(size.whole)} KB",
        beside=f"{parts}; {more}; {met}; before gzip {_kilobytes(size.plain)}",
        target=f"≤ {_GUARD_SIZE / 1000:g} KB, however many vendors",
        reached=max(size.whole, size.many, size.most) <= _GUARD_SIZE,
    )


def at_size(found: AtSize) -> Iterator[Row]:
    """The lines on what many vendors cost."""
    of = f"{found.vendors:,} vendors more, {found.domains:,} domains"
    few, many = statistics.median(found.starts_with_few), statistics.median(found.starts)
    yield Row(
        f"start with {of}, processor time",
        f"{many:,.2f} s",
        beside=f"without them {few:,.2f} s",
        ratio=f"{found.start_ratio:.2f}",
        target=f"≤ {_START_RATIO}",
        reached=found.start_ratio <= _START_RATIO,
    )
    yield Row(
        f"memory with {of}",
        f"{statistics.median(found.memory) / _MEGABYTE:,.0f} MB",
        beside=f"without them {statistics.median(found.memory_with_few) / _MEGABYTE:,.0f} MB",
        ratio=f"{found.more_memory / _MEGABYTE:+,.0f} MB",
        target=f"≤ +{_MORE_MEMORY / _MEGABYTE:.0f} MB",
        reached=found.more_memory <= _MORE_MEMORY,
    )
    few, many = statistics.median(found.matches_with_few), statistics.median(found.matches)
    yield Row(
        f"a match with {of}",
        f"{many * 1e6:,.2f} µs",
        beside=f"without them {few * 1e6:,.2f} µs",
        ratio=f"{found.match_ratio:.2f}",
        target=f"≤ {_MATCH_RATIO}",
        reached=found.match_ratio <= _MATCH_RATIO,
    )


def page_cost(cost: PageCost) -> Iterator[Row]:
    """The lines on what is measured in the page."""
    yield Row("guard in an empty page: processor time", _milliseconds(cost.guard))
    yield Row(
        f"page of {ELEMENTS:,} elements: DOMContentLoaded after its first byte",
        _milliseconds(cost.ready),
        beside=f"no proxy {_milliseconds(cost.ready_without)}",
        ratio=f"{cost.ready_ratio:.2f} to no proxy",
    )
    yield Row(
        f"page of {ELEMENTS:,} elements: processor time of the main thread",
        _milliseconds(cost.busy),
        beside=f"no proxy {_milliseconds(cost.busy_without)}",
        ratio=f"{cost.busy_ratio:.2f} to no proxy",
    )
    yield Row(
        f"page whose vendors' tags make {cost.asked} requests of {LATENCY * 1000:g} ms, all held: load event",
        _milliseconds(cost.load),
        beside=f"no proxy {_milliseconds(cost.load_without)}",
        ratio=f"{cost.load_ratio:.2f} to no proxy",
    )


def _kilobytes(size: int) -> str:
    return f"{size / 1000:.1f}"


def _milliseconds(values: Sequence[float]) -> str:
    return f"{statistics.median(values) * 1000:,.1f} ms"


def processor() -> str:
    """What the machine's processor is called."""
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
