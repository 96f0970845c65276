"""From choices and a configuration file to an engine."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .catalogue.domains import registrable_domain
from .catalogue.load import Rules
from .catalogue.match import Catalogue
from .config import ENFORCE, FILTER, IGNORE, ConfigFile, Site, UsageError, cache_folder, read_rules, regime_named
from .consent.model import Regime
from .consent.platforms import compile_platforms
from .consent.regimes import AUTO
from .engine import Engine
from .filter.own_word import own_word
from .filter.parameters import Parameters
from .filter.passing import Passing, Untouched
from .filter.pause import Pause
from .filter.silence import SILENCE
from .home import expanded
from .ledger import Evidence, LedgerError, Sink, trouble_with_ledger
from .ledger.place import default_place, parse_place, state_folder
from .ledger.retention import FOREVER, parse_keep
from .ledger.visitor import Pseudonyms
from .lists.catalogue import with_lists
from .lists.filters import open_filters
from .lists.store import open_lists
from .meter import Meter
from .region import Atlas, MaxMind, Regions
from .routers import Fetch
from .state import State
from .watch import Watcher

if TYPE_CHECKING:
    from .dashboard.server import Server
    from .ledger.ledger import Ledger

DEFAULT_REGIME = "gdpr"
# What is kept where nobody said where to keep it.
DEFAULT_KEEP = "30d,1GB"
# RFC 9110 §5.6.2.
_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen for all sites, precedence already settled."""

    mode: str = ENFORCE
    # None: auto if anything is given that says where a visitor is, else gdpr.
    regime: str | None = None
    strict_labels: bool = False
    strict: bool = False
    worker: bool = True
    report_leaks: bool = False
    banner: bool = False
    badge: bool = False
    keep_query: bool = False
    rules: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    region_header: str = ""
    subdivision_header: str = ""
    geoip: str = ""
    trust_forwarded: int = 0
    dnt: str = IGNORE
    router_policy: str = FILTER
    ask_routers: bool = True
    gpc: bool = False
    strip_parameters: bool = False
    untouched: tuple[str, ...] = ()
    learn: bool = False
    pausable: bool = False
    aliases: bool = True
    dns: str = ""


def choose(chosen: Callable[[str], Any]) -> Choices:
    """The choices that `chosen` makes by name; where it says None or nothing, the default counts."""
    said = {each.name: chosen(each.name) for each in fields(Choices)}
    for name in ("rules", "lists", "untouched"):
        if said[name]:
            said[name] = tuple(said[name])
    return Choices(**{name: value for name, value in said.items() if value is not None and value != ()})


def build_engine(
    choices: Choices,
    config: ConfigFile,
    sink: Sink,
    pseudonyms: Pseudonyms | None = None,
    watcher: Watcher | None = None,
    *,
    fetch: Fetch | None = None,
    state: State | None = None,
    meter: Meter | None = None,
) -> Engine:
    """Load the rules and build the engine. Raises RulesError and UsageError.

    `fetch` gets an address for us, to ask a router what is connected; without it nothing is asked. `state` is what
    replicas have in common, and `meter` measures what is done.
    """
    rules, laws = read_rules(choices.rules)
    known = {SILENCE.regime: SILENCE, **laws}
    lists = open_lists(choices.lists, choices.rules)
    catalogue = with_lists(rules.catalogue, lists)
    regions = _regions(choices, laws)
    regime = choices.regime or (AUTO if choices.region_header or choices.geoip else DEFAULT_REGIME)
    default = Site(
        mode=choices.mode,
        regime=regime_named(regime, known),
        by_region=regime == AUTO,
        consent_cookie=config.consent_cookie,
        strict_labels=choices.strict_labels,
        worker=choices.worker,
        bootstrap=choices.strict,
        report_leaks=choices.report_leaks,
        platforms=_overrides(config.platforms, rules),
        dnt=choices.dnt,
        router_policy=choices.router_policy,
        destinations=config.destinations,
        ask_routers=choices.ask_routers,
        gpc=choices.gpc,
        strip_parameters=choices.strip_parameters,
        own=own_word(config.consent, catalogue),
    )
    sites: dict[str, Site] = {}
    for entry in config.sites:
        site = replace(
            default,
            mode=entry.mode or default.mode,
            regime=regime_named(entry.regime, known) if entry.regime else default.regime,
            by_region=entry.regime == AUTO if entry.regime else default.by_region,
            consent_cookie=entry.consent_cookie or default.consent_cookie,
            dnt=entry.dnt or default.dnt,
            platforms={**default.platforms, **_overrides(entry.platforms, rules)},
            router_policy=entry.router_policy or default.router_policy,
            destinations={**default.destinations, **entry.destinations},
            ask_routers=default.ask_routers if entry.ask_routers is None else entry.ask_routers,
            gpc=default.gpc if entry.gpc is None else entry.gpc,
            strip_parameters=default.strip_parameters if entry.strip_parameters is None else entry.strip_parameters,
            own=own_word({**config.consent, **entry.consent}, catalogue),
        )
        sites[entry.url] = site
        sites.setdefault(registrable_domain(urlsplit(entry.url).hostname or ""), site)
    return Engine(
        catalogue,
        default,
        sites,
        sink,
        keep_query=choices.keep_query,
        banner=choices.banner,
        platforms=compile_platforms(rules.platforms),
        regions=regions,
        fetch=fetch,
        pseudonyms=pseudonyms,
        watcher=watcher,
        badge=choices.badge,
        cache=cache_folder(),
        filters=open_filters(catalogue, lists),
        pause=Pause(pause_place()) if choices.pausable else None,
        parameters=Parameters(each["parameter"] for each in rules.parameters),
        state=state,
        meter=meter,
    )


