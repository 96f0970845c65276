"""`consentry filter`, as its user lives with it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.kit.browser import Browser, executable
from tests.kit.certificates import Authority
from tests.kit.client import Answer, fetch
from tests.kit.network import Network
from tests.kit.proxy import Proxy
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

SHOP = "https://shop.example/"
ANALYTICS = "https://plausible.io/js/script.js"
CONFIG = """\
untouched: [bank.example]
sites:
  - url: https://open.example
    consent: {analytics: granted}
  - url: https://closed.example
    consent: {plausible: denied}
  - url: https://plain.example
    gpc: no
    strip_parameters: no
"""


class Filter(NamedTuple):
    """A running filter, how a plain client uses it, and where it keeps its state."""

    proxy: Proxy
    ours: Path
    state: dict[str, str]

    def fetch(self, url: str, headers: dict[str, str] | None = None, authority: Path | None = None) -> Answer:
        return fetch(url, headers, proxy=self.proxy.url, authority=authority or self.ours)

    def visit(self, url: str, agent: str, cookie: str = "") -> Answer:
        headers = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "User-Agent": agent}
        return self.fetch(url, headers | ({"Cookie": cookie} if cookie else {}))

    def ask(self, page: str, agent: str, url: str = ANALYTICS) -> Answer:
        """Ask for a script as a page would."""
        headers = {"Sec-Fetch-Dest": "script", "Sec-Fetch-Site": "cross-site", "Referer": page, "User-Agent": agent}
        return self.fetch(url, headers)

    def command(self, *arguments: str) -> str:
        """Run `consentry filter …` beside the running one."""
        root = str(Path(__file__).resolve().parents[2])
        return subprocess.run(
            [sys.executable, "-m", "proxy_addon", "filter", *arguments],
            env={**os.environ, **self.state, "PYTHONPATH": root},
            check=True,
            capture_output=True,
            text=True,
        ).stdout


@pytest.fixture(scope="module")
def running(
    whole_network: Network, authority: Authority, confdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filter]:
    work = tmp_path_factory.mktemp("work")
    (work / "consentry.yaml").write_text(CONFIG)
    state = {"XDG_STATE_HOME": str(work / "state"), "XDG_CONFIG_HOME": str(work / "config")}
    options = [
        *("--confdir", str(confdir), "--upstream-ca", str(authority.pem), "--strip-parameters", "--no-aliases"),
        *("--resolve", f"*:443:127.0.0.1:{whole_network.secure.port}"),
        *("--resolve", f"*:80:127.0.0.1:{whole_network.plain.port}"),
    ]
    with Proxy("filter", *options, folder=work, environment=state) as proxy:
        yield Filter(proxy, confdir / "mitmproxy-ca-cert.pem", state)


@pytest.fixture
def sites(network: Network) -> dict[str, Site]:
    """Sites with a page each."""
    made = {}
    for name in ("shop", "open", "closed", "plain", "bank", "app"):
        made[name] = Site()
        made[name].page("/", b"<!doctype html><head></head><body>A page")
        network.host(f"{name}.example", made[name])
    return made


@pytest.fixture
def filtering(running: Filter, sites: dict[str, Site]) -> Filter:
    return running


def held(answer: Answer) -> bool:
    return (answer.header("x-consentry") or "").startswith("held")


def test_analytics_is_held_and_what_sites_offer_is_not(filtering: Filter, network: Network) -> None:
    filtering.visit(SHOP, "one")
    assert held(filtering.ask(SHOP, "one"))
    mark = filtering.proxy.mark()
    filtering.ask(SHOP, "one")
    verdict = filtering.proxy.wait_for_verdict(lambda each: each.vendor == "plausible", mark)
    assert "filter counts as denied" in verdict.reason
    assert network.requests() == []


def test_a_site_that_was_told_so_may_count(filtering: Filter) -> None:
    filtering.visit(SHOP, "two", "consentry=v=1&analytics=granted&marketing=denied")
    assert not held(filtering.ask(SHOP, "two"))


def test_the_users_own_word_on_a_site_grants(filtering: Filter) -> None:
    filtering.visit("https://open.example/", "three")
    assert not held(filtering.ask("https://open.example/", "three"))


def test_the_users_own_word_comes_before_what_the_site_was_told(filtering: Filter) -> None:
    filtering.visit("https://closed.example/", "four", "consentry=v=1&analytics=granted")
    mark = filtering.proxy.mark()
    assert held(filtering.ask("https://closed.example/", "four"))
    verdict = filtering.proxy.wait_for_verdict(lambda each: each.outcome == "answered", mark)
    assert "the user's own settings" in verdict.reason


def test_every_request_says_global_privacy_control(filtering: Filter, sites: dict[str, Site]) -> None:
    filtering.visit(SHOP, "five")
    assert sites["shop"].requests("/")[-1].header("sec-gpc") == "1"
    filtering.visit("https://plain.example/", "five")
    assert sites["plain"].requests("/")[-1].header("sec-gpc") == ""


def test_pages_hear_of_global_privacy_control(filtering: Filter, browser: Browser) -> None:
    with browser.visitor(filtering.proxy.url) as visitor:
        visitor.open(SHOP)
        assert visitor.page.evaluate("navigator.globalPrivacyControl") is True
        assert visitor.page.evaluate("Object.keys(navigator).length") == 0
        visitor.open("https://plain.example/")
        assert not visitor.page.evaluate("navigator.globalPrivacyControl")
        assert visitor.errors == []


def test_an_address_that_is_opened_loses_what_tracks(
    filtering: Filter, sites: dict[str, Site], browser: Browser
) -> None:
    with browser.visitor(filtering.proxy.url) as visitor:
        visitor.open(f"{SHOP}?id=7&utm_source=mail&fbclid=abc#top")
        assert visitor.page.url == f"{SHOP}?id=7#top"
    assert [request.query for request in sites["shop"].requests("/")] == ["id=7"]


def test_a_site_may_keep_them(filtering: Filter, sites: dict[str, Site]) -> None:
    assert filtering.visit("https://plain.example/?utm_source=mail", "six").status == 200
    assert sites["plain"].requests("/")[-1].query == "utm_source=mail"


def test_what_pages_ask_for_keeps_its_address(filtering: Filter, sites: dict[str, Site]) -> None:
    filtering.fetch(f"{SHOP}?utm_source=mail", {"Sec-Fetch-Dest": "empty"})
    assert sites["shop"].requests("/")[-1].query == "utm_source=mail"


def test_an_untouched_host_shows_its_own_certificate(filtering: Filter, authority: Authority) -> None:
    answer = filtering.fetch("https://bank.example/", authority=authority.pem)
    assert answer.status == 200
    assert b"consentry" not in answer.body
    with pytest.raises(ssl.SSLCertVerificationError):
        filtering.fetch("https://bank.example/")


def test_a_program_that_refuses_our_certificate_passes_the_next_time(
    filtering: Filter, network: Network, sites: dict[str, Site], authority: Authority
) -> None:
    # Something on this machine trusts us: so it is the program that is special.
    filtering.visit(SHOP, "seven")
    # What is learnt stays: a host that no earlier try of this test has taught.
    host = f"app-{secrets.token_hex(4)}.example"
    network.host(host, sites["app"])
    url = f"https://{host}/"
    with pytest.raises(ssl.SSLCertVerificationError):
        filtering.fetch(url, authority=authority.pem)
    place = Path(filtering.state["XDG_STATE_HOME"]) / "consentry" / "untouched.json"
    filtering.proxy.wait_for_warning(f"refuses our certificate for {host}")
    assert host in json.loads(place.read_text())
    assert filtering.fetch(url, authority=authority.pem).status == 200


def test_a_vendors_host_is_not_passed_however_often_it_refuses(
    filtering: Filter, authority: Authority, network: Network
) -> None:
    filtering.visit(SHOP, "eight")
    for _ in range(3):
        with pytest.raises(ssl.SSLCertVerificationError):
            filtering.fetch(ANALYTICS, authority=authority.pem)
    assert network.requests() == []


def test_in_a_pause_everything_passes_and_is_recorded(filtering: Filter, network: Network) -> None:
    filtering.visit(SHOP, "nine")
    assert held(filtering.ask(SHOP, "nine"))
    assert filtering.command("pause", "5m").startswith("Nothing is held until ")
    try:
        mark = filtering.proxy.mark()
        assert not held(filtering.ask(SHOP, "nine"))
        assert filtering.proxy.wait_for_verdict(lambda each: each.outcome == "violation", mark).vendor == "plausible"
        assert [each.url for each in network.requests()] == [ANALYTICS]
    finally:
        assert filtering.command("resume") == "Held again.\n"
    assert held(filtering.ask(SHOP, "nine"))


@pytest.mark.skipif(shutil.which("certutil") is None, reason="certutil (libnss3-tools) is not installed")
def test_a_browser_trusts_what_was_installed(filtering: Filter, sites: dict[str, Site], tmp_path: Path) -> None:
    """Chromium as it is, with no flag that makes it trust anything."""
    root, confdir = Path(__file__).resolve().parents[2], filtering.ours.parent
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(root)}

    def page() -> str:
        asked = [executable(), "--headless", "--no-sandbox", "--disable-gpu", f"--proxy-server={filtering.proxy.url}"]
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        return subprocess.run(
            [*asked, profile, "--dump-dom", SHOP],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout

    assert "A page" not in page()
    command = [sys.executable, "-m", "proxy_addon", "ca", "install", "--only", "browser", "--yes"]
    subprocess.run(
        [*command, "--confdir", str(confdir)], env=environment, check=True, capture_output=True, cwd=tmp_path
    )
    assert "A page" in page()


def test_the_dashboards_button_pauses_and_holds_again(
    whole_network: Network, confdir: Path, browser: Browser, tmp_path: Path
) -> None:
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    arguments = ("filter", "--confdir", str(confdir), "--dashboard", "127.0.0.1:0", "--no-aliases")
    place = tmp_path / "state" / "consentry" / "pause"
    with Proxy(*arguments, folder=tmp_path, environment=state) as proxy, browser.visitor() as visitor:
        visitor.open(proxy.dashboard)
        visitor.page.get_by_role("button", name="Pause for 10 minutes").click()
        again = visitor.page.get_by_role("button", name="hold again")
        again.wait_for()
        assert place.is_file()
        again.click()
        visitor.page.get_by_role("button", name="Pause for 10 minutes").wait_for()
        assert not place.exists()
        assert visitor.errors == []
