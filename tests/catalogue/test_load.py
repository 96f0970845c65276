"""Rules folders become a catalogue, or one sentence that says what is wrong and where."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy_addon.catalogue import cache as caching
from proxy_addon.catalogue import load as loading
from proxy_addon.catalogue import values, yamlfile
from proxy_addon.catalogue.load import load, load_rules
from proxy_addon.catalogue.yamlfile import RulesError

from ..small import ACME, ship, write


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return ship(tmp_path / "shipped", monkeypatch)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine"


BETA = ACME.replace("acme", "beta").replace("Acme", "Beta").replace("The Counter", "The Tally")


def refusal(folder: Path) -> RulesError:
    with pytest.raises(RulesError) as caught:
        load([folder])
    assert "\n" not in str(caught.value)
    return caught.value


# Mistakes

MISTAKES = [
    ("naem: x", "name: Beta Counter", "naem: x", "'naem' is not known here", "did you mean 'name'?"),
    (
        "another category",
        "category: analytics",
        "category: analytic",
        "'category' is 'analytic'",
        "did you mean 'analytics'?",
    ),
    (
        "a list for a text",
        "owner: Beta Ltd",
        "owner: [Beta Ltd]",
        "'owner' is a list",
        "make it a text (put it in quotes)",
    ),
    ("a duplicate key", "owner: Beta Ltd", "name: Again", "'name' stands here twice", "take one of the two out"),
    ("no YAML", "owner: Beta Ltd", "owner: 'Beta", "is not YAML", "correct the syntax there"),
    (
        "a bad host",
        "host: cdn.beta.test",
        "host: 'https://cdn.beta.test'",
        "'host' is 'https://cdn.beta.test', which does not fit",
        "the form is",
    ),
    ("a bad path", 'path: "/*.js"', "path: x.js", "'path' is 'x.js', which does not fit", "the form is ^/"),
    (
        "a bad query",
        'path: "/*.js"',
        'path: "/*.js", query: "(x"',
        "'(x' is no regular expression",
        "escape it with a backslash",
    ),
    (
        "a huge query",
        'path: "/*.js"',
        'path: "/*.js", query: "a{99999999999}"',
        "'a{99999999999}' is no regular expression",
        "correct it",
    ),
    ("a bad signature", "all: [beta.load]", 'all: [beta.load, "/[/"]', "'[' is no regular expression", "correct it"),
    (
        "a bad exempt query",
        "path: /help/**",
        'path: /help/**, query: "*"',
        "'*' is no regular expression",
        "correct it",
    ),
    (
        "a rule for any host",
        'host: cdn.beta.test, path: "/*.js"',
        'host: "*", path: "/**/*.js"',
        "a rule for any host needs a literal file name",
        "as in /**/matomo.js",
    ),
    (
        "a missing surrogate",
        "surrogate: beta.js",
        "surrogate: gamma.js",
        "there is no surrogate 'gamma.js'",
        "put it into surrogates/",
    ),
    (
        "an unknown related vendor",
        "surrogate: beta.js",
        "related: [acne]",
        "there is no vendor 'acne'",
        "did you mean 'acme'?",
    ),
    (
        "a related vendor far off",
        "surrogate: beta.js",
        "related: [zzz]",
        "there is no vendor 'zzz'",
        "add its file, or take the name out",
    ),
    (
        "another name than its file",
        "vendor: beta",
        "vendor: betta",
        "the vendor 'betta' stands in a file named 'beta.yaml'",
        "rename the file to betta.yaml",
    ),
    (
        "a domain of another vendor",
        "  - {domain: beta.test, label: marketing}",
        "  - {domain: acme.test, label: marketing}",
        "the domain acme.test belongs to acme.yaml already",
        "give one of the two 'scope: paths'",
    ),
    ("a date", "owner: Beta Ltd", "owner: 2024-01-31", "'owner' is a date", "put it in quotes"),
    ("a text for yes or no", "surrogate: beta.js", "tells_consent: 'true'", "'tells_consent' is a text", ""),
    ("a list of nobody's", "surrogate: beta.js", "listed_for: [marketing]", "there is no list", "add tcf or google_ac"),
    ("an id that is none", "surrogate: beta.js", "tcf: 0", "'tcf' does not fit", ""),
    ("an empty list of matches", 'match: [{url: "https://beta.test/x", rule: beta.test}]', "match: []", "'match'", ""),
    ("a template", "owner: Beta Ltd", "owner: {{owner}}", "is not YAML", "quotes"),
]


@pytest.mark.parametrize(
    ("old", "new", "what", "remedy"), [each[1:] for each in MISTAKES], ids=[e[0] for e in MISTAKES]
)
def test_a_mistake_names_file_line_what_and_remedy(mine: Path, old: str, new: str, what: str, remedy: str) -> None:
    assert BETA.count(old) == 1
    write(mine, "surrogates/beta.js", "")
    path = write(mine, "vendors/beta.yaml", BETA.replace(old, new))
    error = refusal(mine)
    line = BETA[: BETA.index(old)].count("\n") + 1
    assert error.path == path
    if "not YAML" not in what:
        assert error.line == line
    assert what in error.what
    assert remedy in error.remedy
    assert str(error).startswith(f"{path}, line {error.line}: ")


def test_a_missing_word_names_what_is_to_be_added(mine: Path) -> None:
    write(mine, "surrogates/beta.js", "")
    path = write(mine, "vendors/beta.yaml", BETA.replace("website: https://beta.test\n", ""))
    assert str(refusal(mine)) == f"{path}, line 1: the file has no 'website'; add 'website:'."


def test_two_rules_of_one_name_are_refused(mine: Path) -> None:
    write(mine, "surrogates/beta.js", "")
    write(mine, "vendors/beta.yaml", BETA.replace("beta-loader", "beta-script"))
    assert "two rules are named 'beta-script'" in str(refusal(mine))


@pytest.mark.parametrize("name", ["vendors/beta.yaml", "surrogates/beta.js"])
def test_a_file_that_is_not_utf8_is_named_with_its_line(mine: Path, name: str) -> None:
    write(mine, "vendors/beta.yaml", BETA)
    write(mine, "surrogates/beta.js", "")
    path = write(mine, name, b"# one\n# \xff\n")
    assert str(refusal(mine)) == f"{path}, line 2: is not UTF-8; save it as UTF-8."


def test_a_folder_that_is_not_there_is_named(mine: Path) -> None:
    assert str(refusal(mine)) == f"{mine}: there is no such rules folder; name a folder that holds vendors/*.yaml."


def test_a_file_in_place_of_a_folder_is_named(mine: Path) -> None:
    assert "there is no such rules folder" in str(refusal(write(mine, "beta.yaml", BETA)))


def test_a_folder_without_rules_is_named(mine: Path) -> None:
    mine.mkdir()
    assert str(refusal(mine)) == f"{mine}: this folder holds no rules; put vendor files into its vendors/ folder."


@pytest.mark.parametrize("name", ["vendors/beta.yml", "platforms/consent.yml", "regimes.yml", "destinations/acme.yml"])
def test_a_file_that_would_not_be_read_is_refused(mine: Path, name: str) -> None:
    write(mine, "vendors/beta.yaml", BETA)
    path = write(mine, name, BETA)
    assert str(refusal(mine)) == f"{path}: files that end with .yml are not read; let it end with .yaml."


def test_a_folder_named_like_a_vendor_file_is_refused(mine: Path) -> None:
    (mine / "vendors" / "beta.yaml").mkdir(parents=True)
    assert "cannot be read" in str(refusal(mine))


@pytest.mark.parametrize("name", ["categories.yaml", "regimes.yaml"])
@pytest.mark.parametrize("content", ["", "[]", "# nothing\n", "{}"])
def test_a_settings_file_that_says_nothing_is_refused(mine: Path, name: str, content: str) -> None:
    path = write(mine, name, content)
    assert refusal(mine).path == path


def test_regimes_in_the_file_of_categories_are_refused(mine: Path, shipped: Path) -> None:
    path = write(mine, "categories.yaml", (shipped / "regimes.yaml").read_text("utf-8"))
    assert refusal(mine).path == path


# Overriding


def test_a_folder_adds_a_vendor(mine: Path) -> None:
    write(mine, "vendors/beta.yaml", BETA)
    write(mine, "surrogates/beta.js", "beta()")
    known = load([mine])
    assert set(known.vendors) == {"acme", "beta"}
    assert known.surrogates == {"acme.js": "window.acme = { count() {} };", "beta.js": "beta()"}


def test_vendor_files_may_lie_in_the_folder_itself(mine: Path) -> None:
    write(mine, "beta.yaml", BETA.replace("surrogate: beta.js\n", ""))
    assert set(load([mine]).vendors) == {"acme", "beta"}


def test_a_file_of_the_same_name_overrides_a_vendor_wholly(mine: Path) -> None:
    changed = ACME.replace("category: analytics", "category: marketing").replace("aliases: [Acme, The Counter]\n", "")
    write(mine, "vendors/acme.yaml", changed)
    acme = load([mine]).vendors["acme"]
    assert (acme.category, acme.aliases) == ("marketing", ())


def test_a_surrogate_is_overridden_by_its_name_alone(mine: Path) -> None:
    write(mine, "surrogates/acme.js", "mine()")
    assert load([mine]).surrogates == {"acme.js": "mine()"}


def test_the_last_of_several_folders_wins(mine: Path, tmp_path: Path) -> None:
    for folder, category in ((mine, "marketing"), (tmp_path / "second", "functional")):
        write(folder, "vendors/acme.yaml", ACME.replace("category: analytics", f"category: {category}"))
    assert load([mine, tmp_path / "second"]).vendors["acme"].category == "functional"
    assert load([tmp_path / "second", mine]).vendors["acme"].category == "marketing"


def test_a_vendor_that_lost_its_domain_to_an_override_frees_it(mine: Path) -> None:
    write(mine, "vendors/acme.yaml", ACME.replace("domain: acme.test", "domain: elsewhere.test"))
    write(mine, "vendors/beta.yaml", BETA.replace("domain: beta.test", "domain: acme.test"))
    write(mine, "surrogates/beta.js", "")
    match = load([mine]).match("https://acme.test/")
    assert match is not None
    assert match.vendor == "beta"


def regime(name: str, title: str) -> str:
    unset = "{functional: allow, analytics: allow, marketing: deny}"
    return f"regimes:\n  - {{regime: {name}, title: {title}, what: A law., unset: {unset}, gpc_denies: []}}\n"


def regimes(*folders: Path) -> dict[str, str]:
    return {each["regime"]: each["title"] for each in load_rules(folders).regimes["regimes"]}


def test_a_folder_adds_a_regime(mine: Path) -> None:
    write(mine, "regimes.yaml", regime("lex", "Lex"))
    assert list(regimes(mine)) == [*regimes(), "lex"]


def test_a_regime_is_overridden_by_its_name_and_the_others_stay(mine: Path) -> None:
    write(mine, "regimes.yaml", regime("gdpr", "Mine"))
    assert regimes(mine) == {**regimes(), "gdpr": "Mine"}
    assert list(regimes(mine)) == list(regimes())


def test_the_last_of_several_folders_names_the_regime(mine: Path, tmp_path: Path) -> None:
    write(mine, "regimes.yaml", regime("lgpd", "First"))
    second = write(tmp_path / "second", "regimes.yaml", regime("lgpd", "Second")).parent
    assert regimes(mine, second)["lgpd"] == "Second"
    assert regimes(second, mine)["lgpd"] == "First"


def test_a_category_is_overridden_by_its_name_and_keeps_its_place(mine: Path) -> None:
    write(mine, "categories.yaml", "categories: [{category: analytics, title: Numbers, what: Counting.}]")
    assert [each.title for each in load([mine]).categories] == ["Necessary", "Functional", "Numbers", "Marketing"]


def test_every_part_of_a_vendor_file_arrives(mine: Path) -> None:
    acme = load().vendors["acme"]
    assert (acme.name, acme.aliases, acme.surrogate) == ("Acme Counter", ("Acme", "The Counter"), "acme.js")
    assert (acme.domains[0].domain, acme.domains[0].label, acme.domains[0].scope) == ("acme.test", "marketing", "host")
    assert (acme.requests[0].rule, acme.requests[0].path) == ("acme-script", "/*.js")
    assert (acme.exempt[0].host, acme.snippets[0].all, acme.cookies[0].name) == ("acme.test", ("acme.load",), "acme_*")
    assert (acme.examples.match[0].rule, acme.examples.passes) == ("acme.test", ("https://shop.test/",))


def test_a_vendor_tells_consent_only_where_its_file_says_so(mine: Path) -> None:
    write(mine, "beta.yaml", BETA.replace("surrogate: beta.js", "tells_consent: true"))
    vendors = load([mine]).vendors
    assert (vendors["acme"].tells_consent, vendors["beta"].tells_consent) == (False, True)


def test_the_order_of_categories_is_that_of_their_file() -> None:
    assert [each.category for each in load().categories] == ["necessary", "functional", "analytics", "marketing"]


# The cache


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def cached(cache: Path) -> list[Path]:
    return sorted(cache.glob("catalogue-*.index"))


def forbid(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """From now on a step of loading fails."""

    def fail(*_: object) -> None:
        raise AssertionError(f"{step} was called")

    monkeypatch.setattr(loading, step, fail)


def settle(folder: Path) -> None:
    """Make every file one that was changed long ago; when its entry was changed no program can set."""
    for path in folder.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))


def test_the_second_load_reads_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(cache=cache)
    forbid(monkeypatch, "parse")
    assert load(cache=cache).vendors["acme"].name == "Acme Counter"


def test_files_that_were_not_changed_since_are_not_read(
    cache: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(shipped)
    monkeypatch.setattr(caching, "_SETTLED", -1)
    load(cache=cache)
    forbid(monkeypatch, "_read")
    assert load(cache=cache).vendors["acme"].name == "Acme Counter"


def test_a_file_that_was_changed_just_now_is_read_again(cache: Path, shipped: Path) -> None:
    load(cache=cache)
    path = shipped / "vendors" / "acme.yaml"
    before = path.stat()
    # As long as it was, and changed within the file system's own tick.
    path.write_text(path.read_text("utf-8").replace("Acme Counter", "Acme Courier"), "utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert load(cache=cache).vendors["acme"].name == "Acme Courier"
    assert not list(cache.glob("files-*"))


def test_of_many_files_only_those_that_changed_are_parsed(
    cache: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(mine, "surrogates/beta.js", "")
    path = write(mine, "vendors/beta.yaml", BETA)
    load([mine], cache=cache)
    path.write_text(BETA.replace("Beta Counter", "Beta Meter"), "utf-8")
    parsed: list[str] = []
    parse = yamlfile.parse

    def noted(path: Path, *rest: Any) -> Any:
        parsed.append(path.name)
        return parse(path, *rest)

    monkeypatch.setattr(loading, "parse", noted)
    assert {each.name for each in load([mine], cache=cache).vendors.values()} == {"Acme Counter", "Beta Meter"}
    assert [name for name in parsed if name in ("acme.yaml", "beta.yaml")] == ["beta.yaml"]


def test_what_is_wrong_in_a_file_that_did_not_change_is_told_with_its_line(cache: Path, mine: Path) -> None:
    write(mine, "surrogates/beta.js", "")
    write(mine, "vendors/beta.yaml", BETA)
    load([mine], cache=cache)
    (mine / "surrogates" / "beta.js").unlink()
    with pytest.raises(RulesError) as caught:
        load([mine], cache=cache)
    assert caught.value.path.name == "beta.yaml"
    assert caught.value.line == BETA.splitlines().index("surrogate: beta.js") + 1


def test_a_cache_that_others_may_write_is_not_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(cache=cache)
    (file,) = cached(cache)
    file.chmod(0o666)
    forbid(monkeypatch, "parse")
    with pytest.raises(AssertionError, match="parse was called"):
        load(cache=cache)


def test_a_vendor_that_nobody_asks_for_stays_in_the_file(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(cache=cache)
    known = load(cache=cache)
    made: list[str] = []
    monkeypatch.setattr(values, "vendor_of", lambda plain: made.append(plain["vendor"]))
    assert known.match("https://acme.test/x.js") is not None
    assert (list(known.vendors), len(known.vendors), "acme" in known.vendors, made) == (["acme"], 1, True, [])
    assert known.vendors["acme"] is None
    assert made == ["acme"]


def test_the_cache_gives_the_same_catalogue_as_the_files(cache: Path) -> None:
    first, second = load_rules(cache=cache), load_rules(cache=cache)
    assert first.catalogue.vendors == second.catalogue.vendors
    assert first.catalogue.categories == second.catalogue.categories
    assert first.catalogue.surrogates == second.catalogue.surrogates
    assert first.regimes == second.regimes


@pytest.mark.parametrize(
    "name",
    [
        "vendors/acme.yaml",
        "surrogates/acme.js",
        "categories.yaml",
        "regimes.yaml",
        "vendor.schema.json",
        "rules.schema.json",
    ],
)
def test_a_changed_byte_of_any_file_makes_a_new_one(cache: Path, shipped: Path, name: str) -> None:
    load(cache=cache)
    path = shipped / name
    path.write_bytes(path.read_bytes() + b"\n")
    load(cache=cache)
    assert len(cached(cache)) == 2


def test_another_folder_of_rules_makes_a_new_one(cache: Path, mine: Path) -> None:
    load(cache=cache)
    write(mine, "surrogates/acme.js", "mine()")
    assert load([mine], cache=cache).surrogates["acme.js"] == "mine()"
    assert load(cache=cache).surrogates["acme.js"] != "mine()"


@pytest.mark.parametrize(
    "content",
    [
        lambda _: b"",
        lambda _: b"{",
        lambda whole: whole[:-1],
        lambda whole: whole + b" ",
        lambda whole: whole[:40],
        lambda whole: whole.replace(b"acme", b"acne"),
        lambda whole: b"x" + whole[1:],
    ],
    ids=["empty", "something else", "cut off", "too long", "only a beginning", "changed", "of another kind"],
)
def test_a_corrupt_cache_file_is_ignored_and_written_anew(cache: Path, content: Callable[[bytes], bytes]) -> None:
    load(cache=cache)
    (file,) = cached(cache)
    whole = file.read_bytes()
    file.write_bytes(content(whole))
    assert set(load(cache=cache).vendors) == {"acme"}
    assert file.read_bytes() == whole


def test_a_folder_where_the_cache_file_should_be_is_ignored(cache: Path) -> None:
    load(cache=cache)
    (file,) = cached(cache)
    file.unlink()
    file.mkdir()
    assert set(load(cache=cache).vendors) == {"acme"}


def test_a_cache_that_cannot_be_written_only_costs_time(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert set(load(cache=cache).vendors) == {"acme"}


def test_old_cache_files_go_and_nothing_else_is_left(cache: Path, shipped: Path) -> None:
    path = shipped / "surrogates" / "acme.js"
    for number in range(8):
        path.write_text(f"/* {number} */")
        load(cache=cache)
        os.utime(max(cached(cache), key=lambda file: file.stat().st_mtime), (number, number))
    assert 1 <= len(cached(cache)) <= 5
    assert [name for name in os.listdir(cache) if not re.fullmatch(r"catalogue-[0-9a-f]{64}\.index", name)] == []


def test_bad_rules_are_not_cached(cache: Path, mine: Path) -> None:
    path = write(mine, "vendors/beta.yaml", BETA)
    for _ in range(2):
        with pytest.raises(RulesError):
            load([mine], cache=cache)
    path.write_text(BETA.replace("surrogate: beta.js\n", ""))
    assert set(load([mine], cache=cache).vendors) == {"acme", "beta"}


# Routers

ROUTER = """
router:
  settings: [beta-script]
  connected: [{at: [integrations], form: keys}]
  key: ["/k/([a-z]+)/"]
  events: {rules: [beta-script, beta.test], switches: integrations, marks: [type]}
