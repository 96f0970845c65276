"""Compiles what the page and its workers decide from: little that every page gets, and the rest where it is asked for.

Every page gets a sieve for each kind of key of the catalogue's index. What it says is surely unknown is; for anything
else the page asks for the rules of that host, script, cookie or vendor, and gets them with all else of the vendors
behind them. What stands under a key is always sent whole, so that the page decides as catalogue.match does: one test
puts both to the same questions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from ..catalogue import index as kinds
from ..catalogue.index import (
    ANYWHERE,
    COOKIES,
    DOMAINS,
    GRAMS,
    LABELS,
    QUIET,
    ROUTER,
    STEMS,
    STORAGE,
    CookieRecord,
    PathRecord,
    SnippetRecord,
    StorageRecord,
    WholeRecord,
    keys_of_name,
)
from ..catalogue.match import Catalogue, glob
from ..catalogue.model import Destination, Router, Vendor
from ..consent.model import CATEGORIES
from .sieve import sieve

_BITS = {category: 1 << index for index, category in enumerate(CATEGORIES)}
# What a request is to a router: an answer that is filtered, one that is read, events, events that cannot be filtered.
_SETTINGS, _LISTING, _EVENTS, _DROP = 1, 2, 3, 4
# How many bytes the sieve for the keys of each kind may take.
_SIEVES = {DOMAINS: 2000, LABELS: 100, STEMS: 200, GRAMS: 600, COOKIES: 800, STORAGE: 400}
# Under these stands what any script may hold, and names that may begin with anything.
_ALWAYS = {GRAMS: ANYWHERE, COOKIES: "*", STORAGE: "*"}
# So many names are answered for at once, and so many vendors are sent whole with so many keys each.
_MOST_ASKED = 500
_MOST_VENDORS, _MOST_KEYS = 32, 600
_LONGEST_NAME = 256
# The names in a query, and what they ask about.
_ASKED = {
    "host": "hosts", "stem": "stems", "gram": "grams", "cookie": "cookies", "key": "storage", "vendor": "vendors",
}  # fmt: skip


class Wanted(NamedTuple):
    """What a page asks about."""

    hosts: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()
    grams: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    storage: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()


def wanted(query: str) -> Wanted:
    """What a query asks about, as decide.js writes it: &host=…&stem=…&gram=…&cookie=…&key=…&vendor=…"""
    found: dict[str, list[str]] = {name: [] for name in _ASKED}
    for name, value in parse_qsl(query)[:_MOST_ASKED]:
        if name in found and len(value) <= _LONGEST_NAME:
            found[name].append(value)
    return Wanted(**{_ASKED[name]: tuple(values) for name, values in found.items()})


class Found(NamedTuple):
    """What a page is told: the rules, JSON-ready, and the vendors that they are of."""

    rules: dict[str, Any]
    vendors: tuple[str, ...]


class Tables:
    """The tables of a catalogue.

    Rules are: vendors: id → [own registrable domains, own category, 1 if all of it is here] · domains: domain → [rules
    of the host itself, rules of it and what is below, the whole domain's match or 0, 1 if all that is below is here
    too] · labels, stems: → rules · grams: → [number, strings, regular expressions, vendor, needs] · cookies: → [number,
    pattern, vendor, needs, first party] · storage: → [number, pattern, area, vendor, needs].
    A rule is [path, query, attribute, match, exempt]; a match is [vendor, categories, label], with a fourth if the
    request is a router's.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        """`catalogue` is read where it is asked."""
        self._catalogue = catalogue
        self._parts = {vendor.vendor: _parts(vendor.router) for vendor in catalogue.having(ROUTER) if vendor.router}

    def common(self) -> dict[str, Any]:
        """What every page gets, JSON-ready: the sieves, the routers, and what no sieve can rule out."""
        index = self._catalogue.index
        routers = []
        for vendor in self._catalogue.having(ROUTER):
            assert vendor.router is not None
            shapes = (vendor.router.shape, vendor.router.events.shape)
            routers.append([vendor.vendor, *(shape.path if shape else 0 for shape in shapes)])
        table = _Table(self._catalogue, self._parts)
        for kind, key in _ALWAYS.items():
            if key in index.keys(kind):
                table.take(kind, key)
        for name in self._parts:
            table.name(name)
        return {
            "categories": list(CATEGORIES),
            "sieves": {kind: sieve(self._keys(kind), most) for kind, most in _SIEVES.items()},
            "routers": routers,
            **table.rules(),
        }

    def answer(self, wanted: Wanted) -> Found:
        """The rules that can say anything of what is asked about, and all else of the vendors of the hosts."""
        index = self._catalogue.index
        table = _Table(self._catalogue, self._parts)
        met: dict[str, None] = {}
        for kind, keys in (
            (DOMAINS, [suffix for host in wanted.hosts for suffix in _suffixes(host)]),
            (LABELS, [host.partition(".")[0] for host in wanted.hosts]),
            (STEMS, wanted.stems),
            (GRAMS, wanted.grams),
            (COOKIES, _keys_of_names(wanted.cookies)),
            (STORAGE, _keys_of_names(wanted.storage)),
        ):
            known = index.keys(kind)
            for key in keys:
                if key in known:
                    table.take(kind, key)
            if kind == LABELS:
                met = dict.fromkeys(table.vendors)
        # What one script or cookie names is a small part of a vendor, often of one that the page never meets.
        behind = [*(name for name in wanted.vendors if name in index.keys(kinds.OWNERS)), *met]
        whole = tuple(dict.fromkeys(behind))[:_MOST_VENDORS]
        for name in whole:
            table.take_all(name)
        return Found(table.rules(), whole)

    def _keys(self, kind: str) -> Collection[str]:
        """The keys under which something may be held; of domains those with none above them."""
        index = self._catalogue.index
        quiet = set(index.traits(QUIET + kind))
        loud = [key for key in index.keys(kind) if key not in quiet and key != _ALWAYS.get(kind)]
        # (Where there are so many that no sieve is made of them, it does not matter which they are.)
        if kind != DOMAINS or len(loud) > _SIEVES[DOMAINS] * 8:
            return loud
        known = set(loud)
        return [key for key in loud if not any(above in known for above in _suffixes(key.partition(".")[2]))]


