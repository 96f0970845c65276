"""Pages that use no vendor work behind Consentry as they do without it.

Two libraries whose npm packages carry the tests that their authors run in a browser are tested with them, jQuery
by what a page does with it, and the browser's own functions by what can be asked about them. Nothing is assumed
about the outcome but that it is the same with the guard and without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kit.browser import Browser, Visit
from tests.kit.network import Network
from tests.kit.npm import package_file
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

JAVASCRIPT = "text/javascript; charset=utf-8"
# What a library's own test page loads from where its developers have their packages.
PACKAGES = {"bonzo": "2.0.0", "qwery": "3.4.2", "sink-test": "1.0.2", "bowser": "0.7.2", "jquery": "4.0.0"}
MODULES = "/node_modules"
LOADS = re.compile(rb'(?:src|href)="([^":]+\.(?:js|css))"')
OUTCOMES = """() => [...document.querySelectorAll('#tests > li')].map(test =>
    [test.className, test.firstChild.data, [...test.querySelectorAll('li')]
    .map(each => each.className + ' ' + each.textContent)])"""

# What pages do with jQuery; each is an expression whose value must not depend on the guard.
# A line that is indented belongs to the one before.
JQUERY = """
$('<p class="a">one<b>two</b></p>').appendTo(at)[0].outerHTML
$(at).append('<script>window.ran = (window.ran || 0) + 1</' + 'script>', '<i>x</i>').html() + window.ran
$(at).html('<table><tr><td>1<td>2</table>').find('td').length
$(at).html('<img alt="a" src="/none.png?a&amp;b"><img alt="b" srcset="/none.png 1x, /none.png?2 2x">')
  .html()
$(at).find('img').attr('src', '/none.png?c').map((_, each) => each.src + each.currentSrc + $(each).attr('src'))
  .get().join()
$(at).find('img').prop('src', '/none.png?d').clone().attr('src')
$(at).prepend($('<a>', {href: '/x?y=1#z', text: 'link', ping: '/none'})).find('a').prop('href')
  + $(at).find('a').attr('ping')
$(at).before('<hr id="hr">').prev().attr('id') + $('#hr').remove().length
$(at).children().wrapAll('<section>').parent().wrapInner('<span style="background: url(/none.png)">').end().end().html()
$(at).find('span').css('background-image', 'url("/none.png?e")').css('background-image').replace(location.origin, '')
$(at).find('span').css({backgroundImage: 'none', color: 'red'}).attr('style')
$(at).empty().append(document.createTextNode('<b>'), [$('<u>')[0], $('<s>')]).html()
$(at).html('<iframe src="about:blank"></iframe>').find('iframe')[0].contentDocument.body.nodeName
$(at).find('iframe').contents().find('body').append('<script>window.inside = 1</' + 'script>').html()
$(at).find('iframe')[0].contentWindow.inside
$(at).html('<svg><use href="#u"/><image xlink:href="/none.png"/></svg>').html()
$(at).html('<form action="/none"><input type="image" src="/none.png"><input name="a" value="1"></form>')
  .find('form').serialize()
$(at).html('<template><img src="/none.png"><script>window.never = 1</' + 'script></template>')
  .find('template')[0].innerHTML + window.never
$(at).html('<style>#q { color: rgb(1, 2, 3); background: url(/none.png) }</style><em id="q"></em>')
  .find('#q').css('color') + $(at).html()
$(at).html('<video poster="/none.png"><source src="/none.mp4"><track src="/none.vtt"></video>')
  .find('video').prop('poster') + $(at).html()
$(at).html('<object data="/none.svg"></object><embed src="/none.svg">').html()
$(at).html('<a onclick="window.clicked = 1">').find('a').trigger('click').length + String(window.clicked)
$('<script>').text('window.third = typeof document.currentScript').appendTo('head').length + String(window.third)
$('<link rel="stylesheet" href="/none.css">').appendTo('head').prop('href').replace(location.origin, '')
$.parseHTML('<p>1</p><script>0</' + 'script><p>2', document, true).map(each => each.outerHTML).join()
$(at).load === undefined ? '' : typeof $(at).load
$(at).replaceWith('<div id="at">new</div>'), at = document.getElementById('at'), at.outerHTML
await $.get('/data.json').then(said => JSON.stringify(said))
await $.ajax({url: '/data.json', method: 'POST', data: {a: [1, 2]}, dataType: 'json'})
  .then((_, status, xhr) => status + xhr.status + xhr.responseText)
