"""Which expressions Envoy is given, and which it could not read."""

from __future__ import annotations

import pytest

from proxy_addon.envoy.payloads import in_re2


@pytest.mark.parametrize(
    "pattern",
    [
        "a=1",
        "a{1000}",
        "a{2,1000}b{1000}",
        "(?:a{10}){100}",
        r"[{]2000}",
        r"\{2000}",
        "(a{1000})b",
        "a{,}",
    ],
)
def test_what_re2_repeats_as_often_is_left_to_it(pattern: str) -> None:
    assert in_re2(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "a{1001}",
        "a{2,1001}",
        "a{1001,}",
        "(?:a{10}){101}",
        "(a|(b{20}c){20}){3}",
        "[^)]{1001}",
        "(?=a)",
        "a++",
        "a{,9}",
    ],
)
def test_what_re2_would_refuse_is_seen(pattern: str) -> None:
    assert not in_re2(pattern)
