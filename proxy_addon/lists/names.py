"""Domains and ids as lists write them."""

from __future__ import annotations

import re
import unicodedata

from ..catalogue.domains import is_public_suffix

_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])\Z")


def domain(text: str) -> str | None:
    """A domain in lower case and ASCII; None for what is none, an address, or a suffix below which anyone registers."""
    name = text.strip().rstrip(".").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            return None
    return name if _DOMAIN.match(name) and not is_public_suffix(name) else None


def slug(text: str) -> str:
    """An id made of a name: lower-case letters, digits, and single hyphens between."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "unnamed"
