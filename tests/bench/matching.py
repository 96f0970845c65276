"""How many URLs a second the catalogue matches, beside the `adblock` engine with the same knowledge."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from proxy_addon.catalogue.match import Catalogue
from proxy_addon.catalogue.model import Vendor

_SITE = "shop.example"
_CATALOGUED = 0.15
_KINDS = {"js": "script", "css": "stylesheet", "jpg": "image", "webp": "image", "woff2": "font", "json": "fetch"}
_OWN_HOSTS = ["shop.example", "www.shop.example", "static.shop.example", "api.shop.example", "img.shop.example"]
_WORDS = ["lamp", "chair", "basket", "assets", "v2", "media", "theme", "main", "chunk", "product", "gallery", "search"]


@dataclass(slots=True)
class Matching:
    """URLs a second of processor time, the first time through and in each round after; `others` are adblock's."""

    urls: int
    found: int
    first: float
    rounds: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    found_by_other: int = 0

    @property
    def per_second(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def beside(self) -> float | None:
        """The median of adblock's rounds; None where it is not installed."""
        return statistics.median(self.others) if self.others else None

    @property
    def ratio(self) -> float | None:
        """How many times as fast: the median of the rounds' own ratios."""
        pairs = zip(self.rounds, self.others, strict=False)
        return statistics.median(one / other for one, other in pairs) if self.others else None


def urls(catalogue: Catalogue, count: int) -> list[tuple[str, str]]:
    """URLs such as pages ask for, with the type of each: the site's own, CDNs', and those of vendors."""
    chance = random.Random(count)
    examples = [example.url for vendor in catalogue.vendors.values() for example in vendor.examples.match]
    cdns = [f"{name}{number}.cdn-{number % 7}.example" for name in ("a", "img", "js") for number in range(120)]
    found: list[tuple[str, str]] = []
    while len(found) < count:
        if chance.random() < _CATALOGUED:
            url = chance.choice(examples)
            url += f"{'&' if '?' in url else '?'}t={chance.randrange(10**9)}"
            kind = "script" if ".js" in url else "image"
            known = True
        else:
            host = chance.choice(_OWN_HOSTS if chance.random() < 0.65 else cdns)
            ending, kind = chance.choice(list(_KINDS.items()))
            path = "/".join(chance.choices(_WORDS, k=chance.randrange(1, 5)))
            query = f"?v={chance.randrange(10**6)}" if chance.random() < 0.4 else ""
            url = f"https://{host}/{path}.{chance.getrandbits(32):08x}.{ending}{query}"
            known = False
        if (catalogue.match(url, site=_SITE) is not None) == known:
            found.append((url, kind))
    return found


def measure(catalogue: Catalogue, asked: Sequence[tuple[str, str]], rounds: int) -> Matching:
    """Match all URLs, round after round, in turn with adblock. The catalogue must be one that was not asked yet."""
    match = catalogue.match

    def ours() -> int:
        return sum(match(url, site=_SITE) is not None for url, _ in asked)

    first, found = _timed(ours)
    matching = Matching(len(asked), found, len(asked) / first)
    other = _adblock(catalogue, asked)
    for _ in range(rounds):
        took, _ = _timed(ours)
        matching.rounds.append(len(asked) / took)
        if other is not None:
            took, matching.found_by_other = _timed(other)
            matching.others.append(len(asked) / took)
    return matching


def filters(vendor: Vendor) -> list[str]:
    """What a vendor's rules say, as adblock's filters; conditions on queries and attributes are left out."""
    lines = [f"||{domain.domain}^" for domain in vendor.domains if domain.scope == "host"]
    lines += [_filter(rule.host, rule.path) for rule in vendor.requests]
    lines += ["@@" + _filter(exemption.host, exemption.path) for exemption in vendor.exempt]
    return lines


def _filter(host: str, path: str) -> str:
    path = path.replace("**", "*")
    place = "" if host == "*" else "||" + host.removeprefix("*.")
    return place + path + ("" if path.endswith("*") else "^")


def _adblock(catalogue: Catalogue, asked: Sequence[tuple[str, str]]) -> Callable[[], int] | None:
    try:
        import adblock
    except ImportError:
        return None
    known = adblock.FilterSet()
    known.add_filters([line for vendor in catalogue.vendors.values() for line in filters(vendor)])
    check = adblock.Engine(known).check_network_urls
    page = f"https://{_SITE}/lamps"

    def theirs() -> int:
        # An exemption is a match too, for the catalogue.
        answers = (check(url, page, kind) for url, kind in asked)
        return sum(answer.matched or answer.exception is not None for answer in answers)

    return theirs


def _timed(action: Callable[[], int]) -> tuple[float, int]:
    start = time.process_time()
    result = action()
    return time.process_time() - start, result