"""
DESTINATIONS = """
router: beta
destinations:
  - {name: Ads, category: marketing, aliases: [Ads (Actions)], source: docs}
  - {name: Acme, category: analytics, vendor: acme, mode: [device], source: docs}
"""


def routing(mine: Path, vendor: str = ROUTER, destinations: str = DESTINATIONS) -> None:
    write(mine, "surrogates/beta.js", "")
    write(mine, "vendors/beta.yaml", BETA + vendor)
    write(mine, "destinations/beta.yaml", destinations)


def test_a_routers_words_and_destinations_become_values(mine: Path) -> None:
    routing(mine)
    loaded = load([mine])
    router = loaded.vendors["beta"].router
    assert router is not None
    assert (router.settings, router.events.rules, router.key) == (
        ("beta-script",),
        ("beta-script", "beta.test"),
        ("/k/([a-z]+)/",),
    )
    assert (router.connected[0].at, router.connected[0].form, router.events.shape, router.ask) == (
        ("integrations",),
        "keys",
        None,
        (),
    )
    ads, acme = loaded.destinations["beta"].values()
    assert (ads.name, ads.category, ads.aliases, ads.vendor) == ("Ads", "marketing", ("Ads (Actions)",), None)
    assert (acme.vendor, acme.mode) == ("acme", ("device",))
    assert loaded.vendors["acme"].router is None


def test_routers_come_out_of_the_cache_as_they_went_in(mine: Path, tmp_path: Path) -> None:
    routing(mine)
    first = load([mine], tmp_path / "cache")
    again = load([mine], tmp_path / "cache")
    assert (again.vendors, again.destinations) == (first.vendors, first.destinations)


def test_a_later_folder_overrides_a_destination_by_name_and_keeps_the_others(mine: Path, tmp_path: Path) -> None:
    routing(mine)
    own = tmp_path / "own"
    write(
        own, "destinations/beta.yaml", "router: beta\ndestinations: [{name: ADS, category: functional, source: docs}]\n"
    )
    found = load([mine, own]).destinations["beta"]
    assert {name: each.category for name, each in found.items()} == {"ADS": "functional", "Acme": "analytics"}


ROUTER_MISTAKES = [
    (
        "settings: [beta-script]",
        "settings: [beta-scrip]",
        "there is no rule 'beta-scrip'",
        "did you mean 'beta-script'?",
    ),
    ("beta.test]", "gamma.test]", "there is no rule 'gamma.test'", ""),
    ('"/k/([a-z]+)/"', '"/k/[a-z]+/"', "has not one group", "in brackets"),
    ('"/k/([a-z]+)/"', '"("', "is no regular expression", "correct it"),
    ("form: keys", "form: key", "'form' is 'key'", "did you mean 'keys'?"),
    ("form: keys", "form: items", "this entry has no 'name'", "add 'name:'"),
    ("marks: [type]", 'marks: [type], shape: {path: "(", has: [x]}', "is no regular expression", "correct it"),
]


@pytest.mark.parametrize(("old", "new", "what", "remedy"), ROUTER_MISTAKES)
def test_a_mistake_in_a_router_is_named(mine: Path, old: str, new: str, what: str, remedy: str) -> None:
    assert ROUTER.count(old) == 1
    routing(mine, ROUTER.replace(old, new))
    error = refusal(mine)
    assert what in error.what
    assert remedy in error.remedy
    assert error.line is not None
    assert error.line > BETA.count("\n")


DESTINATION_MISTAKES = [
    ("router: beta", "router: acme", "the router 'acme' stands in a file named 'beta.yaml'", ""),
    ("vendor: acme", "vendor: acne", "there is no vendor 'acne'", "did you mean 'acme'?"),
    ("[Ads (Actions)]", "[ACME]", "two destinations are called 'acme'", "take the name out"),
    ("category: marketing", "category: necessary", "'category' is 'necessary'", ""),
]


@pytest.mark.parametrize(("old", "new", "what", "remedy"), DESTINATION_MISTAKES)
def test_a_mistake_in_destinations_is_named(mine: Path, old: str, new: str, what: str, remedy: str) -> None:
    routing(mine, destinations=DESTINATIONS.replace(old, new))
    error = refusal(mine)
    assert what in error.what
    assert remedy in error.remedy
    assert error.path.name == "beta.yaml"
    assert error.line


def test_destinations_of_what_is_no_router_are_refused(mine: Path) -> None:
    routing(mine, vendor="")
    assert "the vendor 'beta' is no router" in str(refusal(mine))
