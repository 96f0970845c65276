"""Whether Consentry's memory stays where it is, however many requests pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .load import different
from .payloads import Payload
from .processes import Running

# By how much it may grow after the first fifth of the requests, when every bounded cache is filled.
_TOLERANCE = 1.1
_CHECKPOINTS = 5


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes after so many requests, at several points."""

    checkpoints: tuple[tuple[int, int], ...]

    @property
    def growth(self) -> float:
        """The last checkpoint over the one after the first fifth."""
        return self.checkpoints[-1][1] / self.checkpoints[1][1]

    @property
    def flat(self) -> bool:
        """Whether it did not grow."""
        return self.growth <= _TOLERANCE


def measure(proxy: Running, payloads: Sequence[Payload], requests: int) -> Memory:
    """Let so many requests pass, no two alike."""
    step = requests // _CHECKPOINTS
    checkpoints = [(0, proxy.memory())]
    for number in range(_CHECKPOINTS):
        different(proxy.url, payloads, step, number * step)
        checkpoints.append(((number + 1) * step, proxy.memory()))
    return Memory(tuple(checkpoints))
