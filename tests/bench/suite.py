"""Everything in one run."""

from __future__ import annotations

import gzip
import tempfile
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from proxy_addon.catalogue.load import Rules, load_rules
from proxy_addon.consent.regimes import regimes
from tests.corpus import pages
from tests.kit.many import VENDORS

from . import atsize, consenting, firstbyte, guardsize, ledger, matching, memory, pagecost, rewriting, throughput
from .atsize import AtSize
from .consenting import Consenting
from .firstbyte import FirstByte
from .guardsize import GuardSize
from .ledger import Appending
from .load import asynchronous, headers, with_wrk, wrk
from .matching import Matching
from .memory import Memory
from .pagecost import PageCost
from .payloads import VENDOR_TAGS, Payload, page, payloads
from .processes import BARE, CONSENTRY, FORGETFUL, STREAMING, BenchError, Running, proxies, upstream
from .rewriting import Rewriting
from .throughput import Throughput


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. `plain` does with nothing installed: no wrk, no nginx. `loads` of pages need Chromium.

    `evidence` is how many rows are appended to a ledger.
    """

    rounds: int
    seconds: float
    requests: int
    urls: int
    tries: int
    patience: float
    loads: int
    evidence: int
    vendors: int = VENDORS
    plain: bool = False


FULL = Plan(rounds=5, seconds=2, requests=50_000, urls=8_000, tries=15, patience=1, loads=21, evidence=1_000_000)
QUICK = Plan(rounds=3, seconds=1, requests=5_000, urls=5_000, tries=5, patience=0.5, loads=5, evidence=100_000)


@dataclass(frozen=True, slots=True)
class Results:
    """What was found. `generator` and `server` say by what means."""

    generator: str
    server: str
    throughput: Sequence[Throughput]
    evidence: Sequence[Throughput]
    appending: Appending
    memory: Memory
    first_bytes: dict[str, FirstByte]
    rewriting: Sequence[Rewriting]
    matching: Matching
    consenting: Consenting
    guard_size: GuardSize
    at_size: AtSize
    page_cost: PageCost | None


def measure(plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Results:
    """Measure all of it. `tell` hears what is being done. Raises BenchError and RulesError."""
    rules = load_rules()
    resources = payloads()
    with tempfile.TemporaryDirectory(prefix="consentry-bench-") as name:
        folder = Path(name)
        with upstream(resources, folder, plain=plan.plain) as site:
            with proxies(site.url, folder) as running:
                for proxy, each in running.items():
                    check(each, resources[0], holds=proxy == CONSENTRY)
                use_wrk = with_wrk() and not plan.plain
                load = wrk if use_wrk else asynchronous
                tell("requests a second")
                speeds = throughput.measure(
                    running,
                    resources,
                    load,
                    rounds=plan.rounds,
                    seconds=plan.seconds,
                )
            tell("requests a second without a ledger")
            with proxies(site.url, folder, [FORGETFUL, CONSENTRY]) as running:
                recorded = throughput.measure(
                    running, resources[:2], load, rounds=2 * plan.rounds - 1, seconds=plan.seconds
                )
            tell("memory")
            with proxies(site.url, folder, [CONSENTRY]) as running:
                kept = memory.measure(running[CONSENTRY], resources[:2], plan.requests)
        tell("first byte")
        first_bytes = _first_bytes(plan, folder)
        tell("the ledger")
        appending = ledger.measure(plan.evidence, folder)
    tell("rewriting")
    regime = regimes(rules.regimes)["gdpr"]
    corpus = [each.content for each in pages()]
    rewritten = [
        rewriting.measure("the page", [page()], rules.catalogue, regime, plan.seconds / 2),
        rewriting.measure(f"the corpus, {len(corpus)} pages", corpus, rules.catalogue, regime, plan.seconds / 2),
    ]
    tell("matching")
    asked = matching.urls(rules.catalogue, plan.urls)
    matched = matching.measure(load_rules().catalogue, asked, plan.rounds * 2 + 1)
    tell("consent")
    read = consenting.measure(rules.platforms, plan.rounds)
    size = guardsize.measure(rules)
    tell(f"{plan.vendors:,} vendors")
    with tempfile.TemporaryDirectory(prefix="consentry-bench-") as name:
        grown = atsize.measure(Path(name), plan.vendors, plan.urls, plan.rounds)
    tell("pages")
    cost = page_cost(rules, plan.loads) if plan.loads else None
    generator = "wrk" if use_wrk else "asyncio"
    return Results(
        generator,
        site.name,
        speeds,
        recorded,
        appending,
        kept,
        first_bytes,
        rewritten,
        matched,
        read,
        size,
        grown,
        cost,
    )


def page_cost(rules: Rules, loads: int) -> PageCost:
    """What Consentry costs in the page. Raises BenchError without Chromium."""
    with tempfile.TemporaryDirectory(prefix="consentry-bench-") as name:
        folder = Path(name)
        with pagecost.chromium(folder) as (browser, network):
            return pagecost.measure(browser, network, tuple(rules.catalogue.vendors.values()), folder, loads)


def _first_bytes(plan: Plan, folder: Path) -> dict[str, FirstByte]:
    """Through each proxy. (The bare one waits for the body, which one try says as well as many.)"""
    tries = {BARE: 1, STREAMING: plan.tries, CONSENTRY: plan.tries}
    with firstbyte.slow_site(page(), plan.patience) as slow, proxies(slow.url, folder, list(tries)) as running:
        return {name: firstbyte.measure(slow, running[name], count) for name, count in tries.items()}


def check(proxy: Running, page: Payload, *, holds: bool) -> None:
    """The numbers mean something only if every vendor's tag is held by Consentry, and none by the others."""
    request = urllib.request.Request(proxy.url + page.path, headers=headers(page.destination))
    with urllib.request.urlopen(request, timeout=30) as response:
        body = response.read()
        if response.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
    held = body.count(b' data-consentry="')
    if holds and held < VENDOR_TAGS:
        raise BenchError(f"{proxy.name} holds {held} of the page's {VENDOR_TAGS} vendor tags.")
    if not holds and body != page.content:
        raise BenchError(f"{proxy.name} changed the page.")
