"""Consent platforms: one small interpreter of `rules/platforms/*.yaml`.

A platform's file says in data where a consent platform keeps the visitor's choice and how it is written
(`rules/platform.schema.json` explains each word); this module only follows it. Values come from anybody: whatever
cannot be understood leaves everything unset and says so in the note, and nothing here raises on a value.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from .model import CATEGORIES, Consent

# No value longer than this is read, and of one value no more answers than this.
LONGEST = 32768
_MOST_ANSWERS = 500
_MOST_NAMES_IN_A_NOTE = 8
_LONGEST_NAME = 100
# One name at two scopes gives two values; more than a few are nobody's honest cookies.
_MOST_VALUES = 8
WHOLE = "*"
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Deferred:
    """A string of a standard in which the platform keeps the choice; decoding it is another module's work.

    `standard` is `tcf`, `ac`, `gpp` or `usp`; `value` is the string; `where` names the cookie or key it was found in.
    """

    standard: str
    value: str
    where: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one platform says of one visitor.

    `answers` are the platform's own names as they were answered (`*` for an answer to everything). `implied` is what
    the platform applies by itself while no choice was made: it is no choice, and `consent` does not contain it.
    """

    platform: str
    consent: Consent
    sure: str
    answers: Mapping[str, bool] = field(default_factory=dict)
    implied: Mapping[str, bool] = field(default_factory=dict)
    defer_to: tuple[Deferred, ...] = ()


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A name with at most one `*`, which stands for any run of characters."""

    before: str
    after: str
    wild: bool

    @classmethod
    def of(cls, text: str) -> _Pattern:
        before, star, after = text.partition("*")
        return cls(before, after, bool(star))

    def caught(self, name: str) -> str | None:
        """What `*` stands for in a name ('' where there is no `*`), or None if the name does not fit."""
        if not self.wild:
            return "" if name == self.before else None
        if len(name) < len(self.before) + len(self.after):
            return None
        if not name.startswith(self.before) or not name.endswith(self.after):
            return None
        return name[len(self.before) : len(name) - len(self.after)]

    def names(self, values: Mapping[str, Any]) -> Iterable[str]:
        """The names among `values` that fit."""
        if not self.wild:
            return (self.before,) if self.before in values else ()
        return [name for name in values if self.caught(name) is not None]


@dataclass(frozen=True, slots=True)
class _Names:
    """Maps a platform's own names; case, blanks, `-`, `_` and `.` make no difference."""

    exact: Mapping[str, tuple[str, ...]]
    wild: tuple[tuple[_Pattern, tuple[str, ...]], ...]

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> _Names:
        entries = [(_folded(name), tuple([to] if isinstance(to, str) else to)) for name, to in plain.items()]
        return cls(
            {name: to for name, to in entries if "*" not in name},
            tuple((_Pattern.of(name), to) for name, to in entries if "*" in name),
        )

    def get(self, name: str) -> tuple[str, ...]:
        """What a name stands for; empty where nothing is known of it."""
        folded = _folded(name)
        found = self.exact.get(folded)
        if found is not None:
            return found
        return next((to for pattern, to in self.wild if pattern.caught(folded) is not None), ())


_Step = Callable[[Any], Any]
_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Condition:
    """Something that must be there: a cookie, a storage key, or a part of the value being read."""

    cookie: _Pattern | None
    storage: _Pattern | None
    at: _Path
    wanted: frozenset[str] | None
    unwanted: frozenset[str] | None

    def holds(self, value: Any, cookies: Mapping[str, Sequence[str]], storage: Mapping[str, str]) -> bool:
        if self.cookie is not None:
            found = [_word(each) for name in self.cookie.names(cookies) for each in cookies[name][:_MOST_VALUES]]
        elif self.storage is not None:
            found = [_word(storage[name]) for name in self.storage.names(storage)]
        else:
            part = _part(value, self.at)
            found = [] if part is None else [_word(part)]
        if self.wanted is not None:
            return any(word in self.wanted for word in found)
        if self.unwanted is not None:
            return not any(word in self.unwanted for word in found)
        return bool(found)


