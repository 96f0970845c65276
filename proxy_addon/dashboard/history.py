"""The ledger as the dashboard reads it."""

from __future__ import annotations

from collections.abc import Callable

from ..ledger import Evidence
from ..ledger.asked import Filters
from ..ledger.store import Store
from ..ledger.writer import Status
from .app import Past
from .keeping import Standing


class Stored:
    """See app.History."""

    def __init__(self, store: Store, status: Callable[[], Status]) -> None:
        """`store` is open, and closed by whoever opened it; `status` is its writer's."""
        self._store = store
        self._status = status

    def standing(self) -> Standing:
        """See app.History."""
        status, place = self._status(), self._store.place
        return Standing(str(place), status.failing, status.silent, status.waiting, status.lost, place.path is None)

    def rows(
        self, *, vendor: str, site: str, than: Evidence | None, before: int | None, most: int
    ) -> tuple[list[Past], int]:
        """See app.History."""
        # Only ids bound the question, so that each page of rows is read from an index, however many there are.
        if than is not None:
            before = self._store.id_of(than)
        # One that is not stored (yet) has been recorded after all that is older.
        until = than.time if than is not None and before is None else None
        if vendor and site and until is None:
            found, older = self._store.vendors_page(vendor, site, most, before)
        else:
            found = self._store.query(Filters(until=until, vendor=vendor or None, site=site or None), most, before)
            older = found[-1].id if len(found) == most else 0
        return [Past(row.id, row) for row in found], older
