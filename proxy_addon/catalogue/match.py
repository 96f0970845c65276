"""From a URL, an inline script or a cookie name to the vendor and rule behind it, by the index."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from sys import getsizeof
from typing import Any, Generic, TypeVar

from . import index as kinds
from .domains import registrable_domain
from .index import (
    ANYWHERE,
    CookieRecord,
    Index,
    OwnerRecord,
    PathRecord,
    SnippetRecord,
    WholeRecord,
    compile_index,
    grams,
    keys_of_name,
    stem,
)
from .model import Category, Destination, Match, Vendor
from .urls import PROTOCOLS, is_plain, split

_T = TypeVar("_T")
_REMEMBERED_HOSTS = 8192
# So many records of a kind are kept as values once they were asked for.
_MADE = 4096
_LONGEST_HOST = 253
_REMEMBERED_PATHS, _LONGEST_ADDRESS = 4096, 512
# Inline scripts up to this size are remembered, and of all of them so many bytes.
_LARGEST_CODE, _REMEMBERED_CODES = 16_384, 4_194_304
# Of a longer name only so much is looked for as the beginning of a pattern.
_LONGEST_NAME = 256


class _Records(Generic[_T]):
    """The records of one kind, each made into a value when it is first asked for."""

    def __init__(self, index: Index, kind: str, make: Callable[[Any], _T]) -> None:
        self.keys = index.keys(kind)
        self._index, self._kind, self._make = index, kind, make
        self._made: dict[str, _T] = {}

    def get(self, key: str) -> _T | None:
        found = self._made.get(key)
        if found is None and key in self.keys:
            if len(self._made) >= _MADE:
                self._made.clear()
            found = self._made[key] = self._make(self._index.read(self._kind, key))
        return found

    def all(self) -> Iterator[_T]:
        for key in self.keys:
            yield self._make(self._index.read(self._kind, key))


@dataclass(frozen=True, slots=True)
class _PathRule:
    path: re.Pattern[str]
    query: re.Pattern[str] | None
    attribute: str | None
    match: Match

    def accepts(self, query: str, attributes: Collection[str]) -> bool:
        """Whether it fits, its path aside."""
        return (self.query is None or self.query.search(query) is not None) and (
            self.attribute is None or self.attribute in attributes
        )


@dataclass(frozen=True, slots=True)
class _Domain:
    exact: tuple[_PathRule, ...]
    below: tuple[_PathRule, ...]
    whole: Match | None


@dataclass(frozen=True, slots=True)
class _HostRules:
    """All that can match on one host, most specific first."""

    paths: tuple[_PathRule, ...]
    whole: Match | None


_UNSEEN = _HostRules((), None)


@dataclass(frozen=True, slots=True)
class _PathRules:
    """All that can match on one path of a host, most specific first, and what can wherever it is served."""

    here: tuple[_PathRule, ...]
    whole: Match | None
    anywhere: tuple[_PathRule, ...]


@dataclass(frozen=True, slots=True)
class _Signature:
    number: int
    literals: Sequence[str]
    needles: Sequence[Sequence[str]]
    patterns: tuple[re.Pattern[str], ...]
    match: Match


@dataclass(frozen=True, slots=True)
class _CookieRule:
    number: int
    pattern: re.Pattern[str] | None
    first_party: bool
    match: Match


def glob(pattern: str) -> re.Pattern[str]:
    """Compile a path glob: '*' is any run of characters but '/', '**' any run of characters."""
    parts = (
        ".*" if part == "**" else "[^/]*" if part == "*" else re.escape(part)
        for part in re.split(r"(\*\*|\*)", pattern)
    )
    return re.compile("".join(parts) + r"\Z", re.DOTALL)


class Catalogue:
    """Every vendor, indexed. Immutable once built; safe to share between connections."""

    def __init__(
        self,
        vendors: Iterable[Vendor],
        categories: Iterable[Category] = (),
        surrogates: Mapping[str, str] | None = None,
        destinations: Iterable[Destination] = (),
    ) -> None:
        """Compile the index. `surrogates` maps a surrogate's file name to its JavaScript."""
        known = {vendor.vendor: vendor for vendor in vendors}
        self._fill(compile_index(known.values()), known, categories, surrogates or {}, destinations)

    @classmethod
    def compiled(
        cls,
        index: Index,
        vendors: Mapping[str, Vendor],
        categories: Iterable[Category],
        surrogates: Mapping[str, str],
        destinations: Iterable[Destination],
    ) -> Catalogue:
        """A catalogue whose index is there already, and whose vendors may be read when they are asked for."""
        made = cls.__new__(cls)
        made._fill(index, vendors, categories, surrogates, destinations)
        return made

    def _fill(
        self,
        index: Index,
        vendors: Mapping[str, Vendor],
        categories: Iterable[Category],
        surrogates: Mapping[str, str],
        destinations: Iterable[Destination],
    ) -> None:
        self.index = index
        self.vendors = vendors
        self.categories: tuple[Category, ...] = tuple(categories)
        self.surrogates: dict[str, str] = dict(surrogates)
        # By router, and there by name.
        self.destinations: dict[str, dict[str, Destination]] = {}
        for each in destinations:
            self.destinations.setdefault(each.router, {})[each.name] = each
        self._domains: _Records[_Domain] = _Records(index, kinds.DOMAINS, _domain)
        self._labels: _Records[tuple[_PathRule, ...]] = _Records(index, kinds.LABELS, _path_rules)
        self._stems: _Records[tuple[_PathRule, ...]] = _Records(index, kinds.STEMS, _path_rules)
        self._signatures: _Records[tuple[_Signature, ...]] = _Records(index, kinds.GRAMS, _signatures)
        self._cookies: _Records[tuple[_CookieRule, ...]] = _Records(index, kinds.COOKIES, _cookie_rules)
        self._sites: _Records[frozenset[str]] = _Records(index, kinds.SITES, frozenset)
        self._any_host = self._stems.keys
        self._hosts: dict[str, _HostRules | None] = {}
        # By all of an address but its query, for hosts on which something is catalogued.
        self._paths: dict[str, _PathRules] = {}
        self._codes: dict[str, tuple[Match, ...]] = {}
        self._codes_size = 0

    @property
    def matches(self) -> tuple[Match, ...]:
        """Every match that a request or an inline script can have, exemptions aside."""
        domains = tuple(self._domains.all())
        rules = [rule for each in domains for rule in (*each.exact, *each.below)]
        rules += [rule for records in (self._labels, self._stems) for bucket in records.all() for rule in bucket]
        signatures = {each.number: each.match for bucket in self._signatures.all() for each in bucket}
        return (
            *(each.whole for each in domains if each.whole),
            *(rule.match for rule in rules if not rule.match.exempt),
            *signatures.values(),
        )

    def having(self, trait: str) -> list[Vendor]:
        """The vendors that have a trait: see catalogue.index."""
        return [self.vendors[name] for name in self.index.traits(trait)]

    @property
    def sites(self) -> Collection[str]:
        """Every registrable domain that is a vendor's own."""
        return self._sites.keys

    def match(self, url: str, *, site: str | None = None, attributes: Collection[str] = ()) -> Match | None:
        """What the catalogue says of an absolute URL; None if no vendor is behind it.

        `site` is the registrable domain of the page that asks: a vendor's own site is no place where it
        tracks for others. `attributes` are the names of the tag's attributes where there is a tag.
        """
        # Nearly every address is on a host that was seen before and has no vendor, or is asked for again with another
        # query: a few look-ups say so.
        try:
            scheme, nothing, host, rest = url.split("/", 3)
        except ValueError:
            return self._match(url, site, attributes)
        if (
            not nothing
            and (scheme == "https:" or scheme in PROTOCOLS)
            and "#" not in rest
            and "\\" not in rest
            and "\t" not in rest
            and "\n" not in rest
            and "\r" not in rest
        ):
            if self._hosts.get(host, _UNSEEN) is None:
                if rest.partition("?")[0].rpartition("/")[2].partition(".")[0] not in self._any_host:
                    return None
            elif (known := self._paths.get(url.partition("?")[0])) is not None and url[-1] > " ":
                return self._first(known, rest.partition("?")[2], site, attributes)
        return self._match(url, site, attributes)

    def _match(self, url: str, site: str | None, attributes: Collection[str]) -> Match | None:
        parts = split(url)
        if parts is None:
            return None
        rules = self._rules_for(parts.host)
        found = self._on_path(rules, parts.path)
        address = url.partition("?")[0]
        # Only of an address that is read as it is written is the path known without its query.
        if rules is not None and len(address) <= _LONGEST_ADDRESS and is_plain(address):
            if len(self._paths) >= _REMEMBERED_PATHS:
                self._paths.clear()
            self._paths[address] = found
        return self._first(found, parts.query, site, attributes)

    def match_snippets(self, code: str) -> tuple[Match, ...]:
        """The vendors whose snippets an inline script holds: one script may hold several."""
        # The same snippets stand on every page of a site.
        known = self._codes.get(code)
        if known is None:
            known = self._search_snippets(code)
            self._remember(code, known)
        return known

    def _remember(self, code: str, found: tuple[Match, ...]) -> None:
        size = getsizeof(code)
        if size > _LARGEST_CODE:
            return
        # Threads that come here at once may count a script twice or not at all: the bound need not be exact.
        if self._codes_size + size > _REMEMBERED_CODES:
            self._codes.clear()
            self._codes_size = 0
        self._codes[code] = found
        self._codes_size += size

    def _search_snippets(self, code: str) -> tuple[Match, ...]:
        near: dict[int, _Signature] = {}
        for gram in (ANYWHERE, *(self._signatures.keys & grams(code))):
            near |= {signature.number: signature for signature in self._signatures.get(gram) or ()}
        found: dict[str, Match] = {}
        for number in sorted(near):
            signature = near[number]
            if _fits(signature, code):
                found.setdefault(f"{signature.match.vendor} {signature.match.rule}", signature.match)
        return tuple(found.values())

    def match_snippet(self, code: str) -> Match | None:
        """The first of match_snippets(), or None."""
        found = self.match_snippets(code)
        return found[0] if found else None

    def match_cookie(self, name: str, *, host: str | None = None) -> Match | None:
        """The vendor that sets a cookie of this name, or None.

        With the `host` that sets it, a cookie which the vendor keeps on its own domain counts only there: a site
        may well have one of the same name.
        """
        for rule in self._cookies.get(name) or ():
            if self._sets(rule, host):
                return rule.match
        globs = [rule for key in keys_of_name(name[:_LONGEST_NAME])[1:] for rule in self._cookies.get(key) or ()]
        for rule in sorted(globs, key=lambda each: each.number):
            if rule.pattern and rule.pattern.match(name) and self._sets(rule, host):
                return rule.match
        return None

    def match_host(self, url: str, *, site: str | None = None) -> list[Match]:
        """Everything that can match on a URL's host, a vendor's own site aside."""
        parts = split(url)
        rules = self._rules_for(parts.host) if parts else None
        if rules is None:
            return []
        found = [rule.match for rule in rules.paths if not rule.match.exempt]
        found += [rules.whole] if rules.whole else []
        return [] if site and any(self.owns(each.vendor, site) for each in found) else found

    def match_whole(self, url: str) -> Match | None:
        """The vendor whose domain as a whole a URL's host lies in, read from the index itself, or None."""
        parts = split(url)
        suffix = parts.host if parts else ""
        while suffix:
            record = self.index.read(kinds.DOMAINS, suffix) if suffix in self.index.keys(kinds.DOMAINS) else {}
            if "whole" in record:
                return _whole(record["whole"])
            suffix = suffix.partition(".")[2]
        return None

    def owner(self, vendor: str) -> OwnerRecord:
        """What matching needs of a vendor. KeyError if there is none of this id."""
        return OwnerRecord(*self.index.read(kinds.OWNERS, vendor))

    def knows_host(self, host: str) -> bool:
        """Whether something is catalogued on this very host, and not only wherever it may be served."""
        return self._rules_for(host) is not None

    def names_anywhere(self) -> frozenset[str]:
        """The stems (see `stem`) of what is catalogued on whatever host it is served from."""
        return frozenset(self._any_host)

    def shapes_anywhere(self) -> frozenset[str]:
        """Regular expressions of paths by which a router's settings and events are known on whatever host."""
        routers = [vendor.router for vendor in self.having(kinds.ROUTER) if vendor.router]
        shapes = (shape for router in routers for shape in (router.shape, router.events.shape))
        return frozenset(shape.path for shape in shapes if shape)

    def owns(self, vendor: str, site: str) -> bool:
        """Whether a registrable domain is one of the vendor's own sites."""
        return vendor in (self._sites.get(site) or ())

    def vendor_named(self, name: str) -> Vendor | None:
        """The vendor with this id, name or alias, whatever the case; None if there is none."""
        wanted = name.casefold()
        if wanted in self.vendors:
            return self.vendors[wanted]
        try:
            return self.vendors[self.index.read(kinds.NAMES, wanted)]
        except KeyError:
            return None

    def surrogate_for(self, match: Match) -> str:
        """The JavaScript that answers in place of a vendor's script; a comment where it needs none."""
        name = match.surrogate or (self.vendors[match.vendor].surrogate if match.kind == "script" else None)
        return self.surrogates[name] if name else "/* held by Consentry */"

    def _on_path(self, rules: _HostRules | None, path: str) -> _PathRules:
        here = tuple(rule for rule in rules.paths if rule.path.match(path)) if rules else ()
        anywhere = tuple(rule for rule in self._stems.get(stem(path)) or () if rule.path.match(path))
        return _PathRules(here, rules.whole if rules else None, anywhere)

    def _first(self, rules: _PathRules, query: str, site: str | None, attributes: Collection[str]) -> Match | None:
        found = rules.whole
        for rule in rules.here:
            if rule.accepts(query, attributes):
                found = rule.match
                break
        if found is None:
            for rule in rules.anywhere:
                if rule.accepts(query, attributes):
                    return rule.match
            return None
        if site is not None and site in self._sites.keys and not found.exempt and self.owns(found.vendor, site):
            return replace(found, exempt="the visitor is on the vendor's own site")
        return found

    def _rules_for(self, host: str) -> _HostRules | None:
        try:
            return self._hosts[host]
        except KeyError:
            pass
        known = self._domains.get(host)
        rules = list(known.exact) if known else []
        whole = None
        suffix = host
        while suffix:
            known = self._domains.get(suffix)
            if known:
                rules += known.below
                whole = known.whole
                if whole is not None:
                    break
            suffix = suffix.partition(".")[2]
        if whole is None:
            rules += self._labels.get(host.partition(".")[0]) or ()
        found = _HostRules(tuple(rules), whole) if rules or whole else None
        if len(host) <= _LONGEST_HOST:
            if len(self._hosts) >= _REMEMBERED_HOSTS:
                self._hosts.clear()
            self._hosts[host] = found
        return found

    def _sets(self, rule: _CookieRule, host: str | None) -> bool:
        return rule.first_party or host is None or self.owns(rule.match.vendor, registrable_domain(host))