@dataclass(frozen=True, slots=True)
class _Answers:
    """One way in which a value holds answers: an entry each, lists of names, or one word for everything."""

    each: _Path | None
    whole: _Path | None
    accepted: _Path | None
    refused: _Path | None
    offered: _Path | None
    name: _Path
    value: _Path
    skip: _Names
    steps: tuple[_Step, ...]
    granted: frozenset[str]
    denied: frozenset[str]

    def read(self, value: Any) -> Iterator[tuple[str, bool]]:
        """Each answer of a decoded value: the platform's own name and whether it is granted."""
        if self.each is not None:
            for name, entry in _entries(self._at(value, self.each)):
                said = self._said(_part(entry, self.value))
                if said is not None:
                    for each in _listed(_part(entry, self.name)) if self.name else (name,):
                        if not self.skip.get(each):
                            yield each, said
        elif self.whole is not None:
            said = self._said(self._at(value, self.whole))
            if said is not None:
                yield WHOLE, said
        else:
            accepted = _listed(self._at(value, self.accepted))
            refused = _listed(self._at(value, self.refused))
            known = {_folded(name) for name in accepted}
            refused = [*refused, *(n for n in _listed(self._at(value, self.offered)) if _folded(n) not in known)]
            for name in refused:
                yield name, False
            for name in accepted:
                yield name, True

    def there(self, value: Any) -> bool:
        """Whether the value has the part that these answers stand in, be it empty."""
        paths = (self.each, self.accepted, self.refused)
        return any(isinstance(self._at(value, path), dict | list) for path in paths)

    def _at(self, value: Any, path: _Path | None) -> Any:
        return None if path is None else _decoded(_part(value, path), self.steps)

    def _said(self, value: Any) -> bool | None:
        word = _word(value)
        return False if word in self.denied else True if word in self.granted else None


