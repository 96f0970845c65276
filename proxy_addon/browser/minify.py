"""Makes scripts short before they go to a page.

The minifier is a library that has no build for every machine, and takes a moment to start. So what it made is kept, and
where it is missing scripts go out with their comments and indentation taken out, a third larger.
"""

from __future__ import annotations

import hashlib
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..atomic import replace

# Raised whenever what is kept would be made in another way.
_FORM = 1
_KEPT = 24


def compact(code: str) -> str:
    """The code without indentation, empty lines and lines of comment."""
    lines = (line.strip() for line in code.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def minified(code: str, cache: Path | None = None) -> str:
    """The code as short as it can be made. `cache` is a folder for what was made once; None keeps nothing."""
    try:
        minifier = version("tdewolff-minify")
    except PackageNotFoundError:
        return compact(code)
    made = hashlib.sha256(f"{_FORM} {minifier}\0{code}".encode()).hexdigest()
    path = cache / f"script-{made}.js" if cache is not None else None
    if path is not None and (kept := _read(path)) is not None:
        return kept
    # Started only where there is something to do: it brings a run-time system of its own.
    import minify  # noqa: PLC0415

    short: str = minify.string("application/javascript", code)
    if path is not None:
        _keep(path, short)
    return short


def _read(path: Path) -> str | None:
    """What was kept, if nobody else could have written it."""
    try:
        with path.open("rb") as file:
            known = os.fstat(file.fileno())
            if hasattr(os, "geteuid") and (known.st_uid != os.geteuid() or known.st_mode & 0o022):
                return None
            content = file.read()
    except OSError:
        return None
    # Behind a hash of itself: a file that was cut off would break every page.
    digest, _, code = content.partition(b"\n")
    return code.decode() if hashlib.sha256(code).hexdigest().encode() == digest else None


def _keep(path: Path, code: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace(path, f"{hashlib.sha256(code.encode()).hexdigest()}\n{code}".encode())
        for stale in sorted(path.parent.glob("script-*.js"), key=lambda each: each.stat().st_mtime)[:-_KEPT]:
            stale.unlink(missing_ok=True)
    except OSError:
        return
