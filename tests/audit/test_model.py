"""A result, its JSON, and the schema that is published of it."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proxy_addon.audit import model
from proxy_addon.audit.model import AuditResult, ResultError, from_json, from_plain, read_result, result_schema

from .results import full_result


def test_a_result_comes_back_from_its_json_as_it_was() -> None:
    result = full_result()
    assert from_json(result.to_json()) == result


def test_the_schema_is_one_and_takes_what_is_written() -> None:
    Draft202012Validator.check_schema(result_schema())
    Draft202012Validator(result_schema()).validate(json.loads(full_result().to_json()))


def test_the_schema_names_exactly_the_fields_of_each_value() -> None:
    schema = result_schema()
    named = {"AuditResult": schema, **schema["$defs"]}
    values = {
        each.__name__: {member.name for member in fields(each)} for each in vars(model).values() if _is_value(each)
    }
    assert {name: set(each["properties"]) for name, each in named.items()} == values


def test_members_that_a_later_version_adds_are_passed_over() -> None:
    plain = full_result().plain()
    plain["later"] = 1
    plain["states"][1]["requests"][0]["later"] = 1
    assert from_plain(plain) == full_result()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "at schema"),
        ({"findings": [{}]}, "at findings/0"),
        ({"clicks": {"accept": "one", "reject": None}}, "at clicks/accept"),
    ],
    ids=["another-version", "a-finding-without-anything", "clicks-in-words"],
)
def test_what_is_no_result_is_refused_with_the_place(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ResultError, match=said):
        from_plain({**full_result().plain(), **change}, "audit.json")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000], ids=range(5))
def test_a_file_that_is_no_result_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "audit.json"
    path.write_bytes(content)
    with pytest.raises(ResultError, match=r"audit\.json is no .*--report FILE\.json") as raised:
        read_result(path)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"none\.json cannot be read"):
        read_result(tmp_path / "none.json")


def test_severities_part_the_findings() -> None:
    result: AuditResult = full_result()
    assert {*result.violations, *result.warnings} == {*result.findings}
    assert result.violations
    assert result.warnings


def _is_value(each: object) -> bool:
    return isinstance(each, type) and is_dataclass(each) and each.__module__ == model.__name__
