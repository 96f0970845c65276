"""The ledger as the dashboard reads it."""

from __future__ import annotations

from ..ledger.asked import Filters
from ..ledger.store import Store
from .app import Past


class Stored:
    """See app.History."""

    def __init__(self, store: Store) -> None:
        """`store` is open, and closed by whoever opened it."""
        self._store = store

    def rows(self, *, vendor: str, site: str, until: float | None, before: int | None, most: int) -> list[Past]:
        """See app.History."""
        filters = Filters(until=until, vendor=vendor or None, site=site or None)
        return [Past(row.id, row) for row in self._store.query(filters, limit=most, before_id=before)]
