"""The pytest plugin. It is loaded wherever Consentry is installed: nothing is imported or started until a test asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .consenting import Consenting
    from .watch import Watch

_MODES = ("observe", "enforce")
_MARK = "consentry"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Settings for all tests; the marker says what one test wants otherwise."""
    parser.addini(
        "consentry_mode", "observe (the site as it is) or enforce (with Consentry holding)", default="observe"
    )
    parser.addini("consentry_regime", "the law to judge by: gdpr, ccpa, …", default="gdpr")
    parser.addini("consentry_rules", "folders of rules that add to the shipped ones", type="linelist")
    parser.addini("consentry_resolve", "HOST:PORT:ADDRESS[:PORT] entries: connect there for that host", type="linelist")
    parser.addini("consentry_upstream_ca", "a PEM file of authorities to trust upstream", default="")
    parser.addini("consentry_insecure_upstream", "verify no upstream certificate", type="bool", default=False)
    parser.addini("consentry_confdir", "where the certificate authority is kept", default="~/.consentry")
    group = parser.getgroup("consentry")
    group.addoption("--consentry-mode", choices=_MODES, help="overrides consentry_mode")
    group.addoption("--consentry-regime", metavar="NAME", help="overrides consentry_regime")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f"{_MARK}(mode=…, regime=…, gpc=…): what this test wants of its proxy, and of its browser"
    )


@pytest.fixture
def consentry_proxy(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """A forward proxy of this test's own. Its `arguments` are for a Chromium that goes through it."""
    from ..catalogue.yamlfile import FileError  # noqa: PLC0415 - see the module
    from ..config import UsageError  # noqa: PLC0415
    from ..home import expanded  # noqa: PLC0415
    from .running import Wanted, running  # noqa: PLC0415

    config, mark = request.config, _marked(request)
    authorities = str(config.getini("consentry_upstream_ca"))
    at = _base(config)
    wanted = Wanted(
        mode=mark.get("mode") or config.getoption("--consentry-mode") or config.getini("consentry_mode"),
        regime=mark.get("regime") or config.getoption("--consentry-regime") or config.getini("consentry_regime"),
        confdir=at / expanded(config.getini("consentry_confdir")),
        rules=tuple(str(at / expanded(each)) for each in config.getini("consentry_rules")),
        resolve=tuple(config.getini("consentry_resolve")),
        upstream_ca=at / expanded(authorities) if authorities else None,
        insecure_upstream=bool(config.getini("consentry_insecure_upstream")),
    )
    if wanted.mode not in _MODES:
        raise pytest.UsageError(f"consentry_mode is '{wanted.mode}'; it is one of: {', '.join(_MODES)}.")
    try:
        with running(wanted) as watch:
            yield watch
    except (UsageError, FileError) as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture
def consentry_page(request: pytest.FixtureRequest, consentry_proxy: Watch) -> Iterator[Any]:
    """A Playwright page of a visitor that nobody has seen before, going through `consentry_proxy`.

    With pytest-playwright it is a page of its `browser`, with its `browser_context_args`; without it Chromium is
    started for this test.
    """
    gpc = bool(_marked(request).get("gpc"))
    if not request.config.pluginmanager.hasplugin("playwright"):
        yield from _own_page(consentry_proxy, gpc=gpc)
        return
    # What upstream certificates are worth the proxy has judged; the browser sees ours alone.
    arguments = {**request.getfixturevalue("browser_context_args"), "ignore_https_errors": True}
    context = request.getfixturevalue("browser").new_context(**arguments, proxy={"server": consentry_proxy.url})
    try:
        yield consentry_proxy.watch(_opened(context, gpc=gpc))
    finally:
        context.close()


@pytest.fixture
def consent(request: pytest.FixtureRequest) -> Consenting:
    """Makes the visitor's choice: in the banner of a platform that is known, else by Consentry's own API.

    It is for `consentry_page`; for another page or driver make `Consenting(page, None)`.
    """
    from .consenting import Consenting, banners  # noqa: PLC0415 - see the module

    return Consenting(request.getfixturevalue("consentry_page"), banners())


def _own_page(proxy: Watch, *, gpc: bool) -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra
    except ImportError:
        raise pytest.UsageError("consentry_page needs Playwright; install it: pip install 'consentry[audit]'") from None
    from ..chromium import QUIET, executable  # noqa: PLC0415

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=[*QUIET, *proxy.arguments[2:]])
        context = browser.new_context(proxy={"server": proxy.url})
        try:
            yield proxy.watch(_opened(context, gpc=gpc))
        finally:
            browser.close()


def _opened(context: Any, *, gpc: bool) -> Any:
    if gpc:
        from ..audit.browser import signal_gpc  # noqa: PLC0415

        signal_gpc(context)
    return context.new_page()


def _base(config: pytest.Config) -> Path:
    """Where relative paths in settings count from: the file that has them, as with pytest's own; else the rootdir."""
    return config.inipath.parent if config.inipath is not None else config.rootpath


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the markers around a test say; the nearest counts."""
    said: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers(_MARK))):
        if unknown := sorted(set(mark.kwargs) - {"mode", "regime", "gpc"}):
            raise pytest.UsageError(f"The marker consentry takes mode, regime and gpc, not {unknown[0]}.")
        said |= mark.kwargs
    return said
