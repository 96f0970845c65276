"""Compiles vendors into an index: JSON-ready records under the keys by which they are looked for.

A record is a short list whose places have names below. Reading one costs nothing until its key is asked for, so that a
catalogue of ten thousand vendors starts as fast as one of fifteen. The index lives in memory, or in a file: shelf.py.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple, Protocol

from .domains import registrable_domain, within
from .model import Snippet, Vendor
from .needles import needles

# The kinds of keys. A domain's record is {exact: paths, below: paths, whole: one, under: keys}, each part only if there
# is one: `under` are the keys of domains below it, or null if they are too many.
DOMAINS, LABELS, STEMS, GRAMS, COOKIES, STORAGE = "domains", "labels", "stems", "grams", "cookies", "storage"
# Which vendors have a registrable domain for their own, what else matching needs of a vendor, and who is called so.
SITES, OWNERS, NAMES = "sites", "owners", "names"
KINDS = (DOMAINS, LABELS, STEMS, GRAMS, COOKIES, STORAGE, SITES, OWNERS, NAMES)
# What some vendors have that must be known of all before anything is matched.
ROUTER, LISTED, TELLS, PAYLOADS, BUNDLES, TEMPLATES = "router", "listed", "tells", "payloads", "bundle", "gtm"
_TRAITS = (ROUTER, LISTED, TELLS, PAYLOADS, BUNDLES, TEMPLATES)
# With a kind behind it: keys under which nothing is ever held.
QUIET = "quiet "
# So many keys below a domain are named.
_MOST_UNDER = 64

NECESSARY = "necessary"

# A signature is found by so many signs that must stand in a script, within one of its words: addresses are words too.
GRAM = 4
WORDS = re.compile(rf"[A-Za-z0-9_$./-]{{{GRAM},}}")
# Signatures of which no such letters can be named are looked for in every script.
ANYWHERE = ""
# What many scripts hold says little of any of them.
_COMMON = frozenset(
    word[start : start + GRAM]
    for word in (
        "createElement", "document", "write", "script", "import", "importScripts", "getScript", "loadScript",
        "sendBeacon", "fetch", "XMLHttpRequest", "Image", "insertBefore", "innerHTML", "insertAdjacentHTML", "getJSON",
        "function", "return", "window", "async", "https", "google", "analytics", "collect", "track", "pixel",
        "appendChild", "setAttribute", "getElementById", "getElementsByTagName", "querySelectorAll", "addEventListener",
        "DOMContentLoaded", "textContent", "className", "background", "callback", "click", "continue", "dataLayer",
        "default", "config", "settings", "options", "page", "site", "start", "init", "title", "location", "undefined",
        "prototype", "console", "parentNode", "localStorage", "stringify", "encodeURIComponent", "http://", ".com/",
        "document.", "window.", "this.", "event.", "element.", "console.", "location.", "navigator.", ".push",
        ".length", ".value", ".style", "text/javascript", "application/json",
    )
    for start in range(len(word) - GRAM + 1)
)  # fmt: skip


class PathRecord(NamedTuple):
    """A rule for requests, or an exemption (then `category` is empty and `exempt` says why)."""

    path: str
    query: str | None
    attribute: str | None
    vendor: str
    rule: str
    kind: str
    category: str
    label: str
    what: str
    exempt: str
    surrogate: str | None


class WholeRecord(NamedTuple):
    """A domain that is a vendor's as a whole."""

    vendor: str
    domain: str
    category: str
    label: str


class SnippetRecord(NamedTuple):
    """A snippet's signature. `needles` are, for each expression in it, strings of which one must be there."""

    number: int
    literals: Sequence[str]
    patterns: Sequence[str]
    needles: Sequence[Sequence[str]]
    vendor: str
    rule: str
    category: str
    what: str


class CookieRecord(NamedTuple):
    """A cookie; `number` is its place among all."""

    number: int
    name: str
    first_party: bool
    vendor: str
    category: str
    purpose: str


class StorageRecord(NamedTuple):
    """A key of the browser's storage; `number` is its place among all."""

    number: int
    key: str
    area: str
    vendor: str
    category: str


class OwnerRecord(NamedTuple):
    """What is known of a vendor at once: its category, its own sites, and every key that its rules stand under."""

    name: str
    category: str
    sites: Sequence[str]
    keys: Mapping[str, Sequence[str]]


class Index(Protocol):
    """Records by kind and key. Immutable; safe to share between threads."""

    @property
    def fingerprint(self) -> str:
        """Another one where anything in it is another."""

    def traits(self, trait: str) -> Sequence[str]:
        """The ids of the vendors, or the keys, that have a trait."""

    def keys(self, kind: str) -> Set[str]:
        """Every key of a kind; to ask whether it holds one is fast."""

    def read(self, kind: str, key: str) -> Any:
        """What stands under a key. KeyError if nothing does."""


