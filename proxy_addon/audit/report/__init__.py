"""Reports of an audit: one module a form, chosen by the name of the file that is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ...config import UsageError
from ..model import AuditResult
from .har import har_files
from .html import html
from .junit import junit
from .markdown import markdown
from .sarif import sarif
from .tables import cookies_csv, findings_csv

# What writes a report: the result and the keys of findings that are known make a text.
_Writer = Callable[[AuditResult, frozenset[str]], str]

# By the end of the file's name, the longer first.
WRITERS: Mapping[str, _Writer] = {
    ".cookies.csv": lambda result, _known: cookies_csv(result),
    ".html": html,
    ".json": lambda result, _known: result.to_json() + "\n",
    ".junit.xml": junit,
    ".xml": junit,
    ".sarif": sarif,
    ".sarif.json": sarif,
    ".csv": findings_csv,
    ".md": markdown,
}
_HAR = ".har"
FORMS = "a name that ends in .html, .json, .xml (JUnit), .sarif, .csv, .cookies.csv, .md or .har"


def check_targets(targets: Iterable[Path]) -> None:
    """Raise UsageError if there is no form for one of these names: before an audit that takes minutes, not after it."""
    for target in targets:
        if _form(target) is None:
            raise UsageError(f"There is no report of the form '{target.name}'; give {FORMS}.")


def write_reports(
    result: AuditResult, targets: Iterable[Path], known: frozenset[str] = frozenset()
) -> tuple[Path, ...]:
    """Write the result to each target in the form that its name ends in; return the files written.

    `known` are the keys of findings that a baseline lists. A HAR holds one state, so that several files are written:
    `audit.har` becomes `audit.accept.har` and so on. Raises UsageError where a name has no form or a file cannot be
    written.
    """
    targets = tuple(targets)
    check_targets(targets)
    written: list[Path] = []
    for target in targets:
        if target.name.lower().endswith(_HAR):
            files = {target.with_suffix(f".{name}{_HAR}"): text for name, text in har_files(result).items()}
        else:
            writer = _form(target)
            assert writer is not None
            files = {target: writer(result, known)}
        for path, text in files.items():
            write_text(path, text)
            written.append(path)
    return tuple(written)


def _form(target: Path) -> _Writer | None:
    name = target.name.lower()
    if name.endswith(_HAR):
        return lambda _result, _known: ""
    fitting = [ending for ending in WRITERS if name.endswith(ending)]
    return WRITERS[max(fitting, key=len)] if fitting else None


def write_text(path: Path, text: str) -> None:
    """Write a report, and its folder if there is none. Raises UsageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A page may say half a character; no file can hold one.
        path.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from None