def _fits(signature: _Signature, code: str) -> bool:
    return (
        all(literal in code for literal in signature.literals)
        and all(any(needle in code for needle in any_of) for any_of in signature.needles)
        and all(pattern.search(code) for pattern in signature.patterns)
    )


def _domain(record: Mapping[str, Any]) -> _Domain:
    return _Domain(
        _path_rules(record.get("exact", ())),
        _path_rules(record.get("below", ())),
        _whole(record["whole"]) if "whole" in record else None,
    )


def _whole(record: Sequence[Any]) -> Match:
    whole = WholeRecord(*record)
    return Match(whole.vendor, whole.domain, "domain", (whole.category,), whole.label)


def _path_rules(records: Iterable[Sequence[Any]]) -> tuple[_PathRule, ...]:
    return tuple(_path_rule(PathRecord(*record)) for record in records)


def _path_rule(record: PathRecord) -> _PathRule:
    return _PathRule(
        path=glob(record.path),
        query=re.compile(record.query) if record.query is not None else None,
        attribute=record.attribute,
        match=Match(
            record.vendor,
            record.rule,
            record.kind,
            (record.category,) if record.category else (),
            record.label,
            record.what,
            exempt=record.exempt,
            surrogate=record.surrogate,
        ),
    )


def _signatures(records: Iterable[Sequence[Any]]) -> tuple[_Signature, ...]:
    return tuple(_signature(SnippetRecord(*record)) for record in records)


def _signature(record: SnippetRecord) -> _Signature:
    category = record.category
    return _Signature(
        record.number,
        record.literals,
        record.needles,
        tuple(re.compile(pattern) for pattern in record.patterns),
        Match(record.vendor, record.rule, "snippet", (category,), category, record.what),
    )


def _cookie_rules(records: Iterable[Sequence[Any]]) -> tuple[_CookieRule, ...]:
    return tuple(_cookie_rule(CookieRecord(*record)) for record in records)


def _cookie_rule(record: CookieRecord) -> _CookieRule:
    pattern = None
    if "*" in record.name:
        pattern = re.compile(".*".join(map(re.escape, record.name.split("*"))) + r"\Z", re.DOTALL)
    match = Match(record.vendor, record.name, "cookie", (record.category,), record.category, record.purpose)
    return _CookieRule(record.number, pattern, record.first_party, match)
