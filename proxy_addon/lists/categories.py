"""From the words of others' lists to our categories; the table is categories.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from ..consent.model import NECESSARY

# From the mildest to the strictest.
_ORDER = ("functional", "analytics", "marketing")


@lru_cache(maxsize=1)
def _plain() -> Mapping[str, Any]:
    plain: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "categories.yaml").read_text("utf-8"))
    return plain


def table(form: str) -> Mapping[str, str]:
    """The table of one format: from its words, in lower case, to our categories."""
    return {word.casefold(): category for word, category in _plain()[form].items()}


def category_of(form: str, words: Iterable[str]) -> str | None:
    """The category of what a list says by these words; None where they say nothing, 'necessary' where it passes."""
    known, passing = table(form), {word.casefold() for word in _plain()["passes"]}
    said = [word.casefold() for word in words]
    if form == "tracker-radar" and any(word in passing for word in said):
        return NECESSARY
    found = [known[word] for word in said if word in known]
    held = [category for category in found if category != NECESSARY]
    return max(held, key=_ORDER.index) if held else found[0] if found else None
