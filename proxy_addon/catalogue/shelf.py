"""An index in a file: opened at once, read where it is asked.

The file holds a head in JSON, for each kind its keys, where each key's record begins, and the records. Only the head
and the keys are read when it is opened, and a digest of them checked; the records stay in the file.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
import sys
from array import array
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from ..atomic import replace

_MAGIC = b"consentry catalogue\n"
# Lengths of the head, of the keys, of the places and of the records, and a digest of the first three.
_LENGTHS = struct.Struct("<4Q32s")


class ShelfIndex:
    """An index that lives in a file; see index.Index. `facts` are those that were written with it."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises OSError or ValueError where there is none that is whole and nobody else's."""
        with path.open("rb") as file:
            _check_owner(file.fileno())
            if not os.fstat(file.fileno()).st_size:
                raise ValueError("the file is empty")
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        view = self._bytes
        start = len(_MAGIC) + _LENGTHS.size
        if view[: len(_MAGIC)] != _MAGIC or len(view) < start:
            raise ValueError("the file is none of ours")
        head, keys, places, records, digest = _LENGTHS.unpack(view[len(_MAGIC) : start])
        if start + head + keys + places + records != len(view):
            raise ValueError("the file is not whole")
        if hashlib.sha256(view[start : start + head + keys + places]).digest() != digest:
            raise ValueError("the file is damaged")
        said = json.loads(view[start : start + head])
        self.facts: Mapping[str, Any] = said["facts"]
        self._traits: Mapping[str, Sequence[str]] = said["traits"]
        self._fingerprint: str = said["fingerprint"]
        self._records = start + head + keys + places
        self._places = array("Q")
        self._places.frombytes(view[start + head + keys : self._records])
        if sys.byteorder == "big":
            self._places.byteswap()
        self._keys: dict[str, dict[str, int]] = {}
        number = 0
        for kind, names in json.loads(view[start + head : start + head + keys]).items():
            self._keys[kind] = dict(zip(names, range(number, number + len(names)), strict=True))
            number += len(names)

    @property
    def fingerprint(self) -> str:
        """A hash of what was compiled into it."""
        return self._fingerprint

    def traits(self, trait: str) -> Sequence[str]:
        """The ids of the vendors that have a trait."""
        return self._traits.get(trait, ())

    def keys(self, kind: str) -> Set[str]:
        """Every key of a kind, in the order in which they were written."""
        return self._keys[kind].keys()

    def read(self, kind: str, key: str) -> Any:
        """What stands under a key. KeyError if nothing does."""
        number = self._keys[kind][key]
        first, last = self._places[number], self._places[number + 1]
        return json.loads(self._bytes[self._records + first : self._records + last])


def write_shelf(
    path: Path,
    kinds: Mapping[str, Mapping[str, Any]],
    traits: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any],
    fingerprint: str,
) -> None:
    """Write an index to a file, all at once. Raises OSError."""
    head = _json({"facts": facts, "traits": traits, "fingerprint": fingerprint})
    keys = _json({kind: list(records) for kind, records in kinds.items()})
    places, texts = array("Q", [0]), list[bytes]()
    for records in kinds.values():
        for record in records.values():
            texts.append(_json(record))
            places.append(places[-1] + len(texts[-1]))
    if sys.byteorder == "big":
        places.byteswap()
    beginning = head + keys + places.tobytes()
    body = b"".join(texts)
    lengths = _LENGTHS.pack(
        len(head), len(keys), len(places) * places.itemsize, len(body), hashlib.sha256(beginning).digest()
    )
    replace(path, _MAGIC, lengths, beginning, body)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _check_owner(file: int) -> None:
    """What another user may write could say anything."""
    if hasattr(os, "geteuid"):
        known = os.fstat(file)
        if known.st_uid != os.geteuid() or known.st_mode & 0o022:
            raise ValueError("the file is not ours alone to write")
