"""The configuration file: read, checked, and turned into values. Precedence is settled by the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .catalogue.load import Rules, load_rules
from .catalogue.urls import origin
from .catalogue.yamlfile import Document, FileError, parse
from .consent.cookie import PlainCookie
from .consent.model import Consent, Regime
from .consent.regimes import AUTO, regimes, strictest
from .home import expanded

ENFORCE, OBSERVE = "enforce", "observe"
# What Do Not Track does.
IGNORE, DENY = "ignore", "deny"
# What a router needs to run: its own category, with refused destinations filtered out; what all of its active
# destinations need; or its own category, with nothing filtered.
FILTER, STRICT, BASE = "filter", "strict", "base"


class ConfigError(FileError):
    """The configuration is wrong."""


class UsageError(Exception):
    """What was asked for cannot be done: one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Site:
    """How one site is treated. With `by_region` the regime follows the visitor, and `regime` is for who is nowhere."""

    mode: str
    regime: Regime
    consent_cookie: PlainCookie | None
    strict_labels: bool
    # Whether the service worker is installed, and whether before the first page is shown.
    worker: bool = True
    bootstrap: bool = False
    # Whether browsers report what they ask others for.
    report_leaks: bool = False
    # What the site has made of a platform's own names: platform → name → category.
    platforms: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    by_region: bool = False
    dnt: str = IGNORE
    router_policy: str = FILTER
    # The site's own categories for a router's destinations, by name.
    destinations: Mapping[str, str] = field(default_factory=dict)
    # Whether a router may be asked what is connected to a source.
    ask_routers: bool = True
    # In forward mode: whether Global Privacy Control is sent, whether addresses lose parameters that track, and the
    # user's own word, which comes before what the site was told.
    gpc: bool = False
    strip_parameters: bool = False
    own: Consent | None = None


@dataclass(frozen=True, slots=True)
class SiteEntry:
    """A site as the configuration file names it, by its origin; None is what the file leaves open."""

    url: str
    listen: str | None
    mode: str | None
    regime: str | None
    consent_cookie: PlainCookie | None
    platforms: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dnt: str | None = None
    router_policy: str | None = None
    destinations: Mapping[str, str] = field(default_factory=dict)
    ask_routers: bool | None = None
    gpc: bool | None = None
    strip_parameters: bool | None = None
    consent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration file's values by the names of the command's options, and its sites."""

    options: Mapping[str, Any]
    sites: tuple[SiteEntry, ...]
    consent_cookie: PlainCookie | None
    platforms: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    destinations: Mapping[str, str] = field(default_factory=dict)
    consent: Mapping[str, str] = field(default_factory=dict)


EMPTY = ConfigFile({}, (), None)
_PATHS = ("confdir", "tls_cert", "upstream_ca", "geoip")
_NO_OPTIONS = ("sites", "consent_cookie", "platforms", "destinations", "consent")
_DEFAULT_NAME = "consentry.yaml"


def read_config(path: Path | None) -> ConfigFile:
    """Read a configuration file, or `consentry.yaml` here if there is one. Raises ConfigError."""
    if path is None:
        path = Path(_DEFAULT_NAME)
        if not path.is_file():
            return EMPTY
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            path, None, f"cannot be read ({error.strerror})", "check the path given to --config"
        ) from None
    schema = json.loads((Path(__file__).parent / "config.schema.json").read_text("utf-8"))
    document = parse(path, content, schema, ConfigError)
    plain = document.value or {}
    options = {name: value for name, value in plain.items() if name not in _NO_OPTIONS}
    for name in _PATHS:
        if name in options:
            options[name] = _beside(path, options[name])
    if isinstance(options.get("ledger"), str) and "://" not in options["ledger"]:
        options["ledger"] = _beside(path, options["ledger"])
    if "rules" in options:
        options["rules"] = [_beside(path, each) for each in options["rules"]]
    if "listen" in options:
        options["listen"] = str(options["listen"])
    sites = tuple(_site(document, index, each) for index, each in enumerate(plain.get("sites", ())))
    return ConfigFile(
        options,
        sites,
        _cookie(plain),
        plain.get("platforms", {}),
        plain.get("destinations", {}),
        plain.get("consent", {}),
    )


def read_rules(folders: Sequence[str]) -> tuple[Rules, dict[str, Regime]]:
    """The rules, shipped and from `folders`, and the regimes among them. Raises RulesError."""
    rules = load_rules([Path(folder) for folder in folders], cache_folder())
    return rules, regimes(rules.regimes)


def regime_named(name: str, known: Mapping[str, Regime]) -> Regime:
    """The regime of that name, for `auto` the strictest. Raises UsageError."""
    if name == AUTO:
        return strictest(known.values())
    if name not in known:
        raise UsageError(f"There is no regime '{name}'; it is one of: {', '.join(sorted(known))}, or {AUTO}.")
    return known[name]


def cache_folder() -> Path:
    """Where compiled rules are cached: the user's cache folder (XDG Base Directory)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or expanded("~/.cache")) / "consentry"


def _beside(file: Path, path: str) -> str:
    return str(file.parent / expanded(path))


def _site(document: Document, index: int, plain: Mapping[str, Any]) -> SiteEntry:
    url = origin(plain["url"])
    if url is None:
        raise document.error(
            ("sites", index, "url"), f"'{plain['url']}' is no URL", "write it as https://staging.example.com"
        )
    listen = str(plain["listen"]) if "listen" in plain else None
    return SiteEntry(
        url,
        listen,
        plain.get("mode"),
        plain.get("regime"),
        _cookie(plain),
        plain.get("platforms", {}),
        plain.get("dnt"),
        plain.get("router_policy"),
        plain.get("destinations", {}),
        plain.get("ask_routers"),
        plain.get("gpc"),
        plain.get("strip_parameters"),
        plain.get("consent", {}),
    )


def _cookie(plain: Mapping[str, Any]) -> PlainCookie | None:
    said = plain.get("consent_cookie")
    if said is None:
        return None
    values = {value: frozenset(granted) for value, granted in said.get("values", {}).items()}
    return PlainCookie(said["name"], values, said.get("tokens", {}), said.get("separator", ","))
