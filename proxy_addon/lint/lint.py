"""Reads vendor files and runs every check on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..catalogue.load import load, shipped_rules, vendor_documents
from ..catalogue.yamlfile import Document, RulesError
from .checks import CHECKS, examples_failing
from .finding import Finding


def lint(folders: Sequence[Path] = ()) -> tuple[list[Finding], int]:
    """What is wrong with the vendor files of `folders`, or with the shipped ones; and how many were looked at.

    Files of `folders` are looked at together with the shipped ones, which they add to and override by name, but only
    they are complained of. Raises RulesError for a folder that is none.
    """
    ours = [folder.resolve() for folder in folders] or [shipped_rules()]
    files, found = list[Document](), list[Finding]()
    for each in vendor_documents([folder.resolve() for folder in folders]):
        if isinstance(each, RulesError):
            found.append(_of(each))
        else:
            files.append(each)
    # What the shipped files say counts first: it is the newcomer that is the duplicate.
    files.sort(key=lambda file: _is_below(file.path, ours))
    for check in CHECKS:
        found += check(files)
    found += _whole(folders, files, known={(each.path, each.line) for each in found})
    return sorted({each for each in found if _is_below(each.path, ours)}), sum(
        _is_below(file.path, ours) for file in files
    )


def _whole(folders: Sequence[Path], files: Sequence[Document], known: set[tuple[Path, int]]) -> list[Finding]:
    """What only the loaded catalogue shows: the first thing that keeps it from loading, else what examples say."""
    try:
        catalogue = load([folder.resolve() for folder in folders])
    except RulesError as error:
        return [] if (error.path, error.line or 0) in known else [_of(error)]
    return list(examples_failing(files, catalogue))


def _of(error: RulesError) -> Finding:
    return Finding(error.path, error.line or 0, "load", error.what, error.remedy)


def _is_below(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.resolve().is_relative_to(folder) for folder in folders)
