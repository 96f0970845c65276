"""Vendors and verdicts as text for a terminal and as plain data."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from .catalogue.match import Catalogue
from .catalogue.model import Destination, Vendor
from .consent.model import CATEGORIES, Consent
from .decode import Decoded
from .explain import Explanation, Routed


def vendor_list(catalogue: Catalogue) -> str:
    """One line a vendor."""
    vendors = sorted(catalogue.vendors.values(), key=lambda vendor: vendor.vendor)
    width = max((len(vendor.vendor) for vendor in vendors), default=0)
    names = max((len(vendor.name) for vendor in vendors), default=0)
    lines = [f"{each.vendor:<{width}}  {each.category:<10}  {each.name:<{names}}  {each.owner}" for each in vendors]
    return "\n".join(lines)


def vendor_plain(vendor: Vendor, destinations: Iterable[Destination] | None = None) -> dict[str, Any]:
    """Everything a vendor file says, JSON-ready; with `destinations`, what a router is known to forward to as well."""
    plain = asdict(vendor)
    plain["law"] = dict(vendor.law)
    if destinations is not None and vendor.router is not None:
        plain["destinations"] = [asdict(each) for each in destinations]
    return plain


def vendor_page(vendor: Vendor, destinations: Collection[Destination] = ()) -> str:
    """Everything a vendor file says, to be read. `destinations` are those that a router is known to forward to."""
    page = _Page()
    page.title(vendor.name)
    page.fact("Vendor", vendor.vendor)
    page.fact("Category", vendor.category)
    page.fact("Owner", vendor.owner)
    page.fact("Website", vendor.website)
    page.fact("Also known as", ", ".join(vendor.aliases))
    page.fact("Industries", ", ".join(vendor.industries))
    page.text("Overview", vendor.overview)
    page.text("What the script does", vendor.script)
    page.text("Block without consent?", vendor.block_without_consent)
    for law, title in (("gdpr", "GDPR"), ("ccpa", "CCPA"), ("eprivacy", "ePrivacy")):
        page.text(title, vendor.law.get(law, ""))
    page.table(
        "Domains",
        [
            (each.domain, each.label, "" if each.scope == "host" else "only what a rule names")
            for each in vendor.domains
        ],
    )
    page.table(
        "Requests",
        [
            (rule.rule, rule.category or vendor.category, f"{rule.host}{rule.path}", rule.what)
            for rule in vendor.requests
        ],
    )
    page.table("Never held", [(f"{each.host}{each.path}", each.why) for each in vendor.exempt])
    page.table("Inline scripts", [(each.rule, each.category or vendor.category, each.what) for each in vendor.snippets])
    page.table(
        "Cookies",
        [
            (each.name, f"{each.party} party", each.category or vendor.category, each.lifetime, each.purpose)
            for each in vendor.cookies
        ],
    )
    page.table("Storage", [(each.key, each.area, each.purpose) for each in vendor.storage])
    page.fact("Globals", ", ".join(vendor.globals))
    page.fact("In bundles", ", ".join(vendor.bundle))
    page.fact("GTM templates", ", ".join(vendor.gtm))
    page.fact("Stub", "yes" if vendor.stub else "none needed")
    page.fact("In the IAB's vendor list", _listed_as(vendor.tcf, vendor))
    page.fact("In Google's provider list", _listed_as(vendor.google_ac, vendor))
    page.fact("When withdrawn", "its script is told to forget" if vendor.withdraw else "")
    page.fact("Surrogate", vendor.surrogate or "none needed")
    if vendor.router is not None:
        page.fact("Router", f"it forwards to destinations, of which {_counted(destinations)}")
    for each in vendor.questions:
        page.text(each.question, each.answer)
    page.fact("Related", ", ".join(vendor.related))
    page.table("Sources", [(source,) for source in vendor.sources])
    return page.finish()


def _listed_as(number: int | None, vendor: Vendor) -> str:
    return f"{number}, for {' and '.join(vendor.listed_for or (vendor.category,))}" if number is not None else ""


def _counted(destinations: Collection[Destination]) -> str:
    by_category = Counter(each.category for each in destinations)
    parts = [f"{by_category[category]} {category}" for category in CATEGORIES if by_category[category]]
    return f"{len(destinations)} are known" + (f": {', '.join(parts)}" if parts else "")


def verdict_words(explanation: Explanation, catalogue: Catalogue) -> str:
    """A verdict and the rule behind it, to be read."""
    verdict, match = explanation.verdict, explanation.match
    page = _Page()
    page.title(f"{verdict.action.upper()}  {explanation.url}")
    page.fact("Why", verdict.reason)
    if match is not None:
        vendor = catalogue.vendors[match.vendor]
        page.fact("Vendor", f"{vendor.name} ({vendor.vendor}), {vendor.owner}")
        page.fact("Rule", f"{match.rule} ({match.kind})" + (f": {match.what}" if match.what else ""))
        page.fact("Needs", ", ".join(verdict.categories) or "nothing")
        page.fact("Missing", ", ".join(verdict.missing))
        page.fact("Listed as", match.label)
    if explanation.routed is not None:
        _routed(page, explanation.routed)
    return page.finish()


def _routed(page: _Page, routed: Routed) -> None:
    page.fact("As a router", f"{routed.will} (policy: {routed.policy})")
    if routed.destinations is None:
        page.fact(
            "Destinations", "not known; name its settings with --settings FILE, or let them be asked for with --ask"
        )
        return
    page.table(
        "Destinations",
        [
            (each.verdict, each.name, each.category or "every category, since it is in no list", each.reason)
            for each in routed.destinations
        ],
    )


def decoded_words(decoded: Decoded) -> str:
    """What a cookie header or string says, to be read."""
    page = _Page()
    answers = {True: "granted", False: "denied", None: "unset"}
    consent = decoded.consent
    page.title("Consent")
    for category in CATEGORIES:
        page.fact(category.capitalize(), answers[consent.categories.get(category)] + _elsewhere(consent, category))
    for vendor, granted in sorted(consent.vendors.items()):
        page.fact(vendor, answers[granted] + _elsewhere(consent, vendor))
    for vendor, names in sorted(consent.refused.items()):
        page.fact(vendor, f"denied for {' and '.join(sorted(names))}{_elsewhere(consent, vendor)}")
    page.fact("GPC", "yes" if consent.gpc else "")
    page.fact("Read from", consent.signal)
    page.fact("Note", consent.note)
    for each in decoded.found:
        where = each.where if each.what in each.where else f"{each.what}, in {each.where}"
        page.text(f"{where} (how sure: {each.sure})", f"{each.consent.words()}. {each.consent.note}")
        page.table("As written", list(each.details.items()))
    return page.finish()


def _elsewhere(consent: Consent, name: str) -> str:
    """Where an answer was read, if not where the others were."""
    place = consent.read_from(name)
    return f" ({place})" if place != consent.signal else ""


class _Page:
    def __init__(self) -> None:
        self._width = min(max(shutil.get_terminal_size((100, 24)).columns, 60), 120)
        self._blocks: list[str] = []
        self._facts: list[tuple[str, str]] = []

    def title(self, text: str) -> None:
        self._blocks.append(text)

    def fact(self, name: str, value: str) -> None:
        if value:
            self._facts.append((name, value))

    def text(self, title: str, text: str) -> None:
        if text:
            self._flush()
            body = textwrap.fill(" ".join(text.split()), self._width, initial_indent="  ", subsequent_indent="  ")
            self._blocks.append(f"{title}\n{body}")

    def table(self, title: str, rows: list[tuple[str, ...]]) -> None:
        if not rows:
            return
        self._flush()
        widths = [min(max(len(row[column]) for row in rows), 44) for column in range(len(rows[0]))]
        lines = [title]
        for row in rows:
            head = "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row[:-1], widths[:-1], strict=True))
            indent = min(len(head) + 2, 40) if len(row) > 1 else 2
            line = f"{head}  {row[-1]}" if len(row) > 1 else f"  {row[0]}"
            lines.append(
                textwrap.fill(
                    " ".join(line.split("\n")),
                    self._width,
                    subsequent_indent=" " * indent,
                    break_on_hyphens=False,
                    break_long_words=False,
                    drop_whitespace=True,
                ).rstrip()
            )
        self._blocks.append("\n".join(lines))

    def _flush(self) -> None:
        if self._facts:
            width = max(len(name) for name, _ in self._facts)
            fill = [
                textwrap.fill(
                    f"  {name:<{width}}  {value}",
                    self._width,
                    subsequent_indent=" " * (width + 4),
                    break_on_hyphens=False,
                )
                for name, value in self._facts
            ]
            self._blocks.append("\n".join(fill))
            self._facts = []

    def finish(self) -> str:
        self._flush()
        return "\n\n".join(self._blocks)
