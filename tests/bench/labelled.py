"""How right the catalogue is: its answers beside labels that do not come from its own files.

The labels are the files of `labels/`, one for each kind of source, which the first line names. A row is a category
(or `needed` or `none`), a vendor (`-` where none is expected; the kind of service where it is needed) and a URL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from proxy_addon.catalogue.match import Catalogue
from proxy_addon.catalogue.model import Match
from proxy_addon.consent.model import CATEGORIES, NECESSARY, Consent, Regime
from proxy_addon.policy import Verdict, decide

LABELS = Path(__file__).resolve().parent / "labels"
# What a request is expected to be that no vendor's rule should recognise.
NONE = "none"
# What a request is expected to be that a site needs: anything that is not held where all that tracks is refused.
NEEDED = "needed"
_EXPECTED = (*CATEGORIES, NECESSARY, NEEDED, NONE)
_TRACKING = ("analytics", "marketing")
_SITE = "shop.example"


class LabelError(Exception):
    """A file of labels is not as it must be; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Label:
    """What is expected of one URL, and from which file that is. `vendor` is empty where none is expected."""

    group: str
    category: str
    vendor: str
    url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A label, and the categories that the catalogue requires: those of the match, or none of them."""

    label: Label
    vendor: str
    rule: str
    categories: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether the catalogue requires what the label does, or nothing of it where nothing is expected."""
        if self.label.category == NEEDED:
            return not any(category in _TRACKING for category in self.categories)
        if self.label.category in CATEGORIES:
            return self.label.category in self.categories
        return not any(category in CATEGORIES for category in self.categories)


@dataclass(frozen=True, slots=True)
class Score:
    """Of `said` answers of a category `right` were right, out of the `expected`."""

    category: str
    expected: int
    said: int
    right: int

    @property
    def precision(self) -> float:
        """The share of what was said that is right."""
        return self.right / self.said if self.said else 1.0

    @property
    def recall(self) -> float:
        """The share of what was expected that was said."""
        return self.right / self.expected if self.expected else 1.0


def labels(folder: Path = LABELS) -> list[Label]:
    """All labels, by file and in its order. Raises LabelError."""
    return [label for file in sorted(folder.glob("*.tsv")) for label in _read(file)]


def answers(catalogue: Catalogue, asked: Iterable[Label]) -> list[Answer]:
    """What the catalogue says of each label's URL, asked for by a page of a shop."""
    return [_answer(label, catalogue.match(label.url, site=_SITE)) for label in asked]


def scores(given: Sequence[Answer]) -> list[Score]:
    """Precision and recall of each category that a visitor decides on, and of tracking as a whole."""
    found = [_score(name, [name], given) for name in CATEGORIES]
    return [*found, _score("any tracking", _TRACKING, given)]


def held(catalogue: Catalogue, asked: Iterable[Label], regime: Regime) -> list[tuple[Label, Verdict]]:
    """What of it would be held from a visitor who grants what is functional and refuses the rest."""
    consent = Consent(categories={name: name not in _TRACKING for name in CATEGORIES})
    judged = ((label, decide(catalogue.match(label.url, site=_SITE), consent, regime)) for label in asked)
    return [(label, verdict) for label, verdict in judged if verdict.blocks]


def report(given: Sequence[Answer], stopped: Sequence[tuple[Label, Verdict]]) -> Iterator[str]:
    """The scores, of all labels and by file, and how far the vendors' names agree, as Markdown; then every miss."""
    yield "| labels | category | expected | said | right | precision | recall |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    groups = dict.fromkeys(answer.label.group for answer in given)
    for name, some in [("all", given), *((name, [a for a in given if a.label.group == name]) for name in groups)]:
        for score in scores(some):
            if score.expected or score.said:
                yield (
                    f"| {name} | {score.category} | {score.expected:,} | {score.said:,} | {score.right:,} "
                    f"| {score.precision:.3f} | {score.recall:.3f} |"
                )
    named = [answer for answer in given if answer.right and answer.vendor and answer.label.vendor]
    named = [answer for answer in named if answer.label.category != NEEDED]
    agreed = sum(answer.vendor == answer.label.vendor for answer in named)
    needed = sum(answer.label.category == NEEDED for answer in given)
    hosts = {answer.label.url.split("/")[2] for answer in given}
    yield ""
    yield (
        f"{len(given):,} URLs of {len(hosts):,} hosts. Of {len(named):,} recognised URLs with a vendor expected, "
        f"{agreed:,} are put down to that vendor. "
        f"Of {needed:,} requests that sites need, {len(stopped):,} would be held."
    )
    yield ""
    for answer in given:
        if not answer.right:
            said = f"{answer.vendor} {answer.rule} ({', '.join(answer.categories)})" if answer.vendor else NONE
            expected = f"{answer.label.category} {answer.label.vendor}".rstrip()
            yield f"- {answer.label.group}: {answer.label.url} is {expected}, not {said}"


def _read(file: Path) -> Iterator[Label]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) != 3 or cells[0] not in _EXPECTED or not cells[2].startswith("https://"):
            raise LabelError(f"{file}:{number}: a row is a category ({', '.join(_EXPECTED)}), a vendor and a URL.")
        yield Label(file.stem, cells[0], "" if cells[1] == "-" else cells[1], cells[2])


def _answer(label: Label, match: Match | None) -> Answer:
    if match is None:
        return Answer(label, "", "", (NONE,))
    return Answer(label, match.vendor, match.rule, (NONE,) if match.exempt else match.categories)


def _score(name: str, categories: Sequence[str], given: Sequence[Answer]) -> Score:
    expected = [answer for answer in given if answer.label.category in categories]
    said = [answer for answer in given if any(category in categories for category in answer.categories)]
    said = [answer for answer in said if answer.label.category != NEEDED or not answer.right]
    right = sum(answer.label.category in categories for answer in said)
    return Score(name, len(expected), len(said), right)
