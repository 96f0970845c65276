"""DuckDuckGo's Tracker Radar: a folder with one JSON file a domain, or one such file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..consent.model import NECESSARY
from .categories import category_of
from .jsonlist import Maker
from .model import ListError, Parsed
from .names import slug


def files(folder: Path) -> list[Path]:
    """The files of a folder that describe domains: those below domains/, or all if there is no such folder.

    Raises ListError if there are none.
    """
    inside = folder / "domains"
    found = sorted((inside if inside.is_dir() else folder).rglob("*.json"))
    if not found:
        raise ListError(f"{folder} holds no JSON files; name the folder of Tracker Radar, or its folder domains/.")
    return found


def parse_folder(contents: Iterable[tuple[Path, bytes]], folder: Path, chosen: str) -> Parsed:
    """What a folder's files say; a domain that stands in several (one a country) is taken from the first."""
    made = Maker(lambda _: 0)
    for path, content in contents:
        where = path.relative_to(folder).as_posix()
        try:
            plain = json.loads(content)
        except ValueError:
            raise ListError(f"{path} is no JSON; get the folder anew.") from None
        _add(made, plain, chosen, where)
    return made.parsed("DuckDuckGo Tracker Radar")


def parse(plain: Mapping[str, Any], line: int, chosen: str) -> Parsed:
    """What one file says; the domain stands on `line`."""
    made = Maker(lambda _: line)
    _add(made, plain, chosen, None)
    return made.parsed("DuckDuckGo Tracker Radar")


def _add(made: Maker, plain: Any, chosen: str, where: str | None) -> None:
    if not isinstance(plain, dict) or not isinstance(plain.get("domain"), str):
        made.skipped += 1
        return
    words = plain.get("categories")
    category = chosen or category_of("tracker-radar", words if isinstance(words, list) else ())
    if category in (None, NECESSARY):
        made.skipped += 1
        return
    owner = plain.get("owner")
    owner = owner if isinstance(owner, dict) else {}
    name = str(owner.get("displayName") or owner.get("name") or plain["domain"])
    full, website = str(owner.get("name") or name), str(owner.get("url") or "")
    made.domain(plain["domain"], made.company(slug(name), name, full, website, str(category)), where)
