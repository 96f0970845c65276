"""The signals in which consent is read, in order of priority: what is said first for a category counts.

A signal looks at a request's cookies, and at what a page tells of its storage, and says what it finds, or None.
Our own cookie comes first, since whoever writes it means it; then the cookie that the configuration names, the
consent platforms, the standards' strings, and last what a page has told before of its platform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from typing import Protocol

from .cookie import COOKIE, TOLD_COOKIE, PlainCookie, parse_cookie
from .model import CATEGORIES, DNT_DENIES, NOTHING_SAID, Consent, Listing
from .platforms import Platform, Reading, read_platforms
from .standards import consents_of_strings, standard_strings

_LONGEST_HEADER = 65536
# So many of several values are told in a note.
_MOST_SHOWN = 4
_LONGEST_WORDS = 300
Cookies = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Told:
    """What a page tells that no cookie says: `storage` is from its localStorage, `pages` what platforms' calls gave."""

    storage: Mapping[str, str]
    pages: Mapping[str, object]


NOTHING_TOLD = Told({}, {})


class Signal(Protocol):
    """One place where consent is read."""

    def read(self, cookies: Cookies, told: Told) -> Consent | None:
        """What the cookies (each name with all its values) say, or None if this signal is not there."""


@dataclass(frozen=True, slots=True)
class OwnCookie:
    """Reads `consentry=…`, or under another name what a page has told before."""

    name: str = COOKIE

    def read(self, cookies: Cookies, _told: Told) -> Consent | None:
        """See Signal."""
        values = cookies.get(self.name)
        return _strictest([parse_cookie(value, self.name) for value in values]) if values else None


@dataclass(frozen=True, slots=True)
class ConfiguredCookie:
    """Reads the plain cookie that the configuration names."""

    cookie: PlainCookie

    def read(self, cookies: Cookies, _told: Told) -> Consent | None:
        """See Signal."""
        values = cookies.get(self.cookie.name)
        return _strictest([self.cookie.parse(value) for value in values]) if values else None


@dataclass(frozen=True, slots=True)
class Platforms:
    """Reads what every consent platform on the site has written; of several, refusals count."""

    platforms: tuple[Platform, ...]
    overrides: Mapping[str, Mapping[str, str]]
    listed: tuple[Listing, ...] = ()

    def read(self, cookies: Cookies, told: Told) -> Consent | None:
        """See Signal."""
        found = [_of_reading(reading, cookies, self.listed) for reading in self.readings(cookies, told)]
        decided = [consent for consent in found if consent.decided]
        return _strictest(decided or found) if found else None

    def readings(self, cookies: Cookies, told: Told) -> tuple[Reading, ...]:
        """What each platform that is there says."""
        return read_platforms(self.platforms, cookies, told.storage, told.pages, overrides=self.overrides)


@dataclass(frozen=True, slots=True)
class Standards:
    """Reads the strings of TCF, GPP, US Privacy and Additional Consent in the standards' own cookies."""

    listed: tuple[Listing, ...] = ()

    def read(self, cookies: Cookies, _told: Told) -> Consent | None:
        """See Signal."""
        strings = {(each.standard, each.value): each for each in standard_strings(cookies)}
        found, providers = consents_of_strings(strings.values(), cookies, self.listed)
        return reduce(_filled, providers, _strictest(found)) if found else None


class Reader:
    """Reads a visitor's consent from request headers. Remembers the headers it has read before."""

    def __init__(
        self,
        plain: PlainCookie | None = None,
        platforms: tuple[Platform, ...] = (),
        overrides: Mapping[str, Mapping[str, str]] | None = None,
        listed: tuple[Listing, ...] = (),
        *,
        dnt_denies: bool = False,
    ) -> None:
        """`plain` is the site's own cookie, if the configuration names one.

        `overrides` maps a platform to the categories that the site has given its names. `listed` are the vendors whose
        own consent is read from the standards' strings. With `dnt_denies` Do Not Track denies what the visitor left
        unset.
        """
        self.listed = listed
        self._dnt_denies = dnt_denies
        self.platforms = Platforms(platforms, overrides or {}, listed)
        self.signals: tuple[Signal, ...] = (
            OwnCookie(),
            *([ConfiguredCookie(plain)] if plain else []),
            self.platforms,
            Standards(listed),
            OwnCookie(TOLD_COOKIE),
        )
        self._remembered = lru_cache(maxsize=1024)(self._read)

    def read(self, cookie_header: str, gpc_header: str | None, dnt_header: str | None = None) -> Consent:
        """The consent that a `Cookie` header says, with GPC if `Sec-GPC` is '1' (https://w3c.github.io/gpc/)."""
        return self._remembered(cookie_header[:_LONGEST_HEADER], _is_gpc(gpc_header), self.heeds_dnt(dnt_header))

    def read_told(
        self, cookie_header: str, gpc_header: str | None, told: Told, dnt_header: str | None = None
    ) -> Consent:
        """The same, with what a page tells; what it has told before does not count then."""
        cookies = parse_header(cookie_header[:_LONGEST_HEADER])
        cookies.pop(TOLD_COOKIE, None)
        said = self._combined(cookies, _is_gpc(gpc_header), told)
        return with_dnt(said) if self.heeds_dnt(dnt_header) else said

    def heeds_dnt(self, dnt_header: str | None) -> bool:
        """Whether a `DNT` header (W3C, "Tracking Preference Expression") asks not to be tracked, and it is heeded."""
        return self._dnt_denies and dnt_header is not None and dnt_header.strip().startswith("1")

    def _read(self, cookie_header: str, gpc: bool, dnt: bool) -> Consent:
        said = self._combined(parse_header(cookie_header), gpc, NOTHING_TOLD)
        return with_dnt(said) if dnt else said

    def _combined(self, cookies: Cookies, gpc: bool, told: Told) -> Consent:
        """The first signal that decides; what it leaves open is filled by those after it."""
        decided: Consent | None = None
        undecided = NOTHING_SAID
        for signal in self.signals:
            if decided is not None and isinstance(signal, OwnCookie) and decided.categories.keys() >= set(CATEGORIES):
                # What a page has told before adds nothing to a whole answer.
                break
            found = signal.read(cookies, told)
            if found is None:
                continue
            gpc = gpc or found.gpc
            if decided is not None:
                decided = _filled(decided, found)
            elif found.decided:
                decided = found
            else:
                undecided = found
            # A cookie that is written for us, or named to us, is the whole answer. What platforms have decided is not:
            # a standard's string may refuse single vendors besides, or carry GPC.
            if decided is not None and isinstance(signal, OwnCookie | ConfiguredCookie):
                break
        said = decided or undecided
        # Those who have said nothing have all one consent, for which verdicts are remembered.
        return said if said.gpc == gpc else replace(said, gpc=gpc)


