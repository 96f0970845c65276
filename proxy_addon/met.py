"""Remembers which vendors the pages of a site meet, so that the next page knows their rules before it asks."""

from __future__ import annotations

from collections import OrderedDict

from .catalogue.model import Match
from .consent.model import NECESSARY

_MOST_SITES, _MOST_VENDORS = 1000, 24


class Met:
    """The vendors of each site, in the order in which they were met first. Bounded: what is left out is asked for."""

    def __init__(self) -> None:
        """Nobody has been met."""
        self._sites: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def see(self, site: str, match: Match) -> None:
        """A page of a site names something of a vendor."""
        if match.categories != (NECESSARY,) and not match.exempt:
            self.add(site, (match.vendor,))

    def add(self, site: str, vendors: tuple[str, ...]) -> None:
        """A page of a site was told of vendors."""
        known = self._sites.get(site, ())
        fresh = [vendor for vendor in vendors if vendor not in known]
        if not fresh or len(known) >= _MOST_VENDORS:
            return
        self._sites[site] = (*known, *fresh)[:_MOST_VENDORS]
        self._sites.move_to_end(site)
        if len(self._sites) > _MOST_SITES:
            self._sites.popitem(last=False)

    def of(self, site: str) -> tuple[str, ...]:
        """The vendors that a site's pages have met."""
        return self._sites.get(site, ())
