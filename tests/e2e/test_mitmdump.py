"""The add-on in mitmproxy's own command: `mitmdump -s "$(consentry addon)"`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit.client import fetch
from tests.kit.proxy import run
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

SCRIPT = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
PIXEL = "https://px.ads.linkedin.com/collect/?pid=1"
PAGE = (
    f'<!doctype html><html><head><title>shop</title></head><body><script src="{SCRIPT}"></script><img src="{PIXEL}">'
).encode()


@contextmanager
def mitmdump(upstream: str, folder: Path, confdir: Path, *options: str) -> Iterator[str]:
    """mitmdump with our add-on as a reverse proxy of `upstream`; gives its URL."""
    script = run("addon", folder=folder).stdout.strip()
    command = [
        str(Path(sys.executable).with_name("mitmdump")),
        *("-s", script, "--mode", f"reverse:{upstream}", "--listen-host", "127.0.0.1", "-p", "0"),
        *("--set", f"confdir={confdir}"),
        *(part for option in options for part in ("--set", option)),
    ]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said: list[str] = []
        try:
            for line in process.stdout:
                said.append(line)
                if "error" in line.lower():
                    raise AssertionError("mitmdump does not take the add-on:\n" + "".join([*said, *process.stdout]))
                if found := re.search(r"listening at \S*?(\d+)\.?\s*$", line):
                    yield f"http://127.0.0.1:{found[1]}"
                    return
            raise AssertionError("mitmdump does not listen:\n" + "".join(said))
        finally:
            process.kill()


@pytest.fixture
def upstream() -> Iterator[str]:
    site = Site()
    site.page("/", PAGE)
    server = Server(site)
    yield server.url
    server.close()


def test_the_add_on_holds_in_mitmdump_as_it_does_in_consentry(upstream: str, tmp_path: Path, confdir: Path) -> None:
    with mitmdump(upstream, tmp_path, confdir) as url:
        assert "text/x-consentry" in fetch(url + "/").text
        granted = {"Cookie": "consentry=v=1&functional=granted&analytics=granted&marketing=granted"}
        assert fetch(url + "/", granted).body == PAGE


def test_the_add_on_takes_its_options_from_mitmproxys(upstream: str, tmp_path: Path, confdir: Path) -> None:
    with mitmdump(upstream, tmp_path, confdir, "consentry_mode=observe") as url:
        assert fetch(url + "/").body == PAGE
    with mitmdump(upstream, tmp_path, confdir, "consentry_regime=ccpa") as url:
        # Under an opt-out law silence allows, and a browser's general refusal counts for advertising.
        assert "data-consentry-src" not in fetch(url + "/").text
        assert f'data-consentry-src="{PIXEL}"' in fetch(url + "/", {"Sec-GPC": "1"}).text
