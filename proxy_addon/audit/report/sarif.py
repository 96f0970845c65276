"""SARIF 2.1.0 (OASIS): a result for each finding, where code scanning shows findings.

A finding is about a page, not about a file of a repository: its location is the page's address.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ...cleaned import plain_text
from ...ledger.texts import at
from ..model import KINDS, VIOLATION, AuditResult, Finding
from .wording import KIND_WORDS, ordered

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_WEBSITE = "https://consentry.dev"


def sarif(result: AuditResult, known: frozenset[str] = frozenset()) -> str:
    """The result as SARIF; findings that are `known` are suppressed."""
    ended = result.started + result.seconds
    run = {
        "tool": {
            "driver": {
                "name": "Consentry",
                "informationUri": _WEBSITE,
                "semanticVersion": result.version,
                "rules": [_rule(kind) for kind in KINDS],
            }
        },
        "invocations": [
            {
                "executionSuccessful": not result.errors,
                "startTimeUtc": at(result.started),
                "endTimeUtc": at(ended),
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": plain_text(each) or "?"}} for each in result.errors
                ],
            }
        ],
        "automationDetails": {"id": f"consentry-audit/{plain_text(result.site)}/"},
        "results": [_result(each, known) for each in ordered(result.findings)],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=False) + "\n"


def _rule(kind: str) -> dict[str, Any]:
    name = "".join(word.capitalize() for word in kind.split("-"))
    return {"id": kind, "name": name, "shortDescription": {"text": KIND_WORDS[kind]}}


def _result(finding: Finding, known: frozenset[str]) -> dict[str, Any]:
    text = ". ".join(each.rstrip(".") for each in (finding.title, *finding.evidence, finding.remedy) if each)
    found: dict[str, Any] = {
        "ruleId": finding.kind,
        "ruleIndex": KINDS.index(finding.kind),
        "level": "error" if finding.severity == VIOLATION else "warning",
        "message": {"text": plain_text(text) + "."},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _uri(finding.page)}},
                "logicalLocations": [{"name": plain_text(finding.state), "kind": "member"}],
            }
        ],
        "partialFingerprints": {"consentryKey/v1": hashlib.sha256(finding.key.encode()).hexdigest()},
        "properties": {
            "key": finding.key,
            "state": finding.state,
            "vendor": finding.vendor,
            "category": finding.category,
            "law": finding.law,
        },
    }
    if finding.key in known:
        found["suppressions"] = [{"kind": "external", "justification": "known from the baseline"}]
    return found


def _uri(page: str) -> str:
    """A page's address with nothing in it that a URI reference may not hold."""
    kept = "-._~:/?#[]@!$&'()*+,;=%"
    return "".join(
        each
        if each.isascii() and (each.isalnum() or each in kept)
        else "".join(f"%{byte:02X}" for byte in each.encode("utf-8", "replace"))
        for each in page
    )
