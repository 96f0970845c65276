"""The benchmark suite works, with nothing installed that it could do without. How fast anything is, is no test."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from proxy_addon.catalogue.load import load_rules
from tests.kit.browser import Browser
from tests.kit.network import Network

from . import pagecost
from .guardsize import MANY, strangers
from .memory import Memory
from .payloads import data, page, payloads
from .processes import BARE, CONSENTRY, FORGETFUL, PROXIES, STREAMING
from .report import machine, page_cost, rows, table
from .suite import Plan, Results, measure

pytestmark = pytest.mark.once

TINY = Plan(
    rounds=1,
    seconds=0.2,
    requests=100,
    urls=400,
    tries=2,
    patience=0.1,
    loads=0,
    evidence=2_000,
    vendors=50,
    plain=True,
)


@pytest.fixture(scope="module")
def results() -> Results:
    return measure(TINY)


def test_the_page_and_the_json_are_as_long_as_they_are_said_to_be() -> None:
    assert len(page()) == pytest.approx(60_000, rel=0.05)
    assert len(data()) == pytest.approx(1_000, rel=0.1)


def test_every_proxy_answers_the_load_on_every_resource(results: Results) -> None:
    assert [each.payload for each in results.throughput] == list(payloads())
    for each in results.throughput:
        assert {name: len(loads) for name, loads in each.loads.items()} == dict.fromkeys(PROXIES, 1)
        assert all(load.requests for loads in each.loads.values() for load in loads)


def test_the_ledger_and_sqlite_append_the_same_rows_by_turns(results: Results) -> None:
    found = results.appending
    assert found.rows == TINY.evidence
    assert len(found.rounds) == len(found.others) == 1
    assert min(found.rounds + found.others) > 0
    assert all(found.asked.values())


def test_the_proxy_is_loaded_with_a_ledger_and_without(results: Results) -> None:
    for each in results.evidence:
        assert set(each.loads) == {CONSENTRY, FORGETFUL}


def test_memory_is_read_at_checkpoints_up_to_the_last_request(results: Results) -> None:
    assert [count for count, _ in results.memory.checkpoints] == [0, 20, 40, 60, 80, 100]
    assert all(size for _, size in results.memory.checkpoints)


def test_memory_that_grows_after_the_caches_are_full_is_not_flat() -> None:
    assert Memory(((0, 50), (10, 100), (20, 105), (30, 104))).flat
    assert not Memory(((0, 50), (10, 100), (20, 120), (30, 140))).flat


def test_consentry_sends_the_first_bytes_before_the_upstream_has_sent_the_last(results: Results) -> None:
    # The others were asked as well; one that waits is answered when the upstream's patience ends.
    assert not results.first_bytes[CONSENTRY].delayed
    assert set(results.first_bytes) == {BARE, STREAMING, CONSENTRY}


def test_adblock_with_the_same_knowledge_finds_about_the_same(results: Results) -> None:
    found = results.matching
    assert found.found == pytest.approx(found.urls * 0.15, rel=0.4)
    if found.beside is not None:
        assert found.found_by_other == pytest.approx(found.found, rel=0.2)


def test_the_report_is_one_table_with_a_verdict_on_each_target(results: Results) -> None:
    lines = table(rows(results)).splitlines()
    assert {line.count(" | ") for line in lines} == {6}
    assert sum("reached" in line for line in lines) == (14 if results.matching.beside else 13)
    assert "asyncio" in machine(results, TINY)


def test_the_parts_of_the_guard_are_the_whole_and_vendors_that_were_met_make_it_larger(results: Results) -> None:
    size = results.guard_size
    assert sum(size.parts.values()) == size.whole < size.plain
    assert size.whole < size.met


def test_the_guard_stays_small_however_many_vendors_there_are(results: Results) -> None:
    size = results.guard_size
    if version_of_minifier() is not None:
        assert max(size.whole, size.many, size.most) <= 25_000


def version_of_minifier() -> str | None:
    """None on machines that it has no builds for."""
    try:
        return version("tdewolff-minify")
    except PackageNotFoundError:
        return None


def test_many_vendors_are_measured_beside_few(results: Results) -> None:
    found = results.at_size
    assert (found.vendors, found.domains) == (50, 250)
    for values in (found.starts, found.starts_with_few, found.memory, found.memory_with_few, found.matches):
        assert len(values) == 1
        assert min(values) > 0


def test_made_up_vendors_are_as_well_known_as_real_ones_and_share_no_domain_with_them() -> None:
    vendors = load_rules().catalogue.vendors
    made = strangers(vendors, MANY)
    assert len({each.vendor for each in made} | vendors.keys()) == MANY + len(vendors)
    real = {domain.domain for each in vendors.values() for domain in each.domains}
    assert not real & {domain.domain for each in made for domain in each.domains}
    for model, stranger in zip(vendors.values(), made, strict=False):
        assert [len(rule.path) for rule in stranger.requests] == [len(rule.path) for rule in model.requests]


@pytest.mark.e2e
def test_the_pages_are_loaded_with_and_without_the_guard(browser: Browser, network: Network, tmp_path: Path) -> None:
    vendors = tuple(load_rules().catalogue.vendors.values())
    cost = pagecost.measure(browser, network, vendors, tmp_path, 1)
    for values in (cost.guard, cost.ready, cost.ready_without, cost.busy, cost.busy_without, cost.load):
        assert len(values) == 1
        assert min(values) > 0
    assert cost.asked >= pagecost.TAGS
    assert len(table(page_cost(cost)).splitlines()) == 6
    assert network.latency == 0
