"""JUnit XML, in the form of Jenkins' xunit plugin (junit-10.xsd): a suite for each state, a case for each vendor in it.

Violations fail a case, and warnings are told in its output: a build fails by what is wrong, not by what is worth
a look.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from lxml import etree

from ...cleaned import one_line, plain_text
from ..model import VIOLATION, AuditResult, Finding, StateRun
from .wording import KIND_WORDS

# Findings that belong to no vendor, or to no state, stand in a case of this name.
_SITE = "the site"


def junit(result: AuditResult, known: frozenset[str] = frozenset()) -> str:
    """The result as JUnit XML; findings that are `known` are skipped cases."""
    root = etree.Element("testsuites", name="consentry audit", time=_seconds(result.seconds))
    named = {each.state for each in result.states}
    for state in result.states:
        found = [each for each in result.findings if each.state == state.state]
        root.append(_suite(result, state.state, state, found, known))
    rest = [each for each in result.findings if each.state not in named]
    if rest or result.errors or not result.states:
        suite = _suite(result, "every state", None, rest, known)
        for message in result.errors:
            case = etree.SubElement(suite, "testcase", name="the audit itself", classname=_class(result, ""))
            etree.SubElement(case, "error", message=one_line(message), type="audit")
        _count(suite)
        root.append(suite)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name) or 0) for suite in root)))
    return etree.tostring(root, encoding="unicode", pretty_print=True)


def _suite(
    result: AuditResult, name: str, state: StateRun | None, found: Iterable[Finding], known: frozenset[str]
) -> etree._Element:
    suite = etree.Element("testsuite", name=one_line(f"{result.site} {name}"))
    suite.set(
        "timestamp",
        datetime.fromtimestamp(state.started if state else result.started, UTC).isoformat("T", "seconds")[:19],
    )
    suite.set("time", _seconds(state.seconds if state else 0))
    cases: dict[str, list[Finding]] = {row.vendor: [] for row in result.vendors} if state else {}
    for each in found:
        cases.setdefault(each.vendor or _SITE, []).append(each)
    for vendor, findings in (cases or {_SITE: []}).items():
        _case(suite, vendor, _class(result, name), findings, known)
    if state is not None and state.error:
        case = etree.SubElement(suite, "testcase", name="the state is reached", classname=_class(result, name))
        etree.SubElement(case, "error", message=one_line(state.error), type="state-not-reached")
    _count(suite)
    return suite


def _case(
    suite: etree._Element, vendor: str, classname: str, findings: Iterable[Finding], known: frozenset[str]
) -> None:
    case = etree.SubElement(suite, "testcase", name=one_line(vendor), classname=classname)
    findings = list(findings)
    failing = [each for each in findings if each.severity == VIOLATION and each.key not in known]
    if failing:
        failure = etree.SubElement(case, "failure", type=failing[0].kind)
        failure.set("message", one_line("; ".join(dict.fromkeys(each.title for each in failing))))
        failure.text = plain_text("\n\n".join(map(_told, failing)))
    elif any(each.key in known for each in findings):
        etree.SubElement(case, "skipped", message="known from the baseline")
    if others := [each for each in findings if each not in failing]:
        etree.SubElement(case, "system-out").text = plain_text("\n\n".join(map(_told, others)))


def _told(finding: Finding) -> str:
    lines = [f"{finding.severity}: {finding.title}", f"page: {finding.page}", *finding.evidence]
    lines += [f"law: {finding.law}"] if finding.law else []
    return "\n".join([*lines, f"remedy: {finding.remedy}", f"key: {finding.key} ({KIND_WORDS[finding.kind]})"])


def _count(suite: etree._Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for name, path in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{path}"))))


def _class(result: AuditResult, state: str) -> str:
    # Dots part packages in many programs that show these.
    return one_line(f"consentry.{result.site.partition('://')[2].replace('.', '_')}.{state}").rstrip(".")


def _seconds(seconds: float) -> str:
    return f"{max(0.0, seconds):.3f}"