def with_dnt(said: Consent) -> Consent:
    """The consent of a visitor who asks not to be tracked: what was left unset of that is denied."""
    return replace(said, dnt=True, implied={**said.implied, **dict.fromkeys(DNT_DENIES, False)})


def _is_gpc(header: str | None) -> bool:
    return header is not None and header.strip() == "1"


def parse_header(header: str) -> dict[str, list[str]]:
    """The cookies of a `Cookie` header (RFC 6265 §4.2.1), each name with all its values in order."""
    cookies: dict[str, list[str]] = {}
    for pair in header.split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals:
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] == '"':
                value = value[1:-1]
            cookies.setdefault(name.strip(), []).append(value)
    return cookies


def _of_reading(reading: Reading, cookies: Cookies, listed: Sequence[Listing]) -> Consent:
    """What a platform says, its own answers first and then the standard's string that it keeps."""
    consent = replace(reading.consent, implied=reading.implied)
    if reading.sure == "unsure":
        consent = replace(consent, note=f"{consent.note} (how this platform writes is not known for sure)")
    found, providers = consents_of_strings(reading.defer_to, cookies, listed)
    for said in (*found, *providers):
        consent = _filled(consent, said) if consent.decided else replace(said, implied=consent.implied)
    return consent


def _filled(first: Consent, then: Consent) -> Consent:
    """The first, with what it leaves open filled in from the other."""
    if all(
        new.keys() <= known.keys()
        for new, known in (
            (then.categories, first.categories),
            (then.vendors, first.vendors),
            (then.refused, first.refused),
        )
    ):
        return first
    known = {*first.categories, *first.vendors, *first.refused}
    added = {name: then.read_from(name) for name in (*then.categories, *then.vendors, *then.refused)}
    return replace(
        first,
        sources={**{name: place for name, place in added.items() if name not in known}, **first.sources},
        categories={**then.categories, **first.categories},
        vendors={**then.vendors, **first.vendors},
        refused={**then.refused, **first.refused},
        gpc=first.gpc or then.gpc,
        note=f"{first.note}; the rest {then.note}",
    )


def _strictest(found: Sequence[Consent]) -> Consent:
    """Several that say the same kind of thing (two scopes of a name, two platforms): a refusal in any counts."""
    if len(found) == 1:
        return found[0]
    refused: dict[str, frozenset[str]] = {}
    for consent in found:
        for name, names in consent.refused.items():
            refused[name] = refused.get(name, frozenset()) | names
    answers = [{**each.categories, **each.vendors} for each in found]
    categories = _all_granting([each.categories for each in found])
    vendors = _all_granting([each.vendors for each in found])
    sources = {
        name: _places(
            [each.read_from(name) for each, said in zip(found, answers, strict=True) if said.get(name) is answer]
        )
        for name, answer in {**categories, **vendors}.items()
    }
    partly = {name: _places([each.read_from(name) for each in found if name in each.refused]) for name in refused}
    shown = "; ".join(f"{each.signal}: {each.words()[:_LONGEST_WORDS]}" for each in found[:_MOST_SHOWN])
    return replace(
        found[0],
        categories=categories,
        vendors=vendors,
        gpc=any(consent.gpc for consent in found),
        implied=_all_granting([each.implied for each in found]),
        refused=refused,
        signal=_places([consent.signal for consent in found]),
        sources={**partly, **sources},
        note=f"{len(found)} values: refusals count ({shown}{'; and others' if len(found) > _MOST_SHOWN else ''})",
    )


def _all_granting(said: Sequence[Mapping[str, bool]]) -> dict[str, bool]:
    """Each name that any of them answers, granted where nobody denies it."""
    merged: dict[str, bool] = {}
    for each in said:
        for name, granted in each.items():
            merged[name] = merged.get(name, True) and granted
    return merged


def _places(signals: Sequence[str]) -> str:
    return " and ".join(dict.fromkeys(signals))
