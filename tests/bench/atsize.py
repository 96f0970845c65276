"""What ten thousand vendors cost, beside those that are shipped: at the start, in memory, and in each match."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from proxy_addon.catalogue.load import load_rules
from proxy_addon.catalogue.match import Catalogue
from proxy_addon.listeners import free_port
from tests.kit.many import DOMAINS, compile_rules, write_rules

from .matching import urls
from .processes import CONSENTRY, Running

_SITE = "shop.example"


@dataclass(slots=True)
class AtSize:
    """Processor time until Consentry listens, resident bytes then, and processor time a URL; a value a round."""

    vendors: int
    domains: int
    starts: list[float] = field(default_factory=list)
    starts_with_few: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    memory_with_few: list[int] = field(default_factory=list)
    matches: list[float] = field(default_factory=list)
    matches_with_few: list[float] = field(default_factory=list)

    @property
    def start_ratio(self) -> float:
        """How many times as long a start takes: the median of the rounds' own ratios."""
        return _ratio(self.starts, self.starts_with_few)

    @property
    def match_ratio(self) -> float:
        """How many times as long a match takes: the median of the rounds' own ratios."""
        return _ratio(self.matches, self.matches_with_few)

    @property
    def more_memory(self) -> float:
        """How many bytes more are resident: the difference of the medians."""
        return statistics.median(self.memory) - statistics.median(self.memory_with_few)


def measure(folder: Path, vendors: int, asked: int, rounds: int) -> AtSize:
    """Start it so often, with so many vendors more and without them in turn, and match so many URLs with either."""
    rules, cache = write_rules(folder / "rules", vendors), folder / "cache"
    # What is measured is not the first start: that has to read every file.
    compile_rules(rules, cache / "consentry")
    load_rules((), cache / "consentry")
    found = AtSize(vendors, vendors * DOMAINS)
    few, many = (load_rules(folders, cache / "consentry").catalogue for folders in ((), (rules,)))
    addresses = [url for url, _ in urls(few, asked)]
    for catalogue in (few, many):
        _matching(catalogue, addresses)()
    for _ in range(rounds):
        for folders, starts, memory in (
            ((), found.starts_with_few, found.memory_with_few),
            ((rules,), found.starts, found.memory),
        ):
            took, size = _start(folder, cache, folders)
            starts.append(took)
            memory.append(size)
        for catalogue, matches in ((few, found.matches_with_few), (many, found.matches)):
            start = time.process_time()
            _matching(catalogue, addresses)()
            matches.append((time.process_time() - start) / len(addresses))
    return found


def _start(folder: Path, cache: Path, rules: tuple[Path, ...]) -> tuple[float, int]:
    port = free_port()
    command = ["env", f"XDG_CACHE_HOME={cache}", f"XDG_STATE_HOME={folder}", sys.executable, "-m", "proxy_addon"]
    command += ["http://127.0.0.1:9", "--listen", f"127.0.0.1:{port}", "--confdir", str(folder / "confdir"), "--quiet"]
    command += [word for each in rules for word in ("--rules", str(each))]
    proxy = Running(CONSENTRY, command, port, folder)
    try:
        proxy.wait_until_it_listens()
        return proxy.processor(), proxy.memory()
    finally:
        proxy.stop()


def _matching(catalogue: Catalogue, addresses: list[str]) -> Callable[[], None]:
    match = catalogue.match

    def run() -> None:
        for url in addresses:
            match(url, site=_SITE)

    return run


def _ratio(ones: list[float], others: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))
