"""Response headers: hints and cookies of held vendors are withheld, and the page's CSP lets our script run."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from typing import Protocol

_LINK = re.compile(r"\s*<([^>]*)>((?:[^,\"<]|\"(?:[^\"\\]|\\.)*\")*),?")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)
_FETCHING_RELS = frozenset("preconnect dns-prefetch preload prefetch modulepreload prerender stylesheet icon".split())
_POLICIES = ("content-security-policy", "content-security-policy-report-only")
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


def _kept_links(value: str, holds: Callable[[str], bool]) -> str:
    links = list(_LINK.finditer(value))
    if "".join(link[0] for link in links).strip() != value.strip():
        return value if not holds(value) else ""
    kept = []
    for link in links:
        found = _REL.search(link[2])
        rels = set((found[1] or found[2] or "").lower().split()) if found else set()
        if not (rels & _FETCHING_RELS and holds(link[1])):
            kept.append(f"<{link[1]}>{link[2]}".strip())
    return value if len(kept) == len(links) else ", ".join(kept)


def hold_cookies(headers: Headers, holds: Callable[[str], bool]) -> None:
    """Take out every `Set-Cookie` whose cookie name `holds`. One that deletes a cookie always passes."""
    values = headers.get_all("set-cookie")
    kept = [value for value in values if _deletes(value) or not holds(cookie_name(value))]
    if len(kept) != len(values):
        headers.set_all("set-cookie", kept)


def cookie_name(set_cookie: str) -> str:
    """The name of the cookie that a Set-Cookie value sets."""
    return set_cookie.partition(";")[0].partition("=")[0].strip()


def _deletes(set_cookie: str) -> bool:
    return bool(re.search(r";\s*(?:max-age\s*=\s*(?:0|-\d+)\s*(?:;|$)|expires\s*=[^;]*\b1970\b)", set_cookie, re.I))


def allow_own(headers: Headers, own: str) -> str:
    """Extend each of the page's policies by exactly what our script needs; returns the nonce it must carry, or ''.

    `own` is the address under which everything of ours is served, ending in '/': it is added where scripts,
    connections and workers are restricted. Under 'strict-dynamic' addresses do not count, so there the script
    takes a nonce that the page has already, or the policy is given one.
    """
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
        if governing[0].lower() == chain[0] or governing[0].lower() == "script-src" and chain is _SCRIPTS:
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
