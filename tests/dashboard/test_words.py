"""Rows and browsers in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon import ledger
from proxy_addon.dashboard.words import browser_words, row_words, rule_words

from .world import catalogue, seen


def test_a_row_says_what_was_done_why_and_by_which_rule() -> None:
    words = row_words(seen(1, reason="acme needs analytics: analytics is denied (onetrust)"), catalogue())
    assert words == (
        "Held, in the page as it came from the site. Acme needs analytics: analytics is denied (onetrust). "
        "Recognised by the rule “acme-script” of Acme: The script (cdn.acme.test/*.js)."
    )


@pytest.mark.parametrize("outcome", ledger.OUTCOMES)
def test_every_outcome_has_words(outcome: str) -> None:
    words = row_words(seen(1, outcome=outcome), catalogue())
    assert outcome == "held" or not words.lower().startswith(f"{outcome} (")


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("acme-script", "The script (cdn.acme.test/*.js)"),
        ("acme.test", "any request to acme.test"),
        ("_acme_*", "a cookie: Tells visitors apart"),
        ("gone", "the file has changed since"),
    ],
)
def test_a_rule_is_told_in_the_words_of_its_file(rule: str, says: str) -> None:
    assert says in rule_words("acme", rule, catalogue())


def test_of_an_unknown_vendor_nothing_is_said() -> None:
    assert rule_words("nobody", "rule", catalogue()) == ""


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36", "Chrome 131 on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/131.0 Safari/537.36 Edg/131.0", "Edge 131 on Windows"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0",
            "Firefox 132 on macOS",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari 18 on iPhone",
        ),
        ("curl/8.0", "A browser"),
        ("", "A browser"),
    ],
)
def test_a_browser_is_told_in_a_few_words(agent: str, words: str) -> None:
    assert browser_words(agent) == words


@given(st.text(max_size=400))
def test_whatever_a_user_agent_says_little_of_it_is_shown(agent: str) -> None:
    assert len(browser_words(agent)) < 350
