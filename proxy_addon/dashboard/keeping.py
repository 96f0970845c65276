"""How the ledger stands, in words: what has become of evidence, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

# Parts of what databases say, each with what helps.
_FULL = ("disk is full", "no space left", "could not extend file")
_HELD = ("is locked", "is busy")
_AGAIN = "Consentry tries again every few seconds, and need not be started anew."


@dataclass(frozen=True, slots=True)
class Standing:
    """How the ledger stands: where it is, why it fails ('' if it does not), and rows that wait and that are lost.

    `silent` says that it does not answer; `server` that it is a database that others run.
    """

    place: str
    failing: str = ""
    silent: bool = False
    waiting: int = 0
    lost: int = 0
    server: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told: in a line, what it means, and what helps. `lasts` says that it still goes on."""

    title: str
    what: str
    remedy: str
    lasts: bool

    def plain(self) -> dict[str, str | bool]:
        """JSON-ready."""
        return {"title": self.title, "what": self.what, "remedy": self.remedy, "lasts": self.lasts}


def notice(standing: Standing | None, said: str) -> Notice | None:
    """What there is to tell, if anything. `said` is the last that was said of the ledger; without one it says why."""
    if standing is None:
        return Notice("There is no ledger", _sentence(said), "", lasts=True) if said else None
    if standing.failing or standing.silent:
        why = _sentence(standing.failing or "the ledger does not answer")
        waiting = f"{_rows(standing.waiting)} in memory until it can be, and {standing.lost:,} lost so far."
        return Notice("Evidence cannot be stored", f"{why} {waiting}", f"{_remedy(standing)} {_AGAIN}", lasts=True)
    if standing.lost:
        what = f"{standing.lost:,} rows of this run could not be stored. {_sentence(said)}"
        return Notice("Evidence has been lost", what.strip(), "What this run is evidence of has a gap.", lasts=False)
    return None


def _rows(count: int) -> str:
    return f"{count:,} {'row waits' if count == 1 else 'rows wait'}"


def _remedy(standing: Standing) -> str:
    failing = standing.failing.lower()
    if any(part in failing for part in _FULL):
        return f"Make room on the disk of {standing.place}, or bound what is kept with --ledger-keep."
    if any(part in failing for part in _HELD):
        return f"Another program holds {standing.place}; let it finish, or end it."
    if standing.server:
        return f"Check that the database {standing.place} runs and can be reached."
    return f"Check that {standing.place} is there, whole, and may be written by this user."


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:].rstrip('.')}." if words else ""
