"""Who may see the dashboard: names, origins, the token, sizes, and the headers of every answer.

Without a token it listens on loopback only, and answers only under loopback's own names: a site whose name has been
pointed at this machine (DNS rebinding) is refused by its `Host`. With a token any name will do, since no other
origin has the session. Cookies do not tell ports apart, and a proxied site may share the name: so whatever changes
something must also come from our own origin, say so in `Origin` and `Sec-Fetch-Site`, and bring what only our own
pages know.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..config import UsageError
from ..watch import SESSION

INSIDE = "/inside/"
LOGIN = "/login"
STATIC = "/static/"
CSRF = "x-consentry-csrf"
MOST_BYTES = 16 * 1024
SHORTEST_TOKEN = 16
_MOST_SESSIONS = 64
_SESSION_SECONDS = 12 * 3600.0
_MOST_TRIES_A_MINUTE = 10
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::[0-9]{1,5})?")
_SAFE = frozenset({"GET", "HEAD"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), browsing-topics=()",
}


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is this machine's alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_bounds(host: str, token: str) -> None:
    """Refuse to be open to others without a token, or with one that can be guessed. Raises UsageError."""
    if token and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise UsageError(f"The token of --dashboard-token is too weak; give {SHORTEST_TOKEN} or more ASCII characters.")
    if not token and not is_loopback(host):
        raise UsageError(
            f"The dashboard at {host or 'every address'} could be seen by others; "
            f"set CONSENTRY_DASHBOARD_TOKEN to a secret of {SHORTEST_TOKEN} or more characters "
            "(or give --dashboard-token), or let it listen on 127.0.0.1."
        )


class Keys:
    """The token, the code of the first visit, and the sessions that they have opened."""

    def __init__(self, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`token` is '' where none is needed. `clock` gives seconds."""
        self._token = token
        self._clock = clock
        self._code = secrets.token_urlsafe(16) if token else ""
        self._sessions: OrderedDict[str, float] = OrderedDict()
        self._minute = -1
        self._tries = 0
        # Only pages that we have shown know it.
        self.csrf = secrets.token_urlsafe(24)

    @property
    def needed(self) -> bool:
        """Whether a session is needed."""
        return bool(self._token)

    @property
    def code(self) -> str:
        """What may be printed: it opens one session."""
        return self._code

    def enter(self, said: str) -> str | None:
        """A new session for the token or the code, or None. Raises TooManyError after some wrong tries in a minute."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute, self._tries = minute, 0
        if self._tries >= _MOST_TRIES_A_MINUTE:
            raise TooManyError
        given = said.encode("utf-8", "replace")
        by_code = bool(self._code) and hmac.compare_digest(given, self._code.encode())
        if not by_code and not (self._token and hmac.compare_digest(given, self._token.encode())):
            self._tries += 1
            return None
        if by_code:
            self._code = ""
        session = secrets.token_urlsafe(24)
        self._sessions[session] = self._clock() + _SESSION_SECONDS
        if len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def knows(self, cookie_header: str) -> bool:
        """Whether a Cookie header has a session that is open."""
        pairs = (pair.strip().partition("=") for pair in cookie_header.split(";"))
        said = [value for name, _, value in pairs if name == SESSION]
        return any(self._sessions.get(each, -1.0) >= self._clock() for each in said)


class TooManyError(Exception):
    """Too many wrong tries."""


class Guarded:
    """An ASGI application that only those reach who may."""

    def __init__(self, app: ASGIApp, keys: Keys, *, inside: int) -> None:
        """`inside` is the port on which the proxy itself asks, and no browser."""
        self._app = app
        self._keys = keys
        self._inside = inside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        port = (scope.get("server") or ("", 0))[1]
        if port == self._inside:
            allowed = str(scope["path"]).startswith(INSIDE)
            answer: Response | None = None if allowed else PlainTextResponse("There is nothing here.\n", 404)
        else:
            answer = self._refusal(Request(scope), headers)

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    fields.setdefault(name, value)
                fields.setdefault("cache-control", "no-store")
            await send(message)

        if answer is not None:
            await answer(scope, receive, hardened)
            return
        await self._app(scope, _bounded(receive), hardened)

    def _refusal(self, request: Request, headers: Headers) -> Response | None:
        """The answer to what is not let through, or None."""
        path, host = request.url.path, headers.get("host", "")
        if path.startswith(INSIDE):
            return PlainTextResponse("There is nothing here.\n", 404)
        if not self._keys.needed and _name_of(host) not in _LOOPBACK_NAMES:
            return _words(f"This dashboard answers under 127.0.0.1 and localhost only, not as '{host[:100]}'.", 421)
        if not _is_short(headers.get("content-length", "0")):
            return _words("That is too long.", 413)
        if request.method not in _SAFE and not _is_own_post(headers, host):
            return _words("Only the dashboard's own pages may change something.", 403)
        if request.method in _SAFE and not _is_own_get(headers):
            return _words("Only the dashboard's own pages may ask this.", 403)
        if self._keys.needed and not path.startswith(STATIC) and path != LOGIN:
            if request.method == "GET" and (said := request.query_params.get("token")) is not None:
                return self.open(said, path)
            if not self._keys.knows(headers.get("cookie", "")):
                return JSONResponse({"error": "Please log in."}, 401) if _is_api(path) else RedirectResponse(LOGIN, 303)
        if request.method not in _SAFE and path != LOGIN:
            given = headers.get(CSRF, "").encode("utf-8", "replace")
            if not hmac.compare_digest(given, self._keys.csrf.encode()):
                return _words("This page is from an earlier run; please load it anew.", 403)
        return None

    def open(self, said: str, path: str) -> Response:
        """Answer who brings a token: with a session, and on to the page."""
        try:
            session = self._keys.enter(said[:512])
        except TooManyError:
            return _words("Too many wrong tokens; please wait a minute.", 429)
        if session is None:
            return RedirectResponse(f"{LOGIN}?wrong", 303)
        # Not a redirect: a link from elsewhere would take the cookie along (SameSite=Strict) on the next step only.
        answer = Response(headers={"refresh": f"0;url=/{quote(path.lstrip('/'))}"})
        answer.set_cookie(SESSION, session, httponly=True, samesite="strict", max_age=int(_SESSION_SECONDS))
        return answer


def _is_short(length: str) -> bool:
    return length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= MOST_BYTES


def _name_of(host: str) -> str:
    """The name in a Host field, without its port."""
    found = _HOST.fullmatch(host)
    return found[1].lower() if found else ""


def _is_own_post(headers: Headers, host: str) -> bool:
    origin = headers.get("origin", "")
    return (
        urlsplit(origin).netloc.lower() == host.lower() != ""
        and headers.get("sec-fetch-site", "same-origin") == "same-origin"
    )


def _is_own_get(headers: Headers) -> bool:
    """Pages may be reached by a link from anywhere; what scripts and pictures ask for may not."""
    site = headers.get("sec-fetch-site", "same-origin")
    return site in ("same-origin", "none") or (
        headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    )


def _is_api(path: str) -> bool:
    return path.startswith("/api/")


def _words(text: str, status: int) -> Response:
    return PlainTextResponse(text + "\n", status)


def _bounded(receive: Receive) -> Receive:
    """A body without a length is cut off where it becomes too long."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > MOST_BYTES:
                return {"type": "http.disconnect"}
        return message

    return bounded
