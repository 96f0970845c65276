"""Puts the scripts of the page together, and names each version by its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..catalogue.model import Category, Destination, Vendor
from ..consent.cookie import COOKIE, PlainCookie
from ..consent.model import Consent, Regime
from ..consent.platforms import Platform
from .table import compile_routers, compile_table
from .watched import watch_table

# Everything of ours on a site lives under this path.
BASE = "/__consentry/"
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Assets:
    """The scripts of one catalogue. `version` changes when any of them does."""

    version: str
    guard: str
    scope: str
    worker: str
    bootstrap: str
    # Fetched by the others once a router runs: most sites have none, and its destinations have many names.
    routers: str
    badge: str = ""

    @property
    def guard_path(self) -> str:
        """Where the guard is served; its content never changes under one name."""
        return f"{BASE}guard.js?v={self.version}"


def assemble(
    vendors: Mapping[str, Vendor],
    categories: Iterable[Category],
    *,
    banner: bool,
    platforms: Iterable[Platform] = (),
    destinations: Mapping[str, Mapping[str, Destination]] | None = None,
    live: bool = False,
    badge: bool = False,
) -> Assets:
    """The scripts for a catalogue's vendors; with `banner` the guard brings our own consent banner.

    Where the choices of `platforms` are kept is watched in the page. `destinations` are those of routers, by name.
    With `live` the guard listens for what the dashboard sets, and with `badge` too it shows the badge.
    """
    table = json.dumps(compile_table(dict(vendors)), separators=(",", ":"), ensure_ascii=True)
    stubs = _functions({each.vendor: each.stub for each in vendors.values()})
    withdrawals = _functions({each.vendor: each.withdraw for each in vendors.values()})
    decide = _source("decide.js")
    head = f"'use strict';{decide}\nconst TABLE={table};\n"
    watched = json.dumps(watch_table(platforms), separators=(",", ":"))
    filled = f"{head}const STUBS={stubs};\nconst WITHDRAWALS={withdrawals};\nconst WATCHED={watched};\n"
    if live:
        filled += f"const BADGE={json.dumps(badge)};\n{_source('live.js')}"
    guard = f"(() => {{{filled}{_source('guard.js')}{_banner(categories) if banner else ''}}})();"
    scope = f"(() => {{{head}{_source('scope.js')}}})();"
    worker = f"(() => {{{head}{_source('worker.js')}}})();"
    bootstrap = (_FOLDER / "bootstrap.html").read_text("utf-8")
    routers = _routers(vendors, destinations or {})
    panel = _badge(vendors, categories) if live and badge else ""
    version = hashlib.sha256("\0".join((guard, scope, worker, bootstrap, routers, panel)).encode()).hexdigest()[:16]
    return Assets(version, guard, scope, worker, bootstrap, routers, panel)


def consent_state(consent: Consent) -> dict[str, Any]:
    """A consent as the page and its workers have it; JSON-ready."""
    return {
        "categories": dict(consent.categories),
        "vendors": dict(consent.vendors),
        "gpc": consent.gpc,
        "dnt": consent.dnt,
        "implied": dict(consent.implied),
        "refused": {vendor: sorted(names) for vendor, names in sorted(consent.refused.items())},
        "signal": consent.signal,
    }


def page_state(
    version: str,
    site: str,
    origin: str,
    consent: Consent,
    regime: Regime,
    *,
    strict: bool,
    plain: PlainCookie | None,
    worker: bool,
    routing: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a page or worker needs to know of the visitor; JSON-ready.

    `routing`: {"categories": the site's own for destinations, "active": {router: {key: names}}, "needs": {router:
    categories that it needs beside its own}}. Without it nothing that a router connects is filtered.
    """
    return {
        "version": version,
        "base": BASE,
        "origin": origin,
        "site": site,
        "consent": consent_state(consent),
        "law": {"regime": regime.regime, "unset": dict(regime.unset), "gpc_denies": sorted(regime.gpc_denies)},
        "strict": strict,
        "cookies": [COOKIE, *([plain.name] if plain else [])],
        "plain": {
            "name": plain.name,
            "values": {value: sorted(granted) for value, granted in plain.values.items()},
            "tokens": dict(plain.tokens),
            "separator": plain.separator,
        }
        if plain
        else None,
        "worker": worker,
        "routing": routing,
    }


def compact(code: str) -> str:
    """The code without indentation, empty lines and lines of comment."""
    lines = (line.strip() for line in code.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def with_state(script: str, state: Mapping[str, Any], *, alone: bool) -> str:
    """A worker's script with the state filled in. `alone`: nothing of the site's follows it."""
    said = json.dumps(state, separators=(",", ":"))
    return f"{{const STATE={said};const ALONE={'true' if alone else 'false'};{script}}}\n"


def _banner(categories: Iterable[Category]) -> str:
    plain = [asdict(category) for category in categories]
    return f"const CATEGORIES={json.dumps(plain, separators=(',', ':'))};\n{_source('banner.js')}"


def _routers(vendors: Mapping[str, Vendor], destinations: Mapping[str, Mapping[str, Destination]]) -> str:
    """The script that hands over to the one that fetched it what it needs of routers."""
    words = json.dumps(compile_routers(vendors, destinations), separators=(",", ":"))
    known = {each.vendor: each.router for each in vendors.values() if each.router}
    grown = _functions({name: each.grown for name, each in known.items()}, "settings", "names")
    shrunk = _functions({name: each.shrunk for name, each in known.items()}, "names")
    made = f"(core, at, host) => consentryRouter({words}, {grown}, {shrunk}, core, at, host)"
    taker = "(self.document && document.currentScript || self)"
    told = f"{taker}.dispatchEvent(new CustomEvent('consentry', {{ detail: {made} }}));"
    return f"(() => {{{_source('destinations.js')}{told}}})();"


def _badge(vendors: Mapping[str, Vendor], categories: Iterable[Category]) -> str:
    titles = [[each.category, each.title] for each in categories]
    names = {each.vendor: [each.name, each.category] for each in vendors.values()}
    filled = f"const CATEGORIES={json.dumps(titles)};\nconst VENDORS={json.dumps(names, separators=(',', ':'))};\n"
    return filled + _source("badge.js")


def _functions(code: Mapping[str, str], *arguments: str) -> str:
    """Code of vendors, as a JavaScript object of functions by their ids."""
    head = f"function({','.join(arguments)})"
    functions = (f"{json.dumps(name)}:{head}{{{compact(text)}\n}}" for name, text in code.items() if text.strip())
    return f"{{{','.join(functions)}}}"


@lru_cache(maxsize=8)
def _source(name: str) -> str:
    return compact((_FOLDER / name).read_text("utf-8"))
