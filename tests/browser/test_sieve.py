"""A sieve rules out, and never rules out what is in it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.browser.sieve import sieve

from .test_table import DECIDE

pytestmark = pytest.mark.once

# Asks the page's own reader, by way of cookies, of which each is asked for by its name alone.
RUN = """
const { decide, sieves } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const make = new Function(decide + '; return consentryDecide;')();
console.log(JSON.stringify(sieves.map(([stems, names]) => {
  let asked = false;
  const table = { categories: [], routers: [], sieves: { stems } };
  const core = make(table, { consent: {} }, () => { asked = true; return {}; });
  return names.map((name) => {
    asked = false;
    core.prepare('stem', [name]);
    return asked;
  });
})));
"""


def passes(*asked: tuple[Any, list[str]]) -> list[list[bool]]:
    """Which names each sieve lets pass."""
    question = json.dumps({"decide": DECIDE.read_text("utf-8"), "sieves": asked})
    said = subprocess.run(["node", "-e", RUN], input=question, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr[-2000:]
    answer: list[list[bool]] = json.loads(said.stdout)
    return answer


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sets(NAMES, min_size=1, max_size=60), st.integers(60, 2000)), min_size=1, max_size=5))
def test_every_name_passes_the_sieve_that_it_is_in(groups: list[tuple[set[str], int]]) -> None:
    asked = [(sieve(names, most), sorted(names)) for names, most in groups]
    assert all(all(each) for each in passes(*asked))


def test_few_others_pass_and_fewer_the_more_room_there_is() -> None:
    names = [f"name-{number}.test" for number in range(1000)]
    others = [f"other-{number}.test" for number in range(4000)]
    tight, wide = passes((sieve(names, 900), others), (sieve(names, 2200), others))
    assert 0 < sum(tight) < 4000 / 20
    assert sum(wide) <= 4


def test_a_sieve_takes_no_more_room_than_it_may() -> None:
    for count in (1, 10, 100, 1000, 3000):
        made = sieve([f"name-{number}" for number in range(count)], 2200)
        assert isinstance(made, list)
        assert len(str(made[3])) * 3 / 4 <= 2200


@pytest.mark.parametrize(
    ("names", "made"), [([], 0), ([str(number) for number in range(50_000)], 1)], ids=["none", "many"]
)
def test_of_nothing_nothing_passes_and_of_very_many_anything_may(names: list[str], made: int) -> None:
    assert sieve(names, 2200) == made
    assert passes((made, ["a", "b"])) == [[bool(made)] * 2]
