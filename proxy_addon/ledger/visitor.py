"""Visitors in the evidence: told apart on one site, known to nobody, and not told to be the same on another."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from functools import lru_cache
from pathlib import Path

_SALT_BYTES = 32
_SALT_NAME = "visitor-salt"
_MOST_REMEMBERED = 10_000


class Pseudonyms:
    """Names visitors by HMAC-SHA256 (RFC 2104) of address, user agent and site; without the salt none can be found."""

    def __init__(self, salt: bytes) -> None:
        """`salt` is the key; who has it can try addresses, so it never leaves the machine."""
        self._salt = salt
        self._named = lru_cache(maxsize=_MOST_REMEMBERED)(self._name)

    def of(self, address: str, agent: str, site: str) -> str:
        """The visitor's name on that site: 16 hexadecimal digits."""
        return self._named(address, agent, site)

    def _name(self, address: str, agent: str, site: str) -> str:
        # Lengths in front keep two different visitors from making the same message.
        parts = [part.encode("utf-8", "surrogatepass") for part in (address, agent, site)]
        message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.new(self._salt, message, hashlib.sha256).hexdigest()[:16]


def installation_salt(folder: Path) -> bytes:
    """The salt that is kept in `folder`, made there if there is none; one for this run if it cannot be kept."""
    kept = _read(folder / _SALT_NAME)
    if kept is not None:
        return kept
    salt = secrets.token_bytes(_SALT_BYTES)
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep(folder / _SALT_NAME, salt)
        # Another process may have been first: its salt is the installation's.
        return _read(folder / _SALT_NAME) or salt
    return salt


def _read(path: Path) -> bytes | None:
    try:
        salt = path.read_bytes()
    except OSError:
        return None
    return salt if len(salt) == _SALT_BYTES else None


def _keep(path: Path, salt: bytes) -> None:
    """Put the file there whole, and not over one that is whole already."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(salt)
        try:
            os.link(name, path)
        except FileExistsError:
            if _read(path) is None:
                os.replace(name, path)
        except OSError:
            # A file system without hard links.
            os.replace(name, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
