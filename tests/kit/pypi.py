"""Files of source distributions on PyPI by exact version, fetched once and kept in `.tests/pypi/`."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

_CACHE = Path(__file__).resolve().parents[2] / ".tests" / "pypi"


class PypiError(Exception):
    """A package or a file of it cannot be had; the message says why and what to do."""


@functools.lru_cache(maxsize=8)
def source_file(package: str, version: str, file: str) -> bytes:
    """The bytes of a file of a package's source distribution."""
    with tarfile.open(_distribution(package, version)) as archive:
        for member in archive:
            if member.isfile() and member.name.partition("/")[2] == file:
                extracted = archive.extractfile(member)
                assert extracted is not None
                return extracted.read()
    raise PypiError(f"{package} {version} holds no file {file}")


def _distribution(package: str, version: str) -> Path:
    kept = _CACHE / f"{package}-{version}.tar.gz"
    if kept.exists():
        return kept
    _CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        fetched = subprocess.run(
            [*command, "--dest", folder, f"{package}=={version}"],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        made = list(Path(folder).glob("*.tar.gz"))
        if fetched.returncode or len(made) != 1:
            raise PypiError(f"pip download {package}=={version} failed: {fetched.stderr.strip()[-500:]}")
        # Another run may have fetched it meanwhile; both are the same file.
        os.replace(made[0], kept)
    return kept
