"""How large the guard is, compressed: as a whole, by what it is made of, and with the tables of many vendors.

It is put together from more and more, so that each part is what it adds to those before it.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from proxy_addon.browser.assets import assemble
from proxy_addon.catalogue.load import Rules
from proxy_addon.catalogue.match import Catalogue
from proxy_addon.catalogue.model import Vendor
from proxy_addon.catalogue.values import vendor_of
from proxy_addon.consent.platforms import Platform, compile_platforms
from tests.kit.many import VENDORS, made

# How many vendors a grown catalogue has.
MANY = 500
# How many lists bring besides.
MOST = VENDORS
# What a site's pages may meet.
MET = ("google", "google-analytics", "meta-pixel", "hotjar")


@dataclass(frozen=True, slots=True)
class GuardSize:
    """Bytes after gzip; `plain` are those before.

    `many` is with as many vendors as a grown catalogue has, each known as well as the real ones, `most` with those that
    lists bring besides, and `met` on a site whose pages have met some.
    """

    plain: int
    whole: int
    parts: Mapping[str, int]
    vendors: int
    many: int
    most: int
    met: int


def measure(rules: Rules) -> GuardSize:
    """Put the guard together from more and more."""
    platforms, nothing = compile_platforms(rules.platforms), Catalogue(())
    steps: dict[str, tuple[Catalogue, tuple[Platform, ...], bool]] = {
        "code": (nothing, (), False),
        "dashboard's channel": (nothing, (), True),
        "watch list": (nothing, platforms, True),
        "sieves": (rules.catalogue, platforms, True),
    }
    parts: dict[str, int] = {}
    for name, (known, watched, live) in steps.items():
        parts[name] = _compressed(_guard(known, watched, live=live)) - sum(parts.values())
    guard = _guard(rules.catalogue, platforms)
    vendors = dict(rules.catalogue.vendors)
    many = Catalogue([*vendors.values(), *strangers(vendors, MANY - len(vendors))])
    most = Catalogue([*vendors.values(), *(vendor_of(made(number)) for number in range(MOST))])
    return GuardSize(
        len(guard.encode()),
        _compressed(guard),
        parts,
        len(vendors),
        _compressed(_guard(many, platforms)),
        _compressed(_guard(most, platforms)),
        _compressed(_guard(rules.catalogue, platforms, met=MET)),
    )


def strangers(vendors: Mapping[str, Vendor], count: int) -> list[Vendor]:
    """Made-up vendors with as many rules as the real ones have, and names of their own; without stubs."""
    chance = random.Random(count)
    models = list(vendors.values())
    return [_stranger(models[number % len(models)], number, chance) for number in range(count)]


def _stranger(model: Vendor, number: int, chance: random.Random) -> Vendor:
    # A word stands for each that the model has: one that repeats there repeats here.
    words: dict[str, str] = {}

    def renamed(text: str) -> str:
        kept = ("*", "", "www", "cdn", "js", "api", "com", "net", "io", "org", "script", "collect", "track")
        found: list[str] = []
        for word in _words(text):
            plain = not word[0].isalnum() or word in kept
            found.append(word if plain else words.setdefault(word, _word(chance, len(word))))
        return "".join(found)

    return replace(
        model,
        vendor=f"{renamed(model.vendor)}-{number}",
        domains=tuple(replace(each, domain=renamed(each.domain)) for each in model.domains),
        requests=tuple(replace(each, host=renamed(each.host), path=renamed(each.path)) for each in model.requests),
        exempt=tuple(replace(each, host=renamed(each.host), path=renamed(each.path)) for each in model.exempt),
        snippets=tuple(
            replace(each, all=tuple(text if text.startswith("/") else renamed(text) for text in each.all))
            for each in model.snippets
        ),
        cookies=tuple(replace(each, name=renamed(each.name)) for each in model.cookies),
        storage=tuple(replace(each, key=renamed(each.key)) for each in model.storage),
        stub="",
        withdraw="",
    )


def _words(text: str) -> list[str]:
    """The text, cut where letters and digits begin or end."""
    found: list[str] = []
    for letter in text:
        if found and letter.isalnum() and found[-1][-1].isalnum():
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _word(chance: random.Random, length: int) -> str:
    """Something that can be spoken, as names can."""
    return "".join(chance.choice("bcdfghklmnprstvz" if index % 2 == 0 else "aeiou") for index in range(length))


def _guard(catalogue: Catalogue, platforms: tuple[Platform, ...], *, live: bool = True, met: Sequence[str] = ()) -> str:
    return assemble(catalogue, banner=False, platforms=platforms, live=live).guard(met)


def _compressed(text: str) -> int:
    return len(gzip.compress(text.encode(), 9, mtime=0))
