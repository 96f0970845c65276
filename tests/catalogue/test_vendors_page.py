"""docs/vendors.md says what is in rules/vendors. `python -m tests.catalogue.test_vendors_page` writes it anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from proxy_addon.catalogue.load import load
from proxy_addon.catalogue.match import Catalogue
from proxy_addon.catalogue.model import Vendor

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "vendors.md"
TRIED = ROOT / "tests" / "e2e" / "stubs"
_INTRODUCTION = """\
# Vendors

What the catalogue knows, by the category that a vendor needs; `consentry vendors show NAME` says more of one. This page
is written from `rules/vendors/*.yaml` by `python -m tests.catalogue.test_vendors_page`, and a test compares the two.
"""
_STAND_INS = """\
## What stands in while a vendor is held

A **stub** keeps the page's own calls from throwing, and most keep them until the vendor's script comes. A **surrogate**
is answered in place of the script in forward mode. Where the last column says so, `tests/e2e/test_stubs.py` makes the
calls that the vendor documents in a real browser while it is held, through a reverse and a forward proxy: nothing
throws, nothing leaves, and with consent the script finds the calls.
"""


def surrogates(vendor: Vendor) -> list[str]:
    """The surrogates that a vendor's files name, each once."""
    found = [vendor.surrogate, *(request.surrogate for request in vendor.requests)]
    return list(dict.fromkeys(name for name in found if name))


def tried() -> set[str]:
    """The vendors whose documented calls are made in a browser."""
    return {str(yaml.safe_load(path.read_text("utf-8"))["vendor"]) for path in TRIED.glob("*.yaml")}


def page(catalogue: Catalogue) -> str:
    """The whole page."""
    return "\n".join(_lines(catalogue))


def _lines(catalogue: Catalogue) -> Iterator[str]:
    vendors = sorted(catalogue.vendors.values(), key=lambda vendor: vendor.name.casefold())
    yield _INTRODUCTION
    yield "| category | vendors | with a stub | with a surrogate |"
    yield "|---|---:|---:|---:|"
    groups = {
        name: [vendor for vendor in vendors if vendor.category == name]
        for name in sorted(category.category for category in catalogue.categories)
    }
    for name, some in [*groups.items(), ("all", vendors)]:
        stubs, answered = sum(bool(each.stub) for each in some), sum(bool(surrogates(each)) for each in some)
        yield f"| {name} | {len(some)} | {stubs} | {answered} |"
    yield ""
    for name, some in groups.items():
        yield f"## {name.capitalize()}"
        yield ""
        yield ", ".join(f"{vendor.name} (`{vendor.vendor}`)" for vendor in some) + "."
        yield ""
    yield _STAND_INS
    yield "| vendor | stub | surrogate | tried in a browser |"
    yield "|---|---|---|---|"
    known = tried()
    for vendor in vendors:
        answered_by = surrogates(vendor)
        if vendor.stub or answered_by:
            yield (
                f"| {vendor.name} (`{vendor.vendor}`) | {'yes' if vendor.stub else ''} "
                f"| {', '.join(f'`{name}`' for name in answered_by)} | {'yes' if vendor.vendor in known else ''} |"
            )
    yield ""


def test_the_page_says_what_is_in_the_files() -> None:
    assert DOCS.read_text("utf-8") == page(load()), "write it anew: python -m tests.catalogue.test_vendors_page"


def test_at_least_forty_vendors_have_a_stub_that_is_tried() -> None:
    catalogue = load()
    assert len([name for name in tried() if catalogue.vendors[name].stub]) >= 40


def test_no_vendor_is_left_out_of_the_page() -> None:
    written = page(load())
    assert [name for name in load().vendors if f"(`{name}`)" not in written] == []


if __name__ == "__main__":
    DOCS.write_text(page(load()), encoding="utf-8")
