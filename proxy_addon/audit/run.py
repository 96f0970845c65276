"""One site's audit, from what the user asked for to its result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial

from playwright.sync_api import sync_playwright

from .. import __version__
from ..catalogue.load import Rules
from ..config import UsageError, read_rules, regime_named
from ..consent.model import Regime
from ..proxy import authority
from ..setup import Choices, build_engine
from .autoconsent import AutoconsentDriver
from .banner import banners
from .browser import launch
from .collect import Collected, Collector
from .drive import Plan, Stage, Ways
from .flow import BannerDriver, Driver, KeptDriver, StepsDriver
from .model import AuditResult
from .options import Options
from .overhear import MOST
from .relay import Relays
from .states import State
from .verdicts import Judge, Seen


@dataclass(frozen=True, slots=True)
class Auditor:
    """Audits sites, one after the other, in one browser."""

    options: Options
    rules: Rules
    regime: Regime
    stage: Stage
    browser: str

    def audit(self, url: str, pages: Sequence[str] = (), tell: Callable[[State], None] = lambda _: None) -> AuditResult:
        """Bring visitors of a site into every state, and judge what was seen. Raises SiteError.

        `pages` are looked at after the first; without any it is links, or the sitemap. `tell` is told each state as it
        begins.
        """
        options = self.options
        started = time.time()
        plan = Plan(
            url=url,
            pages=tuple(pages) or None,
            links=options.links,
            sitemap=options.sitemap,
            steps=options.steps,
            storage_state=options.storage_state,
            quiet=options.quiet,
            patience=options.patience,
            screenshots=options.screenshots,
        )
        catalogue = self.rules.catalogue
        collector = Collector(catalogue, self.regime, url)
        seen: list[Seen] = []
        for state in options.states:
            tell(state)
            walk, plan = self.stage.walk(plan, state, first=not seen)
            seen.append(Seen(state, collector.collect(walk)))
        judge = Judge(catalogue.vendors, self.regime, collector.is_third_party)
        return AuditResult(
            site=url,
            started=started,
            seconds=round(time.time() - started, 3),
            version=__version__,
            mode=options.mode,
            regime=self.regime.regime,
            platform=_platform(each.collected for each in seen),
            browser=self.browser,
            states=tuple(each.run for each in seen),
            findings=judge.findings(seen),
            vendors=judge.matrix(seen),
            hosts=judge.hosts(seen),
            clicks=judge.clicks(seen),
            errors=tuple(f"{each.state.name}: {why}" for each in seen for why in _trouble(each.collected)),
        )


@contextmanager
def auditor(options: Options) -> Iterator[Auditor]:
    """A browser that is ready to audit. Raises UsageError and FileError."""
    rules, known = read_rules(options.rules)
    regime = regime_named(options.regime, known)
    platforms = rules.platforms["platforms"]
    if options.platform and options.platform not in {each["platform"] for each in platforms}:
        raise UsageError(f"There is no platform '{options.platform}'; docs/platforms.md lists them.")
    choices = Choices(mode=options.mode, regime=options.regime, keep_query=True, rules=options.rules)
    engine = partial(build_engine, choices, options.config)
    banner = BannerDriver(banners(rules.platforms), options.config.platforms)
    drivers: list[Driver] = [StepsDriver(options.steps), banner]
    if options.autoconsent is not None:
        drivers.append(AutoconsentDriver(options.autoconsent))
    ways = Ways(drivers, KeptDriver(platforms, options.platform, banner.asks))
    # The browser is to trust it from its start.
    authority(options.transport.confdir)
    with closing(Relays(engine, options.transport)) as relays, sync_playwright() as playwright:
        browser = launch(playwright, options.transport.confdir)
        try:
            relays.check()
            yield Auditor(options, rules, regime, Stage(browser, relays, ways), f"Chromium {browser.version}")
        finally:
            browser.close()


def _platform(collected: Iterable[Collected]) -> str:
    return next((each.platform for each in collected if each.platform), "")


def _trouble(collected: Collected) -> Iterator[str]:
    """Why a state was not reached, if not for what the site offers, of which findings tell; and what was not kept."""
    if collected.run.error and not (collected.nothing_there or collected.needless):
        yield collected.run.error
    if collected.unheard:
        yield (
            f"there was more than is kept of one state ({MOST:,}): {collected.unheard:,} requests and rows of evidence "
            "that came later were not judged"
        )
