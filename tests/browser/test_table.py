"""The page decides from the compiled table as the core does."""

from __future__ import annotations

import gzip
import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from proxy_addon.browser.assets import consent_state
from proxy_addon.browser.table import Tables, wanted
from proxy_addon.catalogue.index import grams
from proxy_addon.catalogue.load import load_rules
from proxy_addon.catalogue.match import Catalogue
from proxy_addon.catalogue.model import Match
from proxy_addon.catalogue.urls import split
from proxy_addon.consent.cookie import parse_cookie
from proxy_addon.consent.model import CATEGORIES, Consent
from proxy_addon.consent.regimes import regimes
from proxy_addon.policy import decide
from tests.kit.many import VENDORS, compile_rules, domain, is_known_well, made, name, write_rules

pytestmark = pytest.mark.once

DECIDE = Path(__file__).parents[2] / "proxy_addon" / "browser" / "decide.js"
RULES = load_rules()
CATALOGUE = RULES.catalogue
TABLES = Tables(CATALOGUE)
REGIMES = regimes(RULES.regimes)
RUN = """
const fs = require('fs');
let rest = '';
function line() {
  const chunk = Buffer.alloc(65536);
  while (!rest.includes('\\n')) rest += chunk.toString('latin1', 0, fs.readSync(0, chunk));
  const [found] = rest.split('\\n', 1);
  rest = rest.slice(found.length + 1);
  return JSON.parse(found);
}
const say = (what) => fs.writeSync(1, JSON.stringify(what) + '\\n');
const said = new Map();
const ask = (query) => {
  if (!said.has(query)) { say({ ask: query }); said.set(query, line()); }
  return said.get(query);
};
const { decide, table, cases, cookies, silent } = line();
const consentryDecide = new Function(decide + '; return consentryDecide;')();
const answers = cases.map(({ at, urls, snippets, names, keys }) => {
  const core = consentryDecide(table, at, silent ? () => null : ask);
  return {
    urls: urls.map(([url, attributes]) => core.held(new URL(url), attributes)),
    snippets: snippets.map((code) => core.heldSnippet(code)),
    names: names.map((name) => core.heldCookie(name)),
    keys: (keys || []).map(([key, area]) => core.heldStorage(key, area)),
  };
});
const reader = consentryDecide(table, { consent: {}, law: {}, plain: null });
say({ answers, cookies: cookies.map((value) => reader.read('consentry=' + value)) });
"""


