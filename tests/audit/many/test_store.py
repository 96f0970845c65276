from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from proxy_addon.audit.many import store as module
from proxy_addon.audit.many.outcome import CRASH, Outcome, outcome_of
from proxy_addon.audit.many.store import JOURNAL, BusyError, Store, part_files
from proxy_addon.config import UsageError

from .outcomes import failed, looked

# It brings no types.
parquet: Any = import_module("pyarrow.parquet")
KIND = {"states": ["nothing", "reject"], "mode": "observe"}


def test_an_outcome_is_the_same_after_its_line() -> None:
    for outcome in (looked("https://a.example/"), failed("https://b.example/", CRASH)):
        assert outcome_of(outcome.line()) == outcome
        assert "\n" not in outcome.line()


def test_what_is_kept_is_known_when_the_folder_is_opened_anew(tmp_path: Path) -> None:
    with Store(tmp_path, KIND) as store:
        store.append(looked("https://a.example/"))
        store.append(failed("https://b.example/", CRASH))
    with Store(tmp_path, KIND) as store:
        assert store.done == {"https://a.example/": "", "https://b.example/": CRASH}


def test_no_address_is_kept_twice(tmp_path: Path) -> None:
    with Store(tmp_path, KIND) as store:
        store.append(looked("https://a.example/"))
        with pytest.raises(ValueError, match="has a result already"):
            store.append(looked("https://a.example/"))


@pytest.mark.parametrize("lost", [1, 20, 400])
def test_a_line_that_a_stop_cut_off_is_looked_at_again(lost: int, tmp_path: Path) -> None:
    lines = b"".join(each.line().encode() + b"\n" for each in _three())
    (tmp_path / JOURNAL).write_bytes(lines[:-lost])
    with Store(tmp_path, KIND) as store:
        assert list(store.done) == [each.url for each in _three()[:2]]
        store.append(_three()[2])
    assert (tmp_path / JOURNAL).read_bytes() == lines
    assert _urls(tmp_path) == [each.url for each in _three()]


@pytest.mark.parametrize("written", range(8))
def test_wherever_a_stop_comes_the_parts_hold_each_outcome_once(
    written: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_ROWS", 3)
    outcomes = [looked(f"https://{number}.example/") for number in range(8)]
    stopped = Store(tmp_path, KIND)
    for outcome in outcomes[:written]:
        stopped.append(outcome)
    # As if the program were killed: nothing is closed in order, and the system lets go of the lock.
    stopped._lock.close()
    with Store(tmp_path, KIND) as store:
        for outcome in outcomes[written:]:
            store.append(outcome)
    assert _urls(tmp_path) == [each.url for each in outcomes]
    assert len((tmp_path / JOURNAL).read_bytes().splitlines()) == 8


def test_failures_are_forgotten_when_they_are_to_be_tried_again(tmp_path: Path) -> None:
    with Store(tmp_path, KIND) as store:
        store.append(looked("https://a.example/"))
        store.append(failed("https://b.example/", CRASH))
    with Store(tmp_path, KIND, again=True) as store:
        assert list(store.done) == ["https://a.example/"]
        store.append(looked("https://b.example/"))
    assert _urls(tmp_path) == ["https://a.example/", "https://b.example/"]


def test_results_of_another_kind_do_not_mix(tmp_path: Path) -> None:
    Store(tmp_path, KIND).close()
    with pytest.raises(UsageError, match=r"another kind \(mode: observe, and now enforce\)"):
        Store(tmp_path, {**KIND, "mode": "enforce"})
    Store(tmp_path, KIND).close()


def test_two_programs_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with Store(tmp_path, KIND), pytest.raises(BusyError, match="Another audit writes"):
        Store(tmp_path, KIND)


def test_a_damaged_journal_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text("nonsense\n")
    with pytest.raises(UsageError, match=r"results.ndjson, before byte 9"):
        Store(tmp_path, KIND)


def test_a_row_tells_what_fleets_are_asked_about(tmp_path: Path) -> None:
    with Store(tmp_path, KIND) as store:
        store.append(looked("https://a.example/"))
        store.append(failed("https://b.example/", CRASH))
    good, bad = parquet.read_table(part_files(tmp_path)[0]).to_pylist()
    plain = json.loads(looked("https://a.example/").result)
    assert good["violations"] == sum(each["severity"] == "violation" for each in plain["findings"]) > 0
    assert [each["vendor"] for each in good["vendors"]] == [each["vendor"] for each in plain["vendors"]]
    assert [each["host"] for each in good["hosts"]] == [each["host"] for each in plain["hosts"]]
    assert [each["key"] for each in good["findings"]] == [each["key"] for each in plain["findings"]]
    assert good["requests"] == sum(len(each["requests"]) for each in plain["states"])
    assert (bad["failure"], bad["vendors"], bad["violations"], bad["clicks_accept"]) == (CRASH, [], 0, None)


def _three() -> list[Outcome]:
    return [looked(f"https://{name}.example/") for name in "abc"]


def _urls(folder: Path) -> list[str]:
    return [url for part in part_files(folder) for url in parquet.read_table(part)["url"].to_pylist()]
