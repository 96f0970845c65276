"""A result in which nothing is empty, for tests of what is made of results."""

from __future__ import annotations

from proxy_addon.audit import model
from proxy_addon.audit.model import (
    AuditResult,
    Cell,
    Clicks,
    ConsoleError,
    CookieSeen,
    Finding,
    HostSeen,
    PageMissed,
    RequestSeen,
    Screenshot,
    SignalSent,
    StateRun,
    StorageSeen,
    VendorRow,
)

_PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)
_PAGE = "https://shop.example/"


def full_result() -> AuditResult:
    """Two states of a shop on which Google Analytics runs whatever is chosen."""
    refused = StateRun(
        state="reject",
        title="Refuses everything",
        expected={"functional": "denied", "analytics": "denied", "marketing": "denied"},
        how="platform",
        clicks=2,
        consent="functional denied, analytics denied, marketing denied",
        signal="klaro",
        error="",
        started=1_700_000_001.5,
        seconds=2.25,
        pages=(_PAGE,),
        requests=(
            RequestSeen(
                1, 0.0, model.BEFORE, "GET", _PAGE, "shop.example", "document", _PAGE, "", "", "", (), "allow",
                "passed", "no catalogued vendor is behind it", 200,
            ),
            RequestSeen(
                2, 0.5, model.AFTER, "POST", "https://www.google-analytics.com/g/collect?v=…&gcs=…",
                "www.google-analytics.com", "empty", _PAGE, "https://www.googletagmanager.com/gtag/js?id=…",
                "google-analytics", "collect", ("analytics",), "block", "passed",
                "google-analytics needs analytics: analytics is denied (the visitor)", 204,
            ),
            RequestSeen(
                3, 0.6, model.AFTER, "GET", "https://cdn.neighbour.example/a.js", "cdn.neighbour.example", "script",
                _PAGE, _PAGE, "", "", (), "allow", "passed", "no catalogued vendor is behind it", 0,
            ),
        ),
        cookies=(
            CookieSeen(
                "_ga", ".shop.example", "/", "google-analytics", ("analytics",),
                "https://www.googletagmanager.com/gtag/js?id=…", "script", "13 months", model.AFTER, (model.AFTER,),
                http_only=False, secure=True, same_site="Lax",
            ),
        ),
        storage=(
            StorageSeen(
                "https://shop.example", "local", "ajs_anonymous_id", "segment", ("analytics",), _PAGE, model.BEFORE,
                (model.BEFORE, model.AFTER),
            ),
        ),
        signals=(
            SignalSent(
                0.5, model.AFTER, "google-analytics", "https://www.google-analytics.com/g/collect?v=…&gcs=…",
                "google-consent-mode", "gcs", "G111",
                "google was told granted for analytics_storage, and the visitor denied analytics",
            ),
        ),
        console=(ConsoleError(0.7, model.AFTER, "exception", "ReferenceError: ga is not defined", _PAGE),),
        screenshots=(Screenshot(model.AFTER, _PAGE, 1, 1, _PNG),),
        missed=(PageMissed(1.5, f"{_PAGE}gone", f"{_PAGE}gone cannot be looked at: the answer is 404"),),
    )  # fmt: skip
    silent = StateRun(
        "nothing", "Has said nothing yet", {"functional": "unset", "analytics": "unset", "marketing": "unset"}, "", 0,
        "functional unset, analytics unset, marketing unset", "none", "", 1_700_000_000.0, 1.5, (_PAGE,),
    )  # fmt: skip
    violation = Finding(
        "ran-without-consent google-analytics reject", model.RAN, model.VIOLATION,
        "Google Analytics ran though analytics was refused", _PAGE, "reject", "google-analytics", "analytics",
        ("POST https://www.google-analytics.com/g/collect?v=…&gcs=… 0.5 s into the visit",),
        "ePrivacy Directive, Article 5(3)", "Let the tag wait for consent.",
    )  # fmt: skip
    warning = Finding(
        "uncatalogued-host cdn.neighbour.example", model.UNCATALOGUED, model.WARNING,
        "cdn.neighbour.example is in nobody's file", _PAGE, "reject", "", "", ("1 request (script)",), "",
        "Find out whose it is, and add it to a folder of rules.",
    )  # fmt: skip
    return AuditResult(
        site=_PAGE,
        started=1_700_000_000.0,
        seconds=4.5,
        version="0.0",
        mode="observe",
        regime="gdpr",
        platform="klaro",
        browser="Chromium 1.2.3",
        states=(silent, refused),
        findings=(violation, warning),
        vendors=(
            VendorRow(
                "google-analytics", "Google Analytics", "analytics", ("analytics",),
                {"nothing": Cell(model.CELL_SILENT, 0, 0), "reject": Cell(model.CELL_VIOLATION, 1, 1)},
            ),
        ),
        hosts=(HostSeen("cdn.neighbour.example", 1, ("script",), ("reject",)),),
        clicks=Clicks(1, None),
        errors=("No sitemap was found.",),
    )  # fmt: skip
