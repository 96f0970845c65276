"""Steps files: how a visitor makes a choice on one site, click by click."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..catalogue.yamlfile import Document, FileError, parse
from .states import ACCEPT, ONLY, REJECT, WITHDRAW, State

CLICK, FILL, WAIT, GOTO, SCROLL = "click", "fill", "wait", "goto", "scroll"
_VERBS = (CLICK, FILL, WAIT, GOTO, SCROLL)
_WITH = "with"


class StepsError(FileError):
    """A steps file is wrong: one sentence with file, line and remedy."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what to do, with what, and where it stands (file and line)."""

    verb: str
    target: str
    text: str
    where: str


@dataclass(frozen=True, slots=True)
class Steps:
    """What a steps file says; an action that it does not name is ()."""

    before: tuple[Step, ...] = ()
    actions: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    choices: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)

    def for_action(self, action: str, state: State) -> tuple[Step, ...]:
        """The steps of accept, reject, only or withdraw in a state; () where the file has none."""
        if action == ONLY:
            return self.choices.get(next(iter(state.granted)), ())
        return self.actions.get(action, ())


NO_STEPS = Steps()


def read_steps(path: Path) -> Steps:
    """Read a steps file. Raises StepsError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StepsError(path, None, f"cannot be read ({error.strerror})", "check the path given to --steps") from None
    schema = json.loads(Path(__file__).with_name("steps.schema.json").read_bytes())
    document = parse(path, content, schema, StepsError)
    plain: Mapping[str, Any] = document.value["steps"]
    return Steps(
        _steps(document, path, ("steps", "before"), plain.get("before", ())),
        {
            name: _steps(document, path, ("steps", name), plain[name])
            for name in (ACCEPT, REJECT, WITHDRAW)
            if name in plain
        },
        {
            name: _steps(document, path, ("steps", "choose", name), each)
            for name, each in plain.get("choose", {}).items()
        },
    )


def _steps(document: Document, path: Path, at: tuple[str, ...], plain: Sequence[Mapping[str, str]]) -> tuple[Step, ...]:
    return tuple(_step(document, path, (*at, index), each) for index, each in enumerate(plain))


def _step(document: Document, path: Path, at: tuple[str | int, ...], plain: Mapping[str, str]) -> Step:
    verbs = [verb for verb in _VERBS if verb in plain]
    if len(verbs) != 1:
        raise document.error(at, f"one step does {len(verbs)} things", f"give it one of: {', '.join(_VERBS)}")
    if (verbs[0] == FILL) != (_WITH in plain):
        raise document.error(at, "'fill' and 'with' go together", "write both, as in {fill: '#user', with: anna}")
    return Step(verbs[0], plain[verbs[0]], plain.get(_WITH, ""), f"{path}, line {document.line(at)}")
