"""What the proxy answers in place of a vendor, so that pages neither break nor wait."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import NamedTuple

from .catalogue.match import Catalogue
from .catalogue.model import Match

# The smallest transparent GIF.
_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_SCRIPTS = frozenset({"script", "worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet"})
PAGES = frozenset({"document", "iframe", "frame", "embed", "object", "fencedframe"})
_ENDINGS = {
    "js": "script", "mjs": "script", "gif": "image", "png": "image", "jpg": "image", "jpeg": "image", "webp": "image",
    "svg": "image", "css": "style", "html": "iframe", "htm": "iframe", "woff": "font", "woff2": "font",
}  # fmt: skip


class Answer(NamedTuple):
    """A response: status, header fields and body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def stated(headers: Mapping[str, str]) -> str:
    """Sec-Fetch-Dest in lower case, '' where the browser does not send it (Fetch Metadata §2.1)."""
    said = headers.get("sec-fetch-dest", "").lower()
    # A navigation that a service worker passes on is for nothing in particular, but still one.
    return "document" if said == "empty" and headers.get("sec-fetch-mode") == "navigate" else said


def destination(headers: Mapping[str, str], path: str) -> str:
    """What a request is for: Sec-Fetch-Dest where the browser sends it, else read from Accept and the file's ending.

    `path` may be a whole URL.
    """
    said = stated(headers)
    if said:
        return said
    accept = headers.get("accept", "")
    for sign, meaning in (("text/html", "document"), ("text/css", "style"), ("image/", "image")):
        if accept.startswith(sign):
            return meaning
    file = path.partition("?")[0].rpartition("/")[2]
    return _ENDINGS.get(file.rpartition(".")[2].lower(), "empty")


def answer_for(catalogue: Catalogue, match: Match, method: str, headers: Mapping[str, str], path: str) -> Answer:
    """The answer to a held request: of the type that was asked for, allowed across origins, never cached."""
    fields = [("x-consentry", f"held; vendor={match.vendor}"), ("cache-control", "no-store"), *_cross_origin(headers)]
    wanted = destination(headers, path)
    if method == "OPTIONS" or headers.get("upgrade", "").lower() == "websocket":
        return Answer(204 if method == "OPTIONS" else 403, tuple(fields), b"")
    kind, body = "", b""
    # To http: browsers do not say what a request is for; the rule may know.
    is_script = match.kind == "script" and wanted == "empty" and "sec-fetch-dest" not in headers
    if wanted in _SCRIPTS or is_script or match.surrogate:
        kind, body = "text/javascript; charset=utf-8", catalogue.surrogate_for(match).encode()
    elif wanted == "image":
        kind, body = "image/gif", _PIXEL
    elif wanted == "style":
        kind, body = "text/css; charset=utf-8", b"/* held by Consentry */"
    elif wanted in PAGES:
        kind, body = "text/html; charset=utf-8", b"<!doctype html><title>Held by Consentry</title>"
    if not kind:
        return Answer(204, tuple(fields), b"")
    return Answer(200, (*fields, ("content-type", kind)), b"" if method == "HEAD" else body)


def _cross_origin(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """CORS as any page may want it: a held request must fail softly, not with an error in the console."""
    fields = [("cross-origin-resource-policy", "cross-origin"), ("timing-allow-origin", "*")]
    origin = headers.get("origin")
    if origin is None:
        return [*fields, ("access-control-allow-origin", "*")]
    fields += [
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
        ("vary", "origin"),
    ]
    if (method := headers.get("access-control-request-method")) is not None:
        fields.append(("access-control-allow-methods", method))
        fields.append(("access-control-max-age", "5"))
    if (names := headers.get("access-control-request-headers")) is not None:
        fields.append(("access-control-allow-headers", names))
    if headers.get("access-control-request-private-network") == "true":
        fields.append(("access-control-allow-private-network", "true"))
    return fields
