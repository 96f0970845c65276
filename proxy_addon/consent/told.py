"""What tags say in their bodies that they were told of consent: preferences in events, and Microsoft Clarity's payload.

As in googlemode.py this is evidence of what a tag was told, never a signal in which consent is read.

Preferences are a mapping from the names of a site's own categories to true or false, as `context.consent.
categoryPreferences` of Segment's events ("Consent in Segment Connections"): the names are whatever the site's
consent platform calls its categories.

Clarity's payload follows the source of `clarity-js` 0.8: `{"e": […], "a": [event, …]}`, each event a list of the time,
the event's number and its values. Event 47 tells consent: where it came from, then ad_storage and analytics_storage,
each 1 or 0. Microsoft documents none of it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from .googlemode import ConsentMode, Told
from .model import CATEGORIES, Consent, Regime

CLARITY = "microsoft-clarity"
# The usual names of categories, in lower case: those that Segment's documentation uses, and OneTrust's groups.
USUAL_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "functional": "functional",
        "preferences": "functional",
        "c0003": "functional",
        "analytics": "analytics",
        "statistics": "analytics",
        "c0002": "analytics",
        "marketing": "marketing",
        "advertising": "marketing",
        "targeting": "marketing",
        "c0004": "marketing",
    }
)
_MOST_PREFERENCES = 1000
_LONGEST_NAME = 64

_CLARITY_CONSENT = 47
_CLARITY_ANSWERS = {0: False, 1: True}
_GZIP = b"\x1f\x8b"
_WITH_GZIP_HEADER = 31
_MOST_BYTES = 4 * 1024 * 1024


def chosen(consent: Consent, regime: Regime, vendor: str) -> Consent | None:
    """The visitor's choices of categories as they count for a vendor; None where a choice for the vendor outranks them.

    Where the law binds GPC, it is the visitor's answer, whatever an older cookie says.
    """
    if vendor in consent.vendors:
        return None
    denied = {*consent.refused.get(vendor, ()), *(regime.gpc_denies if consent.gpc else ())}
    return replace(consent, categories={**consent.categories, **dict.fromkeys(sorted(denied), False)})


def preference_contradictions(
    tag: str, preferences: object, consent: Consent, names: Mapping[str, str] = MappingProxyType({})
) -> tuple[str, ...]:
    """Where preferences tell a tag something else than the visitor chose, a sentence for each of our categories.

    `tag` is who was told. `names` maps the site's own names to our categories, as its configuration maps those of its
    platform: they count as written, and before the usual names, which count in any case. What maps to none of the
    categories that a visitor decides on, what is no yes or no, and what the visitor left unset says nothing. Of several
    names of one category a refusal counts, as it does where platforms are read.
    """
    told: dict[str, bool] = {}
    heard: dict[str, list[str]] = {}
    for name, answer in list(preferences.items())[:_MOST_PREFERENCES] if isinstance(preferences, Mapping) else ():
        if not isinstance(name, str) or not isinstance(answer, bool):
            continue
        category = names[name] if name in names else USUAL_NAMES.get(name.lower())
        if category in CATEGORIES:
            told[category] = told.get(category, True) and answer
            heard.setdefault(category, []).append(name)
    words = {True: "granted", False: "denied"}
    return tuple(
        f"{tag} was told {words[told[category]]} for {_listed(heard[category])}, "
        f"and the visitor {words[consent.categories[category]]} {category}"
        for category in CATEGORIES
        if category in told and category in consent.categories and told[category] != consent.categories[category]
    )


def clarity_mode(body: bytes) -> ConsentMode | None:
    """What a body that is posted to Clarity's `/collect` says its tag was told; None if it does not say.

    The body is JSON, plain or in gzip, of at most 4 MB. Of several events the last holds. For `contradictions()` of
    googlemode.py.
    """
    events = _clarity_events(body)
    told = None
    for event in events if isinstance(events, list) else ():
        if isinstance(event, list) and len(event) >= 5 and _is(event[1], _CLARITY_CONSENT):
            told = event[3:5]
    if told is None or not all(isinstance(each, int) and each in _CLARITY_ANSWERS for each in told):
        return None
    ads, analytics = (_CLARITY_ANSWERS[int(each)] for each in told)
    types = {"ad_storage": Told(update=ads), "analytics_storage": Told(update=analytics)}
    return ConsentMode(CLARITY, MappingProxyType(types), MappingProxyType({}))


# By the word `tells` of a request rule: what reads its body.
BODIES: Mapping[str, Callable[[bytes], ConsentMode | None]] = MappingProxyType({"clarity": clarity_mode})


def _clarity_events(body: bytes) -> object:
    if body.startswith(_GZIP):
        unpacking = zlib.decompressobj(_WITH_GZIP_HEADER)
        try:
            body = unpacking.decompress(body, _MOST_BYTES)
        except zlib.error:
            return None
        if not unpacking.eof:
            return None
    if len(body) > _MOST_BYTES:
        return None
    try:
        plain = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return plain.get("a") if isinstance(plain, dict) else None


def _is(value: object, number: int) -> bool:
    return isinstance(value, int) and value == number


def _listed(names: list[str]) -> str:
    shown = ["".join(each for each in name if each.isprintable())[:_LONGEST_NAME] for name in names[:5]]
    return " and ".join(f"'{name}'" for name in shown) + (" and others" if len(names) > len(shown) else "")
