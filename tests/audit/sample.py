"""A result with some of everything; `hostile` puts a stranger's text wherever a page can."""

from __future__ import annotations

import base64
from dataclasses import replace

from proxy_addon.audit.model import (
    AuditResult,
    CarriedSeen,
    Cell,
    Clicks,
    ConsoleError,
    CookieSeen,
    Finding,
    HostSeen,
    RequestSeen,
    Screenshot,
    SignalSent,
    StateRun,
    StorageSeen,
    VendorRow,
)

_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PAGE = "https://www.shop.example/checkout?step=…"


def finding(key: str = "ran|segment", severity: str = "violation", text: str = "", **parts: str) -> Finding:
    values = {
        "kind": "ran-without-consent",
        "title": f"Segment ran without consent{text}",
        "page": PAGE,
        "state": "reject",
        "vendor": "segment",
        "category": "analytics",
        "law": "ePrivacy Directive, Article 5(3)",
        "remedy": f"Load it once analytics is granted{text}",
        **parts,
    }
    return Finding(
        key=key, severity=severity, evidence=(f"GET https://cdn.segment.com/x.js{text}", "2 requests"), **values
    )


def request(
    number: int, time: float, phase: str, vendor: str, verdict: str, *, outcome: str = "passed", text: str = ""
) -> RequestSeen:
    host = f"cdn.{vendor or 'other'}.example"
    return RequestSeen(
        number,
        time,
        phase,
        "GET",
        f"https://{host}/a.js?k=…{text}",
        host,
        "script",
        PAGE,
        text,
        vendor,
        f"{vendor}-script" if vendor else "",
        ("analytics",) if vendor else (),
        verdict,
        outcome,
        f"why{text}",
        200,
    )


def state(name: str, text: str = "", error: str = "") -> StateRun:
    return StateRun(
        name,
        f"The state {name}",
        {"functional": "denied", "analytics": "denied", "marketing": "unset"},
        "platform",
        1,
        f"analytics=denied{text}",
        "klaro",
        error,
        1_790_000_000.0,
        6.5,
        (PAGE,),
        requests=(
            request(1, 0.1, "before", "", "allow", text=text),
            request(2, 0.8, "before", "segment", "block", text=text),
            request(3, 2.5, "after", "hotjar", "block", outcome="held", text=text),
            request(4, 3.5, "after", "segment", "allow", text=text),
        ),
        cookies=(
            CookieSeen(
                f"ajs_id{text}",
                "shop.example",
                "/",
                "segment",
                ("analytics",),
                f"https://cdn.segment.com/x.js{text}",
                "script",
                "365 days",
                "before",
                ("before", "after"),
                False,
                True,
                "Lax",
            ),
        ),
        storage=(
            StorageSeen(
                "https://www.shop.example",
                "local",
                f"ajs_key{text}",
                "segment",
                ("analytics",),
                "",
                "after",
                ("after",),
            ),
        ),
        carried=(CarriedSeen("mixpanel", "bundled SDK", f"https://www.shop.example/app.js{text}", f"1:2{text}"),),
        signals=(
            SignalSent(
                1.0,
                "before",
                "google",
                f"https://g.example/{text}",
                "google-consent-mode",
                "gcs",
                "G111",
                f"says granted{text}",
            ),
        ),
        console=(ConsoleError(1.0, "before", "exception", f"TypeError: x is undefined{text}", PAGE),),
        screenshots=(Screenshot("after", PAGE, 1, 1, _PNG),),
    )


def result(text: str = "") -> AuditResult:
    states = (
        state("nothing", text),
        state("reject", text),
        state("accept", text, error=f"the banner did not show{text}"),
    )
    cells = {"nothing": Cell("violation", 2, 1), "reject": Cell("held", 1, 0), "accept": Cell("unknown", 0, 0)}
    return AuditResult(
        site="https://www.shop.example/",
        started=1_790_000_000.0,
        seconds=42.0,
        version="0.1.0",
        mode="observe",
        regime="gdpr",
        platform="klaro",
        browser="Chromium 156",
        states=states,
        findings=(
            finding(
                "host|cdn.other.example",
                "warning",
                text,
                kind="uncatalogued-host",
                title=f"A stranger{text}",
                vendor="",
                category="",
                law="",
            ),
            finding(text=text),
            finding(
                "hard",
                text=text,
                kind="refusal-harder",
                title="Refusing takes 3 clicks, accepting 1",
                state="",
                vendor="",
            ),
        ),
        vendors=(
            VendorRow("segment", f"Segment{text}", "analytics", ("analytics",), cells),
            VendorRow("hotjar", "Hotjar", "analytics", ("analytics",), {**cells, "nothing": Cell("ran", 3, 0)}),
        ),
        hosts=(HostSeen("cdn.other.example", 3, ("script",), ("nothing", "reject")),),
        clicks=Clicks(1, 3),
        errors=(f"The proxy lost a row{text}",),
    )


def clean() -> AuditResult:
    """A result in which nothing is wrong."""
    return replace(result(), findings=(), errors=(), states=tuple(replace(each, error="") for each in result().states))
