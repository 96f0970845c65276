"""The pages and the API of the dashboard, as an ASGI application."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ..catalogue.match import Catalogue
from ..catalogue.model import Vendor
from ..config import UsageError
from ..consent.model import CATEGORIES, NECESSARY, Regime
from ..consent.platforms import Platform
from ..filter.duration import LONGEST
from ..filter.pause import Pause
from ..ledger import Evidence
from ..own import INSIDE_PATH, TICKET
from ..visitors import Client
from ..watch import Who
from . import sitebook
from .access import LOGIN, STATIC, Guarded, Keys
from .channels import Channels
from .keeping import Standing, notice
from .scene import KINDS, Scene, Seen, kind_of
from .steer import OrderError, order
from .words import names, row_words

_HERE = Path(__file__).parent
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# News are gathered for so many seconds, and a silent stream shows that it lives.
_GATHER, _HEARTBEAT = 0.08, 15.0
_MOST_ROWS = 100
_MOST_VIEWERS = 20
_EXPORTS = {
    "html": ("text/plain; charset=utf-8", sitebook.policy_html),
    "md": ("text/plain; charset=utf-8", sitebook.policy_markdown),
    "csv": ("text/csv; charset=utf-8", sitebook.policy_csv),
}
_STREAM = {"cache-control": "no-store", "x-accel-buffering": "no"}


class History(Protocol):
    """Evidence that is kept longer than the scene."""

    def rows(
        self, *, vendor: str, site: str, than: Evidence | None, before: int | None, most: int
    ) -> tuple[list[Past], int]:
        """The newest rows first, those older `than` a row or before the row of that id; and before which to go on.

        That is 0 where there are no more; there may be more though few were found, or none.
        """

    def standing(self) -> Standing:
        """How it stands with what is recorded now."""


@dataclass(frozen=True, slots=True)
class Past:
    """A row of the history, and its id there."""

    id: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Subject:
    """What the dashboard shows and steers. `pretend` lets a browser pass for one that sends GPC on a site.

    `pause` is that of a filter, None where nothing can pause.
    """

    scene: Scene
    catalogue: Catalogue
    regimes: Mapping[str, Regime]
    platforms: tuple[Platform, ...]
    pretend: Callable[[Client, str, bool], None]
    history: History | None = None
    pause: Pause | None = None


class Dashboard:
    """The application: `app` is to be served, `channels` buys tickets, `end` closes all streams."""

    def __init__(self, subject: Subject, keys: Keys, *, inside: int) -> None:
        """`inside` is the port on which only the proxy itself asks."""
        self._subject = subject
        self._keys = keys
        self._columns = sitebook.columns(subject.regimes.values())
        self._files = dict(_files())
        self._templates = _environment(self._files)
        self._viewers = 0
        self._orders = 0
        self._ended = asyncio.Event()
        self.channels = Channels(subject.scene.listening, subject.scene.owed)
        routes = [
            Route("/", self._live),
            Route("/consent", self._consent),
            Route("/vendors", self._vendors),
            Route("/vendors/{vendor}", self._vendor),
            Route("/site", self._site),
            Route("/site/cookies.{form}", self._cookies),
            Route("/api/events", self._events),
            Route("/api/rows", self._rows),
            Route("/api/load/{number:int}", self._load),
            Route("/api/consent", self._set_consent, methods=["POST"]),
            Route("/api/pause", self._tell_pause),
            Route("/api/pause", self._set_pause, methods=["POST"]),
            Route(STATIC + "{name}", self._static),
            Route("/favicon.ico", self._icon),
            Route(LOGIN, self._login, methods=["GET", "POST"]),
            Route(INSIDE_PATH, self._page_channel),
        ]
        starlette = Starlette(routes=routes, exception_handlers={HTTPException: _in_words, 500: _in_words})
        self._guard = Guarded(starlette, keys, inside=inside)
        self.app = self._guard

    def end(self) -> None:
        """Close all streams, so that the server can stop. On the dashboard's loop."""
        self._ended.set()
        self.channels.end()

    # Pages

    @cached_property
    def _names(self) -> Mapping[str, Mapping[str, str]]:
        # (There may be ten thousand, and nobody may ever look.)
        return names(self._subject.catalogue)

    async def _live(self, _: Request) -> Response:
        return self._page("live", vendors=self._names, kinds=KINDS, categories=CATEGORIES)

    async def _consent(self, _: Request) -> Response:
        titles = {each.category: each for each in self._subject.catalogue.categories}
        return self._page("consent", vendors=self._names, categories=[titles[name] for name in CATEGORIES])

    async def _vendors(self, request: Request) -> Response:
        seen, site = await self._seen(request)
        vendors = sorted(self._subject.catalogue.vendors.values(), key=lambda each: each.name.casefold())
        asked = request.query_params.get("q", "")[:100]
        return self._page(
            "vendors", listed=[(each, _haystack(each)) for each in vendors], seen=seen, site=site, asked=asked
        )

    async def _vendor(self, request: Request) -> Response:
        vendor = self._subject.catalogue.vendors.get(request.path_params["vendor"])
        if vendor is None:
            raise HTTPException(404, "There is no such vendor.")
        seen, site = await self._seen(request)
        known = self._subject.catalogue.vendors
        related = [(name, known.get(name)) for name in vendor.related]
        return self._page("vendor", vendor=vendor, related=related, seen=seen.get(vendor.vendor, 0), site=site)

    async def _site(self, request: Request) -> Response:
        sites = self._subject.scene.sites()
        name = _asked_site(request, sites)
        site = self._subject.scene.site(name)
        catalogue = self._subject.catalogue
        context: dict[str, Any] = {"sites": sites, "name": name, "site": site, "columns": self._columns}
        if site is not None:
            cookies = sitebook.policy(site.cookies.values(), catalogue, self._subject.platforms, name)
            context |= {
                "whole": sitebook.takings(site.vendors, catalogue, self._columns),
                "pages": [
                    (page, sitebook.takings(counts, catalogue, self._columns))
                    for page, counts in reversed(site.pages.items())
                ],
                "cookies": cookies,
                "exports": {form: write(cookies) for form, (_, write) in _EXPORTS.items()},
                "strangers": sitebook.strangers(site.hosts.values()),
            }
        return self._page("site", **context)

    async def _cookies(self, request: Request) -> Response:
        form = _EXPORTS.get(request.path_params["form"])
        site = self._subject.scene.site(_asked_site(request, self._subject.scene.sites()))
        if form is None or site is None:
            raise HTTPException(404, "There is no such table.")
        kind, write = form
        rows = sitebook.policy(site.cookies.values(), self._subject.catalogue, self._subject.platforms, site.site)
        return _text(write(rows), kind)

    async def _login(self, request: Request) -> Response:
        if request.method == "POST":
            said = parse_qs((await _body(request)).decode("utf-8", "replace")).get("token", [""])[0]
            return self._guard.open(said, "/")
        return self._page("login", wrong="wrong" in request.query_params, needed=self._keys.needed)

    async def _static(self, request: Request) -> Response:
        file = self._files.get(request.path_params["name"])
        if file is None:
            raise HTTPException(404, "There is no such file.")
        lasting = request.query_params.get("v") == file.version
        cache = "private, max-age=31536000, immutable" if lasting else "no-cache"
        return Response(file.content, media_type=file.kind, headers={"cache-control": cache})

    async def _icon(self, _: Request) -> Response:
        return Response(self._files["icon.svg"].content, media_type=_TYPES[".svg"])

    # What the pages ask

    async def _events(self, _: Request) -> Response:
        if self._viewers >= _MOST_VIEWERS:
            return PlainTextResponse("Too many pages of the dashboard are open.\n", 503)
        return StreamingResponse(self._news(), media_type="text/event-stream", headers=_STREAM)

    async def _news(self) -> AsyncIterator[str]:
        """A picture of everything, then what is new, some at a time; and how the ledger stands, when that changes."""
        scene, loop, woken = self._subject.scene, asyncio.get_running_loop(), asyncio.Event()
        subscription = scene.subscribe(partial(loop.call_soon_threadsafe, woken.set))
        self._viewers += 1
        try:
            told = self._stands()
            yield _event("picture", {**scene.picture(subscription), "ledger": told})
            while not self._ended.is_set():
                if (stands := self._stands()) != told:
                    told = stands
                    yield _event("ledger", told)
                if not await self._woken(woken):
                    yield ": still here\n\n"
                    continue
                await asyncio.sleep(_GATHER)
                woken.clear()
                news = scene.news(subscription)
                if news is None:
                    yield _event("picture", {**scene.picture(subscription), "ledger": told})
                elif news:
                    yield _event("news", news)
        finally:
            self._viewers -= 1
            scene.leave(subscription)

    def _stands(self) -> dict[str, str | bool]:
        """What there is to tell of the ledger; empty if all is well."""
        history = self._subject.history
        found = notice(history.standing() if history is not None else None, self._subject.scene.ledger_said())
        return found.plain() if found is not None else {}

    async def _woken(self, woken: asyncio.Event) -> bool:
        """Wait for news, or for the end; False if a while passed without either."""
        waits = [asyncio.ensure_future(woken.wait()), asyncio.ensure_future(self._ended.wait())]
        try:
            done, _ = await asyncio.wait(waits, timeout=_HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        return bool(done)

    async def _rows(self, request: Request) -> Response:
        """Rows of one vendor, newest first, from memory and then from the ledger; `next` asks for older ones."""
        asked = request.query_params
        vendor, site, kind = asked.get("vendor", ""), asked.get("site", ""), asked.get("kind", "")
        where, number = _cursor(asked.get("before", ""))
        scene, history = self._subject.scene, self._subject.history
        if (load := asked.get("load", "")).isdecimal() and int(load[:12]):
            found = scene.load(int(load[:12]))
            rows = (
                [seen for seen in reversed(found[1]) if not vendor or seen.evidence.vendor == vendor] if found else []
            )
            return _json({"rows": [self._row(seen) for seen in rows if not kind or seen.kind == kind], "next": ""})
        if where != "s":
            rows = scene.rows(vendor=vendor, site=site, kind=kind, before=number, most=_MOST_ROWS)
            older = f"m{rows[-1].number}" if len(rows) == _MOST_ROWS else "s0" if history is not None else ""
            return _json({"rows": [self._row(seen) for seen in rows], "next": older})
        if history is None:
            return _json({"rows": [], "next": ""})
        past, further = await run_in_threadpool(
            history.rows,
            vendor=vendor,
            site=site,
            than=None if number else scene.oldest(),
            before=number or None,
            most=_MOST_ROWS,
        )
        rows = [Seen(0, kind_of(each.evidence.outcome), 0, each.evidence) for each in past]
        older = f"s{further}" if further else ""
        return _json({"rows": [self._row(seen) for seen in rows if not kind or seen.kind == kind], "next": older})

    async def _load(self, request: Request) -> Response:
        found = self._subject.scene.load(request.path_params["number"])
        if found is None:
            raise HTTPException(404, "This page load is not remembered any more.")
        load, rows = found
        return _json({**load, "rows": [seen.plain() for seen in rows]})

    async def _set_consent(self, request: Request) -> Response:
        try:
            plain = json.loads(await _body(request))
        except (ValueError, RecursionError):
            plain = None
        name = plain.get("visitor") if isinstance(plain, dict) else None
        found = self._subject.scene.visitor(name) if isinstance(name, str) else None
        if found is None:
            return _json({"error": "This visitor is not known any more."}, 404)
        who, consent = found
        try:
            chosen = order(plain, consent, self._subject.catalogue.vendors)
        except OrderError as error:
            return _json({"error": str(error)}, 400)
        return self._carry_out(who, chosen)

    async def _tell_pause(self, _: Request) -> Response:
        return _json({"until": self._pausing().until})

    async def _set_pause(self, request: Request) -> Response:
        """Pause for so many seconds from now; 0 ends a pause."""
        pause = self._pausing()
        try:
            seconds = json.loads(await _body(request))["seconds"]
        except (ValueError, RecursionError, TypeError, LookupError):
            seconds = None
        if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds <= LONGEST:
            return _json({"error": "A pause takes a number of seconds, at most a day."}, 400)
        try:
            if seconds:
                pause.begin(seconds)
            else:
                pause.end()
        except UsageError as error:
            return _json({"error": str(error)}, 409)
        return _json({"until": pause.until})

    def _pausing(self) -> Pause:
        if self._subject.pause is None:
            raise HTTPException(404, "Only a filter can pause.")
        return self._subject.pause

    def _carry_out(self, who: Who, chosen: Any) -> Response:
        scene = self._subject.scene
        if chosen.gpc is not None:
            self._subject.pretend(who.client, who.site, chosen.gpc)
            scene.pretends(who.visitor, chosen.gpc)
        self._orders += 1
        pages = self.channels.send(who.visitor, self._orders, chosen.message(self._orders))
        if not pages and chosen.gpc is None:
            words = "No page of this visitor is open now; open one, and it takes effect there at once."
            return _json({"error": words}, 409)
        # What the site itself says is known when the page has asked.
        expected = known[1] if chosen.restore and (known := scene.visitor(who.visitor)) else chosen.consent
        return _json({"pages": pages, "visitor": scene.expect(who.visitor, expected, self._orders)})

    # What the proxied pages ask, through the proxy

    async def _page_channel(self, request: Request) -> Response:
        who = self.channels.redeem(request.headers.get(TICKET, ""))
        channel = self.channels.open(who) if who is not None else None
        if channel is None:
            # An EventSource takes this for the end, and does not come again.
            return Response(status_code=204)
        return StreamingResponse(self._messages(channel), media_type="text/event-stream", headers=_STREAM)

    async def _messages(self, channel: Any) -> AsyncIterator[str]:
        try:
            yield "retry: 2000\n\n"
            while not self._ended.is_set():
                try:
                    message = await channel.get(_HEARTBEAT)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if message is None:
                    return
                yield _event("set", message)
        finally:
            self.channels.close(channel)

    # Within

    def _page(self, template: str, /, **context: Any) -> Response:
        text = self._templates.get_template(f"{template}.html").render(
            page=template,
            csrf=self._keys.csrf,
            necessary=NECESSARY,
            pausable=self._subject.pause is not None,
            **context,
        )
        return _text(text, "text/html; charset=utf-8")

    def _row(self, seen: Seen) -> dict[str, Any]:
        return {**seen.plain(), "words": row_words(seen.evidence, self._subject.catalogue)}

    async def _seen(self, request: Request) -> tuple[Mapping[str, int], str]:
        """How often each vendor was seen on the site that is asked for, in this run or as far as the ledger goes."""
        sites = self._subject.scene.sites()
        name = _asked_site(request, sites)
        site = self._subject.scene.site(name)
        seen = {vendor: count.held + count.ran + count.leaked for vendor, count in site.vendors.items()} if site else {}
        return seen, name


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    kind: str
    version: str


def _files() -> list[tuple[str, _File]]:
    found = []
    for path in sorted((_HERE / "static").iterdir()):
        if path.suffix in _TYPES:
            content = path.read_bytes()
            found.append((path.name, _File(content, _TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:12])))
    return found


