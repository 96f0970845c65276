"""Compiles the script that is injected into pages: it installs the stubs of the vendors held there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from ..catalogue.model import Vendor


def compile_runtime(vendors: Iterable[Vendor]) -> str:
    """The JavaScript for a page on which these vendors may be held; '' if none of them has a stub."""
    stubs = [f"{json.dumps(each.vendor)}:function(){{{compact(each.stub)}\n}}" for each in vendors if each.stub.strip()]
    if not stubs:
        return ""
    return inline_safe(f"{_source()}({{{','.join(stubs)}}});")


def compact(code: str) -> str:
    """The code without indentation, empty lines and lines of comment."""
    lines = (line.strip() for line in code.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def inline_safe(code: str) -> str:
    """JavaScript that can stand inside a script element: nothing in it ends or opens one (HTML §4.12.1.3)."""
    return code.replace("</", "<\\/").replace("<!--", "<\\!--").replace("<script", "<\\script")


@lru_cache(maxsize=1)
def _source() -> str:
    return compact((Path(__file__).parent / "runtime.js").read_text("utf-8"))
