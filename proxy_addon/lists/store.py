"""Where lists are kept: one JSON file each, in the user's own folder or in that of rules.

A file is replaced as a whole or not at all, so that what was there stays if anything goes wrong.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..atomic import replace
from ..home import expanded
from .model import Company, Entry, ListError, Origin, Parsed, UserList

# Raised whenever the form of these files changes.
_FORM = 1
ALL = "all"


def lists_folder() -> Path:
    """The user's folder of lists (XDG Base Directory)."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or expanded("~/.config")) / "consentry" / "lists"


def names(folder: Path) -> list[str]:
    """The names of the lists in a folder."""
    return sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else []


def save(folder: Path, each: UserList) -> Path:
    """Keep a list in a folder, in place of an older one of its name. Raises ListError."""
    path = folder / f"{each.name}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace(path, json.dumps(_plain(each), separators=(",", ":")).encode())
    except OSError as error:
        raise ListError(f"{path} cannot be written ({error.strerror}); check the folder.") from None
    return path


def read(path: Path) -> UserList:
    """Read a list that was kept. Raises ListError."""
    try:
        plain = json.loads(path.read_bytes())
    except OSError as error:
        raise ListError(f"{path} cannot be read ({error.strerror}); import the list anew.") from None
    except ValueError:
        raise ListError(f"{path} is no list that was imported; import it with `consentry rules import`.") from None
    try:
        if plain["form"] != _FORM:
            raise ListError(f"{path} was kept by another version of Consentry; import the list anew.")
        return _list(path.stem, plain)
    except (LookupError, TypeError, ValueError):
        raise ListError(f"{path} is damaged; import the list anew.") from None


def open_lists(wanted: Sequence[str], rules: Sequence[str] = (), folder: Path | None = None) -> tuple[UserList, ...]:
    """The lists that were asked for by name or file ('all': every one of the user's), and those in rules folders.

    Raises ListError.
    """
    folder = folder or lists_folder()
    paths: dict[str, Path] = {}
    for name in wanted:
        if name == ALL:
            paths |= {each: folder / f"{each}.json" for each in names(folder)}
        elif name.endswith(".json"):
            paths[Path(name).stem] = expanded(name)
        elif (folder / f"{name}.json").is_file():
            paths[name] = folder / f"{name}.json"
        else:
            known = ", ".join(names(folder)) or "none was imported yet"
            raise ListError(f"There is no list '{name}' ({known}); get it with `consentry rules import`.")
    for each in rules:
        inside = Path(each) / "lists"
        paths |= {name: inside / f"{name}.json" for name in names(inside)}
    return tuple(read(path) for path in paths.values())


def _plain(each: UserList) -> dict[str, Any]:
    holders = {company.vendor: index for index, company in enumerate(each.parsed.companies)}

    def entries(found: Sequence[Entry]) -> list[list[Any]]:
        return [[entry.text, holders[entry.holder], entry.where] for entry in found]

    return {
        "form": _FORM,
        "title": each.title,
        "format": each.form,
        "category": each.category,
        "domains_only": each.domains_only,
        "origin": asdict(each.origin),
        "skipped": each.parsed.skipped,
        "vendors": [asdict(company) for company in each.parsed.companies],
        "domains": entries(each.parsed.domains),
        "filters": entries(each.parsed.filters),
    }


def _list(name: str, plain: Mapping[str, Any]) -> UserList:
    companies = tuple(Company(**each) for each in plain["vendors"])
    ids = [each.vendor for each in companies]

    def entries(found: Sequence[Sequence[Any]]) -> tuple[Entry, ...]:
        return tuple(Entry(text, ids[holder], where) for text, holder, where in found)

    parsed = Parsed(companies, entries(plain["domains"]), entries(plain["filters"]), plain["skipped"], plain["title"])
    origin = Origin(**plain["origin"])
    return UserList(name, plain["title"], plain["format"], plain["category"], plain["domains_only"], origin, parsed)
