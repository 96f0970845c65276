"""Every file of destinations that ships says what it should."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from proxy_addon.catalogue.load import load, shipped_rules
from proxy_addon.catalogue.yamlfile import RulesError, parse

SCHEMA: dict[str, Any] = json.loads((shipped_rules() / "destination.schema.json").read_text("utf-8"))
FILES = sorted((shipped_rules() / "destinations").glob("*.yaml"))
VENDORS = {each.vendor: each.category for each in load().vendors.values()}

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def destinations(path: Path) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = parse(path, path.read_bytes(), SCHEMA).value["destinations"]
    return listed


def names(destination: dict[str, Any]) -> list[str]:
    return [destination["name"], *destination.get("aliases", [])]


def named(name: str) -> dict[str, Any]:
    found = [each for each in destinations(shipped_rules() / "destinations/segment.yaml") if name in names(each)]
    assert len(found) == 1, name
    return found[0]


def test_the_destinations_of_segment_ship() -> None:
    assert "segment" in {path.stem for path in FILES}


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@each_file
def test_a_file_names_its_schema_and_its_router(path: Path) -> None:
    assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=../destination.schema.json\n")
    router = parse(path, path.read_bytes(), SCHEMA).value["router"]
    assert router == path.stem
    assert router in VENDORS


@each_file
def test_no_two_destinations_share_a_name_whatever_its_case(path: Path) -> None:
    counted = Counter(name for each in destinations(path) for name in {name.casefold() for name in names(each)})
    assert [name for name, times in counted.items() if times > 1] == []


@each_file
def test_no_alias_repeats_its_name(path: Path) -> None:
    assert [each["name"] for each in destinations(path) if each["name"] in each.get("aliases", [])] == []


@each_file
def test_a_vendor_of_a_destination_has_a_file(path: Path) -> None:
    assert {each["vendor"] for each in destinations(path) if "vendor" in each} - set(VENDORS) == set()


@each_file
def test_a_destination_of_another_category_than_its_vendor_says_why(path: Path) -> None:
    others = [
        each for each in destinations(path) if VENDORS.get(each.get("vendor", ""), each["category"]) != each["category"]
    ]
    assert [each["name"] for each in others if "why" not in each] == []


@each_file
def test_the_destinations_stand_in_the_order_of_their_names(path: Path) -> None:
    order = [each["name"].casefold() for each in destinations(path)]
    assert order == sorted(order)


def test_enough_destinations_of_segment_are_known_in_every_category() -> None:
    counted = Counter(each["category"] for each in destinations(shipped_rules() / "destinations/segment.yaml"))
    assert counted.total() >= 150
    assert min(counted["functional"], counted["analytics"], counted["marketing"]) >= 30


@pytest.mark.parametrize(
    ("name", "category", "vendor"),
    [
        ("Google Analytics", "analytics", "google-analytics"),
        ("Google Analytics 4 Web", "analytics", "google-analytics"),
        ("Amplitude", "analytics", "amplitude"),
        ("Amplitude (Actions)", "analytics", "amplitude"),
        ("Mixpanel", "analytics", "mixpanel"),
        ("Hotjar", "analytics", "hotjar"),
        ("Facebook Pixel", "marketing", "meta-pixel"),
        ("Google AdWords New", "marketing", "google"),
        ("LinkedIn Insight Tag", "marketing", "linkedin-insight-tag"),
        ("Braze Web Device Mode (Actions)", "marketing", None),
        ("Customer.io", "marketing", None),
        ("Intercom", "functional", None),
        ("Zendesk", "functional", None),
    ],
)
def test_a_destination_that_many_sites_use_is_known(name: str, category: str, vendor: str | None) -> None:
    destination = named(name)
    assert (destination["category"], destination.get("vendor")) == (category, vendor)


def test_the_router_is_no_destination_of_its_own() -> None:
    listed = {name for each in destinations(shipped_rules() / "destinations/segment.yaml") for name in names(each)}
    assert listed.isdisjoint({"Segment.io", "All"})


MISTAKES = [
    ("a category that is never held", "category: analytics", "category: necessary"),
    ("an unknown word", "category: analytics", "category: analytics, colour: blue"),
    ("an unknown mode", "mode: [cloud]", "mode: [browser]"),
    ("no mode in the list", "mode: [cloud]", "mode: []"),
    ("an unknown source", "source: docs", "source: hearsay"),
    ("a name with a blank at its end", "name: Acme", 'name: "Acme "'),
    ("no name", "name: Acme, ", ""),
]


@pytest.mark.parametrize(("old", "new"), [mistake[1:] for mistake in MISTAKES], ids=[each[0] for each in MISTAKES])
def test_the_schema_refuses(old: str, new: str, tmp_path: Path) -> None:
    right = "router: acme\ndestinations:\n  - {name: Acme, category: analytics, mode: [cloud], source: docs}\n"
    assert old in right
    parse(tmp_path / "acme.yaml", right.encode(), SCHEMA)
    with pytest.raises(RulesError) as error:
        parse(tmp_path / "acme.yaml", right.replace(old, new).encode(), SCHEMA)
    assert error.value.line == 3


def test_every_word_of_the_schema_is_explained() -> None:
    for words in (SCHEMA["properties"], SCHEMA["$defs"]["destination"]["properties"]):
        assert [word for word, rule in words.items() if not rule.get("description")] == []
