"""Files that are replaced as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def replace(path: Path, *parts: bytes) -> None:
    """Put a file of these parts in the place of `path`, in a folder that is there.

    Raises OSError, and leaves nothing behind then.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".new")
    try:
        with os.fdopen(descriptor, "wb") as file:
            for part in parts:
                file.write(part)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
