"""A list that a user brings, in a running proxy: on the wire in forward mode, in the page in reverse mode."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.browser import Browser
from tests.kit.certificates import Authority
from tests.kit.client import Answer, fetch
from tests.kit.network import Network
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site
from tests.small import write

pytestmark = pytest.mark.e2e

LIST = """\
! Title: Small List
||whole.example^
||typed.example^$script
/count.gif?id=$image,domain=shop.example
@@||cdn.example/count.gif?id=ok
"""


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which a list was imported by the command itself."""
    folder = tmp_path_factory.mktemp("lists")
    environment = {"XDG_CONFIG_HOME": str(folder), "CONSENTRY_LIST": "small"}
    path = write(folder, "small.txt", LIST)
    arguments = ["rules", "import", str(path), "--category", "analytics"]
    root = str(Path(__file__).resolve().parents[2])
    subprocess.run(
        [sys.executable, "-m", "proxy_addon", *arguments],
        env={**os.environ, **environment, "PYTHONPATH": root},
        check=True,
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    return environment


@pytest.fixture(scope="module")
def forward(
    whole_network: Network,
    authority: Authority,
    confdir: Path,
    brought: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxy]:
    options = [
        *("--confdir", str(confdir), "--upstream-ca", str(authority.pem)),
        *("--resolve", f"*:443:127.0.0.1:{whole_network.secure.port}"),
        *("--resolve", f"*:80:127.0.0.1:{whole_network.plain.port}"),
    ]
    with Proxy("forward", *options, folder=tmp_path_factory.mktemp("work"), environment=brought) as proxy:
        yield proxy


def ask(proxy: Proxy, confdir: Path, url: str, kind: str, site: str = "https://shop.example/") -> Answer:
    headers = {"Sec-Fetch-Dest": kind, "Sec-Fetch-Site": "cross-site", "Referer": site, "User-Agent": site}
    return fetch(url, headers, proxy=proxy.url, authority=confdir / "mitmproxy-ca-cert.pem")


HELD = [
    ("https://a.whole.example/x.js", "script", "small:2"),
    ("https://typed.example/x.js", "script", "small:3"),
    ("https://any.example/count.gif?id=1", "image", "small:4"),
]


@pytest.mark.parametrize(("url", "kind", "rule"), HELD)
def test_what_a_list_names_never_leaves_and_the_evidence_names_the_line(
    forward: Proxy, confdir: Path, network: Network, *, url: str, kind: str, rule: str
) -> None:
    mark = forward.mark()
    answer = ask(forward, confdir, url, kind)
    assert answer.header("x-consentry") == "held; vendor=small"
    verdict = forward.wait_for_verdict(lambda each: each.outcome == "answered", mark)
    assert (verdict.vendor, verdict.rule, verdict.categories) == ("small", rule, ("analytics",))
    assert network.requests() == []


PASSED = [
    ("https://typed.example/x.png", "image", "https://shop.example/"),
    ("https://any.example/count.gif?id=1", "image", "https://blog.example/"),
    ("https://cdn.example/count.gif?id=ok", "image", "https://shop.example/"),
]


@pytest.mark.parametrize(("url", "kind", "site"), PASSED)
def test_what_a_condition_or_an_exception_lets_pass_passes(
    forward: Proxy, confdir: Path, network: Network, *, url: str, kind: str, site: str
) -> None:
    assert ask(forward, confdir, url, kind, site).header("x-consentry") is None
    assert [each.url for each in network.requests()] == [url]


def test_a_listed_domain_is_held_in_the_page_in_reverse_mode(
    confdir: Path, brought: dict[str, str], browser: Browser, network: Network, tmp_path: Path
) -> None:
    site = Site()
    later = (
        "const s = document.createElement('script'); s.src = 'https://b.whole.example/b.js'; document.head.append(s);"
    )
    page = f'<!doctype html><head></head><script src="https://a.whole.example/a.js"></script><script>{later}</script>'
    site.page("/", page.encode())
    server = Server(site)
    with Proxy(server.url, "--confdir", str(confdir), folder=tmp_path, environment=brought) as proxy:
        with browser.visitor() as visitor:
            visitor.open(proxy.url)
            proxy.wait_until(lambda seen: {each.url[-4:] for each in seen} >= {"a.js", "b.js"})
        assert {each.rule for each in proxy.verdicts()} == {"small:2"}
    server.close()
    assert network.requests() == []
