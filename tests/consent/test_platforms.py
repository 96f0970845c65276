"""Every platform file's own claims hold, the vectors come out, and nothing that a value may hold raises.

`python -m tests.consent.test_platforms` writes docs/platforms.md anew.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.catalogue.load import load_rules, shipped_rules
from proxy_addon.consent.model import CATEGORIES
from proxy_addon.consent.platforms import (
    LONGEST,
    Platform,
    Reading,
    browser_table,
    compile_platforms,
    read_platforms,
)
from proxy_addon.consent.signals import parse_header

PLAIN = load_rules().platforms
FILES: dict[str, dict[str, Any]] = {each["platform"]: each for each in PLAIN["platforms"]}
PLATFORMS = {each.platform: each for each in compile_platforms(PLAIN)}
VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("vectors.json").read_text("utf-8"))
SAID = {True: "granted", False: "denied"}
DOCS = Path(__file__).parents[2] / "docs" / "platforms.md"
# The vectors whose answer lies in a string of a standard: its decoder has its own tests.
ELSEWHERE = [each for each in VECTORS if "needs" in each]


def words(said: Mapping[str, bool]) -> dict[str, str]:
    return {name: SAID[granted] for name, granted in said.items()}


def known(reading: Reading | None) -> Reading:
    assert reading is not None, "the platform was not recognised"
    return reading


def one(**parts: Any) -> Platform:
    """A platform of these words alone."""
    plain = {
        "platform": "acme",
        "name": "Acme",
        "sure": "source",
        "readable": "cookie",
        "recognise": {"cookies": ["acme*"], "storage": ["acme"]},
        "categories": {"f": "functional", "a": "analytics", "m": "marketing", "n": "necessary"},
        **parts,
    }
    return compile_platforms({"platforms": [plain]})[0]


def place(*decode: Any, **parts: Any) -> dict[str, Any]:
    return {"cookie": "acme", "decode": list(decode), "answers": [{"each": ""}], **parts}


def read(platform: Platform, *values: str, **others: str) -> dict[str, str]:
    cookies = {"acme": list(values), **{name: [value] for name, value in others.items()}}
    return words(known(platform.read(cookies)).consent.categories)


# The files


def examples() -> list[Any]:
    return [
        pytest.param(PLATFORMS[name], example, id=f"{name}: {example['what']}")
        for name, file in FILES.items()
        for example in file["examples"]
    ]


def read_example(platform: Platform, example: dict[str, Any]) -> Reading:
    overrides = example.get("overrides", {})
    if "page" in example:
        return known(platform.read_page(example["page"], overrides=overrides))
    return known(
        platform.read(parse_header(example.get("cookies", "")), example.get("storage", {}), overrides=overrides)
    )


@pytest.mark.parametrize(("platform", "example"), examples())
def test_an_example_of_a_platform_file_comes_out_as_it_claims(platform: Platform, example: dict[str, Any]) -> None:
    reading = read_example(platform, example)
    assert words(reading.consent.categories) == example["expect"], reading.consent.note
    assert words(reading.implied) == example.get("implied", {})
    assert {each.standard: each.value for each in reading.defer_to} == example.get("defer", {})
    vendors = words(reading.consent.vendors)
    assert {name: vendors.get(name) for name in example.get("vendors", {})} == example.get("vendors", {})
    assert reading.consent.signal == f"platform {platform.platform}"
    assert reading.consent.note


@pytest.mark.parametrize("name", FILES)
def test_a_platform_file_has_four_examples_of_which_one_is_no_choice_and_two_are(name: str) -> None:
    expected = [each["expect"] for each in FILES[name]["examples"]]
    deferred = [each for each in FILES[name]["examples"] if "defer" in each]
    assert {} in expected
    assert len([each for each in expected if each]) + len(deferred) >= 2
    assert len(expected) >= 4


@pytest.mark.parametrize("name", FILES)
def test_a_platform_file_begins_with_its_schema_for_editors(name: str) -> None:
    text = (shipped_rules() / "platforms" / f"{name}.yaml").read_text("utf-8")
    assert text.startswith("# yaml-language-server: $schema=../platform.schema.json\n")


def test_the_platforms_that_people_use_are_there() -> None:
    named = """onetrust cookiebot cookieyes usercentrics didomi osano trustarc iubenda complianz webtoffee-gdpr borlabs
    real-cookie-banner termly klaro vanilla-cookieconsent osano-cookieconsent civic axeptio tarteaucitron sourcepoint
    inmobi-choice google-messages consentmanager shopify hubspot segment-consent-manager transcend ketch securiti
    cookiefirst enzuzo piwik-pro wp-consent-api tealium drupal-eu-cookie-compliance cookiescript cookie-information
    consentstack wix"""
    assert set(named.split()) - set(FILES) == set()


def test_every_word_of_the_schema_is_explained() -> None:
    schema = json.loads((shipped_rules() / "platform.schema.json").read_text("utf-8"))
    for word, rule in schema["properties"].items():
        assert word == "website" or rule.get("description") or "$ref" in rule, word


# The vectors


@pytest.mark.parametrize(
    "vector", [each for each in VECTORS if "needs" not in each], ids=lambda each: f"{each['platform']}"
)
def test_a_vector_comes_out_as_expected(vector: dict[str, Any]) -> None:
    expected = {name: vector["expected"][name] for name in CATEGORIES if vector["expected"][name] is not None}
    if vector["platform"] == "none":
        assert read_platforms(PLATFORMS.values(), parse_header(vector["cookie_header"])) == ()
        return
    platform = PLATFORMS[vector["platform"]]
    if "js_state" in vector:
        reading = known(platform.read_page(vector["js_state"]))
    else:
        reading = known(platform.read(parse_header(vector["cookie_header"]), vector.get("local_storage", {})))
    assert reading.consent.decided is vector["decided"], reading.consent.note
    if vector["decided"]:
        assert reading.consent.categories == expected, reading.consent.note
    else:
        # What is expected of a visitor who chose nothing is what the platform applies by itself.
        assert {name: reading.implied.get(name) for name in expected} == expected


def test_the_vectors_that_need_a_decoder_are_those_of_the_standards() -> None:
    counts: dict[str, int] = {}
    for each in ELSEWHERE:
        counts[each["platform"]] = counts.get(each["platform"], 0) + 1
    assert counts == {
        "iab-tcf": 4,
        "consentmanager": 1,
        "google-messages": 1,
        "us-privacy": 4,
        "iab-gpp": 6,
        "gpc": 1,
    }


@pytest.mark.parametrize("vector", [each for each in ELSEWHERE if each["platform"] in PLATFORMS], ids=str)
def test_a_vector_that_lies_in_a_string_names_the_string(vector: dict[str, Any]) -> None:
    reading = known(PLATFORMS[vector["platform"]].read(parse_header(vector["cookie_header"])))
    assert reading.defer_to[0].standard == vector["needs"]
    assert reading.defer_to[0].value in vector["cookie_header"]
    assert not reading.consent.decided


@pytest.mark.parametrize("vector", [each for each in ELSEWHERE if each["platform"] not in PLATFORMS], ids=str)
def test_a_bare_string_of_a_standard_is_claimed_by_no_platform(vector: dict[str, Any]) -> None:
    assert read_platforms(PLATFORMS.values(), parse_header(vector["cookie_header"])) == ()


# The words of the format


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


OBJECT = '{"a": true, "m": false}'


@pytest.mark.parametrize(
    ("steps", "value"),
    [
        (["json"], OBJECT),
        (["percent", "json"], quote(OBJECT)),
        (["percent", "json"], OBJECT),
        (["percent", "percent", "json"], quote(quote(OBJECT))),
        (["base64", "json"], b64(OBJECT)),
        (["base64", "json"], b64(OBJECT).rstrip("=").replace("+", "-").replace("/", "_")),
        (["query"], "a=true&m=false&a=false"),
        (["jwt"], f"e30.{b64(OBJECT).rstrip('=')}.x"),
        (["quasi-json"], "{x:'it, is: this',a:true,m:false}"),
        ([{"pairs": {"between": ",|", "is": ":"}}], "a:true|m:false,x"),
        ([{"from": "{"}, "json"], f"1:2:{OBJECT}"),
        ([{"before": ";"}, "json"], f"{OBJECT};rest"),
    ],
    ids=str,
)
def test_a_value_is_decoded_step_by_step(steps: list[Any], value: str) -> None:
    assert read(one(places=[place(*steps)]), value) == {"analytics": "granted", "marketing": "denied"}


def test_a_list_of_what_was_accepted_denies_only_what_was_offered() -> None:
    platform = one(places=[place("json", answers=[{"accepted": "yes", "offered": "all"}])])
    assert read(platform, '{"yes": ["a"], "all": {"a": [], "m": []}}') == {
        "marketing": "denied",
        "analytics": "granted",
    }


def test_of_two_names_for_one_category_the_refusal_counts() -> None:
    platform = one(places=[place("json")], categories={"x": "analytics", "y": "analytics"})
    assert read(platform, '{"x": false, "y": true}') == read(platform, '{"y": true, "x": false}')
    assert read(platform, '{"x": false, "y": true}') == {"analytics": "denied"}


def test_of_one_cookie_with_two_values_the_refusal_counts() -> None:
    platform = one(places=[place("json")])
    for values in (('{"a": true}', '{"a": false}'), ('{"a": false}', '{"a": true}')):
        assert read(platform, *values) == {"analytics": "denied"}


def test_of_a_family_of_cookies_with_two_values_the_refusal_counts() -> None:
    platform = one(places=[{"cookies": "acme-*", "answers": [{"each": ""}]}])
    reading = known(platform.read({"acme-a": ["true", "false"], "acme-m": ["true"]}))
    assert words(reading.consent.categories) == {"analytics": "denied", "marketing": "granted"}


def test_a_yes_to_everything_counts_only_where_no_name_is_answered() -> None:
    platform = one(places=[place("json", answers=[{"each": "x"}, {"whole": "all"}])])
    assert read(platform, '{"all": true}') == dict.fromkeys(CATEGORIES, "granted")
    assert read(platform, '{"all": true, "x": {"a": false}}') == {"analytics": "denied"}


def test_a_no_to_everything_counts_whatever_else_is_answered() -> None:
    platform = one(places=[place("json", answers=[{"each": "x"}, {"whole": "all"}])])
    assert read(platform, '{"all": false, "x": {"a": true}}') == dict.fromkeys(CATEGORIES, "denied")


def test_a_refusal_of_what_only_can_be_refused_grants_nothing_when_granted() -> None:
    platform = one(places=[place("json")], refusals={"s": "marketing"})
    assert read(platform, '{"s": true}') == {}
    assert read(platform, '{"s": false, "m": true}') == {"marketing": "denied"}


def test_the_first_place_that_holds_a_choice_counts() -> None:
    second = {"cookie": "acme2", "decode": ["json"], "answers": [{"each": ""}]}
    platform = one(places=[place("json"), second])
    assert read(platform, '{"a": true}', acme2='{"a": false}') == {"analytics": "granted"}
    assert read(platform, "garbage", acme2='{"a": false}') == {"analytics": "denied"}


def test_what_is_applied_without_a_choice_is_no_consent() -> None:
    platform = one(places=[place("json", decided=[{"at": "done", "is": [True]}])])
    reading = known(platform.read({"acme": ['{"a": true, "done": false}']}))
    assert (reading.consent.decided, reading.implied) == (False, {"analytics": True})
    assert "no choice was made" in reading.consent.note


def test_a_choice_the_platform_asks_for_again_keeps_its_refusals_only() -> None:
    platform = one(places=[place("json", stale=[{"at": "again", "is": [True]}])])
    assert read(platform, '{"a": true, "m": false, "again": true}') == {"marketing": "denied"}


def test_ids_that_nobody_knows_count_where_all_were_answered_alike() -> None:
    platform = one(places=[place("json", unanimous=True)])
    assert read(platform, '{"13": true, "14": true}') == dict.fromkeys(CATEGORIES, "granted")
    assert read(platform, '{"13": true, "14": false}') == {}


def test_a_site_maps_a_name_anew() -> None:
    platform = one(places=[place("json")])
    cookies = {"acme": ['{"a": true, "x": false}']}
    said = known(platform.read(cookies, overrides={"A": "functional", "x": "marketing"})).consent
    assert words(said.categories) == {"functional": "granted", "marketing": "denied"}
    assert known(platform.read(cookies, overrides={"a": "nothing"})).consent.categories == {}


def test_a_name_that_a_site_maps_and_a_list_leaves_out_was_refused() -> None:
    platform = one(places=[place("json", answers=[{"accepted": ""}])])
    said = known(platform.read({"acme": ['["a"]']}, overrides={"x": "marketing"})).consent
    assert words(said.categories) == {"analytics": "granted", "marketing": "denied"}


def test_names_are_compared_without_case_and_separators() -> None:
    platform = one(places=[place("json")], categories={"google-ads*": "marketing"})
    assert read(platform, '{"Google Ads (Remarketing)": false}') == {"marketing": "denied"}


def test_services_are_exceptions_for_vendors() -> None:
    platform = one(places=[place("json")], vendors={"hot-jar": "hotjar"})
    assert known(platform.read({"acme": ['{"hotjar": false}']})).consent.vendors == {"hotjar": False}


def test_a_platform_that_is_not_there_says_nothing() -> None:
    assert one(places=[place("json")]).read({"other": ["x"]}) is None


def test_storage_alone_recognises_a_platform() -> None:
    platform = one(places=[{"storage": "acme", "decode": ["json"], "answers": [{"each": ""}]}])
    assert words(known(platform.read({}, {"acme": OBJECT})).consent.categories) == {
        "analytics": "granted",
        "marketing": "denied",
    }


def test_a_value_that_is_too_long_is_not_read_and_says_so() -> None:
    reading = known(one(places=[place("json")]).read({"acme": ['{"a": true}' + " " * LONGEST]}))
    assert not reading.consent.decided
    assert str(LONGEST) in reading.consent.note


def test_a_string_that_only_pretends_to_be_tcf_is_not_handed_on() -> None:
    platform = one(defer=[{"standard": "tcf", "cookie": "acme"}])
    assert known(platform.read({"acme": ["C<script>alert(1)</script>"]})).defer_to == ()


def test_the_table_for_the_browser_is_plain_data() -> None:
    table = {each["platform"]: each for each in json.loads(json.dumps(browser_table(PLATFORMS.values())))}
    assert table["osano"]["api"]["read"] == "Osano.cm.getConsent()"
    assert table["osano"]["categories"]["ANALYTICS"] == "analytics"
    assert "ucData" in table["usercentrics"]["storage"]
    assert {"on": "window", "event": "CookiebotOnConsentReady"} in table["cookiebot"]["change"]


# Whatever a value may hold

NAMES = [name.replace("*", "x") for file in FILES.values() for name in file["recognise"].get("cookies", [])]
KEYS = [name.replace("*", "x") for file in FILES.values() for name in file["recognise"].get("storage", [])]
DEEP = "[" * 20000
HOSTILE = {
    "nothing": "",
    "deep lists": DEEP,
    "deep objects": '{"a":' * 5000,
    "deep lists in base64": b64(DEEP),
    "deep lists as text in JSON": json.dumps({"categories": DEEP, "purposes": DEEP}),
    "percent signs": "%" * 65536,
    "half a percent escape": "%7B%2",
    "an escape that is no UTF-8": "%ff%fe",
    "separators": ",:|=!&;_" * 4000,
    "quotes in braces": "{" + "'" * 30000 + "}",
    "commas in braces": "{" + "," * 30000 + "}",
    "a huge number": '{"consent": ' + "9" * 20000 + "}",
    "numbers that are none": '{"consent": 1e999, "purposes": {"1": NaN, "2": -Infinity}}',
    "half a surrogate": '{"purposes": {"\\ud800": true}, "custom": {"\\udfff": false}}',
    "control characters": "\x00\x1b[31m{}",
    "many names": json.dumps({"consents": {str(index): 1 for index in range(3000)}}),
    "other types": '{"purposes": 1, "consents": [null], "categories": {"a": {}}, "services": true, "gcm": []}',
    "letters": "A" * 65536,
    "cut off": '{"purposes": {"1": tru',
}


def check_all(value: str) -> None:
    cookies = {name: [value, value] for name in NAMES}
    for reading in read_platforms(PLATFORMS.values(), cookies, dict.fromkeys(KEYS, value)):
        assert set(reading.consent.categories) <= set(CATEGORIES)
        assert len(reading.consent.note) < 2000
        reading.consent.note.encode()
        for name in reading.answers:
            name.encode()


@pytest.mark.parametrize("value", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("dress", [str, quote, b64], ids=["bare", "encoded", "base64"])
def test_a_hostile_value_never_raises(value: str, dress: Any) -> None:
    check_all(dress(value))


@pytest.mark.parametrize(
    "value", [HOSTILE[name] for name in HOSTILE if name not in ("separators", "letters")], ids=lambda each: each[:12]
)
def test_a_value_that_makes_no_sense_leaves_every_category_unset(value: str) -> None:
    platform = PLATFORMS["onetrust"]
    reading = known(platform.read({"OptanonConsent": [value], "OptanonAlertBoxClosed": ["x"]}))
    assert (reading.consent.categories, bool(reading.consent.note)) == ({}, True)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["purposes", "consents", "categories", "services", "level", "custom", "enabled"])
            | st.text(max_size=6),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.text(max_size=200))
def test_no_text_raises(value: str) -> None:
    check_all(value)


@given(JSON_VALUES, st.sampled_from([str, quote, b64]))
def test_no_json_raises(value: object, dress: Any) -> None:
    check_all(dress(json.dumps(value)))


@given(JSON_VALUES)
def test_no_object_of_the_page_raises(value: object) -> None:
    for platform in PLATFORMS.values():
        platform.read_page(value)


@given(st.text(max_size=120), st.integers(0, 300))
def test_a_value_that_was_cut_off_or_grew_never_raises(tail: str, at: int) -> None:
    for vector in VECTORS[::9]:
        header = vector["cookie_header"][:at] + tail
        read_platforms(PLATFORMS.values(), parse_header(header))


@pytest.mark.parametrize(
    "platform", [each for each in PLATFORMS.values() if each.page is None], ids=attrgetter("platform")
)
def test_a_platform_without_a_call_reads_nothing_in_the_page(platform: Platform) -> None:
    assert platform.read_page({"analytics": True}) is None


# The page of the handbook

READABLE = {"cookie": "the cookie", "storage": "localStorage", "page": "the page only"}
SURE = {
    "documented": "its maker documents it",
    "source": "its code was read",
    "captured": "real values were seen",
    "unsure": "**unsure**",
}
HEAD = """\
# Consent platforms

