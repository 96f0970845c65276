"""Lists of others are read into domains and filters with whom and what they name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy_addon.lists.categories import category_of, table
from proxy_addon.lists.formats import parse
from proxy_addon.lists.importing import import_list, name_of
from proxy_addon.lists.jsonlist import Maker
from proxy_addon.lists.model import ListError, Parsed
from proxy_addon.lists.names import domain

from ..small import write
from .samples import ABP, DISCONNECT, HOSTS, TRACKERDB, radar


def read(text: str, form: str = "", category: str = "analytics") -> tuple[str, Parsed]:
    return parse(text.encode(), form, name="small", category=category)


def domains(parsed: Parsed) -> dict[str, int | str]:
    return {each.text: each.where for each in parsed.domains}


def held(parsed: Parsed) -> dict[str, tuple[str, str]]:
    """The domains, each with its vendor and category."""
    categories = {each.vendor: each.category for each in parsed.companies}
    return {each.text: (each.holder, categories[each.holder]) for each in parsed.domains}


def test_a_filter_list_gives_domains_where_a_filter_names_a_whole_one_without_condition() -> None:
    form, parsed = read(ABP)
    assert form == "abp"
    assert domains(parsed) == {"whole.test": 3, "third.test": 4}
    assert parsed.title == "Small List"


def test_a_filter_list_keeps_every_network_filter_and_leaves_out_what_hides_elements() -> None:
    _, parsed = read(ABP)
    assert [each.where for each in parsed.filters] == [3, 4, 5, 6, 7, 8, 9, 10, 11, 14]
    assert parsed.skipped == 2


@pytest.mark.parametrize(
    "exception", ["@@||whole.test/a.js", "@@||www.whole.test^$domain=shop.test", "@@||test^$script", "@@||whole.test^"]
)
def test_a_domain_that_an_exception_touches_is_left_to_the_engine(exception: str) -> None:
    assert domains(read(f"||whole.test^\n{exception}\n", "abp")[1]) == {}


def test_a_hosts_file_gives_its_names_without_those_of_this_machine() -> None:
    form, parsed = read(HOSTS)
    assert form == "hosts"
    assert domains(parsed) == {"tracker.test": 4, "other.tracker2.test": 5, "third.test": 5, "plain.test": 6}
    assert parsed.skipped == 1


@pytest.mark.parametrize("text", [ABP, HOSTS])
def test_a_list_that_does_not_say_what_entries_do_needs_a_category(text: str) -> None:
    with pytest.raises(ListError, match="--category analytics"):
        read(text, category="")


def test_disconnect_gives_a_vendor_for_each_company_and_category() -> None:
    form, parsed = read(DISCONNECT, category="")
    assert form == "disconnect"
    assert held(parsed) == {
        "adverts.test": ("adverts", "marketing"),
        "cdn-adverts.test": ("adverts", "marketing"),
        "count-adverts.test": ("adverts-analytics", "analytics"),
        "beta.test": ("beta-counter", "analytics"),
    }


def test_companies_whose_names_and_categories_run_into_each_other_stay_apart() -> None:
    made = Maker(lambda _: 0)
    said = [("foo", "analytics"), ("foo-marketing", "analytics"), ("foo", "marketing"), ("foo", "marketing")]
    found = [made.company(key, key, key, "", category) for key, category in said]
    assert found == ["foo", "foo-marketing", "foo-marketing-marketing", "foo-marketing-marketing"]


def test_disconnect_leaves_out_what_is_necessary_or_of_an_unknown_category() -> None:
    assert read(DISCONNECT, category="")[1].skipped == 2


def test_a_chosen_category_comes_before_those_of_the_list() -> None:
    _, parsed = read(DISCONNECT, category="marketing")
    assert {category for _, category in held(parsed).values()} == {"marketing"}
    assert "odd.test" in held(parsed)


def test_a_domain_of_a_json_list_is_known_by_its_line() -> None:
    _, parsed = read(DISCONNECT, category="")
    lines = DISCONNECT.splitlines()
    assert all(f'"{each.text}"' in lines[int(each.where) - 1] for each in parsed.domains)


def test_trackerdb_gives_a_vendor_for_each_pattern_with_its_organisation() -> None:
    form, parsed = read(TRACKERDB, category="")
    assert form == "trackerdb"
    assert held(parsed) == dict.fromkeys(("adverts.test", "pixel.test"), ("adverts-pixel", "marketing"))
    (company,) = parsed.companies
    assert (company.name, company.owner, company.website) == ("Adverts Pixel", "Adverts Ltd", "https://adverts.test/")
    assert [each.text for each in parsed.filters] == ["||pixel.test^$3p", "||files.test/adverts.js"]


def test_a_file_of_tracker_radar_gives_its_domain() -> None:
    form, parsed = read(radar("adverts.test", "Advertising", "Analytics"), category="")
    assert form == "tracker-radar"
    assert held(parsed) == {"adverts.test": ("adverts", "marketing")}


def test_a_folder_of_tracker_radar_gives_every_domain_and_names_its_file(tmp_path: Path) -> None:
    write(tmp_path, "domains/US/adverts.test.json", radar("adverts.test", "Advertising"))
    write(tmp_path, "domains/DE/adverts.test.json", radar("adverts.test", "Advertising"))
    write(tmp_path, "domains/US/count.test.json", radar("count.test", "Session Replay"))
    write(tmp_path, "domains/US/files.test.json", radar("files.test", "CDN", "Advertising"))
    write(tmp_path, "domains/US/silent.test.json", radar("silent.test"))
    write(tmp_path, "entities/Adverts.json", "{}")
    parsed = import_list(str(tmp_path)).parsed
    assert domains(parsed) == {
        "adverts.test": "domains/DE/adverts.test.json",
        "count.test": "domains/US/count.test.json",
    }
    assert held(parsed)["count.test"] == ("adverts-analytics", "analytics")


@pytest.mark.parametrize("form", ["disconnect", "trackerdb", "tracker-radar"])
def test_every_word_of_another_list_stands_for_a_category_of_ours(form: str) -> None:
    known = {"necessary", "functional", "analytics", "marketing"}
    assert set(table(form).values()) <= known
    assert all(category_of(form, [word]) in known for word in table(form))
    assert category_of(form, ["no such word"]) is None


@pytest.mark.parametrize("text", ["{}", "[1]", "", '{"a": '])
def test_what_is_no_list_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ListError) as caught:
        read(text)
    assert "--format" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["", "abp", "hosts"])
def test_a_web_page_is_no_list_whatever_it_is_said_to_be(form: str) -> None:
    with pytest.raises(ListError, match="is a web page"):
        read("<!-- hello -->\n<!DOCTYPE html><html><body>0.0.0.0 a.test</body></html>", form)


@pytest.mark.parametrize("form", ["disconnect", "trackerdb"])
def test_a_list_that_is_not_what_it_is_said_to_be_is_refused(form: str) -> None:
    with pytest.raises(ListError, match="--format"):
        read(json.dumps({"domain": "a.test"}), form)


def test_what_is_not_utf_8_is_refused() -> None:
    with pytest.raises(ListError, match="is not UTF-8"):
        parse(b"\xff\xfe||a.test^", "", name="x", category="analytics")


@pytest.mark.parametrize(
    "text", ["com", "co.uk", "github.io", "127.0.0.1", "::1", "localhost", "a b.test", "x" * 300 + ".test"]
)
def test_what_is_no_vendors_domain_is_none(text: str) -> None:
    assert domain(text) is None


@pytest.mark.parametrize(("text", "name"), [("Tracker.Test.", "tracker.test"), ("bücher.test", "xn--bcher-kva.test")])
def test_a_domain_is_told_in_ascii_and_lower_case(text: str, name: str) -> None:
    assert domain(text) == name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("https://lists.test/easy/Easy_Privacy.v1.txt?x=1", "easy-privacy"),
        ("/home/me/tracker-radar/", "tracker-radar"),
        ("services.json", "services"),
    ],
)
def test_a_list_is_called_after_its_file(source: str, name: str) -> None:
    assert name_of(source) == name
