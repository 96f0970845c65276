"""URL globs as the cases write them: the scheme and the query do not count."""

from __future__ import annotations

from proxy_addon.catalogue.match import glob


def url_matches(url: str, pattern: str) -> bool:
    """Whether host and path of a URL fit a glob ('*' stops at '/', '**' does not)."""
    return glob(_bare(pattern)).match(_bare(url)) is not None


def _bare(url: str) -> str:
    bare = url.partition("://")[2].partition("?")[0]
    return bare if "/" in bare else bare + "/"
