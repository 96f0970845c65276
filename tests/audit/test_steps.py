"""Steps files: what they say, and how a mistake in one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy_addon.audit.states import states_named
from proxy_addon.audit.steps import CLICK, FILL, Step, StepsError, read_steps

_FILE = """steps:
  before:
    - {fill: "#user", with: anna}
  accept:
    - click: "#all"
  choose:
    analytics: [{click: "#one"}]
"""


def test_steps_are_read_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "steps.yaml"
    path.write_text(_FILE)
    steps = read_steps(path)
    assert steps.before == (Step(FILL, "#user", "anna", f"{path}, line 3"),)
    (accept,), (analytics, marketing) = states_named(["accept"]), states_named(["only:analytics", "only:marketing"])
    assert steps.for_action("accept", accept) == (Step(CLICK, "#all", "", f"{path}, line 5"),)
    assert steps.for_action("only", analytics) == (Step(CLICK, "#one", "", f"{path}, line 7"),)
    assert steps.for_action("only", marketing) == ()
    assert steps.for_action("withdraw", accept) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: {}", ", line 1: 'steps' is empty"),
        ("steps:\n  acept: []", ", line 2: 'acept' is not known here; did you mean 'accept'"),
        (
            "steps:\n  accept:\n    - {click: a, wait: b}",
            ", line 3: one step does 2 things; give it one of: click, fill",
        ),
        ("steps:\n  accept:\n    - {fill: a}", ", line 3: 'fill' and 'with' go together"),
        ("steps:\n  accept:\n    - {click: a, with: b}", ", line 3: 'fill' and 'with' go together"),
        ("steps:\n  accept:\n    - {with: b}", ", line 3: one step does 0 things"),
        ("steps:\n  accept:\n    - {press: a}", ", line 3: 'press' is not known here"),
        ("steps: [", "is not YAML"),
        ("", ": the file is empty"),
    ],
    ids=["nothing", "word", "two-verbs", "fill-alone", "with-alone", "no-verb", "verb", "yaml", "empty"],
)
def test_a_mistake_is_told_with_file_line_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "steps.yaml"
    path.write_text(text)
    with pytest.raises(StepsError) as raised:
        read_steps(path)
    assert said in str(raised.value)
    assert str(raised.value).startswith(str(path))


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StepsError, match=r"none\.yaml: cannot be read .*--steps"):
        read_steps(tmp_path / "none.yaml")
