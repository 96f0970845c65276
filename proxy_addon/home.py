"""Paths that may begin with the user's home."""

from __future__ import annotations

import os
from pathlib import Path


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path that `~/…` stands for; the `~` of a user who is not there is a name like any other."""
    return Path(os.path.expanduser(path))
