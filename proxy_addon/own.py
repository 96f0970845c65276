"""What is served under /__consentry/ on every site: the scripts, and what they report."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import brotli

from .answer import Answer
from .browser.assets import BASE, Assets, with_state
from .consent.model import CATEGORIES, Consent
from .consent.signals import Told
from .rewrite.destinations import shown
from .state import Shared
from .visitors import Client

CSP_PATH = BASE + "csp"
# Where a page listens for what the dashboard sets, names the hosts it asks, and asks what its badge shows.
LIVE_PATH = BASE + "live"
# Where the dashboard answers a page that listens.
INSIDE_PATH = "/inside/live"
# What lets it in there.
TICKET = "x-consentry-ticket"
# Where a redirect to a held vendor leads instead.
HELD = "held"
MOST_BYTES = 65536
_MOST_ROWS = 100
_LONGEST_URL = 2000
_MOST_REFUSED = 1000
# A page with a hundred tags reports a hundred rows; a visitor may open some pages a minute.
_MOST_ROWS_A_MINUTE = 1000
_MOST_REPORTING = 10_000
# A script shorter than this is not packed.
_SMALL = 1024
_REFUSED = re.compile(r";\s*q=0(?:\.0*)?\s*$")
_JS = ("content-type", "text/javascript; charset=utf-8")
# A page lets an allowed request go that says what its tag was told of consent.
ASKED = "asked"
_OUTCOMES = frozenset({"held", "leak", "trouble", "filtered", "released", ASKED})
# So many names of destinations that an event went to, or did not.
_MOST_NAMES, _LONGEST_NAME = 200, 120
_MOST_HOSTS = 50
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")


def is_own(path: str) -> bool:
    """Whether a request path is ours to answer."""
    return path.startswith(BASE)


def script_answer(assets: Assets, path: str, state: Mapping[str, object], met: Sequence[str] = ()) -> Answer:
    """The answer to a GET of one of our scripts. `met` are vendors that pages of the site are known to meet."""
    name, _, query = path.removeprefix(BASE).partition("?")
    if name in ("guard.js", "routers.js"):
        # Under one version the content never changes; asked for by another it must not stay.
        lasting = assets.lasts(query, met if name == "guard.js" else ())
        script = assets.guard(met) if name == "guard.js" else assets.routers
        return Answer(200, (_JS, _cached(lasting)), script.encode())
    if name == "scope.js":
        script = with_state(assets.scope(met), state, alone=True)
        return Answer(200, (_JS, ("cache-control", "no-store")), script.encode())
    if name == "worker.js":
        script = with_state(assets.worker, state, alone=True)
        fields = (_JS, ("cache-control", "no-store"), ("service-worker-allowed", "/"))
        return Answer(200, fields, script.encode())
    if name == "told.js":
        script = f"self.__consentryTold={json.dumps(state['consent'], separators=(',', ':'))};\n"
        return Answer(200, (_JS, ("cache-control", "no-store")), script.encode())
    if name == "badge.js" and assets.badge:
        return Answer(200, (_JS, ("cache-control", "no-store")), assets.badge.encode())
    if name == HELD:
        return Answer(204, (("cache-control", "no-store"),), b"")
    return Answer(404, (("content-type", "text/plain"),), b"There is nothing here.\n")


def table_answer(assets: Assets, path: str) -> tuple[Answer, tuple[str, ...]] | None:
    """The answer to a GET of what the catalogue says of what a page or worker asks about, and the vendors in it.

    None if the path asks for something else.
    """
    name, _, query = path.removeprefix(BASE).partition("?")
    if name not in ("table", "table.js", "code.js"):
        return None
    said, vendors = assets.answer(query)
    kind = _JS
    if name == "table":
        kind = ("content-type", "application/json")
    elif name == "table.js":
        said = f"self.__consentryTable={said};"
    else:
        code = assets.code(vendors)
        said = f"document.currentScript.dispatchEvent(new CustomEvent('consentry',{{detail:{code}}}))"
    # Documents of no origin ask too, and what they are told is no secret.
    fields = (kind, _cached(query.startswith(f"v={assets.version}&")), ("access-control-allow-origin", "*"))
    return Answer(200, fields, said.encode()), vendors


def _cached(lasting: bool) -> tuple[str, str]:
    return "cache-control", "public, max-age=31536000, immutable" if lasting else "no-store"


def packed(answer: Answer, accepted: str) -> Answer:
    """The answer in a content coding that the browser takes, brotli before gzip. `accepted` is its Accept-Encoding."""
    if len(answer.body) < _SMALL:
        return answer
    offers = {offer.partition(";")[0].strip().lower() for offer in accepted.split(",") if not _REFUSED.search(offer)}
    coding = next((name for name in ("br", "gzip") if name in offers), None)
    if coding is None:
        return answer
    lasting = any("immutable" in value for name, value in answer.headers if name == "cache-control")
    body = _kept(answer.body, coding) if lasting else _compressed(answer.body, coding, hard=False)
    return Answer(answer.status, (*answer.headers, ("content-encoding", coding), ("vary", "accept-encoding")), body)


@lru_cache(maxsize=64)
def _kept(body: bytes, coding: str) -> bytes:
    """What never changes is worth packing well, once."""
    return _compressed(body, coding, hard=True)


def _compressed(body: bytes, coding: str, *, hard: bool) -> bytes:
    if coding == "br":
        return bytes(brotli.compress(body, quality=9 if hard else 4))  # type: ignore[no-untyped-call]
    return gzip.compress(body, 9 if hard else 1, mtime=0)


def parse_json(body: bytes) -> dict[str, Any] | None:
    """A report's body as a mapping, or None: it comes from a page, so from anyone."""
    if len(body) > MOST_BYTES:
        return None
    try:
        plain = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return plain if isinstance(plain, dict) else None


