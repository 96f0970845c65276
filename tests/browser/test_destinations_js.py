"""The page filters what a router sends and gets as the core does: one set of vectors is put to both."""

from __future__ import annotations

import json
import subprocess
from functools import lru_cache
from typing import Any

import pytest

from proxy_addon.browser.assets import assemble
from proxy_addon.browser.table import compile_table
from tests.rewrite.routers import VECTORS, relay

from .test_table import DECIDE

# Makes a router's filter as a page makes it; `put` says what is asked of it.
RUN = """
const fs = require('fs');
const { decide, routers, table, cases } = JSON.parse(fs.readFileSync(0, 'utf8'));
const consentryDecide = new Function(decide + '; return consentryDecide;')();
globalThis.document = undefined;
const made = new Promise((resolve) => {
  globalThis.self = { dispatchEvent: (event) => resolve(event.detail) };
});
globalThis.CustomEvent = class { constructor(type, init) { this.detail = init.detail; } };
new Function(routers)();
(async () => {
  const make = await made, answers = [];
  for (const each of cases) {
    const { consent, law, categories = {}, active = {} } = each;
    const said = { categories: {}, vendors: {}, implied: {}, ...consent };
    const at = { site: '', consent: said, law, strict: false, routing: { categories, active } };
    const rows = [], core = consentryDecide(table, at);
    const host = { nothing: () => 'nothing', note: (way, events) => rows.push(events), blob: () => undefined };
    const router = make(core, at, host);
    answers.push(await put(each, { at, core, router, rows }));
  }
  console.log(JSON.stringify(answers));
})();
"""
VECTOR = """
const put = (each, { router }) => {
  if ('settings' in each) {
    const found = router.settings('relay', each.settings);
    return found && { text: found.text, active: [...found.active].sort(), refused: found.refused };
  }
  if ('listing' in each) {
    const found = router.listed('relay', each.listing);
    return found && [...found].sort();
  }
  const found = router.event('relay', each.event, each.connected && new Set(each.connected));
  return found && { text: found.text, events: found.events };
};
"""


@lru_cache(maxsize=1)
def scripts() -> dict[str, Any]:
    catalogue = relay()
    assets = assemble(catalogue.vendors, (), banner=False, destinations=catalogue.destinations)
    return {
        "decide": DECIDE.read_text("utf-8"),
        "routers": assets.routers,
        "table": json.loads(json.dumps(compile_table(catalogue.vendors))),
    }


def node(cases: list[dict[str, Any]], put: str) -> list[Any]:
    question = json.dumps({**scripts(), "cases": cases})
    said = subprocess.run(["node", "-e", put + RUN], input=question, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr[-2000:]
    answers: list[Any] = json.loads(said.stdout)
    return answers


def asked(vector: dict[str, Any]) -> dict[str, Any]:
    """A vector as a case of ours: what is connected is no list of what `at` knows to be."""
    rest = {name: value for name, value in vector.items() if name not in ("regime", "active")}
    return {**rest, "law": vector["regime"], "connected": vector.get("active")}


@pytest.fixture(scope="module")
def answers() -> list[Any]:
    return node([asked(vector) for vector in VECTORS], VECTOR)


@pytest.mark.parametrize("index", range(len(VECTORS)), ids=lambda index: VECTORS[index].get("name", str(index)))
def test_a_vector_gets_the_answer_of_the_core(index: int, answers: list[Any]) -> None:
    assert answers[index] == VECTORS[index]["expect"]
