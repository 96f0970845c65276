"""One exchange, from request to response, in words that no proxy owns.

An adapter (addon.py, and whatever stands beside it later) hands over what it sees and does what it is told:
`visit_*` says who asks, `request` judges what is asked for, `response` prepares what comes back.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from . import ledger
from .answer import Answer, answer_for, destination
from .browser.runtime import compile_runtime
from .catalogue.domains import registrable_domain, within
from .catalogue.match import Catalogue
from .catalogue.model import Match
from .config import ENFORCE, Site
from .consent.model import Consent
from .consent.signals import Reader
from .judge import PageJudge
from .ledger import Evidence, Sink
from .policy import Verdict, decide
from .rewrite import coding
from .rewrite.document import Document, Injection, form
from .rewrite.headers import Headers, allow_nonce, hold_cookies, hold_links, page_nonce
from .visitors import Client, Visitors

_PAGES = frozenset({"document", "iframe", "frame", "embed", "object", "fencedframe"})
_MOST_RUNTIMES = 256
# Validators and digests of a body that is about to change, and ranges of it.
_OUTDATED = ("content-length", "accept-ranges", "digest", "content-md5", "repr-digest", "content-digest")
_VALIDATORS = ("etag", "last-modified", "age", "expires")


@dataclass(slots=True)
class Visit:
    """Who asks: the site the visitor is on, how it is treated, and what the visitor said there."""

    site: Site
    first_party: str
    page: str
    consent: Consent
    forward: bool
    client: Client | None = None

    @property
    def enforces(self) -> bool:
        """Whether verdicts are acted on, or only recorded."""
        return self.site.mode == ENFORCE


class Body(Protocol):
    """A response body on its way through."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What can be sent on after the next bytes."""

    def close(self) -> Iterator[bytes]:
        """The rest, at the end."""


@dataclass(frozen=True, slots=True)
class _Runtime:
    """For one consent under one regime: whether anything can be held at all, and the script for pages."""

    holds: bool
    code: str


