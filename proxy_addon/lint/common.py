"""What half the web has, so that no vendor's rule may take it for its own; the list is common.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class Common:
    """Names of cookies, hosts of everyone's files, and file names that say nothing."""

    cookies: tuple[str, ...]
    hosts: frozenset[str]
    stems: frozenset[str]


@lru_cache(maxsize=1)
def common() -> Common:
    """The list that is shipped."""
    plain = yaml.safe_load((Path(__file__).parent / "common.yaml").read_text("utf-8"))
    return Common(tuple(plain["cookies"]), frozenset(plain["hosts"]), frozenset(plain["stems"]))
