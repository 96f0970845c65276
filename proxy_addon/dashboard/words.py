"""Rows of evidence in words: what was done, where, by which rule, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .. import ledger
from ..catalogue.match import Catalogue
from ..catalogue.model import Vendor
from ..ledger import Evidence

_DONE = {
    ledger.HELD: "Held",
    ledger.ANSWERED: "Held, and answered in the vendor's place",
    ledger.PASSED: "Ran",
    ledger.FILTERED: "Ran, without the destinations that are refused",
    ledger.RELEASED: "Started when consent came",
    ledger.VIOLATION: "Ran without consent, since nothing is held in observe mode",
    ledger.LEAK: "Leaked: the browser asked for it though it should have been held",
    ledger.MISMATCH: "Ran, but its tag was told something else than the visitor chose",
    ledger.TROUBLE: "Could not be judged",
}
_WHERE = {
    ledger.HTML: "in the page as it came from the site",
    ledger.HEADER: "in the headers of a response",
    ledger.WIRE: "on its way to the vendor",
    ledger.GUARD: "in the page, by the guard",
    ledger.WORKER: "in the browser, by the service worker",
    ledger.CSP_REPORT: "as the browser reports",
}
# The regular expressions tell a browser from those that carry its name too; the first that fits counts.
_BROWSERS = (
    (r"\bEdgA?/(\d{1,4})", "Edge"),
    (r"\bOPR/(\d{1,4})", "Opera"),
    (r"\bSamsungBrowser/(\d{1,4})", "Samsung Internet"),
    (r"\bFirefox/(\d{1,4})", "Firefox"),
    (r"\bFxiOS/(\d{1,4})", "Firefox"),
    (r"\bHeadlessChrome/(\d{1,4})", "Headless Chrome"),
    (r"\b(?:Chrome|CriOS)/(\d{1,4})", "Chrome"),
    (r"\bVersion/(\d{1,4})[.\d]* (?:Mobile/\S+ )?Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def row_words(evidence: Evidence, catalogue: Catalogue) -> str:
    """A row in a few sentences."""
    if evidence.layer == ledger.LEDGER:
        return f"The ledger: {evidence.reason.rstrip('.')}."
    done = _DONE.get(evidence.outcome, evidence.outcome.capitalize())
    where = _WHERE.get(evidence.layer, evidence.layer)
    sentences = [f"{done}, {where}" if evidence.outcome in (ledger.HELD, ledger.PASSED) else f"{done} ({where})"]
    reason = evidence.reason.strip()
    if reason and reason != "the page says so":
        sentences.append(reason[0].upper() + reason[1:])
    if evidence.rule and (rule := rule_words(evidence.vendor or "", evidence.rule, catalogue)):
        sentences.append(rule)
    return " ".join(each.rstrip(".") + "." for each in sentences)


def rule_words(vendor: str, rule: str, catalogue: Catalogue) -> str:
    """What a rule of a vendor's file recognises; '' if there is no such vendor."""
    known = catalogue.vendors.get(vendor)
    if known is None:
        return ""
    return f"Recognised by the rule “{rule}” of {known.name}: {_recognises(known, rule)}"


def _recognises(vendor: Vendor, rule: str) -> str:
    for request in vendor.requests:
        if request.rule == rule:
            return f"{request.what.rstrip('.')} ({request.host}{request.path})"
    for snippet in vendor.snippets:
        if snippet.rule == rule:
            return f"{snippet.what.rstrip('.')} (an inline script)"
    for domain in vendor.domains:
        if domain.domain == rule:
            return f"any request to {rule}, or to a host below it"
    for cookie in vendor.cookies:
        if cookie.name == rule:
            return f"a cookie: {cookie.purpose.rstrip('.')}"
    for key in vendor.storage:
        if key.key == rule:
            return f"a key of the browser's storage: {key.purpose.rstrip('.')}"
    return "the file has changed since"


def browser_words(agent: str) -> str:
    """A user agent in a few words, as 'Chrome 131 on Linux'. It may say anything: what is not known is 'A browser'."""
    agent = agent[:300]
    name = "A browser"
    for pattern, called in _BROWSERS:
        if found := re.search(pattern, agent):
            name = f"{called} {found[1]}"
            break
    system = next((called for sign, called in _SYSTEMS if sign in agent), "")
    return f"{name} on {system}" if system else name


def names(catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:
    """What the pages call each vendor: id → {name, category}."""
    owners = ((vendor, catalogue.owner(vendor)) for vendor in catalogue.vendors)
    return {vendor: {"name": owner.name, "category": owner.category} for vendor, owner in owners}
