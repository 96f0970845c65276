"""Compiles the catalogue into the table that the page and its workers decide from.

The table says the same as catalogue.match: one test puts both to the same questions. Rules are indexed the
same way; a match is `[vendor, categories, label]` by index, with a fourth if the request is a router's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..catalogue.domains import registrable_domain
from ..catalogue.index import label_of, regex_of, weight
from ..catalogue.match import glob
from ..catalogue.model import Destination, Router, Vendor
from ..consent.model import CATEGORIES

_BITS = {category: 1 << index for index, category in enumerate(CATEGORIES)}
# What a request is to a router: an answer that is filtered, one that is read, events, events that cannot be filtered.
_SETTINGS, _LISTING, _EVENTS, _DROP = 1, 2, 3, 4


def compile_table(vendors: dict[str, Vendor]) -> dict[str, Any]:
    """The table as JSON-ready data.

    vendors: [id, own registrable domains, own category] · whole, exact, suffix, label, any: see catalogue.match ·
    snippets: [strings, regular expressions, vendor, needs] · cookies: [pattern, vendor, needs, first party] ·
    storage: [pattern, area, vendor, needs] · routers: [vendor, path of settings, path of events on any host].
    """
    table: dict[str, Any] = {
        "categories": list(CATEGORIES),
        "vendors": [],
        "whole": {},
        "exact": {},
        "suffix": {},
        "label": {},
        "any": {},
        "snippets": [],
        "cookies": [],
        "storage": [],
        "routers": [],
    }
    for index, vendor in enumerate(vendors.values()):
        table["vendors"].append(
            [
                vendor.vendor,
                sorted({registrable_domain(domain.domain) for domain in vendor.domains}),
                _bit(vendor.category),
            ]
        )
        _add(table, index, vendor)
    for bucket in ("exact", "suffix", "label", "any"):
        for rules in table[bucket].values():
            rules.sort(key=lambda rule: (rule[4], rule[5]), reverse=True)
            for rule in rules:
                del rule[5]
    return table


def compile_routers(
    vendors: Mapping[str, Vendor], destinations: Mapping[str, Mapping[str, Destination]]
) -> dict[str, Any]:
    """What a page needs once a router runs, as JSON-ready data: the words of its vendor file, and its destinations.

    Each of those is the category that it needs, the id of its vendor, and its names.
    """
    routers: dict[str, Any] = {}
    for name, vendor in vendors.items():
        if vendor.router is None:
            continue
        words = asdict(vendor.router)
        for unused in ("ask", "grown", "shrunk"):
            del words[unused]
        listed = destinations.get(name, {}).values()
        known = [[_bit(each.category), each.vendor or "", each.name, *each.aliases] for each in listed]
        routers[name] = {**words, "destinations": known}
    return routers


def _add(table: dict[str, Any], index: int, vendor: Vendor) -> None:
    own = _bit(vendor.category)
    parts = _parts(vendor.router) if vendor.router else {}
    if vendor.router:
        shapes = (vendor.router.shape, vendor.router.events.shape)
        table["routers"].append([index, *(shape.path if shape else 0 for shape in shapes)])
    for domain in vendor.domains:
        if domain.scope == "host":
            table["whole"][domain.domain] = [index, own, _bit(domain.label), *parts.get(domain.domain, ())]
    for rule in vendor.requests:
        category = rule.category or vendor.category
        label = _bit(label_of(vendor, rule.host, category))
        match = [index, _bit(category), label, *parts.get(rule.rule, ())]
        found = [_pattern(rule.path), rule.query or 0, rule.attribute or 0, match, 0]
        _place(table, rule.host, rule.path, [*found, weight(rule.path, rule.query, rule.attribute)])
    for each in vendor.exempt:
        found = [_pattern(each.path), each.query or 0, 0, [index, 0, 0], 1]
        _place(table, each.host, each.path, [*found, weight(each.path, each.query)])
    for snippet in vendor.snippets:
        literals = [text for text in snippet.all if regex_of(text) is None]
        patterns = [pattern for text in snippet.all if (pattern := regex_of(text)) is not None]
        table["snippets"].append([literals, patterns, index, _bit(snippet.category or vendor.category)])
    for cookie in vendor.cookies:
        needs = _bit(cookie.category or vendor.category)
        table["cookies"].append([cookie.name, index, needs, int(cookie.party == "first")])
    for key in vendor.storage:
        table["storage"].append([key.key, key.area, index, own])


def _parts(router: Router) -> dict[str, tuple[int]]:
    """What each rule of a router, or domain, stands for."""
    named = {_SETTINGS: router.settings, _LISTING: router.listings, _EVENTS: router.events.rules}
    parts = {rule: (part,) for part, rules in named.items() for rule in rules}
    return parts | dict.fromkeys(router.events.drop, (_DROP,))


def _bit(category: str) -> int:
    """A category's bit; 0 for what is necessary."""
    return _BITS.get(category, 0)


def _place(table: dict[str, Any], host: str, path: str, rule: list[Any]) -> None:
    bucket, key = place(host, path)
    table[bucket].setdefault(key, []).append(rule)


def _pattern(path: str) -> str | int:
    """A glob's regular expression as JavaScript writes it; 0 where any path will do."""
    if path in ("/**", "/*"):
        return 0 if path == "/**" else "^/[^/]*$"
    body = glob(path).pattern.removesuffix(r"\Z")
    return "^" + body.replace(r"\-", "-").replace(r"\ ", " ") + "$"


def place(host: str, path: str) -> tuple[str, str]:
    """Temporary."""
    from ..catalogue.index import stem

    if host == "*":
        return "any", stem(path)
    if host.endswith(".*"):
        return "label", host[:-2]
    return ("suffix", host[2:]) if host.startswith("*.") else ("exact", host)
