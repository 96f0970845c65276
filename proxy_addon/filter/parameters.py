"""Takes out of an address what only says where its reader came from; everything else stays byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_plus


class Parameters:
    """The names of query parameters that track; `*` in a name is any run of characters."""

    def __init__(self, names: Iterable[str]) -> None:
        """Names are compared as they are written, whatever the case."""
        patterns = [".*".join(map(re.escape, name.split("*"))) for name in names]
        self._pattern = re.compile("(?:" + "|".join(patterns) + r")\Z", re.IGNORECASE) if patterns else None

    def without(self, url: str) -> str | None:
        """An address without them; None if it has none."""
        whole, hash_, fragment = url.partition("#")
        address, mark, query = whole.partition("?")
        if not mark or self._pattern is None:
            return None
        pairs = query.split("&")
        kept = [pair for pair in pairs if not self._tracks(pair)]
        if len(kept) == len(pairs):
            return None
        left = "&".join(kept)
        return address + (f"?{left}" if left else "") + hash_ + fragment

    def _tracks(self, pair: str) -> bool:
        assert self._pattern is not None
        name = pair.partition("=")[0]
        return self._pattern.match(unquote_plus(name) if "%" in name else name) is not None
