"""The page filters what a router sends and gets as the core does: one set of vectors is put to both."""

from __future__ import annotations

import json
import subprocess
from functools import lru_cache
from typing import Any

import pytest

from proxy_addon.browser.assets import BASE, assemble
from proxy_addon.catalogue.load import load
from proxy_addon.consent.model import CATEGORIES
from proxy_addon.own import script_answer
from tests.rewrite.routers import VECTORS, relay

from .test_table import DECIDE

pytestmark = pytest.mark.once

# Makes a router's filter as a page makes it; `put` says what is asked of it.
RUN = """
const fs = require('fs');
const { decide, routers, table, cases } = JSON.parse(fs.readFileSync(0, 'utf8'));
const consentryDecide = new Function(decide + '; return consentryDecide;')();
globalThis.document = undefined;
const made = new Promise((resolve) => {
  globalThis.self = { dispatchEvent: (event) => resolve(event.detail) };
});
globalThis.CustomEvent = class { constructor(type, init) { this.detail = init.detail; } };
new Function(routers)();
(async () => {
  const make = await made, answers = [];
  for (const each of cases) {
    const { consent, law, categories = {}, active = {} } = each;
    const said = { categories: {}, vendors: {}, implied: {}, ...consent };
    const at = { site: '', consent: said, law, strict: false, routing: { categories, active } };
    const rows = [], core = consentryDecide(table, at);
    const host = { nothing: () => 'nothing', note: (way, events) => rows.push(events), blob: () => undefined };
    const router = make(core, at, host);
    answers.push(await put(each, { at, core, router, rows }));
  }
  console.log(JSON.stringify(answers));
})();
"""
VECTOR = """
const put = (each, { router }) => {
  if ('settings' in each) {
    const found = router.settings('relay', each.settings);
    return found && { text: found.text, active: [...found.active].sort(), refused: found.refused };
  }
  if ('listing' in each) {
    const found = router.listed('relay', each.listing);
    return found && [...found].sort();
  }
  const found = router.event('relay', each.event, each.connected && new Set(each.connected));
  return found && { text: found.text, events: found.events };
};
"""


@lru_cache(maxsize=1)
def scripts() -> dict[str, Any]:
    catalogue = relay()
    assets = assemble(catalogue, banner=False)
    return {
        "decide": DECIDE.read_text("utf-8"),
        "routers": assets.routers,
        "table": json.loads(json.dumps(assets.table(("relay", "segment")))),
    }


