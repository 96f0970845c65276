"""Looks at a HAR file (HTTP Archive 1.2): every request in it, the cookies that answers set, and the pages in it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from ..catalogue.urls import split
from .page import look_at_page
from .script import look_at_script
from .sighting import Place, Spotter, Where
from .source import SCRIPT_TYPES

_PAGES = ("text/html", "application/xhtml")
# Chromium's words for what a request fetches, where they differ from those of Sec-Fetch-Dest.
_WORDS = {"stylesheet": "style", "xhr": "fetch", "ping": "beacon", "": "request"}


class HarError(Exception):
    """This is no HAR: one sentence that says why."""


def look_at_har(text: str, spotter: Spotter) -> str:
    """Collect what a HAR tells; return the address of its first page, or ''. Raises HarError.

    Where the spotter has no base the first document in it is taken. HTML that the file holds is looked at as well: a
    request that a page would have made, had it been open longer, stands only there.
    """
    try:
        log = json.loads(text)["log"]
        entries = log["entries"]
        if not isinstance(entries, list):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise HarError("it has no list of entries (log.entries), as HAR 1.2 has") from None
    requests = [each for each in map(_entry, entries) if each is not None]
    if not requests and entries:
        raise HarError("none of its entries has a request with a URL")
    first = next((url for url, _, entry in requests if _is(entry, _PAGES)), requests[0][0] if requests else "")
    given = spotter.base
    for index, (url, what, entry) in enumerate(requests):
        spotter.base = given or first or None
        where = _where(index)
        spotter.request(url, what, where, body=_sent(entry))
        parts = split(url)
        for name in _cookies(entry) if parts is not None else ():
            spotter.cookie(name, parts.host if parts else "", where)
        if _is(entry, _PAGES) and (page := _content(entry)):
            spotter.base = url
            look_at_page(page, spotter)
        elif _is(entry, SCRIPT_TYPES) and (script := _content(entry)):
            look_at_script(script if isinstance(script, str) else script.decode("utf-8", "replace"), spotter, where)
    spotter.base = given or first or None
    return given or first


def _entry(entry: object) -> tuple[str, str, Mapping[str, Any]] | None:
    """The URL of an entry, what it was fetched as, and the entry; None if it has no URL."""
    if not isinstance(entry, dict) or not isinstance(entry.get("request"), dict):
        return None
    url = entry["request"].get("url")
    if not isinstance(url, str) or split(url) is None:
        return None
    said = entry.get("_resourceType")
    word = said.lower() if isinstance(said, str) else ""
    return url, _WORDS.get(word, word), entry


def _where(index: int) -> Where:
    return lambda: Place(None, None, f"entry {index}")


def _answer(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    answer = entry.get("response")
    return answer if isinstance(answer, dict) else {}


def _is(entry: Mapping[str, Any], kinds: tuple[str, ...]) -> bool:
    content = _answer(entry).get("content")
    kind = content.get("mimeType") if isinstance(content, dict) else None
    return isinstance(kind, str) and kind.lower().startswith(kinds)


def _sent(entry: Mapping[str, Any]) -> str:
    """What the request sent, '' if that is nothing or not kept."""
    posted = entry["request"].get("postData")
    text = posted.get("text") if isinstance(posted, dict) else None
    return text if isinstance(text, str) else ""


def _content(entry: Mapping[str, Any]) -> bytes | str | None:
    content = _answer(entry)["content"]
    text = content.get("text")
    if not isinstance(text, str):
        return None
    if content.get("encoding") != "base64":
        return text
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _cookies(entry: Mapping[str, Any]) -> list[str]:
    """The names of the cookies that the answer set."""
    answer = _answer(entry)
    listed = answer.get("cookies")
    names = [each.get("name") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    fields = answer.get("headers")
    for field in fields if isinstance(fields, list) else ():
        if isinstance(field, dict) and str(field.get("name")).lower() == "set-cookie":
            # Chromium puts several into one field, a line each.
            names += [line.partition("=")[0].strip() for line in str(field.get("value")).splitlines()]
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and name))
