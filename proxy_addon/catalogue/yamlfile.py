"""YAML files that are checked against a JSON Schema, with the line of whatever is wrong.

Used for rules and for the configuration: the error type differs, the sentence does not.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from yaml.constructor import ConstructorError
from yaml.reader import ReaderError

if TYPE_CHECKING:
    import jsonschema

_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Says where a value stands that looks like a date or a number and is none."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError) as wrong:
            raise ConstructorError(None, None, f"a value that is none: {wrong}", node.start_mark) from None


class FileError(Exception):
    """Something in a file is wrong: one sentence with file, line, what, and remedy."""

    def __init__(self, path: Path, line: int | None, what: str, remedy: str) -> None:
        """`line` counts from 1; None where the whole file is meant."""
        self.path, self.line, self.what, self.remedy = path, line, what, remedy
        where = f"{path}, line {line}" if line else str(path)
        end = "" if remedy.endswith("?") else "."
        super().__init__(f"{where}: {what}; {remedy}{end}")


class RulesError(FileError):
    """A rules file is wrong."""


class Document:
    """A parsed YAML file: its value, and the line of every part of it."""

    def __init__(
        self, path: Path, value: Any, node: yaml.Node | None, error: type[FileError], content: bytes = b""
    ) -> None:
        """`node` is the YAML tree that the lines are read from; without it they are read from the `content`."""
        self.path, self.value = path, value
        self._node, self._error, self._content = node, error, content

    def line(self, where: Sequence[str | int]) -> int:
        """The line (from 1) of the part under the keys and indexes of `where`, or of what holds it."""
        if self._node is None and self._content:
            self._node = yaml.compose(self._content.decode("utf-8-sig"), _Loader)
        node = self._node
        line = node.start_mark.line if node else 0
        for step in where:
            if isinstance(node, yaml.MappingNode):
                found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
                if found is None:
                    break
                line, node = found[0].start_mark.line, found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
                node = node.value[step]
                line = node.start_mark.line
            else:
                break
        return line + 1

    def error(self, where: Sequence[str | int], what: str, remedy: str) -> FileError:
        """An error about the part under `where`, ready to be raised."""
        return self._error(self.path, self.line(where), what, remedy)


def parse(path: Path, content: bytes, schema: dict[str, Any], error: type[FileError] = RulesError) -> Document:
    """Parse and validate a file's bytes. Raises `error` with file, line, what and remedy."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise error(path, content[: wrong.start].count(b"\n") + 1, "is not UTF-8", "save it as UTF-8") from None
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            _settle_keys(path, node, error)
            value = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except ConstructorError as wrong:
        raise error(
            path,
            wrong.problem_mark.line + 1 if wrong.problem_mark else None,
            f"is not YAML that makes sense ({wrong.problem})",
            "put the value there in quotes",
        ) from None
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        raise error(
            path, mark.line + 1 if mark else None, f"is not YAML ({wrong.problem})", "correct the syntax there"
        ) from None
    except ReaderError as wrong:
        line = text[: text.find(chr(wrong.character))].count("\n") + 1
        raise error(
            path, line, f"is not YAML (it holds the character U+{wrong.character:04X})", "take it out"
        ) from None
    document = Document(path, value, node, error)
    import jsonschema  # noqa: PLC0415 - what is compiled already need not be checked again

    validator = jsonschema.Draft202012Validator(schema)
    problems = sorted(validator.iter_errors(value), key=lambda each: document.line(list(each.absolute_path)))
    if problems:
        raise _explain(document, problems[0])
    return document


def _settle_keys(path: Path, node: yaml.Node | None, error: type[FileError]) -> None:
    """Make every key the text that stands there, and refuse duplicates.

    YAML takes a key such as `yes` or `1` for something else, and lets a later key silently replace an earlier one.
    """
    pending = [node]
    # An alias is the same node again, and may stand within itself.
    walked: set[int] = set()
    while pending:
        current = pending.pop()
        if id(current) in walked:
            continue
        walked.add(id(current))
        if isinstance(current, yaml.SequenceNode):
            pending += current.value
        elif isinstance(current, yaml.MappingNode):
            keys = [key for key, _ in current.value if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE]
            pending += [value for _, value in current.value]
            seen: set[str] = set()
            for key in keys:
                if key.value in seen:
                    raise error(
                        path, key.start_mark.line + 1, f"'{key.value}' stands here twice", "take one of the two out"
                    )
                seen.add(key.value)
                key.tag = _TEXT


def _explain(document: Document, problem: jsonschema.ValidationError) -> FileError:
    where = list(problem.absolute_path)
    name = f"'{where[-1]}'" if where and isinstance(where[-1], str) else "this entry" if where else "the file"
    given: Any = problem.instance
    schema: Any = problem.schema
    expected: Any = problem.validator_value
    if problem.validator == "additionalProperties":
        known = list(schema.get("properties", {}))
        unknown = next(key for key in given if key not in known)
        close = difflib.get_close_matches(str(unknown), known, 1)
        remedy = f"did you mean '{close[0]}'?" if close else f"the words here are: {', '.join(known)}"
        return document.error([*where, str(unknown)], f"'{unknown}' is not known here", remedy)
    if problem.validator == "required":
        missing = next(key for key in expected if key not in given)
        return document.error(where, f"{name} has no '{missing}'", f"add '{missing}:'")
    if problem.validator in ("enum", "const"):
        allowed = expected if problem.validator == "enum" else [expected]
        words = [str(each) for each in allowed]
        close = difflib.get_close_matches(str(given), words, 1)
        remedy = f"did you mean '{close[0]}'?" if close else f"it is one of: {', '.join(words)}"
        return document.error(where, f"{name} is '{_short(given)}'", remedy)
    if problem.validator == "type":
        kinds = [expected] if isinstance(expected, str) else expected
        hint = " (put it in quotes)" if kinds == ["string"] and given is not None else ""
        return document.error(where, f"{name} is {_kind(given)}", f"make it {' or '.join(map(_article, kinds))}{hint}")
    if problem.validator == "pattern":
        return document.error(where, f"{name} is '{_short(given)}', which does not fit", f"the form is {expected}")
    if problem.validator in ("minItems", "minProperties"):
        return document.error(where, f"{name} is empty", "add an entry, or take it out")
    if problem.validator == "anyOf" and all("required" in way for way in expected):
        ways = " or ".join(f"'{word}:'" for way in expected for word in way["required"])
        return document.error(where, f"{name} is not complete", f"add {ways}")
    said = re.sub(r"\s+", " ", problem.message)
    return document.error(where, f"{name} does not fit ({_short(said)})", "correct it there")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _kind(value: object) -> str:
    if value is None:
        return "empty"
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return _article(names.get(type(value), type(value).__name__))


def _article(kind: str) -> str:
    words = {"object": "a mapping", "array": "a list", "string": "a text", "boolean": "yes or no", "null": "empty"}
    return words.get(kind, f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}")
