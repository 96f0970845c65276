"""Brings one browser into one state, and notes all that happens on the way."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import OpenerDirector

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Request

from ..catalogue.domains import registrable_domain
from ..catalogue.urls import origin, split
from ..ledger import Evidence
from ..ledger.evidence import redact
from .browser import opener, usual_agent, visitor
from .flow import Driver, NotReachedError, make, scroll, short, take
from .model import AFTER, BEFORE, WITHDRAWN, Screenshot
from .overhear import Heard, Overhearing
from .relay import Relays
from .sitemap import SitemapError, fetched, read_sitemap
from .states import ACCEPT, NOTHING, ONLY, REJECT, WITHDRAW, State
from .steps import Steps

_LOAD = 45_000
_POLL = 50
_ERROR_PAGE, _ENDS = re.compile("chrome-error:"), 2000
_MOST_ERRORS = 200
# A sitemap without --links may name so many pages; each is opened in every state.
_MOST_PAGES = 10_000
# Links that undo what is being looked at, or change what is the user's.
_NOT_TO_FOLLOW = ("logout", "log-out", "signout", "sign-out", "abmelden", "delete", "unsubscribe")
# What Playwright says when the page's process, or the browser, is no more.
_BROKEN = ("crash", "has been closed", "connection closed", "disconnected")
_ADDRESS = re.compile(r"https?://\S+")
_LINKS = """() => [...document.querySelectorAll('a[href]')].filter(each => !each.hasAttribute('download'))
  .map(each => each.href)"""
# Tags that something has made inert, so that they wait: what they would load, or what stands in them.
_WAITING = """() => [...document.querySelectorAll('script, iframe, img')].filter(each => each.localName === 'script'
    ? each.type && !/^(module|importmap|speculationrules)$|json$|(java|ecma)script$/i.test(each.type)
    : !each.getAttribute('src')
  ).map(each => [each.dataset.src || each.getAttribute('src') || '', each.localName === 'script' ? each.text : ''])"""
# So many scripts of a state are read, none that is longer.
_MOST_SCRIPTS, _LONGEST_SCRIPT = 200, 8 * 1024 * 1024
# Names on window; those of the browser's own are among them.
_GLOBALS = "() => Object.getOwnPropertyNames(window).slice(0, 10_000)"
_STORED = """() => {
  const keys = area => { try { return Object.keys(globalThis[area]); } catch { return []; } };
  return {local: keys('localStorage'), session: keys('sessionStorage')};
}"""


class SiteError(Exception):
    """The site cannot be looked at: one sentence."""


class BrokenError(SiteError):
    """The browser broke down while it looked at the site: one sentence."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done in every state.

    `pages` are those looked at after the first; None until they are chosen: `links` of the first page, or of the
    sitemap. `quiet` is for how many seconds nothing may happen before a page counts as settled, `patience` how many
    seconds are waited for that at most.
    """

    url: str
    pages: tuple[str, ...] | None
    links: int
    sitemap: bool
    steps: Steps
    storage_state: Path | None
    quiet: float
    patience: float
    screenshots: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a browser keeps at the end of a phase: cookies as Playwright tells them, and (origin, area, key)."""

    phase: str
    cookies: tuple[Mapping[str, Any], ...]
    storage: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Written:
    """That a script wrote a cookie, or a storage key, for the first time on a page."""

    kind: str
    name: str
    script: str
    frame: str


@dataclass(frozen=True, slots=True)
class Missed:
    """A page that could not be looked at, and why, in words that name it."""

    time: float
    url: str
    why: str


@dataclass(frozen=True, slots=True)
class Said:
    """An error of a page."""

    time: float
    kind: str
    text: str
    page: str


@dataclass(frozen=True, slots=True)
class Ways:
    """How choices are made: by which drivers, in order, and by which if the page offers no way."""

    drivers: Sequence[Driver]
    fallback: Driver