@dataclass(frozen=True, slots=True)
class _Place:
    """One place where a platform keeps answers."""

    cookie: _Pattern | None
    cookies: _Pattern | None
    storage: _Pattern | None
    steps: tuple[_Step, ...]
    decided: tuple[_Condition, ...]
    stale: tuple[_Condition, ...]
    answers: tuple[_Answers, ...]
    empty: bool
    silence: tuple[str, ...]
    unanimous: bool

    def values(self, cookies: Mapping[str, Sequence[str]], storage: Mapping[str, str]) -> list[tuple[str, Any]]:
        """Every value that lies in this place, not yet decoded, with the name of where it was found."""
        if self.cookie is not None:
            found = [(name, value) for name in self.cookie.names(cookies) for value in cookies[name][:_MOST_VALUES]]
            return [(f"cookie {name}", value) for name, value in found[:_MOST_VALUES]]
        if self.storage is not None:
            return [(f"storage {name}", storage[name]) for name in self.storage.names(storage)][:_MOST_VALUES]
        return self._family(cookies)

    def _family(self, cookies: Mapping[str, Sequence[str]]) -> list[tuple[str, Any]]:
        """One mapping of the cookies that fit `cookies:`; a second one for what has a second value, and so on."""
        pattern = self.cookies
        if pattern is None:
            return []
        found = {pattern.caught(name) or "": cookies[name] for name in list(pattern.names(cookies))[:_MOST_ANSWERS]}
        depth = min(max(map(len, found.values()), default=0), _MOST_VALUES)
        where = f"cookies {pattern.before}*{pattern.after}"
        return [
            (where, {name: values[at] for name, values in found.items() if at < len(values)}) for at in range(depth)
        ]


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a string of a standard lies."""

    standard: str
    place: _Place
    at: _Path


@dataclass(slots=True)
class _Found:
    """What the values of one place say together: refusals count."""

    answers: dict[str, bool] = field(default_factory=dict)
    where: str = ""
    there: bool = False
    stale: bool = False

    def add(self, name: str, granted: bool) -> None:
        name = _clean(name)
        if name in self.answers or len(self.answers) < _MOST_ANSWERS:
            self.answers[name] = self.answers.get(name, True) and granted


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform's file, compiled. `api`, `change` and `storage` are data for the guard in the page."""

    platform: str
    name: str
    sure: str
    readable: str
    recognised: tuple[_Pattern, ...]
    recognised_storage: tuple[_Pattern, ...]
    places: tuple[_Place, ...]
    defers: tuple[_Source, ...]
    page: _Place | None
    categories: _Names
    refusals: _Names
    vendors: _Names
    browser: Mapping[str, Any]

    def cookie_names(self) -> tuple[str, ...]:
        """The names of the cookies that say something of this platform; `*` stands for any run of characters."""
        places = (*self.places, *(each.place for each in self.defers))
        patterns = (
            *self.recognised,
            *(pattern for each in places for pattern in (each.cookie, each.cookies) if pattern),
        )
        return tuple(dict.fromkeys(each.before + "*" * each.wild + each.after for each in patterns))

    def read(
        self,
        cookies: Mapping[str, Sequence[str]],
        storage: Mapping[str, str] = _NOTHING,
        *,
        overrides: Mapping[str, str] = _NOTHING,
    ) -> Reading | None:
        """What the platform says, or None where nothing of it is there.

        `cookies` gives each name with all its values, `storage` the localStorage keys that the page reported.
        `overrides` maps the platform's own names (a OneTrust group, a label) to one of our categories for one site;
        `necessary`, or any other word, takes the name out of the count.
        """
        if not self._is_there(cookies, storage):
            return None
        defer_to = tuple(self._deferred(cookies, storage))
        undecided: Reading | None = None
        long = False
        for place in self.places:
            values = place.values(cookies, storage)
            short = [(where, value) for where, value in values if _size(value) <= LONGEST]
            long = long or len(short) < len(values)
            chosen, implied = _find(place, short, cookies, storage)
            if chosen is not None:
                return self._reading(place, chosen, overrides, defer_to)
            if implied is not None and undecided is None:
                undecided = self._implied(place, implied, overrides, defer_to)
        return undecided or Reading(
            self.platform, self._consent(note=self._why_nothing(defer_to, long)), self.sure, defer_to=defer_to
        )

    def read_page(self, value: object, *, overrides: Mapping[str, str] = _NOTHING) -> Reading | None:
        """What the object says that the page's own call (`api:`) returned; None where the file names no call."""
        if self.page is None:
            return None
        call = self.browser["api"]["read"]
        chosen, _ = _find(self.page, [(f"page {call}", value)], _NOTHING, _NOTHING)
        if chosen is None:
            note = f"{self.name}: {call} tells no choice"
            return Reading(self.platform, self._consent(note=note), self.sure)
        return self._reading(self.page, chosen, overrides, ())

    def _is_there(self, cookies: Mapping[str, Sequence[str]], storage: Mapping[str, str]) -> bool:
        return any(_any(each.names(cookies)) for each in self.recognised) or any(
            _any(each.names(storage)) for each in self.recognised_storage
        )

    def _deferred(self, cookies: Mapping[str, Sequence[str]], storage: Mapping[str, str]) -> Iterator[Deferred]:
        for source in self.defers:
            for where, value in source.place.values(cookies, storage):
                if _size(value) <= LONGEST:
                    found = _part(_decoded(value, source.place.steps), source.at)
                    if isinstance(found, str) and _LOOKS[source.standard](found):
                        yield Deferred(source.standard, found, where)

    def _reading(
        self, place: _Place, found: _Found, overrides: Mapping[str, str], defer_to: tuple[Deferred, ...]
    ) -> Reading:
        categories, vendors = self._ours(place, found, overrides)
        note = f"{self.name}: {_listing(found.answers)} in {found.where}"
        if found.stale:
            # An older choice that the platform itself no longer takes for one: refusals stay, grants do not.
            categories = {name: granted for name, granted in categories.items() if not granted}
            vendors = {name: granted for name, granted in vendors.items() if not granted}
            note += "; the platform asks again, so what was granted before no longer counts"
        elif not categories and not vendors:
            note += "; no name in it is known to stand for one of our categories"
        return Reading(
            self.platform, self._consent(categories, vendors, note), self.sure, found.answers, defer_to=defer_to
        )

    def _implied(
        self, place: _Place, found: _Found, overrides: Mapping[str, str], defer_to: tuple[Deferred, ...]
    ) -> Reading:
        implied, _ = self._ours(place, found, overrides)
        note = f"{self.name} is here, but no choice was made: {_clip(found.where)} holds what it applies by itself"
        return Reading(self.platform, self._consent(note=note), self.sure, found.answers, implied, defer_to)

    def _ours(
        self, place: _Place, found: _Found, overrides: Mapping[str, str]
    ) -> tuple[dict[str, bool], dict[str, bool]]:
        """The answers as our categories and vendors. Where several of theirs make one of ours, a refusal counts."""
        own = {_folded(name): category for name, category in overrides.items()}
        said = found.answers
        if any(each.accepted is not None for each in place.answers):
            # In a list of what was accepted, a name that the site knows and that is not listed was refused.
            listed = {_folded(name) for name in said}
            said = {**{name: False for name in overrides if _folded(name) not in listed}, **said}
        categories: dict[str, bool] = {}
        vendors: dict[str, bool] = {}
        accepts = False
        for name, granted in said.items():
            if name == WHOLE:
                continue
            override = own.get(_folded(name))
            targets = self.categories.get(name) if override is None else (override,)
            if override is None and not granted:
                targets = (*targets, *self.refusals.get(name))
            accepts = accepts or (granted and targets != ("necessary",))
            for category in targets:
                if category in CATEGORIES:
                    categories[category] = categories.get(category, True) and granted
            for vendor in self.vendors.get(name):
                vendors[vendor] = vendors.get(vendor, True) and granted
        whole = found.answers.get(WHOLE)
        optional = {g for n, g in found.answers.items() if n != WHOLE and self.categories.get(n) != ("necessary",)}
        if whole is False or (whole is None and place.empty and not accepts):
            categories = dict.fromkeys(CATEGORIES, False)
        elif whole and not categories:
            categories = dict.fromkeys(CATEGORIES, True)
        elif place.unanimous and not categories and len(optional) == 1:
            # Names that nobody outside the site knows: if all were answered alike, that is the answer to everything.
            categories = dict.fromkeys(CATEGORIES, optional.pop())
        for category in place.silence:
            categories.setdefault(category, False)
        return categories, vendors

    def _consent(
        self, categories: Mapping[str, bool] = _NOTHING, vendors: Mapping[str, bool] = _NOTHING, note: str = ""
    ) -> Consent:
        return Consent(dict(categories), dict(vendors), signal=f"platform {self.platform}", note=note)

    def _why_nothing(self, defer_to: tuple[Deferred, ...], long: bool) -> str:
        if defer_to:
            standards = " and ".join(dict.fromkeys(each.standard.upper() for each in defer_to))
            return f"{self.name}: the choice lies in the {standards} string of {_clip(defer_to[0].where)}"
        if long:
            return f"{self.name}: a value longer than {LONGEST} characters was not read"
        if self.readable == "page":
            return f"{self.name} is here, but its choice can only be read in the page"
        return f"{self.name} is here, but holds no choice that could be read"