class MemoryIndex:
    """An index that is kept as it was compiled."""

    def __init__(
        self, kinds: Mapping[str, Mapping[str, Any]], traits: Mapping[str, Sequence[str]], fingerprint: str
    ) -> None:
        """`kinds` and `traits` as compile_index() makes them."""
        self.kinds = kinds
        self.all_traits = traits
        self._fingerprint = fingerprint

    @property
    def fingerprint(self) -> str:
        """A hash of the vendors that it was compiled from."""
        return self._fingerprint

    def traits(self, trait: str) -> Sequence[str]:
        """The ids of the vendors that have a trait."""
        return self.all_traits.get(trait, ())

    def keys(self, kind: str) -> Set[str]:
        """Every key of a kind."""
        return self.kinds[kind].keys()

    def read(self, kind: str, key: str) -> Any:
        """What stands under a key. KeyError if nothing does."""
        return self.kinds[kind][key]


def compile_index(vendors: Iterable[Vendor]) -> MemoryIndex:
    """The index of some vendors, whose order decides where several rules fit equally well."""
    return _Compiler().compile(tuple(vendors))


def stem(path: str) -> str:
    """The name by which self-hosted rules are indexed: the last segment up to its first dot."""
    return path[path.rfind("/") + 1 :].partition(".")[0]


def regex_of(signature: str) -> str | None:
    """The regular expression between the slashes of a signature string, or None if it is literal."""
    if len(signature) > 2 and signature[0] == signature[-1] == "/":
        return signature[1:-1]
    return None


def grams(code: str) -> set[str]:
    """Every run of letters by which a signature may be found in a script."""
    return {word[start : start + GRAM] for word in set(WORDS.findall(code)) for start in range(len(word) - GRAM + 1)}


def keys_of_name(name: str) -> list[str]:
    """The keys that a cookie's or storage key's name may stand under: itself, and each of its beginnings."""
    return [name, *(name[:length] + "*" for length in range(len(name) + 1))]


def key_of_pattern(pattern: str) -> str:
    """The key of a name with '*' in it: what stands before the first of them."""
    return pattern[: pattern.index("*") + 1] if "*" in pattern else pattern


def weight(path: str, query: str | None, attribute: str | None = None) -> int:
    """How specific a rule is: of two that fit, the heavier counts."""
    return len(path.replace("*", "")) + len(query or "") + len(attribute or "")


def label_of(vendor: Vendor, host: str, otherwise: str) -> str:
    """The category that a rule's host is usually listed under, by the longest of the vendor's domains around it."""
    bare = host.removeprefix("*.")
    around = [domain for domain in vendor.domains if within(bare, domain.domain)]
    return max(around, key=lambda domain: len(domain.domain)).label if around else otherwise


