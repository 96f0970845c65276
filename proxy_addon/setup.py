"""From choices and a configuration file to an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlsplit

from .catalogue.domains import registrable_domain
from .config import ENFORCE, ConfigFile, Site, read_rules, regime_named
from .engine import Engine
from .ledger import Sink


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen for all sites, precedence already settled."""

    mode: str = ENFORCE
    regime: str = "gdpr"
    strict_labels: bool = False
    strict: bool = False
    worker: bool = True
    report_leaks: bool = False
    banner: bool = False
    keep_query: bool = False
    rules: tuple[str, ...] = ()


def choose(chosen: Callable[[str], Any]) -> Choices:
    """The choices that `chosen` makes by name; where it says None or nothing, the default counts."""
    said = {each.name: chosen(each.name) for each in fields(Choices)}
    if said["rules"]:
        said["rules"] = tuple(said["rules"])
    return Choices(**{name: value for name, value in said.items() if value is not None and value != ()})


def build_engine(choices: Choices, config: ConfigFile, sink: Sink) -> Engine:
    """Load the rules and build the engine. Raises RulesError and UsageError."""
    rules, known = read_rules(choices.rules)
    default = Site(
        mode=choices.mode,
        regime=regime_named(choices.regime, known),
        consent_cookie=config.consent_cookie,
        strict_labels=choices.strict_labels,
        worker=choices.worker,
        bootstrap=choices.strict,
        report_leaks=choices.report_leaks,
    )
    sites: dict[str, Site] = {}
    for entry in config.sites:
        site = replace(
            default,
            mode=entry.mode or default.mode,
            regime=regime_named(entry.regime, known) if entry.regime else default.regime,
            consent_cookie=entry.consent_cookie or default.consent_cookie,
        )
        sites[entry.url] = site
        sites.setdefault(registrable_domain(urlsplit(entry.url).hostname or ""), site)
    return Engine(rules.catalogue, default, sites, sink, keep_query=choices.keep_query, banner=choices.banner)