def compile_platforms(plain: Mapping[str, Any]) -> tuple[Platform, ...]:
    """The platforms of validated data (`{"platforms": [...]}`, as the loader gives it), in order of their ids."""
    return tuple(_platform(each) for each in sorted(plain["platforms"], key=lambda each: str(each["platform"])))


def read_platforms(
    platforms: Iterable[Platform],
    cookies: Mapping[str, Sequence[str]],
    storage: Mapping[str, str] = _NOTHING,
    pages: Mapping[str, object] = _NOTHING,
    *,
    overrides: Mapping[str, Mapping[str, str]] = _NOTHING,
) -> tuple[Reading, ...]:
    """A reading of every platform that is there.

    `pages` maps a platform's id to what its own call returned in the page: a choice in it comes before what is
    written elsewhere. `overrides` maps a platform's id to its site's own mapping.
    """
    found: list[Reading] = []
    for each in platforms:
        mapping = overrides.get(each.platform, _NOTHING)
        reading = each.read_page(pages[each.platform], overrides=mapping) if each.platform in pages else None
        if reading is None or not reading.consent.decided:
            reading = each.read(cookies, storage, overrides=mapping) or reading
        if reading is not None:
            found.append(reading)
    return tuple(found)


def browser_table(platforms: Iterable[Platform]) -> list[dict[str, Any]]:
    """What the guard needs to know of every platform, as plain data for its compiled table.

    Each entry has `platform`; where the file says so `globals` and `scripts` (what the platform is recognised by),
    `storage` (patterns of localStorage keys to report to the proxy), `change` (how the page hears of a change), and
    `api` (the call that tells the choice) with `categories`, `refusals` and `vendors` to map its names.
    """
    return [dict(each.browser) for each in platforms]


