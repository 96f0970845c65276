"""How a visitor's choice is made on a page: by steps, a known banner, autoconsent, or what the platform keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import urljoin

from playwright.sync_api import Error, Locator, Page

from ..consent.model import CATEGORIES
from ..consent.signals import parse_header
from .banner import Banner
from .states import ACCEPT, REJECT, WITHDRAW, State
from .steps import CLICK, FILL, GOTO, SCROLL, WAIT, Step, Steps

STEPS, PLATFORM, AUTOCONSENT, COOKIE = "steps", "platform", "autoconsent", "cookie"
_Found = TypeVar("_Found")

# How long something to click may take to appear once the page is quiet, and to take a click, in milliseconds.
_APPEARS, _TAKES = 5000, 15_000
_POLL = 50
# Goes through the page so that everything has been in view once, and back.
_SCROLL = """async () => {
  const frame = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const root = document.scrollingElement || document.documentElement;
  for (let at = 0, steps = 0; at < root.scrollHeight && steps < 40; steps += 1) {
    at += Math.max(innerHeight * 0.8, 100);
    scrollTo({top: at, behavior: 'instant'});
    await frame();
  }
  scrollTo({top: 0, behavior: 'instant'});
  await frame();
}"""


class NotReachedError(Exception):
    """A choice cannot be made: one sentence that says why.

    With `nothing_there` the page offers no way to make it, as far as is known; with `needless` it offers others, and
    has nothing of this kind.
    """

    def __init__(self, why: str, *, nothing_there: bool = False, needless: bool = False) -> None:
        super().__init__(why)
        self.nothing_there = nothing_there
        self.needless = needless


@dataclass(frozen=True, slots=True)
class Made:
    """A choice that was made: by what, on which platform ('' if unknown), with how many clicks (None: uncounted)."""

    how: str
    platform: str
    clicks: int | None


class Driver(Protocol):
    """One way to make choices on a page."""

    def make(self, page: Page, action: str, state: State, choosing: Callable[[], None], /) -> Made | None:
        """Accept, reject, choose or withdraw; None if this way has nothing for this page.

        `choosing` is to be called right before what makes the choice. Raises NotReachedError.
        """


def make(drivers: Iterable[Driver], page: Page, action: str, state: State, choosing: Callable[[], None]) -> Made:
    """Make a choice by the first way that can. Raises NotReachedError, with what the first way said."""
    first: NotReachedError | None = None
    for driver in drivers:
        try:
            made = driver.make(page, action, state, choosing)
        except NotReachedError as error:
            first = first or error
        except Error as error:
            first = first or NotReachedError(f"the page did not take it ({short(error)})")
        else:
            if made is not None:
                return made
    raise first or NotReachedError("no consent banner that is known was found; describe it with --steps")


def scroll(page: Page) -> None:
    """Go through the whole page once, and back to its top."""
    page.evaluate(_SCROLL)


class StepsDriver:
    """Does what a steps file says."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def make(self, page: Page, action: str, state: State, choosing: Callable[[], None]) -> Made | None:
        """See Driver."""
        steps = self._steps.for_action(action, state)
        if not steps:
            return None
        clicks = [at for at, each in enumerate(steps) if each.verb == CLICK]
        decisive = clicks[-1] if clicks else len(steps) - 1
        for at, step in enumerate(steps):
            if at == decisive:
                choosing()
            take(page, step)
        return Made(STEPS, "", len(clicks))


def take(page: Page, step: Step) -> None:
    """Take one step. Raises NotReachedError, which names the step's file and line."""
    found = page.locator(step.target).first
    try:
        if step.verb == CLICK:
            found.click(timeout=_TAKES)
        elif step.verb == FILL:
            found.fill(step.text, timeout=_TAKES)
        elif step.verb == WAIT:
            found.wait_for(timeout=_TAKES)
        elif step.verb == GOTO:
            page.goto(urljoin(page.url, step.target))
        elif step.verb == SCROLL and step.target != "bottom":
            found.scroll_into_view_if_needed(timeout=_TAKES)
        else:
            scroll(page)
    except Error as error:
        raise NotReachedError(
            f"{step.where}: '{step.verb}: {step.target}' could not be done on {page.url.partition('?')[0]} "
            f"({short(error)})"
        ) from None


