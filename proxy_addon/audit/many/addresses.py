"""The addresses to look at: from a file, from standard input, or from a sitemap."""

from __future__ import annotations

import csv
import gzip
import http.client
import io
import re
import sys
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import ada_url
from lxml import etree

from ... import __version__
from ...config import UsageError

_STDIN = "-"
_COLUMNS = ("url", "address", "page", "site", "domain", "host")
_SECONDS = 30.0
# Of a sitemap the protocol allows 50 MB, and one index above it.
_MOST_BYTES, _MOST_SITEMAPS = 50 << 20, 1000
_NAME = re.compile(r"(?:https?://\S+|[\w-]+(?:\.[\w-]+)+\.?(?::\d+)?(?:[/?#]\S*)?)\Z", re.IGNORECASE)


def read_addresses(source: str) -> tuple[str, ...]:
    """The addresses that a source names, each once, in its order.

    A source is a file with an address a line, a CSV, or a sitemap; '-' for standard input; or a sitemap's address.
    Addresses without a scheme are taken for https. Raises UsageError, with the line.
    """
    if source.startswith(("http://", "https://")):
        found: Iterable[tuple[str, str]] = _sitemap(source, _fetched(source))
    else:
        content = _content(source)
        name = "standard input" if source == _STDIN else source
        found = _sitemap(source, content) if content.lstrip()[:1] == b"<" else _listed(name, content)
    addresses = tuple(dict.fromkeys(_address(text, where) for where, text in found))
    if not addresses:
        raise UsageError(f"{source} names no address; write one a line, as https://example.com.")
    return addresses


def _content(source: str) -> bytes:
    try:
        return _unpacked(sys.stdin.buffer.read() if source == _STDIN else Path(source).read_bytes(), source)
    except OSError as error:
        raise UsageError(f"{source} cannot be read ({error.strerror}); check what is given to --urls.") from None


def _listed(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """(place, address) of each line, or of each row of a CSV."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{name} is no UTF-8 text; save it as one address a line.") from None
    if name.lower().endswith((".csv", ".csv.gz")):
        try:
            yield from _tabled(name, text)
        except csv.Error as error:
            raise UsageError(f"{name} is no CSV ({error}); save it as one address a line.") from None
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield f"{name}:{number}", line.strip()


def _tabled(name: str, text: str) -> Iterator[tuple[str, str]]:
    rows = csv.reader(io.StringIO(text))
    column: int | None = None
    for index, row in enumerate(rows):
        cells = [cell.strip() for cell in row]
        small = [cell.lower() for cell in cells]
        named = next((each for each in _COLUMNS if each in small), None) if index == 0 else None
        if named is not None:
            column = small.index(named)
        elif any(cells):
            yield f"{name}:{rows.line_num}", _cell(cells, column)


def _cell(cells: list[str], column: int | None) -> str:
    """The address of a row: of its column, or the first cell that looks like one (ranked lists begin with a number)."""
    if column is not None:
        return cells[column] if column < len(cells) else ""
    return next((cell for cell in cells if _NAME.match(cell)), cells[0])


def _address(text: str, where: str) -> str:
    """The address as a browser would write it, without its fragment."""
    try:
        parsed = ada_url.URL(text if "://" in text else f"https://{text}")
    except ValueError:
        parsed = None
    if parsed is None or parsed.protocol not in ("http:", "https:") or not _NAME.match(text):
        raise UsageError(f"{where}: '{text[:200]}' is no address of a page; write it as https://example.com/page.")
    parsed.hash = ""
    return str(parsed.href)


def _sitemap(source: str, content: bytes, seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """(place, address) of each page in a sitemap, and in those that an index names."""
    try:
        tree = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        raise UsageError(f"{source} is no sitemap; give its address, as https://example.com/sitemap.xml.") from None
    locations = [str(each.text).strip() for each in tree.iterfind("{*}*/{*}loc") if each.text]
    if etree.QName(tree).localname != "sitemapindex":
        yield from ((source, location) for location in locations)
    elif not seen:
        for location in locations[:_MOST_SITEMAPS]:
            yield from _sitemap(location, _fetched(location), frozenset({source}))


def _fetched(url: str) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url} is no web address; give a sitemap's, as https://example.com/sitemap.xml.")
    try:
        request = urllib.request.Request(url, headers={"user-agent": f"consentry/{__version__}"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - just checked
            content: bytes = answer.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise UsageError(f"{url} cannot be fetched ({reason}); check the sitemap's address.") from None
    return _unpacked(content, url)


def _unpacked(content: bytes, source: str) -> bytes:
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        with gzip.open(io.BytesIO(content)) as file:
            return file.read(_MOST_BYTES)
    except (OSError, EOFError, zlib.error):
        raise UsageError(f"{source} is no whole gzip file; fetch it anew.") from None