def _platform(plain: Mapping[str, Any]) -> Platform:
    recognise = plain.get("recognise", {})
    places = tuple(_place(each) for each in plain.get("places", ()))
    api = plain.get("api")
    return Platform(
        platform=plain["platform"],
        name=plain["name"],
        sure=plain["sure"],
        readable=plain["readable"],
        recognised=tuple(_Pattern.of(each) for each in recognise.get("cookies", ())),
        recognised_storage=tuple(_Pattern.of(each) for each in recognise.get("storage", ())),
        places=places,
        defers=tuple(
            _Source(each["standard"], _place({**each, "at": ""}), _path(each.get("at", "")))
            for each in plain.get("defer", ())
        ),
        page=_place({**api, "answers": [{"each": api.get("at", ""), **_words(api)}]}) if api else None,
        categories=_Names.of(plain.get("categories", {})),
        refusals=_Names.of(plain.get("refusals", {})),
        vendors=_Names.of(plain.get("vendors", {})),
        browser=_browser(plain),
    )


def _browser(plain: Mapping[str, Any]) -> dict[str, Any]:
    recognise = plain.get("recognise", {})
    keys = [each["storage"] for each in (*plain.get("places", ()), *plain.get("defer", ())) if "storage" in each]
    table = {
        "platform": plain["platform"],
        "globals": recognise.get("globals", []),
        "scripts": recognise.get("scripts", []),
        "storage": list(dict.fromkeys([*keys, *recognise.get("storage", ())])),
        "change": plain.get("change", []),
    }
    if "api" in plain:
        table["api"] = {"at": "", "granted": [True], "denied": [False], **plain["api"]}
        table["categories"] = plain.get("categories", {})
        table["refusals"] = plain.get("refusals", {})
        table["vendors"] = plain.get("vendors", {})
    return {name: value for name, value in table.items() if value != []}


def _place(plain: Mapping[str, Any]) -> _Place:
    cookie, cookies, storage = (
        _Pattern.of(plain[word]) if word in plain else None for word in ("cookie", "cookies", "storage")
    )
    return _Place(
        cookie=cookie,
        cookies=cookies,
        storage=storage,
        steps=_steps(plain.get("decode", ())),
        decided=tuple(_condition(each) for each in plain.get("decided", ())),
        stale=tuple(_condition(each) for each in plain.get("stale", ())),
        answers=tuple(_answers(each) for each in plain.get("answers", ())),
        empty=plain.get("empty") == "denied",
        silence=tuple(plain.get("silence", ())),
        unanimous=bool(plain.get("unanimous", False)),
    )


def _answers(plain: Mapping[str, Any]) -> _Answers:
    each, whole, accepted, refused, offered = (
        _path(plain[word]) if word in plain else None for word in ("each", "whole", "accepted", "refused", "offered")
    )
    return _Answers(
        each=each,
        whole=whole,
        accepted=accepted,
        refused=refused,
        offered=offered,
        name=_path(plain.get("name", "")),
        value=_path(plain.get("value", "")),
        skip=_Names.of(dict.fromkeys(plain.get("skip", ()), WHOLE)),
        steps=_steps(plain.get("decode", ())),
        granted=frozenset(map(_word, plain.get("granted", (True,)))),
        denied=frozenset(map(_word, plain.get("denied", (False,)))),
    )