class BannerDriver:
    """Clicks in the banner of a platform that is described."""

    def __init__(self, banners: Mapping[str, Banner], names: Mapping[str, Mapping[str, str]]) -> None:
        """`names` are those that a site has given its platform's categories, by platform."""
        self._banners = tuple(banners.values())
        self._any = ", ".join(selector for each in self._banners for selector in each.notice)
        self._names = names

    def make(self, page: Page, action: str, state: State, choosing: Callable[[], None]) -> Made | None:
        """See Driver."""
        if action == WITHDRAW:
            return self._withdraw(page, choosing)
        banner = self._asking(page)
        if banner is None:
            return None
        if action == ACCEPT:
            return self._accept(page, banner, choosing)
        if action == REJECT:
            return self._reject(page, banner, choosing)
        _must_have_choices(banner)
        clicks = self._open(page, banner)
        return Made(PLATFORM, banner.platform.platform, clicks + self._choose(page, banner, state.granted, choosing))

    def asks(self, page: Page) -> bool:
        """Whether a banner that is described can be seen now."""
        return _visible(page, self._any)

    def _asking(self, page: Page) -> Banner | None:
        """The banner that asks, once it can be seen."""
        if not _appears(page, lambda: self.asks(page) or None):
            return None
        return next((each for each in self._banners if _visible(page, ", ".join(each.notice))), None)

    def _accept(self, page: Page, banner: Banner, choosing: Callable[[], None]) -> Made:
        if not _visible(page, banner.accept):
            raise NotReachedError(f"the banner of {banner.platform.name} offers no way to accept", nothing_there=True)
        choosing()
        _first(page, banner.accept).click(timeout=_TAKES)
        return Made(PLATFORM, banner.platform.platform, 1)

    def _reject(self, page: Page, banner: Banner, choosing: Callable[[], None]) -> Made:
        if _visible(page, banner.reject):
            choosing()
            _first(page, banner.reject).click(timeout=_TAKES)
            return Made(PLATFORM, banner.platform.platform, 1)
        if not banner.settings:
            # It may have some, in which a visitor can refuse.
            raise NotReachedError(
                f"no button that refuses is seen in the banner of {banner.platform.name}, and its settings are not "
                "described; describe them with --steps"
            )
        if not _visible(page, banner.settings):
            raise NotReachedError(f"the banner of {banner.platform.name} offers no way to refuse", nothing_there=True)
        if not banner.reject_all:
            _must_have_choices(banner)
        clicks = self._open(page, banner)
        return Made(PLATFORM, banner.platform.platform, clicks + self._refuse(page, banner, choosing))

    def _withdraw(self, page: Page, choosing: Callable[[], None]) -> Made | None:
        for banner in self._banners:
            clicks = self._reopen(page, banner)
            if clicks is not None:
                return Made(PLATFORM, banner.platform.platform, clicks + self._refuse(page, banner, choosing))
        return None

    def _reopen(self, page: Page, banner: Banner) -> int | None:
        """Open the settings again, and say with how many clicks; None if there is no way."""
        if _visible(page, banner.reopen):
            _first(page, banner.reopen).click(timeout=_TAKES)
            return 1
        if banner.call and page.evaluate(f"typeof {banner.call.partition('.')[0].removesuffix('()')} !== 'undefined'"):
            page.evaluate(f"void {banner.call}")
            return 0
        return None

    def _open(self, page: Page, banner: Banner) -> int:
        """Open the settings from the notice, and say with how many clicks."""
        if not _visible(page, banner.settings):
            raise NotReachedError(
                f"the banner of {banner.platform.name} offers no choice of categories", nothing_there=True
            )
        _first(page, banner.settings).click(timeout=_TAKES)
        return 1

    def _refuse(self, page: Page, banner: Banner, choosing: Callable[[], None]) -> int:
        """Refuse everything in the settings, which are open, and say with how many clicks."""
        _appears(page, lambda: self._in_settings(page, banner) or None)
        if _visible(page, banner.reject_all):
            choosing()
            _first(page, banner.reject_all).click(timeout=_TAKES)
            return 1
        return self._choose(page, banner, frozenset(), choosing)

    def _in_settings(self, page: Page, banner: Banner) -> bool:
        there = (banner.reject_all, banner.save, *(each.each for each in banner.choices))
        return any(_visible(page, selector) for selector in there)

    def _choose(self, page: Page, banner: Banner, granted: frozenset[str], choosing: Callable[[], None]) -> int:
        """Allow these categories and no others in the settings, which are open, and say with how many clicks."""
        _must_have_choices(banner)
        found = _appears(page, lambda: self._switches(page, banner) or None)
        if not found:
            raise NotReachedError(
                f"the settings of {banner.platform.name} offer no choice of categories", nothing_there=True
            )
        offered = {category for _, categories, _ in found for category in categories}
        if missing := sorted(granted - offered):
            raise NotReachedError(
                f"the settings of {banner.platform.name} offer no choice of {missing[0]}", needless=True
            )
        clicks = 0
        if not banner.save:
            choosing()
        for element, categories, does in found:
            wanted = bool(categories) and granted.issuperset(categories)
            turn = element.is_checked() != wanted if does == "switch" else (does == "grant") == wanted
            if turn:
                # What is drawn over a switch must not be in the way.
                element.evaluate("each => each.click()")
                clicks += 1
        if banner.save:
            choosing()
            _first(page, banner.save).click(timeout=_TAKES)
            clicks += 1
        return clicks

    def _switches(self, page: Page, banner: Banner) -> list[tuple[Locator, tuple[str, ...], str]]:
        """The elements of the settings, each with the categories that its name stands for and what it does."""
        names = self._names.get(banner.platform.platform, {})
        found = []
        for choices in banner.choices:
            for element in page.locator(choices.each).all():
                name = choices.name(element.get_attribute(choices.attribute) or "")
                if name is None:
                    continue
                categories = (names[name],) if name in names else banner.categories(name)
                if "necessary" not in categories:
                    found.append((element, tuple(categories), choices.does))
        return found


