"""URLs are split as a browser splits them, on the fast path and beside it."""

from __future__ import annotations

from urllib.parse import unquote

import ada_url
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.catalogue.urls import Parts, origin, resolve, split


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://cdn.acme.test/a.js?x=1#y", Parts("cdn.acme.test", "/a.js", "x=1")),
        ("https://cdn.acme.test", Parts("cdn.acme.test", "/", "")),
        ("https://cdn.acme.test?x", Parts("cdn.acme.test", "/", "x")),
        ("https://cdn.acme.test:8443/a", Parts("cdn.acme.test", "/a", "")),
        ("https://user:secret@cdn.acme.test/a", Parts("cdn.acme.test", "/a", "")),
        ("https://shop.test@cdn.acme.test/a", Parts("cdn.acme.test", "/a", "")),
        ("HTTPS://CDN.Acme.TEST/A", Parts("cdn.acme.test", "/A", "")),
        ("https://cdn.acme.test./a", Parts("cdn.acme.test", "/a", "")),
        ("https://cdn%2Eacme.test/a", Parts("cdn.acme.test", "/a", "")),
        ("https://\uff43dn.acme\u3002test/a", Parts("cdn.acme.test", "/a", "")),
        ("https://bücher.test/a", Parts("xn--bcher-kva.test", "/a", "")),
        ("https://cd\u00adn.acme.test/a", Parts("cdn.acme.test", "/a", "")),
        ("https:\\\\cdn.acme.test\\a", Parts("cdn.acme.test", "/a", "")),
        ("https://cdn.acme.test\\@shop.test/a", Parts("cdn.acme.test", "/@shop.test/a", "")),
        ("https:/cdn.acme.test/a", Parts("cdn.acme.test", "/a", "")),
        ("https:cdn.acme.test/a", Parts("cdn.acme.test", "/a", "")),
        ("  https://cdn.acme.test/a\n", Parts("cdn.acme.test", "/a", "")),
        ("ht\ttps://cdn.ac\nme.test/a\r.js", Parts("cdn.acme.test", "/a.js", "")),
        ("https://cdn.acme.test/b/../a", Parts("cdn.acme.test", "/a", "")),
        ("https://cdn.acme.test/b/./a", Parts("cdn.acme.test", "/b/a", "")),
        ("https://cdn.acme.test/b/%2e%2E/a", Parts("cdn.acme.test", "/a", "")),
        ("https://cdn.acme.test/b/.%2e/a", Parts("cdn.acme.test", "/a", "")),
        ("https://cdn.acme.test/b/%2e/a", Parts("cdn.acme.test", "/b/a", "")),
        ("https://cdn.acme.test/a/.", Parts("cdn.acme.test", "/a/", "")),
        ("wss://acme.test/socket", Parts("acme.test", "/socket", "")),
        ("http://[::1]:8080/a", Parts("[::1]", "/a", "")),
        ("http://127.0.0.1/a", Parts("127.0.0.1", "/a", "")),
    ],
)
def test_a_url_is_split_as_a_browser_would(url: str, parts: Parts) -> None:
    assert split(url) == parts


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/a.js",
        "//acme.test/a",
        "acme.test/a",
        "data:text/plain,x",
        "blob:https://acme.test/1",
        "javascript:void 0",
        "mailto:a@acme.test",
        "ftp://acme.test/",
        "https://",
        "https://a b.test/",
        "https://[::1/",
        "about:blank",
        "https://\ud800.test/",
    ],
)
def test_what_no_browser_would_request_over_http_is_none(url: str) -> None:
    assert split(url) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Shop.TEST:443/a?b#c", "https://shop.test"),
        ("http://shop.test:8080", "http://shop.test:8080"),
        ("http://[::1]:80/", "http://[::1]"),
        ("https://b\u00fccher.test", "https://xn--bcher-kva.test"),
        ("https://a b.test", None),
        ("https://shop.test:99999", None),
        ("ftp://shop.test", None),
        ("shop.test", None),
    ],
)
def test_an_origin_is_spelt_in_one_way(url: str, expected: str | None) -> None:
    assert origin(url) == expected


HOSTS = st.from_regex(r"[a-zA-Z0-9]{1,6}(\.[a-z]{1,5}){1,2}\.?", fullmatch=True)
PATHS = st.lists(
    st.sampled_from(["/", ".", "..", "%2e", "%2E", "a", "%41", "?", "#", "=", "\\", "\t", "é", " ", "@"])
).map("".join)


@settings(deadline=None)
@given(st.sampled_from(["https", "HTTP", "ws"]), HOSTS, st.sampled_from(["", ":80", ":8443"]), PATHS)
def test_the_fast_path_never_says_other_than_the_standard(scheme: str, host: str, port: str, path: str) -> None:
    url = f"{scheme}://{host}{port}/{path}"
    parts = split(url)
    try:
        standard = ada_url.URL(url)
    except ValueError:
        return
    assert parts is not None
    assert parts.host == standard.hostname.rstrip(".")
    # The fast path leaves as it is what a browser would percent-encode; no rule names such characters.
    assert unquote(parts.path) == unquote(standard.pathname)
    assert unquote(parts.query) == unquote(standard.search[1:])


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_split_or_refused_without_an_error(text: str) -> None:
    for url in (text, f"https://{text}", f"https://acme.test/{text}"):
        split(url)
        resolve("https://shop.test/a/b", url)


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("c.js", "https://shop.test/a/c.js"),
        ("/c.js", "https://shop.test/c.js"),
        ("../c.js", "https://shop.test/c.js"),
        ("//cdn.acme.test/c.js", "https://cdn.acme.test/c.js"),
        ("\\\\cdn.acme.test\\c.js", "https://cdn.acme.test/c.js"),
        ("/\t/cdn.acme.test/c.js", "https://cdn.acme.test/c.js"),
        ("ht\ntps://cdn.acme.test/c.js", "https://cdn.acme.test/c.js"),
        ("https:c.js", "https://shop.test/a/c.js"),
        ("http:c.js", "http://c.js/"),
        ("?q", "https://shop.test/a/b?q"),
        ("", "https://shop.test/a/b"),
        (" https://cdn.acme.test/c.js ", "https://cdn.acme.test/c.js"),
        ("HTTPS://cdn.acme.test/c.js", "https://cdn.acme.test/c.js"),
    ],
)
def test_a_reference_is_resolved_as_a_browser_would(reference: str, url: str) -> None:
    assert resolve("https://shop.test/a/b", reference) == url


@pytest.mark.parametrize("reference", ["data:text/javascript,x", "javascript:x()", "mailto:x@acme.test", "blob:x"])
def test_a_reference_that_asks_no_server_is_none(reference: str) -> None:
    assert resolve("https://shop.test/a/b", reference) is None


def test_a_base_that_is_no_url_resolves_only_what_is_absolute() -> None:
    assert resolve("", "c.js") is None
    assert resolve("", "https://cdn.acme.test/c.js") == "https://cdn.acme.test/c.js"
