"""YAML files are read into values, or refused in one sentence with file, line, what and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.catalogue.yamlfile import FileError, RulesError, parse

FILE = Path("some.yaml")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$"},
        "colour": {"enum": ["red", "green"]},
        "many": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "inner": {"type": "object", "additionalProperties": False, "properties": {"deep": {"type": "boolean"}}},
    },
}


def refusal(content: str | bytes) -> FileError:
    with pytest.raises(RulesError) as caught:
        parse(FILE, content.encode() if isinstance(content, str) else content, SCHEMA)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_file_becomes_its_value() -> None:
    assert parse(FILE, b"name: abc\nmany: [x, 'y']\n", SCHEMA).value == {"name": "abc", "many": ["x", "y"]}


def test_a_byte_order_mark_is_no_part_of_it() -> None:
    assert parse(FILE, b"\xef\xbb\xbfname: abc\n", SCHEMA).value == {"name": "abc"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("name: abc\nnaem: x\n", "some.yaml, line 2: 'naem' is not known here; did you mean 'name'?"),
        (
            "name: abc\nx: 1\n",
            "some.yaml, line 2: 'x' is not known here; the words here are: name, colour, many, inner.",
        ),
        ("colour: red\n", "some.yaml, line 1: the file has no 'name'; add 'name:'."),
        ("name: abc\n\ncolour: rde\n", "some.yaml, line 3: 'colour' is 'rde'; did you mean 'red'?"),
        ("name: abc\ncolour: blue\n", "some.yaml, line 2: 'colour' is 'blue'; it is one of: red, green."),
        ("name: 5\n", "some.yaml, line 1: 'name' is an integer; make it a text (put it in quotes)."),
        ("name: 2024-01-31\n", "some.yaml, line 1: 'name' is a date; make it a text (put it in quotes)."),
        ("name: yes\n", "some.yaml, line 1: 'name' is yes or no; make it a text (put it in quotes)."),
        ("name:\n", "some.yaml, line 1: 'name' is empty; make it a text."),
        ("name: abc\nmany: x\n", "some.yaml, line 2: 'many' is a text; make it a list."),
        (
            "name: abc\nmany:\n - a\n - b: c\n",
            "some.yaml, line 4: this entry is a mapping; make it a text (put it in quotes).",
        ),
        ("name: abc\ninner:\n  deep: x\n", "some.yaml, line 3: 'deep' is a text; make it yes or no."),
        ("name: A B\n", "some.yaml, line 1: 'name' is 'A B', which does not fit; the form is ^[a-z]+$."),
        ("- name\n", "some.yaml, line 1: the file is a list; make it a mapping."),
        ("", "some.yaml, line 1: the file is empty; make it a mapping."),
        (
            "name: abc\ncolour: red\nname: def\n",
            "some.yaml, line 3: 'name' stands here twice; take one of the two out.",
        ),
        (
            "name: abc\ninner: {deep: yes, deep: no}\n",
            "some.yaml, line 2: 'deep' stands here twice; take one of the two out.",
        ),
        (b"name: abc\ncolour: \xe9\n", "some.yaml, line 2: is not UTF-8; save it as UTF-8."),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line_and_a_remedy(content: str | bytes, sentence: str) -> None:
    assert str(refusal(content)) == sentence


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("name: abc\n\tcolour: red\n", 2),
        ("name: abc\ncolour: 'red\n", None),
        ("name: abc\nmany: [x\n", None),
        ("name: abc\n---\nname: def\n", 2),
        ("name: *other\n", 1),
        ("name: !!python/object:os.system x\n", 1),
        ("name: abc\ncolour: {{ red }}\n", 2),
        ("name: abc\n? [a, b]\n: c\n", 2),
        ("name: abc\ncolour: \x07\n", 2),
        ("name: abc\ncolour: 2024-13-45\n", 2),
        ("name: abc\ncolour: !!bool maybe\n", 2),
        ("name: abc\ncolour: !!timestamp soon\n", 2),
        ("name: abc\nmany: &x [*x]\n", 2),
        ("name: " + "[" * 3000 + "]" * 3000, 1),
    ],
)
@pytest.mark.timeout(20)
def test_what_is_no_yaml_or_none_that_makes_sense_is_refused_with_its_line(content: str, line: int | None) -> None:
    error = refusal(content)
    assert error.line == line or (line is None and error.line is not None)
    assert error.remedy


@pytest.mark.timeout(20)
def test_aliases_of_aliases_do_not_blow_up() -> None:
    lines = ["name: abc", "a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))]
    refusal("\n".join(lines))


def test_a_long_value_is_shortened_in_the_sentence() -> None:
    assert len(str(refusal(f"name: {'A' * 5000}\n"))) < 300


def test_the_first_mistake_of_a_file_is_named_first() -> None:
    assert refusal("name: abc\ncolour: blue\nmany: 1\n").line == 2


def test_the_error_is_of_the_type_that_was_asked_for() -> None:
    class OtherError(FileError):
        pass

    for content in (b"name: 1", b"name: [", b"\xff", b"a: 1\na: 2"):
        with pytest.raises(OtherError):
            parse(FILE, content, SCHEMA, OtherError)


@settings(deadline=None)
@given(st.binary(max_size=80) | st.text("abc:-[]{}&*!|>'\"#?%@` \n\t0", max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    said = ""
    try:
        parse(FILE, content, {})
    except FileError as error:
        said = str(error)
    assert "\n" not in said
