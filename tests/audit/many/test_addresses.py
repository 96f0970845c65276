from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy_addon.audit.many.addresses import read_addresses
from proxy_addon.config import UsageError
from tests.kit.server import Server
from tests.kit.site import Site


@pytest.fixture
def site() -> Iterator[tuple[Site, Server]]:
    site = Site()
    server = Server(site)
    yield site, server
    server.close()


def test_lines_are_addresses_each_once_and_remarks_are_not(tmp_path: Path) -> None:
    file = tmp_path / "urls.txt"
    file.write_text("# ours\nexample.com\n\nhttps://EXAMPLE.com/#top\nhttp://shop.example.com/a?b=1,2\n")
    assert read_addresses(str(file)) == ("https://example.com/", "http://shop.example.com/a?b=1,2")


def test_a_csv_is_read_by_the_column_that_is_called_url(tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text('owner,url\n"Jones, A.",https://a.example/\nsome.one,b.example\n')
    assert read_addresses(str(file)) == ("https://a.example/", "https://b.example/")


def test_a_column_is_found_whatever_the_case_of_its_name(tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text("Owner,URL\nsome.one,b.example\n")
    assert read_addresses(str(file)) == ("https://b.example/",)


def test_a_ranked_list_without_a_header_is_read_by_what_looks_like_a_host(tmp_path: Path) -> None:
    file = tmp_path / "top.csv"
    file.write_text("1,example.com\n2,example.org\n")
    assert read_addresses(str(file)) == ("https://example.com/", "https://example.org/")


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfexample.com\n")))
    assert read_addresses("-") == ("https://example.com/",)


def test_a_sitemap_index_is_followed_packed_or_not(site: tuple[Site, Server]) -> None:
    pages, server = site
    pages.page("/sitemap.xml", _map("sitemapindex", "sitemap", f"{server.url}/1.xml", f"{server.url}/2.xml.gz"))
    pages.page("/1.xml", _map("urlset", "url", "https://a.example/one"))
    pages.page("/2.xml.gz", gzip.compress(_map("urlset", "url", "https://a.example/two", "https://a.example/one")))
    assert read_addresses(f"{server.url}/sitemap.xml") == ("https://a.example/one", "https://a.example/two")


def test_a_saved_sitemap_is_read(tmp_path: Path) -> None:
    file = tmp_path / "sitemap.xml"
    file.write_bytes(_map("urlset", "url", "https://a.example/one"))
    assert read_addresses(str(file)) == ("https://a.example/one",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("example.com\nnot an address\n", "urls.txt:2: 'not an address' is no address"),
        ("ftp://example.com\n", "urls.txt:1: 'ftp://example.com' is no address"),
        ("word\n", "urls.txt:1: 'word' is no address"),
        ("# nothing\n", "names no address"),
        ("<html><p></html>", "is no sitemap"),
    ],
    ids=["words", "other-scheme", "no-host", "empty", "html"],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "urls.txt"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_addresses(str(file))


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_addresses(str(tmp_path / "none.txt"))


@pytest.mark.parametrize("url", ["https://a b/sitemap.xml", "http://[::1/sitemap.xml"], ids=["space", "bracket"])
def test_an_address_of_a_sitemap_that_is_none_is_said_to_be_so(url: str) -> None:
    with pytest.raises(UsageError, match="cannot be fetched"):
        read_addresses(url)


def test_a_table_that_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    file = tmp_path / "urls.csv"
    file.write_text(f'"{"a" * 200_000}"\n')
    with pytest.raises(UsageError, match="is no CSV"):
        read_addresses(str(file))


def _map(root: str, entry: str, *locations: str) -> bytes:
    inside = "".join(f"<{entry}><loc>{each}</loc></{entry}>" for each in locations)
    return (
        f'<?xml version="1.0"?><{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inside}</{root}>'.encode()
    )
