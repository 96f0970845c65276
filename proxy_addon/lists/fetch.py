"""Gets a list from where the user says it is: a URL, a file or a folder. Bounded in size and time."""

from __future__ import annotations

import base64
import hashlib
import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from ..bounded import TooLateError, TooLongError, whole
from ..home import expanded
from . import radar
from .model import ListError, Origin

# The largest lists there are take a tenth of this.
MOST_BYTES = 64 * 1024 * 1024
_SECONDS = 60.0
_SCHEMES = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Got:
    """A list as it came. `contents` has one part, or one for each file of a folder."""

    origin: Origin
    contents: tuple[tuple[Path, bytes], ...]


def is_url(source: str) -> bool:
    """Whether a source is asked for over the network."""
    return source.startswith(_SCHEMES)


def without_password(url: str) -> tuple[str, str]:
    """An address without its user and password, neither of which is kept or shown; and these, '' if it has none."""
    scheme, sign, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    return (f"{scheme}{sign}{host}{slash}{path}", user) if sign and at else (url, "")


def get(source: str, known: Origin | None = None, *, now: float | None = None) -> Got | None:
    """Get a list; None if it is as `known`, by the server's word or by its hash. Raises ListError."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    source, user = without_password(source)
    if is_url(source):
        got = _download(source, user, known, moment)
    elif "://" in source:
        raise ListError(f"{source} is no address of a list; it begins with https:// or http://, or is a file.")
    else:
        got = _read(expanded(source), moment)
    return None if got is None or (known is not None and got.origin.sha256 == known.sha256) else got


def _read(path: Path, moment: str) -> Got:
    try:
        paths = radar.files(path) if path.is_dir() else [path]
        size = sum(each.stat().st_size for each in paths)
        if size > MOST_BYTES:
            raise ListError(f"{path} is larger than {MOST_BYTES >> 20} MB; name a part of it.")
        contents = tuple((each, each.read_bytes()) for each in paths)
    except OSError as error:
        raise ListError(f"{path} cannot be read ({error.strerror}); check the path.") from None
    digest = hashlib.sha256()
    for _, content in contents:
        digest.update(content)
    return Got(Origin(str(path.resolve()), digest.hexdigest(), size, moment), contents)


class _SameKind(urllib.request.HTTPRedirectHandler):
    """Follows redirects from https to https only: a list that is asked for safely must come safely."""

    def redirect_request(  # noqa: PLR0917 - urllib calls it so
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.full_url.startswith("https://") and not newurl.startswith("https://"):
            shown = without_password(newurl)[0]
            raise ListError(f"{req.full_url} leads to {shown}, which is not protected; name another address.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _download(url: str, user: str, known: Origin | None, moment: str) -> Got | None:
    headers = {"user-agent": "consentry", "accept-encoding": "identity"}
    if known is not None and known.source == url:
        headers |= {"if-none-match": known.etag} if known.etag else {}
        headers |= {"if-modified-since": known.last_modified} if known.last_modified else {}
    ends = time.monotonic() + _SECONDS
    try:
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was checked
        if user:
            # No host that this one leads to gets to know it.
            request.add_unredirected_header("authorization", f"Basic {_basic(user)}")
        with urllib.request.build_opener(_SameKind).open(request, timeout=_SECONDS) as answer:
            content = _whole(answer, url, ends)
            said: Message = answer.headers
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.NOT_MODIFIED:
            return None
        if error.code == http.client.UNAUTHORIZED:
            raise ListError(
                f"{url} wants a user and a password, which are not kept; import it anew as https://USER:PASSWORD@… ."
            ) from None
        raise ListError(f"{url} answers with {error.code}; check the address.") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise ListError(f"{url} cannot be had ({reason}); check the address and the network.") from None
    origin = Origin(
        url,
        hashlib.sha256(content).hexdigest(),
        len(content),
        moment,
        etag=said.get("etag", ""),
        last_modified=said.get("last-modified", ""),
    )
    return Got(origin, ((Path(url), content),))


def _basic(user: str) -> str:
    name, _, password = user.partition(":")
    return base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode("ascii")


def _whole(answer: Any, url: str, ends: float) -> bytes:
    try:
        content = whole(answer, MOST_BYTES, ends)
    except TooLongError:
        raise ListError(f"{url} is larger than {MOST_BYTES >> 20} MB, which no list is; check the address.") from None
    except TooLateError:
        raise ListError(f"{url} does not come within {_SECONDS:.0f} seconds; try again later.") from None
    if (said := answer.headers.get("content-length", "")).isdigit() and int(said) != len(content):
        raise ListError(f"{url} broke off before its end; try again later.")
    return content
