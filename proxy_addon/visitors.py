"""Forward mode: which visitor, on which site, under which consent.

A request to a vendor carries no cookie of the site that the visitor is on. So what the site's own requests say
is remembered by visitor, bounded in number and in time, in memory only. (Reverse mode needs none of this: each
request there carries the site's cookies.)
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from .catalogue.domains import registrable_domain
from .catalogue.urls import split
from .consent.model import Consent
from .state import Shared

# A client is a browser: its address and user agent.
Client = tuple[str, str]

_MOST_CLIENTS = 10_000
_MOST_SITES = 64
_LIFETIME = 12 * 3600.0


@dataclass(slots=True)
class _Known:
    seen: float
    # Sites visited as top-level documents, the latest last, with the consent read there.
    sites: OrderedDict[str, Consent | None] = field(default_factory=OrderedDict)
    # Sites of frames, the latest last, with the site that each was seen on.
    frames: OrderedDict[str, str] = field(default_factory=OrderedDict)


class Visitors:
    """Remembers each client's recent sites and what it said on them."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        framed: Collection[str] = (),
        shared: Shared | None = None,
    ) -> None:
        """`clock` gives seconds that never go back. `framed` are sites that other sites usually frame: vendors'.

        What is said on a site is `shared` with other replicas, if there are any.
        """
        self._shared = shared
        self._clock = clock
        self._framed = framed
        self._clients: OrderedDict[Client, _Known] = OrderedDict()

    def visits(self, client: Client, site: str) -> None:
        """A top-level document of `site` was asked for."""
        known = self._known(client)
        known.sites[site] = known.sites.pop(site, None)
        if len(known.sites) > _MOST_SITES:
            known.sites.popitem(last=False)

    def frames(self, client: Client, frame: str, site: str) -> None:
        """A page on `site` asked for a frame of the site `frame`."""
        known = self._known(client)
        known.frames[frame] = site
        known.frames.move_to_end(frame)
        if len(known.frames) > _MOST_SITES:
            known.frames.popitem(last=False)

    def seems_framed(self, host: str, referer: str) -> bool:
        """Whether a page of which the browser does not say what it is for is taken for a frame: by where it comes from.

        A site that others usually frame, and that another's page asks for, is; a link there cannot be told from it.
        """
        own, asking = registrable_domain(host), _site_of(referer)
        return own in self._framed and asking not in ("", own)

    def learn(self, client: Client, site: str, consent: Consent) -> None:
        """The visitor's consent on `site`, as one of the site's own requests or responses said it."""
        known = self._known(client)
        known.sites[site] = consent
        if self._shared is not None:
            self._shared.learn(client, site, consent)
        if len(known.sites) > _MOST_SITES:
            known.sites.popitem(last=False)

    def consent(self, client: Client, site: str) -> Consent | None:
        """What is known of the visitor's consent on `site`, or None."""
        # What was said last may have been said to another replica.
        said = self._shared.consent(client, site) if self._shared is not None else None
        if said is not None:
            return said
        known = self._remembered(client)
        return known.sites.get(site) if known is not None else None

    def first_party(self, client: Client, *, host: str, destination: str, origin: str, referer: str) -> str:
        """The site (registrable domain) on which the visitor is, for a request to `host`; '' if nothing says it.

        A top-level navigation is its own first party. Else Origin and Referer name the document that asks. That
        may be a frame, and then the page around it counts; but a site that was seen neither as a page nor as a
        frame was open before the proxy came, and must not be lent what was said on another.
        """
        if destination == "document":
            return registrable_domain(host)
        asking = _site_of(origin) or _site_of(referer)
        known = self._remembered(client)
        if known is None or not known.sites or asking in known.sites:
            return asking
        latest = next(reversed(known.sites))
        if not asking or asking in self._framed:
            return known.frames.get(asking, latest)
        return known.frames.get(asking, asking)

    def _remembered(self, client: Client) -> _Known | None:
        known = self._clients.get(client)
        return known if known is not None and self._clock() - known.seen <= _LIFETIME else None

    def _known(self, client: Client) -> _Known:
        now = self._clock()
        known = self._remembered(client) or _Known(now)
        known.seen = now
        self._clients[client] = known
        self._clients.move_to_end(client)
        while len(self._clients) > _MOST_CLIENTS:
            self._clients.popitem(last=False)
        return known


def _site_of(url: str) -> str:
    parts = split(url + "/") if url and url != "null" else None
    return registrable_domain(parts.host) if parts else ""
