"""One exchange, from request to response, in words that no proxy owns.

An adapter (addon.py, and whatever stands beside it later) hands over what it sees and does what it is told:
`visit_*` says who asks, `request` judges what is asked for, `response` prepares what comes back.
"""

from __future__ import annotations

import itertools
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from . import ledger
from .answer import PAGES, Answer, answer_for, destination, stated
from .browser.assets import BASE, assemble, consent_state, page_state, with_state
from .catalogue.domains import registrable_domain, within
from .catalogue.index import LISTED, PAYLOADS, TELLS
from .catalogue.match import Catalogue
from .catalogue.model import Match
from .catalogue.payloads import LOOKED_AT, SHORT, Payloads
from .catalogue.urls import origin as origin_of
from .catalogue.urls import split
from .config import DENY, ENFORCE, OBSERVE, Site
from .consent.cookie import TOLD_COOKIE, format_cookie
from .consent.googlemode import NAMES, ConsentMode, consent_mode, contradictions
from .consent.model import NECESSARY, Consent, Regime
from .consent.platforms import Platform
from .consent.signals import NOTHING_TOLD, Reader, parse_header, with_dnt
from .consent.told import BODIES, chosen
from .decisions import Decisions
from .filter.own_word import overruled
from .filter.parameters import Parameters
from .filter.pause import Pause
from .judge import PageJudge
from .ledger import Evidence, Sink
from .ledger.visitor import Pseudonyms
from .listed import listings
from .lists.filters import Filters
from .met import Met
from .meter import Meter, Unmetered
from .own import (
    ASKED,
    HELD,
    LIVE_PATH,
    Quota,
    Row,
    deletions,
    hosts_named,
    packed,
    parse_json,
    reported_consent,
    reported_order,
    reported_page,
    reported_rows,
    reported_told,
    reported_violations,
    script_answer,
    table_answer,
)
from .policy import ALLOW, BLOCK, Verdict, decide
from .region import Regions
from .rewrite import coding
from .rewrite.coding import Body
from .rewrite.destinations import shown
from .rewrite.document import Document, form
from .rewrite.headers import Headers, allow_own, deletes, hold_cookies, hold_links, hold_reports
from .rewrite.injection import Injection
from .rewrite.segments import Segments
from .rewrite.text import Overheard, Prefixed, Sheet
from .routers import Fetch, Routers
from .routing import Routing
from .state import Memory, Shared, State
from .visitors import Client, Visitors
from .watch import SESSION, Cookie, Watcher, Who, cookie_set

_Result = TypeVar("_Result")

# Validators and digests of a body that is about to change, and ranges of it.
_OUTDATED = (
    "content-length", "accept-ranges", "digest", "content-md5", "repr-digest", "content-digest", "etag",
    "last-modified", "age", "expires",
)  # fmt: skip
# By this in Accept a service worker says that it fetches what may be a page, for which browsers have no word then.
PAGE_FOR_A_WORKER = ", application/x-consentry"
_MOST_COOKIES = 200
_SENDING = frozenset({"POST", "PUT", "PATCH"})
_WORKERS = frozenset({"worker", "sharedworker", "serviceworker"})
# Browsers that pass for others are kept in mind up to this many.
_MOST_PRETENDING = 1000
# So much of a query is searched for what a tag was told.
_LONGEST_QUERY = 16 * 1024
# Reports everything a page asks others for, and stops nothing.
_WATCH = (
    "default-src 'self' data: blob: about: 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval'; form-action 'self'; "
    f"report-uri {BASE}csp"
)
# What is asked for so may come changed, and must come whole.
CHANGING = PAGES | _WORKERS | {"style"}


