"""The states that a site is brought into, and what the visitor's consent is in each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..config import UsageError
from ..consent.model import CATEGORIES, Consent
from .model import AFTER, BEFORE, PHASES, WITHDRAWN

# What the visitor does.
NOTHING, ACCEPT, REJECT, ONLY, WITHDRAW = "nothing", "accept", "reject", "only", "withdraw"
_SAYS = {True: "granted", False: "denied"}
_WHO = "the visitor"


@dataclass(frozen=True, slots=True)
class State:
    """One state. `choice` is what the visitor does, `granted` what that grants in the end.

    A `returning` visitor made the choice on an earlier visit. With `gpc` the browser sends Global Privacy Control.
    """

    name: str
    title: str
    choice: str
    granted: frozenset[str] = frozenset()
    gpc: bool = False
    returning: bool = False

    def consent(self, phase: str) -> Consent:
        """The visitor's consent in a phase, as far as it was said."""
        if phase == BEFORE or self.choice == NOTHING:
            return Consent(gpc=self.gpc)
        granted = frozenset[str]() if phase == WITHDRAWN else self.granted
        return Consent({name: name in granted for name in CATEGORIES}, gpc=self.gpc, signal=_WHO)

    @property
    def last(self) -> str:
        """The phase in which it ends."""
        return BEFORE if self.choice == NOTHING else WITHDRAWN if self.choice == WITHDRAW else AFTER

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases that it goes through."""
        return (AFTER,) if self.returning else PHASES[: PHASES.index(self.last) + 1]

    def expected(self) -> Mapping[str, str]:
        """The consent at the end in words, by category."""
        said = self.consent(self.last).categories
        return {name: _SAYS[said[name]] if name in said else "unset" for name in CATEGORIES}


_ALL = frozenset(CATEGORIES)
STATES: tuple[State, ...] = (
    State("nothing", "Has said nothing yet", NOTHING),
    State("reject", "Refuses everything", REJECT),
    State("accept", "Accepts everything", ACCEPT, _ALL),
    *(State(f"only:{name}", f"Allows {name} only", ONLY, frozenset({name})) for name in CATEGORIES),
    State("withdraw", "Accepts everything, then takes it back", WITHDRAW, _ALL),
    State("gpc", "Says nothing, and the browser sends Global Privacy Control", NOTHING, gpc=True),
    State("returning", "Refused everything on an earlier visit", REJECT, returning=True),
)


def states_named(names: Iterable[str]) -> tuple[State, ...]:
    """The states of these names in the order of STATES, all if there are none; `only` stands for each category alone.

    Raises UsageError.
    """
    wanted = {name.strip() for name in names}
    known = {each.name for each in STATES}
    if unknown := sorted(wanted - known - {ONLY}):
        raise UsageError(f"There is no state '{unknown[0]}'; it is one of: {', '.join(sorted({*known, ONLY}))}.")
    return tuple(
        each for each in STATES if not wanted or each.name in wanted or (each.choice == ONLY and ONLY in wanted)
    )
