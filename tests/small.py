"""A small catalogue of invented vendors, for tests that shall not depend on the shipped ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from proxy_addon.catalogue import load
from proxy_addon.catalogue.match import Catalogue
from proxy_addon.catalogue.model import Examples, Vendor
from proxy_addon.consent.model import Regime

GDPR = Regime("gdpr", "GDPR", "Opt-in.", {"functional": False, "analytics": False, "marketing": False})
CCPA = Regime(
    "ccpa", "CCPA", "Opt-out.", {"functional": True, "analytics": True, "marketing": True}, frozenset({"marketing"})
)

# A whole vendor file, of which tests change a line.
ACME = """\
vendor: acme
name: Acme Counter
aliases: [Acme, The Counter]
owner: Acme Ltd
website: https://acme.test
category: analytics
overview: Counts page views for these tests, and is no product of anybody.
domains:
  - {domain: acme.test, label: marketing}
requests:
  - {rule: acme-script, kind: script, host: cdn.acme.test, path: "/*.js", what: The script.}
exempt:
  - {host: acme.test, path: /help/**, why: The handbook counts nobody.}
snippets:
  - {rule: acme-loader, all: [acme.load], what: The loader.}
cookies:
  - {name: acme_*, party: first, lifetime: a year, purpose: The visitor's id.}
stub: window.acme = window.acme || {};
surrogate: acme.js
examples:
  match: [{url: "https://acme.test/x", rule: acme.test}]
  pass: ["https://shop.test/"]
"""


def vendor(ident: str, category: str = "analytics", /, **parts: object) -> Vendor:
    """A vendor of that id with only the parts that a test is about."""
    values: dict[str, object] = {
        "name": ident.title(),
        "owner": "Nobody",
        "website": f"https://{ident}.test",
        "overview": "Invented.",
        "examples": Examples(),
        **parts,
    }
    return Vendor(vendor=ident, category=category, **values)  # type: ignore[arg-type]


def catalogue(*vendors: Vendor, **surrogates: str) -> Catalogue:
    """A catalogue of these vendors; `surrogates` are named without their ending."""
    return Catalogue(vendors, (), {f"{name}.js": code for name, code in surrogates.items()})


def ship(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let `folder` be the shipped rules: the real schemas and settings, and acme as the only vendor."""
    for path in load.shipped_rules().iterdir():
        if path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder)
    write(folder, "vendors/acme.yaml", ACME)
    write(folder, "surrogates/acme.js", "window.acme = { count() {} };")
    monkeypatch.setattr(load, "shipped_rules", lambda: folder)
    return folder


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file of a rules folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