def compile_routers(vendors: Iterable[Vendor], destinations: Mapping[str, Mapping[str, Destination]]) -> dict[str, Any]:
    """What a page needs once a router runs, as JSON-ready data: the words of its vendor file, and its destinations.

    Each of those is the category that it needs, the id of its vendor, and its names.
    """
    routers: dict[str, Any] = {}
    for vendor in vendors:
        if vendor.router is None:
            continue
        words = asdict(vendor.router)
        for unused in ("ask", "grown", "shrunk"):
            del words[unused]
        listed = destinations.get(vendor.vendor, {}).values()
        known = [[_bit(each.category), each.vendor or "", each.name, *each.aliases] for each in listed]
        routers[vendor.vendor] = {**words, "destinations": known}
    return routers


class _Table:
    """Rules that are gathered key by key."""

    def __init__(self, catalogue: Catalogue, parts: Mapping[str, Mapping[str, int]]) -> None:
        self._catalogue, self._parts = catalogue, parts
        self._rules: dict[str, dict[str, Any]] = {kind: {} for kind in _SIEVES}
        self._under: dict[str, list[str] | None] = {}
        self.vendors: dict[str, list[Any]] = {}

    def name(self, vendor: str) -> None:
        """Say who a vendor is."""
        if vendor not in self.vendors:
            owner = self._catalogue.owner(vendor)
            self.vendors[vendor] = [list(owner.sites), _bit(owner.category)]

    def take(self, kind: str, key: str) -> None:
        """Take in what stands under a key that is in the index."""
        if key in self._rules[kind]:
            return
        record = self._catalogue.index.read(kind, key)
        if kind == DOMAINS:
            self._under[key] = record.get("under", [])
            self._rules[kind][key] = [
                [self._path(PathRecord(*each)) for each in record.get(part, ())] for part in ("exact", "below")
            ] + [self._whole(WholeRecord(*record["whole"])) if "whole" in record else 0]
        elif kind in (LABELS, STEMS):
            self._rules[kind][key] = [self._path(PathRecord(*each)) for each in record]
        elif kind == GRAMS:
            self._rules[kind][key] = [self._snippet(SnippetRecord(*each)) for each in record]
        elif kind == COOKIES:
            self._rules[kind][key] = [self._cookie(CookieRecord(*each)) for each in record]
        else:
            self._rules[kind][key] = [self._key(StorageRecord(*each)) for each in record]

    def take_all(self, vendor: str) -> None:
        """Take in every key of a vendor."""
        self.name(vendor)
        self.vendors[vendor][2:] = [1]
        keys = [(kind, key) for kind, keys in self._catalogue.owner(vendor).keys.items() for key in keys]
        for kind, key in keys[:_MOST_KEYS]:
            self.take(kind, key)

    def rules(self) -> dict[str, Any]:
        """All of it, JSON-ready; of each domain it says whether what is below it is here too."""
        for under in list(self._under.values()):
            for key in under or ():
                self.take(DOMAINS, key)
        for key, rules in self._rules[DOMAINS].items():
            rules[3:] = [int(self._under[key] is not None)]
        return {"vendors": self.vendors, **{kind: rules for kind, rules in self._rules.items() if rules}}

    def _match(self, vendor: str, category: str, label: str, rule: str) -> list[Any]:
        self.name(vendor)
        part = self._parts.get(vendor, {}).get(rule)
        return [vendor, _bit(category), _bit(label), *([part] if part else [])]

    def _path(self, rule: PathRecord) -> list[Any]:
        if rule.exempt:
            self.name(rule.vendor)
            match: list[Any] = [rule.vendor, 0, 0]
        else:
            match = self._match(rule.vendor, rule.category, rule.label, rule.rule)
        return [_pattern(rule.path), rule.query or 0, rule.attribute or 0, match, int(bool(rule.exempt))]

    def _whole(self, domain: WholeRecord) -> list[Any]:
        return self._match(domain.vendor, domain.category, domain.label, domain.domain)

    def _snippet(self, snippet: SnippetRecord) -> list[Any]:
        self.name(snippet.vendor)
        return [
            snippet.number, list(snippet.literals), list(snippet.patterns), snippet.vendor, _bit(snippet.category),
        ]  # fmt: skip

    def _cookie(self, cookie: CookieRecord) -> list[Any]:
        self.name(cookie.vendor)
        return [cookie.number, cookie.name, cookie.vendor, _bit(cookie.category), int(cookie.first_party)]

    def _key(self, key: StorageRecord) -> list[Any]:
        self.name(key.vendor)
        return [key.number, key.key, key.area, key.vendor, _bit(key.category)]


def _parts(router: Router) -> dict[str, int]:
    """What each rule of a router, or domain, stands for."""
    named = {_SETTINGS: router.settings, _LISTING: router.listings, _EVENTS: router.events.rules}
    parts = {rule: part for part, rules in named.items() for rule in rules}
    return parts | dict.fromkeys(router.events.drop, _DROP)


def _bit(category: str) -> int:
    """A category's bit; 0 for what is necessary."""
    return _BITS.get(category, 0)


def _suffixes(host: str) -> list[str]:
    found = []
    while host:
        found.append(host)
        host = host.partition(".")[2]
    return found


def _keys_of_names(names: Iterable[str]) -> list[str]:
    return [key for name in names for key in keys_of_name(name[:_LONGEST_NAME])]


def _pattern(path: str) -> str | int:
    """A glob's regular expression as JavaScript writes it; 0 where any path will do."""
    if path in ("/**", "/*"):
        return 0 if path == "/**" else "^/[^/]*$"
    body = glob(path).pattern.removesuffix(r"\Z")
    return "^" + body.replace(r"\-", "-").replace(r"\ ", " ") + "$"
