"""A site's own papers: what its vendors take under each regime, its cookie table, and rules for unknown hosts."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

import yaml

from ..catalogue.domains import registrable_domain
from ..catalogue.match import Catalogue
from ..catalogue.model import Match
from ..consent.cookie import COOKIE, TOLD_COOKIE
from ..consent.model import CATEGORIES, NECESSARY, Consent, Regime
from ..consent.platforms import Platform
from ..consent.standards import COOKIES as STANDARDS
from ..policy import decide
from .scene import Count, Host, SeenCookie

# Cookies that are ours, with what they are for.
_OURS = {
    COOKIE: ("6 months", "Remembers which categories and vendors you have agreed to."),
    TOLD_COOKIE: ("6 months", "Remembers the choice that you have made in the site's consent banner."),
    "consentry-armed": ("Session", "Remembers that what keeps vendors silent is installed in the browser."),
}
_UNKNOWN = "Not catalogued: say here what the site uses it for."
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_HEAD = ("Cookie", "Set by", "Category", "Lifetime", "Purpose")


@dataclass(frozen=True, slots=True)
class Column:
    """Regimes that treat silence and Global Privacy Control alike."""

    title: str
    regimes: tuple[Regime, ...]

    @property
    def names(self) -> str:
        """The regimes' names."""
        return ", ".join(each.regime for each in self.regimes)


@dataclass(frozen=True, slots=True)
class Demand:
    """What one vendor takes under the regimes of one column. `sign` is held, mixed or ran, for its colour."""

    sign: str
    words: str


@dataclass(frozen=True, slots=True)
class Taking:
    """A vendor on a page or site, the categories it needs there, and what it takes under each column."""

    vendor: str
    name: str
    categories: tuple[str, ...]
    count: Count
    demands: tuple[tuple[Column, Demand], ...]


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One line of a cookie policy. `seen` are the names under which it was seen."""

    name: str
    provider: str
    category: str
    lifetime: str
    purpose: str
    seen: tuple[str, ...]
    known: bool

    def cells(self) -> tuple[str, ...]:
        """The cells of the exported table."""
        return (self.name, self.provider, self.category, self.lifetime, self.purpose)


def columns(regimes: Iterable[Regime]) -> list[Column]:
    """The regimes, those together that make the same of silence and of GPC."""
    alike: dict[tuple[object, ...], list[Regime]] = {}
    for regime in regimes:
        unset = tuple(regime.unset.get(name, False) for name in CATEGORIES)
        alike.setdefault((unset, regime.gpc_denies), []).append(regime)
    return [Column(_title(group[0]), tuple(group)) for group in alike.values()]


def _title(regime: Regime) -> str:
    allowed = [name for name in CATEGORIES if regime.unset.get(name, False)]
    if not allowed:
        return "Opt-in"
    title = "Opt-out" if len(allowed) == len(CATEGORIES) else f"Opt-out, but opt-in for {_not(allowed)}"
    return f"{title}, GPC binds" if regime.gpc_denies else title


def _not(allowed: Sequence[str]) -> str:
    return " and ".join(name for name in CATEGORIES if name not in allowed)


def takings(counts: Mapping[str, Count], catalogue: Catalogue, groups: Sequence[Column]) -> list[Taking]:
    """What each vendor that was seen takes, by name."""
    found = []
    for vendor, count in counts.items():
        known = catalogue.vendors.get(vendor)
        if known is None:
            continue
        needed = {name for needs in count.needs for name in needs} or {known.category}
        categories = tuple(name for name in CATEGORIES if name in needed)
        demands = tuple((group, _demand(vendor, categories, group.regimes[0])) for group in groups)
        found.append(Taking(vendor, known.name, categories, count, demands))
    return sorted(found, key=lambda each: each.name.casefold())


def _demand(vendor: str, categories: tuple[str, ...], regime: Regime) -> Demand:
    """Asked of the decision itself, so that it cannot differ from what the proxy does."""
    match = Match(vendor, "", "", categories or (NECESSARY,), NECESSARY)
    silent = decide(match, Consent(), regime)
    if silent.blocks:
        return Demand("held", f"Held until {' and '.join(silent.missing)} is granted")
    if not categories:
        return Demand("ran", "Runs: it is necessary")
    objected = decide(match, Consent(gpc=True), regime)
    if objected.blocks:
        return Demand("mixed", f"Runs until refused; GPC refuses {' and '.join(objected.missing)}")
    return Demand("ran", "Runs until refused")


def policy(
    cookies: Iterable[SeenCookie], catalogue: Catalogue, platforms: Iterable[Platform], site: str
) -> list[PolicyRow]:
    """The cookies that were seen, as a cookie policy lists them: those of one pattern are one line."""
    ours = dict.fromkeys(STANDARDS, "the site's consent banner")
    ours |= {name: platform.name for platform in platforms for name in platform.cookie_names()}
    rows: dict[tuple[str, str], PolicyRow] = {}
    for seen in cookies:
        row = _policy_row(seen, catalogue, ours, site)
        key = (row.name, row.provider)
        before = rows.get(key)
        names = (*before.seen, *row.seen) if before else row.seen
        rows[key] = replace(row, seen=tuple(dict.fromkeys(names)))
    order = (NECESSARY, *CATEGORIES)
    return sorted(
        rows.values(),
        key=lambda row: (order.index(row.category) if row.category in order else 9, row.provider, row.name),
    )


def _policy_row(seen: SeenCookie, catalogue: Catalogue, platforms: Mapping[str, str], site: str) -> PolicyRow:
    cookie = seen.cookie
    name = cookie.name
    if name in _OURS:
        return PolicyRow(name, f"{site} (Consentry)", NECESSARY, *_OURS[name], (name,), known=True)
    match = catalogue.match_cookie(name, host=cookie.host)
    if match is not None:
        vendor = catalogue.vendors[match.vendor]
        entry = next((each for each in vendor.cookies if each.name == match.rule), None)
        lifetime = entry.lifetime if entry else cookie.lifetime
        purpose = entry.purpose if entry else ""
        return PolicyRow(match.rule, vendor.name, match.categories[0], lifetime, purpose, (name,), known=True)
    platform = next((called for pattern, called in platforms.items() if _fits(pattern, name)), None)
    if platform is not None:
        purpose = f"Remembers the choice that you have made in {platform}."
        return PolicyRow(name, f"{site} ({platform})", NECESSARY, cookie.lifetime, purpose, (name,), known=True)
    provider = site if registrable_domain(cookie.host) == site else cookie.host
    return PolicyRow(name, provider, "", cookie.lifetime, _UNKNOWN, (name,), known=False)


def _fits(pattern: str, name: str) -> bool:
    before, star, after = pattern.partition("*")
    if not star:
        return name == pattern
    return len(name) >= len(before) + len(after) and name.startswith(before) and name.endswith(after)


def policy_html(rows: Iterable[PolicyRow]) -> str:
    """The table as HTML to paste."""
    head = "".join(f'<th scope="col">{each}</th>' for each in _HEAD)
    lines = ["<table>", f"  <thead><tr>{head}</tr></thead>", "  <tbody>"]
    for row in rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row.cells()[1:])
        lines.append(f'    <tr><th scope="row"><code>{escape(row.name)}</code></th>{cells}</tr>')
    return "\n".join([*lines, "  </tbody>", "</table>", ""])


def policy_markdown(rows: Iterable[PolicyRow]) -> str:
    """The table in Markdown (GitHub Flavored Markdown §4.10). What would mean something else there is escaped."""
    lines = [f"| {' | '.join(_HEAD)} |", f"|{' --- |' * len(_HEAD)}"]
    lines += [f"| {' | '.join(map(_in_markdown, row.cells()))} |" for row in rows]
    return "\n".join([*lines, ""])


def _in_markdown(text: str) -> str:
    text = re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", " ".join(text.split()))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def policy_csv(rows: Iterable[PolicyRow]) -> str:
    """The table as CSV (RFC 4180). A cell that a spreadsheet would take for a formula is written as text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_HEAD)
    writer.writerows([_in_csv(cell) for cell in row.cells()] for row in rows)
    return out.getvalue()


