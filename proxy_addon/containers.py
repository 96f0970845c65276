"""Google Tag Manager's containers, read for what they carry: text in, tags out. Nothing of a container is run.

A container is JavaScript that begins with its configuration as JSON: `tags`, each with a `function` that names its
template and members that are its settings, and `permissions`, which say what templates of others may load.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Longer texts are not read; no container that a browser would wait for is.
LONGEST = 8 * 1024 * 1024
_MOST_TAGS = 2000
_MOST_ADDRESSES = 50
_LONGEST_VALUE = 256 * 1024
_DEEPEST = 30
_RESOURCE = re.compile(r'\{\s*"resource"\s*:\s*(?=\{)')
_KEY = re.compile(r"\bGTM-[A-Z0-9]{4,12}\b")
_ADDRESS = re.compile(r"(?:https?:)?//[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/[^\s\"'<>\\]*)?")
# What a Google tag loads, which may be Analytics' or Ads': its id says so.
_GTAG = "https://www.googletagmanager.com/gtag/js?id="
# What listens for something, or belongs to the tag manager itself.
_INNER = re.compile(
    r"(?:cl|e|evl|fsl|hl|jel|lcl|sdl|tg|tl|ytl|zone|set_product_settings)\Z|(?:ccd|gct|ogt|dee|rep)(?:_|\Z)"
)
# What a template of others may do with addresses, and what is fetched then.
_PERMITTED = {"inject_script": "script", "send_pixel": "image", "inject_hidden_iframe": "iframe"}


@dataclass(frozen=True, slots=True)
class Carried:
    """A tag: its template's code, the HTML that it writes, and addresses with what each is fetched as ('': unknown)."""

    number: int
    template: str
    html: str = ""
    addresses: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """What a container carries; `key` is its id, '' where it does not name it, and `paused` tags are left out."""

    key: str
    tags: tuple[Carried, ...]
    paused: int = 0


def read_container(text: str) -> Container | None:
    """A container from its script; None if the text is none."""
    found = _RESOURCE.search(text) if len(text) <= LONGEST else None
    data = _object(text, found.start(), found.end()) if found is not None else None
    resource = data.get("resource") if data is not None else None
    tags = resource.get("tags") if isinstance(resource, dict) else None
    if data is None or not isinstance(tags, list):
        return None
    permissions = data.get("permissions")
    key = _KEY.search(text)
    carried: list[Carried] = []
    paused = 0
    for index, tag in enumerate(tags[:_MOST_TAGS]):
        code = tag.get("function") if isinstance(tag, dict) else None
        if not isinstance(code, str) or _INNER.match(name := code.removeprefix("__")):
            continue
        if name == "paused":
            paused += 1
            continue
        said = tag.get("tag_id")
        number = said if isinstance(said, int) and not isinstance(said, bool) else index
        carried.append(_tag(number, name, tag, permissions if isinstance(permissions, dict) else {}))
    return Container(key[0] if key else "", tuple(carried), paused)


def _object(text: str, start: int, resource: int) -> dict[str, Any] | None:
    """The configuration, whole if it can be read, or else what is in `resource`."""
    decoder = json.JSONDecoder()
    for at, wrap in ((start, False), (resource, True)):
        try:
            value, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return {"resource": value} if wrap else value
    return None


def _tag(number: int, name: str, tag: Mapping[str, Any], permissions: Mapping[str, Any]) -> Carried:
    if name == "html":
        return Carried(number, name, html=_words(tag.get("vtp_html"))[:_LONGEST_VALUE])
    if name == "img":
        return Carried(number, name, addresses=((_words(tag.get("vtp_url"))[:_LONGEST_VALUE], "image"),))
    if name == "googtag":
        return Carried(number, name, addresses=((_GTAG + _words(tag.get("vtp_tagId"))[:100], "script"),))
    found = dict.fromkeys(_permitted(permissions.get(f"__{name}")))
    for setting, value in tag.items():
        if setting.startswith("vtp_"):
            found |= dict.fromkeys((each, "") for each in _ADDRESS.findall(_words(value)[:_LONGEST_VALUE]))
    return Carried(number, name, addresses=tuple(found)[:_MOST_ADDRESSES])


def _permitted(given: object) -> Iterator[tuple[str, str]]:
    """The addresses that a template of others may fetch; patterns, of which what stands before a star is taken."""
    for name, kind in _PERMITTED.items():
        allowed = given.get(name) if isinstance(given, dict) else None
        urls = allowed.get("urls") if isinstance(allowed, dict) else None
        for url in urls if isinstance(urls, list) else ():
            if isinstance(url, str):
                yield url.replace("*.", "www.", 1).partition("*")[0], kind


def _words(value: object, depth: int = 0) -> str:
    """A setting as text: what a variable gives is not known, and leaves a gap."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value or depth > _DEEPEST:
        return ""
    form, *parts = value
    if form == "template":
        return "".join(_words(each, depth + 1) for each in parts)
    if form == "escape":
        return _words(parts[0], depth + 1) if parts else ""
    return " ".join(_words(each, depth + 1) for each in parts) if form in ("list", "map") else ""
