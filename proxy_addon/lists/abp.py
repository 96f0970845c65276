"""Filter lists in the syntax of Adblock Plus and uBlock Origin.

Network filters are kept as they stand, for the adblock engine to judge (filters.py). Those that name a whole domain and
nothing more are known as domains as well, so that they hold where there is no engine: in the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..catalogue.domains import within
from .model import Company, Entry, Parsed
from .names import domain

_TITLE = re.compile(r"!\s*Title:\s*(.+?)\s*\Z", re.IGNORECASE)
# What hides or changes parts of pages, and what is no filter at all.
_COSMETIC = re.compile(r"#[@?$%]*#|\$\$|\$@\$|#\^?(?:script|responseheader)\(")
_WHOLE = re.compile(r"\|\|([^/|*^$:?=&]+)\^?(?:\$([a-z0-9~,-]+))?\Z", re.IGNORECASE)
# With these a filter still names all that is asked of a domain by others.
_MILD = frozenset({"third-party", "3p", "important", "all"})
_EXCEPTION_HOST = re.compile(r"@@\|\|([a-z0-9._-]+)", re.IGNORECASE)


def parse(text: str, company: Company) -> Parsed:
    """The network filters of a list, and the domains that stand for those which need no engine."""
    title, filters, skipped = "", list[Entry](), 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if found := _TITLE.match(stripped):
            title = title or found[1]
        if not stripped or stripped[0] in "![" or (stripped[0] == "#" and not _COSMETIC.match(stripped)):
            continue
        if _COSMETIC.search(stripped):
            skipped += 1
            continue
        filters.append(Entry(stripped, company.vendor, number))
    domains = whole_domains(filters)
    return Parsed((company,), domains, tuple(filters), skipped, title)


def whole_domains(filters: Iterable[Entry]) -> tuple[Entry, ...]:
    """The domains that filters name as a whole, without conditions, and of which no exception takes anything back."""
    filters = tuple(filters)
    taken_back = {each.text.removesuffix("badfilter").rstrip("$,") for each in filters if _is_bad(each.text)}
    exceptions = [each.text for each in filters if each.text.startswith("@@")]
    excepted = {found[1].lower() for text in exceptions if (found := _EXCEPTION_HOST.match(text))}
    named: dict[str, Entry] = {}
    for each in filters:
        found = _WHOLE.match(each.text)
        if found is None or each.text in taken_back:
            continue
        name = domain(found[1])
        if name is not None and set((found[2] or "").lower().split(",")) - {""} <= _MILD:
            named.setdefault(name, Entry(name, each.holder, each.where))
    around = {suffix for host in excepted for suffix in _suffixes(host)}
    return tuple(
        entry
        for name, entry in named.items()
        # An exception for a host below the domain, or for one that the domain is below.
        if name not in around and not any(within(name, host) for host in _suffixes(name) if host in excepted)
    )


def _is_bad(text: str) -> bool:
    return text.endswith(("$badfilter", ",badfilter"))


def _suffixes(host: str) -> Iterable[str]:
    while host:
        yield host
        host = host.partition(".")[2]