def _environment(files: Mapping[str, _File]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = lambda name: f"{STATIC}{name}?v={files[name].version}"
    return environment


def _asked_site(request: Request, sites: list[str]) -> str:
    """The site that a page is about: the one asked for if there is such, else the latest."""
    asked = request.query_params.get("site", "")
    return asked if asked in sites else sites[0] if sites else ""


def _haystack(vendor: Vendor) -> str:
    """What a search looks into."""
    domains = [each.domain for each in vendor.domains]
    cookies = [each.name for each in vendor.cookies]
    words = [vendor.vendor, vendor.name, vendor.owner, vendor.category, *vendor.aliases, *vendor.industries]
    return " ".join([*words, *domains, *cookies]).casefold()


def _cursor(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"([ms])([0-9]{1,18})", text)
    return (found[1], int(found[2])) if found else ("m", 0)


async def _body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise HTTPException(413, "That is too long.") from None


# What a stranger named may hold half a character, which is no UTF-8: JSON is written in ASCII, and text with '?'.
def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {_ascii(data)}\n\n"


def _json(data: object, status: int = 200) -> Response:
    return Response(_ascii(data), status, media_type="application/json")


def _text(text: str, kind: str) -> Response:
    return Response(text.encode("utf-8", "replace"), media_type=kind)


def _ascii(data: object) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=True)


async def _in_words(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = error.detail if isinstance(error, HTTPException) else "Something went wrong here; the proxy goes on."
    if request.url.path.startswith("/api/"):
        return _json({"error": words}, status)
    return PlainTextResponse(words + "\n", status)
