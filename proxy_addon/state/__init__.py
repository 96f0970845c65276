"""What replicas have to know of each other: in memory for one, in Redis or Valkey for several.

It is little, since in reverse mode each request carries the site's cookies: what visitors said in forward mode, what
pages reported as held (so that no other replica takes it for a leak), and the key that visitors are named by.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Protocol

from ..consent.model import CATEGORIES, Consent
from ..ledger.visitor import Pseudonyms

# Entries that are remembered of each kind.
_MOST = 20_000
_HELD_SECONDS = 3600
_CONSENT_SECONDS = 12 * 3600
# Replicas may not agree to the second on when a minute begins.
_REPORTED_SECONDS = 120
_HELD, _CONSENT, _REPORTED = "held", "consent", "reported"


class State(Protocol):
    """Texts by kind and key, each for some seconds. Neither method raises or takes long."""

    def get(self, kind: str, key: str) -> str | None:
        """What is known, or None."""

    def put(self, kind: str, key: str, value: str, seconds: int) -> None:
        """Let it be known."""

    def add(self, kind: str, key: str, amount: int, seconds: int) -> int:
        """Count, and the sum since the first for which so many seconds have not passed yet."""

    def salt(self) -> bytes | None:
        """The key that all replicas name visitors by; None if each has its own."""

    def close(self) -> None:
        """Let go of what it holds open."""


class Memory:
    """The state of a replica that is alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._kinds: dict[str, OrderedDict[str, tuple[float, str]]] = {}

    def get(self, kind: str, key: str) -> str | None:
        """See State."""
        found = self._kinds[kind].get(key) if kind in self._kinds else None
        return found[1] if found is not None and found[0] > self._clock() else None

    def put(self, kind: str, key: str, value: str, seconds: int) -> None:
        """See State."""
        self._keep(kind, key, value, self._clock() + seconds)

    def _keep(self, kind: str, key: str, value: str, until: float) -> None:
        known = self._kinds.setdefault(kind, OrderedDict())
        known[key] = (until, value)
        known.move_to_end(key)
        if len(known) > _MOST:
            known.popitem(last=False)

    def add(self, kind: str, key: str, amount: int, seconds: int) -> int:
        """See State."""
        now = self._clock()
        found = self._kinds[kind].get(key) if kind in self._kinds else None
        until, before = found if found is not None and found[0] > now else (now + seconds, "0")
        total = int(before) + amount
        self._keep(kind, key, str(total), until)
        return total

    def salt(self) -> bytes | None:
        """See State."""
        return None

    def close(self) -> None:
        """See State."""


class Shared:
    """What the engine asks of a state, in its own words."""

    def __init__(self, state: State, pseudonyms: Pseudonyms | None = None) -> None:
        """`pseudonyms` name visitors where the state has no key of its own; None: by a key of this run."""
        self._state = state
        salt = state.salt()
        self.pseudonyms = Pseudonyms(salt) if salt is not None else pseudonyms or Pseudonyms(secrets.token_bytes(32))

    def holds(self, client: tuple[str, str], site: str, url: str) -> None:
        """A layer on a page of this visitor has held this address."""
        self._state.put(_HELD, self._key(client, site, url), "1", _HELD_SECONDS)

    def held(self, client: tuple[str, str], site: str, url: str) -> bool:
        """Whether a layer on a page of this visitor has held this address."""
        return self._state.get(_HELD, self._key(client, site, url)) is not None

    def learn(self, client: tuple[str, str], site: str, consent: Consent) -> None:
        """What the visitor said on this site."""
        self._state.put(_CONSENT, self._key(client, site), write_consent(consent), _CONSENT_SECONDS)

    def consent(self, client: tuple[str, str], site: str) -> Consent | None:
        """What the visitor said on this site, as far as any replica knows."""
        said = self._state.get(_CONSENT, self._key(client, site))
        return read_consent(said) if said is not None else None

    def reported(self, client: tuple[str, str], site: str, minute: int, rows: int) -> int:
        """How many rows the pages of this visitor have reported in this minute, with these."""
        return self._state.add(_REPORTED, f"{self._key(client, site)}-{minute}", rows, _REPORTED_SECONDS)

    def _key(self, client: tuple[str, str], site: str, url: str = "") -> str:
        """Nothing that can be read: a state may lie on another machine."""
        name = self.pseudonyms.of(*client, site)
        if not url:
            return name
        return f"{name}-{hashlib.blake2b(url.encode('utf-8', 'surrogatepass'), digest_size=12).hexdigest()}"


def write_consent(consent: Consent) -> str:
    """A consent as JSON."""
    plain = asdict(consent)
    plain["refused"] = {vendor: sorted(names) for vendor, names in consent.refused.items()}
    return json.dumps(plain, separators=(",", ":"), sort_keys=True)


def read_consent(text: str) -> Consent | None:
    """The consent that such JSON says, or None if it is none: another release may have written it."""
    try:
        plain: dict[str, Any] = json.loads(text)
        refused = {vendor: frozenset(names) & frozenset(CATEGORIES) for vendor, names in plain.pop("refused").items()}
        return Consent(**plain, refused=refused)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
