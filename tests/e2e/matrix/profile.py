"""A visitor with a regular browser profile.

The contexts of one Chromium are incognito to it, and in those it takes no hint to connect ahead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserType

from tests.kit.browser import Visit, executable
from tests.kit.network import Network


@contextmanager
def visitor(chromium: BrowserType, network: Network, folder: Path) -> Iterator[Visit]:
    """A visitor whose Chromium keeps its profile in a new folder."""
    rules = [
        "EXCLUDE localhost",
        "EXCLUDE 127.0.0.1",
        f"MAP *:443 127.0.0.1:{network.secure.port}",
        f"MAP *:80 127.0.0.1:{network.plain.port}",
        "MAP * ~NOTFOUND",
    ]
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
            f"--host-resolver-rules={', '.join(rules)}",
        ],
    )
    try:
        yield Visit(context, context.pages[0])
    finally:
        context.close()
