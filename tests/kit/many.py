"""A rules folder with as many made-up vendors as lists bring: each with domains and a cookie, some with more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from proxy_addon.catalogue import load, yamlfile
from proxy_addon.catalogue.yamlfile import Document, RulesError

VENDORS, DOMAINS = 10_000, 5
# One in so many has a script with a snippet, a stub and a storage key too.
_KNOWN_WELL = 25
_CATEGORIES = ("analytics", "marketing", "functional")


def word(number: int, length: int = 8) -> str:
    """Something that can be spoken: another one for each number."""
    # A step that shares no divisor with how many there are, so that neighbours are not alike.
    number = (number * 7_919_969 + 40_503) % (80 ** (length // 2))
    letters = ""
    for _ in range(length // 2):
        number, pair = divmod(number, 80)
        letters += "bcdfghklmnprstvz"[pair // 5] + "aeiou"[pair % 5]
    return letters


def domain(vendor: int, number: int = 0) -> str:
    """One of a vendor's domains."""
    return f"{word(vendor * DOMAINS + number)}.{('com', 'net', 'io')[number % 3]}"


def name(vendor: int) -> str:
    """A vendor's id."""
    return f"made-{vendor}"


def is_known_well(vendor: int) -> bool:
    """Whether it has more than domains and a cookie."""
    return vendor % _KNOWN_WELL == 0


def made(vendor: int) -> dict[str, Any]:
    """A vendor file's content."""
    category, called = _CATEGORIES[vendor % 3], word(vendor)
    domains = [domain(vendor, number) for number in range(DOMAINS)]
    found: dict[str, Any] = {
        "vendor": name(vendor),
        "name": called.title() + str(vendor),
        "owner": called.title(),
        "website": f"https://{domains[0]}/",
        "category": category,
        "overview": "Made up, to see what becomes of many vendors; it is no product of anybody.",
        "domains": [{"domain": each, "label": category} for each in domains],
        "cookies": [{"name": f"_{called}_*", "party": "first", "lifetime": "1 year", "purpose": "Counts."}],
        "examples": {
            "match": [{"url": f"https://{each}/t.gif", "rule": each} for each in domains],
            "pass": [f"https://not{domains[0]}/"],
        },
    }
    if is_known_well(vendor):
        queue = f"{called}Queue"
        found |= {
            "requests": [
                {
                    "rule": "script",
                    "kind": "script",
                    "host": f"*.{domains[0]}",
                    "path": "/*/tag.js",
                    "what": "Its script.",
                }
            ],
            "snippets": [{"rule": "snippet", "all": [queue, "createElement"], "what": "Its snippet."}],
            "storage": [{"key": f"{called}:id", "area": "local", "purpose": "Tells visitors apart."}],
            "globals": [queue],
            "stub": f"window.{queue} = window.{queue} || [];",
        }
        found["examples"] |= {
            "match": [*found["examples"]["match"], {"url": f"https://a.{domains[0]}/1/tag.js", "rule": "script"}],
            "snippets": [
                {"rule": "snippet", "code": f"window.{queue}=[];document.createElement('script')"},
            ],
        }
    return found


def write_rules(folder: Path, count: int = VENDORS) -> Path:
    """A rules folder with so many vendors."""
    files = folder / "vendors"
    files.mkdir(parents=True)
    for vendor in range(count):
        # What is JSON is YAML too.
        (files / f"{name(vendor)}.yaml").write_text(json.dumps(made(vendor)), "utf-8")
    return folder


def compile_rules(folder: Path, cache: Path) -> None:
    """Compile a folder of write_rules() into a cache; its vendors are right as they are, and need not be checked."""
    plain = yamlfile.parse

    def parse(path: Path, content: bytes, schema: dict[str, Any], *rest: Any) -> Document:
        return (
            Document(path, json.loads(content), None, RulesError)
            if path.is_relative_to(folder)
            else plain(path, content, schema, *rest)
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "parse", parse)
        load.load_rules([folder], cache)
