"""A site behind another address: what must be translated so that it can be logged into and used there.

The browser sees the public origin (http://localhost:8080), the site believes in its own
(https://staging.example.com). Requests are translated towards the site, responses back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from .headers import Headers, relax_upgrade

# Browsers refuse these name prefixes without Secure (RFC 6265bis §4.1.3), so over plain HTTP they travel renamed.
_PREFIX = re.compile(r"__(Host|Secure)-", re.IGNORECASE)
_RENAMED = re.compile(r"(^|;\s*)consentry-(Host|Secure)-", re.IGNORECASE)
_ATTRIBUTE = re.compile(r";\s*(domain|secure|samesite|partitioned)\s*(?:=\s*([^;]*))?(?=;|$)", re.IGNORECASE)


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
            _replace(headers, name, self.public, self.upstream)
        cookies = headers.get_all("cookie")
        if any("consentry-" in value for value in cookies):
            headers.set_all("cookie", [_RENAMED.sub(r"\1__\2-", value) for value in cookies])

    def to_public(self, headers: Headers) -> None:
        """Translate a response's redirects, cookies, CORS and HSTS."""
        for name in ("location", "content-location", "access-control-allow-origin", "refresh"):
            _replace(headers, name, self.upstream, self.public)
        cookies = headers.get_all("set-cookie")
        if cookies:
            headers.set_all("set-cookie", [self._cookie(value) for value in cookies])
        # Neither another protocol's address nor a promise of HTTPS holds for the public origin.
        for name in ("strict-transport-security", "alt-svc"):
            if headers.get_all(name):
                headers.set_all(name, [])
        if not self.secure:
            relax_upgrade(headers)

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


def _replace(headers: Headers, name: str, old: str, new: str) -> None:
    values = headers.get_all(name)
    changed = [_moved(value, old, new) for value in values]
    if changed != values:
        headers.set_all(name, changed)


def _moved(value: str, old: str, new: str) -> str:
    """The value with the origin `old` replaced; only a whole origin counts, not one that begins alike."""
    return re.sub(re.escape(old) + r"(?=[/?#\s;]|$)", lambda _: new, value, flags=re.IGNORECASE)
