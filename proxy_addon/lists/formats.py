"""Which format a list is in, and what it says."""

from __future__ import annotations

import json
import re
from typing import Any

from . import abp, disconnect, hosts, radar, trackerdb
from .jsonlist import lines_of
from .model import Company, ListError, Parsed
from .names import slug

FORMATS = ("abp", "hosts", "disconnect", "trackerdb", "tracker-radar")
# So many lines are looked at to tell one format from another.
_LOOKED_AT = 200
_PAGE = re.compile(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body)\b", re.IGNORECASE | re.DOTALL)


def parse(content: bytes, form: str, *, name: str, category: str) -> tuple[str, Parsed]:
    """What a list says, and its format: `form`, or if that is '' the one that it looks like.

    `category` is what all of its entries need; '' takes the list's own word for it. Raises ListError.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ListError("is not UTF-8, so it is no list that is known; check what it is.") from None
    if _PAGE.match(text):
        # What a portal or an error shows in place of the list.
        raise ListError("is a web page and no list; check the address.")
    plain = _json(text)
    form = form or detect(text, plain)
    if form in ("abp", "hosts"):
        if not category:
            raise ListError(
                "does not say what its entries do; say which consent they need, as with --category analytics "
                "or --category marketing."
            )
        company = Company(slug(name), name, name, "", category)
        return form, (abp if form == "abp" else hosts).parse(text, company)
    if not isinstance(plain, dict):
        raise ListError(f"is no JSON object, as a list in the format {form} is; check what it is.")
    lines = lines_of(text)
    if form == "disconnect":
        return form, disconnect.parse(plain, lines, category)
    if form == "trackerdb":
        return form, trackerdb.parse(plain, lines, category)
    return form, radar.parse(plain, lines(str(plain.get("domain"))), category)


def detect(text: str, plain: Any) -> str:
    """The format that a text, or what it is as JSON, looks like. Raises ListError."""
    if isinstance(plain, dict):
        if isinstance(plain.get("patterns"), dict):
            return "trackerdb"
        if isinstance(plain.get("categories"), dict):
            return "disconnect"
        if isinstance(plain.get("domain"), str):
            return "tracker-radar"
    if plain is not None or text.lstrip().startswith("{"):
        raise ListError(f"is in no format that is known; say which with --format: {', '.join(FORMATS)}.")
    lines = [line.strip() for line in text.splitlines() if line.strip()][:_LOOKED_AT]
    if lines and (lines[0].lower().startswith("[adblock") or any(line.startswith(("!", "||", "@@")) for line in lines)):
        return "abp"
    if hosts.parse("\n".join(lines), Company("x", "x", "x", "", "")).domains:
        return "hosts"
    raise ListError(f"is in no format that is known; say which with --format: {', '.join(FORMATS)}.")


def _json(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