@dataclass(slots=True)
class Visit:
    """Who asks: the site the visitor is on, how it is treated, and what the visitor said there."""

    site: Site
    # The law that applies to this visitor: the site's, or that of where the visitor is.
    regime: Regime
    first_party: str
    page: str
    consent: Consent
    forward: bool
    # The origin of what is asked for, as the site itself has it and as the browser has it.
    origin: str
    public: str
    client: Client
    # Whether the user has the filter pause.
    paused: bool = False
    _words: str = field(default="", init=False)

    @property
    def words(self) -> str:
        """The consent in words: each row of evidence has them."""
        if not self._words:
            self._words = self.consent.words()
        return self._words

    @property
    def mode(self) -> str:
        """Whether verdicts are acted on, or only recorded."""
        return OBSERVE if self.paused else self.site.mode

    @property
    def enforces(self) -> bool:
        """Whether verdicts are acted on."""
        return self.mode == ENFORCE

    def as_site(self, url: str) -> str:
        """An address that the browser has, as the site itself has it."""
        return self.origin + url[len(self.public) :] if url.startswith(self.public + "/") else url


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
        banner: bool = False,
        regions: Regions | None = None,
        platforms: tuple[Platform, ...] = (),
        fetch: Fetch | None = None,
        pseudonyms: Pseudonyms | None = None,
        watcher: Watcher | None = None,
        badge: bool = False,
        cache: Path | None = None,
        filters: Filters | None = None,
        pause: Pause | None = None,
        parameters: Parameters | None = None,
        clock: Callable[[], float] = time.time,
        state: State | None = None,
        meter: Meter | None = None,
    ) -> None:
        """`sites` are those that differ from `default`, by origin and by registrable domain.

        `regions` chooses the regime of each request on sites that have none of their own. `fetch` asks routers what
        is connected. `pseudonyms` names visitors in the evidence; without them names last as long as this does. With a
        `watcher` pages listen for what it sets, and show a `badge` if that is wanted. `cache` is a folder for what
        is made of scripts once. `filters` are those of users' lists, for requests that the proxy sees and no vendor's
        file names. In a `pause` nothing is held in forward mode. `parameters` are those that addresses lose on sites
        which want that. `state` is what this engine has in common with those of other replicas; without it it
        is alone. `meter` measures the steps of exchanges.
        """
        self.catalogue = catalogue
        self.meter = meter or Unmetered()
        self._default = default
        self._sites = dict(sites)
        self._sink = sink
        self._keep_query = keep_query
        self._regions = regions
        self._shared = Shared(state or Memory(), pseudonyms)
        self._pseudonyms = self._shared.pseudonyms
        self._clock = clock
        listed = listings(catalogue.having(LISTED))
        self.session = ledger.new_session()
        self._numbers = itertools.count(1)
        # By identity: sites are values that hold mappings, and live as long as this does.
        self._readers = {
            id(site): Reader(site.consent_cookie, platforms, site.platforms, listed, dnt_denies=site.dnt == DENY)
            for site in (default, *sites.values())
        }
        self.assets = assemble(
            catalogue,
            banner=banner,
            platforms=platforms,
            live=watcher is not None,
            badge=badge,
            cache=cache,
        )
        self.met = Met()
        self._tells = {
            (vendor.vendor, rule.rule): BODIES[rule.tells]
            for vendor in catalogue.having(TELLS)
            for rule in vendor.requests
            if rule.tells
        }
        self.platforms = platforms
        self._payloads = Payloads(catalogue.having(PAYLOADS))
        self._filters = filters
        self.pause = pause
        self._parameters = parameters
        self._watcher = watcher
        self._pretending: OrderedDict[tuple[Client, str], None] = OrderedDict()
        self._vendor_sites = catalogue.sites
        self._visitors = Visitors(framed=self._vendor_sites, shared=self._shared if state else None)
        self._decisions = Decisions()
        self._segments = Segments()
        self._quota = Quota(clock, self._shared if state else None)
        self._routing = Routing(catalogue, Routers(catalogue, (default, *sites.values()), fetch, clock), self._record)

    # Who asks

    def visit_reverse(
        self, origin: str, public: str, url: str, fields: Mapping[str, str], *, address: str = ""
    ) -> Visit:
        """A request of the site itself, whose cookies it carries.

        `origin` is the site's own, `public` the one under which the browser reaches it. `url` and `fields` are told
        in the site's own words.
        """
        first_party = registrable_domain(_host(origin))
        site = self._sites.get(origin) or self._sites.get(first_party) or self._default
        page = url if destination(fields, "") in PAGES else fields.get("referer", "")
        client = (self._regions.visitor(fields, address) if self._regions else address, fields.get("user-agent", ""))
        return Visit(
            site,
            self._regime(site, fields, address, direct=False),
            first_party,
            page,
            self._pretended(client, first_party, self._read(site, fields)),
            forward=False,
            origin=origin,
            public=public,
            client=client,
        )

    def visit_forward(self, address: str, url: str, host: str, fields: Mapping[str, str]) -> Visit:
        """Any request of a browser, whose first party has to be found out."""
        client = (address, fields.get("user-agent", ""))
        wanted = destination(fields, url)
        if wanted == "document" and not stated(fields) and self._visitors.seems_framed(host, fields.get("referer", "")):
            wanted = "iframe"
        own = registrable_domain(host)
        first_party = self._visitors.first_party(
            client, host=host, destination=wanted, origin=fields.get("origin", ""), referer=fields.get("referer", "")
        )
        if not first_party and own not in self._vendor_sites:
            # Nothing says which page asks. A vendor must not pass for its own then; anyone else may.
            first_party = own
        site = self._sites.get(first_party, self._default)
        if wanted == "document":
            self._visitors.visits(client, first_party)
        elif wanted in PAGES and own != first_party:
            self._visitors.frames(client, own, first_party)
        said = self._read(site, fields) if own == first_party else None
        if said is not None and (said.decided or wanted == "document"):
            self._visitors.learn(client, first_party, said)
        known = self._visitors.consent(client, first_party)
        consent = known if known is not None else said if said is not None else self._read(site, {})
        if fields.get("sec-gpc", "").strip() == "1" and not consent.gpc:
            consent = replace(consent, gpc=True)
        if not consent.dnt and self._readers[id(site)].heeds_dnt(fields.get("dnt")):
            consent = with_dnt(consent)
        consent = self._pretended(client, first_party, consent)
        if site.own is not None:
            consent = overruled(consent, site.own)
        paused = self.pause is not None and self.pause.on
        if site.gpc and not paused and not consent.gpc:
            consent = replace(consent, gpc=True)
        page = url if wanted in PAGES else fields.get("referer", "")
        origin = origin_of(url) or ""
        regime = self._regime(site, fields, address, direct=True)
        return Visit(
            site,
            regime,
            first_party,
            page,
            consent,
            forward=True,
            origin=origin,
            public=origin,
            client=client,
            paused=paused,
        )

    # What is asked for

    def may_hide(self, visit: Visit, url: str, fields: Mapping[str, str]) -> str:
        """The host of a request, if a vendor may stand behind it under a name of the site's own; else ''.

        That is a name below the site's domain from which a page gets something else than pages. The host that the page
        itself is from is the site, wherever it is hosted.
        """
        host = _host(url)
        if not visit.forward or host == visit.first_party or registrable_domain(host) != visit.first_party:
            return ""
        return "" if destination(fields, url) in PAGES or host == _host(visit.page) else host

    def _unmasked(self, visit: Visit, url: str, names: Sequence[str]) -> tuple[Match | None, str]:
        """What the catalogue says of a URL under the other names of its host, and which of them said it."""
        # Whatever is written for the host: a client may write it otherwise than it is compared.
        rest = "".join(url.split("/", 3)[3:])
        for name in names:
            match = self.catalogue.match(f"https://{name}/{rest}", site=visit.first_party)
            if match is not None:
                return match, f"{_host(url)} is another name of {name}"
        return None, ""

    def request(
        self, visit: Visit, method: str, url: str, path: str, fields: Mapping[str, str], *, names: Sequence[str] = ()
    ) -> Answer | None:
        """The answer to a request that is held, or None: let it pass. `names` are other names of its host."""
        unmasked = ""
        try:
            match = self.catalogue.match(url, site=visit.first_party)
            if match is None and names:
                match, unmasked = self._unmasked(visit, url, names)
            if match is None and destination(fields, path) not in PAGES:
                match = self._payloads.match(url)
            if match is None and self._filters is not None and visit.forward:
                match = self._filters.match(url, page=visit.page, kind=self._kind(fields, path))
            if match is None:
                if self._watcher is not None and visit.forward:
                    self._watch_host(visit, _host(url), visit.page, destination(fields, path))
                return None
            self._notice(visit, match, url)
            verdict = self._decide(visit, match, url)
            if not verdict.blocks:
                if self._routing.carries_events(visit, match, url, method):
                    # Its evidence comes with its body.
                    return None
                verdict = self._routing.unfiltered(visit, match, url, method) or verdict
            if unmasked:
                verdict = replace(verdict, reason=f"{verdict.reason}; {unmasked}")
            held = verdict.blocks and visit.enforces
            wanted = destination(fields, path)
            if not match.exempt:
                done = ledger.ANSWERED if held else ledger.VIOLATION if verdict.blocks else ledger.PASSED
                self._record(visit, ledger.WIRE, done, verdict, url, kind=wanted)
                if not held and self.catalogue.vendors[match.vendor].tells_consent:
                    self._compare_told(visit, verdict, url, kind=wanted, layer=ledger.WIRE)
            return answer_for(self.catalogue, match, method, fields, path) if held else None
        except Exception as error:
            # Closed for trackers: what cannot be judged and lies on a catalogued host does not leave.
            self.trouble(visit, url, f"an error while deciding ({type(error).__name__}: {error})", ledger.WIRE)
            match = self._match_by_host(visit.first_party, url)
            return answer_for(self.catalogue, match, method, fields, path) if match and visit.enforces else None

    def unjudged(self, method: str, url: str, fields: Mapping[str, str], *, reverse: bool) -> Answer | None:
        """The answer to a request that an error kept from being judged: held on a vendor's host, None for any other.

        Nothing is known of who asks. A request of a site that is stood in front of (`reverse`) and a page that is
        visited are their own first party.
        """
        paused = not reverse and self.pause is not None and self.pause.on
        if paused or all(site.mode == OBSERVE for site in (self._default, *self._sites.values())):
            return None
        own = registrable_domain(_host(url)) if reverse or stated(fields) == "document" else ""
        match = self._match_by_host(own, url)
        return answer_for(self.catalogue, match, method, fields, url) if match is not None else None

    def carries_events(self, visit: Visit, method: str, url: str) -> bool:
        """Whether the body of a request that passes must be seen by events(): it carries a router's events, or may, or
        it says what a tag was told of consent.
        """
        if method not in _SENDING:
            return False
        match = self._match(visit, url)
        return self._telling(match) is not None or self._routing.carries_events(visit, match, url, method)

    def may_carry_hidden(self, visit: Visit, method: str, url: str, fields: Mapping[str, str], *, short: bool) -> bool:
        """Whether the body of a request that passes must be seen by events() because it may be a vendor's that hides
        behind the site's own address; see Payloads.may_match. A call that both sides speak in (gRPC) cannot wait.
        """
        if method not in _SENDING or fields.get("content-type", "").startswith("application/grpc"):
            return False
        return self._payloads.may_match(url, short=short) and self._match(visit, url) is None

    def _telling(self, match: Match | None) -> Callable[[bytes], ConsentMode | None] | None:
        """What reads in a request's body what its tag was told of consent."""
        return self._tells.get((match.vendor, match.rule)) if match and not match.exempt else None

    def events(
        self, visit: Visit, method: str, url: str, fields: Mapping[str, str], body: bytes | None
    ) -> Answer | bytes | None:
        """What becomes of a request whose body may carry events: the answer in its place, another body, or None.

        `body` is as it came, None if it is too long for anyone's events.
        """
        match: Match | None = None
        try:
            match = self.catalogue.match(url, site=visit.first_party)
            if (reader := self._telling(match)) is not None and match is not None and body is not None:
                verdict = self._decide(visit, match)
                self._compare_mode(visit, verdict, reader(body), url, kind="empty", layer=ledger.WIRE)
                return None
            encoding = fields.get("content-encoding", "")
            answer = self._judge_hidden(visit, match, method, url, fields=fields, body=body)
            if answer is not None:
                return answer
            judged = self._routing.events(visit, match, url, method, encoding=encoding, body=body)
            if judged.held is not None:
                return answer_for(self.catalogue, judged.held, method, fields, url)
            return judged.body
        except Exception as error:
            self.trouble(visit, url, f"an error while filtering ({type(error).__name__}: {error})", ledger.WIRE)
            return answer_for(self.catalogue, match, method, fields, url) if match and visit.enforces else None

    def _judge_hidden(
        self,
        visit: Visit,
        match: Match | None,
        method: str,
        url: str,
        *,
        fields: Mapping[str, str],
        body: bytes | None,
    ) -> Answer | None:
        """The answer to what is sent to an address that says nothing, if it is a vendor's and held; None: it passes."""
        if match is not None or body is None or destination(fields, url) in PAGES:
            return None
        short = len(body) <= SHORT
        if not self._payloads.may_match(url, short=short):
            return None
        named = fields.get("content-encoding", "")
        encodings = coding.codings(named)
        content = coding.beginning(body, encodings, LOOKED_AT) if encodings is not None else None
        if content is not None:
            hidden = self._payloads.match_body(url, content.decode("utf-8", "replace"), short=short)
            return self._answer_hidden(visit, hidden, method, url, fields=fields) if hidden is not None else None
        for each in self._payloads.may_be(url):
            if self._decide(visit, each).blocks:
                why = f"its body is in a coding that cannot be read ({shown(named)}), and may be {each.vendor}'s"
                return self._answer_hidden(visit, each, method, url, fields=fields, why=why)
        return None

    def _answer_hidden(
        self, visit: Visit, match: Match, method: str, url: str, *, fields: Mapping[str, str], why: str = ""
    ) -> Answer | None:
        verdict = self._decide(visit, match)
        if why:
            verdict = replace(verdict, reason=f"{verdict.reason}; {why}")
        held = verdict.blocks and visit.enforces
        done = ledger.ANSWERED if held else ledger.VIOLATION if verdict.blocks else ledger.PASSED
        self._record(visit, ledger.WIRE, done, verdict, url, kind=destination(fields, url))
        return answer_for(self.catalogue, match, method, fields, url) if held else None

    def prepare_request(self, visit: Visit, method: str, url: str, headers: Headers, fields: Mapping[str, str]) -> None:
        """Make sure that what is to be rewritten comes whole, and in a coding we know."""
        asked = fields.get("accept", "")
        if PAGE_FOR_A_WORKER in asked:
            headers.set_all("accept", [asked.replace(PAGE_FOR_A_WORKER, "")])
        if self._watcher is not None:
            self._watch_request(visit, headers, fields)
        if visit.forward and visit.site.gpc and not visit.paused:
            headers.set_all("sec-gpc", ["1"])
        if not visit.enforces and visit.forward:
            return
        accepted = fields.get("accept-encoding")
        if accepted is not None:
            known = coding.accept_encoding(accepted)
            if known is not None and known != accepted:
                headers.set_all("accept-encoding", [known or "identity"])
        changes = destination(fields, "") in CHANGING or "text/html" in asked or PAGE_FOR_A_WORKER in asked
        if changes or self._routing.answers(visit, self._match(visit, url), url, method):
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
        *,
        request: Mapping[str, str],
        headers: Headers,
        recode: bool,
    ) -> Body | None:
        """Rewrite a response's headers; the Body that rewrites its body, or None if the body passes as it is.

        `recode` puts a content coding back after rewriting; without it the body goes on unencoded.
        """
        judge = self._judge(visit, ledger.HEADER)
        if self._watcher is not None:
            self._attempt(visit, url, partial(self._watch_page, visit, url, status, request, headers))
        self._attempt(visit, url, partial(self._judge_fields, visit, url, request, headers, judge))
        if self._watcher is not None:
            self._attempt(visit, url, partial(self._watch_cookies, visit, url, headers))
        bodiless = method == "HEAD" or status in (204, 304)
        if method == "GET" and 200 <= status < 300 and not bodiless:
            said = self._attempt(visit, url, partial(self._routed, visit, url, method, headers))
            if said is not None:
                return said
        if visit.forward and not visit.enforces:
            return None
        return self._attempt(
            visit,
            url,
            partial(self._body, visit, url, status, request, headers, judge=judge, bodiless=bodiless, recode=recode),
        )

    def trouble(self, visit: Visit, url: str, what: str, layer: str = ledger.HTML) -> None:
        """Record that something could not be judged or rewritten."""
        self._record(visit, layer, ledger.TROUBLE, Verdict(ALLOW, None, None, (), (), what), url, kind="")

    # What is ours

    def own(self, visit: Visit, method: str, path: str, fields: Mapping[str, str], body: bytes) -> Answer:
        """The answer to a request under /__consentry/."""
        if method in ("GET", "HEAD"):
            answer = self._asset(visit, path)
            answer = packed(answer, fields.get("accept-encoding", ""))
            return answer if method == "GET" else answer._replace(body=b"")
        plain = parse_json(body) if method == "POST" and self._is_from_here(visit, fields) else None
        if plain is None:
            return Answer(400, (("cache-control", "no-store"),), b"")
        extra: list[tuple[str, str]] = []
        if self._watcher is not None:
            self._watch_names(visit, fields)
            if path == LIVE_PATH:
                return self._answer_live(visit, plain)
        if path == BASE + "report":
            self._take_report(visit, plain)
        elif path == BASE + "consent" and plain.get("ask") is True:
            return self._tell_consent(visit, plain, fields)
        elif path == BASE + "consent" and (said := reported_consent(plain)) is not None:
            extra = self._take_consent(visit, said, fields, reported_order(plain))
        return Answer(204, (("cache-control", "no-store"), *extra), b"")

    def judge_reports(self, visit: Visit, body: bytes) -> None:
        """Judge what a browser says that it asked others for: what is held, and no layer held, is a leak.

        To be called a moment after the report came, so that the layers have reported too.
        """
        plain = parse_json(body)
        for url, directive in reported_violations(plain) if plain else ():
            match = self.catalogue.match(url, site=visit.first_party)
            if match is None and self._watcher is not None and self._counted(visit, 1):
                self._watch_host(visit, _host(url), visit.page, directive)
            if match is None or match.exempt or self._shared.held(visit.client, visit.first_party, url):
                continue
            if url.count("/") == 2 and self._has_exemptions(match.vendor, url):
                # Of a frame a browser tells the origin only, and there it may show what is exempt.
                continue
            verdict = self._decide(visit, match)
            if verdict.blocks and self._counted(visit, 1):
                self._record(visit, ledger.CSP_REPORT, ledger.LEAK, verdict, url, kind=directive)

    def pretend(self, client: Client, site: str, gpc: bool) -> None:
        """Let a browser pass for one that sends Global Privacy Control on a site, or no longer. On any thread."""
        if gpc:
            self._pretending[client, site] = None
            if len(self._pretending) > _MOST_PRETENDING:
                self._pretending.popitem(last=False)
        else:
            self._pretending.pop((client, site), None)

    def listener(self, visit: Visit, method: str, path: str, fields: Mapping[str, str]) -> Who | None:
        """Who asks to be told what the watcher sets: a page of the site itself, or None."""
        if self._watcher is None or method != "GET" or path != LIVE_PATH or not self._is_from_here(visit, fields):
            return None
        # A frame of another site speaks only for itself.
        return (
            self._who(visit)
            if registrable_domain(_host(visit.public)) == visit.first_party or not visit.forward
            else None
        )

    def cleaned(self, visit: Visit, method: str, url: str, fields: Mapping[str, str]) -> Answer | None:
        """The way to the same page without parameters that track; None if it has none, or the site keeps them.

        The browser is sent there, so that neither the site nor what runs in its page gets to see them.
        """
        strips = visit.forward and visit.site.strip_parameters and visit.enforces and self._parameters is not None
        if not strips or method != "GET" or destination(fields, url) != "document":
            return None
        assert self._parameters is not None
        clean = self._parameters.without(url)
        return Answer(307, (("location", clean), ("cache-control", "no-store")), b"") if clean is not None else None

    @property
    def answers_pages(self) -> bool:
        """Whether, on some site, a request for a page may be answered by us."""
        return any(site.bootstrap for site in (self._default, *self._sites.values()))

    def bootstrap(self, visit: Visit, method: str, fields: Mapping[str, str]) -> Answer | None:
        """In strict mode: the page that installs the worker before the first document of a site is shown."""
        strict = visit.site.bootstrap and visit.enforces and method == "GET"
        if (
            not strict
            or fields.get("sec-fetch-dest") != "document"
            or "consentry-armed" in parse_header(fields.get("cookie", ""))
        ):
            return None
        worker = json.dumps(f"{BASE}worker.js?v={self.assets.version}")
        nonce = secrets.token_urlsafe(16)
        page = self.assets.bootstrap.replace("NONCE", f'nonce="{nonce}"').replace("WORKER", worker)
        policy = f"default-src 'none'; script-src 'nonce-{nonce}'; worker-src 'self'; connect-src 'self'"
        fields_ = (
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("content-security-policy", policy),
        )
        return Answer(200, fields_, page.encode())

    # Within

    def _asset(self, visit: Visit, path: str) -> Answer:
        told = table_answer(self.assets, path)
        if told is None:
            state = self._state(visit, lasting="worker.js" in path)
            return script_answer(self.assets, path, state, self.met.of(visit.first_party))
        answer, vendors = told
        self.met.add(visit.first_party, vendors)
        return answer

    def _notice(self, visit: Visit, match: Match, what: str) -> None:
        self.met.see(visit.first_party, match)
        self._routing.notices(visit, match, what)

    def _take_report(self, visit: Visit, plain: Mapping[str, Any]) -> None:
        visit = replace(visit, page=visit.as_site(reported_page(plain, visit.public) or visit.page))
        rows = reported_rows(plain, self.catalogue.vendors.__contains__)
        for reported in rows[: self._counted(visit, len(rows))]:
            if reported.event is not None and visit.forward:
                # It passes the wire too, which tells of it.
                continue
            row = reported._replace(url=visit.as_site(reported.url))
            if row.outcome == ASKED:
                self._compare_asked(visit, row)
                continue
            verdict = self._verdict_on(visit, row)
            if row.event is not None:
                verdict = self._routing.reported(visit, row, verdict)
            self._record(visit, row.layer, row.outcome, verdict, row.url, kind=row.type)
            self._shared.holds(visit.client, visit.first_party, row.url)

    def _tell_consent(self, visit: Visit, plain: Mapping[str, Any], fields: Mapping[str, str]) -> Answer:
        """Answer a page that asks what its cookies, and what it tells of its platform, mean."""
        told = reported_told(plain)
        if (visit.client, visit.first_party) in self._pretending:
            fields = {**fields, "sec-gpc": "1"}
        cookies = fields.get("cookie", "")
        own = visit.site.own if visit.forward else None
        # A worker sees no storage and tells nothing: for it what the page told before counts.
        page = "storage" in plain
        reader = self._readers[id(visit.site)]
        said = (
            reader.read_told(cookies, fields.get("sec-gpc"), told, fields.get("dnt"))
            if page
            else self._read(visit.site, fields)
        )
        said = overruled(said, own) if own is not None else said
        extra = self._take_consent(visit, said, fields)
        if page and (told != NOTHING_TOLD or TOLD_COOKIE in parse_header(cookies)):
            # The next page is judged before its own storage can be asked.
            secure = "; Secure" if visit.public.startswith("https:") else ""
            value = f"{format_cookie(said)}; Max-Age=15552000" if said.decided else "; Max-Age=0"
            extra.append(("set-cookie", f"{TOLD_COOKIE}={value}; Path=/; SameSite=Lax{secure}"))
        body = json.dumps(consent_state(said)).encode()
        return Answer(200, (("content-type", "application/json"), ("cache-control", "no-store"), *extra), body)

    def _take_consent(
        self, visit: Visit, said: Consent, fields: Mapping[str, str], order: int = 0
    ) -> list[tuple[str, str]]:
        """Remember what a page says, and delete the cookies that it takes consent from."""
        host = _host(visit.public)
        # No report takes GPC back.
        said = replace(said, gpc=visit.consent.gpc or said.gpc)
        # A frame of another site has a guard too, but speaks only for itself.
        if visit.forward and registrable_domain(host) == visit.first_party:
            self._visitors.learn(visit.client, visit.first_party, said)
        now = replace(visit, consent=said)
        if self._watcher is not None:
            # The cookie that came along says the same, and where it was read.
            known = visit.consent if visit.words == now.words else now.consent
            self._watcher.consent(self._who(visit), known, self._clock(), order)
        judge = self._judge(now, ledger.HEADER)
        return deletions([name for name in parse_header(fields.get("cookie", "")) if judge.cookie(name, host)], host)

    # Watched

    def _who(self, visit: Visit) -> Who:
        return Who(
            self._pseudonyms.of(*visit.client, visit.first_party),
            visit.first_party,
            visit.public,
            visit.client,
            visit.regime.regime,
            visit.mode,
            visit.forward,
        )

    def _pretended(self, client: Client, site: str, consent: Consent) -> Consent:
        """The consent, with GPC if this browser passes for one that sends it."""
        return replace(consent, gpc=True) if self._pretending and (client, site) in self._pretending else consent

    def _watch_request(self, visit: Visit, headers: Headers, fields: Mapping[str, str]) -> None:
        """The site hears of GPC as from a browser that sends it, and nothing of the dashboard's session."""
        if self._pretending and (visit.client, visit.first_party) in self._pretending:
            headers.set_all("sec-gpc", ["1"])
        cookies = fields.get("cookie", "")
        if SESSION in cookies:
            pairs = [pair.strip() for pair in cookies.split(";")]
            kept = [pair for pair in pairs if pair.partition("=")[0] != SESSION]
            headers.set_all("cookie", ["; ".join(kept)] if kept else [])

    def _watch_page(self, visit: Visit, url: str, status: int, request: Mapping[str, str], headers: Headers) -> None:
        content_type = ", ".join(headers.get_all("content-type"))
        if destination(request, "") == "document" and self._is_document(status, request, content_type, headers):
            assert self._watcher is not None
            self._watcher.page(self._who(visit), self._shown(url), visit.consent, self._clock())
            self._watch_names(visit, request)

    def _watch_cookies(self, visit: Visit, url: str, headers: Headers) -> None:
        """The cookies that a response sets, after those of held vendors are withheld."""
        values = headers.get_all("set-cookie")
        if values and self._watcher is not None:
            now = self._clock()
            found = (cookie_set(value, _host(url), now) for value in values[:_MOST_COOKIES])
            self._watcher.cookies(self._who(visit), tuple(each for each in found if each), now)

    def _watch_names(self, visit: Visit, fields: Mapping[str, str]) -> None:
        """The names of the cookies that one of the site's own requests sends."""
        names = [name for name in parse_header(fields.get("cookie", "")) if name != SESSION][:_MOST_COOKIES]
        if names and self._watcher is not None:
            host = _host(visit.origin)
            self._watcher.cookies(self._who(visit), tuple(Cookie(name, host) for name in names), self._clock())

    def _watch_host(self, visit: Visit, host: str, page: str, kind: str) -> None:
        """A request to a host that is neither the site's own nor one that the catalogue knows."""
        site = registrable_domain(host)
        own = {visit.first_party} if visit.forward else {visit.first_party, registrable_domain(_host(visit.public))}
        if not host or not visit.first_party or site in own or kind == "document" or self._watcher is None:
            return
        if not self.catalogue.match_host(f"https://{host}/"):
            self._watcher.host(self._who(visit), host, self._shown(page), kind, self._clock())

    def _answer_live(self, visit: Visit, plain: Mapping[str, Any]) -> Answer:
        """Take the hosts that a page names, and tell it what its badge shows."""
        assert self._watcher is not None
        page = visit.as_site(reported_page(plain, visit.public) or visit.page)
        named = hosts_named(plain)
        for host, kind in named[: self._counted(visit, len(named))] if named else ():
            self._watch_host(visit, host, page, kind)
        if type(done := plain.get("done")) is int:
            self._watcher.done(self._who(visit).visitor, done)
        if isinstance(gpc := plain.get("pretend"), bool):
            self.pretend(visit.client, visit.first_party, gpc)
            self._watcher.pretends(self._who(visit).visitor, gpc)
        if plain.get("counts") is not True:
            return Answer(204, (("cache-control", "no-store"),), b"")
        body = json.dumps(self._watcher.counts(self._who(visit), self._shown(page))).encode()
        return Answer(200, (("content-type", "application/json"), ("cache-control", "no-store")), body)

    def _shown(self, url: str) -> str:
        return url if self._keep_query else ledger.redact(url)

    def _counted(self, visit: Visit, wanted: int) -> int:
        """How many of the rows that a page wants to report are recorded."""
        counted, is_first_over = self._quota.take(visit.client, visit.first_party, wanted)
        if is_first_over:
            what = "the page reports too much, so the rest of what it reports in this minute is left out"
            self.trouble(visit, "", what, ledger.GUARD)
        return counted

    def _verdict_on(self, visit: Visit, row: Row) -> Verdict:
        """The verdict on what a page reports, decided anew: a page may say anything."""
        match = self.catalogue.match(row.url, site=visit.first_party) if "://" in row.url else None
        if match is None or match.vendor != row.vendor:
            category = (self.catalogue.vendors[row.vendor].category,) if row.vendor else ()
            return Verdict(
                BLOCK if row.outcome == ledger.HELD else ALLOW,
                row.vendor or None,
                None,
                category,
                (),
                "the page says so",
            )
        return self._decide(visit, match)

    def _kind(self, fields: Mapping[str, str], path: str) -> str:
        """What a request is for, sockets told apart: browsers say of them what they say of fetch()."""
        return "websocket" if fields.get("upgrade", "").lower() == "websocket" else destination(fields, path)

    def _is_from_here(self, visit: Visit, fields: Mapping[str, str]) -> bool:
        """Reports count only from the site's own pages, not from whoever posts to it."""
        said = fields.get("sec-fetch-site")
        return said == "same-origin" if said else fields.get("origin", "") in ("", visit.origin)

    def _attempt(self, visit: Visit, url: str, step: Callable[[], _Result]) -> _Result | None:
        """The page always arrives: a step that fails is recorded and left out."""
        try:
            return step()
        except Exception as error:
            self.trouble(visit, url, f"an error while rewriting ({type(error).__name__}: {error})")
            return None

    def _judge_fields(
        self, visit: Visit, url: str, request: Mapping[str, str], headers: Headers, judge: PageJudge
    ) -> None:
        """Learn from a response's cookies, and withhold cookies and hints."""
        cookies, links = headers.get_all("set-cookie"), headers.get_all("link")
        if cookies:
            host = _host(url)
            if visit.forward and registrable_domain(host) == visit.first_party:
                self._learn(visit, cookies)
            hold_cookies(headers, lambda name: judge.cookie(name, host))
        location = headers.get_all("location")
        wanted = stated(request)
        # In reverse mode the browser would follow it past the proxy. A page that leads there is the visitor's way.
        if location and visit.enforces and wanted not in ("document", "") and judge.redirect(url, location[0], wanted):
            headers.set_all("location", [visit.public + BASE + HELD])
            headers.set_all("cache-control", ["no-store"])
        hold_reports(headers, lambda reference: judge.hint(url, reference))
        if links:
            hold_links(headers, lambda reference: judge.hint(url, reference))
        if headers.get_all("set-cookie") != cookies or headers.get_all("link") != links:
            _keep_private(headers)

    def _body(
        self,
        visit: Visit,
        url: str,
        status: int,
        request: Mapping[str, str],
        headers: Headers,
        *,
        judge: PageJudge,
        bodiless: bool,
        recode: bool,
    ) -> Body | None:
        """What rewrites a response's body, by what it is and what it was asked for."""
        wanted = stated(request)
        content_type = ", ".join(headers.get_all("content-type"))
        kind = content_type.partition(";")[0].strip().lower()
        whole = self._is_document(status, request, content_type, headers)
        is_sheet = visit.enforces and kind == "text/css" and wanted in ("", "style") and status == 200
        is_worker = visit.enforces and wanted in _WORKERS and status == 200 and "javascript" in kind
        if whole is None and not is_sheet and not is_worker:
            return None
        encodings = coding.codings(", ".join(headers.get_all("content-encoding")))
        if encodings is None:
            self.trouble(visit, url, "the page is in a content coding that is not known, so it was not rewritten")
            return None
        if visit.forward and "no-transform" in _cache_control(headers):
            # The site forbids a stranger's proxy to change it (RFC 9111 §5.2.2.6); the wire holds all the same.
            return None
        on_trouble = partial(self.trouble, visit, url)
        body: Body
        if whole is None:
            if is_sheet:
                body = Sheet(lambda reference: judge.style(url, reference), encodings, on_trouble)
            else:
                body = Prefixed(self._worker_head(visit, wanted).encode(), encodings, on_trouble)
        else:
            document = Document(
                self._judge(visit, ledger.HTML),
                url,
                content_type=content_type,
                encodings=encodings,
                injection=self._injection(visit, headers) if whole and visit.enforces else None,
                whole=whole,
                on_trouble=on_trouble,
                segments=self._segments,
                # What is not to be stored is not remembered either (RFC 9111 §5.2.2.5).
                keeps="no-store" not in _cache_control(headers),
            )
            body = document if visit.enforces else _Tap(document)
        if visit.enforces and status != 304:
            _outdate(headers, recoded=recode)
        if bodiless:
            return None
        return coding.Recoded(body, encodings) if recode and visit.enforces else body

    def _routed(self, visit: Visit, url: str, method: str, headers: Headers) -> Body | None:
        """What reads, or filters, an answer that says what is connected to a router's source."""
        match = self.catalogue.match(url, site=visit.first_party)
        if not self._routing.answers(visit, match, url, method):
            return None
        encodings = coding.codings(", ".join(headers.get_all("content-encoding")))
        body = self._routing.body(visit, match, url, encodings, partial(self.trouble, visit, url))
        if visit.enforces:
            # What may be in it depends on the visitor's consent: a browser must not keep it.
            _outdate(headers, recoded=isinstance(body, Overheard))
        return body

    def _worker_head(self, visit: Visit, wanted: str) -> str:
        if wanted == "serviceworker":
            return with_state(self.assets.worker, self._state(visit, lasting=True), alone=False)
        return with_state(self.assets.scope(self.met.of(visit.first_party)), self._state(visit), alone=False)

    def _injection(self, visit: Visit, headers: Headers) -> Injection:
        if visit.site.report_leaks:
            name = "content-security-policy-report-only"
            headers.set_all(name, [*headers.get_all(name), _WATCH])
        nonce = allow_own(headers, visit.public + BASE)
        state = json.dumps(self._state(visit), separators=(",", ":"))
        return Injection(self.assets.guard_path(self.met.of(visit.first_party)), state, nonce)

    def _regime(self, site: Site, fields: Mapping[str, str], address: str, *, direct: bool) -> Regime:
        if self._regions is None or not site.by_region:
            return site.regime
        return self._regions.regime(fields, address, direct=direct)

    def _read(self, site: Site, fields: Mapping[str, str]) -> Consent:
        return self._readers[id(site)].read(fields.get("cookie", ""), fields.get("sec-gpc"), fields.get("dnt"))

    def _decide(self, visit: Visit, match: Match, url: str = "") -> Verdict:
        asked = self._routing.asked(visit, match, url)
        # What was made for this question alone is not remembered.
        made = asked is not match or match.exempt
        decided = decide if made else self._decisions.of
        return decided(asked, visit.consent, visit.regime, strict_labels=visit.site.strict_labels)

    def _has_exemptions(self, vendor: str, url: str) -> bool:
        """Whether something is exempt on the host of a vendor's URL."""
        host = _host(url)
        hosts = (each.host for each in self.catalogue.vendors[vendor].exempt)
        return any(host == each or (each.startswith("*.") and within(host, each[2:])) for each in hosts)

    def _compare_asked(self, visit: Visit, row: Row) -> None:
        """Compare what a page says that it asked a vendor for; in forward mode the wire has seen it."""
        if visit.forward or "://" not in row.url:
            return
        match = self.catalogue.match(row.url, site=visit.first_party)
        if match is None or match.exempt or match.vendor != row.vendor:
            return
        verdict = self._decide(visit, match)
        if not verdict.blocks and self.catalogue.vendors[match.vendor].tells_consent:
            self._compare_told(visit, verdict, _only_told(row.url), kind=row.type, layer=row.layer)

    def _compare_told(self, visit: Visit, verdict: Verdict, url: str, *, kind: str, layer: str) -> None:
        """Record where a request that goes out says that its tag was told something else than the visitor chose."""
        self._compare_mode(visit, verdict, consent_mode(_pairs(url)), url, kind=kind, layer=layer)

    def _compare_mode(
        self, visit: Visit, verdict: Verdict, said: ConsentMode | None, url: str, *, kind: str, layer: str
    ) -> None:
        choice = chosen(visit.consent, visit.regime, verdict.vendor or "")
        for reason in contradictions(said, choice) if said and choice else ():
            self._record(visit, layer, ledger.MISMATCH, replace(verdict, reason=reason), url, kind=kind)

    def _match(self, visit: Visit, url: str) -> Match | None:
        return self._attempt(visit, url, partial(self.catalogue.match, url, site=visit.first_party))

    def _match_by_host(self, site: str, url: str) -> Match | None:
        """What can be said of a URL where the catalogue fails: that its host is a vendor's, and not the site's own."""
        match = self.catalogue.match_whole(url)
        if match is None or match.categories == (NECESSARY,) or self.catalogue.owns(match.vendor, site):
            return None
        return match

    def _learn(self, visit: Visit, cookies: list[str]) -> None:
        """A site may set the consent cookie in a response: it counts from there on."""
        pairs = "; ".join(value.partition(";")[0] for value in cookies if not deletes(value))
        gpc, dnt = ("1" if asked else None for asked in (visit.consent.gpc, visit.consent.dnt))
        said = self._readers[id(visit.site)].read(pairs, gpc, dnt)
        if said.decided:
            self._visitors.learn(visit.client, visit.first_party, said)

    def _is_document(self, status: int, request: Mapping[str, str], content_type: str, headers: Headers) -> bool | None:
        """True for a document, False for a fragment that a script fetches, None for what is not rewritten."""
        kind = form(content_type)
        if kind is None or status == 206 or not (200 <= status < 600):
            return None
        if any(value.lower().lstrip().startswith("attachment") for value in headers.get_all("content-disposition")):
            return None
        wanted = stated(request)
        accept = request.get("accept", "")
        page = wanted in PAGES or (not wanted and "text/html" in accept) or PAGE_FOR_A_WORKER in accept
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
            notice=partial(self._notice, visit),
        )

    def _state(self, visit: Visit, *, lasting: bool = False) -> dict[str, object]:
        """What a script of ours is told. `lasting` leaves out the visitor: for a worker that outlives this visit."""
        state = page_state(
            self.assets.version,
            visit.first_party,
            visit.public,
            Consent() if lasting else visit.consent,
            visit.regime,
            strict=visit.site.strict_labels,
            plain=visit.site.consent_cookie,
            # In forward mode the wire holds whatever the page cannot.
            worker=visit.site.worker and not visit.forward,
            routing=self._routing.state(visit),
        )
        if visit.forward and visit.site.gpc:
            state["gpc"] = True
        if self._watcher is not None:
            # In forward mode the proxy sees for itself which hosts are asked.
            pretends = (visit.client, visit.first_party) in self._pretending
            state["live"] = {"pretends": pretends, "hosts": not visit.forward}
        return state

    def _record(self, visit: Visit, layer: str, done: str, verdict: Verdict, url: str, *, kind: str) -> None:
        shown, page = self._shown(url), self._shown(visit.page)
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
                consent=visit.words,
                signal=visit.consent.signal,
                regime=visit.regime.regime,
                mode=visit.mode,
                session=self.session,
                number=next(self._numbers),
                visitor=self._pseudonyms.of(*visit.client, visit.first_party),
                site=visit.first_party,
            )
        )


