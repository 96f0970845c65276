"""What a router's settings connect, and what its events may reach: read, and filtered by the visitor's consent.

A router (catalogue.model.Router) forwards each event to destinations. Its settings lose the destinations that are
refused, and its events switch them off. Pure: text in, text out. docs/routers.md says the same in words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from ..catalogue.model import Connected, Destination, Match, Router, Shape
from ..consent.model import CATEGORIES, Consent, Regime
from ..policy import Verdict, decide
from . import coding
from .jsontext import Change, Part, UnclearError, along, put, reach, read, without

# What is longer is not read, neither settings nor events.
MOST_BYTES = 8 * 1024 * 1024
_GZIP = b"\x1f\x8b"
# Why a destination gets nothing that is allowed.
BY_SITE = "by the site"
_LONGEST_TITLE = 60
_MOST_NAMES = 50
# So many texts are remembered that a source's key was looked for in, up to this length.
_REMEMBERED_TEXTS, _LONGEST_TEXT = 256, 8 * 1024
# An event's name is the site's word, but a careless site may put an address or a number of the visitor's into it.
_PERSONAL = re.compile(r"[^\s@]+@[^\s@]+|\d{6,}")


@dataclass(frozen=True, slots=True)
class Known:
    """What counts for one name of a destination: `names` are all of its names, this one first."""

    categories: tuple[str, ...]
    vendor: str | None
    names: tuple[str, ...]
    listed: bool


class Roster:
    """One router's destinations as the rules and a site's configuration know them."""

    def __init__(
        self, vendor: str, router: Router, destinations: Iterable[Destination], categories: Mapping[str, str]
    ) -> None:
        """`vendor` is the router's id; `categories` are the site's own, by any name of a destination."""
        self.vendor, self.router = vendor, router
        self.names: tuple[str, ...] = ()
        self._known: dict[str, Known] = {}
        destinations = list(destinations)
        for each in destinations:
            self._add(each, categories, each.name)
        for each in destinations:
            for alias in each.aliases:
                self._add(each, categories, alias)
        self.names = tuple(each.name for each in destinations)
        # Only these can be refused where every category is granted.
        self.catalogued = tuple(each.name for each in destinations if each.vendor)
        for name, category in categories.items():
            self._known.setdefault(name, Known((category,), None, (name,), listed=True))
        # The site's own categories, by every name of a destination.
        own = {each for name in categories for each in self._known[name].names}
        self.own = {name: self._known[name].categories[0] for name in sorted(own)}
        self.keys = tuple(re.compile(pattern) for pattern in router.key)
        self._found = lru_cache(maxsize=_REMEMBERED_TEXTS)(self._key_in)

    def _add(self, each: Destination, categories: Mapping[str, str], name: str) -> None:
        all_names = tuple(dict.fromkeys((name, each.name, *each.aliases)))
        said = [categories[known] for known in all_names if known in categories]
        known = Known((said[0] if said else each.category,), each.vendor, all_names, listed=True)
        self._known.setdefault(name, known)

    def find(self, name: str) -> Known:
        """What counts for a name; one that is in no list needs every category."""
        return self._known.get(name) or Known(CATEGORIES, None, (name,), listed=False)

    def needs(self, active: Iterable[str] | None) -> tuple[str, ...]:
        """The categories that the active destinations need together; all of them where these are not known."""
        if active is None:
            return CATEGORIES
        needed = {category for name in active for category in self.find(name).categories}
        return tuple(category for category in CATEGORIES if category in needed)

    def key_in(self, text: str) -> str | None:
        """The source's key in a URL or an inline script of the router."""
        # The same snippets stand on every page of a site.
        return self._found(text) if len(text) <= _LONGEST_TEXT else self._key_in(text)

    def _key_in(self, text: str) -> str | None:
        for pattern in self.keys:
            if (found := pattern.search(text)) is not None:
                return found.group(1)
        return None


