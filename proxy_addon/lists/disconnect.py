"""Disconnect's services.json: categories, in them companies, in these domains by website."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..consent.model import NECESSARY
from .categories import category_of
from .jsonlist import Lines, Maker, mapping
from .model import Parsed
from .names import slug


def parse(plain: Mapping[str, Any], lines: Lines, chosen: str) -> Parsed:
    """Every domain, under the company and the category that it is listed in; `chosen` overrides the categories."""
    made = Maker(lines)
    for word, companies in mapping(plain, "categories").items():
        category = chosen or category_of("disconnect", [word])
        for company in companies if isinstance(companies, list) else ():
            for name, websites in company.items() if isinstance(company, dict) else ():
                for website, domains in websites.items() if isinstance(websites, dict) else ():
                    # Beside websites there are remarks, which are no lists.
                    if not isinstance(domains, list):
                        continue
                    if category in (None, NECESSARY):
                        made.skipped += len(domains)
                        continue
                    holder = made.company(slug(name), name, name, website, str(category))
                    for each in domains:
                        made.domain(each, holder)
    return made.parsed("Disconnect")
