"""What the engine tells whoever watches it work: pages, choices, cookies and hosts that are no evidence themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .consent.model import Consent
from .rewrite.headers import cookie_name, deletes, lasts
from .visitors import Client

# The cookie of the dashboard's session. Cookies do not tell ports apart, so it may come along to a proxied site.
SESSION = "consentry-dashboard"
_DAY = 86400
_SPANS = ((365.25 * _DAY, "year"), (30.44 * _DAY, "month"), (_DAY, "day"), (3600.0, "hour"), (60.0, "minute"))


@dataclass(frozen=True, slots=True)
class Who:
    """One visitor on one site.

    `visitor` is the name that the evidence has for it, `site` the registrable domain, `origin` where the browser has
    the site. `client` is what the engine knows the browser by: it is kept in memory only, and shown to nobody.
    """

    visitor: str
    site: str
    origin: str
    client: Client
    regime: str
    mode: str
    forward: bool


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie that was seen: its name, the host it was seen on, and how long it lasts where that was said."""

    name: str
    host: str
    lifetime: str = ""


class Watcher(Protocol):
    """Is told what happens, on the proxy's own thread; must not raise and must not block."""

    def page(self, who: Who, url: str, consent: Consent, time: float) -> None:
        """A document was asked for by a visitor with this consent."""

    def consent(self, who: Who, consent: Consent, time: float, order: int = 0) -> None:
        """A page said which consent it has now; `order` is the number of the order that it carried out, if it did."""

    def done(self, visitor: str, order: int) -> None:
        """A visitor's page has carried out the order of this number."""

    def cookies(self, who: Who, seen: tuple[Cookie, ...], time: float) -> None:
        """Cookies were sent or set. Values are never told."""

    def host(self, who: Who, host: str, page: str, kind: str, time: float) -> None:
        """A page asked a host that is neither the site's nor a catalogued vendor's."""

    def pretends(self, visitor: str, gpc: bool) -> None:
        """A visitor passes for one whose browser sends Global Privacy Control, or no longer does."""

    def counts(self, who: Who, page: str) -> Mapping[str, object]:
        """What a page's own badge shows; JSON-ready."""


class Live(Protocol):
    """Serves the channels of pages that listen: a stream, which only a server of its own can send."""

    @property
    def url(self) -> str:
        """Where a browser finds what it shows."""

    @property
    def inside(self) -> tuple[str, int]:
        """Where it listens for the proxy."""

    def ticket(self, who: Who) -> str:
        """What a page of this visitor is let in by."""


def cookie_set(set_cookie: str, host: str, now: float) -> Cookie | None:
    """The cookie that a Set-Cookie field of `host` sets, without its value; None if it sets none or takes one away."""
    name = cookie_name(set_cookie)
    if not name or name == SESSION or deletes(set_cookie, now):
        return None
    return Cookie(name, host, duration(lasts(set_cookie, now)))


def duration(seconds: float | None) -> str:
    """A lifetime as a cookie policy tells it: '6 months'; None is a session's."""
    if seconds is None:
        return "Session"
    for span, word in _SPANS:
        count = round(seconds / span)
        if count >= 2 or (count == 1 and seconds >= span * 0.9):
            return f"{count} {word}{'s' if count > 1 else ''}"
    return "Less than a minute"
