"""Who listens to everything that passes a proxy: an audit, which wants more than evidence keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from .consent.model import Consent


class Traffic(Protocol):
    """Is told of each exchange, on the proxy's own thread and after the engine; must not raise and must not block.

    Evidence that the engine records of an exchange comes before the call that tells of the same step.
    """

    def asked(
        self, exchange: str, method: str, url: str, fields: Mapping[str, str], consent: Consent | None, *, held: bool
    ) -> None:
        """A request's head came, under this consent if it was let pass; held if the proxy has answered it."""

    def sent(self, exchange: str, *, held: bool) -> None:
        """A request's body came as well; held if the proxy has answered it by now."""

    def answered(self, exchange: str, status: int, cookies: Sequence[str]) -> None:
        """The head of an answer came, with these Set-Cookie fields."""

    def ended(self, exchange: str) -> None:
        """Nothing more comes of this exchange."""