def _words(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {word: plain[word] for word in ("name", "value", "granted", "denied") if word in plain}


def _condition(plain: Mapping[str, Any]) -> _Condition:
    return _Condition(
        cookie=_Pattern.of(plain["cookie"]) if "cookie" in plain else None,
        storage=_Pattern.of(plain["storage"]) if "storage" in plain else None,
        at=_path(plain.get("at", "")),
        wanted=frozenset(map(_word, plain["is"])) if "is" in plain else None,
        unwanted=frozenset(map(_word, plain["not"])) if "not" in plain else None,
    )


def _path(plain: str | Sequence[str]) -> _Path:
    parts = plain.split(".") if isinstance(plain, str) else plain
    return tuple(str(part) for part in parts if part != "")


# Reading


def _find(
    place: _Place,
    values: Sequence[tuple[str, Any]],
    cookies: Mapping[str, Sequence[str]],
    storage: Mapping[str, str],
) -> tuple[_Found | None, _Found | None]:
    """What the values of a place say by the visitor's choice, and what they say without one."""
    chosen, implied = _Found(), _Found()
    for where, raw in values:
        value = _decoded(raw, place.steps)
        if value is None:
            continue
        by_choice = all(each.holds(value, cookies, storage) for each in place.decided)
        into = chosen if by_choice else implied
        into.where = _clip(where)
        into.there = into.there or any(each.there(value) for each in place.answers)
        into.stale = into.stale or any(each.holds(value, cookies, storage) for each in place.stale)
        for answers in place.answers:
            for name, granted in answers.read(value):
                into.add(name, granted)
    return (
        chosen if chosen.answers or (place.empty and chosen.there) else None,
        implied if implied.answers else None,
    )


def _part(value: Any, path: _Path) -> Any:
    """The part of a decoded value under the keys and indexes of a path; None if it is not there."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list):
            value = value[int(step)] if step.isascii() and step.isdigit() and int(step) < len(value) else None
        else:
            return None
    return value


def _entries(value: Any) -> Iterable[tuple[str, Any]]:
    """The entries of a mapping by key or of a list by index, at most so many."""
    if isinstance(value, dict):
        return [(str(name), entry) for name, entry in list(value.items())[:_MOST_ANSWERS]]
    if isinstance(value, list):
        return [(str(index), entry) for index, entry in enumerate(value[:_MOST_ANSWERS])]
    return ()


def _listed(value: Any) -> list[str]:
    """Names, from a list of them, the keys of a mapping, or a single one; numbers count as names."""
    items = value if isinstance(value, list) else list(value) if isinstance(value, dict) else [value]
    return [str(item) for item in items[:_MOST_ANSWERS] if isinstance(item, str | int) and item != ""]


def _word(value: Any) -> str:
    """A value as a word to be compared: JSON's `true` and the text 'True' are the same word."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str):
        return value.strip().lower()
    return str(value) if isinstance(value, int | float) else "\0"


_FOLD = str.maketrans("", "", " -_.")


def _folded(name: str) -> str:
    return name.lower().translate(_FOLD) or name


def _clean(name: str) -> str:
    """A name that may be shown anywhere: short, printable, and valid Unicode."""
    return "".join(each if each.isprintable() else "?" for each in name[:_LONGEST_NAME])


def _clip(where: str) -> str:
    return _clean(where)


def _listing(answers: Mapping[str, bool]) -> str:
    if not answers:
        return "nothing was accepted"
    parts = [
        f"{'everything' if name == WHOLE else name} {'granted' if granted else 'denied'}"
        for name, granted in list(answers.items())[:_MOST_NAMES_IN_A_NOTE]
    ]
    more = len(answers) - len(parts)
    return ", ".join(parts) + (f" and {more} more" if more else "")


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str) else max((len(each) for each in value.values()), default=0)


def _any(names: Iterable[str]) -> bool:
    return any(True for _ in names)


# Decoding: each step takes what the one before it gave, and gives None where it cannot be understood.


def _decoded(value: Any, steps: Iterable[_Step]) -> Any:
    for step in steps:
        if value is None:
            return None
        value = step(value)
    return value


def _steps(plain: Iterable[str | Mapping[str, Any]]) -> tuple[_Step, ...]:
    return tuple(_STEPS[each] if isinstance(each, str) else _step_with(each) for each in plain)


