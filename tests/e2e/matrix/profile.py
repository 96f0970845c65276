"""A visitor with a regular browser profile.

The contexts of one Chromium are incognito to it, and in those it takes no hint to connect ahead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserType

from tests.kit.browser import Visit, executable, resolver_rules
from tests.kit.network import Network


@contextmanager
def visitor(chromium: BrowserType, network: Network, folder: Path) -> Iterator[Visit]:
    """A visitor whose Chromium keeps its profile in a new folder."""
    context = chromium.launch_persistent_context(
        folder,
        executable_path=executable(),
        ignore_https_errors=True,
        service_workers="allow",
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-component-update",
            "--disable-sync",
            "--ignore-certificate-errors",
            resolver_rules(network),
        ],
    )
    try:
        yield Visit(context, context.pages[0])
    finally:
        context.close()
