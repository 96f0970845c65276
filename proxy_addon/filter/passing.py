"""Which hosts pass without being looked into, because they are sensitive or because a program there refuses us.

A program that pins its certificates turns ours down. The next time it tries, it passes: that is learnt, and kept for
a while. Where it is our certificate authority that is missing, and not the program that is special, nothing must be
learnt: at an address from which no program has trusted us yet, of a host for which another program there has, and of
more hosts in an hour than programs pin. The hosts of catalogued vendors are never learnt either, since they are better
not reached than not judged.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..atomic import replace
from ..catalogue.domains import within

_MOST_LEARNT = 500
_MOST_CLIENTS = 1000
_MOST_TRUSTED = 10_000
# A browser that does not trust us comes to more hosts than this.
_MOST_IN_A_SPELL, _SPELL = 10, 3600.0
_LIFETIME = 30 * 86_400.0
# What a client says of a certificate that it does not trust; else it just goes, which may have other reasons.
_REFUSALS = ("unknown ca", "bad certificate", "certificate unknown")
_SILENT_REFUSALS = 3


@dataclass(frozen=True, slots=True)
class Untouched:
    """A host, with its subdomains if it begins with `*.`, that is never looked into, and why."""

    host: str
    why: str

    def covers(self, host: str) -> bool:
        """Whether a host is meant."""
        if self.host.startswith("*."):
            return within(host, self.host[2:])
        return host == self.host


class Passing:
    """Decides, connection by connection, what passes untouched."""

    def __init__(
        self,
        untouched: Iterable[Untouched],
        is_vendor: Callable[[str], bool],
        path: Path | None = None,
        clock: Callable[[], float] = time.time,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`is_vendor` says whether a host is a catalogued vendor's.

        What is learnt is kept at `path`, None learns nothing; `tell` takes a sentence when something is.
        """
        self._exact: dict[str, Untouched] = {}
        self._below: list[Untouched] = []
        for each in untouched:
            if each.host.startswith("*."):
                self._below.append(each)
            else:
                self._exact[each.host] = each
        self._is_vendor = is_vendor
        self._path = path
        self._clock = clock
        self._tell = tell
        self._learnt = _read(path, clock()) if path is not None else OrderedDict[str, float]()
        self._trusting: OrderedDict[str, None] = OrderedDict()
        # By client and host: what was trusted, how often a program just went, and when something was learnt.
        self._trusted: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._silent: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._spells: OrderedDict[str, list[float]] = OrderedDict()

    def why(self, host: str) -> str:
        """Why a host passes untouched; '' if it does not."""
        host = host.lower().rstrip(".")
        known = self._exact.get(host) or next((each for each in self._below if each.covers(host)), None)
        if known is not None:
            return known.why
        since = self._learnt.get(host)
        if since is None or self._clock() - since > _LIFETIME:
            return ""
        return "a program there refuses certificates that are not its own"

    def accepted(self, client: str, host: str) -> None:
        """A program at this address has trusted our certificate."""
        self._trusting[client] = None
        self._trusted[client, host.lower()] = None
        self._silent.pop((client, host.lower()), None)
        _bound(self._trusting, _MOST_CLIENTS)
        _bound(self._trusted, _MOST_TRUSTED)

    def refused(self, client: str, host: str, error: str) -> None:
        """A handshake with a program has failed, with this error."""
        host = host.lower().rstrip(".")
        if self._path is None or not host or client not in self._trusting or (client, host) in self._trusted:
            return
        if self._is_vendor(host) or not self._means_it(client, host, error.lower()) or not self._may_learn(client):
            return
        known = host in self._learnt
        self._learnt[host] = self._clock()
        self._learnt.move_to_end(host)
        _bound(self._learnt, _MOST_LEARNT)
        _write(self._path, self._learnt)
        if not known:
            self._tell(
                f"A program refuses our certificate for {host}: it passes untouched from now on, for {_days()} days."
            )

    def _means_it(self, client: str, host: str, error: str) -> bool:
        """Whether a failure is a refusal: by its words, or because a program just goes again and again."""
        if any(sign in error for sign in _REFUSALS):
            return True
        if "closed" not in error:
            return False
        count = self._silent[client, host] = self._silent.pop((client, host), 0) + 1
        _bound(self._silent, _MOST_CLIENTS)
        return count >= _SILENT_REFUSALS

    def _may_learn(self, client: str) -> bool:
        now = self._clock()
        recent = [moment for moment in self._spells.pop(client, []) if now - moment < _SPELL]
        self._spells[client] = [*recent, now][: _MOST_IN_A_SPELL + 1]
        _bound(self._spells, _MOST_CLIENTS)
        if len(recent) == _MOST_IN_A_SPELL:
            self._tell(
                f"A program at {client} refuses our certificate for one host after another, so that nothing more is "
                "learnt for now: does it trust our authority? See `consentry ca show`."
            )
        return len(recent) < _MOST_IN_A_SPELL


def _bound(known: OrderedDict[Any, Any], most: int) -> None:
    while len(known) > most:
        known.popitem(last=False)


def _days() -> int:
    return round(_LIFETIME / 86_400)


def _read(path: Path, now: float) -> OrderedDict[str, float]:
    try:
        plain = json.loads(path.read_bytes())
        learnt = {str(host): float(since) for host, since in plain.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return OrderedDict()
    fresh = sorted((since, host) for host, since in learnt.items() if now - since <= _LIFETIME)
    return OrderedDict((host, since) for since, host in fresh[-_MOST_LEARNT:])


def _write(path: Path, learnt: OrderedDict[str, float]) -> None:
    """Keep what was learnt; what cannot be kept is learnt anew next time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, json.dumps(learnt, indent=1).encode())
    except OSError:
        return
