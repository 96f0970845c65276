"""Pages a minute of `consentry audit --urls`, beside the same loop in plain Playwright.

The plain loop does what the audit does and no more: for each site and state a fresh visitor, the page until nothing has
been under way for as long, scrolled through, the banner's button clicked, and the page once again. It has no proxy,
decides nothing and records nothing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from proxy_addon.audit.browser import usual_agent
from proxy_addon.audit.flow import scroll
from proxy_addon.audit.many.store import JOURNAL
from proxy_addon.audit.many.summary import Summary, summarise
from proxy_addon.chromium import QUIET, executable
from tests.e2e.audit.sites import klaro
from tests.kit.certificates import Authority
from tests.kit.fleet import Cluster, sites, start, violating, wait_for
from tests.kit.network import Network
from tests.kit.npm import package_file

from .processes import BenchError

_STATES = ("nothing", "reject", "accept")
_BUTTONS = {"reject": ".klaro .cookie-notice .cn-decline", "accept": ".klaro .cookie-notice .cm-btn-success"}
_QUIET = 0.5
_POLL = 50
# How long at most half of the sites take on a cluster, in seconds.
_LONG = 7200.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """What was found: seconds for so many sites by so many browsers, on so many cores.

    `audited` and `plain` are of `compared` sites; `clustered` of `sites` sites, each in so many `states`, on a Dask
    cluster which lost a worker.
    """

    cores: int
    workers: int
    compared: int
    audited: float
    plain: float
    sites: int
    clustered: float
    states: int
    summary: Summary

    @property
    def ratio(self) -> float:
        """How fast the audit is, the plain loop being 1."""
        return self.plain / self.audited


def measure(
    count: int, tell: Callable[[str], None] = lambda _: None, compared: int = 20, *, quick: bool = False
) -> Fleet:
    """Audit so many generated sites on a cluster, and some of them here. Raises BenchError if a result is wrong.

    With `quick` those on the cluster are brought into the first state only.
    """
    workers = 2
    with tempfile.TemporaryDirectory(prefix="consentry-bench-") as name:
        folder = Path(name)
        authority = Authority(folder)
        network = Network(authority)
        try:
            klaro_js = package_file("klaro", "0.7.22", "dist/klaro.js")
            urls = sites(network, max(count, compared), klaro(), {"/klaro.js": klaro_js})
            arguments = (
                *("--quiet-for", str(_QUIET), "--delay", "0"),
                *("--confdir", str(folder / "confdir"), "--upstream-ca", str(authority.pem)),
                *("--resolve", f"*:443:127.0.0.1:{network.secure.port}"),
            )
            tell(f"{compared} sites in plain Playwright")
            plain = _plainly(urls[:compared], network, workers)
            tell(f"{compared} sites with consentry audit --urls")
            here = (*arguments, "--states", ",".join(_STATES), "--workers", str(workers))
            audited = _audited(folder, "here", urls[:compared], here)
            tell(f"{count} sites on a cluster of two workers, of which one is lost")
            with Cluster(folder, workers=workers) as cluster:
                states = _STATES[:1] if quick else _STATES
                on_cluster = (*arguments, "--states", ",".join(states), "--cluster", cluster.address)
                clustered = _audited(folder, "cluster", urls[:count], on_cluster, losing=cluster.workers[0])
            return Fleet(
                cores=os.cpu_count() or 1,
                workers=workers,
                compared=compared,
                audited=audited,
                plain=plain,
                sites=count,
                clustered=clustered,
                states=len(states),
                summary=summarise(folder / "cluster"),
            )
        finally:
            network.close()


def fleet_table(fleet: Fleet) -> str:
    """The figures as Markdown."""
    minute = 60.0
    rows = [
        ("plain Playwright", fleet.compared, fleet.plain),
        ("`consentry audit --urls`", fleet.compared, fleet.audited),
        ("on a Dask cluster that loses one of two workers", fleet.sites, fleet.clustered),
    ]
    lines = [
        f"| {name} | {count} | {seconds:.0f} s | {count / seconds * minute / fleet.cores:.1f} |"
        for name, count, seconds in rows
    ]
    said = (
        f"{fleet.workers} browsers on {fleet.cores} cores; three states of each site"
        f"{', on the cluster one' if fleet.states == 1 else ''}. The audit is "
        f"{fleet.ratio:.2f} times as fast as the plain loop."
    )
    return "\n".join(["| way | sites | took | sites a minute and core |", "|---|---|---|---|", *lines, "", said])


def _audited(
    folder: Path, name: str, urls: Sequence[str], arguments: Sequence[str], losing: subprocess.Popen[str] | None = None
) -> float:
    """Seconds that the command took. Raises BenchError if an address has no result, or two."""
    (folder / f"{name}.txt").write_text("\n".join(urls))
    begun = time.monotonic()
    command = ("audit", "--urls", f"{name}.txt", "--output", name, *arguments)
    audit = start("proxy_addon", *command, folder=folder)
    if losing is not None:
        journal = folder / name / JOURNAL
        half = len(urls) // 2
        wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") >= half, "half of it", [audit], _LONG)
        losing.send_signal(signal.SIGKILL)
    code = audit.wait()
    took = time.monotonic() - begun
    summary = summarise(folder / name)
    lines = (folder / name / JOURNAL).read_text("utf-8").splitlines()
    once = sorted(str(json.loads(line)["url"]) for line in lines) == sorted(urls)
    if not once or (code, summary.failed, summary.violating) != (1, 0, violating(len(urls))):
        raise BenchError(
            f"Of {len(urls)} sites, {violating(len(urls))} with violations, the audit found {summary.pages} "
            f"({'each once' if once else 'not each once'}), "
            f"{summary.violating} with violations, and failed at {summary.failed}. "
            + " ".join(f"{each.failure}: {each.error}" for each in summary.failures)
        )
    return took


def _plainly(urls: Sequence[str], network: Network, workers: int) -> float:
    begun = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(lambda share: _loop(share, network), [urls[each::workers] for each in range(workers)]):
            pass
    return time.monotonic() - begun


def _loop(urls: Sequence[str], network: Network) -> None:
    rules = f"MAP *:443 127.0.0.1:{network.secure.port}"
    arguments = [*QUIET, f"--host-resolver-rules={rules}", "--ignore-certificate-errors"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=arguments)
        agent = usual_agent(browser)
        for url in urls:
            for state in _STATES:
                context = browser.new_context(user_agent=agent, viewport={"width": 1280, "height": 800})
                _visit(context.new_page(), url, state)
                context.close()
        browser.close()


def _visit(page: Page, url: str, state: str) -> None:
    under_way: set[object] = set()
    last = [time.monotonic()]

    def begins(request: object) -> None:
        under_way.add(request)
        last[0] = time.monotonic()

    def ends(request: object) -> None:
        under_way.discard(request)
        last[0] = time.monotonic()

    page.on("request", begins)
    page.on("requestfinished", ends)
    page.on("requestfailed", ends)

    def settle() -> None:
        # As in the audit, what was just done may only be about to stir something.
        begun = time.monotonic()
        while under_way or (left := max(last[0], begun) + _QUIET - time.monotonic()) > 0:
            page.wait_for_timeout(_POLL if under_way else left * 1000 + 1)

    def look() -> None:
        page.goto(url, wait_until="load")
        settle()
        scroll(page)
        settle()

    look()
    if state in _BUTTONS:
        page.locator(_BUTTONS[state]).first.click()
        settle()
        look()
