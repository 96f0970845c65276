"""Hosts files, and lists of one domain a line."""

from __future__ import annotations

import re

from .model import Company, Entry, Parsed
from .names import domain

_ADDRESS = re.compile(r"(?:0\.0\.0\.0|127\.\d+\.\d+\.\d+|::1?|::ffff:0:0)\Z")

# Names that every hosts file has.
_OF_THIS_MACHINE = re.compile(r"local|ip6-|broadcasthost|0\.0\.0\.0\Z")


def parse(text: str, company: Company) -> Parsed:
    """Every host that is sent nowhere, or stands alone on a line; subdomains are included."""
    domains: dict[str, Entry] = {}
    skipped = 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        names = words[1:] if words and _ADDRESS.match(words[0]) else words if len(words) == 1 else ()
        if words and not names:
            skipped += 1
        for word in names:
            name = domain(word.removeprefix("*."))
            if name is None:
                skipped += not _OF_THIS_MACHINE.match(word)
            else:
                domains.setdefault(name, Entry(name, company.vendor, number))
    return Parsed((company,), tuple(domains.values()), skipped=skipped)