class _Compiler:
    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        self._traits: dict[str, list[str]] = {trait: [] for trait in _TRAITS}
        self._used: Counter[str] = Counter()
        self._number = 0

    def compile(self, vendors: Sequence[Vendor]) -> MemoryIndex:
        for vendor in vendors:
            self._add(vendor)
        for record in self._kinds[DOMAINS].values():
            for part in ("exact", "below"):
                if part in record:
                    self._sort(record[part])
        for kind in (LABELS, STEMS):
            for rules in self._kinds[kind].values():
                self._sort(rules)
        self._name_those_below()
        for kind in (DOMAINS, LABELS, STEMS, GRAMS, COOKIES, STORAGE):
            self._traits[QUIET + kind] = [key for key, record in self._kinds[kind].items() if _is_quiet(record)]
        fingerprint = hashlib.sha256(repr(vendors).encode("utf-8", "surrogatepass")).hexdigest()
        return MemoryIndex(self._kinds, self._traits, fingerprint)

    def _sort(self, rules: list[PathRecord]) -> None:
        """The most specific first, exemptions before all."""
        rules.sort(key=lambda rule: (bool(rule.exempt), weight(rule.path, rule.query, rule.attribute)), reverse=True)

    def _name_those_below(self) -> None:
        domains = self._kinds[DOMAINS]
        for key in domains:
            above = key.partition(".")[2]
            while above:
                if above in domains:
                    under = domains[above].setdefault("under", [])
                    if under is not None:
                        under.append(key)
                        if len(under) > _MOST_UNDER:
                            domains[above]["under"] = None
                above = above.partition(".")[2]

    def _add(self, vendor: Vendor) -> None:
        keys: dict[str, dict[str, None]] = {}

        def under(kind: str, key: str, empty: Any) -> Any:
            keys.setdefault(kind, {})[key] = None
            return self._kinds[kind].setdefault(key, empty)

        for domain in vendor.domains:
            if domain.scope == "host":
                record = WholeRecord(vendor.vendor, domain.domain, vendor.category, domain.label)
                under(DOMAINS, domain.domain, {})["whole"] = record
        for rule in _paths(vendor):
            host, path = rule
            if host == "*":
                under(STEMS, stem(path.path), []).append(path)
            elif host.endswith(".*"):
                under(LABELS, host[:-2], []).append(path)
            else:
                part = "below" if host.startswith("*.") else "exact"
                under(DOMAINS, host.removeprefix("*."), {}).setdefault(part, []).append(path)
        for snippet in vendor.snippets:
            signature = _snippet(self._next(), vendor, snippet)
            for gram in self._grams(signature):
                under(GRAMS, gram, []).append(signature)
        for cookie in vendor.cookies:
            category = cookie.category or vendor.category
            first = cookie.party == "first"
            known = CookieRecord(self._next(), cookie.name, first, vendor.vendor, category, cookie.purpose)
            under(COOKIES, key_of_pattern(cookie.name), []).append(known)
        for key in vendor.storage:
            kept = StorageRecord(self._next(), key.key, key.area, vendor.vendor, vendor.category)
            under(STORAGE, key_of_pattern(key.key), []).append(kept)
        sites = sorted({registrable_domain(domain.domain) for domain in vendor.domains})
        for site in sites:
            self._kinds[SITES].setdefault(site, []).append(vendor.vendor)
        owner = OwnerRecord(vendor.name, vendor.category, sites, {kind: list(found) for kind, found in keys.items()})
        self._kinds[OWNERS][vendor.vendor] = owner
        for name in dict.fromkeys(each.casefold() for each in (vendor.name, *vendor.aliases)):
            self._kinds[NAMES].setdefault(name, vendor.vendor)
        for trait, has in (
            (ROUTER, vendor.router is not None),
            (LISTED, vendor.tcf is not None or vendor.google_ac is not None),
            (TELLS, any(rule.tells for rule in vendor.requests)),
            (PAYLOADS, bool(vendor.payloads)),
            (BUNDLES, bool(vendor.bundle)),
            (TEMPLATES, bool(vendor.gtm)),
        ):
            if has:
                self._traits[trait].append(vendor.vendor)

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _grams(self, signature: SnippetRecord) -> Collection[str]:
        """By what a signature is found: of what must be there, that which fewest others are found by."""
        ways = [[literal] for literal in signature.literals] + [list(any_of) for any_of in signature.needles]
        found: list[tuple[int, list[str]]] = []
        for any_of in ways:
            runs = [[run for word in WORDS.findall(text) for run in _runs(word)] for text in any_of]
            if all(runs):
                chosen = [min(each, key=self._commonness) for each in runs]
                found.append((max(map(self._commonness, chosen)), chosen))
        best = dict.fromkeys(min(found)[1]) if found else {ANYWHERE: None}
        self._used.update(best.keys())
        return best

    def _commonness(self, gram: str) -> int:
        return self._used[gram] + (1_000_000 if gram in _COMMON else 0)


def _is_quiet(record: Any) -> bool:
    """Whether nothing in a record is ever held. (An exemption may stand before a rule for any host.)"""
    if isinstance(record, dict):
        whole = [record["whole"]] if "whole" in record else []
        return _is_quiet([*record.get("exact", ()), *record.get("below", ()), *whole])
    return all(each.category in ("", NECESSARY) and getattr(each, "label", NECESSARY) == NECESSARY for each in record)


def _runs(word: str) -> list[str]:
    return [word[start : start + GRAM] for start in range(len(word) - GRAM + 1)]


def _paths(vendor: Vendor) -> Iterable[tuple[str, PathRecord]]:
    """Every rule and exemption of a vendor, with its host."""
    for rule in vendor.requests:
        category = rule.category or vendor.category
        yield (
            rule.host,
            PathRecord(
                rule.path,
                rule.query,
                rule.attribute,
                vendor.vendor,
                rule.rule,
                rule.kind,
                category,
                label_of(vendor, rule.host, category),
                rule.what,
                "",
                rule.surrogate,
            ),
        )
    for each in vendor.exempt:
        label = label_of(vendor, each.host, vendor.category)
        yield (
            each.host,
            PathRecord(each.path, each.query, None, vendor.vendor, "exempt", "exempt", "", label, "", each.why, None),
        )


def _snippet(number: int, vendor: Vendor, snippet: Snippet) -> SnippetRecord:
    patterns = [pattern for text in snippet.all if (pattern := regex_of(text)) is not None]
    return SnippetRecord(
        number,
        [text for text in snippet.all if regex_of(text) is None],
        patterns,
        [sorted(found) for pattern in patterns if (found := needles(pattern))],
        vendor.vendor,
        snippet.rule,
        snippet.category or vendor.category,
        snippet.what,
    )
