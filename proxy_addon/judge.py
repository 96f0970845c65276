"""Judges what one page asks for, and keeps the record of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from . import ledger
from .catalogue.match import Catalogue
from .catalogue.model import Match
from .catalogue.urls import resolve
from .ledger import redact
from .policy import Verdict

Decide = Callable[[Match], Verdict]
# Told of each match, with the URL or the inline script that it is of.
Notice = Callable[[Match, str], None]


class Record(Protocol):
    """Writes down one verdict."""

    def __call__(self, layer: str, outcome: str, verdict: Verdict, url: str, *, kind: str) -> None:
        """`url` is what was judged, `kind` what it would have been fetched as."""


class PageJudge:
    """The judge of one page or response; see rewrite.html.Judge.

    `site` is the registrable domain that the visitor is on. With `enforce` false it only records.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        decide: Decide,
        record: Record,
        *,
        site: str,
        layer: str,
        enforce: bool,
        passes: bool,
        notice: Notice | None = None,
    ) -> None:
        """`passes` says whether what is allowed is recorded too (not where the wire will see it anyway)."""
        self._catalogue = catalogue
        self._decide = decide
        self._record = record
        self._site = site
        self._layer = layer
        self._enforce = enforce
        self._passes = passes
        self._notice = notice
        self._seen: set[tuple[str, str, str, str]] = set()

    def request(self, url: str, kind: str, attributes: Collection[str]) -> str | None:
        """The vendor to hold a URL for, or None."""
        match = self._catalogue.match(url, site=self._site, attributes=attributes)
        if match is None or (kind == "hint" and self._is_of_use(url)):
            return None
        self._tell(match, url)
        return self._judge(match, url, kind)

    def _tell(self, match: Match, what: str) -> None:
        if self._notice is not None:
            self._notice(match, what)

    def _is_of_use(self, url: str) -> bool:
        """Whether a hint names a host, not a request, and something on that host may be asked for."""
        if url.partition("://")[2].partition("/")[2]:
            return False
        found = self._catalogue.match_host(url, site=self._site)
        return any(not self._decide(match).blocks for match in found)

    def snippet(self, code: str) -> str | None:
        """The vendors to hold an inline script for, with blanks between; or None."""
        matches = self._catalogue.match_snippets(code)
        for match in matches:
            self._tell(match, code)
        vendors = [self._judge(match, "inline script", "script") for match in matches]
        return " ".join(dict.fromkeys(vendor for vendor in vendors if vendor)) or None

    def cookie(self, name: str, host: str) -> bool:
        """Whether a cookie of this name, set by a response of `host`, is to be withheld."""
        match = self._catalogue.match_cookie(name, host=host)
        if match is None or self._catalogue.owns(match.vendor, self._site):
            return False
        return self._judge(match, f"cookie {name}", "cookie") is not None

    def hint(self, base: str, reference: str) -> bool:
        """Whether a hint to this address, on a response of `base`, is to be withheld."""
        return self._names(base, reference, "hint")

    def redirect(self, base: str, reference: str, kind: str) -> bool:
        """Whether a response of `base` that sends the browser to this address is held."""
        return self._names(base, reference, kind)

    def style(self, base: str, reference: str) -> bool:
        """Whether an address in a style sheet at `base` is held."""
        return self._names(base, reference, "style")

    def _names(self, base: str, reference: str, kind: str) -> bool:
        url = resolve(base, reference)
        return url is not None and self.request(url, kind, ()) is not None

    def _judge(self, match: Match, what: str, kind: str) -> str | None:
        if match.exempt:
            return None
        verdict = self._decide(match)
        held = verdict.blocks and self._enforce
        outcome = ledger.HELD if held else ledger.VIOLATION if verdict.blocks else ledger.PASSED
        # A page may name one address many times; one row says it.
        row = (outcome, match.vendor, match.rule, redact(what))
        if row not in self._seen and (self._passes or outcome != ledger.PASSED):
            self._seen.add(row)
            self._record(self._layer, outcome, verdict, what, kind=kind)
        return match.vendor if held else None
