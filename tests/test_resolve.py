"""Where to connect for a host."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.config import UsageError
from proxy_addon.resolve import Entry, Resolver, parse_entry


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("shop.test:443:127.0.0.1", Entry("shop.test", 443, "127.0.0.1", None)),
        ("shop.test:443:127.0.0.1:8443", Entry("shop.test", 443, "127.0.0.1", 8443)),
        ("SHOP.test:*:localhost:80", Entry("shop.test", None, "localhost", 80)),
        ("*:80:127.0.0.1:8080", Entry(None, 80, "127.0.0.1", 8080)),
        ("shop.test:443:[::1]:8443", Entry("shop.test", 443, "::1", 8443)),
        ("shop.test:443:[::1]", Entry("shop.test", 443, "::1", None)),
    ],
)
def test_a_mapping_is_read_as_curl_writes_it(text: str, entry: Entry) -> None:
    assert parse_entry(text) == entry


@pytest.mark.parametrize(
    "text",
    [
        "",
        "shop.test",
        "shop.test:443",
        ":443:127.0.0.1",
        "shop.test:x:127.0.0.1",
        "shop.test:443:",
        "a b:1:c",
        "shop.test:443:127.0.0.1:",
        "shop.test:443:::1",
        "shop.test:443:127.0.0.1:80:80",
        "shop.test:443:127.0.0.1\n",
        "shop.test:99999:127.0.0.1",
        "shop.test:443:127.0.0.1:65536",
    ],
)
def test_what_is_no_mapping_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"write it as HOST:PORT:ADDRESS"):
        parse_entry(text)


@settings(deadline=None)
@given(st.text(max_size=30) | st.text("a:*.[]0123456789", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_entry(text)
    except UsageError:
        return


def test_the_first_mapping_that_fits_counts() -> None:
    resolver = Resolver(map(parse_entry, ["a.test:443:10.0.0.1", "*:443:10.0.0.2:8443", "a.test:*:10.0.0.3"]))
    assert resolver.resolve("a.test", 443) == ("10.0.0.1", 443)
    assert resolver.resolve("A.TEST", 443) == ("10.0.0.1", 443)
    assert resolver.resolve("b.test", 443) == ("10.0.0.2", 8443)
    assert resolver.resolve("a.test", 80) == ("10.0.0.3", 80)
    assert resolver.resolve("b.test", 80) == ("b.test", 80)
