"""Baselines, differences, and `consentry report`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy_addon.audit.baseline import read_baseline, write_baseline
from proxy_addon.audit.diff import Turned, diff
from proxy_addon.audit.model import AuditResult, Cell
from proxy_addon.cli import cli
from proxy_addon.config import UsageError

from . import sample


def test_what_a_baseline_holds_is_known_and_what_is_gone_is_stale(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    write_baseline(path, sample.result().findings)
    baseline = read_baseline(path)
    assert baseline.keys == {each.key for each in sample.result().findings}
    assert baseline.stale(sample.result()) == ()
    fewer = replace(sample.result(), findings=sample.result().findings[:2])
    assert baseline.stale(fewer) == ("Refusing takes 3 clicks, accepting 1",)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"baseline": 2, "known": {}}', '{"baseline": 1, "known": {"a": 3}}'])
def test_what_is_no_baseline_is_said_to_be_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="write it anew with --write-baseline"):
        read_baseline(path)


def test_a_baseline_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_baseline(tmp_path / "none.json")


def changed() -> AuditResult:
    before = sample.result()
    segment, hotjar = before.vendors
    return replace(
        before,
        findings=(*before.findings[:2], sample.finding("new")),
        vendors=(replace(segment, cells={**segment.cells, "nothing": Cell("silent", 0, 0)}), hotjar),
        hosts=(),
    )


def test_a_difference_has_new_and_gone_findings_cells_and_hosts() -> None:
    found = diff(sample.result(), changed())
    assert ([each.key for each in found.new], [each.key for each in found.gone]) == (["new"], ["hard"])
    assert found.turned == (Turned("segment", "nothing", "violation", "silent"),)
    assert (found.new_hosts, found.gone_hosts) == ((), ("cdn.other.example",))
    assert found.worse
    assert not diff(changed(), replace(changed(), findings=())).worse


def test_a_state_that_one_audit_left_out_says_nothing() -> None:
    assert diff(sample.result(), replace(sample.result(), states=sample.result().states[:1])).turned == ()


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["report", *map(str, arguments)], standalone_mode=False)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    paths = (tmp_path / "before.json", tmp_path / "after.json")
    for path, result in zip(paths, (sample.result(), changed()), strict=True):
        path.write_text(result.to_json())
    return paths


def test_two_results_are_compared(files: tuple[Path, Path]) -> None:
    before, after = files
    told = run("diff", before, after)
    assert told.return_value == 1
    assert "segment in nothing: violation → silent" in told.output
    assert run("diff", before, before).return_value == 0
    assert "Nothing changed." in run("diff", before, before).output
    assert [each["key"] for each in json.loads(run("diff", before, after, "--json").output)["new"]] == ["new"]


def test_a_result_is_written_in_other_forms(files: tuple[Path, Path], tmp_path: Path) -> None:
    told = run("render", files[0], "-o", tmp_path / "a.html", "-o", tmp_path / "a.har")
    assert told.exit_code == 0
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")
    assert len(told.output.splitlines()) == 4


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 9}'])
def test_what_is_no_result_is_said_to_be_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    error = run("render", path, "-o", tmp_path / "a.html").exception
    assert isinstance(error, UsageError)
    assert "x.json" in str(error)


@pytest.mark.parametrize("url", ["https://[::1", "ftp://shop.example", "ws://shop.example", "https://a b"])
def test_an_address_that_no_browser_takes_is_one_sentence(url: str) -> None:
    result = CliRunner().invoke(cli, ["audit", url], standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert "is no address of a site" in str(result.exception)


def test_without_the_extra_a_difference_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_text(sample.result().to_json())
    monkeypatch.setitem(sys.modules, "rich.console", None)
    result = run("diff", path, path)
    assert isinstance(result.exception, UsageError)
    assert "pip install 'consentry[audit]'" in str(result.exception)
    assert run("diff", path, path, "--json").return_value == 0


@pytest.mark.parametrize(
    "text", ["", "[]", '{"cookies": {}}', '{"origins": [1]}'], ids=["empty", "list", "map", "number"]
)
def test_a_storage_state_that_is_none_is_one_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    arguments = ["audit", "https://shop.example", "--storage-state", str(path)]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert "is no storage state" in str(result.exception)
