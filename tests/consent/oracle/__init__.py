"""The IAB's reference implementations as an oracle: random consent strings, and what they read in them."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...kit.npm import NpmError, package_tarball

PACKAGES = {"@iabtechlabtcf/core": "1.5.21", "@iabgpp/cmpapi": "3.2.0"}
_SCRIPT = Path(__file__).with_name("oracle.mjs")


@functools.lru_cache(maxsize=8)
def written(kind: str, seed: int, count: int) -> tuple[tuple[str, dict[str, Any]], ...]:
    """`count` strings of `kind` (tcf or gpp), each with the fields that the reference implementation reads in it."""
    node = shutil.which("node")
    if node is None:
        raise NpmError("node is needed to run the reference implementations: install Node.js with npm")
    with tempfile.TemporaryDirectory() as folder:
        for package, version in PACKAGES.items():
            _unpack(package_tarball(package, version), Path(folder) / "node_modules" / package)
        command = [node, str(_SCRIPT), kind, str(seed), str(count)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(_lines(done.stdout))


def _lines(output: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in output.splitlines():
        plain = json.loads(line)
        yield plain["string"], plain["fields"]


def _unpack(tarball: Path, folder: Path) -> None:
    with tarfile.open(tarball) as archive:
        for member in archive:
            # The first folder of a package's archive is not part of its paths.
            inside = member.name.partition("/")[2]
            if not member.isfile() or not inside.endswith((".js", ".json")):
                continue
            extracted = archive.extractfile(member)
            assert extracted is not None
            place = (folder / inside).resolve()
            assert place.is_relative_to(folder.resolve())
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(extracted.read())
