"""Ghostery's trackerdb.json: patterns, each a product of an organisation, with domains and filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..consent.model import NECESSARY
from .abp import whole_domains
from .categories import category_of
from .jsonlist import Lines, Maker, mapping
from .model import Parsed
from .names import slug


def parse(plain: Mapping[str, Any], lines: Lines, chosen: str) -> Parsed:
    """Every domain and filter, under the pattern that it stands in; `chosen` overrides the categories."""
    made = Maker(lines)
    organizations = plain.get("organizations")
    for key, pattern in mapping(plain, "patterns").items():
        if not isinstance(pattern, dict):
            continue
        domains, filters = (pattern.get(word) or () for word in ("domains", "filters"))
        category = chosen or category_of("trackerdb", [str(pattern.get("category"))])
        if category in (None, NECESSARY):
            made.skipped += len(domains) + len(filters)
            continue
        owner = organizations.get(pattern.get("organization")) if isinstance(organizations, dict) else None
        owner = owner if isinstance(owner, dict) else {}
        name = str(pattern.get("name") or key)
        website = pattern.get("website_url") or owner.get("website_url") or ""
        holder = made.company(slug(key), name, str(owner.get("name") or name), str(website), str(category))
        for each in domains:
            made.domain(each, holder)
        for each in filters:
            made.filter(each, holder)
    for each in whole_domains(made.filters):
        made.domain(each.text, each.holder, each.where)
    return made.parsed("Ghostery Tracker Database")
