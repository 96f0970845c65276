"""The vendors' end-to-end cases: what is in `tests/e2e/vendors/*/`."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .npm import package_file

CASES = Path(__file__).resolve().parents[1] / "e2e" / "vendors"
CATEGORIES = ("functional", "analytics", "marketing")


@dataclass(frozen=True, slots=True)
class Npm:
    """A file of an npm package."""

    package: str
    version: str
    file: str


@dataclass(frozen=True, slots=True)
class Serve:
    """What the fake vendor network answers to the URLs that fit a glob."""

    url: str
    type: str
    npm: Npm | None = None
    path: Path | None = None
    text: str = ""

    @property
    def body(self) -> bytes:
        """The bytes to answer."""
        if self.npm is not None:
            return package_file(self.npm.package, self.npm.version, self.npm.file)
        return self.path.read_bytes() if self.path is not None else self.text.encode()


@dataclass(frozen=True, slots=True)
class Case:
    """A page of a vendor, and what must happen once its category is granted; named after its folder."""

    name: str
    vendor: str
    category: str
    serves: tuple[Serve, ...]
    loads: str
    event: str
    cookies: tuple[str, ...]
    page: bytes
    allows: tuple[str, ...] = ()


def cases(folder: Path = CASES) -> list[Case]:
    """Every case, by name."""
    return [_case(path) for path in sorted(folder.glob("*/case.yaml"))]


def _case(path: Path) -> Case:
    plain = yaml.safe_load(path.read_text("utf-8"))
    return Case(
        name=path.parent.name,
        vendor=plain["vendor"],
        category=plain["category"],
        serves=tuple(_serve(path.parent, each) for each in plain["serves"] or ()),
        loads=plain["loads"],
        event=plain["event"],
        cookies=tuple(plain["cookies"] or ()),
        allows=tuple(plain.get("allows") or ()),
        page=(path.parent / "page.html").read_bytes(),
    )


def _serve(folder: Path, plain: Mapping[str, Any]) -> Serve:
    name = plain.get("file") or (plain["npm"]["file"].removesuffix(".gz") if "npm" in plain else plain["url"])
    return Serve(
        url=plain["url"],
        type=plain.get("type") or mimetypes.guess_type(name)[0] or "text/plain",
        npm=Npm(**plain["npm"]) if "npm" in plain else None,
        path=folder / plain["file"] if "file" in plain else None,
        text=plain.get("body", ""),
    )
