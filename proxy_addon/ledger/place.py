"""Where the ledger is: a file of the user's own, or wherever an option says."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..home import expanded
from .evidence import LedgerError

_SCHEME = re.compile(r"([a-z][a-z0-9+]*)://", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^/]*@")
_FILE_NAME = "evidence.db"


@dataclass(frozen=True, slots=True)
class Place:
    """A database: a SQLite file, or the URL of a PostgreSQL database."""

    path: Path | None
    url: str = ""

    def __str__(self) -> str:
        """As it may be shown: without a password."""
        return str(self.path) if self.path is not None else _PASSWORD.sub(r"\1:…@", self.url)


def state_folder() -> Path:
    """Where what should outlive a run is kept (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    # The specification has relative paths ignored.
    return (Path(base) if os.path.isabs(base) else expanded("~/.local/state")) / "consentry"


def default_place() -> Place:
    """The ledger that is used where none is named."""
    return Place(state_folder() / _FILE_NAME)


def parse_place(text: str) -> Place:
    """Read a path, `sqlite:///PATH` or `postgresql://…`. Raises LedgerError."""
    scheme = _SCHEME.match(text)
    if scheme is None and text:
        return Place(expanded(text))
    name = scheme[1].lower() if scheme else ""
    if name == "sqlite" and len(text) > len("sqlite:///") and text[9] == "/":
        return Place(expanded(text[len("sqlite:///") :]))
    if name in ("postgresql", "postgres"):
        return Place(None, f"postgresql://{text.partition('://')[2]}")
    raise LedgerError(
        f"'{Place(None, text)}' is no ledger; name a file, or a database as in postgresql://USER@HOST/DATABASE."
    )