class Sent(NamedTuple):
    """What becomes of one event: its kind and title, and where it goes. `kept` is None where that is not known."""

    kind: str
    title: str
    kept: tuple[str, ...] | None
    off: tuple[tuple[str, str], ...]
    # The preferences that it told the router of before they were set.
    told: object = None

    @property
    def refused(self) -> bool:
        """Whether any destination is switched off for want of consent."""
        return any(why != BY_SITE for _, why in self.off)

    def words(self) -> str:
        """In words: "track 'Order Completed' → kept: Mixpanel; switched off: Facebook Pixel (marketing is denied)"."""
        what = f"{self.kind or 'event'} '{self.title}'" if self.title else self.kind or "event"
        parts = []
        if self.kept is None:
            parts.append("kept: whatever is allowed; what is connected is not known")
        else:
            parts.append(f"kept: {_listing(self.kept) or 'none'}")
        if self.off:
            parts.append("switched off: " + _listing([f"{name} ({why})" for name, why in self.off]))
        return f"{what} → {'; '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings that were understood: what they connect, what was refused, and the text without it."""

    text: str
    active: frozenset[str]
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """A body of events that was understood: what becomes of each, and the text that may go out."""

    text: str
    events: tuple[Sent, ...] = field(default=())


class Filter:
    """What one visitor's consent makes of a router's settings and events."""

    def __init__(self, roster: Roster, consent: Consent, regime: Regime) -> None:
        self._roster, self._router = roster, roster.router
        self._consent, self._regime = consent, regime
        self._verdicts: dict[tuple[str | None, tuple[str, ...]], Verdict] = {}
        self.granted = {category: not self._verdict(None, (category,)).blocks for category in CATEGORIES}
        # Where everything is allowed only because the visitor said nothing, there is nothing to tell.
        self._tells = consent.decided or consent.gpc or not all(self.granted.values())

    def verdict(self, name: str) -> Verdict:
        """The verdict on a destination: its vendor's, where the catalogue has it, for its category."""
        known = self._roster.find(name)
        return self._verdict(known.vendor, known.categories)

    def allows(self, name: str) -> bool:
        """Whether a destination is allowed; the router's own delivery always is."""
        return name in self._router.itself or not self.verdict(name).blocks

    @property
    def allows_unlisted(self) -> bool:
        """Whether a destination that is in no list is allowed."""
        return all(self.granted.values())

    @property
    def allows_all(self) -> bool:
        """Whether every destination is allowed, whatever is connected."""
        return self.allows_unlisted and all(map(self.allows, self._roster.catalogued))

    def settings(self, text: str) -> Settings | None:
        """Settings without what is refused; None if they are not understood."""
        try:
            root = _object(text)
            found = list(_entries(root, self._router.connected))
        except UnclearError:
            return None
        active = frozenset(name for name, _ in found) - set(self._router.itself)
        refused = tuple(sorted(name for name in active if not self.allows(name)))
        gone = set(refused)
        ways = [way for name, way in found if name in gone]
        return Settings(without(root, ways) if ways else text, active, refused)

    def event(self, text: str, active: Collection[str] | None) -> Body | None:
        """A body of events with what is refused switched off; None if it is not understood.

        `active` are the names that are known to be connected, None if that is not known.
        """
        try:
            root = _object(text)
            sent: list[Sent] = []
            return Body(self._body(root, active, sent), tuple(sent))
        except UnclearError:
            return None

    def _body(self, root: Part, active: Collection[str] | None, sent: list[Sent]) -> str:
        events = self._router.events
        batches = root.named(events.batch) if events.batch else []
        if not batches:
            return _around(root, self._event(root, active, [], sent))
        for batch in batches:
            if not isinstance(batch.value, list):
                raise UnclearError(f"'{events.batch}' is no list")
        # What a body says for all of its events is merged with what each says: both are held to the same.
        outer = root.named(events.switches)

        def each_event(batch: Part | None) -> str | None:
            if batch is None:
                return None
            items = [self._event(item, active, outer, sent) for item in batch.parts]
            same = all(item == part.raw for item, part in zip(items, batch.parts, strict=True))
            return None if same else f"[{','.join(items)}]"

        changes: dict[str, Change] = {events.batch: each_event}
        if outer:
            changes[events.switches] = lambda part: self._switched(part, active, [], opens=False) if part else None
        if self._tells and events.preferences and reach(root, events.preferences):
            name, change = along(events.preferences, self._preferred)
            changes[name] = change
        return _around(root, put(root, changes))

    def _event(self, part: Part, active: Collection[str] | None, outer: Sequence[Part], sent: list[Sent]) -> str:
        """One event, as it may go out. Raises UnclearError for what is none."""
        events = self._router.events
        if not isinstance(part.value, dict) or not any(part.named(mark) for mark in events.marks):
            raise UnclearError("it is no event")
        if events.batch and part.named(events.batch):
            raise UnclearError("it is an event that holds others")
        sent.append(self._sent(part, active, [*outer, *part.named(events.switches)]))
        changes: dict[str, Change] = {events.switches: lambda found: self._switched(found, active, outer)}
        if self._tells and events.preferences:
            name, change = along(events.preferences, self._preferred)
            changes[name] = change
        return put(part, changes)

    # Switches

    def _switched(
        self, part: Part | None, active: Collection[str] | None, outer: Sequence[Part], *, opens: bool = True
    ) -> str | None:
        """The switches as they may go out; None if nothing is to be changed.

        `opens` is false for those of a whole batch: which of the two counts where an event says something else is not
        documented, so that there nothing is turned on.
        """
        switches = [each for each in (part, *outer) if each is not None and each.value is not None]
        if any(not isinstance(each.value, dict) for each in switches):
            raise UnclearError("the switches are no object")
        wanted = {name: to for name, to in self._wanted(switches, active).items() if opens or not to}
        if part is None or part.value is None:
            return f"{{{_members(wanted)}}}" if wanted else None
        changes: dict[str, Change] = {name: _set(to) for name, to in wanted.items()}
        for child in part.parts:
            name = str(child.name)
            if name != self._router.events.all and not self.allows(name):
                changes[name] = _set(False)
        return put(part, changes)

    def _wanted(self, switches: Sequence[Part], active: Collection[str] | None) -> dict[str, bool]:
        """The switches that an event must carry, whatever else it carries."""
        if self.allows_all:
            return {}
        all_name, said = self._router.events.all, _said(switches)
        known = self._roster.names if active is None else sorted(set(active) - set(self._router.itself))
        # The switch for all the others closes for what settings do not list, or what is in no list of ours.
        closes = bool(all_name) and not self.allows_unlisted
        on, off = dict[str, bool](), {all_name: False} if closes else {}
        for name in known:
            names = self._roster.find(name).names
            if not self.allows(name):
                if active is not None or not closes:
                    off |= dict.fromkeys(names, False)
            elif closes and said.get(all_name) is not False and not any(each in said for each in names):
                on |= dict.fromkeys(names if active is not None else (name,), True)
        return on | off

    def _sent(self, part: Part, active: Collection[str] | None, switches: Sequence[Part]) -> Sent:
        events, said = self._router.events, _said(switches)
        named = {
            name for name in said if name != events.all and (active is None or (said[name] and not self.allows(name)))
        }
        names = named.union(active or ())
        kept, off = [], []
        for name in sorted(names - set(self._router.itself)):
            own = [said[each] for each in self._roster.find(name).names if each in said]
            if not self.allows(name):
                off.append((shown(name), self.why(name)))
            elif False in own or (not own and said.get(events.all) is False):
                off.append((shown(name), BY_SITE))
            else:
                kept.append(shown(name))
        titles = (each.value for name in events.title for each in part.named(name) if isinstance(each.value, str))
        kinds = (each.value for each in part.named(events.kind) if isinstance(each.value, str))
        told = reach(part, events.preferences)[-1:] if events.preferences else []
        return Sent(
            shown(next(kinds, "")),
            shown(next(titles, "")),
            None if active is None else tuple(kept),
            tuple(off),
            told[0].value if told else None,
        )

    def why(self, name: str) -> str:
        """Why a destination is refused, or allowed, without its name."""
        reason = self.verdict(name).reason
        return reason.partition(": ")[2] or reason

    # Preferences

    def _preferred(self, part: Part | None) -> str | None:
        """The visitor's preferences as they are: ours, and the site's own by names that mean the same."""
        if part is None or part.value is None:
            return f"{{{_members(self.granted)}}}"
        if not isinstance(part.value, dict):
            raise UnclearError("the preferences are no object")
        changes: dict[str, Change] = {name: _set(to) for name, to in self.granted.items()}
        for child in part.parts:
            name = str(child.name)
            category = self._router.events.names.get(name.lower(), name.lower())
            if category in self.granted:
                changes[name] = _set(self.granted[category])
        return put(part, changes)

    def _verdict(self, vendor: str | None, categories: tuple[str, ...]) -> Verdict:
        found = self._verdicts.get((vendor, categories))
        if found is None:
            # A choice for the router itself is none for what it forwards to: the name here is no vendor's id.
            asked = Match(vendor or "the destination", "destination", "destination", categories, categories[0])
            found = self._verdicts[vendor, categories] = decide(asked, self._consent, self._regime)
        return found


