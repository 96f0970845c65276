"""The pytest plugin in suites of its users: with Playwright alone, with pytest-playwright, and with Selenium."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.audit.sites import SERVES, SHOP, document, klaro
from tests.kit.certificates import Authority
from tests.kit.network import Network
from tests.kit.npm import package_file
from tests.kit.site import Site

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.e2e

GTAG = "https://www.googletagmanager.com/gtag/js?id=G-ABCDE12345"
# Klaro lets the tag run once analytics is allowed; the faulty page does not ask it.
ASKS = f'<script type="text/plain" data-type="text/javascript" data-name="analytics" data-src="{GTAG}"></script>'
FAULTY = f'<script async src="{GTAG}"></script>'
DOCS = Path(__file__).parents[2] / "docs" / "testing"

# Chromium's sandbox does not start for root, and there is no browser of Playwright's own.
BROWSER = """
import pytest
from proxy_addon.chromium import executable

@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return {**browser_type_launch_args, "executable_path": executable(), "args": ["--no-sandbox"]}
"""


@pytest.fixture
def suite(
    pytester: pytest.Pytester, network: Network, authority: Authority, confdir: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A project whose tests visit the shop, which is served here."""
    site = Site()
    site.page("/", document(klaro() + ASKS))
    site.page("/faulty", document(klaro() + FAULTY))
    site.page("/bare", document(FAULTY))
    site.page("/klaro.js", package_file("klaro", "0.7.22", "dist/klaro.js"), "text/javascript")
    network.host("shop.example", site)
    network.serve(SERVES)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("SHOP_URL", SHOP)
    pytester.makeini(f"""
        [pytest]
        consentry_confdir = {confdir}
        consentry_upstream_ca = {authority.pem}
        consentry_resolve = *:443:127.0.0.1:{network.secure.port}
    """)
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist", *arguments, timeout=240)


def test_rules_that_are_wrong_are_one_sentence(suite: pytest.Pytester) -> None:
    suite.makefile(".yaml", **{"mine/vendors/wrong": "vendor: [\n"})
    ini = suite.path / "tox.ini"
    ini.write_text(f"{ini.read_text()}\nconsentry_rules = {suite.path / 'mine'}\n")
    suite.makepyfile("def test_it(consentry_proxy): pass")
    result = run(suite)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E *UsageError: *wrong.yaml*"])


def test_relative_paths_count_from_the_file_of_the_settings(suite: pytest.Pytester, authority: Authority) -> None:
    suite.makefile(".yaml", **{"mine/vendors/wrong": "vendor: [\n"})
    shutil.copy(authority.pem, suite.path / "authority.pem")
    ini = suite.path / "tox.ini"
    settings = [line for line in ini.read_text().splitlines() if "upstream_ca" not in line]
    ini.write_text("\n".join([*settings, "consentry_upstream_ca = authority.pem", "consentry_rules = mine", ""]))
    below = suite.mkdir("below")
    (below / "test_it.py").write_text("def test_it(consentry_proxy): pass")
    suite.chdir()
    os.chdir(below)
    result = run(suite)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"E *UsageError: {suite.path}/mine/vendors/wrong.yaml*"])


ALONE = """
    import pytest
    from proxy_addon.testing import assert_only, assert_ran, assert_silent

    SHOP = "https://shop.example/"

    def test_nothing_runs_before_the_choice(consentry_page):
        consentry_page.goto(SHOP)
        assert_silent(consentry_page)

    def test_faulty(consentry_page):
        consentry_page.goto(SHOP + "faulty")
        assert_silent(consentry_page)

    def test_a_refusal_is_heeded(consentry_page, consent):
        consentry_page.goto(SHOP)
        consent.reject()
        consentry_page.reload()
        assert_silent(consentry_page)

    def test_what_is_accepted_runs_and_nothing_else(consentry_page, consent):
        consentry_page.goto(SHOP)
        consent.accept("analytics")
        assert_ran(consentry_page, "google-analytics")
        assert_only(consentry_page, {"analytics"})

    @pytest.mark.consentry(mode="enforce")
    def test_enforced(consentry_page, consentry_proxy, consent):
        consentry_page.goto(SHOP + "bare")
        assert_silent(consentry_page)
        consent.accept("analytics", "marketing")
        assert_ran(consentry_page, "google-analytics")
        consent.withdraw()
        consentry_proxy.clear()
        consentry_page.reload()
        assert_silent(consentry_page)

    @pytest.mark.consentry(mode="enforce", regime="ccpa", gpc=True)
    def test_gpc(consentry_page):
        consentry_page.goto(SHOP + "bare")
        assert consentry_page.evaluate("navigator.globalPrivacyControl")
        assert_only(consentry_page, {"functional", "analytics"})
"""


