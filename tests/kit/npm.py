"""Files of npm packages by exact version, fetched once and kept in `.tests/npm/`."""

from __future__ import annotations

import functools
import gzip
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

_CACHE = Path(__file__).resolve().parents[2] / ".tests" / "npm"


class NpmError(Exception):
    """A package or a file of it cannot be had; the message says why and what to do."""


@functools.lru_cache(maxsize=64)
def package_file(package: str, version: str, file: str) -> bytes:
    """The bytes of a file of a package, decompressed if its name ends in .gz."""
    tarball = package_tarball(package, version)
    with tarfile.open(tarball) as archive:
        for member in archive:
            # The first folder is usually, but not always, called "package".
            if member.isfile() and member.name.partition("/")[2] == file:
                extracted = archive.extractfile(member)
                assert extracted is not None
                content = extracted.read()
                return gzip.decompress(content) if file.endswith(".gz") else content
    raise NpmError(f"{package}@{version} holds no file {file}: correct `file` or `version` in the case")


def package_tarball(package: str, version: str) -> Path:
    """The packed package as npm has it, fetched once."""
    kept = _CACHE / f"{package.lstrip('@').replace('/', '-')}-{version}.tgz"
    if kept.exists():
        return kept
    npm = shutil.which("npm")
    if npm is None:
        raise NpmError(f"npm is needed to fetch {package}@{version}: install Node.js with npm")
    _CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
        command = [npm, "pack", f"{package}@{version}", "--ignore-scripts", "--silent"]
        packed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        made = list(Path(folder).glob("*.tgz"))
        if packed.returncode or len(made) != 1:
            raise NpmError(f"npm pack {package}@{version} failed: {packed.stderr.strip() or packed.stdout.strip()}")
        # Another run may have fetched it meanwhile; both are the same file.
        os.replace(made[0], kept)
    return kept
