"""Evidence, and what of an address it leaves out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.ledger import Evidence, redact


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("https://acme.test/a", "https://acme.test/a"),
        ("https://acme.test/a?", "https://acme.test/a?"),
        ("https://acme.test/a?id=1&mail=x@y.test", "https://acme.test/a?id=…&mail=…"),
        ("https://acme.test/a?id=&x", "https://acme.test/a?id=…&…"),
        ("https://acme.test/a?user@mail.test", "https://acme.test/a?…"),
        ("https://acme.test/a?&&a=1&", "https://acme.test/a?&&a=…&"),
        ("https://acme.test/a?u=https://shop.test/?q=1", "https://acme.test/a?u=…"),
        ("https://acme.test/a?id=1#token=2", "https://acme.test/a?id=…"),
        ("https://acme.test/a#token=2?x=1", "https://acme.test/a"),
        ("https://user:pass@acme.test/a", "https://acme.test/a"),
        ("https://user@acme.test/a@b", "https://acme.test/a@b"),
        ("https://user:p@ss@acme.test/a", "https://acme.test/a"),
        ("inline script", "inline script"),
        ("cookie _ga", "cookie _ga"),
        ("", ""),
    ],
)
def test_user_info_fragment_and_query_values_are_left_out(url: str, redacted: str) -> None:
    assert redact(url) == redacted


@settings(deadline=None)
@given(st.text("secret%/+:;,", min_size=1, max_size=20))
def test_no_value_is_left(value: str) -> None:
    assert value not in redact(f"https://acme.test/?a={value}&b={value}&{value}#{value}").partition("?")[2]


@settings(deadline=None)
@given(st.text(max_size=80))
def test_redacting_twice_changes_nothing_more(url: str) -> None:
    assert redact(redact(url)) == redact(url)


def test_a_row_is_plain_data() -> None:
    row = Evidence(
        1.5,
        "wire",
        "answered",
        "block",
        "acme",
        "r",
        ("analytics",),
        ("analytics",),
        "why",
        "u",
        "p",
        "script",
        "words",
        "signal",
        "gdpr",
        "enforce",
    )
    plain = json.loads(json.dumps(row.plain()))
    assert plain["categories"] == ["analytics"]
    assert list(plain) == [
        "time",
        "layer",
        "outcome",
        "verdict",
        "vendor",
        "rule",
        "categories",
        "missing",
        "reason",
        "url",
        "page",
        "type",
        "consent",
        "signal",
        "regime",
        "mode",
        "session",
        "number",
        "visitor",
        "site",
    ]
