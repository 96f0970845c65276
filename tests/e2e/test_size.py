"""A catalogue of ten thousand vendors, of which a page knows nothing until it meets one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.browser import Browser, Visit
from tests.kit.many import compile_rules, domain, name, word, write_rules
from tests.kit.network import Network
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

# All of them need analytics; those that divide by 25 have a snippet, a stub and a storage key too.
SCRIPT, IMAGE, FETCH, BEACON, SNIPPET, COOKIE, STORED, MARKUP = 9975, 3333, 6666, 9999, 7500, 4443, 7575, 5025
ALL = (SCRIPT, IMAGE, FETCH, BEACON, SNIPPET, COOKIE, STORED, MARKUP)
QUEUE = {vendor: f"{word(vendor)}Queue" for vendor in (SCRIPT, SNIPPET, MARKUP)}
# What a page's own code does; no text in it is one that the rewriter could know.
DOES = f"""<!doctype html><title>does</title><p>Words.</p><script>
  const host = (name) => 'https://' + name.split(' ').join('');
  const make = (tag, facts) => document.body.append(Object.assign(document['create' + 'Element'](tag), facts));
  make('script', {{ src: host('{" ".join("a." + domain(SCRIPT))}') + '/1/tag.js' }});
  make('img', {{ src: host('{" ".join(domain(IMAGE, 1))}') + '/pixel.gif' }});
  const queue = '{" ".join(QUEUE[SNIPPET])}'.split(' ').join('');
  const makes = 'document.createElement("i");';
  const text = `window.${{queue}} = window.${{queue}} || []; ${{makes}} window.ran = (window.ran || 0) + 1;`;
  make('script', {{ text }});
  make('img', {{ src: 'https://pictures.test/cat.gif' }});
  window.asks = () => fetch(host('{" ".join(domain(FETCH, 2))}') + '/fetched').then((answer) => answer.status);
  window.sends = () => navigator.sendBeacon(host('{" ".join(domain(BEACON, 3))}') + '/sent', 'x');
  window.keeps = () => {{
    document.cookie = '_{word(COOKIE)}_1=x; path=/';
    document.cookie = 'basket=2; path=/';
    localStorage.setItem('{word(STORED)}' + ':id', 'x');
    localStorage.setItem('lamp', 'x');
  }};
  keeps();
  sends();
  asks().then(() => {{ window.status = 'asked'; }});
