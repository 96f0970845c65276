"""URLs as a browser reads them (WHATWG URL Standard), with a fast path for the usual ones."""

from __future__ import annotations

import re
from typing import NamedTuple

import ada_url

# A URL that needs no normalising to be split: lower-case ASCII host, no user info, no backslash.
_PLAIN = re.compile(r"(https?|wss?)://([a-z0-9_.-]+)(?::(\d+))?(/[^?#\\\t\r\n]*)?(?:\?([^#\t\r\n]*))?(?:#|$)")
PROTOCOLS = frozenset({"http:", "https:", "ws:", "wss:"})
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_SURROGATES = re.compile("[\ud800-\udfff]")
_EDGES = "".join(map(chr, range(0x21)))


class Parts(NamedTuple):
    """What the catalogue looks at: host in lower case without port, path from '/', query without '?'."""

    host: str
    path: str
    query: str


def split(url: str) -> Parts | None:
    """Split an absolute URL; None if it is no web URL that a browser would accept."""
    plain = _plain(url)
    if plain is not None:
        return plain
    try:
        parsed = ada_url.URL(url)
    except ValueError:
        return None
    if parsed.protocol not in PROTOCOLS:
        return None
    return Parts(parsed.hostname.rstrip("."), parsed.pathname, parsed.search[1:])


def is_plain(address: str) -> bool:
    """Whether an absolute URL without a query is read as it is written."""
    return "#" not in address and _plain(address) is not None


def _plain(url: str) -> Parts | None:
    plain = _PLAIN.match(url)
    if plain and plain[2][-1] != "." and url[-1] > " ":
        path = plain[4] or "/"
        # A browser resolves '.' and '..', and takes '%2e' for a dot there.
        if "/." not in path and "/%2" not in path:
            return Parts(plain[2], path, plain[5] or "")
    return None


def origin(url: str) -> str | None:
    """Scheme, host and, unless it is the usual one, port of an absolute URL; None as in split()."""
    try:
        parsed = ada_url.URL(url)
    except ValueError:
        return None
    return str(parsed.origin) if parsed.protocol in PROTOCOLS else None


def resolve(base: str, reference: str) -> str | None:
    """The absolute URL that a browser would request for a reference on a page; None if there is none."""
    reference = reference.strip(_EDGES)
    if not reference.isascii():
        # Bytes that are no UTF-8 came in as lone surrogates; a browser would have decoded them by another charset.
        reference = _SURROGATES.sub("\ufffd", reference)
    if _PLAIN.match(reference):
        return reference
    if _SCHEME.match(reference) and not reference[:6].lower().startswith(("http", "ws:", "wss:")):
        return None
    try:
        return ada_url.join_url(base, reference)
    except ValueError:
        return None
