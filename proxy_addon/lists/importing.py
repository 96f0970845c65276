"""From a source to a list that is kept, and from a list that is kept to its newest version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from . import radar
from .fetch import Got, get, is_url
from .formats import parse
from .model import ListError, Parsed, UserList
from .names import slug

RADAR = "tracker-radar"


def name_of(source: str) -> str:
    """The name that a list gets by where it comes from."""
    path = unquote(urlsplit(source).path) if is_url(source) else source
    return slug(path.rstrip("/").rpartition("/")[2].rpartition("\\")[2].partition(".")[0])


def import_list(
    source: str, *, name: str = "", form: str = "", category: str = "", domains_only: bool = False
) -> UserList:
    """Get and read a list. Raises ListError."""
    got = get(source)
    assert got is not None
    name = slug(name) if name else name_of(source)
    return _read(got, name, form, category, domains_only)


def renew(known: UserList) -> UserList | None:
    """The newest version of a list, None if it has not changed. Raises ListError; what is known is good until then."""
    got = get(known.origin.source, known.origin)
    if got is None:
        return None
    return _read(got, known.name, known.form, known.category, known.domains_only)


def _read(got: Got, name: str, form: str, category: str, domains_only: bool) -> UserList:
    source = got.origin.source
    if len(got.contents) == 1 and form != RADAR:
        try:
            form, parsed = parse(got.contents[0][1], form, name=name, category=category)
        except ListError as error:
            raise ListError(f"{source} {error}" if str(error)[0].islower() else str(error)) from None
    else:
        form = RADAR
        path = Path(source)
        folder = path if path.is_dir() else got.contents[0][0].parent
        parsed = radar.parse_folder(got.contents, folder, category)
    if domains_only:
        parsed = replace(parsed, filters=())
    if not parsed.domains and not parsed.filters:
        raise ListError(f"{source} names nothing to hold; check what it is, or say how to read it with --format.")
    return UserList(name, parsed.title or name, form, category, domains_only, got.origin, _needed(parsed))


def _needed(parsed: Parsed) -> Parsed:
    used = {each.holder for each in (*parsed.domains, *parsed.filters)}
    return replace(parsed, companies=tuple(each for each in parsed.companies if each.vendor in used))
