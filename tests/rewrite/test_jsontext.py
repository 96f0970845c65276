"""JSON is changed where it is asked to be, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.rewrite.jsontext import MOST_PARTS, UnclearError, along, put, reach, read, without

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
STRINGS = st.text(max_size=12).map(json.dumps) | st.sampled_from([r'"\ud800"', r'"\/\b"', '"é😀"', '"}"', '"\\\\"'])
SPACES = st.text(" \t\n\r", max_size=3)


@st.composite
def containers(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    space = draw(SPACES)
    values = draw(st.lists(inner, max_size=4))
    if draw(st.booleans()):
        return f"[{space}{f'{space},'.join(values)}{space}]"
    return "{" + space + f"{space},".join(f"{draw(STRINGS)}{space}:{space}{value}" for value in values) + space + "}"


# JSON as anyone may write it: odd numbers, doubled members, blanks.
TEXTS = st.recursive(NUMBERS | STRINGS | st.sampled_from(["true", "false", "null"]), containers, max_leaves=25)


def pairs(text: str) -> Any:
    """What a text says, with members of one name all there, and numbers as they are written."""
    return json.loads(text, object_pairs_hook=lambda found: ("object", found), parse_int=str, parse_float=str)


@given(TEXTS, SPACES)
def test_what_is_read_stands_where_it_is_said_to(text: str, space: str) -> None:
    def check(part: Any) -> None:
        again = read(part.raw)
        assert again.value == part.value
        for child in part.parts:
            assert child.name is None or json.loads(text_of(child)) == child.name
            check(child)

    def text_of(part: Any) -> str:
        return str(part.text[part.start : part.at]).rstrip(" \t\n\r").removesuffix(":")

    root = read(space + text + space)
    assert root.raw == text
    check(root)


@given(TEXTS)
def test_a_change_that_changes_nothing_leaves_every_letter(text: str) -> None:
    root = read(text)
    names = {part.name: (lambda _: None) for part in root.parts if part.name is not None}
    if isinstance(root.value, dict):
        assert put(root, names) == text
    assert without(root, []) == text


@given(TEXTS, st.data())
def test_a_part_that_is_taken_out_takes_nothing_with_it(text: str, data: st.DataObject) -> None:
    root = read(text)
    if not root.parts:
        return
    gone = data.draw(st.sets(st.integers(0, len(root.parts) - 1)))
    left = without(root, [[root, root.parts[index]] for index in gone])
    before, after = pairs(text), pairs(left)
    before, after = (each[1] if isinstance(each, tuple) else each for each in (before, after))
    assert after == [part for index, part in enumerate(before) if index not in gone]


@given(TEXTS)
def test_a_member_that_is_set_is_set_and_the_others_stay(text: str) -> None:
    root = read(text)
    if not isinstance(root.value, dict):
        return
    changed = put(root, {"new": lambda _: "1.0", "other": lambda part: "2" if part else None})
    before, after = pairs(text)[1], pairs(changed)[1]
    expected = [(name, {"new": "1.0", "other": "2"}.get(name, value)) for name, value in before]
    assert after == expected + ([] if any(name == "new" for name, _ in before) else [("new", "1.0")])


@given(st.text(max_size=30) | st.binary(max_size=30).map(lambda data: data.decode("latin-1")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        json.loads(text, parse_constant=lambda _: 1 / 0)
        fine = True
    except (ValueError, ZeroDivisionError):
        fine = False
    try:
        read(text)
        assert fine
    except UnclearError:
        assert not fine


@pytest.mark.parametrize(
    "text", ["", " ", "{", '{"a":}', "[1,]", "NaN", "-Infinity", "{}{}", "{} x", "\ufeff{}", "'a'", "01", '"\n"']
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(UnclearError):
        read(text)


@pytest.mark.parametrize("depth", [201, 5_000, 1_000_000])
def test_what_nests_too_deep_is_refused(depth: int) -> None:
    with pytest.raises(UnclearError):
        read("[" * depth + "]" * depth)


def test_brackets_in_texts_are_no_nesting() -> None:
    assert read(json.dumps(["[" * 500])).value == ["[" * 500]


def test_a_number_of_a_million_digits_is_read() -> None:
    text = f'{{"n":{"9" * 1_000_000},"a":1}}'
    assert put(read(text), {"a": lambda _: "2"}) == text.replace('"a":1', '"a":2')


def test_an_object_of_too_many_members_is_not_looked_through() -> None:
    root = read("[" + "1," * MOST_PARTS + "1]")
    with pytest.raises(UnclearError):
        assert root.parts


def test_a_way_leads_to_every_member_of_its_names() -> None:
    root = read('{"a":{"b":1,"b":2},"a":[],"a":{"b":3}}')
    assert [part.raw for part in reach(root, ["a", "b"])] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("{}", '{"a":{"b":1}}'),
        ('{"a":null}', '{"a":{"b":1}}'),
        ('{"a":{"c":0}}', '{"a":{"c":0,"b":1}}'),
        ('{"a":{"b":2},"a":{}}', '{"a":{"b":1},"a":{"b":1}}'),
    ],
)
def test_objects_on_a_way_are_made_where_there_are_none(text: str, changed: str) -> None:
    name, change = along(["a", "b"], lambda _: "1")
    assert put(read(text), {name: change}) == changed


@pytest.mark.parametrize("value", ["1", '"x"', "[]", "true"])
def test_a_way_through_something_else_is_unclear(value: str) -> None:
    name, change = along(["a", "b"], lambda _: "1")
    with pytest.raises(UnclearError):
        put(read(f'{{"a":{value}}}'), {name: change})
