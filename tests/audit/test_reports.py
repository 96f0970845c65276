"""Reports: valid by their public schemas, whole, and safe whatever a page says."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from lxml import etree
from lxml import html as lxml_html
from referencing import Registry, Resource
from rich.console import Console

from proxy_addon.audit.model import KINDS, AuditResult, from_json
from proxy_addon.audit.report import check_targets, write_reports
from proxy_addon.audit.report.har import har_files
from proxy_addon.audit.report.html import html, timeline
from proxy_addon.audit.report.junit import junit
from proxy_addon.audit.report.markdown import markdown
from proxy_addon.audit.report.sarif import sarif
from proxy_addon.audit.report.tables import COOKIE_COLUMNS, FINDING_COLUMNS, cookies_csv, findings_csv
from proxy_addon.audit.report.terminal import show
from proxy_addon.audit.report.wording import KIND_WORDS
from proxy_addon.config import UsageError
from tests.kit.npm import package_file
from tests.kit.pypi import source_file

from . import sample

pytestmark = pytest.mark.once

HOSTILE = (
    "\"'><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\x00\ud800"
    "=1+1|`*_[a](javascript:b)@team #1 {{7*7}}"
)
NASTY = st.text(st.characters(codec=None), max_size=40)


@lru_cache(maxsize=1)
def junit_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(source_file("pytest", "9.2.0", "testing/example_scripts/junit-10.xsd")))


@lru_cache(maxsize=1)
def sarif_schema() -> Draft7Validator:
    return Draft7Validator(json.loads(source_file("sarif_pydantic", "0.6.2", "sarif-schema-2.1.0.json")))


@lru_cache(maxsize=1)
def har_schema() -> Draft7Validator:
    parts = (
        "afterRequest beforeRequest browser cache content cookie creator entry har header log page pageTimings "
        "postData query request response timings"
    ).split()
    loaded = {name: json.loads(package_file("har-schema", "2.0.0", f"lib/{name}.json")) for name in parts}
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(schema))
        for each, schema in loaded.items()
        for name in (each + ".json", schema["$id"])
    )
    return Draft7Validator(loaded["har"], registry=registry)


@pytest.mark.parametrize("text", ["", HOSTILE], ids=["plain", "hostile"])
def test_junit_is_valid_and_counts(text: str) -> None:
    root = etree.fromstring(junit(sample.result(text)).encode())
    junit_schema().assertValid(root)
    assert (root.get("failures"), root.get("errors")) == ("2", "2")
    failure = root.find("testsuite[2]/testcase[@name='segment']/failure")
    assert failure is not None
    assert "Load it once analytics is granted" in (failure.text or "")
    assert root.find("testsuite[1]/testcase[@name='segment']/failure") is None


def test_junit_fails_only_by_what_is_new() -> None:
    known = frozenset({"ran|segment", "hard"})
    root = etree.fromstring(junit(sample.result(), known).encode())
    junit_schema().assertValid(root)
    assert root.get("failures") == "0"
    assert root.find(".//testcase[@name='segment']/skipped") is not None


def test_junit_of_a_clean_audit_has_a_passed_case_for_each_vendor_and_state() -> None:
    root = etree.fromstring(junit(sample.clean()).encode())
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("6", "0", "0")


@pytest.mark.parametrize("text", ["", HOSTILE], ids=["plain", "hostile"])
def test_sarif_is_valid(text: str) -> None:
    log = json.loads(sarif(sample.result(text), frozenset({"hard"})))
    sarif_schema().validate(log)
    (run,) = log["runs"]
    assert [each["level"] for each in run["results"]] == ["error", "error", "warning"]
    assert ["suppressions" in each for each in run["results"]] == [False, True, False]
    assert {each["ruleId"] for each in run["results"]} <= {each["id"] for each in run["tool"]["driver"]["rules"]}
    assert not run["invocations"][0]["executionSuccessful"]


@pytest.mark.parametrize("text", ["", HOSTILE], ids=["plain", "hostile"])
def test_har_is_valid_and_has_every_request(text: str) -> None:
    files = har_files(sample.result(text))
    assert list(files) == ["nothing", "reject", "accept"]
    for content in files.values():
        log = json.loads(content)
        har_schema().validate(log)
        assert len(log["log"]["entries"]) == 4
        assert {each["pageref"] for each in log["log"]["entries"]} == {each["id"] for each in log["log"]["pages"]}


def test_json_comes_back_as_the_same_result() -> None:
    assert from_json(sample.result().to_json()) == sample.result()


def test_csv_has_every_finding_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(findings_csv(sample.result("\n=cmd()"), frozenset({"hard"})))))
    assert tuple(rows[0]) == FINDING_COLUMNS
    assert [each["severity"] for each in rows] == ["violation", "violation", "warning"]
    assert [each["known"] for each in rows] == ["no", "yes", "no"]
    evil = replace(sample.finding(), title="=HYPERLINK(1)", page="@SUM(1)", remedy="-1")
    (row,) = csv.DictReader(io.StringIO(findings_csv(replace(sample.result(), findings=(evil,)))))
    assert (row["title"], row["page"], row["remedy"]) == ("'=HYPERLINK(1)", "'@SUM(1)", "'-1")


def test_cookies_stand_in_a_table_of_their_own() -> None:
    rows = list(csv.DictReader(io.StringIO(cookies_csv(sample.result()))))
    assert tuple(rows[0]) == COOKIE_COLUMNS
    assert [(each["state"], each["name"], each["phases"], each["secure"]) for each in rows] == [
        (name, "ajs_id", "before,after", "yes") for name in ("nothing", "reject", "accept")
    ]


def test_markdown_is_a_short_summary() -> None:
    text = markdown(sample.result(), frozenset({"hard"}))
    assert text.startswith(
        "### ❌ Consent audit of https\\://www.shop.example/\n\n**1 violation, 1 warning, 1 known from"
    )
    assert "- ❌ **Segment ran without consent** (state reject, " in text
    assert "| Segment | **ran without consent \\(1\\)** | held \\(1\\) | not reached |" in text
    assert markdown(sample.clean()).startswith("### ✅ ")
    many = replace(sample.result(), findings=tuple(sample.finding(str(index)) for index in range(50)))
    assert "… and 30 more" in markdown(many)


def test_markdown_leaves_a_strangers_text_as_text() -> None:
    text = markdown(sample.result(HOSTILE))
    for sign in ("<script", "<img", "](javascript", "@team", " #1", "`*_"):
        assert not re.search(r"(?<!\\)" + re.escape(sign), text), sign


def document(text: str) -> lxml_html.HtmlElement:
    return lxml_html.document_fromstring(text)


@given(text=NASTY)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_html_has_the_same_elements_whatever_a_page_says(text: str) -> None:
    said = document(html(sample.result("x" + text)))
    usual = document(html(sample.result("x")))
    assert [each.tag for each in said.iter()] == [each.tag for each in usual.iter()]
    assert [sorted(each.attrib) for each in said.iter()] == [sorted(each.attrib) for each in usual.iter()]


@given(text=NASTY)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_xml_and_json_forms_stay_whole_whatever_a_page_says(text: str) -> None:
    odd = sample.result(text)
    junit_schema().assertValid(etree.fromstring(junit(odd).encode()))
    sarif_schema().validate(json.loads(sarif(odd)))
    for content in har_files(odd).values():
        json.loads(content)


@given(text=NASTY)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_terminal_is_never_steered(text: str) -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=120)
    show(sample.result("\x1b]0;x\x07" + text), console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)


def test_html_asks_for_nothing_and_runs_nothing() -> None:
    page = document(html(sample.result(HOSTILE)))
    assert not page.xpath("//script | //link | //iframe | //object | //form")
    assert not [name for each in page.iter() for name in each.attrib if name.startswith("on")]
    assert {each.get("src").partition(",")[0] for each in page.xpath("//img")} == {"data:image/png;base64"}
    assert not page.xpath("//*[@href]")
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_html_tells_findings_cells_cookies_hosts_and_what_is_known() -> None:
    page = document(html(sample.result(), frozenset({"hard"})))
    text = page.text_content()
    assert "1 violation, 1 warning, 1 known from the baseline" in text
    assert [each.text_content() for each in page.xpath("//tbody/tr[1]/td[contains(@class, 'violation')]")][:1] == [
        "ran without consent (1)"
    ]
    for said in (
        "ajs_id",
        "ajs_key",
        "cdn.other.example",
        "the banner did not show",
        "G111",
        "TypeError",
        "The proxy lost a row",
    ):
        assert said in text
    assert "Nothing was found" in document(html(sample.clean())).text_content()


def test_a_timeline_has_a_dot_for_each_request_and_a_line_for_each_phase() -> None:
    drawn = timeline(sample.state("reject"))
    assert sorted(dot.kind for line in drawn.lines for dot in line.dots) == ["bad", "held", "other", "ran"]
    assert [each.words for each in drawn.moments] == ["after the choice"]
    assert drawn.words == "4 requests in 6.5 s, 1 of them without consent"


def test_a_timeline_of_many_vendors_stays_short() -> None:
    requests = tuple(sample.request(index, 0.1 * index, "before", f"v{index}", "allow") for index in range(60))
    drawn = timeline(replace(sample.state("nothing"), requests=requests))
    assert [line.name for line in drawn.lines][-1] == "37 more vendors"
    assert sum(len(line.dots) for line in drawn.lines) == 60


def test_every_kind_of_finding_has_words() -> None:
    assert set(KIND_WORDS) == set(KINDS)


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("a.html", "<!doctype html>"),
        ("a.json", "{"),
        ("a.xml", "<testsuites"),
        ("a.junit.xml", "<testsuites"),
        ("a.sarif", "{"),
        ("a.sarif.json", '{\n "$schema"'),
        ("a.csv", "severity,"),
        ("a.cookies.csv", "state,name"),
        ("a.MD", "###"),
    ],
)
def test_the_name_of_a_file_chooses_its_form(name: str, begins: str, tmp_path: Path) -> None:
    (written,) = write_reports(sample.result(), [tmp_path / "reports" / name])
    assert written.read_text("utf-8").startswith(begins)


def test_a_strangers_half_character_spoils_no_file(tmp_path: Path) -> None:
    endings = ("html", "json", "xml", "sarif", "csv", "cookies.csv", "md", "har")
    for path in write_reports(sample.result(HOSTILE), [tmp_path / f"a.{ending}" for ending in endings]):
        assert path.read_text("utf-8")


def test_a_har_is_written_for_each_state(tmp_path: Path) -> None:
    written = write_reports(sample.result(), [tmp_path / "audit.har"])
    assert [each.name for each in written] == ["audit.nothing.har", "audit.reject.har", "audit.accept.har"]


def test_a_name_without_a_form_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no report of the form 'b\.pdf'; give a name that ends in \.html"):
        write_reports(sample.result(), [tmp_path / "a.html", tmp_path / "b.pdf"])
    assert not list(tmp_path.iterdir())
    check_targets([tmp_path / "x.har"])


def test_a_file_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.html").mkdir()
    with pytest.raises(UsageError, match=r"a\.html cannot be written: "):
        write_reports(sample.result(), [tmp_path / "a.html"])


def test_a_terminal_shows_verdict_findings_and_matrix() -> None:
    console = Console(file=io.StringIO(), width=160)
    show(sample.result(), console, frozenset({"hard"}))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for said in (
        "1 violation, 1 warning, 1 known",
        "✗ Segment ran without consent",
        "! A stranger",
        "ran without consent (1)",
    ):
        assert said in shown
    assert "Refusing takes" not in shown


def test_an_empty_result_has_every_form(tmp_path: Path) -> None:
    empty: AuditResult = replace(sample.clean(), states=(), vendors=(), hosts=())
    targets = [
        tmp_path / f"a{end}" for end in (".html", ".json", ".xml", ".sarif", ".csv", ".cookies.csv", ".md", ".har")
    ]
    assert len(write_reports(empty, targets)) == 7
    junit_schema().assertValid(etree.parse(tmp_path / "a.xml"))
    sarif_schema().validate(json.loads((tmp_path / "a.sarif").read_text()))
