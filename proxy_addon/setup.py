"""From choices and a configuration file to an engine."""

from __future__ import annotations

from dataclasses import dataclass
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
        site = Site(
            mode=entry.mode or default.mode,
            regime=regime_named(entry.regime, known) if entry.regime else default.regime,
            consent_cookie=entry.consent_cookie or default.consent_cookie,
            strict_labels=default.strict_labels,
            worker=default.worker,
            bootstrap=default.bootstrap,
            report_leaks=default.report_leaks,
        )
        sites[entry.url] = site
        sites.setdefault(registrable_domain(urlsplit(entry.url).hostname or ""), site)
    return Engine(rules.catalogue, default, sites, sink, keep_query=choices.keep_query, banner=choices.banner)
