"""A site behind another address: what must be translated so that it can be logged into and used there.

The browser sees the public origin (http://localhost:8080), the site believes in its own
(https://staging.example.com). Requests are translated towards the site, responses back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from .headers import Headers, add_sources, relax_upgrade

# Browsers refuse these name prefixes without Secure (RFC 6265bis §4.1.3), so over plain HTTP they travel renamed.
_PREFIX = re.compile(r"__(Host|Secure)-", re.IGNORECASE)
_RENAMED = re.compile(r"(^|;\s*)consentry-(Host|Secure)-", re.IGNORECASE)
_ATTRIBUTE = re.compile(r";\s*(domain|secure|samesite|partitioned)\s*(?:=\s*([^;]*))?(?=;|$)", re.IGNORECASE)
_REFRESH = r"[\d.]*+\s*+[;,]\s*+(?:url\s*+=\s*+)?[\"']?"
# Whatever may follow an origin in an address or in a field.
_ENDED = r"(?=[/?#\\\s;\"',]|\Z)"
_PORTS = {"http": 80, "https": 443}
_SOURCE = re.compile(
    r"(?:(?P<scheme>https?|wss?)://)?(?P<host>\*|[a-z0-9.*_-]*[a-z0-9])(?::(?P<port>\d+|\*))?(?P<path>/.*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Mount:
    """A site's own origin, and the origin under which the browser reaches it. Neither ends in '/'."""

    upstream: str
    public: str

    @property
    def secure(self) -> bool:
        """Whether the browser reaches the site over HTTPS."""
        return self.public.startswith("https:")

    def to_upstream(self, headers: Headers) -> None:
        """Translate a request's Origin, Referer and renamed cookies."""
        for name in ("origin", "referer"):
            _translate(headers, name, lambda value: _moved(value, self.public, self.upstream))
        cookies = headers.get_all("cookie")
        if any("consentry-" in value for value in cookies):
            headers.set_all("cookie", [_RENAMED.sub(r"\1__\2-", value) for value in cookies])

    def to_public(self, headers: Headers) -> None:
        """Translate a response's redirects, cookies, CORS, CSP and HSTS."""
        for name in ("location", "content-location", "access-control-allow-origin", "refresh"):
            _translate(headers, name, self._address)
        cookies = headers.get_all("set-cookie")
        if cookies:
            headers.set_all("set-cookie", [self._cookie(value) for value in cookies])
        # Neither another protocol's address nor a promise of HTTPS holds for the public origin.
        for name in ("strict-transport-security", "alt-svc"):
            if headers.get_all(name):
                headers.set_all(name, [])
        add_sources(headers, self._source)
        if not self.secure:
            relax_upgrade(headers)

    def _address(self, value: str) -> str:
        found = _own_address(self.upstream).match(value)
        if found is None:
            return value
        public = self.public if found["scheme"] else self.public[self.public.index("//") :]
        return found["before"] + public + value[found.end() :]

    def _source(self, source: str) -> str:
        """What a policy must allow beside a source that stands for the site, or ''."""
        upstream = urlsplit(self.upstream)
        if source.lower() == f"{upstream.scheme}:":
            return "" if self.public.startswith(source.lower()) else self.public
        found = _SOURCE.fullmatch(source)
        if found is None or source == "*":
            return ""
        own, host = upstream.hostname or "", found["host"].lower()
        port = str(upstream.port or _PORTS[upstream.scheme])
        standard = port == str(_PORTS[upstream.scheme])
        if not (host in ("*", own) or (host.startswith("*.") and own.endswith(host[1:]))):
            return ""
        if found["port"] not in ("*", port) and not (found["port"] is None and standard):
            return ""
        is_socket = (found["scheme"] or "").lower().startswith("ws")
        public = "ws" + self.public.removeprefix("http") if is_socket else self.public
        return public + (found["path"] or "")

    def _cookie(self, set_cookie: str) -> str:
        host = urlsplit(self.upstream).hostname or ""

        def attribute(found: re.Match[str]) -> str:
            name, value = found[1].lower(), (found[2] or "").strip().lower().lstrip(".")
            if name == "domain":
                # A host-only cookie at the public address reaches what the site meant to reach.
                return "" if host == value or host.endswith("." + value) else found[0]
            if self.secure:
                return found[0]
            # SameSite=None and Partitioned count only with Secure; without them the default (Lax) applies.
            return found[0] if name == "samesite" and value != "none" else ""

        pair, semicolon, attributes = set_cookie.partition(";")
        if not self.secure:
            pair = _PREFIX.sub(r"consentry-\1-", pair, count=1) if _PREFIX.match(pair.lstrip()) else pair
        return pair + _ATTRIBUTE.sub(attribute, semicolon + attributes)


def _translate(headers: Headers, name: str, translate: Callable[[str], str]) -> None:
    values = headers.get_all(name)
    if values and (changed := [translate(value) for value in values]) != values:
        headers.set_all(name, changed)


@cache
def _own_address(origin: str) -> re.Pattern[str]:
    """An address of the origin, where a browser would follow it: at the start of a field, or in a Refresh."""
    parts = urlsplit(origin)
    usual = _PORTS[parts.scheme]
    if parts.port not in (None, usual):
        schemes, host = f"{parts.scheme}:", re.escape(parts.netloc)
    else:
        # What HTTP would only redirect is the site as well; the other way round, that redirect would never end.
        name = re.escape(parts.netloc.removesuffix(f":{usual}"))
        schemes, host = ("https?:", rf"{name}(?::(?:80|443))?") if usual == 443 else ("http:", rf"{name}(?::80)?")
    return re.compile(rf"(?P<before>\s*+(?:{_REFRESH})?)(?P<scheme>{schemes})?[/\\]{{2}}{host}{_ENDED}", re.IGNORECASE)


def _moved(value: str, old: str, new: str) -> str:
    """The address with the origin `old` replaced; only a whole origin counts, not one that begins alike."""
    begins = value[: len(old)].lower() == old.lower() and value[len(old) : len(old) + 1] in ("", "/", "?", "#")
    return new + value[len(old) :] if begins else value