class _Tap:
    """Passes a body as it is, while the document is read on the side."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def feed(self, data: bytes) -> Iterator[bytes]:
        for _ in self._document.feed(data):
            pass
        yield data

    def close(self) -> Iterator[bytes]:
        yield from (b"" for _ in self._document.close())


class Engine:
    """Judges and rewrites for every site, with one catalogue and one sink for the evidence."""

    def __init__(
        self,
        catalogue: Catalogue,
        default: Site,
        sites: Mapping[str, Site],
        sink: Sink,
        *,
        keep_query: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`sites` are those that differ from `default`, by origin and by registrable domain."""
        self.catalogue = catalogue
        self._default = default
        self._sites = dict(sites)
        self._sink = sink
        self._keep_query = keep_query
        self._clock = clock
        self._visitors = Visitors()
        self._readers = {site.consent_cookie: Reader(site.consent_cookie) for site in (default, *sites.values())}
        self._runtimes: dict[object, _Runtime] = {}

    # Who asks

    def visit_reverse(self, origin: str, url: str, fields: Mapping[str, str]) -> Visit:
        """A request of the site itself, whose cookies it carries. `origin` is the site's own."""
        host = urlsplit(origin).hostname or ""
        site = self._sites.get(origin) or self._sites.get(registrable_domain(host)) or self._default
        consent = self._read(site, fields)
        page = url if destination(fields, "") in _PAGES else fields.get("referer", "")
        return Visit(site, registrable_domain(host), page, consent, forward=False)

    def visit_forward(self, address: str, url: str, host: str, fields: Mapping[str, str]) -> Visit:
        """Any request of a browser, whose first party has to be found out."""
        client = (address, fields.get("user-agent", ""))
        wanted = destination(fields, urlsplit(url).path)
        first_party = self._visitors.first_party(
            client, host=host, destination=wanted, origin=fields.get("origin", ""), referer=fields.get("referer", "")
        )
        site = self._sites.get(first_party, self._default)
        own = registrable_domain(host) == first_party
        if wanted == "document":
            self._visitors.visits(client, first_party)
        said = self._read(site, fields) if own else None
        if said is not None and (said.decided or wanted == "document"):
            self._visitors.learn(client, first_party, said)
        known = self._visitors.consent(client, first_party)
        consent = known if known is not None else said if said is not None else self._read(site, {})
        if fields.get("sec-gpc", "").strip() == "1" and not consent.gpc:
            consent = self._readers[site.consent_cookie].with_gpc(consent)
        page = url if wanted in _PAGES else fields.get("referer", "")
        return Visit(site, first_party, page, consent, forward=True, client=client)

    # What is asked for

    def request(self, visit: Visit, method: str, url: str, path: str, fields: Mapping[str, str]) -> Answer | None:
        """The answer to a request that is held, or None: let it pass."""
        try:
            match = self.catalogue.match(url, site=visit.first_party)
            if match is None:
                return None
            verdict = self._decide(visit, match)
            held = verdict.blocks and visit.enforces
            wanted = destination(fields, path)
            if not match.exempt:
                done = ledger.ANSWERED if held else ledger.VIOLATION if verdict.blocks else ledger.PASSED
                self._record(visit, ledger.WIRE, done, verdict, url, wanted)
            return answer_for(self.catalogue, match, method, fields, path) if held else None
        except Exception as error:
            # Closed for trackers: what cannot be judged and lies on a catalogued host does not leave.
            self.trouble(visit, url, f"an error while deciding ({type(error).__name__}: {error})")
            match = self._match_by_host(url)
            return answer_for(self.catalogue, match, method, fields, path) if match and visit.enforces else None

    def prepare_request(self, visit: Visit, headers: Headers, fields: Mapping[str, str]) -> None:
        """Make sure that a document which is to be rewritten comes whole, and in a coding we know."""
        if not visit.enforces and visit.forward:
            return
        accepted = fields.get("accept-encoding")
        if accepted is not None:
            known = coding.accept_encoding(accepted)
            if known is not None and known != accepted:
                headers.set_all("accept-encoding", [known or "identity"])
        if destination(fields, "") in _PAGES or "text/html" in fields.get("accept", ""):
            for name in ("if-none-match", "if-modified-since", "if-range", "range"):
                if name in fields:
                    headers.set_all(name, [])

    # What comes back

    def response(
        self,
        visit: Visit,
        method: str,
        url: str,
        status: int,
        request: Mapping[str, str],
        headers: Headers,
        *,
        recode: bool,
    ) -> Body | None:
        """Rewrite a response's headers; the Body that rewrites its body, or None if the body passes as it is.

        `recode` puts a content coding back after rewriting; without it the body goes on unencoded.
        """
        if visit.forward and visit.client is not None:
            self._learn_set_cookies(visit, url, headers)
        judge = self._judge(visit, ledger.HEADER)
        if headers.get_all("set-cookie"):
            host = urlsplit(url).hostname or ""
            hold_cookies(headers, lambda name: judge.cookie(name, host))
        if headers.get_all("link"):
            hold_links(headers, lambda reference: judge.hint(url, reference))
        whole = self._is_document(status, request, headers)
        if whole is None or (visit.forward and not visit.enforces):
            return None
        encodings = coding.codings(", ".join(headers.get_all("content-encoding")))
        if encodings is None:
            self.trouble(visit, url, "the page is in a content coding that is not known, so it was not rewritten")
            return None
        if visit.forward and "no-transform" in ", ".join(headers.get_all("cache-control")).lower():
            # The site forbids a stranger's proxy to change it (RFC 9111 §5.2.2.6); the wire holds all the same.
            return None
        runtime = self._runtime(visit)
        changes = visit.enforces and runtime.holds
        document = Document(
            self._judge(visit, ledger.HTML),
            url,
            content_type=", ".join(headers.get_all("content-type")),
            encodings=encodings,
            recode=recode,
            injection=_injection(runtime.code, headers) if whole and changes else None,
            whole=whole,
            on_trouble=partial(self.trouble, visit, url),
        )
        if visit.enforces and status != 304:
            _outdate(headers, changes=changes, recoded=recode)
        if method == "HEAD" or status in (204, 304):
            return None
        return document if changes else _Tap(document)

    def trouble(self, visit: Visit, url: str, what: str) -> None:
        """Record that something could not be judged or rewritten."""
        verdict = Verdict("allow", None, None, (), (), what)
        self._record(visit, ledger.HTML, ledger.TROUBLE, verdict, url, "")

    # Within

    def _read(self, site: Site, fields: Mapping[str, str]) -> Consent:
        return self._readers[site.consent_cookie].read(fields.get("cookie", ""), fields.get("sec-gpc"))

    def _decide(self, visit: Visit, match: Match) -> Verdict:
        return decide(match, visit.consent, visit.site.regime, strict_labels=visit.site.strict_labels)

    def _match_by_host(self, url: str) -> Match | None:
        host = (urlsplit(url).hostname or "").lower()
        for vendor in self.catalogue.vendors.values():
            for domain in vendor.domains:
                if domain.scope == "host" and within(host, domain.domain):
                    return Match(vendor.vendor, domain.domain, "domain", (vendor.category,), domain.label)
        return None

    def _learn_set_cookies(self, visit: Visit, url: str, headers: Headers) -> None:
        """A site may set the consent cookie in a response: it counts from there on."""
        host = urlsplit(url).hostname or ""
        if visit.client is None or registrable_domain(host) != visit.first_party:
            return
        pairs = "; ".join(value.partition(";")[0] for value in headers.get_all("set-cookie"))
        if pairs:
            said = self._readers[visit.site.consent_cookie].read(pairs, "1" if visit.consent.gpc else None)
            if said.decided:
                self._visitors.learn(visit.client, visit.first_party, said)

    def _is_document(self, status: int, request: Mapping[str, str], headers: Headers) -> bool | None:
        """True for a document, False for a fragment that a script fetches, None for what is not rewritten."""
        kind = form(", ".join(headers.get_all("content-type")))
        if kind is None or status == 206 or not (200 <= status < 600):
            return None
        if any(value.lower().lstrip().startswith("attachment") for value in headers.get_all("content-disposition")):
            return None
        wanted = request.get("sec-fetch-dest", "").lower()
        page = wanted in _PAGES or (not wanted and "text/html" in request.get("accept", ""))
        if kind == "sniff":
            nosniff = "nosniff" in ", ".join(headers.get_all("x-content-type-options")).lower()
            return True if page and not nosniff else None
        if kind == "xml":
            return True if page else None
        if page:
            return True
        return False if wanted in ("", "empty") else None

    def _judge(self, visit: Visit, layer: str) -> PageJudge:
        return PageJudge(
            self.catalogue,
            partial(self._decide, visit),
            partial(self._record, visit),
            site=visit.first_party,
            layer=layer,
            enforce=visit.enforces,
            passes=not visit.forward,
        )

    def _runtime(self, visit: Visit) -> _Runtime:
        consent, site = visit.consent, visit.site
        said = tuple(sorted(consent.categories.items())), tuple(sorted(consent.vendors.items())), consent.gpc
        key = said, site.regime.regime, site.strict_labels
        found = self._runtimes.get(key)
        if found is None:
            held = {match.vendor for match in self.catalogue.matches if self._decide(visit, match).blocks}
            vendors = [vendor for name, vendor in self.catalogue.vendors.items() if name in held]
            found = _Runtime(bool(held), compile_runtime(vendors))
            if len(self._runtimes) >= _MOST_RUNTIMES:
                self._runtimes.clear()
            self._runtimes[key] = found
        return found

    def _record(self, visit: Visit, layer: str, done: str, verdict: Verdict, url: str, kind: str) -> None:
        shown, page = (url, visit.page) if self._keep_query else (ledger.redact(url), ledger.redact(visit.page))
        self._sink.record(
            Evidence(
                time=self._clock(),
                layer=layer,
                outcome=done,
                verdict=verdict.action,
                vendor=verdict.vendor,
                rule=verdict.rule,
                categories=verdict.categories,
                missing=verdict.missing,
                reason=verdict.reason,
                url=shown,
                page=page,
                type=kind,
                consent=visit.consent.words(),
                signal=visit.consent.signal,
                regime=visit.site.regime.regime,
                mode=visit.site.mode,
            )
        )


def _injection(code: str, headers: Headers) -> Injection | None:
    if not code:
        return None
    nonce = page_nonce(headers, secrets.token_urlsafe(16))
    if nonce is not None:
        allow_nonce(headers, nonce)
    return Injection(code, nonce or "")


def _outdate(headers: Headers, *, changes: bool, recoded: bool) -> None:
    """What a page is depends on the visitor's consent now: it must not be kept, compared or asked for in parts."""
    for name in (*_VALIDATORS, *(_OUTDATED if changes else ())):
        if headers.get_all(name):
            headers.set_all(name, [])
    cache = ", ".join(headers.get_all("cache-control")).lower()
    if "no-store" not in cache:
        headers.set_all("cache-control", ["private, no-cache"])
    if changes and not recoded and headers.get_all("content-encoding"):
        headers.set_all("content-encoding", [])