await $.getScript('/code.js').then(() => window.fetched)
await $.ajax('/missing').then(() => 'there', xhr => xhr.status + xhr.statusText)
await new Promise(done => $(at).load('/part.html #two', function () { done(this.innerHTML) }))
await new Promise(done => $('<img>').on('error', event => done(event.type + event.target.src))
  .attr('src', '/none.png?f'))
await new Promise(done => $('<script src="/code.js">').on('load', () => done('loaded'))[0]
  && done(typeof window.fetched))
await fetch('/data.json').then(said => said.url.replace(location.origin, '') + said.status + said.type)
await new Promise(done => { const xhr = new XMLHttpRequest(); xhr.open('GET', '/data.json'); xhr.responseType = 'json';
  xhr.onload = () => done(JSON.stringify(xhr.response) + xhr.responseURL.length); xhr.send() })
await new Promise(done => {
  const w = new Worker(URL.createObjectURL(new Blob(['postMessage([name, typeof importScripts])'])), {name: 'w'});
  w.onmessage = event => done(event.data.join()) })
(document.cookie = 'a=b; path=/', localStorage.setItem('k', 'v'), localStorage.k2 = 'w',
  document.cookie.includes('a=b') + localStorage.getItem('k') + Object.keys(localStorage))
"""

# All that can be asked about the functions and properties of the page's world, by the path that leads to each.
WORLD = """() => {
    const ask = Function.prototype.toString;
    const seen = {};
    const functions = Object.getOwnPropertyNames(window).filter(each => typeof window[each] === 'function').sort();
    const facts = (value) => (typeof value === 'function'
        ? [value.name, value.length, ask.call(value), 'prototype' in value,
            Object.getOwnPropertyNames(value).sort().join()].join(' | ')
        : typeof value);
    const visit = (object, path) => {
        if (!object) return;
        for (const key of Reflect.ownKeys(object)) {
            const descriptor = Object.getOwnPropertyDescriptor(object, key);
            const here = path + '.' + String(key);
            const flags = ['configurable', 'enumerable', 'writable'].filter(each => descriptor[each]).join();
            seen[here] = flags + ' / ' + ('value' in descriptor ? facts(descriptor.value)
                : 'get ' + facts(descriptor.get) + ' / set ' + facts(descriptor.set));
            // Two names of one thing stay that.
            const global = path === 'window' && typeof descriptor.value === 'function';
            if (global) seen[here + ' is also'] = functions.filter(each => window[each] === descriptor.value).join();
            if (path.endsWith('.prototype') && key === 'constructor') {
                seen[here + ' leads back'] = String(descriptor.value && descriptor.value.prototype === object);
            }
            if (global || key === 'prototype' && path !== 'window') visit(descriptor.value, here);
        }
    };
    visit(window, 'window');
    return seen;
}"""


@dataclass(frozen=True, slots=True)
class Addresses:
    """One site, without Consentry and behind it."""

    bare: str
    guarded: str


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Site, Server]]:
    site = Site()
    site.page(
        "/",
        b"<!doctype html><title>shop</title><link rel=icon href=data:,>"
        b"<div id=at></div><script src=/jquery.js></script>",
    )
    site.page("/jquery.js", package_file("jquery", PACKAGES["jquery"], "dist/jquery.js"), JAVASCRIPT)
    site.page("/data.json", b'{"a": [1, {"b": null}]}', "application/json")
    site.page("/code.js", b"window.fetched = (window.fetched || 0) + 1;", JAVASCRIPT)
    site.page("/part.html", b'<p id="one">1</p><p id="two">2<img src="/none.png"></p>')
    server = Server(site)
    yield site, server
    server.close()


@pytest.fixture(scope="module")
def addresses(
    site: tuple[Site, Server], confdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    with Proxy(site[1].url, "--confdir", str(confdir), folder=tmp_path_factory.mktemp("work")) as proxy:
        yield Addresses(f"http://localhost:{site[1].port}", f"http://localhost:{proxy.port}")


def lay_out(site: Site, package: str, file: str) -> str:
    """Put a package's own test page, with all that it loads, on the site; returns its path."""
    path = f"{MODULES}/{package}/{file}"
    body = package_file(package, PACKAGES[package], file)
    site.page(path, body)
    for reference in LOADS.findall(body):
        found = (Path(path).parent / reference.decode()).as_posix()
        while "/../" in found:
            found = re.sub(r"/[^/]+/\.\./", "/", found, count=1)
        # A package of its own in the package's folder is beside it here.
        owner, _, inside = found.removeprefix(f"{MODULES}/").removeprefix(f"{package}/node_modules/").partition("/")
        content = package_file(owner, PACKAGES[owner], inside)
        site.page(found, content, "text/css" if found.endswith(".css") else JAVASCRIPT)
    return path


