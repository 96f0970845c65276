"""Audits of the sites whose faults are known, again and again: whether each run finds exactly what was planted."""

from __future__ import annotations

import queue
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from proxy_addon.audit.model import from_json
from proxy_addon.proxy import authority as authority_in
from tests.e2e.audit.sites import SHOP, SITES, Planted, Truth
from tests.kit.certificates import Authority
from tests.kit.network import Network
from tests.kit.proxy import run

from .processes import BenchError

# Each has its own network, on which the shop is the site that it audits.
_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Wrong:
    """A site on which a run found something else: what is missing, and what is too much."""

    site: str
    missing: frozenset[Truth]
    extra: frozenset[Truth]

    def __str__(self) -> str:
        """In a line."""
        said = [f"{word} {', '.join(map(' '.join, sorted(found)))}" for word, found in self._parts() if found]
        return f"{self.site}: {'; '.join(said)}"

    def _parts(self) -> Sequence[tuple[str, frozenset[Truth]]]:
        return (("missing", self.missing), ("too much", self.extra))


@dataclass(frozen=True, slots=True)
class Run:
    """One run over all sites: seconds, and on which it was wrong."""

    seconds: float
    wrong: tuple[Wrong, ...]


def measure(runs: int, tell: Callable[[str], None] = lambda _: None) -> list[Run]:
    """Audit all planted sites so many times, with a browser of its own each time. Raises BenchError."""
    found: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="consentry-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        authority = Authority(folder)
        # Made once, since those that start at once would each make one.
        authority_in(folder / "confdir")
        free: queue.SimpleQueue[Network] = queue.SimpleQueue()
        for _ in range(_AT_ONCE):
            network = Network(authority)
            stack.callback(network.close)
            free.put(network)

        def look(planted: Planted) -> Wrong | None:
            network = free.get()
            try:
                return _audited(planted, network, authority, folder)
            finally:
                free.put(network)

        for number in range(1, runs + 1):
            begun = time.monotonic()
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                wrong = tuple(filter(None, pool.map(look, SITES)))
            found.append(Run(time.monotonic() - begun, wrong))
            tell(_words(number, found[-1]))
    return found


def planted_table(runs: Sequence[Run]) -> str:
    """The outcome in a sentence, after those that were wrong."""
    exact = sum(not each.wrong for each in runs)
    wrong = [f"- run {number}, {each}" for number, run_ in enumerate(runs, 1) for each in run_.wrong]
    return "\n".join([*wrong, f"{exact} of {len(runs)} runs over {len(SITES)} sites found exactly what was planted."])


def _audited(planted: Planted, network: Network, authority: Authority, folder: Path) -> Wrong | None:
    planted.stand(network)
    done = run(
        *("audit", SHOP, "--json", "--quiet-for", "0.5", "--no-screenshots", "--states", planted.states),
        *("--confdir", str(folder / "confdir"), "--upstream-ca", str(authority.pem)),
        *("--resolve", f"*:443:127.0.0.1:{network.secure.port}", *planted.options),
        folder=folder,
        timeout=900,
    )
    if done.returncode not in (0, 1):
        raise BenchError(f"The audit of '{planted.name}' broke off: {done.stderr.strip()}")
    result = from_json(done.stdout)
    seen = frozenset((each.kind, each.vendor, each.state) for each in result.findings)
    errors = frozenset(("error", each, "") for each in result.errors)
    missing, extra = planted.truth - seen, (seen - planted.truth) | errors
    return Wrong(planted.name, missing, extra) if missing or extra else None


def _words(number: int, done: Run) -> str:
    said = "; ".join(map(str, done.wrong)) or "exact"
    return f"run {number}, {done.seconds:.0f} s: {said}"
