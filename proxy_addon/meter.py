"""What measures the steps of an exchange; nothing does, unless it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Protocol

REQUEST, BODY, RESPONSE = "request", "body", "response"


class Meter(Protocol):
    """Measures steps."""

    def step(self, name: str, fields: Mapping[str, str]) -> AbstractContextManager[object]:
        """A step of the exchange whose request has these fields; it lasts as long as the context."""


class Unmetered:
    """Measures nothing."""

    def __init__(self) -> None:
        self._nothing = nullcontext()

    def step(self, name: str, fields: Mapping[str, str]) -> AbstractContextManager[object]:  # noqa: ARG002
        """See Meter."""
        return self._nothing


class Meters:
    """Several meters at once."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        self._meters = tuple(meters)

    @contextmanager
    def step(self, name: str, fields: Mapping[str, str]) -> Iterator[None]:
        """See Meter."""
        with ExitStack() as stack:
            for each in self._meters:
                stack.enter_context(each.step(name, fields))
            yield
