"""Where what is looked at comes from: files, folders of them, and addresses."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..bounded import Answered, TooLateError, TooLongError, whole
from ..catalogue.urls import split
from ..cleaned import printable
from ..config import UsageError

# Sites refuse an agent they do not know more often than one that names its kind.
_AGENT = "Mozilla/5.0 (compatible; Consentry; +https://consentry.dev)"
_ACCEPT = "text/html,application/xhtml+xml,text/javascript"
# No page is larger, and no HAR that a person would wait for.
MOST_BYTES = 256 * 1024 * 1024
_MOST_FETCHED = 32 * 1024 * 1024
_SECONDS = 20.0
_PAGES = frozenset({".html", ".htm", ".xhtml", ".shtml"})
_HAR = ".har"
_SCRIPTS = frozenset({".js", ".mjs", ".cjs"})
SCRIPT_TYPES = ("text/javascript", "application/javascript", "application/x-javascript")


@dataclass(frozen=True, slots=True)
class Source:
    """A page, a HAR or a script: `url` is where it came from, '' if not known; `charset` is what its header named."""

    name: str
    content: bytes
    is_har: bool
    is_script: bool = False
    url: str = ""
    charset: str | None = None


def sources(names: tuple[str, ...]) -> Iterator[Source]:
    """What the names stand for, one file at a time. Raises UsageError for what cannot be read."""
    for name in names:
        if name.startswith(("http://", "https://")):
            yield _fetched(name)
            continue
        path = Path(name)
        if path.is_dir():
            found = sorted(each for each in path.rglob("*") if each.suffix.lower() in {*_PAGES, *_SCRIPTS, _HAR})
            if not found:
                raise UsageError(f"There is no page (.html), no script (.js) and no HAR in '{name}'.")
            for each in found:
                yield _read(each)
        else:
            yield _read(path)


def _read(path: Path) -> Source:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"'{path}' is larger than {MOST_BYTES // 1024**2} MB; inspect a part of it.")
        content = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            f"There is no file '{path}'; name a saved page, a HAR, a script, a folder of them, or a URL."
        ) from None
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror or error}.") from None
    is_har = path.suffix.lower() == _HAR or content[:512].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b'{"log"')
    if not is_har and b"\0" in content[:1024] and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise UsageError(f"'{path}' is no page and no script: it holds binary data.")
    return Source(str(path), content, is_har, is_script=path.suffix.lower() in _SCRIPTS)


def _fetched(url: str) -> Source:
    if split(url) is None:
        raise UsageError(f"'{url}' is no web URL.")
    # (The address is a web URL, and urllib follows redirects to nothing else.)
    request = urllib.request.Request(url, headers={"accept": _ACCEPT, "user-agent": _AGENT})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            content = _whole(answer, url)
            kind = answer.headers.get_content_type()
            charset = answer.headers.get_content_charset()
            where = answer.geturl()
    except urllib.error.HTTPError as error:
        raise UsageError(printable(f"{url} answers {error.code} {error.reason}.")) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UsageError(printable(f"{url} cannot be fetched: {reason}.")) from None
    if kind not in SCRIPT_TYPES and kind not in ("text/html", "application/xhtml+xml"):
        raise UsageError(printable(f"{url} is no page and no script: its type is {kind}."))
    return Source(where, content, is_har=False, is_script=kind in SCRIPT_TYPES, url=where, charset=charset)


def _whole(answer: Answered, url: str) -> bytes:
    try:
        return whole(answer, _MOST_FETCHED, time.monotonic() + _SECONDS)
    except TooLongError:
        raise UsageError(f"{url} is larger than {_MOST_FETCHED // 1024**2} MB.") from None
    except TooLateError:
        raise UsageError(f"{url} does not end within {_SECONDS:.0f} seconds.") from None
