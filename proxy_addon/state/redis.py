"""The state of several replicas, in Redis or Valkey.

While it cannot be reached, each replica goes by what it knows itself, as if it were alone, and nobody waits for it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..config import UsageError
from . import Memory

if TYPE_CHECKING:
    from redis import Redis

_Result = TypeVar("_Result")

_PREFIX = "consentry:"
_SALT = _PREFIX + "salt"
_SALT_BYTES = 32
# Seconds that one answer may take, and for which nothing is asked after a failure.
_PATIENCE, _PAUSE = 0.25, 2.0


class RedisState:
    """A State that is shared."""

    def __init__(self, url: str, warn: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """Connect to `url`, as redis://HOST:PORT/0. `warn` hears of failures later. Raises UsageError."""
        try:
            import redis  # noqa: PLC0415 - it is an extra
        except ImportError:
            raise UsageError("State in Redis needs its client; pip install 'consentry[redis]'.") from None
        self._error = redis.RedisError
        self._warn = warn
        self._clock = clock
        self._known = Memory(clock)
        self._silent_until = 0.0
        self._failing = False
        try:
            self._redis: Redis = redis.Redis.from_url(
                url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, decode_responses=False
            )
            self._salt = self._shared_salt()
        except ValueError:
            # What the client says of it may quote the password.
            raise UsageError(f"'{shown(url)}' is no address of a state; write it as redis://HOST:PORT.") from None
        except (redis.RedisError, OSError) as error:
            raise UsageError(f"The state at {shown(url)} cannot be reached: {error}; check --state.") from None

    def get(self, kind: str, key: str) -> str | None:
        """See State."""
        name = f"{_PREFIX}{kind}:{key}"
        found = self._try(lambda: (self._redis.get(name),))
        if found is None:
            return self._known.get(kind, key)
        value = found[0]
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else None

    def put(self, kind: str, key: str, value: str, seconds: int) -> None:
        """See State."""
        self._known.put(kind, key, value, seconds)
        self._try(lambda: self._redis.set(f"{_PREFIX}{kind}:{key}", value, ex=seconds))

    def add(self, kind: str, key: str, amount: int, seconds: int) -> int:
        """See State."""
        name = f"{_PREFIX}{kind}:{key}"
        own = self._known.add(kind, key, amount, seconds)

        def count() -> int:
            with self._redis.pipeline() as asked:
                # Only what is new begins to run out: a minute is not made longer by what is counted in it.
                asked.set(name, 0, ex=seconds, nx=True)
                asked.incrby(name, amount)
                return int(asked.execute()[-1])

        return max(own, self._try(count) or 0)

    def salt(self) -> bytes | None:
        """See State."""
        return self._salt

    def close(self) -> None:
        """See State."""
        self._redis.close()

    def _shared_salt(self) -> bytes:
        # Whoever is first decides.
        self._redis.set(_SALT, secrets.token_hex(_SALT_BYTES), nx=True)
        found = self._redis.get(_SALT)
        return bytes.fromhex(found.decode()) if isinstance(found, bytes) else secrets.token_bytes(_SALT_BYTES)

    def _try(self, ask: Callable[[], _Result]) -> _Result | None:
        """What is answered, or None if nothing is."""
        if self._clock() < self._silent_until:
            return None
        try:
            answer = ask()
        except (self._error, OSError) as error:
            self._silent_until = self._clock() + _PAUSE
            if not self._failing:
                self._failing = True
                self._warn(f"the state cannot be reached ({error}); this replica goes by what it knows itself")
            return None
        if self._failing:
            self._failing = False
            self._warn("the state is reached again")
        return answer


def shown(url: str) -> str:
    """The address without what lets one in."""
    before, _, rest = url.rpartition("@")
    scheme, slashes, _ = before.partition("://")
    return scheme + slashes + rest if slashes else rest
