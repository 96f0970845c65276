"""Scripts are made short, once, and by nobody else."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from proxy_addon.browser import minify
from proxy_addon.browser.minify import minified

CODE = """// A comment.
(() => {
  const aLongName = 1;
  console.log(aLongName + aLongName);
})();
"""


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines that the library has no builds for make scripts compact only."""
    try:
        importlib.metadata.version("tdewolff-minify")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("tdewolff-minify has no build for this machine")


def test_names_comments_and_blanks_go() -> None:
    short = minified(CODE)
    assert "aLongName" not in short
    assert "comment" not in short
    assert len(short) < 50


def test_what_was_made_is_kept_and_not_made_again(tmp_path: Path) -> None:
    short = minified(CODE, tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    digest, code = file.read_bytes().split(b"\n", 1)
    assert code.decode() == short
    file.write_bytes(digest + b"\n" + code)
    assert minified(CODE, tmp_path / "cache") == short


@pytest.mark.parametrize("spoil", [b"", b"x", b"x\ny"], ids=["empty", "no digest", "another's"])
def test_what_is_not_what_was_kept_is_made_again(tmp_path: Path, spoil: bytes) -> None:
    short = minified(CODE, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(spoil)
    assert minified(CODE, tmp_path) == short
    assert file.read_bytes().endswith(short.encode())


def test_a_script_that_others_may_write_is_not_read(tmp_path: Path) -> None:
    short = minified(CODE, tmp_path)
    (file,) = tmp_path.iterdir()
    file.chmod(0o666)
    assert minified(CODE, tmp_path) == short
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert minified(CODE, tmp_path / "file") == minified(CODE)


def test_without_the_library_a_script_loses_its_comments_and_indentation(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(minify, "version", missing)
    assert minified(CODE) == "\n".join(line.strip() for line in CODE.splitlines()[1:])