class KeptDriver:
    """Writes what a platform itself keeps, after the examples in its file, and loads the page anew."""

    def __init__(self, platforms: Iterable[Mapping[str, Any]], name: str, asks: Callable[[Page], bool]) -> None:
        """`platforms` are files' data, `name` the one that the user named, or ''. `asks` sees whether a banner asks."""
        self._platforms = {str(each["platform"]): each for each in platforms}
        self._name = name
        self._asks = asks

    def make(self, page: Page, action: str, state: State, choosing: Callable[[], None]) -> Made | None:
        """See Driver."""
        if not self._name:
            return None
        granted = frozenset[str]() if action == WITHDRAW else state.granted
        wanted = {name: "granted" if name in granted else "denied" for name in CATEGORIES}
        example = next(
            (
                each
                for each in self._platforms[self._name]["examples"]
                if each.get("expect") == wanted and "overrides" not in each and ("cookies" in each or "storage" in each)
            ),
            None,
        )
        if example is None:
            raise NotReachedError(f"the file of {self._name} has no example of this choice to write")
        choosing()
        cookies = [
            {"name": name, "value": value, "url": page.url}
            for name, values in parse_header(example.get("cookies", "")).items()
            for value in values
        ]
        page.context.add_cookies(cookies)  # type: ignore[arg-type]
        for key, value in example.get("storage", {}).items():
            page.evaluate("([key, value]) => localStorage.setItem(key, value)", [key, value])
        page.reload()
        if self._asks(page):
            raise NotReachedError(f"{self._name} does not take the example of its file, and asks again")
        return Made(COOKIE, self._name, None)


def _appears(page: Page, find: Callable[[], _Found | None]) -> _Found | None:
    """What is found, as soon as it is; None if it does not come."""
    for _ in range(_APPEARS // _POLL):
        found = find()
        if found is not None:
            return found
        page.wait_for_timeout(_POLL)
    return find()


def _must_have_choices(banner: Banner) -> None:
    """Raise NotReachedError if nobody has described how single categories are chosen; the site may offer it."""
    if not banner.choices:
        raise NotReachedError(
            f"how the settings of {banner.platform.name} are used is not described; describe it with --steps"
        )


def _visible(page: Page, selector: str) -> bool:
    return bool(selector) and any(each.is_visible() for each in page.locator(selector).all())


def _first(page: Page, selector: str) -> Locator:
    """The first that can be seen."""
    found: Sequence[Locator] = page.locator(selector).all()
    return next((each for each in found if each.is_visible()), found[0])


def short(error: Error) -> str:
    """What Playwright says of an error, in one line."""
    return " ".join(error.message.split("Call log")[0].split())[:160]
