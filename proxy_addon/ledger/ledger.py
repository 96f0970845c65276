"""The ledger of one run: where it is stored, what writes to it, and what shows it live."""

from __future__ import annotations

from collections.abc import Callable

from .evidence import Evidence
from .live import Feed
from .place import Place, state_folder
from .retention import Keep
from .store import Store
from .visitor import Pseudonyms, installation_salt
from .writer import Pace, Writer


class Ledger:
    """A sink that stores evidence and shows it to whoever watches; usable as a context manager."""

    def __init__(
        self,
        store: Store,
        tell: Callable[[Evidence], None],
        *,
        keep: Keep | None = None,
        pace: Pace | None = None,
    ) -> None:
        """See writer.Writer for `tell`, `keep` and `pace`."""
        self.store = store
        self.writer = Writer(store, tell, keep=keep, pace=pace)
        self.feed = Feed()
        self.pseudonyms = Pseudonyms(installation_salt(state_folder()))

    @classmethod
    def open(cls, place: Place, tell: Callable[[Evidence], None], *, keep: Keep | None = None) -> Ledger:
        """Open it, and make it if there is none. Raises LedgerError."""
        return cls(Store.open(place), tell, keep=keep)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(self, evidence: Evidence) -> None:
        """See evidence.Sink."""
        self.writer.record(evidence)
        self.feed.record(evidence)

    def close(self) -> None:
        """Store what waits, and close."""
        self.writer.close()
        self.store.close()