def _in_csv(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


@dataclass(frozen=True, slots=True)
class Stranger:
    """A host that nobody has catalogued, and a vendor file for it ('' if no rule can be made of it)."""

    host: str
    seen: Host
    file: str
    rule: str


def strangers(hosts: Iterable[Host]) -> list[Stranger]:
    """The uncatalogued hosts, those asked most first, each with a rule to paste."""
    ordered = sorted(hosts, key=lambda each: (-each.times, each.host))
    return [Stranger(each.host, each, *rule_for(each.host, each.kinds)) for each in ordered]


def rule_for(host: str, kinds: Iterable[str] = ()) -> tuple[str, str]:
    """The name and the text of a vendor file that holds a host's registrable domain, or two empty strings.

    It says only what is known; the category is the strictest until somebody knows better.
    """
    domain = registrable_domain(host)
    vendor = re.sub(r"[^a-z0-9]+", "-", domain).strip("-")
    if not _DOMAIN.fullmatch(domain) or domain.replace(".", "").isdigit() or not vendor:
        return "", ""
    asked = ", ".join(sorted(kinds)) or "something"
    plain = {
        "vendor": vendor,
        "name": domain,
        "owner": "unknown",
        "website": f"https://{domain}",
        "category": "marketing",
        "overview": f"A host that the site's pages asked for {asked}. Say here what it does, and correct the category.",
        "domains": [{"domain": domain, "label": "marketing"}],
        "examples": {
            "match": [{"url": f"https://{host}/", "rule": domain}],
            "pass": [f"https://{domain}.example/"],
        },
    }
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)
    return f"{vendor}.yaml", f"# Save as vendors/{vendor}.yaml in a folder, and start with --rules FOLDER.\n{text}"
