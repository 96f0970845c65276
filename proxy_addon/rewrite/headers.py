"""Response headers: hints and cookies of held vendors are withheld, and the page's CSP lets our script run."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable
from email.utils import mktime_tz, parsedate_tz
from typing import Protocol

from .html import references

# A separator within quotation marks or the address separates nothing. What is not closed ends with the field.
_QUOTED = r"\"(?:[^\"\\]++|\\.)*+(?:\"|(?P<open>\\?\Z))"
_LINK = re.compile(rf"\s*+(?:<[^>]*+(?:>|\Z))?+(?:[^,\"]++|{_QUOTED})*+", re.DOTALL)
_PARAMETER = re.compile(rf"(?:[^;\"]++|{_QUOTED})++", re.DOTALL)
_TARGET = re.compile(r"\s*+<([^>]*+)>")
_ADDRESS = re.compile(r"<([^<>]*+)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_FETCHING_RELS = frozenset(
    "preconnect dns-prefetch preload prefetch modulepreload prerender stylesheet icon compression-dictionary".split()
)
# A cookie's prefix as mount.py lets it travel over plain HTTP.
_RENAMED = re.compile(r"\Aconsentry-(?=(?:Host|Secure)-)", re.IGNORECASE)
_SECONDS = re.compile(r"-?[0-9]{1,20}")
_POLICIES = ("content-security-policy", "content-security-policy-report-only")
_SOURCELESS = ("report-uri", "report-to", "sandbox", "plugin-types", "trusted-types", "require-trusted-types-for")
_SCRIPTS = ("script-src-elem", "script-src", "default-src")
_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_=-]+)'", re.IGNORECASE)


class Headers(Protocol):
    """The header fields of a message, names in any case, each with all its values."""

    def get_all(self, name: str) -> list[str]:
        """Every value of a field, in order."""

    def set_all(self, name: str, values: Iterable[str]) -> None:
        """Replace every value of a field; none removes it."""


def hold_links(headers: Headers, holds: Callable[[str], bool]) -> None:
    """Take out of `Link` (RFC 8288) every hint to an address that `holds`."""
    values = headers.get_all("link")
    kept = [value for value in (_kept_links(value, holds) for value in values) if value]
    if kept != values:
        headers.set_all("link", kept)


def hold_reports(headers: Headers, holds: Callable[[str], bool]) -> None:
    """Take out of each policy's `report-uri` (CSP Level 3 §6.5.1) every address that `holds`."""
    for name in _POLICIES:
        values = headers.get_all(name)
        if any("report-uri" in value.lower() for value in values):
            kept = [", ".join(_kept_reports(policy, holds) for policy in _policies(value)) for value in values]
            if kept != values:
                headers.set_all(name, kept)


def _kept_reports(policy: str, holds: Callable[[str], bool]) -> str:
    directives = _directives(policy)
    held = {
        address
        for directive in directives
        if directive[0].lower() == "report-uri"
        for address in directive[1:]
        if holds(address)
    }
    if not held:
        return policy
    kept = [[word for word in directive if word not in held] for directive in directives]
    return "; ".join(" ".join(words) for words in kept if len(words) > 1 or words[0].lower() != "report-uri")


def _kept_links(value: str, holds: Callable[[str], bool]) -> str:
    links = [link for link in _LINK.finditer(value) if link[0]]
    kept = [link[0].strip() for link in links if not _is_held(link, holds)]
    return value if len(kept) == len(links) else ", ".join(link for link in kept if link)


def _is_held(link: re.Match[str], holds: Callable[[str], bool]) -> bool:
    target = _TARGET.match(link[0])
    if target is None or link["open"] is not None:
        # Unreadable: whatever a browser makes of it, no address in it may be a tracked one.
        return any(holds(address) for address in _ADDRESS.findall(link[0]))
    parameters = _parameters(link[0][target.end() :])
    if _FETCHING_RELS.isdisjoint(parameters.get("rel", "").lower().split()):
        return False
    candidates = references("image", parameters.get("imagesrcset", ""), candidates=True)
    return any(holds(address) for address in (target[1], *candidates))


def _parameters(text: str) -> dict[str, str]:
    """The parameters of a link, with names in lower case; of several with one name the first counts."""
    parameters: dict[str, str] = {}
    for parameter in _PARAMETER.finditer(text):
        name, _, value = (part.strip() for part in parameter[0].partition("="))
        if value.startswith('"'):
            value = _ESCAPED.sub(r"\1", value[1:].removesuffix('"'))
        parameters.setdefault(name.lower(), value)
    return parameters


def hold_cookies(headers: Headers, holds: Callable[[str], bool], now: float | None = None) -> None:
    """Take out every `Set-Cookie` whose cookie name `holds`. One that deletes a cookie always passes."""
    values = headers.get_all("set-cookie")
    kept = [value for value in values if deletes(value, now) or not holds(cookie_name(value))]
    if len(kept) != len(values):
        headers.set_all("set-cookie", kept)


def cookie_name(set_cookie: str) -> str:
    """The name that the site gave the cookie of a Set-Cookie value."""
    return _RENAMED.sub("__", set_cookie.partition(";")[0].partition("=")[0].strip())


def deletes(set_cookie: str, now: float | None = None) -> bool:
    """Whether a Set-Cookie value takes a cookie away: its last Max-Age says so, or else its last Expires."""
    left = lasts(set_cookie, time.time() if now is None else now)
    return left is not None and left <= 0


def lasts(set_cookie: str, now: float) -> float | None:
    """How many seconds a Set-Cookie value lets its cookie live; None is until the browser is closed."""
    ages: list[int] = []
    ends: list[float] = []
    for attribute in set_cookie.split(";")[1:]:
        name, _, value = (part.strip() for part in attribute.partition("="))
        if name.lower() == "max-age" and _SECONDS.fullmatch(value):
            ages.append(-1 if value.startswith("-") else int(value))
        elif name.lower() == "expires" and (end := _moment(value)) is not None:
            ends.append(end)
    if ages:
        return float(ages[-1])
    return ends[-1] - now if ends else None