def _step_with(plain: Mapping[str, Any]) -> _Step:
    ((word, given),) = plain.items()
    if word == "pairs":
        return lambda value: _pairs(value, given["between"], given["is"])
    if word == "list":
        return lambda value: _list(value, given)
    if word == "from":
        return lambda value: given + value.partition(given)[2] if isinstance(value, str) and given in value else None
    return lambda value: value.partition(given)[0] if isinstance(value, str) else None


def _percent(value: Any) -> Any:
    return unquote(value) if isinstance(value, str) else None


def _json(value: Any) -> Any:
    """Parsed JSON; what is parsed already stays, since some platforms put JSON as text into JSON and some do not."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _base64(value: Any) -> Any:
    """Text from base64 in either alphabet, padded or not."""
    if not isinstance(value, str):
        return None
    plain = value.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return None


def _query(value: Any) -> Any:
    """The fields of a query string; of a field that stands twice, the first."""
    if not isinstance(value, str):
        return None
    fields: dict[str, str] = {}
    for name, said in parse_qsl(value, keep_blank_values=True):
        fields.setdefault(name, said)
    return fields


def _jwt(value: Any) -> Any:
    """The claims of a JSON Web Token. The signature is not checked: the choice is the visitor's own."""
    parts = value.split(".", 3) if isinstance(value, str) else []
    return _json(_base64(parts[1])) if len(parts) == 3 else None


def _quasi_json(value: Any) -> Any:
    """A JavaScript object literal with bare keys and one level: {stamp:'x',necessary:true}."""
    text = value.strip() if isinstance(value, str) else ""
    if not (text.startswith("{") and text.endswith("}")):
        return None
    fields: dict[str, str] = {}
    for pair in _outside_quotes(text[1:-1]):
        name, colon, said = pair.partition(":")
        if colon:
            fields.setdefault(name.strip(" '\""), said.strip().strip("'\""))
    return fields


def _outside_quotes(text: str) -> Iterator[str]:
    """The parts of a text between the commas that stand outside single quotes."""
    pair = ""
    for index, piece in enumerate(text.split("'")):
        if index % 2:
            pair += piece
            continue
        first, *others = piece.split(",")
        pair += first
        for other in others:
            yield pair
            pair = other
    yield pair


def _pairs(value: Any, between: str, joint: str) -> Any:
    """A mapping from a list of pairs; of a name that stands twice, the last."""
    if not isinstance(value, str):
        return None
    pairs = (part.partition(joint) for part in _list(value, between))
    return {name.strip(): said.strip() for name, found, said in pairs if found}


def _list(value: Any, separators: str) -> Any:
    """The parts of a text between any of the separators, without empty ones."""
    if not isinstance(value, str):
        return None
    for each in separators[1:]:
        value = value.replace(each, separators[0])
    return [part.strip() for part in value.split(separators[0]) if part.strip()]


_STEPS: Mapping[str, _Step] = {
    "percent": _percent,
    "json": _json,
    "base64": _base64,
    "query": _query,
    "jwt": _jwt,
    "quasi-json": _quasi_json,
}


_TCF_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def _looks_like_tcf(text: str) -> bool:
    # Version 2 in the first six bits makes the first letter a C (IAB TCF v2, core string).
    return len(text) >= 20 and text[0] == "C" and _TCF_LETTERS.issuperset(text)


def _looks_like_ac(text: str) -> bool:
    return text[:2] in ("1~", "2~") and frozenset("0123456789.~dv").issuperset(text)


def _looks_like_gpp(text: str) -> bool:
    return text.startswith("DB") and _TCF_LETTERS.union("~").issuperset(text)


def _looks_like_usp(text: str) -> bool:
    return len(text) == 4 and text[0] == "1" and frozenset("YN-yn").issuperset(text[1:])


_LOOKS: Mapping[str, Callable[[str], bool]] = {
    "tcf": _looks_like_tcf,
    "ac": _looks_like_ac,
    "gpp": _looks_like_gpp,
    "usp": _looks_like_usp,
}