@pytest.mark.parametrize("with_plugin", [False, True], ids=["alone", "pytest-playwright"])
def test_a_suite_finds_what_is_wrong_and_nothing_else(with_plugin: bool, suite: pytest.Pytester) -> None:
    suite.makepyfile(ALONE)
    if with_plugin:
        suite.makeconftest(BROWSER)
    result = run(suite, *([] if with_plugin else ["-p", "no:playwright"]))
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*nothing may run, but * went out:*",
            "*google* GET https://www.googletagmanager.com/gtag/js?id=G-ABCDE12345 on https://shop.example/: *",
        ]
    )


def test_a_driver_of_selenium_is_watched_as_well(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = shutil.which("chromedriver")
    if driver is None:
        pytest.skip("there is no chromedriver")
    monkeypatch.setenv("CHROMEDRIVER", driver)
    suite.makepyfile("""
        import os
        import pytest
        from selenium import webdriver
        from proxy_addon.chromium import executable
        from proxy_addon.testing import assert_ran, assert_silent
        from proxy_addon.testing.consenting import Consenting

        @pytest.fixture
        def driver(consentry_proxy):
            options = webdriver.ChromeOptions()
            options.binary_location = executable()
            for argument in ("--headless", "--no-sandbox", *consentry_proxy.arguments):
                options.add_argument(argument)
            driver = webdriver.Chrome(options, webdriver.ChromeService(os.environ["CHROMEDRIVER"]))
            yield consentry_proxy.watch(driver)
            driver.quit()

        @pytest.mark.consentry(mode="enforce")
        def test_shop(driver):
            driver.get("https://shop.example/bare")
            assert_silent(driver)
            Consenting(driver, None).accept("analytics", "marketing")
            assert_ran(driver, "google-analytics")
    """)
    run(suite, "-p", "no:playwright").assert_outcomes(passed=1)


def test_a_users_mistakes_are_said_in_sentences(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import pytest

        @pytest.mark.consentry(colour="red")
        def test_marker(consentry_proxy):
            pass

        @pytest.mark.consentry(regime="atlantis")
        def test_regime(consentry_proxy):
            pass

        def test_category(consentry_page, consent):
            consent.accept("everything")
    """)
    result = run(suite, "-p", "no:playwright")
    result.assert_outcomes(errors=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*The marker consentry takes mode, regime and gpc, not colour.",
            "*There is no regime 'atlantis'*",
            "*There is no category 'everything'; it is one of: functional, analytics, marketing.",
        ]
    )


JOBS = {"github.yml": ("jobs", "consent", "steps"), "gitlab.yml": ("consent", "script")}


def commands(job: str) -> list[str]:
    """What a job runs, without what installs."""
    found = yaml.safe_load((DOCS / job).read_text("utf-8"))
    for name in JOBS[job]:
        found = found[name]
    texts = [each if isinstance(each, str) else each.get("run", "") for each in found]
    lines = [line for text in texts for line in text.splitlines() if line]
    return [line for line in lines if not line.startswith(("pip install", "apt-get"))]


@pytest.mark.parametrize("job", JOBS)
def test_the_commands_of_a_documented_job_run(
    job: str, suite: pytest.Pytester, confdir: Path, authority: Authority, network: Network
) -> None:
    folder = suite.mkdir("tests").joinpath("consent")
    folder.mkdir()
    shutil.copy(DOCS / "test_consent.py", folder)
    (folder / "conftest.py").write_text(BROWSER)
    said = commands(job)
    assert [each.split()[0] for each in said] == ["pytest", "consentry"]
    # What this network needs, and a visitor of the documentation does not.
    hidden = {
        "CONSENTRY_CONFDIR": str(confdir),
        "CONSENTRY_UPSTREAM_CA": str(authority.pem),
        "CONSENTRY_RESOLVE": f"*:443:127.0.0.1:{network.secure.port}",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    for command in said:
        done = subprocess.run(
            command,
            shell=True,
            cwd=suite.path,
            env={**os.environ, **hidden},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    for report in ("pytest.xml", "audit.xml", "audit.html"):
        assert (suite.path / report).stat().st_size > 0


def test_the_plugin_loads_nothing_before_a_test_asks(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import sys

        def test_nothing():
            loaded = {name.partition(".")[0] for name in sys.modules}
            assert not loaded & {"mitmproxy", "playwright", "click", "lxml", "sqlalchemy"}
    """)
    run(suite, "-p", "no:playwright").assert_outcomes(passed=1)
