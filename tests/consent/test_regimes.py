"""The regimes as they are shipped, and what is strictest among several."""

from __future__ import annotations

from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy_addon.catalogue.load import shipped_rules
from proxy_addon.catalogue.yamlfile import RulesError, parse
from proxy_addon.consent.model import CATEGORIES, Regime
from proxy_addon.consent.regimes import STRICTEST, regimes, strictest

from ..small import CCPA, GDPR

FILE = shipped_rules() / "regimes.yaml"
PLAIN: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
KNOWN = regimes(PLAIN)
OPT_IN, OPT_OUT = dict.fromkeys(CATEGORIES, False), dict.fromkeys(CATEGORIES, True)


@pytest.mark.parametrize("name", ["gdpr", "uk", "ch", "lgpd", "quebec25"])
def test_opt_in_laws_deny_on_silence(name: str) -> None:
    assert KNOWN[name].unset == OPT_IN


@pytest.mark.parametrize("name", ["ccpa", "us-gpc", "us-opt-out", "pipeda", "appi", "none"])
def test_opt_out_laws_allow_on_silence(name: str) -> None:
    assert KNOWN[name].unset == OPT_OUT


def test_gpc_binds_in_california_and_the_states_that_say_so_and_nowhere_else() -> None:
    bound = {name: each.gpc_denies for name, each in KNOWN.items() if each.gpc_denies}
    assert bound == {"ccpa": {"marketing"}, "us-gpc": {"marketing"}}


def test_each_region_has_one_regime() -> None:
    regions = list(chain.from_iterable(each.regions for each in KNOWN.values()))
    assert len(regions) == len(set(regions))


def test_the_eea_is_whole_and_norway_is_no_boolean() -> None:
    assert {"NO", "IS", "LI", "DE", "FR", "HR", "IE", "CY"} <= set(KNOWN["gdpr"].regions)
    assert len([code for code in KNOWN["gdpr"].regions if code not in ("AX", "GF", "GP", "MF", "MQ", "RE", "YT")]) == 30


def test_every_law_names_its_sources_and_says_what_is_simplified() -> None:
    assert [name for name, each in KNOWN.items() if not each.note or not (each.sources or name == "none")] == []


def test_every_state_has_its_statute() -> None:
    for name in ("us-gpc", "us-opt-out"):
        assert len(KNOWN[name].sources) == len(KNOWN[name].regions)


def test_the_strictest_denies_what_any_denies_and_is_one_of_them_if_one_is_that_strict() -> None:
    assert strictest([CCPA, GDPR]).regime == STRICTEST
    assert strictest([GDPR, KNOWN["uk"]]) is GDPR
    assert strictest([KNOWN["none"], CCPA]) is CCPA
    for some in combinations(KNOWN.values(), 3):
        law = strictest(some)
        assert law.unset == {name: all(each.unset[name] for each in some) for name in CATEGORIES}
        assert law.gpc_denies == frozenset().union(*(each.gpc_denies for each in some))


def test_of_no_law_at_all_the_strictest_denies_everything() -> None:
    assert strictest([]).unset == OPT_IN


def test_a_category_that_a_law_leaves_out_is_denied() -> None:
    assert strictest([Regime("odd", "", "", {"analytics": True}), CCPA]).unset == {**OPT_IN, "analytics": True}


@pytest.mark.parametrize(
    ("name", "regions", "words"),
    [
        ("auto", "[DE]", "'regime' is 'auto'"),
        ("strictest", "[DE]", "'regime' is 'strictest'"),
        ("mine", "[NO]", "yes or no"),
        ("mine", "[de]", "'de', which does not fit"),
        ("mine", "[US-CALI]", "'US-CALI', which does not fit"),
    ],
)
def test_a_mistake_in_a_file_of_ones_own_is_named(name: str, regions: str, words: str) -> None:
    unset = "{functional: deny, analytics: deny, marketing: deny}"
    text = f"regimes:\n  - {{regime: {name}, title: T, what: W, unset: {unset}, gpc_denies: [], regions: {regions}}}\n"
    schema = yaml.safe_load((shipped_rules() / "rules.schema.json").read_text("utf-8"))
    with pytest.raises(RulesError, match=words):
        parse(FILE, text.encode(), schema)


def test_the_documentation_tells_the_regimes_as_they_are() -> None:
    said = {True: "allow", False: "deny"}
    rows = []
    for name, each in KNOWN.items():
        where = ", ".join(each.regions) if len(each.regions) < 12 else f"{len(each.regions)} regions"
        answers = [said[each.unset[category]] for category in CATEGORIES]
        cells = [f"`{name}`", each.title, where, *answers, ", ".join(sorted(each.gpc_denies)) or "-"]
        rows.append(f"| {' | '.join(cells)} |")
    text = (Path(__file__).parents[2] / "docs" / "regimes.md").read_text("utf-8")
    assert [row for row in text.splitlines() if row.startswith("| `")] == rows