def _outdate(headers: Headers, *, recoded: bool) -> None:
    """What a page is depends on the visitor's consent now: it must not be kept, compared or asked for in parts."""
    for name in _OUTDATED:
        if headers.get_all(name):
            headers.set_all(name, [])
    _keep_private(headers)
    if not recoded and headers.get_all("content-encoding"):
        headers.set_all("content-encoding", [])


def _cache_control(headers: Headers) -> str:
    """What a response says of being kept, in lower case."""
    return ", ".join(headers.get_all("cache-control")).lower()


def _keep_private(headers: Headers) -> None:
    """What depends on one visitor's consent is no answer to another."""
    if "no-store" not in _cache_control(headers):
        headers.set_all("cache-control", ["private, no-cache"])


def _pairs(url: str) -> list[tuple[str, str]]:
    """The decoded query pairs of a URL; of a very long query only those that fit, the last of them whole."""
    parts = split(url)
    query = parts.query if parts else ""
    if len(query) > _LONGEST_QUERY:
        query = query[: _LONGEST_QUERY + 1].rpartition("&")[0]
    return parse_qsl(query)


def _only_told(url: str) -> str:
    """The URL with nothing in its query but what tells of consent: the rest is no business of the evidence."""
    told: dict[str, str] = {}
    for name, value in _pairs(url):
        if name in NAMES:
            told.setdefault(name, value)
    return f"{url.partition('?')[0]}?{urlencode(told)}"


def _host(url: str) -> str:
    parts = split(url)
    return parts.host if parts else ""