</script>"""
MARKED = f"""<!doctype html><title>marked</title>
<script src="https://a.{domain(MARKUP)}/1/tag.js"></script>
<script>window.pushed = {QUEUE[MARKUP]}.push(1);</script>"""


@pytest.fixture(scope="module")
def proxy(site: tuple[Site, Server], confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("size")
    rules = write_rules(folder / "rules")
    compile_rules(rules, folder / "cache" / "consentry")
    site[0].page("/does", DOES.encode())
    site[0].page("/marked", MARKED.encode())
    site[0].page("/plain", b"<!doctype html><title>plain</title>")
    arguments = (site[1].url, "--confdir", str(confdir), "--rules", str(rules))
    with Proxy(*arguments, folder=folder, environment={"XDG_CACHE_HOME": str(folder / "cache")}) as proxy:
        yield proxy


def kept(visit: Visit) -> dict[str, list[str]]:
    """The names of cookies and of keys of the storage that are not ours."""
    said: dict[str, list[str]] = visit.page.evaluate("""() => {
        const names = document.cookie.split('; ').map((pair) => pair.split('=')[0]);
        const cookies = names.filter((each) => !each.startsWith('consentry')).sort();
        return { cookies, keys: Object.keys(localStorage).sort() };
    }""")
    return said


def resources(visit: Visit, part: str) -> list[tuple[str, int]]:
    """What the page has fetched under an address with this in it, and the bytes that came."""
    every = visit.page.evaluate(
        "performance.getEntriesByType('resource').map(({ name, encodedBodySize }) => [name, encodedBodySize])"
    )
    return [(address, size) for address, size in every if part in address]


def asked(network: Network) -> set[str]:
    """What was asked of made-up vendors."""
    hosts = {each for vendor in ALL for each in (domain(vendor, number) for number in range(5))}
    return {
        request.url.partition("://")[2] for request in network.requests() if request.host.removeprefix("a.") in hosts
    }


def test_what_only_the_proxy_knows_is_held_and_released_and_taken_back(
    proxy: Proxy, browser: Browser, network: Network
) -> None:
    with browser.visitor() as visit:
        visit.open(f"{proxy.url}/does")
        visit.page.wait_for_function("window.status === 'asked'")
        assert asked(network) == set()
        network.wait_for("https://pictures.test/cat.gif")
        assert kept(visit) == {"cookies": ["basket"], "keys": ["lamp"]}
        assert visit.page.evaluate(f"[window.ran, {QUEUE[SNIPPET]}, {QUEUE[SCRIPT]}]") == [None, [], []], (
            "stubs are there"
        )

        visit.page.evaluate("consentry.set({ functional: true, analytics: true, marketing: true })")
        network.wait_for(f"https://a.{domain(SCRIPT)}/1/tag.js")
        network.wait_for(f"https://{domain(IMAGE, 1)}/pixel.gif")
        visit.page.wait_for_function("window.ran === 1")
        visit.page.evaluate("(keeps(), sends(), asks())")
        network.wait_for(f"https://{domain(FETCH, 2)}/fetched")
        network.wait_for(f"https://{domain(BEACON, 3)}/sent")
        assert kept(visit) == {
            "cookies": [f"_{word(COOKIE)}_1", "basket"],
            "keys": sorted([f"{word(STORED)}:id", "lamp"]),
        }

        visit.page.evaluate("consentry.set({ functional: false, analytics: false, marketing: false })")
        assert kept(visit) == {"cookies": ["basket"], "keys": ["lamp"]}
        before = len(network.requests())
        visit.page.evaluate("(keeps(), asks())")
        assert len(network.requests()) == before
        assert kept(visit) == {"cookies": ["basket"], "keys": ["lamp"]}


def test_a_choice_that_was_made_before_counts_from_the_first_script_on(
    proxy: Proxy, browser: Browser, network: Network
) -> None:
    with browser.visitor() as visit:
        visit.consent(proxy.url, ["analytics"])
        visit.open(f"{proxy.url}/does")
        visit.page.wait_for_function("window.status === 'asked'")
        network.wait_for(f"https://{domain(FETCH, 2)}/fetched")
        network.wait_for(f"https://a.{domain(SCRIPT)}/1/tag.js")
        assert visit.page.evaluate("window.ran") == 1


def test_a_stub_is_there_before_the_next_script_runs(proxy: Proxy, browser: Browser, network: Network) -> None:
    with browser.visitor() as visit:
        visit.open(f"{proxy.url}/marked")
        assert visit.page.evaluate("window.pushed") == 1
    assert asked(network) == set()


def test_the_guard_is_as_small_as_with_few_vendors(proxy: Proxy, browser: Browser) -> None:
    with browser.visitor() as visit:
        visit.open(f"{proxy.url}/plain")
        ((_, size),) = resources(visit, "/guard.js")
    assert 10_000 < size < 25_000


def test_what_pages_of_a_site_have_met_comes_with_the_guard_and_is_not_asked_for(
    proxy: Proxy, browser: Browser
) -> None:
    asks = f"vendor={name(MARKUP)}"
    with browser.visitor() as visit:
        visit.open(f"{proxy.url}/marked")
        visit.open(f"{proxy.url}/marked")
        assert visit.page.evaluate("window.pushed") == 1
        assert not resources(visit, asks)
        assert not resources(visit, f"host=a.{domain(MARKUP)}")


def test_without_a_proxy_what_may_be_a_vendors_is_held_and_the_rest_goes_on(
    site: tuple[Site, Server], confdir: Path, browser: Browser, network: Network, tmp_path: Path
) -> None:
    site[0].page("/still", b"<!doctype html><title>still</title>")
    with Proxy(site[1].url, "--confdir", str(confdir), folder=tmp_path) as proxy, browser.visitor() as visit:
        visit.open(f"{proxy.url}/still")
        proxy.kill()
        said = visit.page.evaluate("""async () => {
            const held = await fetch('https://www.google-analytics.com/g/collect?v=2').then((answer) => answer.status);
            const other = await fetch('https://pictures.test/cat.gif', { mode: 'no-cors' }).then(() => 'went');
            return [held, other];
        }""")
    assert said == [204, "went"]
    assert not network.requests_to("**google-analytics**")


def test_where_nothing_may_be_asked_at_once_it_is_held_until_the_answer_has_come(
    site: tuple[Site, Server], confdir: Path, browser: Browser, network: Network, tmp_path: Path
) -> None:
    picture = "https://static.hotjar.com/counted.gif"
    code = f"document.body.append(Object.assign(new Image(), {{ src: '{picture}' }}))"
    page = f"<!doctype html><title>quiet</title><body><script>{code}</script>"
    site[0].page("/quiet", page.encode(), headers=[("permissions-policy", "sync-xhr=()")])
    with Proxy(site[1].url, "--confdir", str(confdir), folder=tmp_path) as proxy, browser.visitor() as visit:
        visit.consent(proxy.url, ["analytics"])
        visit.open(f"{proxy.url}/quiet")
        network.wait_for(picture)
        assert not visit.errors
