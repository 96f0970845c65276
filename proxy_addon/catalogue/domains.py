"""Hosts and registrable domains (https://publicsuffix.org, as the list's package ships it)."""

from __future__ import annotations

from functools import lru_cache

from publicsuffixlist import PublicSuffixList

_LIST = PublicSuffixList(accept_unknown=True)


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str:
    """The registrable domain of a host name, or the host itself where it has none (IPs, localhost)."""
    host = host.lower().rstrip(".").strip("[]")
    if ":" in host or host.replace(".", "").isdigit():
        return host
    return _LIST.privatesuffix(host) or host


def is_public_suffix(domain: str) -> bool:
    """Whether anyone may register names directly below this domain."""
    return bool(_LIST.is_public(domain))


def within(host: str, domain: str) -> bool:
    """Whether host is the domain or one of its subdomains."""
    return host == domain or host.endswith("." + domain)
