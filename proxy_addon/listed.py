"""Which vendors of the catalogue the lists of others know: the IAB's Global Vendor List, and Google's providers."""

from __future__ import annotations

from collections.abc import Iterable

from .catalogue.model import Vendor
from .consent.model import NECESSARY, Listing


def listings(vendors: Iterable[Vendor]) -> tuple[Listing, ...]:
    """The entries of those that have one; what is necessary is asked of nobody."""
    return tuple(_listing(each) for each in vendors if each.tcf is not None or each.google_ac is not None)


def _listing(vendor: Vendor) -> Listing:
    asked = vendor.categories - {NECESSARY}
    covers = asked & frozenset(vendor.listed_for or (vendor.category,))
    return Listing(vendor.vendor, covers, asked == covers, vendor.tcf, vendor.google_ac)
