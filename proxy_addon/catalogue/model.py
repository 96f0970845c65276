"""Frozen values of the catalogue: what a vendor file says, and what a match says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain that a vendor tracks on, subdomains included."""

    domain: str
    label: str
    scope: str = "host"


@dataclass(frozen=True, slots=True)
class RequestRule:
    """Recognises a request by host and path glob, and optionally by query or tag attribute."""

    rule: str
    kind: str
    host: str
    path: str
    what: str
    query: str | None = None
    attribute: str | None = None
    category: str | None = None
    surrogate: str | None = None


@dataclass(frozen=True, slots=True)
class Exemption:
    """Requests to a vendor's domain that are not tracking."""

    host: str
    path: str
    why: str
    query: str | None = None


@dataclass(frozen=True, slots=True)
class Snippet:
    """The signature of an inline script: every string of `all` must be found in it."""

    rule: str
    all: tuple[str, ...]
    what: str
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie that a vendor sets; `*` in the name is any run of characters."""

    name: str
    party: str
    lifetime: str
    purpose: str
    category: str | None = None


@dataclass(frozen=True, slots=True)
class StorageKey:
    """A web-storage key that a vendor writes; `*` in the key is any run of characters."""

    key: str
    area: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question that people ask about a vendor, and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class MatchExample:
    """A URL that must match, and the rule that must say so."""

    url: str
    rule: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SnippetExample:
    """An inline script that must match, and the rule that must say so."""

    rule: str
    code: str


@dataclass(frozen=True, slots=True)
class Examples:
    """What a vendor file claims about itself; the tests run every line."""

    match: tuple[MatchExample, ...] = ()
    passes: tuple[str, ...] = ()
    snippets: tuple[SnippetExample, ...] = ()
    pass_snippets: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    pass_cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor file."""

    vendor: str
    name: str
    owner: str
    website: str
    category: str
    overview: str
    examples: Examples
    aliases: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    script: str = ""
    domains: tuple[Domain, ...] = ()
    requests: tuple[RequestRule, ...] = ()
    exempt: tuple[Exemption, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    cookies: tuple[Cookie, ...] = ()
    storage: tuple[StorageKey, ...] = ()
    globals: tuple[str, ...] = ()
    stub: str = ""
    withdraw: str = ""
    surrogate: str | None = None
    tells_consent: bool = False
    tcf: int | None = None
    google_ac: int | None = None
    listed_for: tuple[str, ...] = ()
    law: Mapping[str, str] = field(default_factory=dict)
    block_without_consent: str = ""
    questions: tuple[Question, ...] = ()
    related: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def categories(self) -> frozenset[str]:
        """Every category that something of this vendor needs."""
        found = [self.category, *(each.category for each in self.requests), *(each.category for each in self.snippets)]
        return frozenset(name for name in (*found, *(each.category for each in self.cookies)) if name)


@dataclass(frozen=True, slots=True)
class Category:
    """A consent category."""

    category: str
    title: str
    what: str


@dataclass(frozen=True, slots=True)
class Match:
    """What the catalogue says of a URL, an inline script or a cookie.

    `categories` are those that must all be granted. `label` is the category that the domain is
    usually listed under. `exempt` is empty, or says why this is no tracking.
    """

    vendor: str
    rule: str
    kind: str
    categories: tuple[str, ...]
    label: str
    what: str = ""
    exempt: str = ""
    surrogate: str | None = None
