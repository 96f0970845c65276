"""Response headers: hints and cookies of held vendors are withheld, and the page's CSP lets our script run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Protocol

_LINK = re.compile(r"\s*<([^>]*)>((?:[^,\"<]|\"(?:[^\"\\]|\\.)*\")*),?")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)
_FETCHING_RELS = frozenset("preconnect dns-prefetch preload prefetch modulepreload prerender stylesheet icon".split())
_POLICIES = ("content-security-policy", "content-security-policy-report-only")
# What of a source list keeps 'unsafe-inline' from counting (CSP Level 3 §6.7.3.2).
_OVERRIDES_INLINE = re.compile(r"'(?:nonce-|sha(?:256|384|512)-|strict-dynamic)", re.IGNORECASE)
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


def page_nonce(headers: Headers, fresh: str) -> str | None:
    """The nonce that our inline script needs under the page's policies, or None if it needs none.

    A nonce that every policy names already is used as it is; else `fresh` is, and allow_nonce() adds it.
    """
    needed = [sources for _, sources in _script_sources(headers) if not _allows_inline(sources)]
    if not needed:
        return None
    shared = set.intersection(*(set(_NONCE.findall(" ".join(sources))) for sources in needed))
    return min(shared) if shared else fresh


def allow_nonce(headers: Headers, nonce: str) -> None:
    """Extend each policy that would stop our inline script by exactly its nonce."""
    for name in _POLICIES:
        values = headers.get_all(name)
        if values:
            headers.set_all(name, [_extended(value, nonce) for value in values])


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


def _governing(directives: list[list[str]]) -> list[str] | None:
    """The directive that governs inline script elements (CSP Level 3 §6.8.3), or None."""
    for wanted in ("script-src-elem", "script-src", "default-src"):
        for directive in directives:
            if directive[0].lower() == wanted:
                return directive
    return None


def _script_sources(headers: Headers) -> list[tuple[str, list[str]]]:
    found = []
    for name in _POLICIES:
        for value in headers.get_all(name):
            for policy in _policies(value):
                directive = _governing(_directives(policy))
                if directive is not None:
                    found.append((name, directive[1:]))
    return found


def _allows_inline(sources: list[str]) -> bool:
    text = " ".join(sources)
    return "'unsafe-inline'" in text.lower() and not _OVERRIDES_INLINE.search(text)


def _extended(value: str, nonce: str) -> str:
    return ",".join(_extended_policy(policy, nonce) for policy in _policies(value))


def _extended_policy(policy: str, nonce: str) -> str:
    directives = _directives(policy)
    governing = _governing(directives)
    if governing is None or _allows_inline(governing[1:]) or f"'nonce-{nonce}'" in governing[1:]:
        return policy
    sources = [source for source in governing[1:] if source.lower() != "'none'"] + [f"'nonce-{nonce}'"]
    if governing[0].lower() == "default-src":
        return f"{policy.rstrip(' ;')}; script-src {' '.join(sources)}"
    changed = [[governing[0], *sources] if directive is governing else directive for directive in directives]
    return "; ".join(" ".join(directive) for directive in changed)


def _without(value: str, names: set[str]) -> str:
    policies = []
    for policy in _policies(value):
        directives = _directives(policy)
        kept = [directive for directive in directives if directive[0].lower() not in names]
        policies.append(policy if len(kept) == len(directives) else "; ".join(" ".join(words) for words in kept))
    return ",".join(policies)
