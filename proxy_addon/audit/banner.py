"""Where a visitor clicks in a consent platform's banner, as its file in rules/platforms says (`banner`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..consent.platforms import Platform, compile_platforms


@dataclass(frozen=True, slots=True)
class Choices:
    """Elements of the settings, one for each of the platform's own names.

    `each` finds them. The name stands in `attribute`, around which `before` and `after` are cut off. Of a `switch` the
    state counts; a click on what `grants` allows the name, on what does not refuses it.
    """

    each: str
    attribute: str
    before: str
    after: str
    does: str

    def name(self, value: str) -> str | None:
        """The platform's own name in an attribute's value; None if it is of another form."""
        if len(value) <= len(self.before) + len(self.after):
            return None
        if not value.startswith(self.before) or not value.endswith(self.after):
            return None
        return value[len(self.before) : len(value) - len(self.after)]


@dataclass(frozen=True, slots=True)
class Banner:
    """Selectors of one platform's banner; '' where the platform has no such thing.

    `accept`, `reject` and `settings` stand in the first notice; `reject_all` and `save` in the settings, which
    `reopen` opens again later, or else the call `open`.
    """

    platform: Platform
    accept: str
    reject: str
    settings: str
    reject_all: str
    choices: tuple[Choices, ...]
    save: str
    reopen: str
    call: str

    @property
    def notice(self) -> tuple[str, ...]:
        """What stands in the first notice: one of them can be seen while it asks."""
        return tuple(filter(None, (self.accept, self.reject, self.settings)))

    def categories(self, name: str) -> tuple[str, ...]:
        """The categories that one of the platform's own names stands for; empty where that is not known."""
        return self.platform.categories.get(name)


def banners(plain: Mapping[str, Any]) -> dict[str, Banner]:
    """The banners that the platforms of validated data describe, by platform."""
    platforms = {each.platform: each for each in compile_platforms(plain)}
    return {
        each["platform"]: _banner(platforms[each["platform"]], each["banner"])
        for each in plain["platforms"]
        if "banner" in each
    }


def _banner(platform: Platform, plain: Mapping[str, Any]) -> Banner:
    words = ("accept", "reject", "settings", "reject_all", "save", "reopen", "call")
    choices = tuple(_choices(each) for each in plain.get("choices", ()))
    return Banner(platform=platform, choices=choices, **{word: plain.get(word, "") for word in words})


def _choices(plain: Mapping[str, Any]) -> Choices:
    before, _, after = plain.get("name", "*").partition("*")
    return Choices(plain["each"], plain["attribute"], before, after, plain["does"])
