"""The index: from a URL, an inline script or a cookie name to the vendor and rule behind it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from sys import getsizeof

from .domains import registrable_domain, within
from .model import Category, Cookie, Destination, Match, Snippet, Vendor
from .needles import needles
from .urls import PROTOCOLS, Parts, split

_REMEMBERED_HOSTS = 8192
_LONGEST_HOST = 253
# Inline scripts up to this size are remembered, and of all of them so many bytes.
_LARGEST_CODE, _REMEMBERED_CODES = 16_384, 4_194_304


@dataclass(frozen=True, slots=True)
class _PathRule:
    path: re.Pattern[str]
    query: re.Pattern[str] | None
    attribute: str | None
    match: Match
    weight: tuple[bool, int]

    def accepts(self, path: str, query: str, attributes: Collection[str]) -> bool:
        return (
            self.path.match(path) is not None
            and (self.query is None or self.query.search(query) is not None)
            and (self.attribute is None or self.attribute in attributes)
        )


@dataclass(frozen=True, slots=True)
class _HostRules:
    """All that can match on one host, most specific first."""

    paths: tuple[_PathRule, ...]
    whole: Match | None


_UNSEEN = _HostRules((), None)


@dataclass(frozen=True, slots=True)
class _Signature:
    literals: tuple[str, ...]
    needles: tuple[tuple[str, ...], ...]
    patterns: tuple[re.Pattern[str], ...]
    match: Match


@dataclass(frozen=True, slots=True)
class _CookieRule:
    match: Match
    first_party: bool


def glob(pattern: str) -> re.Pattern[str]:
    """Compile a path glob: '*' is any run of characters but '/', '**' any run of characters."""
    parts = (
        ".*" if part == "**" else "[^/]*" if part == "*" else re.escape(part)
        for part in re.split(r"(\*\*|\*)", pattern)
    )
    return re.compile("".join(parts) + r"\Z", re.DOTALL)


def stem(path: str) -> str:
    """The name by which self-hosted rules are indexed: the last segment up to its first dot."""
    return path[path.rfind("/") + 1 :].partition(".")[0]


def regex_of(signature: str) -> str | None:
    """The regular expression between the slashes of a signature string, or None if it is literal."""
    if len(signature) > 2 and signature[0] == signature[-1] == "/":
        return signature[1:-1]
    return None


def place(host: str, path: str) -> tuple[str, str]:
    """Where a rule for these patterns is indexed: 'exact', 'suffix', 'label' or 'any', and the key there."""
    if host == "*":
        return "any", stem(path)
    if host.endswith(".*"):
        return "label", host[:-2]
    return ("suffix", host[2:]) if host.startswith("*.") else ("exact", host)


def weight(path: str, query: str | None, attribute: str | None = None) -> int:
    """How specific a rule is: of two that fit, the heavier counts."""
    return len(path.replace("*", "")) + len(query or "") + len(attribute or "")


def label_of(vendor: Vendor, host: str, otherwise: str) -> str:
    """The category that a rule's host is usually listed under, by the longest of the vendor's domains around it."""
    bare = host.removeprefix("*.")
    around = [domain for domain in vendor.domains if within(bare, domain.domain)]
    return max(around, key=lambda domain: len(domain.domain)).label if around else otherwise


class Catalogue:
    """Every vendor, indexed. Immutable once built; safe to share between connections."""

    def __init__(
        self,
        vendors: Iterable[Vendor],
        categories: Iterable[Category] = (),
        surrogates: Mapping[str, str] | None = None,
        destinations: Iterable[Destination] = (),
    ) -> None:
        """Build the index. `surrogates` maps a surrogate's file name to its JavaScript."""
        self.vendors: dict[str, Vendor] = {vendor.vendor: vendor for vendor in vendors}
        self.categories: tuple[Category, ...] = tuple(categories)
        self.surrogates: dict[str, str] = dict(surrogates or {})
        # By router, and there by name.
        self.destinations: dict[str, dict[str, Destination]] = {}
        for each in destinations:
            self.destinations.setdefault(each.router, {})[each.name] = each
        self._exact: dict[str, list[_PathRule]] = {}
        self._suffix: dict[str, list[_PathRule]] = {}
        self._whole: dict[str, Match] = {}
        self._first_label: dict[str, list[_PathRule]] = {}
        self._any_host: dict[str, list[_PathRule]] = {}
        self._signatures: list[_Signature] = []
        self._cookies: dict[str, list[_CookieRule]] = {}
        self._cookie_globs: list[tuple[re.Pattern[str], _CookieRule]] = []
        for vendor in self.vendors.values():
            self._add(vendor)
        self._own_sites: dict[str, frozenset[str]] = {
            vendor.vendor: frozenset(registrable_domain(domain.domain) for domain in vendor.domains)
            for vendor in self.vendors.values()
        }
        self._hosts: dict[str, _HostRules | None] = {}
        self._codes: dict[str, tuple[Match, ...]] = {}
        self._codes_size = 0

    @property
    def matches(self) -> tuple[Match, ...]:
        """Every match that a request or an inline script can have, exemptions aside."""
        indexes = (self._exact, self._suffix, self._first_label, self._any_host)
        rules = (rule for index in indexes for bucket in index.values() for rule in bucket)
        return (
            *self._whole.values(),
            *(rule.match for rule in rules if not rule.match.exempt),
            *(signature.match for signature in self._signatures),
        )

    def match(self, url: str, *, site: str | None = None, attributes: Collection[str] = ()) -> Match | None:
        """What the catalogue says of an absolute URL; None if no vendor is behind it.

        `site` is the registrable domain of the page that asks: a vendor's own site is no place where it
        tracks for others. `attributes` are the names of the tag's attributes where there is a tag.
        """
        # Nearly every address is on a host that was seen before and has no vendor: three look-ups say so.
        try:
            scheme, nothing, host, rest = url.split("/", 3)
        except ValueError:
            pass
        else:
            if (
                self._hosts.get(host, _UNSEEN) is None
                and not nothing
                and (scheme == "https:" or scheme in PROTOCOLS)
                and "#" not in rest
                and "\\" not in rest
                and "\t" not in rest
                and "\n" not in rest
                and "\r" not in rest
                and rest.partition("?")[0].rpartition("/")[2].partition(".")[0] not in self._any_host
            ):
                return None
        parts = split(url)
        return None if parts is None else self._find(parts, self._rules_for(parts.host), site, attributes)

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
        found: dict[str, Match] = {}
        for signature in self._signatures:
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
        for rule in self._cookies.get(name, ()):
            if self._sets(rule, host):
                return rule.match
        for pattern, rule in self._cookie_globs:
            if pattern.match(name) and self._sets(rule, host):
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
        return [] if any(site in self._own_sites[each.vendor] for each in found) else found

    def knows_host(self, host: str) -> bool:
        """Whether something is catalogued on this very host, and not only wherever it may be served."""
        return self._rules_for(host) is not None

    def names_anywhere(self) -> frozenset[str]:
        """The stems (see `stem`) of what is catalogued on whatever host it is served from."""
        return frozenset(self._any_host)

    def shapes_anywhere(self) -> frozenset[str]:
        """Regular expressions of paths by which a router's settings and events are known on whatever host."""
        routers = [vendor.router for vendor in self.vendors.values() if vendor.router]
        shapes = (shape for router in routers for shape in (router.shape, router.events.shape))
        return frozenset(shape.path for shape in shapes if shape)

    def owns(self, vendor: str, site: str) -> bool:
        """Whether a registrable domain is one of the vendor's own sites."""
        return site in self._own_sites[vendor]

    def vendor_named(self, name: str) -> Vendor | None:
        """The vendor with this id, name or alias, whatever the case; None if there is none."""
        wanted = name.casefold()
        if wanted in self.vendors:
            return self.vendors[wanted]
        for vendor in self.vendors.values():
            if wanted in {vendor.name.casefold(), *(alias.casefold() for alias in vendor.aliases)}:
                return vendor
        return None

    def surrogate_for(self, match: Match) -> str:
        """The JavaScript that answers in place of a vendor's script; a comment where it needs none."""
        name = match.surrogate or (self.vendors[match.vendor].surrogate if match.kind == "script" else None)
        return self.surrogates[name] if name else "/* held by Consentry */"

    def _find(
        self, parts: Parts, rules: _HostRules | None, site: str | None, attributes: Collection[str]
    ) -> Match | None:
        _, path, query = parts
        found = None
        if rules is not None:
            for rule in rules.paths:
                if rule.accepts(path, query, attributes):
                    found = rule.match
                    break
            else:
                found = rules.whole
        if found is None:
            for rule in self._any_host.get(stem(path), ()):
                if rule.accepts(path, query, attributes):
                    return rule.match
            return None
        if site and not found.exempt and site in self._own_sites[found.vendor]:
            return replace(found, exempt="the visitor is on the vendor's own site")
        return found

    def _rules_for(self, host: str) -> _HostRules | None:
        try:
            return self._hosts[host]
        except KeyError:
            pass
        rules = list(self._exact.get(host, ()))
        whole = None
        suffix = host
        while suffix:
            rules += self._suffix.get(suffix, ())
            whole = self._whole.get(suffix)
            if whole is not None:
                break
            suffix = suffix.partition(".")[2]
        if whole is None:
            rules += self._first_label.get(host.partition(".")[0], ())
        found = _HostRules(tuple(rules), whole) if rules or whole else None
        if len(host) <= _LONGEST_HOST:
            if len(self._hosts) >= _REMEMBERED_HOSTS:
                self._hosts.clear()
            self._hosts[host] = found
        return found

    def _add(self, vendor: Vendor) -> None:
        for domain in vendor.domains:
            if domain.scope == "host":
                self._whole[domain.domain] = Match(
                    vendor.vendor, domain.domain, "domain", (vendor.category,), domain.label
                )
        for rule in vendor.requests:
            category = rule.category or vendor.category
            label = label_of(vendor, rule.host, category)
            match = Match(vendor.vendor, rule.rule, rule.kind, (category,), label, rule.what, surrogate=rule.surrogate)
            self._add_path(rule.host, rule.path, rule.query, rule.attribute, match)
        for exemption in vendor.exempt:
            label = label_of(vendor, exemption.host, vendor.category)
            match = Match(vendor.vendor, "exempt", "exempt", (), label, exempt=exemption.why)
            self._add_path(exemption.host, exemption.path, exemption.query, None, match)
        for snippet in vendor.snippets:
            self._signatures.append(_signature(vendor, snippet))
        for cookie in vendor.cookies:
            self._add_cookie(vendor, cookie)

    def _add_path(self, host: str, path: str, query: str | None, attribute: str | None, match: Match) -> None:
        rule = _PathRule(
            path=glob(path),
            query=re.compile(query) if query is not None else None,
            attribute=attribute,
            match=match,
            weight=(bool(match.exempt), weight(path, query, attribute)),
        )
        name, key = place(host, path)
        index = {"exact": self._exact, "suffix": self._suffix, "label": self._first_label, "any": self._any_host}[name]
        bucket = index.setdefault(key, [])
        bucket.append(rule)
        bucket.sort(key=lambda each: each.weight, reverse=True)

    def _sets(self, rule: _CookieRule, host: str | None) -> bool:
        return rule.first_party or host is None or self.owns(rule.match.vendor, registrable_domain(host))

    def _add_cookie(self, vendor: Vendor, cookie: Cookie) -> None:
        category = cookie.category or vendor.category
        match = Match(vendor.vendor, cookie.name, "cookie", (category,), category, cookie.purpose)
        rule = _CookieRule(match, cookie.party == "first")
        if "*" in cookie.name:
            pattern = re.compile(".*".join(map(re.escape, cookie.name.split("*"))) + r"\Z", re.DOTALL)
            self._cookie_globs.append((pattern, rule))
        else:
            self._cookies.setdefault(cookie.name, []).append(rule)


def _fits(signature: _Signature, code: str) -> bool:
    return (
        all(literal in code for literal in signature.literals)
        and all(any(needle in code for needle in any_of) for any_of in signature.needles)
        and all(pattern.search(code) for pattern in signature.patterns)
    )


def _signature(vendor: Vendor, snippet: Snippet) -> _Signature:
    category = snippet.category or vendor.category
    patterns = [pattern for text in snippet.all if (pattern := regex_of(text)) is not None]
    return _Signature(
        literals=tuple(text for text in snippet.all if regex_of(text) is None),
        needles=tuple(tuple(found) for pattern in patterns if (found := needles(pattern))),
        patterns=tuple(re.compile(pattern) for pattern in patterns),
        match=Match(vendor.vendor, snippet.rule, "snippet", (category,), category, snippet.what),
    )
