"""Sitemaps as they come: whole, packed, of others, too long, or none at all."""

from __future__ import annotations

import gzip

import pytest

from proxy_addon.audit import sitemap
from proxy_addon.audit.sitemap import SitemapError, read_sitemap, unpacked

URL = "https://shop.example/sitemap.xml"


def written(root: str, entry: str, *locations: str) -> bytes:
    inside = "".join(f"<{entry}><loc>{each}</loc></{entry}>" for each in locations)
    return f'<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inside}</{root}>'.encode()


def nobody(url: str) -> bytes:
    raise AssertionError(f"{url} was fetched")


def test_pictures_of_a_page_are_no_pages() -> None:
    content = (
        b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:i="http://www.google.com/schemas/'
        b'sitemap-image/1.1"><url><loc>https://shop.example/a</loc><i:image><i:loc>https://shop.example/a.png</i:loc>'
        b"</i:image></url></urlset>"
    )
    assert list(read_sitemap(URL, content, nobody)) == [(URL, "https://shop.example/a")]


def test_the_sitemaps_of_an_index_are_fetched_as_they_are_needed_and_no_deeper() -> None:
    held = {
        "https://shop.example/1.xml": written("urlset", "url", "https://shop.example/a"),
        "https://shop.example/2.xml": written("sitemapindex", "sitemap", "https://shop.example/3.xml"),
    }
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return held[url]

    found = read_sitemap(URL, written("sitemapindex", "sitemap", *held), fetch)
    assert next(found) == ("https://shop.example/1.xml", "https://shop.example/a")
    assert asked == ["https://shop.example/1.xml"]
    assert list(found) == []
    assert asked == list(held)


def test_what_is_too_long_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemap, "_MOST_BYTES", 1 << 20)
    with pytest.raises(SitemapError, match=f"{URL} is longer than 1 MB"):
        unpacked(gzip.compress(b" " * (2 << 20)), URL)
    monkeypatch.setattr(sitemap, "_MOST_SITEMAPS", 1)
    with pytest.raises(SitemapError, match="names more than 1 sitemaps"):
        list(read_sitemap(URL, written("sitemapindex", "sitemap", URL, URL), nobody))


@pytest.mark.parametrize(
    "content",
    [b"", b"<html><p></html>", b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;', b"\x00\xff"],
    ids=["nothing", "a-page", "an-entity", "bytes"],
)
def test_what_is_no_sitemap_is_one_sentence(content: bytes) -> None:
    with pytest.raises(SitemapError, match=f"{URL} is no sitemap; give its address"):
        list(read_sitemap(URL, content, nobody))
