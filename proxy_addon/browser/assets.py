"""Puts the scripts of the page together, and names each version by its content."""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..catalogue.index import ROUTER
from ..catalogue.match import Catalogue
from ..consent.cookie import COOKIE, PlainCookie
from ..consent.model import Consent, Regime
from ..consent.platforms import Platform
from .minify import compact, minified
from .table import Tables, Wanted, compile_routers, wanted
from .watched import watch_table

# Everything of ours on a site lives under this path.
BASE = "/__consentry/"
_FOLDER = Path(__file__).parent


# What stands in a script where its data goes.
_TABLE, _CODE, _WATCHED, _BADGE, _CATEGORIES = (
    f"CONSENTRY_{name}" for name in ("TABLE", "CODE", "WATCHED", "BADGE", "CATEGORIES")
)
_HOLE = re.compile("CONSENTRY_[A-Z]+")
# So many guards are kept, each with what other sites meet.
_GUARDS = 16


class Assets:
    """The scripts of one catalogue. `version` changes when any of them does."""

    def __init__(
        self, catalogue: Catalogue, scripts: Mapping[str, str], bootstrap: str, routers: str, badge: str = ""
    ) -> None:
        """`scripts` are those with a table, by name, with a hole where it goes."""
        self.tables = Tables(catalogue)
        self.bootstrap = bootstrap
        # Fetched by the others once a router runs: most sites have none, and its destinations have many names.
        self.routers = routers
        self.badge = badge
        self._vendors = catalogue.vendors
        self._scripts = scripts
        self._common = self.tables.common()
        parts = (*scripts.values(), bootstrap, routers, badge, catalogue.index.fingerprint)
        self.version = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        self.worker = self._filled("worker.js", ())
        self._guards: OrderedDict[tuple[str, ...], str] = OrderedDict()

    def guard(self, met: Sequence[str] = ()) -> str:
        """The guard, with all about the vendors that its site is known to meet."""
        key = tuple(met)
        found = self._guards.pop(key, None) or self._filled("guard.js", key)
        self._guards[key] = found
        if len(self._guards) > _GUARDS:
            self._guards.popitem(last=False)
        return found

    def scope(self, met: Sequence[str] = ()) -> str:
        """The guard of workers, with all about the vendors that its site is known to meet."""
        return self._filled("scope.js", met)

    def guard_path(self, met: Sequence[str] = ()) -> str:
        """Where the guard is served; its content never changes under one name."""
        return f"{BASE}guard.js?v={self.version}{_mark(met)}"

    def lasts(self, query: str, met: Sequence[str] = ()) -> bool:
        """Whether what this query of a guard asks for is what is served now, and always will be."""
        return query == f"v={self.version}{_mark(met)}"

    def answer(self, query: str) -> tuple[str, tuple[str, ...]]:
        """What a page is told that asks about hosts, scripts, cookies or vendors, as JSON; and the vendors in it."""
        found = self.tables.answer(wanted(query))
        code = self.code(found.vendors)
        said = {**found.rules, "code": code} if code != "{}" else found.rules
        return json.dumps(said, separators=(",", ":")), found.vendors

    def _filled(self, name: str, met: Sequence[str]) -> str:
        data = {_TABLE: json.dumps(self.table(met), separators=(",", ":")), _CODE: self.code(met)}
        return _fill(self._scripts[name], data)

    def table(self, met: Sequence[str] = ()) -> dict[str, Any]:
        """What is known to a page from the start, JSON-ready: see table.Tables."""
        known = self.tables.answer(Wanted(vendors=tuple(met))).rules
        return {**self._common, **{kind: {**self._common.get(kind, {}), **rules} for kind, rules in known.items()}}

    def code(self, vendors: Iterable[str]) -> str:
        """The vendors' own code, as a JavaScript object: id → [stub, withdrawal], 0 for one that there is not."""
        known = (self._vendors[name] for name in vendors)
        functions = (
            f"{json.dumps(each.vendor)}:[{_function(each.stub.strip())},{_function(each.withdraw.strip())}]"
            for each in known
            if each.stub.strip() or each.withdraw.strip()
        )
        return f"{{{','.join(functions)}}}"