def connected_in(router: Router, text: str) -> frozenset[str] | None:
    """The destinations that settings name; None if they are not understood."""
    return _names_in(router, text, router.connected)


def listed_in(router: Router, text: str) -> frozenset[str] | None:
    """The destinations that a listing names; None if it is not understood."""
    return _names_in(router, text, router.listed)


def _names_in(router: Router, text: str, places: Iterable[Connected]) -> frozenset[str] | None:
    if len(text) > MOST_BYTES:
        return None
    try:
        names = {name for name, _ in _entries(read(text), places)}
    except UnclearError:
        return None
    return frozenset(names) - set(router.itself)


def fits(shape: Shape | None, path: str, text: str | None = None) -> bool:
    """Whether a path, and a body where one is given, are of a shape."""
    if shape is None or _pattern(shape.path).search(path) is None:
        return False
    if text is None:
        return True
    try:
        members = _object(text).value
    except UnclearError:
        return False
    return all(name in members for name in shape.has)


def key_of(router: Router, text: str) -> str | None:
    """The key of the source that a body of events is of, where the body says it."""
    try:
        found = _object(text).value.get(router.events.key)
    except UnclearError:
        return None
    return found if isinstance(found, str) else None


def unpack(data: bytes, encodings: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """A body as text, and the codings that it was in, gzip without a word among them; None if that cannot be told."""
    codings = tuple(encodings)
    if not codings and data.startswith(_GZIP):
        codings = ("gzip",)
    pieces: list[bytes] = []
    length = 0
    try:
        for piece in coding.Decoding(codings).feed(data):
            pieces.append(piece)
            length += len(piece)
            if length > MOST_BYTES:
                return None
        return b"".join(pieces).decode("utf-8"), codings
    except (coding.CodingError, UnicodeDecodeError):
        return None


def pack(text: str, codings: Sequence[str]) -> bytes:
    """A body in the codings that it was in."""
    data = text.encode("utf-8")
    for name in codings:
        encoder = coding.encoder(name)
        data = encoder.feed(data) + encoder.close()
    return data


def shown(text: str) -> str:
    """A site's word as evidence may show it: short, printable, without what looks like the visitor's own."""
    clean = "".join(each if each.isprintable() else " " for each in text[: 4 * _LONGEST_TITLE])
    clean = _PERSONAL.sub("…", clean)
    return clean if len(clean) <= _LONGEST_TITLE else clean[: _LONGEST_TITLE - 1] + "…"


def _object(text: str) -> Part:
    if len(text) > MOST_BYTES:
        raise UnclearError("it is too long")
    root = read(text)
    if not isinstance(root.value, dict):
        raise UnclearError("it is no object")
    return root


def _entries(root: Part, places: Iterable[Connected]) -> Iterator[tuple[str, list[Part]]]:
    """Each entry that names a destination, with the way to it from the root on.

    Raises UnclearError where none of the places is there: who knows where the destinations are listed then.
    """
    found = False
    for place in places:
        for way in _ways([root], place.at):
            where = way[-1]
            if not isinstance(where.value, dict if place.form == "keys" else list):
                continue
            found = True
            for part in where.parts:
                name = _name(part, place)
                if name is not None:
                    yield name, [*way, part]
    if not found:
        raise UnclearError("it lists no destinations")


def _ways(way: list[Part], path: Sequence[str]) -> Iterator[list[Part]]:
    if not path:
        yield way
        return
    for part in way[-1].named(path[0]):
        yield from _ways([*way, part], path[1:])


def _name(part: Part, place: Connected) -> str | None:
    if place.form == "keys":
        return part.name
    if place.form == "names":
        return part.value if isinstance(part.value, str) else None
    values = (part.value.get(name) for name in place.name) if isinstance(part.value, dict) else ()
    return next((value for value in values if isinstance(value, str)), None)


def _said(switches: Sequence[Part]) -> dict[str, bool]:
    """What the site has switched, by name; of several a no counts."""
    said: dict[str, bool] = {}
    for each in switches:
        for child in each.parts:
            said[str(child.name)] = child.value is not False and said.get(str(child.name), True)
    return said


def _listing(words: Sequence[str]) -> str:
    more = len(words) - _MOST_NAMES
    return ", ".join(words[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _set(to: bool) -> Callable[[Part | None], str | None]:
    """A change to true or false. What is there and means the same stays as it is."""
    return lambda part: None if part is not None and part.value is to else json.dumps(to)


def _members(values: Mapping[str, bool]) -> str:
    return ",".join(f"{json.dumps(name)}:{json.dumps(to)}" for name, to in values.items())


def _around(root: Part, value: str) -> str:
    return root.text[: root.at] + value + root.text[root.end :]


@lru_cache(maxsize=64)
def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(source)
