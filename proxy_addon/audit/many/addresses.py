"""The addresses to look at: from a file, from standard input, or from a sitemap."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import ada_url

from ...config import UsageError
from ..sitemap import fetched, read_sitemap, unpacked

_STDIN = "-"
_COLUMNS = ("url", "address", "page", "site", "domain", "host")
_NAME = re.compile(r"(?:https?://\S+|[\w-]+(?:\.[\w-]+)+\.?(?::\d+)?(?:[/?#]\S*)?)\Z", re.IGNORECASE)


def read_addresses(source: str) -> tuple[str, ...]:
    """The addresses that a source names, each once, in its order.

    A source is a file with an address a line, a CSV, or a sitemap; '-' for standard input; or a sitemap's address.
    Addresses without a scheme are taken for https. Raises UsageError, with the line.
    """
    if source.startswith(("http://", "https://")):
        found: Iterable[tuple[str, str]] = read_sitemap(source, fetched(source), fetched)
    else:
        content = _content(source)
        name = "standard input" if source == _STDIN else source
        found = read_sitemap(source, content, fetched) if content.lstrip()[:1] == b"<" else _listed(name, content)
    addresses = tuple(dict.fromkeys(_address(text, where) for where, text in found))
    if not addresses:
        raise UsageError(f"{source} names no address; write one a line, as https://example.com.")
    return addresses


def _content(source: str) -> bytes:
    try:
        return unpacked(sys.stdin.buffer.read() if source == _STDIN else Path(source).read_bytes(), source)
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