class Event(NamedTuple):
    """What the page made of a router's event: names of destinations that it goes to, None where that is not known."""

    kind: str
    title: str
    kept: tuple[str, ...] | None
    off: tuple[str, ...]
    # What the site itself has switched off.
    site: tuple[str, ...]


class Row(NamedTuple):
    """One row of a report, checked."""

    outcome: str
    vendor: str
    url: str
    type: str
    layer: str
    event: Event | None = None


def reported_rows(plain: Mapping[str, Any], known: Callable[[str], bool]) -> list[Row]:
    """The rows of a report that make sense. `known` says whether a vendor exists."""
    rows = plain.get("rows")
    found: list[Row] = []
    for row in rows[:_MOST_ROWS] if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            continue
        outcome, vendor, url, kind = (row.get(name) for name in ("outcome", "vendor", "url", "type"))
        if outcome in _OUTCOMES and all(isinstance(each, str) for each in (vendor, url, kind)):
            vendor = vendor if known(str(vendor)) else ""
            event = _event(row.get("event")) if outcome == "filtered" else None
            if (vendor or outcome == "trouble") and (event or outcome != "filtered"):
                layer = "worker" if row.get("layer") == "worker" else "guard"
                found.append(Row(str(outcome), str(vendor), str(url)[:_LONGEST_URL], str(kind)[:32], layer, event))
    return found


def _event(plain: object) -> Event | None:
    if not isinstance(plain, dict):
        return None
    kept = None if plain.get("kept") is None else _names(plain["kept"])
    kind, title = (plain[name] if isinstance(plain.get(name), str) else "" for name in ("kind", "title"))
    return Event(shown(kind), shown(title), kept, _names(plain.get("off")), _names(plain.get("site")))


def _names(plain: object) -> tuple[str, ...]:
    names = plain[:_MOST_NAMES] if isinstance(plain, list) else []
    return tuple(name[:_LONGEST_NAME] for name in names if isinstance(name, str))


def reported_page(plain: Mapping[str, Any], origin: str) -> str | None:
    """The address of the page that reports, if it lies where it says; no Referer need tell it."""
    page = plain.get("page")
    return page[:_LONGEST_URL] if isinstance(page, str) and page.startswith(origin + "/") else None


