"""A forward proxy for one test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..audit.overhear import Overhearing
from ..audit.relay import Relay
from ..chromium import trusting
from ..config import EMPTY
from ..listeners import Transport
from ..resolve import Resolver, parse_entry
from ..setup import Choices, build_engine
from .watch import Watch


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a test wants of its proxy; as in `consentry forward`."""

    mode: str
    regime: str
    confdir: Path
    rules: tuple[str, ...] = ()
    resolve: Sequence[str] = ()
    upstream_ca: Path | None = None
    insecure_upstream: bool = False


@contextmanager
def running(wanted: Wanted) -> Iterator[Watch]:
    """Start it on a free port of this machine, and stop it at the end. Raises UsageError and FileError."""
    overhearing = Overhearing()
    choices = Choices(mode=wanted.mode, regime=wanted.regime, rules=wanted.rules, keep_query=True)
    transport = Transport(
        confdir=wanted.confdir,
        upstream_ca=wanted.upstream_ca,
        insecure_upstream=wanted.insecure_upstream,
        resolver=Resolver([parse_entry(entry) for entry in wanted.resolve]),
    )
    with Relay(build_engine(choices, EMPTY, overhearing), transport, overhearing) as relay:
        arguments = (f"--proxy-server={relay.url}", "--proxy-bypass-list=<-loopback>", trusting(wanted.confdir))
        yield Watch(relay.url, arguments, overhearing)