def node(cases: list[dict[str, Any]], put: str) -> list[Any]:
    question = json.dumps({**scripts(), "cases": cases})
    said = subprocess.run(["node", "-e", put + RUN], input=question, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr[-2000:]
    answers: list[Any] = json.loads(said.stdout)
    return answers


def asked(vector: dict[str, Any]) -> dict[str, Any]:
    """A vector as a case of ours: what is connected is no list of what `at` knows to be."""
    rest = {name: value for name, value in vector.items() if name not in ("regime", "active")}
    return {**rest, "law": vector["regime"], "connected": vector.get("active")}


@pytest.fixture(scope="module")
def answers() -> list[Any]:
    return node([asked(vector) for vector in VECTORS], VECTOR)


@pytest.mark.parametrize("index", range(len(VECTORS)), ids=lambda index: VECTORS[index].get("name", str(index)))
def test_a_vector_gets_the_answer_of_the_core(index: int, answers: list[Any]) -> None:
    assert answers[index] == VECTORS[index]["expect"]


# ---- What the vectors do not ask: requests, and bodies that are no text.

LAW = {"regime": "gdpr", "unset": dict.fromkeys(CATEGORIES, False), "gpc_denies": []}
ANALYTICS = {"categories": {"functional": False, "analytics": True, "marketing": False}}
EVERYTHING = {"categories": dict.fromkeys(CATEGORIES, True)}
EVENT = '{"writeKey":"K1","type":"track","event":"Ordered","properties":{"a":1.0,"b":1e400}}'
SETTINGS = '{"integrations":{"Relay":{"apiKey":"K1"},"Ads":{"n":1.0},"Tally":{"n":1.0}}}'
FILTERED = (
    '{"writeKey":"K1","type":"track","event":"Ordered","properties":{"a":1.0,"b":1e400},"integrations":%s,'
    '"context":{"consent":{"preferences":{"functional":false,"analytics":true,"marketing":false}}}}'
)
KNOWN = FILTERED % '{"Tally":true,"All":false,"Ads":false,"Ads (Actions)":false}'
UNKNOWN = FILTERED % '{"Meter":true,"Tally":true,"All":false}'
TOOLS = """
const way = (part, url, method, stranger = false) => ({ router: 'relay', part, stranger, url: new URL(url), method });
const api = (path = 'v1/t', method = 'POST') => way(3, 'https://api.relay.test/' + path, method);
const shop = () => way(3, 'https://shop.test/t', 'POST', true);
const cdn = (part = 1) => way(part, 'https://cdn.relay.test/sources/K1/settings', 'GET');
const text = async (body) => (typeof body === 'string' ? body : new Response(body).text());
const through = async (data, stream) => new Response(new Blob([data]).stream().pipeThrough(stream)).arrayBuffer();
const put = async (each, { at, core, router, rows }) => { ASK };
"""


def ask(code: str, **case: Any) -> Any:
    """What a piece of JavaScript returns that has a router's filter at hand, for a visitor who allows analytics."""
    return node([{"consent": ANALYTICS, "law": LAW, **case}], TOOLS.replace("ASK", code))[0]


BODIES = {
    "text": ("each.event", "typeof found === 'string'"),
    "an ArrayBuffer": ("new TextEncoder().encode(each.event).buffer", "ArrayBuffer.isView(found)"),
    "a view of a part": ("new TextEncoder().encode('##' + each.event).subarray(2)", "ArrayBuffer.isView(found)"),
    "a Blob": ("new Blob([each.event], { type: 'text/plain' })", "found.type === 'text/plain'"),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_of_events_is_filtered_as_the_kind_that_it_is(kind: str) -> None:
    made, same = BODIES[kind]
    code = f"const found = await router.filtered(api(), {made}); return [await text(found), {same}]"
    assert ask(code, event=EVENT, active={"relay": {"K1": ["Ads", "Tally"]}}) == [KNOWN, True]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("blob", [False, True])
def test_a_compressed_body_is_filtered_and_compressed_again(coding: str, blob: bool) -> None:
    code = f"""
      const data = await through(each.event, new CompressionStream('{coding}'));
      const found = await router.filtered(api(), {"new Blob([data])" if blob else "data"});
      return text(await through(found, new DecompressionStream('{coding}')));
    """
    assert ask(code, event=EVENT, active={"relay": {"K1": ["Ads", "Tally"]}}) == KNOWN


def test_a_body_that_unpacks_to_more_than_any_events_is_held() -> None:
    code = """
      const data = await through(new Uint8Array(9 << 20), new CompressionStream('gzip'));
      return [await router.filtered(api(), data), rows];
    """
    assert ask(code) == [None, [None]]


UNCLEAR = {
    "cut off": EVENT[:-2],
    "no object": "[]",
    "no event": '{"a":1}',
    "a batch in a batch": '{"batch":[{"type":"track","batch":[]}]}',
    "a batch of something else": '{"batch":[1]}',
    "nested deep": '{"type":"track","a":' + "[" * 3000 + "]" * 3000 + "}",
    "large": '{"type":"track","a":"' + "x" * (8 << 20) + '"}',
    "empty": "",
}


@pytest.mark.parametrize("what", UNCLEAR)
def test_what_is_not_understood_is_held_and_told(what: str) -> None:
    assert ask("return [await router.filtered(api(), each.event), rows]", event=UNCLEAR[what]) == [None, [None]]


@pytest.mark.parametrize("what", UNCLEAR)
def test_what_is_not_understood_passes_where_nothing_is_refused(what: str) -> None:
    code = "return (await router.filtered(api(), each.event)) === each.event"
    assert ask(code, event=UNCLEAR[what], consent=EVERYTHING) is True
    consent = {**EVERYTHING, "vendors": {"meter": False}}
    assert ask(code, event=UNCLEAR[what], consent=consent) is False


@pytest.mark.parametrize(
    "body",
    [
        "new URLSearchParams('a=1')",
        "new FormData()",
        "new Blob(['{']).stream()",
        "Uint8Array.of(255, 254)",
        "undefined",
    ],
)
def test_what_is_no_text_is_held_for_a_router_and_left_to_a_stranger(body: str) -> None:
    code = f"const body = {body}, found = (way) => router.filtered(way, body);"
    code += "return [await found(api()), await found(shop()) === body]"
    assert ask(code) == [None, True]


def test_five_megabytes_of_events_lose_nothing() -> None:
    noise = '"\\u0041\\"\\\\{":[1.0,1e400,12345678901234567890,-0,{"a":1,"a":2}],"_":null'
    batch = ",".join([f'{{"type":"track","n":{{{noise}}}}}'] * 60_000)
    event = f'{{"writeKey":"K1","batch":[{batch}]}}'
    assert len(event) > 5_000_000
    found = ask("return router.filtered(api(), each.event)", event=event)
    added = ',"integrations":{"Meter":true,"Tally":true,"All":false},"context":{"consent":{"preferences":'
    added += '{"functional":false,"analytics":true,"marketing":false}}}'
    assert found.replace(added, "") == event


def test_where_what_is_connected_is_not_known_only_what_is_listed_and_allowed_is_on() -> None:
    assert ask("return router.filtered(api(), each.event)", event=EVENT) == UNKNOWN
    # Another source's settings say nothing of this one.
    assert ask("return router.filtered(api(), each.event)", event=EVENT, active={"relay": {"K2": ["Ads"]}}) == UNKNOWN


def test_settings_that_pass_tell_what_is_connected() -> None:
    code = """
      const seen = [], original = async (...given) => {
        seen.push(given);
        return new Response(each.settings, { status: 200, headers: { 'x-a': 'b' } });
      };
      const answer = await router.fetch(cdn(), original, globalThis, [cdn().url.href, { mode: 'cors' }]);
      const said = [await answer.text(), answer.status, answer.headers.get('x-a')];
      return [...said, seen, await router.filtered(api(), each.event)];
    """
    assert ask(code, settings=SETTINGS, event=EVENT) == [
        '{"integrations":{"Relay":{"apiKey":"K1"},"Tally":{"n":1.0}}}',
        200,
        "b",
        [["https://cdn.relay.test/sources/K1/settings", {"mode": "cors"}]],
        KNOWN,
    ]


@pytest.mark.parametrize("settings", ["", "{", "[]", "<html>", '{"a":1}', "[" * 3000 + "]" * 3000])
def test_settings_that_are_not_understood_connect_nothing(settings: str) -> None:
    code = "return (await router.fetch(cdn(), async () => new Response(each.settings), globalThis, ['']))" + ".text()"
    assert ask(code, settings=settings) == "{}"


def test_settings_that_refuse_nothing_are_the_answer_itself() -> None:
    code = """
      const answer = new Response(each.settings);
      return (await router.fetch(cdn(), async () => answer, globalThis, [''])) === answer && answer.text();
    """
    assert ask(code, settings=SETTINGS, consent=EVERYTHING) == SETTINGS


@pytest.mark.parametrize(("status", "body"), [(404, "gone"), (204, None)])
def test_an_answer_that_is_none_stays_as_it_is(status: int, body: str | None) -> None:
    code = """
      const answer = new Response(each.body, { status: each.status });
      return (await router.fetch(cdn(), async () => answer, globalThis, [''])) === answer && answer.text();
    """
    assert ask(code, status=status, body=body) == (body or "")


def test_what_a_stranger_sends_is_sent_as_it_is() -> None:
    code = """
      const seen = [], original = async (input, init) => { seen.push([input, init && init.body]); };
      const request = new Request(shop().url, { method: 'POST', body: 'a=1' }), blob = new Blob(['']);
      const packed = await through(new TextEncoder().encode(''), new CompressionStream('gzip'));
      for (const given of [[request], ['', { body: blob }], ['', { body: packed }]]) {
        await router.fetch(shop(), original, globalThis, given);
      }
      return seen[0][0] === request && !request.bodyUsed && seen[1][1] === blob && seen[2][1] === packed;
    """
    assert ask(code) is True


def test_a_listing_is_read_and_passes_whole() -> None:
    code = """
      const answer = await router.fetch(cdn(2), async () => new Response(each.listing), globalThis, ['']);
      return [await answer.text(), await router.filtered(api(), each.event)];
    """
    listing = '[{"name":"Ads"},{"name":"Tally"}]'
    assert ask(code, listing=listing, event=EVENT) == [listing, KNOWN]


def test_a_request_keeps_all_but_its_body() -> None:
    code = """
      const seen = [], url = api().url.href, original = async (input, init) => {
        seen.push(new Request(input, init));
        return new Response();
      };
      const headers = { 'content-type': 'text/plain', authorization: 'Basic a' };
      const init = { method: 'POST', body: each.event, keepalive: true, headers };
      class Init {
        get method() { return 'POST'; }
        get body() { return each.event; }
        get headers() { return headers; }
        get keepalive() { return true; }
      }
      for (const given of [[url, init], [new Request(url, init)], [url, new Init()]]) {
        await router.fetch(api(), original, globalThis, given);
      }
      return Promise.all(seen.map(async (request) => {
        const fields = Object.keys(headers).map((name) => request.headers.get(name));
        return [request.method, request.url, request.keepalive, ...fields, await request.text()];
      }));
    """
    sent = ["POST", "https://api.relay.test/v1/t", True, "text/plain", "Basic a", UNKNOWN]
    assert ask(code, event=EVENT) == [sent, sent, sent]


def test_a_text_that_a_page_sends_as_it_goes_is_sent_at_once() -> None:
    code = """
      let sent = 0;
      const original = async () => { sent++; };
      router.fetch(api(), original, globalThis, ['', { method: 'POST', body: each.event }]);
      return sent;
    """
    assert ask(code, event=EVENT) == 1


def test_a_held_event_is_not_sent_and_answered_with_nothing() -> None:
    code = """
      return router.fetch(api(), () => { throw new Error('sent'); }, globalThis, ['', { method: 'POST', body: '{' }]);
    """
    assert ask(code) == "nothing"


def test_a_body_on_another_host_is_a_routers_by_its_shape_only() -> None:
    code = """
      return [each.event, '{"type":"track"}', 'a=1'].map((body) => router.filtered(shop(), body));
    """
    assert ask(code, event=EVENT) == [UNKNOWN, '{"type":"track"}', "a=1"]
    # Without the router's own category none of its events goes anywhere.
    refused = {"categories": {"functional": True, "analytics": False, "marketing": True}}
    assert ask(code, event=EVENT, consent=refused) == [None, '{"type":"track"}', "a=1"]


def test_settings_on_another_host_are_filtered_by_their_shape_only() -> None:
    code = """
      const stranger = { ...cdn(), stranger: true };
      const answer = (text) => router.fetch(stranger, async () => new Response(text), globalThis, ['']);
      return Promise.all([each.settings, '{"a":1}', '<html>'].map(async (text) => (await answer(text)).text()));
    """
    assert ask(code, settings=SETTINGS) == [
        '{"integrations":{"Relay":{"apiKey":"K1"},"Tally":{"n":1.0}}}',
        '{"a":1}',
        "<html>",
    ]


def test_what_a_request_is_to_a_router() -> None:
    code = """
      const found = each.urls.map(([url, method]) => core.way(new URL(url), method));
      return found.map((way) => way && [way.part, way.stranger]);
    """
    urls = {
        ("https://cdn.relay.test/sources/K1/settings", "GET"): [1, False],
        ("https://cdn.relay.test/sources/K1/list", "GET"): [2, False],
        ("https://api.relay.test/v1/t", "POST"): [3, False],
        ("https://api.relay.test/v1/t", "GET"): None,
        ("https://cdn.relay.test/sources/K1/settings", "POST"): None,
        ("https://else.relay.test/x", "POST"): [3, False],
        ("https://api.relay.test/v1/health", "POST"): None,
        ("https://api.relay.test/v1/pixel/t", "GET"): None,
        ("https://shop.test/sources/K1/settings", "GET"): [1, True],
        ("https://shop.test/sources/K1/settings", "POST"): None,
        ("https://shop.test/api/track", "POST"): [3, True],
        ("https://shop.test/api/track", "GET"): None,
        ("https://shop.test/", "POST"): None,
    }
    assert ask(code, urls=list(urls)) == list(urls.values())
    # A router that may not run at all is held as ever.
    refused: dict[str, Any] = {"categories": {}}
    assert [found for found in ask(code, urls=list(urls), consent=refused) if found and not found[1]] == []


def test_events_in_an_address_are_held_unless_everything_is_granted() -> None:
    code = "return each.urls.map((url) => core.held(new URL(url)))"
    urls = [
        "https://api.relay.test/v1/pixel/t?data=e30=",
        "https://api.relay.test/v1/t?data=e30=",
        "https://api.relay.test/v1/t",
    ]
    assert ask(code, urls=urls) == ["relay", "relay", ""]
    assert ask(code, urls=urls, consent=EVERYTHING) == ["", "", ""]


def test_a_router_whose_policy_is_strict_needs_what_its_destinations_need() -> None:
    code = """
      at.routing.needs = { relay: ['analytics', 'marketing'] };
      const script = new URL('https://cdn.relay.test/js/K1/relay.js');
      return [core.held(script), core.heldVendor('relay'), core.heldSnippet('window.relay.load("K1")')];
    """
    assert ask(code) == ["relay", True, "relay"]
    assert ask(code, consent=EVERYTHING) == ["", False, ""]


def test_a_choice_for_a_vendor_counts_for_what_the_router_forwards_to_it() -> None:
    active = {"relay": {"K1": ["Meter", "Tally"]}}
    consent = {**EVERYTHING, "vendors": {"meter": False}}
    found = json.loads(ask("return router.filtered(api(), each.event)", event=EVENT, consent=consent, active=active))
    assert found["integrations"] == {"Meter": False, "Actions Meter": False}


def test_evidence_says_where_each_event_went_and_nothing_of_the_visitor() -> None:
    event = (
        '{"writeKey":"K1","type":"track","event":"Ordered","userId":"jane","properties":{"mail":"jane@example.com"}}'
    )
    active = {"relay": {"K1": ["Ads", "Tally"]}}
    rows = ask("router.filtered(api(), each.event); return rows", event=event, active=active)
    assert rows == [[{"kind": "track", "title": "Ordered", "kept": ["Tally"], "off": ["Ads"], "site": []}]]


def test_the_script_that_ships_is_one_and_comes_apart_from_the_guard() -> None:
    catalogue = load()
    assets = assemble(catalogue, banner=False)
    said = subprocess.run(["node", "--check", "-"], input=assets.routers, capture_output=True, text=True, check=False)
    assert said.stderr == ""
    # Most sites have no router: its destinations have too many names to come with every page.
    assert '"Actions Amplitude"' in assets.routers
    assert "Actions Amplitude" not in assets.guard() + assets.scope() + assets.worker
    answer = script_answer(assets, f"{BASE}routers.js?v={assets.version}", {})
    assert answer.body == assets.routers.encode()
    assert ("cache-control", "public, max-age=31536000, immutable") in answer.headers
    assert ("cache-control", "no-store") in script_answer(assets, f"{BASE}routers.js?v=other", {}).headers
