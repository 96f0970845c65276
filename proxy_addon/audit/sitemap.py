"""Sitemaps: the pages that one names, or that those name which an index names, packed or not. Bounded."""

from __future__ import annotations

import gzip
import http.client
import io
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator

from lxml import etree

from .. import __version__
from ..config import UsageError

_SECONDS = 30.0
# Of a sitemap the protocol allows 50 MB, and one index above it (sitemaps.org).
_MOST_BYTES, _MOST_SITEMAPS = 50 << 20, 1000

# Gets what is at an address. Raises SitemapError.
Fetch = Callable[[str], bytes]


class SitemapError(UsageError):
    """What should be a sitemap cannot be read as one: one sentence with its address and the remedy."""


def read_sitemap(source: str, content: bytes, fetch: Fetch) -> Iterator[tuple[str, str]]:
    """(sitemap, address) of each page in a sitemap whose content this is, and in those that an index names.

    `fetch` gets these as they are needed. Raises SitemapError.
    """
    index, locations = _read(source, content)
    if not index:
        yield from ((source, location) for location in locations)
        return
    if len(locations) > _MOST_SITEMAPS:
        raise SitemapError(f"{source} names more than {_MOST_SITEMAPS:,} sitemaps; give one of them by itself.")
    for location in locations:
        deeper, pages = _read(location, fetch(location))
        # The protocol has no index of indexes.
        yield from ((location, page) for page in pages if not deeper)


def fetched(url: str, opener: urllib.request.OpenerDirector | None = None, cookie: str = "") -> bytes:
    """What is at an address, unpacked. `cookie` goes to it alone, and not where it redirects. Raises SitemapError."""
    if not url.startswith(("http://", "https://")):
        raise SitemapError(f"{url} is no web address; give a sitemap's, as https://example.com/sitemap.xml.")
    try:
        request = urllib.request.Request(url, headers={"user-agent": f"consentry/{__version__}"})  # noqa: S310
        if cookie:
            request.add_unredirected_header("Cookie", cookie)
        opens = opener.open if opener is not None else urllib.request.urlopen
        with opens(request, timeout=_SECONDS) as answer:
            content: bytes = answer.read(_MOST_BYTES + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise SitemapError(f"{url} cannot be fetched ({reason}); check the sitemap's address.") from None
    return unpacked(content, url)


def unpacked(content: bytes, source: str) -> bytes:
    """The content, out of its gzip if it is in one. Raises SitemapError."""
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(content)) as file:
                content = file.read(_MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise SitemapError(f"{source} is no whole gzip file; fetch it anew.") from None
    if len(content) > _MOST_BYTES:
        raise SitemapError(f"{source} is longer than {_MOST_BYTES >> 20} MB; split it.")
    return content


def _read(source: str, content: bytes) -> tuple[bool, list[str]]:
    """Whether it is an index, and the addresses in it."""
    try:
        tree = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        raise SitemapError(f"{source} is no sitemap; give its address, as https://example.com/sitemap.xml.") from None
    locations = [str(each.text).strip() for each in tree.iterfind("{*}*/{*}loc") if each.text]
    return etree.QName(tree).localname == "sitemapindex", locations
