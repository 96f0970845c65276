"""Network filters in ABP's syntax, judged by the adblock engine: by page, kind of request, and exceptions.

What they need to be judged by is known on the wire only, so in reverse mode they do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..catalogue.model import Match
from ..catalogue.urls import split
from .catalogue import Listed
from .model import Entry, ListError, UserList

# The engine's words for what browsers say in Sec-Fetch-Dest. Whatever fetch(), XHR and beacons ask for is 'empty'.
_KINDS = {
    "script": "script", "worker": "script", "sharedworker": "script", "serviceworker": "script", "image": "image",
    "style": "stylesheet", "font": "font", "iframe": "subdocument", "frame": "subdocument", "audio": "media",
    "video": "media", "track": "media", "object": "object", "embed": "object", "websocket": "websocket",
    "empty": "xmlhttprequest",
}  # fmt: skip


class Filters:
    """The filters of several lists as one engine, so that the exceptions of one hold for the others."""

    def __init__(self, catalogue: Listed, lists: Sequence[UserList]) -> None:
        """`catalogue` is the one that has the lists' vendors. Raises ListError if there is no engine."""
        self._catalogue = catalogue
        self._known: dict[str, tuple[UserList, Entry]] = {}
        for each in lists:
            for entry in each.parsed.filters:
                self._known.setdefault(entry.text, (each, entry))
        self._engine = _engine(list(self._known), next(each.name for each in lists if each.parsed.filters))

    def match(self, url: str, *, page: str, kind: str) -> Match | None:
        """What the filters say of a URL that is asked for on a page, by a kind of Sec-Fetch-Dest; see Catalogue.match.

        A page that the visitor goes to is none of theirs.
        """
        if kind == "document":
            return None
        said = self._engine.check_network_urls(url, page or url, _KINDS.get(kind, "other"))
        known = self._known.get(said.filter) if said.matched and said.filter else None
        parts = split(url)
        if known is None or parts is None:
            return None
        each, entry = known
        vendor = self._catalogue.vendor_of(each, entry, parts.host)
        return Match(
            vendor.vendor,
            each.place(entry),
            "filter",
            (vendor.category,),
            vendor.category,
            f"{entry.text}, on the list {each.title}",
        )


def open_filters(catalogue: object, lists: Sequence[UserList]) -> Filters | None:
    """The filters of lists, None if they have none. Raises ListError if there is no engine to judge them by."""
    if not isinstance(catalogue, Listed) or not any(each.parsed.filters for each in lists):
        return None
    return Filters(catalogue, lists)


def _engine(filters: list[str], name: str) -> Any:
    try:
        import adblock  # noqa: PLC0415 - it is optional
    except ImportError:
        raise ListError(
            f"The filters of the list {name} need the adblock engine; install it with pip install 'consentry[lists]', "
            "or import the list anew with --domains-only."
        ) from None
    # Only with debug does it say which filter it was.
    rules = adblock.FilterSet(debug=True)
    rules.add_filters(filters)
    return adblock.Engine(rules, optimize=False)