def node(question: dict[str, Any], run: str = RUN, tables: Tables = TABLES) -> dict[str, Any]:
    """What the page answers to a question; `asked` in it is what it asked the proxy meanwhile."""
    asked: list[str] = []
    with subprocess.Popen(["node", "-e", run], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as page:
        assert page.stdin
        assert page.stdout
        told: dict[str, Any] = {"ask": None}
        said: Any = question
        while "ask" in told:
            page.stdin.write(json.dumps(said) + "\n")
            page.stdin.flush()
            told = json.loads(page.stdout.readline())
            if "ask" in told:
                asked.append(told["ask"])
                said = tables.answer(wanted(told["ask"])).rules
    assert page.returncode == 0
    return {**told, "asked": asked}


# As a TC string refuses vendors, one wholly for what it needs and one in part.
REFUSED = {"linkedin-insight-tag": frozenset({"marketing"}), "google": frozenset({"analytics"})}


def law(regime: str) -> dict[str, Any]:
    known = REGIMES[regime]
    return {"regime": regime, "unset": dict(known.unset), "gpc_denies": sorted(known.gpc_denies)}


def consents() -> list[Consent]:
    said = [
        {},
        {"analytics": True},
        {"analytics": False, "marketing": True},
        {"functional": True, "analytics": True, "marketing": False},
        dict.fromkeys(CATEGORIES, True),
        dict.fromkeys(CATEGORIES, False),
    ]
    exceptions: list[dict[str, bool]] = [{}, {"segment": True, "meta-pixel": True}, {"segment": False}]
    presets: list[dict[str, bool]] = [{"analytics": False, "marketing": True}, dict.fromkeys(CATEGORIES, False)]
    return [
        *(Consent(each, vendors, gpc=gpc) for each in said for vendors in exceptions for gpc in (False, True)),
        *(Consent(each, gpc=gpc, implied=preset) for each in said[:3] for preset in presets for gpc in (False, True)),
        *(Consent(each, vendors, refused=REFUSED) for each in said for vendors in exceptions),
    ]


def consent_in(said: dict[str, Any]) -> Consent:
    refused = {vendor: frozenset(names) for vendor, names in said["refused"].items()}
    return Consent(said["categories"], said["vendors"], gpc=said["gpc"], implied=said["implied"], refused=refused)


@pytest.fixture(scope="module")
def answers() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    vendors = CATALOGUE.vendors.values()
    urls = [
        *((example.url, list(example.attributes)) for vendor in vendors for example in vendor.examples.match),
        *((url, list[str]()) for vendor in vendors for url in vendor.examples.passes),
    ]
    snippets = [example.code for vendor in vendors for example in vendor.examples.snippets]
    snippets += [code for vendor in vendors for code in vendor.examples.pass_snippets]
    names = [name for vendor in vendors for name in (*vendor.examples.cookies, *vendor.examples.pass_cookies)]
    cases: list[dict[str, Any]] = []
    # A case in five: which ones differs from category to category, so that all pairs occur.
    for consent, regime, strict, site in list(
        itertools.product(consents(), ("gdpr", "ccpa", "popia"), (False, True), ("", "segment.com"))
    )[::5]:
        at = {
            "site": site,
            "consent": consent_state(consent),
            "law": law(regime),
            "strict": strict,
        }
        # Each with a part of the questions, another one each time, so that every question meets many consents.
        part = slice(len(cases) % 13, None, 13)
        cases.append({"at": at, "urls": urls[part], "snippets": snippets[part], "names": names})
    question = {"decide": DECIDE.read_text("utf-8"), "table": TABLES.common(), "cases": cases}
    answered = node({**question, "cookies": []})["answers"]
    return list(zip(cases, answered, strict=True))


def verdict_of(case: dict[str, Any], url: str, attributes: list[str]) -> str:
    at = case["at"]
    consent = consent_in(at["consent"])
    match = CATALOGUE.match(url, site=at["site"] or None, attributes=attributes)
    verdict = decide(match, consent, REGIMES[at["law"]["regime"]], strict_labels=at["strict"])
    return (verdict.vendor or "") if verdict.blocks else ""


def test_every_example_url_gets_the_verdict_of_the_core(answers: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    for case, answer in answers:
        expected = [verdict_of(case, url, attributes) for url, attributes in case["urls"]]
        differing = [
            (url, want, got)
            for (url, _), want, got in zip(case["urls"], expected, answer["urls"], strict=True)
            if want != got
        ]
        assert differing == [], case["at"]


def test_every_example_snippet_gets_the_verdict_of_the_core(
    answers: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    for case, answer in answers:
        consent = consent_in(case["at"]["consent"])
        regime = REGIMES[case["at"]["law"]["regime"]]
        for code, got in zip(case["snippets"], answer["snippets"], strict=True):
            verdicts = [decide(match, consent, regime) for match in CATALOGUE.match_snippets(code)]
            want = " ".join(dict.fromkeys(verdict.vendor or "" for verdict in verdicts if verdict.blocks))
            assert got == want, code[:80]


def test_a_cookie_value_reads_the_same_in_the_page() -> None:
    values = [
        "v=1&functional=granted&analytics=denied&marketing=granted",
        "v=1&analytics=granted&analytics=denied",
        "v=1&vendor.segment=granted&vendor.hotjar=denied",
        "v=2&analytics=granted",
        "analytics=granted",
        "v%3D1%26analytics%3Dgranted",
        "v=1&analytics=yes&unknown=granted",
        "",
        "v=1",
        "&&&",
        "v=1&vendor.__proto__=granted&__proto__=granted",
    ]
    question = {"decide": DECIDE.read_text("utf-8"), "table": TABLES.common(), "cases": []}
    read = node({**question, "cookies": values})["cookies"]
    for value, got in zip(values, read, strict=True):
        expected = parse_cookie(value)
        assert (got["categories"], got["vendors"]) == (dict(expected.categories), dict(expected.vendors)), value


def test_a_hint_to_a_host_is_held_while_nothing_there_may_be_asked_for() -> None:
    at: dict[str, Any] = {"site": "shop.test", "law": law("gdpr"), "strict": False}
    run = RUN.replace(
        "core.held(new URL(url), attributes)", "core.held(new URL(url), attributes) && core.heldHost(new URL(url))"
    )
    urls: list[tuple[str, list[str]]] = [
        ("https://www.googletagmanager.com/", []),
        ("https://www.google.com/", []),
        ("https://example.com/", []),
    ]
    said: list[dict[str, bool]] = [{}, {"analytics": True}]
    cases: list[dict[str, Any]] = [
        {
            "at": {**at, "consent": {"categories": each, "vendors": {}, "gpc": False}},
            "urls": urls,
            "snippets": [],
            "names": [],
        }
        for each in said
    ]
    question = {"decide": DECIDE.read_text("utf-8"), "table": TABLES.common(), "cases": cases}
    answered = node({**question, "cookies": []}, run)["answers"]
    assert [answer["urls"] for answer in answered] == [["google", "", ""], ["", "", ""]]


def test_no_example_url_is_one_that_a_browser_refuses() -> None:
    for vendor in CATALOGUE.vendors.values():
        for example in vendor.examples.match:
            assert split(example.url) is not None, example.url


# What a page may meet of which no file says anything.
STRANGERS = [
    f"https://{host}/{path}" for host in ("a.test", "b.c.example", "xn--bcher-kva.example") for path in ("", "x.js")
]
PLAIN_AT: dict[str, Any] = {
    "site": "shop.test",
    "law": law("gdpr"),
    "strict": False,
    "consent": consent_state(Consent()),
}


def ask_page(tables: Tables, silent: bool = False, **asked: list[Any]) -> dict[str, Any]:
    """What a page of shop.test answers, whose visitor has said nothing."""
    case = {"at": PLAIN_AT, "urls": [], "snippets": [], "names": [], "keys": [], **asked}
    question = {"decide": DECIDE.read_text("utf-8"), "table": tables.common(), "cases": [case], "cookies": []}
    told = node({**question, "silent": silent}, tables=tables)
    answer: dict[str, Any] = {**told["answers"][0], "asked": told["asked"]}
    return answer


def test_what_the_sieves_rule_out_is_not_asked_for() -> None:
    answer = ask_page(
        TABLES,
        urls=[(url, []) for url in STRANGERS],
        snippets=["let a = 1; const b = () => a + 1;"],
        names=["basket", "wishlist"],
        keys=[("lamp", "local")],
    )
    assert answer == {"urls": [""] * 6, "snippets": [""], "names": ["", ""], "keys": [""], "asked": []}


def test_a_host_is_asked_for_once_and_brings_all_else_of_its_vendor() -> None:
    urls = [
        "https://static.hotjar.com/c/hotjar-1.js",
        "https://script.hotjar.com/modules.js",
        "https://in.hotjar.com/x",
    ]
    answer = ask_page(
        TABLES, urls=[(url, []) for url in urls], names=["_hjSession_1"], keys=[("_hjUserAttributes", "local")]
    )
    assert (answer["urls"], answer["names"], answer["keys"]) == (["hotjar"] * 3, ["hotjar"], ["hotjar"])
    assert answer["asked"] == ["&host=static.hotjar.com"]


def test_where_nobody_answers_what_cannot_be_ruled_out_is_held_for_an_unknown_vendor() -> None:
    answer = ask_page(
        TABLES,
        silent=True,
        urls=[("https://static.hotjar.com/c/hotjar-1.js", []), *((url, []) for url in STRANGERS)],
        snippets=["window._hjSettings = { hjid: 1 }; document.createElement('script')", "let a = 1;"],
        names=["_hjSession_1", "basket"],
        keys=[("_hjUserAttributes", "local"), ("lamp", "local")],
    )
    assert answer["urls"] == ["unknown", *([""] * 6)]
    assert (answer["snippets"], answer["names"], answer["keys"]) == (["unknown", ""], ["unknown", ""], ["unknown", ""])


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """A catalogue of ten thousand vendors more."""
    folder = tmp_path_factory.mktemp("many")
    compile_rules(write_rules(folder / "rules"), folder / "cache")
    return load_rules([folder / "rules"], folder / "cache").catalogue


def test_with_ten_thousand_vendors_the_page_says_what_the_core_says(many: Catalogue) -> None:
    chosen = range(0, VENDORS, 97)
    files = [made(vendor) for vendor in chosen]
    urls = [example["url"] for file in files for example in file["examples"]["match"]]
    urls += [url for file in files for url in file["examples"]["pass"]] + STRANGERS
    urls += [
        example.url
        for vendor in CATALOGUE.vendors.values()
        for example in vendor.examples.match
        if not example.attributes
    ]
    codes = [example["code"] for file in files for example in file["examples"].get("snippets", ())]
    codes += [example.code for vendor in CATALOGUE.vendors.values() for example in vendor.examples.snippets]
    names = [cookie["name"].replace("*", "1") for file in files for cookie in file["cookies"]] + ["basket"]
    keys = [key["key"] for file in files for key in file.get("storage", ())]
    answer = ask_page(
        Tables(many),
        urls=[(url, []) for url in urls],
        snippets=codes,
        names=names,
        keys=[(key, "local") for key in keys],
    )
    gdpr = REGIMES["gdpr"]

    def verdict(match: Match | None) -> str:
        said = decide(match, Consent(), gdpr)
        return (said.vendor or "") if said.blocks else ""

    assert answer["urls"] == [verdict(many.match(url, site="shop.test")) for url in urls]
    said = (dict.fromkeys(verdict(match) for match in many.match_snippets(code)) for code in codes)
    assert answer["snippets"] == [" ".join(vendors) for vendors in said]
    assert answer["names"] == [verdict(many.match_cookie(name)) for name in names]
    assert answer["keys"] == [name(vendor) for vendor in chosen if is_known_well(vendor)]
    assert {*answer["urls"]} > {name(vendor) for vendor in chosen if vendor % 3}


def test_every_answer_and_what_every_page_gets_is_small_however_many_vendors_there_are(many: Catalogue) -> None:
    tables = Tables(many)
    assert len(gzip.compress(json.dumps(tables.common()).encode())) < 6_000
    for query in (
        "&host=a.b.c",
        f"&host={domain(5)}",
        "&vendor=google",
        "&gram=" + "&gram=".join(sorted(grams("document.createElement"))),
    ):
        assert len(gzip.compress(json.dumps(tables.answer(wanted(query)).rules).encode())) < 8_000