def both(browser: Browser, addresses: Addresses, path: str, look: Any) -> tuple[Any, Any]:
    """What a page shows without Consentry, and behind it."""
    seen = []
    for address in (addresses.bare, addresses.guarded):
        with browser.visitor() as visit:
            visit.open(address + path)
            assert visit.page.evaluate("'consentry' in window") == (address == addresses.guarded)
            seen.append((look(visit), [error.replace(address, "") for error in visit.errors]))
    return seen[0], seen[1]


@pytest.mark.parametrize(
    "suite", [("bonzo", "tests/tests.html"), ("qwery", "tests/index.html")], ids=["bonzo", "qwery"]
)
def test_a_librarys_own_tests_end_as_they_do_without_the_guard(
    browser: Browser, network: Network, addresses: Addresses, site: tuple[Site, Server], suite: tuple[str, str]
) -> None:
    def outcomes(visit: Visit) -> list[list[Any]]:
        visit.page.wait_for_selector("#tests.sink-done, #tests.sink-pass", state="attached", timeout=120_000)
        return list(visit.page.evaluate(OUTCOMES))

    bare, guarded = both(browser, addresses, lay_out(site[0], *suite), outcomes)
    # The control: the tests did run, and nearly all of them pass.
    passed = [outcome for outcome in bare[0] if outcome[0] == "pass"]
    assert len(passed) > 60
    assert guarded == bare


def test_what_pages_do_with_jquery_ends_as_it_does_without_the_guard(
    browser: Browser, network: Network, addresses: Addresses
) -> None:
    steps = re.split(r"\n(?! )", JQUERY.strip())
    code = """async (steps) => {
        const said = [];
        for (const step of steps) {
            try { said.push([step, String(await window.step(step))]) }
            catch (error) { said.push([step, 'threw ' + error]) }
        }
        return said;
    }"""
    arms = """window.at = document.getElementById('at');
        window.step = (step) => (0, eval)('(async () => (' + step + '))()')"""

    def results(visit: Visit) -> list[list[str]]:
        visit.page.evaluate(arms)
        said = visit.page.evaluate(code, steps)
        origin = visit.page.evaluate("location.origin")
        return [[step, value.replace(origin, "")] for step, value in said]

    bare, guarded = both(browser, addresses, "/", results)
    assert not [value for step, value in bare[0] if value.startswith("threw")]
    assert guarded == bare


def test_no_function_of_the_browser_looks_different(browser: Browser, network: Network, addresses: Addresses) -> None:
    bare, guarded = both(browser, addresses, "/", lambda visit: visit.page.evaluate(WORLD))
    before, after = bare[0], guarded[0]
    assert len(before) > 5000
    # Where Chromium has CSS properties on no prototype, those that fetch stand on one, as the standard has it (CSSOM).
    styles = "window.CSSStyleDeclaration.prototype."
    assert {path for path in after.keys() - before.keys() if not path.startswith(styles)} == {"window.consentry"}
    assert before.keys() - after.keys() == set()
    assert [(path, before[path], after[path]) for path in before if before[path] != after[path]] == []