@dataclass(slots=True)
class Walk:
    """All that was noted of one state; `marks` are the moments at which its phases began."""

    state: State
    started: float
    marks: list[tuple[float, str]]
    ended: float = 0.0
    how: str = ""
    platform: str = ""
    clicks: int | None = None
    error: str = ""
    # The page offers no way to make the choice, as far as is known.
    nothing_there: bool = False
    # There is nothing to choose there, which is nobody's fault.
    needless: bool = False
    # The choice was made some other way than the visitor's, since there was none.
    kept: bool = False
    pages: list[str] = field(default_factory=list)
    # When each of the pages was gone to.
    opened: list[tuple[float, str]] = field(default_factory=list)
    missed: list[Missed] = field(default_factory=list)
    heard: Sequence[Heard] = ()
    # How much more was heard than is kept.
    unheard: int = 0
    mismatches: Sequence[Evidence] = ()
    noticed: Sequence[Evidence] = ()
    snapshots: list[Snapshot] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    initiators: dict[str, str] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    shots: list[Screenshot] = field(default_factory=list)
    # The text of scripts by their addresses, and the names that pages put on window.
    scripts: dict[str, str] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    # Addresses and inline code of tags that still wait at the end.
    waiting: list[tuple[str, str]] = field(default_factory=list)

    def phase_at(self, moment: float) -> str:
        """The phase that a moment lies in."""
        return next((phase for begun, phase in reversed(self.marks) if begun <= moment), self.marks[0][1])

    def page_at(self, moment: float, referer: str) -> str:
        """The page that something was asked for on; a referer often says its origin only."""
        page = next((url for begun, url in reversed(self.opened) if begun <= moment), "")
        return page if not referer or origin(referer) == origin(page) else referer

    def begins(self, phase: str) -> None:
        """A phase begins now; what comes later than its first mark does not move it."""
        if self.marks[-1][1] != phase:
            self.marks.append((time.time(), phase))


class Stage:
    """Walks states in one browser, each with a proxy, an engine and a profile of its own."""

    def __init__(self, browser: Browser, relays: Relays, ways: Ways) -> None:
        self._browser = browser
        self._relays = relays
        self._ways = ways
        self._agent = usual_agent(browser)

    def walk(self, plan: Plan, state: State, *, first: bool = True) -> tuple[Walk, Plan]:
        """Bring a visitor into a state; the plan comes back with its pages chosen.

        Raises SiteError; for a site that does not answer only if this is the `first` state: later it is the state's
        error.
        """
        kept: dict[str, Any] | None = None
        if plan.storage_state is not None:
            kept = json.loads(plan.storage_state.read_bytes())
        if state.returning:
            earlier, plan, kept = self._visit(plan, state, kept, _choose_and_leave, first=first)
            if earlier.error:
                return earlier, plan
            kept = _without_sessions(kept)
            walk, plan, _ = self._visit(plan, state, kept, _come_back, first=False)
            walk.how, walk.platform, walk.nothing_there = earlier.how, earlier.platform, earlier.nothing_there
            # What was there before the choice is not of this visit.
            walk.snapshots += earlier.snapshots
            walk.unheard += earlier.unheard
            return walk, plan
        walk, plan, _ = self._visit(plan, state, kept, _go_through, first=first)
        return walk, plan

    def _visit(
        self,
        plan: Plan,
        state: State,
        kept: dict[str, Any] | None,
        way: Callable[[_Visit], None],
        *,
        first: bool,
    ) -> tuple[Walk, Plan, dict[str, Any]]:
        now = time.time()
        walk = Walk(state, now, [(now, AFTER if way is _come_back else BEFORE)])
        with self._relays.take() as relay:
            overhearing = relay.overhearing
            context: BrowserContext | None = None
            try:
                context = visitor(self._browser, relay.url, self._agent, kept, gpc=state.gpc)
                wire = _Wire(overhearing, partial(_fetched, context, opener(relay.url, relay.confdir)))
                visit = _Visit(context, walk, plan, wire, self._ways)
                try:
                    way(visit)
                except NotReachedError as error:
                    if first and not walk.pages:
                        raise SiteError(_sentence(str(error))) from None
                    walk.error, walk.nothing_there, walk.needless = str(error), error.nothing_there, error.needless
                    visit.photograph()
                # Playwright opens pages to find this out.
                left: dict[str, Any] = dict(context.storage_state()) if way is _choose_and_leave else {}
            except Error as error:
                kind = BrokenError if broke_down(error) else SiteError
                raise kind(f"{plan.url} could not be looked at ({short(error)}); is it up?") from None
            finally:
                if context is not None:
                    context.close()
            walk.heard, walk.unheard = overhearing.requests(), overhearing.unheard()
            walk.mismatches, walk.noticed = overhearing.mismatches(), overhearing.noticed()
            walk.ended = time.time()
        return walk, visit.plan, left


