"""A sieve says of a name that it is surely not among some names, or that it may be. It is small, and read by decide.js.

It holds a hash of each name, as far as that is needed: sorted, and the steps between them in Golomb-Rice coding
(https://en.wikipedia.org/wiki/Golomb_coding), so that a name costs a bit and a half more than it gains certainty.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from zlib import crc32

# [how many hashes, of what size, bits of each remainder, base64], or 0: nothing is among them, 1: anything may be.
Sieve = list[int | str] | int

# A chance of 1 in 16384 that a name passes which is none; with more than one in 16 asking always is as good.
_FINEST, _COARSEST = 14, 4
_SPARE = 1.6


def sieve(names: Collection[str], most: int) -> Sieve:
    """The finest sieve for these names that takes no more than so many bytes."""
    if not names:
        return 0
    bits = min(_FINEST, int(most * 8 / len(names) - _SPARE))
    if bits < _COARSEST:
        return 1
    size = len(names) << bits
    hashes = sorted({crc32(name.encode("utf-8", "surrogatepass")) % size for name in names})
    parts: list[str] = []
    before = -1
    for value in hashes:
        steps, rest = divmod(value - before - 1, 1 << bits)
        parts.append("1" * steps + f"0{rest:0{bits}b}")
        before = value
    text = "".join(parts)
    text += "0" * (-len(text) % 8)
    data = int(text, 2).to_bytes(len(text) // 8, "big")
    return [len(hashes), size, bits, base64.b64encode(data).decode()]