def assemble(
    catalogue: Catalogue,
    *,
    banner: bool,
    platforms: Iterable[Platform] = (),
    live: bool = False,
    badge: bool = False,
    cache: Path | None = None,
) -> Assets:
    """The scripts for a catalogue; with `banner` the guard brings our own consent banner.

    Where the choices of `platforms` are kept is watched in the page. With `live` the guard listens for what the
    dashboard sets, and with `badge` too it shows the badge. `cache` is a folder for minified scripts.
    """
    head = f"'use strict';{_source('decide.js')}\nconst TABLE={_TABLE};\n"
    guard = f"{head}const CODE={_CODE};\nconst WATCHED={_WATCHED};\n"
    if live:
        guard += f"const BADGE={_BADGE};\n{_source('live.js')}"
    guard += _source("guard.js")
    if banner:
        guard += f"const CATEGORIES={_CATEGORIES};\n{_source('banner.js')}"
    data = {
        _WATCHED: json.dumps(watch_table(platforms), separators=(",", ":")),
        _BADGE: json.dumps(badge),
        _CATEGORIES: json.dumps([asdict(category) for category in catalogue.categories], separators=(",", ":")),
    }
    scripts = {}
    for name, code in {
        "guard.js": guard,
        "scope.js": head + _source("scope.js"),
        "worker.js": head + _source("worker.js"),
    }.items():
        scripts[name] = _fill(minified(f"(() => {{{code}}})();", cache), data)
    bootstrap = (_FOLDER / "bootstrap.html").read_text("utf-8")
    panel = _badge(catalogue) if live and badge else ""
    return Assets(catalogue, scripts, bootstrap, _routers(catalogue, cache), panel)


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


def with_state(script: str, state: Mapping[str, Any], *, alone: bool) -> str:
    """A worker's script with the state filled in. `alone`: nothing of the site's follows it."""
    said = json.dumps(state, separators=(",", ":"))
    return f"{{const STATE={said};const ALONE={'true' if alone else 'false'};{script}}}\n"


def _fill(script: str, data: Mapping[str, str]) -> str:
    """The script with data in its holes; holes for which there is none stay."""
    return _HOLE.sub(lambda hole: data.get(hole[0], hole[0]), script)


def _mark(met: Sequence[str]) -> str:
    """What tells a guard with some vendors' rules in it from others."""
    return f"&m={hashlib.sha256(' '.join(met).encode()).hexdigest()[:8]}" if met else ""


def _routers(catalogue: Catalogue, cache: Path | None) -> str:
    """The script that hands over to the one that fetched it what it needs of routers."""
    vendors = catalogue.having(ROUTER)
    words = json.dumps(compile_routers(vendors, catalogue.destinations), separators=(",", ":"))
    known = {each.vendor: each.router for each in vendors if each.router}
    grown = _functions({name: each.grown for name, each in known.items()}, "settings", "names")
    shrunk = _functions({name: each.shrunk for name, each in known.items()}, "names")
    made = f"(core, at, host) => consentryRouter({words}, {grown}, {shrunk}, core, at, host)"
    taker = "(self.document && document.currentScript || self)"
    told = f"{taker}.dispatchEvent(new CustomEvent('consentry', {{ detail: {made} }}));"
    return minified(f"(() => {{{_source('destinations.js')}{told}}})();", cache)


def _badge(catalogue: Catalogue) -> str:
    titles = [[each.category, each.title] for each in catalogue.categories]
    owners = ((name, catalogue.owner(name)) for name in catalogue.vendors)
    names = {name: [owner.name, owner.category] for name, owner in owners}
    filled = f"const CATEGORIES={json.dumps(titles)};\nconst VENDORS={json.dumps(names, separators=(',', ':'))};\n"
    return filled + compact(_source("badge.js"))


def _functions(code: Mapping[str, str], *arguments: str) -> str:
    """Code of vendors, as a JavaScript object of functions by their ids."""
    functions = (f"{json.dumps(name)}:{_function(text, *arguments)}" for name, text in code.items() if text.strip())
    return f"{{{','.join(functions)}}}"


def _function(code: str, *arguments: str) -> str:
    return f"function({','.join(arguments)}){{{compact(code)}\n}}" if code else "0"


@lru_cache(maxsize=8)
def _source(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")
