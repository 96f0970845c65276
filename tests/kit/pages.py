"""What Consentry adds to a page that it lets through, and the page without it."""

from __future__ import annotations

import re

_ATTRIBUTES = rb"(?: [a-z-]+(?:=\"[^\"]*\")?)*"
_GUARD = re.compile(rb"<script" + _ATTRIBUTES + rb" data-consentry-runtime" + _ATTRIBUTES + rb"></script>")


def without_guard(page: bytes) -> bytes:
    """The page without our own script, which must be in it exactly once."""
    rest, number = _GUARD.subn(b"", page)
    assert number == 1, f"our script is in the page {number} times: {page[:500]!r}"
    return rest
