"""Consentry's own master with an add-on that does nothing where the gate stands: what the master alone costs.

Run as `python -m tests.bench.lean SITE PORT CONFDIR`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import cast

from proxy_addon import proxy
from proxy_addon.console import Console
from proxy_addon.engine import Engine
from proxy_addon.listeners import Listener, Transport


class _Open:
    """An add-on without hooks."""

    def __init__(self, *_: object, **__: object) -> None:
        pass


def main(site: str, port: int, confdir: Path) -> None:
    """Serve until interrupted."""
    setattr(proxy, "Gate", _Open)  # noqa: B010 - no subclass of it, on purpose
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        proxy.serve(
            cast("Engine", None),
            [Listener("127.0.0.1", port, site)],
            Transport(confdir=confdir),
            Console(nowhere, quiet=True),
        )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
