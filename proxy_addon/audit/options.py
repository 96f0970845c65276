"""What is asked of an audit, whoever runs it and wherever; light, so that a fleet's keeper need not load a browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..config import EMPTY, OBSERVE, ConfigFile
from ..listeners import Transport
from .states import STATES, State
from .steps import NO_STEPS, Steps

# How long a page must be quiet to count as settled, and how long that is waited for.
QUIET, PATIENCE = 1.0, 20.0


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for, the same for every site."""

    transport: Transport
    mode: str = OBSERVE
    regime: str = "gdpr"
    states: tuple[State, ...] = STATES
    steps: Steps = NO_STEPS
    links: int = 0
    sitemap: bool = False
    storage_state: Path | None = None
    platform: str = ""
    autoconsent: Path | None = None
    rules: tuple[str, ...] = ()
    config: ConfigFile = field(default=EMPTY)
    quiet: float = QUIET
    patience: float = PATIENCE
    screenshots: bool = True
