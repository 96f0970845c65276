"""Whether Consentry's memory stays where it is, however many requests pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression

from .load import different
from .payloads import Payload
from .processes import Running

# By how much it may grow after the first fifth of the requests, when every bounded cache is filled.
_TOLERANCE = 1.1
_CHECKPOINTS = 5
# And by how much over the last half of many.
_DRIFT = 0.03


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

    @property
    def drift(self) -> float:
        """By which part of itself it grows over the last half, along the straight line that fits these points best."""
        half = self.checkpoints[-1][0] / 2
        late = [point for point in self.checkpoints if point[0] >= half]
        slope, base = linear_regression([each[0] for each in late], [each[1] for each in late])
        return slope * (late[-1][0] - late[0][0]) / (base + slope * late[0][0])

    @property
    def settled(self) -> bool:
        """Whether it did not grow over the last half: what fills once, as caches do, is filled by then."""
        return self.drift <= _DRIFT


def measure(proxy: Running, payloads: Sequence[Payload], requests: int) -> Memory:
    """Let so many requests pass, no two alike."""
    step = requests // _CHECKPOINTS
    checkpoints = [(0, proxy.memory())]
    for number in range(_CHECKPOINTS):
        different(proxy.url, payloads, step, number * step)
        checkpoints.append(((number + 1) * step, proxy.memory()))
    return Memory(tuple(checkpoints))