@dataclass(frozen=True, slots=True)
class _Wire:
    """A visitor's proxy: what passes it, and `fetch`, which gets what is at an address by way of it."""

    overhearing: Overhearing
    fetch: Callable[[str], bytes]


class _Visit:
    """One visitor's browser context, and what is done in it."""

    def __init__(self, context: BrowserContext, walk: Walk, plan: Plan, wire: _Wire, ways: Ways) -> None:
        self.walk = walk
        self.plan = plan
        self._context = context
        self._overhearing = wire.overhearing
        self._fetch = wire.fetch
        self._ways = ways
        self._scripts: list[Request] = []
        context.expose_binding("__consentryAudit", self._wrote)
        context.add_init_script(Path(__file__).with_name("wrote.js").read_text("utf-8"))
        self.page = context.new_page()
        self.page.set_default_timeout(_LOAD)
        self.page.on("console", self._logged)
        self.page.on("pageerror", self._threw)
        self.page.on("requestfinished", self._finished)
        self.page.on("dialog", lambda dialog: dialog.dismiss())
        session = context.new_cdp_session(self.page)
        session.on("Network.requestWillBeSent", self._asks)
        session.send("Network.enable")
        # What comes from the cache would not be seen on the wire.
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})

    def begin(self) -> None:
        """Open the first page, and take the steps that come before anything else."""
        self.open(self.plan.url)
        if self.plan.steps.before:
            for step in self.plan.steps.before:
                take(self.page, step)
            self.settle()
            self.open(self.plan.url)

    def open(self, url: str) -> None:
        """Go to a page and look at all of it. Raises NotReachedError if there is none."""
        self.walk.opened.append((time.time(), url))
        try:
            response = self.page.goto(url, wait_until="load")
        except Error as error:
            if broke_down(error):
                raise
            self._leave()
            why = short(error).partition(" at http")[0]
            raise NotReachedError(f"{redact(url)} could not be looked at ({why}); is it up?") from None
        if response is not None and response.status >= 400:
            raise NotReachedError(f"{redact(url)} cannot be looked at: the answer is {response.status}")
        self.walk.pages.append(url)
        self.look()

    def _leave(self) -> None:
        """Have done with a page that could not be had, so that it cannot come in between later."""
        with suppress(Error):
            # Chromium shows an error in its place, after it was said to have failed.
            self.page.wait_for_url(_ERROR_PAGE, timeout=_ENDS)
        with suppress(Error):
            self.page.goto("about:blank", timeout=_ENDS)

    def look(self) -> None:
        """Wait until the page is quiet, go through it once, and wait again."""
        self.settle()
        try:
            scroll(self.page)
        except Error as error:
            if broke_down(error):
                raise
            # The page was just left for another, which is gone through instead.
            self.page.wait_for_load_state("load")
            scroll(self.page)
        self.settle()
        self._read_scripts()

    def settle(self) -> None:
        """Wait until nothing has been under way for a while, in the page and on the wire."""
        begun = time.time()
        while (now := time.time()) < begun + self.plan.patience:
            since = self._overhearing.quiet_since()
            # What was just done may only be about to stir something.
            left = None if since is None else max(since, begun) + self.plan.quiet - now
            if left is not None and left <= 0:
                self._idle()
                if self._overhearing.quiet_since() == since:
                    return
                continue
            # No sooner can it have been quiet for long enough.
            self.page.wait_for_timeout(_POLL if left is None else left * 1000 + 1)

    def _idle(self) -> None:
        try:
            self.page.evaluate("() => new Promise(done => requestIdleCallback(() => done(), {timeout: 2000}))")
        except Error:
            # The page was just left for another.
            self.page.wait_for_load_state("load")

    def _finished(self, request: Request) -> None:
        if request.resource_type == "script" and len(self._scripts) < _MOST_SCRIPTS:
            self._scripts.append(request)

    def _read_scripts(self) -> None:
        """Note what the page's scripts hold, before it is left for another; what cannot be had is left out."""
        asked, self._scripts = self._scripts, []
        for request in asked:
            if request.url in self.walk.scripts or len(self.walk.scripts) >= _MOST_SCRIPTS:
                continue
            try:
                response = request.response()
                body = response.body() if response is not None and response.ok else b""
            except Error:
                continue
            if 0 < len(body) <= _LONGEST_SCRIPT:
                self.walk.scripts[request.url] = body.decode("utf-8", "replace")
        try:
            self.walk.globals |= {str(each) for each in self.page.evaluate(_GLOBALS)}
        except Error:
            return

    def choose(self, action: str, phase: str) -> None:
        """Make the visitor's choice, with which a phase begins. Raises NotReachedError."""

        def choosing() -> None:
            self.walk.begins(phase)

        try:
            made = make(self._ways.drivers, self.page, action, self.walk.state, choosing)
        except NotReachedError as error:
            made_anyway = self._ways.fallback.make(self.page, action, self.walk.state, choosing)
            if made_anyway is None:
                raise
            self.walk.nothing_there, self.walk.kept, made = error.nothing_there, True, made_anyway
        self.walk.how, self.walk.platform = made.how, made.platform or self.walk.platform
        if self.walk.clicks is None:
            self.walk.clicks = made.clicks
        self.settle()

    def rest(self) -> None:
        """Look at the pages that come after the first. One that cannot be looked at is noted, and the others are."""
        if self.plan.pages is None:
            self.plan = _with_pages(self.plan, self._found())
        for url in self.plan.pages or ():
            try:
                self.open(url)
            except NotReachedError as error:
                self.walk.missed.append(Missed(time.time(), url, str(error)))

    def keep(self, phase: str) -> None:
        """Note what the browser keeps now."""
        storage = []
        for frame in self.page.frames:
            try:
                found = frame.evaluate(_STORED)
            except Error:
                continue
            at = origin(frame.url) or ""
            storage += [(at, area, key) for area in ("local", "session") for key in found[area]]
        self.walk.snapshots.append(
            Snapshot(phase, tuple(dict(each) for each in self._context.cookies()), tuple(dict.fromkeys(storage)))
        )

    def photograph(self) -> None:
        """Take a picture of the page."""
        if not self.plan.screenshots:
            return
        size = self.page.viewport_size or {"width": 0, "height": 0}
        try:
            png = self.page.screenshot(animations="disabled", caret="hide", timeout=10_000)
        except Error:
            return
        phase = self.walk.marks[-1][1]
        self.walk.shots.append(Screenshot(phase, self.page.url, size["width"], size["height"], png))

    def note_waiting_tags(self) -> None:
        """Note the tags that still wait for something."""
        self.walk.waiting += [(src, code) for src, code in self.page.evaluate(_WAITING)]

    def _found(self) -> Iterator[str]:
        if self.plan.sitemap:
            yield from self._in_sitemap()
        elif self.plan.links:
            yield from map(str, self.page.evaluate(_LINKS))

    def _in_sitemap(self) -> Iterator[str]:
        source = (origin(self.plan.url) or "") + "/sitemap.xml"
        try:
            for _, url in read_sitemap(source, self._fetch(source), self._fetch):
                yield url
        except SitemapError as error:
            raise SiteError(f"{_sentence(str(error))} Or leave out --sitemap.") from None

    def _asks(self, event: Mapping[str, Any]) -> None:
        stack = event.get("initiator", {})
        frames: list[Mapping[str, Any]] = []
        trace = stack.get("stack")
        while trace:
            frames += trace.get("callFrames", ())
            trace = trace.get("parent")
        by = next((str(each["url"]) for each in frames if each.get("url")), "") or str(stack.get("url") or "")
        self.walk.initiators.setdefault(str(event["request"]["url"]).partition("#")[0], by)

    def _wrote(self, source: Mapping[str, Any], kind: str, name: str, script: str) -> None:
        frame = source.get("frame")
        self.walk.written.append(Written(str(kind), str(name), str(script), frame.url if frame else ""))

    def _logged(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._says("console", message.text)

    def _threw(self, error: Error) -> None:
        self._says("exception", f"{error.name}: {error.message}" if error.name else error.message)

    def _says(self, kind: str, text: str) -> None:
        if len(self.walk.said) < _MOST_ERRORS:
            self.walk.said.append(Said(time.time(), kind, text[:500], self.page.url))


def _go_through(visit: _Visit) -> None:
    state = visit.walk.state
    visit.begin()
    if state.choice == NOTHING:
        visit.photograph()
        visit.rest()
        visit.keep(BEFORE)
        return
    visit.keep(BEFORE)
    action = state.choice if state.choice in (REJECT, ONLY) else ACCEPT
    visit.choose(action, AFTER)
    visit.open(visit.plan.url)
    if state.choice == WITHDRAW:
        visit.keep(AFTER)
        visit.choose(WITHDRAW, WITHDRAWN)
        visit.open(visit.plan.url)
    visit.photograph()
    visit.note_waiting_tags()
    visit.rest()
    visit.keep(state.last)


def _choose_and_leave(visit: _Visit) -> None:
    visit.begin()
    visit.keep(BEFORE)
    visit.choose(REJECT, AFTER)


def _come_back(visit: _Visit) -> None:
    visit.open(visit.plan.url)
    visit.photograph()
    visit.rest()
    visit.keep(AFTER)


def _without_sessions(kept: dict[str, Any]) -> dict[str, Any]:
    """What a browser still has of this after it was closed."""
    cookies: Iterable[Mapping[str, Any]] = kept.get("cookies", ())
    return {**kept, "cookies": [each for each in cookies if each.get("expires", -1) != -1]}


def _with_pages(plan: Plan, found: Iterable[str]) -> Plan:
    """The plan with the first of these addresses that lie on the site and are safe to follow. Raises SiteError."""
    site = registrable_domain(_host(plan.url))
    chosen: dict[str, None] = {}
    for each in found:
        url = each.partition("#")[0]
        on_site = url.startswith(("http://", "https://")) and registrable_domain(_host(url)) == site
        if on_site and url != plan.url and not any(word in url.lower() for word in _NOT_TO_FOLLOW):
            chosen.setdefault(url)
        if plan.links and len(chosen) >= plan.links:
            break
        if len(chosen) > _MOST_PAGES:
            raise SiteError(
                f"The sitemap of {plan.url} names more than {_MOST_PAGES:,} pages; say how many: --links 20."
            )
    return replace(plan, pages=tuple(chosen))


def broke_down(error: Error) -> bool:
    """Whether it is the browser that is no more, or the page's process, and not the page that did something."""
    said = _ADDRESS.sub("", error.message).lower()
    return any(each in said for each in _BROKEN)


def _fetched(context: BrowserContext, through: OpenerDirector, url: str) -> bytes:
    """What is at an address, as the visitor gets it. Raises SitemapError."""
    cookies = context.cookies([url]) if url.startswith(("http://", "https://")) else []
    return fetched(url, through, "; ".join(f"{each.get('name')}={each.get('value')}" for each in cookies))


def _sentence(text: str) -> str:
    return text if text.endswith(("?", ".")) else f"{text}."


def _host(url: str) -> str:
    parts = split(url)
    return parts.host if parts else ""
