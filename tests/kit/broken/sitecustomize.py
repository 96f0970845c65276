"""Breaks a process from within: methods raise for as long as a file names them.

Python imports this by itself where its folder stands on PYTHONPATH; see tests/kit/breaks.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def _breakable(method: Callable[..., Any], name: str, file: Path) -> Callable[..., Any]:
    def broken(*args: Any, **kwargs: Any) -> Any:
        if name in file.read_text("ascii").split():
            raise RuntimeError(f"{name} is broken")
        return method(*args, **kwargs)

    return broken


for _place in os.environ.get("BREAKABLE", "").split():
    _module, _, _name = _place.partition(":")
    _holder, _, _method = _name.partition(".")
    _class = getattr(import_module(_module), _holder)
    setattr(_class, _method, _breakable(getattr(_class, _method), _name, Path(os.environ["BROKEN"])))