def pause_place() -> Path:
    """Where the pause of this user's filters is kept."""
    return state_folder() / "pause"


def open_passing(choices: Choices, catalogue: Catalogue, tell: Callable[[str], None]) -> Passing:
    """What passes untouched: hosts that are shipped as sensitive, the user's own, and what was learnt."""
    shipped = (Untouched(each["host"], each["why"]) for each in read_rules(choices.rules)[0].untouched)
    own = (Untouched(host.lower(), "the user wants it untouched") for host in choices.untouched)

    def is_vendor(host: str) -> bool:
        return bool(catalogue.match_host(f"https://{host}/"))

    place = state_folder() / "untouched.json" if choices.learn else None
    return Passing((*own, *shipped), is_vendor, place, tell=tell)


def open_state(where: str | None, warn: Callable[[str], None]) -> State | None:
    """What this replica has in common with others, at `where`; None if it is alone. `warn` hears of failures later.

    Raises UsageError.
    """
    if not where:
        return None
    from .state.redis import RedisState, shown  # noqa: PLC0415 - an extra

    if not where.startswith(("redis://", "rediss://", "unix://")):
        raise UsageError(f"'{shown(where)}' is no address of a state; write it as redis://HOST:PORT.")
    return RedisState(where, warn)


def open_ledger(where: str | None, keep: str | None, tell: Callable[[Evidence], None]) -> Ledger | None:
    """Open the ledger that `where` names, None being the usual one; none at all if it is ''.

    `keep` says how long evidence is kept; without it the usual ledger's is for a while, another's for ever. `tell`
    takes rows of trouble with the ledger: if the usual one cannot be had, it is done without. Raises UsageError.
    """
    if where == "":
        return None
    from .ledger.ledger import Ledger  # noqa: PLC0415 - SQLAlchemy loads slowly, and only keeping needs it

    try:
        kept = parse_keep(keep or (DEFAULT_KEEP if where is None else FOREVER))
        place = default_place() if where is None else parse_place(where)
    except LedgerError as error:
        raise UsageError(str(error)) from None
    try:
        return Ledger.open(place, tell, keep=kept)
    except LedgerError as error:
        if where is not None:
            raise UsageError(str(error)) from None
        tell(trouble_with_ledger(time.time(), f"evidence is not kept: {error}"))
        return None


def open_dashboard(
    where: str | None, token: str, warn: Callable[[str], None], *, badge: bool, inside: int = 0
) -> Server | None:
    """Take the port that `where` names, None being the usual one; none at all if it is ''. Raises UsageError.

    `inside` is the port at which the proxy asks it, 0 any."""
    if where == "":
        if badge:
            raise UsageError("--badge shows what the dashboard knows; leave out --no-dashboard, or --badge.")
        return None
    from .dashboard.server import Address, Server, parse_address  # noqa: PLC0415 - only who looks at it needs it

    return Server(Address() if where is None else parse_address(where), token, warn, inside)


def start_dashboard(server: Server, choices: Choices, engine: Engine, ledger: Ledger | None) -> None:
    """Let the dashboard show and steer what this engine does."""
    from .dashboard.app import Subject  # noqa: PLC0415 - see above
    from .dashboard.history import Stored  # noqa: PLC0415

    regimes = read_rules(choices.rules)[1]
    history = Stored(ledger.store, lambda: ledger.writer.status) if ledger is not None else None
    server.start(
        Subject(server.scene, engine.catalogue, regimes, engine.platforms, engine.pretend, history, engine.pause)
    )


def _regions(choices: Choices, known: Mapping[str, Regime]) -> Regions:
    for option, name in (
        ("--region-header", choices.region_header),
        ("--subdivision-header", choices.subdivision_header),
    ):
        if name and not _FIELD_NAME.fullmatch(name):
            raise UsageError(f"'{name}' is no name of a request field; {option} takes one, as in CF-IPCountry.")
    if choices.subdivision_header and not choices.region_header:
        raise UsageError(
            "--subdivision-header says nothing without the country; name the field of that with --region-header."
        )
    return Regions(
        Atlas(known.values()),
        country_header=choices.region_header,
        subdivision_header=choices.subdivision_header,
        database=MaxMind(expanded(choices.geoip)) if choices.geoip else None,
        proxies=choices.trust_forwarded,
    )


def _overrides(said: Mapping[str, Mapping[str, str]], rules: Rules) -> Mapping[str, Mapping[str, str]]:
    """A site's mapping of its platforms' names, if the platforms exist. Raises UsageError."""
    known = [each["platform"] for each in rules.platforms["platforms"]]
    for name in said:
        if name not in known:
            raise UsageError(f"There is no platform '{name}' to map; it is one of: {', '.join(sorted(known))}.")
    return said
