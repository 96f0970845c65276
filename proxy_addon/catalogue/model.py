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
    tells: str = ""


@dataclass(frozen=True, slots=True)
class Payload:
    """Recognises a request on any host by what is sent: by path glob, query, and strings that its body must hold."""

    rule: str
    path: str
    what: str
    query: str | None = None
    body: tuple[str, ...] = ()
    category: str | None = None


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
class PayloadExample:
    """A request by its address and body, and the payload rule that must say whose it is; '' for nobody's."""

    url: str
    rule: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Examples:
    """What a vendor file claims about itself; the tests run every line."""

    match: tuple[MatchExample, ...] = ()
    passes: tuple[str, ...] = ()
    snippets: tuple[SnippetExample, ...] = ()
    pass_snippets: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    pass_cookies: tuple[str, ...] = ()
    payloads: tuple[PayloadExample, ...] = ()
    pass_payloads: tuple[PayloadExample, ...] = ()


@dataclass(frozen=True, slots=True)
class Connected:
    """A place in a router's settings where destinations are listed.

    `at` is the way there, by names of members. `form` says what stands there: `keys` (an object whose keys are the
    destinations' names), `items` (a list of objects, each named by the first of its members `name` that is a text)
    or `names` (a list of texts).
    """

    at: tuple[str, ...]
    form: str
    name: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """How a router's JSON is recognised on a host that no rule names: by its path, and members that must be there."""

    path: str
    has: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Events:
    """How a router's requests carry events, and how an event carries switches and the visitor's preferences."""

    rules: tuple[str, ...]
    switches: str
    marks: tuple[str, ...]
    # Rules of requests that carry what cannot be filtered.
    drop: tuple[str, ...] = ()
    # The member that holds several events at once, and the switch that stands for every destination not named.
    batch: str = ""
    all: str = ""
    # The way to the visitor's preferences, and which category a site's own names for them stand for, in lower case.
    preferences: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    # The member that holds the source's key, that which says what kind of event it is, and those that title it.
    key: str = ""
    kind: str = ""
    title: tuple[str, ...] = ()
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class Router:
    """What makes a vendor a router: where its destinations are listed, and how its events name them.

    `settings` and `listings` are rules of answers that say what is connected: the first also tell its script what to
    load and are filtered, the second list everything and are only read. `ask` are addresses of both, with `{key}` for
    the source's key, which `key` finds in URLs and inline scripts. `itself` is the router's own entry among them.
    """

    settings: tuple[str, ...]
    connected: tuple[Connected, ...]
    events: Events
    listings: tuple[str, ...] = ()
    listed: tuple[Connected, ...] = ()
    itself: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    shape: Shape | None = None
    grown: str = ""
    shrunk: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """What is known of one destination that a router forwards to. `vendor` is its file in the catalogue, if any."""

    router: str
    name: str
    category: str
    vendor: str | None = None
    mode: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    why: str = ""


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
    payloads: tuple[Payload, ...] = ()
    exempt: tuple[Exemption, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    cookies: tuple[Cookie, ...] = ()
    storage: tuple[StorageKey, ...] = ()
    globals: tuple[str, ...] = ()
    bundle: tuple[str, ...] = ()
    gtm: tuple[str, ...] = ()
    stub: str = ""
    withdraw: str = ""
    surrogate: str | None = None
    tells_consent: bool = False
    tcf: int | None = None
    google_ac: int | None = None
    listed_for: tuple[str, ...] = ()
    router: Router | None = None
    law: Mapping[str, str] = field(default_factory=dict)
    block_without_consent: str = ""
    questions: tuple[Question, ...] = ()
    related: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def categories(self) -> frozenset[str]:
        """Every category that something of this vendor needs."""
        found = [self.category, *(each.category for each in self.requests), *(each.category for each in self.snippets)]
        found += [each.category for each in self.payloads]
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