class Quota:
    """Counts what each page reports, so that none can flood the evidence."""

    def __init__(self, clock: Callable[[], float], shared: Shared | None = None) -> None:
        """`clock` gives seconds; what other replicas have counted is `shared`."""
        self._clock = clock
        self._shared = shared
        self._minute = 0
        self._taken: dict[tuple[Client, str], int] = {}

    def take(self, client: Client, site: str, wanted: int) -> tuple[int, bool]:
        """How many of the rows wanted still count in this minute, and whether they are the first not all to count."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute, self._taken = minute, {}
        who = (client, site)
        if who not in self._taken and len(self._taken) >= _MOST_REPORTING:
            return 0, False
        before = self._taken.get(who, 0)
        if self._shared is not None:
            before = max(before, self._shared.reported(client, site, minute, wanted) - wanted)
        self._taken[who] = before + wanted
        left = max(0, _MOST_ROWS_A_MINUTE - before)
        return min(wanted, left), before <= _MOST_ROWS_A_MINUTE < before + wanted


def reported_violations(plain: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The URLs that a browser's CSP reports name, each with the directive (CSP Level 3 §5.3)."""
    report = plain.get("csp-report")
    if not isinstance(report, dict):
        return []
    url, directive = report.get("blocked-uri"), report.get("effective-directive") or report.get("violated-directive")
    if not isinstance(url, str) or not isinstance(directive, str) or "://" not in url:
        return []
    return [(url[:_LONGEST_URL], directive[:64])]


def hosts_named(plain: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The hosts that a page says it asked, each with what for."""
    hosts = plain.get("hosts")
    found: list[tuple[str, str]] = []
    for each in hosts[:_MOST_HOSTS] if isinstance(hosts, list) else []:
        if not isinstance(each, list) or len(each) != 2 or not all(isinstance(part, str) for part in each):
            continue
        host, kind = each
        if len(host) <= 253 and _HOST.fullmatch(host):
            found.append((host, kind[:32]))
    return found


def reported_told(plain: Mapping[str, Any]) -> Told:
    """What a page tells of its storage and of its platform's own call; a report's size bounds it."""
    storage, pages = plain.get("storage"), plain.get("pages")
    return Told(
        {str(key): value for key, value in storage.items() if isinstance(value, str)}
        if isinstance(storage, dict)
        else {},
        dict(pages) if isinstance(pages, dict) else {},
    )


def reported_consent(plain: Mapping[str, Any]) -> Consent | None:
    """The consent that a page says it has now, or None if it says nothing that makes sense."""
    said = plain.get("consent")
    if not isinstance(said, dict):
        return None
    categories = said.get("categories")
    vendors = said.get("vendors")
    if not isinstance(categories, dict) or not isinstance(vendors, dict) or len(vendors) > 1000:
        return None
    refused = said.get("refused")
    partly = list(refused.items())[:_MOST_REFUSED] if isinstance(refused, dict) else []
    return Consent(
        {name: categories[name] for name in CATEGORIES if isinstance(categories.get(name), bool)},
        {str(name)[:64]: value for name, value in vendors.items() if isinstance(value, bool)},
        gpc=said.get("gpc") is True,
        signal="the page",
        note="reported by the page",
        refused={
            str(vendor)[:64]: frozenset(name for name in CATEGORIES if name in names)
            for vendor, names in partly
            if isinstance(names, list)
        },
    )


def reported_order(plain: Mapping[str, Any]) -> int:
    """The number of the watcher's order that a page's consent comes from, or 0 if it is of another's making."""
    said = plain.get("consent")
    number = said.get("order") if isinstance(said, dict) else None
    return number if type(number) is int else 0


def deletions(names: Sequence[str], host: str) -> list[tuple[str, str]]:
    """Set-Cookie fields that delete cookies at every domain they could sit on (HttpOnly ones only we can)."""
    parts = host.split(".")
    domains = ["", *(f"; Domain={'.'.join(parts[index:])}" for index in range(len(parts) - 1))]
    return [("set-cookie", f"{name}=; Max-Age=0; Path=/{domain}") for name in names for domain in domains]
