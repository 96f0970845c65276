"""A site's own papers: what is pasted elsewhere is right, and means nothing else there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import html5lib
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.catalogue.load import load_rules
from proxy_addon.config import read_rules
from proxy_addon.consent.model import CATEGORIES, Consent
from proxy_addon.consent.platforms import compile_platforms
from proxy_addon.dashboard.scene import Count, Host, SeenCookie
from proxy_addon.dashboard.sitebook import (
    PolicyRow,
    columns,
    policy,
    policy_csv,
    policy_html,
    policy_markdown,
    rule_for,
    strangers,
    takings,
)
from proxy_addon.policy import decide
from proxy_addon.watch import Cookie
from tests.small import CCPA, GDPR

from .world import SITE, START, catalogue

HOSTILE = '"><img src=x onerror=alert(1)>'


def cookies(*names: str, host: str = SITE, lifetime: str = "") -> list[SeenCookie]:
    return [SeenCookie(Cookie(name, host, lifetime), START, START) for name in names]


def rows(*names: str, host: str = SITE, lifetime: str = "") -> list[PolicyRow]:
    return policy(cookies(*names, host=host, lifetime=lifetime), catalogue(), (), SITE)


def counted(*needs: tuple[str, ...]) -> Count:
    return Count(held=1, needs=set(needs))


# What it takes


def test_regimes_that_are_alike_share_a_column() -> None:
    known = read_rules(())[1]
    groups = columns(known.values())
    assert sum(len(group.regimes) for group in groups) == len(known)
    for group in groups:
        assert len({(tuple(sorted(each.unset.items())), each.gpc_denies) for each in group.regimes}) == 1
    assert len(groups) < len(known)


def test_what_a_vendor_takes_is_what_the_decision_says() -> None:
    counts = {"acme": counted(("analytics",)), "ads": counted(("marketing",)), "gone": counted(("marketing",))}
    groups = columns([GDPR, CCPA])
    found = {each.vendor: [demand.words for _, demand in each.demands] for each in takings(counts, catalogue(), groups)}
    assert found == {
        "acme": ["Held until analytics is granted", "Runs until refused"],
        "ads": ["Held until marketing is granted", "Runs until refused; GPC refuses marketing"],
    }


@given(needs=st.sets(st.sampled_from(CATEGORIES), min_size=1))
def test_a_demand_never_contradicts_a_verdict(needs: set[str]) -> None:
    known = catalogue()
    [taking] = takings({"acme": counted(tuple(sorted(needs)))}, known, columns([GDPR, CCPA]))
    match = known.match("https://acme.test/x", site=SITE)
    assert match is not None
    for column, demand in taking.demands:
        # (The rule itself needs analytics only.)
        if needs == {"analytics"}:
            assert decide(match, Consent(), column.regimes[0]).blocks is (demand.sign == "held")
        assert (demand.sign == "held") is any(not column.regimes[0].unset[name] for name in needs)


# The cookie table


def test_cookies_of_one_pattern_are_one_line() -> None:
    [row] = rows("_acme_1", "_acme_2")
    assert row.cells() == ("_acme_*", "Acme", "analytics", "2 years", "Tells visitors apart.")
    assert row.seen == ("_acme_1", "_acme_2")


def test_a_cookie_that_nobody_knows_is_for_the_site_to_describe() -> None:
    [row] = rows("basket", lifetime="3 days")
    assert (row.name, row.provider, row.category, row.lifetime, row.known) == ("basket", SITE, "", "3 days", False)


def test_a_third_partys_cookie_names_its_host() -> None:
    [row] = rows("uid", host="cdn.other.test")
    assert row.provider == "cdn.other.test"


def test_cookies_of_ours_and_of_consent_platforms_are_necessary() -> None:
    platforms = compile_platforms(read_rules(())[0].platforms)
    found = policy(cookies("consentry", "OptanonConsent", "euconsent-v2"), catalogue(), platforms, SITE)
    assert {row.name: row.category for row in found} == {
        "consentry": "necessary",
        "OptanonConsent": "necessary",
        "euconsent-v2": "necessary",
    }
    assert "OneTrust" in next(row.purpose for row in found if row.name == "OptanonConsent")


def test_a_hostile_name_is_text_in_html() -> None:
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)  # type: ignore[no-untyped-call]
    tree = parser.parse(policy_html(rows(HOSTILE, "</table><script>x")))  # type: ignore[no-untyped-call]
    assert tree.findall(".//img") == tree.findall(".//script") == []
    assert {HOSTILE, "</table><script>x"} == {code.text for code in tree.iter("code")}


@pytest.mark.parametrize("name", ["a|b", "a`b", "[a](javascript:x)", "<img>", "*a*", "a\\|b", "_acme"])
def test_a_hostile_name_is_text_in_markdown(name: str) -> None:
    line = policy_markdown(rows(name)).splitlines()[2]
    assert unescaped(line) == 6
    assert "<" not in line
    assert "[a](" not in line


def unescaped(line: str) -> int:
    """How many bars of a line divide cells."""
    return sum(1 for index, each in enumerate(line) if each == "|" and not escapes(line, index) % 2)


def escapes(line: str, index: int) -> int:
    return len(line[:index]) - len(line[:index].rstrip("\\"))


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx"])
def test_a_cell_is_no_formula_in_a_spreadsheet(name: str) -> None:
    assert read_csv(policy_csv(rows(name)))[1][0] == f"'{name}"


@given(st.lists(st.text(min_size=1), max_size=5))
def test_csv_and_markdown_keep_one_line_a_cookie(names: list[str]) -> None:
    found = rows(*names)
    assert len(read_csv(policy_csv(found))) == len(found) + 1
    assert len(policy_markdown(found).split("\n")) == len(found) + 3


# Hosts that nobody has catalogued


def test_the_rule_for_a_host_can_be_loaded_and_holds_it(tmp_path: Path) -> None:
    name, text = rule_for("cdn.track.example.co.uk", ["script", "image"])
    assert name == "example-co-uk.yaml"
    (tmp_path / "vendors").mkdir()
    (tmp_path / "vendors" / name).write_text(text, "utf-8")
    match = load_rules([tmp_path], tmp_path / "cache").catalogue.match(
        "https://cdn.track.example.co.uk/x.js", site=SITE
    )
    assert match is not None
    assert (match.vendor, match.categories) == ("example-co-uk", ("marketing",))


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost", "[::1]", "", "a_b.test", "x" * 300, "évil.test", "a..b"])
def test_no_rule_is_made_of_what_no_rule_can_name(host: str) -> None:
    assert rule_for(host) == ("", "")


@given(st.text())
def test_a_rule_names_its_host_and_nothing_else(host: str) -> None:
    name, text = rule_for(host, [host])
    if text:
        assert yaml.safe_load(text)["vendor"] + ".yaml" == name


def test_the_host_that_was_asked_most_comes_first() -> None:
    hosts: Iterable[Host] = [Host("a.test", START, times=1), Host("b.test", START, times=2)]
    assert [each.host for each in strangers(hosts)] == ["b.test", "a.test"]