def _moment(date: str) -> float | None:
    """A date as seconds since 1970, or None if it is none."""
    try:
        parsed = parsedate_tz(date)
        return mktime_tz(parsed) if parsed else None
    except (ArithmeticError, IndexError, ValueError):
        return None


def allow_own(headers: Headers, own: str) -> str:
    """Extend each of the page's policies by exactly what our script needs; returns the nonce it must carry, or ''.

    `own` is the address under which everything of ours is served, ending in '/': it is added where scripts,
    connections and workers are restricted. Under 'strict-dynamic' addresses do not count, so there the script
    takes a nonce that the page has already, or the policy is given one.
    """
    if not any(headers.get_all(name) for name in _POLICIES):
        return ""
    shared = _shared_nonce(headers)
    used = ""
    for name in _POLICIES:
        values = headers.get_all(name)
        if not values:
            continue
        changed = []
        for value in values:
            policies = []
            for policy in _policies(value):
                text, needs_nonce = _extended(policy, own, shared)
                used = shared if needs_nonce else used
                policies.append(text)
            changed.append(",".join(policies))
        headers.set_all(name, changed)
    return used


def _shared_nonce(headers: Headers) -> str:
    """A nonce that every strict policy of the page names, or a fresh one."""
    strict = [
        set(_NONCE.findall(" ".join(directive[1:])))
        for name in _POLICIES
        for value in headers.get_all(name)
        for policy in _policies(value)
        if (directive := _governing(_directives(policy), _SCRIPTS)) and _is_strict(directive[1:])
    ]
    shared = set.intersection(*strict) if strict else set()
    return min(shared) if shared else secrets.token_urlsafe(16)


def _extended(policy: str, own: str, nonce: str) -> tuple[str, bool]:
    directives = _directives(policy)
    added: list[list[str]] = []
    needs_nonce = changed = False
    for chain in (_SCRIPTS, ("connect-src", "default-src"), ("worker-src", "child-src", "script-src", "default-src")):
        governing = _governing(directives, chain)
        if governing is None:
            continue
        strict = _is_strict(governing[1:]) and chain[0] != "connect-src"
        source = f"'nonce-{nonce}'" if strict else own
        needs_nonce = needs_nonce or (strict and chain is _SCRIPTS)
        if source in governing[1:] or (not strict and _allows(governing[1:], own)):
            continue
        changed = True
        sources = [word for word in governing[1:] if word.lower() != "'none'"] + [source]
        if governing[0].lower() == chain[0] or (governing[0].lower() == "script-src" and chain is _SCRIPTS):
            governing[1:] = sources
        else:
            added.append([chain[0] if chain is not _SCRIPTS else "script-src", *sources])
    for directive in directives:
        if directive[0].lower() == "trusted-types" and "consentry" not in directive[1:]:
            directive[1:] = [word for word in directive[1:] if word.lower() != "'none'"] + ["consentry"]
            changed = True
    text = "; ".join(" ".join(directive) for directive in [*directives, *added]) if changed else policy
    return text, needs_nonce


def _is_strict(sources: list[str]) -> bool:
    return any(word.lower() == "'strict-dynamic'" for word in sources)


def _allows(sources: list[str], own: str) -> bool:
    """Whether a source list allows our address as it is. ('self' need not: a policy may be the upstream's own.)"""
    return any(word in ("*", own) or word.lower() == "'self'" for word in sources)


def add_sources(headers: Headers, beside: Callable[[str], str]) -> None:
    """Let each policy allow, beside every source it names, what `beside` says of it, if that is not ''."""
    for name in _POLICIES:
        values = headers.get_all(name)
        if values and (changed := [_with_sources(value, beside) for value in values]) != values:
            headers.set_all(name, changed)


def _with_sources(value: str, beside: Callable[[str], str]) -> str:
    policies = []
    for policy in _policies(value):
        directives = _directives(policy)
        changed = False
        for directive in directives:
            if directive[0].lower() in _SOURCELESS:
                continue
            added = dict.fromkeys(source for word in directive[1:] if (source := beside(word)))
            missing = [source for source in added if source not in directive]
            directive.extend(missing)
            changed = changed or bool(missing)
        policies.append("; ".join(map(" ".join, directives)) if changed else policy)
    return ",".join(policies)


def relax_upgrade(headers: Headers) -> None:
    """Drop upgrade-insecure-requests: a page served over plain HTTP could not load its own files."""
    for name in _POLICIES:
        values = headers.get_all(name)
        kept = [_without(value, {"upgrade-insecure-requests", "block-all-mixed-content"}) for value in values]
        if kept != values:
            headers.set_all(name, [value for value in kept if value.strip(" ;,")])


def _policies(value: str) -> list[str]:
    return value.split(",")


def _directives(policy: str) -> list[list[str]]:
    return [words for words in (directive.split() for directive in policy.split(";")) if words]


def _governing(directives: list[list[str]], chain: Iterable[str]) -> list[str] | None:
    """The directive that governs, of those that stand in for one another (CSP Level 3 §6.8.3), or None."""
    for wanted in chain:
        for directive in directives:
            if directive[0].lower() == wanted:
                return directive
    return None


def _without(value: str, names: set[str]) -> str:
    policies = []
    for policy in _policies(value):
        directives = _directives(policy)
        kept = [directive for directive in directives if directive[0].lower() not in names]
        policies.append(policy if len(kept) == len(directives) else "; ".join(" ".join(words) for words in kept))
    return ",".join(policies)