What Consentry reads of each platform, where, and how sure that is. This page is written from `rules/platforms/*.yaml`
by `python -m tests.consent.test_platforms`, and a test compares the two.

- **Read from**: a cookie reaches the proxy with every request; localStorage and the page's own calls are reported by
  the guard in the page.
- **Names that count** are the platform's own names that are known to stand for one of our categories. Sites rename
  them; a site can map a name anew in its configuration.
- **Hears a change by**: how the page learns that the visitor chose. Where there is nothing, the next request's cookie
  tells it.
- Where a category has several names, one refusal is a refusal. Where a platform is there but no choice was made,
  everything is unset, and the law that applies decides.

| platform | read from | names that count | hears a change by | how sure |
|---|---|---|---|---|
"""


def page() -> str:
    """docs/platforms.md."""
    rows = "".join(row(each) for _, each in sorted(FILES.items()))
    doubts = "".join(
        f"\n### {each['name']}\n\n" + "".join(f"- {doubt}\n" for doubt in each["doubts"])
        for _, each in sorted(FILES.items())
        if "doubts" in each
    )
    return f"{HEAD}{rows}\n## What is not sure\n{doubts}"


def row(file: dict[str, Any]) -> str:
    cells = [file["name"], where(file), names(file), changes(file), SURE[file["sure"]]]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def where(file: dict[str, Any]) -> str:
    said = []
    for each in file.get("places", []):
        said += [f"`{each[kind]}`" for kind in ("cookie", "cookies", "storage") if kind in each]
    for each in file.get("defer", []):
        said.append(f"{each['standard'].upper()} string in `{each.get('cookie', each.get('storage'))}`")
    if "api" in file:
        said.append(f"`{file['api']['read']}`")
    return f"{READABLE[file['readable']]}: {', '.join(dict.fromkeys(said))}"


def names(file: dict[str, Any]) -> str:
    said = {name: [ours] if isinstance(ours, str) else ours for name, ours in file.get("categories", {}).items()}
    parts = []
    for category in CATEGORIES:
        theirs = [f"`{name}`" for name, ours in said.items() if category in ours]
        more = f" and {len(theirs) - 4} more" if len(theirs) > 4 else ""
        if theirs:
            parts.append(f"{category}: {', '.join(theirs[:4])}{more}")
    return "; ".join(parts) or ("as decoded from the string" if "defer" in file else "one answer for everything")


def changes(file: dict[str, Any]) -> str:
    return ", ".join(dict.fromkeys(change(each) for each in file.get("change", []))) or "-"


def change(plain: dict[str, Any]) -> str:
    if "on" in plain:
        return f"{plain['on']} `{plain['event']}`"
    if "data_layer" in plain:
        return f"dataLayer `{plain['data_layer']}`"
    if "message" in plain:
        return f"message `{plain['message']}`"
    return f"`{plain['call']}`" if "call" in plain else f"queue `{plain['queue']}`"


def test_the_page_of_the_handbook_says_what_the_files_say() -> None:
    assert DOCS.read_text("utf-8") == page(), "run: python -m tests.consent.test_platforms"


if __name__ == "__main__":
    DOCS.write_text(page(), "utf-8")
