"""An error of our own behind Envoy: what was to be judged goes no further, and the next exchange is judged again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.breaks import Breaks
from tests.kit.client import fetch
from tests.kit.proxy import ENVOY, Proxy, behind
from tests.kit.server import Server
from tests.kit.site import Site

ENGINE = "proxy_addon.engine:Engine."
# What asks of a request, and what is asked when its response is there.
ASKING, ANSWERING = ("visit_reverse", "request", "prepare_request"), ("response",)
PAGE = b'<!doctype html><title>shop</title><script src="https://cdn.segment.com/analytics.js/v1/K/analytics.min.js"></script>'
DOCUMENT = {"Accept": "text/html", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def breaks(folder: Path) -> Breaks:
    return Breaks(folder / "broken", *(ENGINE + name for name in (*ASKING, *ANSWERING)))


@pytest.fixture(scope="module")
def proxy(upstream: Server, folder: Path, breaks: Breaks) -> Iterator[Proxy]:
    with behind(ENVOY), Proxy(upstream.url, folder=folder, environment=breaks.environment) as proxy:
        yield proxy


@pytest.mark.parametrize("stage", [*ASKING, *ANSWERING])
def test_a_page_that_cannot_be_judged_is_not_sent_and_the_next_one_is(
    site: Site, proxy: Proxy, breaks: Breaks, stage: str
) -> None:
    path = f"/{stage}"
    site.page(path, PAGE)
    with breaks.broken(f"Engine.{stage}"):
        answers = [fetch(f"{proxy.url}{path}", DOCUMENT) for _ in range(3)]
    assert {answer.status for answer in answers} == {503}
    assert not any(b"<title>shop" in answer.body for answer in answers)
    assert len(site.requests(path)) == (0 if stage in ASKING else 3)
    assert b"text/x-consentry" in fetch(f"{proxy.url}{path}", DOCUMENT).body
    proxy.wait_for_warning("An exchange was given up", timeout=60)
    told = [line for line in proxy.lines if "given up" in line.get("what", "")]
    assert len(told) == 1
    assert "Traceback" not in proxy.stderr
