"""One HTML file that needs nothing else: no script, no request, printable."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ...cleaned import plain_text
from ..model import CELL_VIOLATION, PHASES, AuditResult, RequestSeen, Screenshot, StateRun
from .wording import cell_words, counted, headline, ordered

_FOLDER = Path(__file__).parent
_POLICY = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
_PHASE_WORDS = {"before": "before the choice", "after": "after the choice", "withdrawn": "after the withdrawal"}
# The lines of a timeline: more vendors than these are drawn as one.
_MOST_LINES = 24
_LEFT, _WIDTH, _LINE = 190, 1000, 26


@dataclass(frozen=True, slots=True)
class Dot:
    """One request of a timeline."""

    x: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """The requests of one vendor, or of all that nobody has catalogued."""

    name: str
    y: int
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """When a phase began."""

    x: float
    words: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The requests of a state over time, ready to be drawn."""

    height: int
    lines: tuple[Line, ...]
    moments: tuple[Moment, ...]
    words: str


def html(result: AuditResult, known: frozenset[str] = frozenset()) -> str:
    """The result as one self-contained HTML document."""
    counts = counted(result, known)
    return (
        environment()
        .get_template("report.html")
        .render(
            result=result,
            counts=counts,
            headline=headline(result, known),
            findings=[each for each in ordered(result.findings) if each.key not in known],
            known=[each for each in ordered(result.findings) if each.key in known],
            when=datetime.fromtimestamp(result.started, UTC).strftime("%Y-%m-%d %H:%M UTC"),
            phases=_PHASE_WORDS,
            words=cell_words,
            bad=CELL_VIOLATION,
            timeline=timeline,
            picture=_picture,
        )
    )


def environment(*folders: Path) -> Environment:
    """Where reports are made from templates, of these folders too; each gets the common style, and its policy."""
    style = (_FOLDER / "report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(
        loader=FileSystemLoader([*folders, _FOLDER]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: plain_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    environment.globals["style"] = Markup(style)  # noqa: S704 - our own file
    environment.globals["policy"] = f"{_POLICY}; style-src 'sha256-{digest}'"
    environment.globals["width"] = _WIDTH
    environment.globals["left"] = _LEFT
    return environment


def _picture(screenshot: Screenshot) -> str:
    return "data:image/png;base64," + base64.b64encode(screenshot.png).decode()


def timeline(state: StateRun) -> Timeline:
    """The requests of a state, a line for each vendor and one for the rest."""
    longest = max([state.seconds, *(each.time for each in state.requests), 0.001])

    def at(time: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - 12) * max(0.0, time) / longest, 1)

    names = list(dict.fromkeys(each.vendor for each in state.requests if each.vendor))
    shown = names if len(names) <= _MOST_LINES else names[: _MOST_LINES - 1]
    groups: list[tuple[str, list[RequestSeen]]] = [
        (name, [each for each in state.requests if each.vendor == name]) for name in shown
    ]
    if len(names) > len(shown):
        rest = [each for each in state.requests if each.vendor and each.vendor not in shown]
        groups.append((f"{len(names) - len(shown)} more vendors", rest))
    groups.append(("everything else", [each for each in state.requests if not each.vendor]))
    lines = tuple(
        Line(name, 40 + index * _LINE, tuple(Dot(at(each.time), _kind(each), _title(each)) for each in requests))
        for index, (name, requests) in enumerate(groups)
        if requests
    )
    moments = tuple(
        Moment(at(min(times)), _PHASE_WORDS[phase])
        for phase in PHASES[1:]
        if (times := [each.time for each in state.requests if each.phase == phase])
    )
    bad = sum(_kind(each) == "bad" for each in state.requests)
    words = f"{len(state.requests)} requests in {state.seconds:.1f} s, {bad} of them without consent"
    return Timeline(40 + len(lines) * _LINE, lines, moments, words)


def _kind(request: RequestSeen) -> str:
    if request.outcome == "held":
        return "held"
    if request.verdict == "block":
        return "bad"
    return "ran" if request.vendor else "other"


def _title(request: RequestSeen) -> str:
    words = {"held": "held", "bad": "ran without consent", "ran": "ran", "other": "passed"}[_kind(request)]
    return f"{request.time:.2f} s: {request.method} {request.url} ({words})"
