"""Under every policy our script runs, and what the policy allowed or forbade stays so: asked of a real Chromium."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence

import pytest
from mitmproxy.http import Headers

from proxy_addon.rewrite.document import Document
from proxy_addon.rewrite.headers import allow_own
from proxy_addon.rewrite.injection import Injection
from tests.kit.browser import Browser
from tests.kit.messages import Request, Response
from tests.kit.network import Network

from . import oracle

pytestmark = pytest.mark.e2e

ENFORCED, REPORTED = "content-security-policy", "content-security-policy-report-only"
NONCE = "cGFnZQ=="
HASHED = "window.ran.push('hashed')"
SHA = base64.b64encode(hashlib.sha256(HASHED.encode()).digest()).decode()
LOADER = (
    "window.ran.push('nonced');"
    "const s = document.createElement('script'); s.src = 'http://csp.example/loaded.js'; document.head.append(s);"
)
# Everything that a policy may forbid adds its name to `ran`, which the browser makes before the page begins.
PAGE = f"""<!doctype html><html><head><title>csp</title>
<script>window.ran.push('inline')</script>
<script nonce="{NONCE}">{LOADER}</script>
<script nonce="other">window.ran.push('other nonce')</script>
<script>{HASHED}</script>
<script src="/own.js"></script>
<script src="http://other.example/other.js"></script>
<script src="/own-nonced.js" nonce="{NONCE}"></script>
<script src="data:text/javascript,window.ran.push('data')"></script>
<style>#styled {{ width: 7px }}</style>
</head><body><p id=styled>text</p>
<p id=clicked onclick="window.ran.push('handler')">text</p>
<iframe src="javascript:void parent.window.ran.push('address')"></iframe>
</body></html>"""
# What is asked of the page when it has loaded.
MORE = """async () => {
    const ran = [];
    if (getComputedStyle(document.getElementById("styled")).width === "7px") ran.push("style");
    const works = address => new Promise(done => {
        let worker;
        try { worker = new Worker(address); } catch { return done(false); }
        worker.onmessage = () => done(true);
        worker.onerror = () => done(false);
    });
    if (await works("/worker.js")) ran.push("worker");
    let ours = "/__consentry/worker.js";
    try { ours = trustedTypes.createPolicy("consentry", { createScriptURL: url => url }).createScriptURL(ours); }
    catch { /* forbidden */ }
    if (await works(ours)) ran.push("our worker");
    const connects = address => fetch(address, { mode: "no-cors" }).then(() => true, () => false);
    if (await connects("/own.js")) ran.push("connection");
    if (await connects("http://other.example/other.js")) ran.push("other connection");
    if (await connects("/__consentry/report")) ran.push("our connection");
    return ran;
}"""
OWN = "http://csp.example/__consentry/"
OURS = {"ours", "our worker", "our connection"}
Fields = Sequence[tuple[str, str]]
Runs = Callable[[Fields, bytes], tuple[set[str], int]]


class Place:
    """The site with the policies under test."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.page = b""

    def __call__(self, request: Request) -> Response:
        if request.path == "/":
            return Response(self.page, [("content-type", "text/html; charset=utf-8"), *self.headers])
        if request.path.endswith("/worker.js"):
            return Response(b"postMessage(1)", [("content-type", "text/javascript")])
        name = "ours" if request.path == "/__consentry/guard.js" else request.path.strip("/").removesuffix(".js")
        return Response(f"window.ran.push({json.dumps(name)})".encode(), [("content-type", "text/javascript")])


@pytest.fixture(scope="module")
def runs(browser: Browser, whole_network: Network) -> Iterator[Runs]:
    place = Place()
    with browser.visitor() as visit:
        page = visit.page
        page.add_init_script(
            "window.ran = []; window.violations = [];"
            "document.addEventListener('securitypolicyviolation', e => violations.push(e.disposition))"
        )

        def ask(fields: Fields, html: bytes) -> tuple[set[str], int]:
            """What runs on the page under these policies, and how many violations are reported to it."""
            place.headers, place.page = list(fields), html
            whole_network.host("csp.example", place)
            whole_network.host("other.example", place)
            # The load event waits for all that the page starts.
            visit.open("http://csp.example/")
            page.evaluate("document.getElementById('clicked').click()")
            ran = {*page.evaluate("window.ran"), *page.evaluate(MORE)}
            return ran, len(page.evaluate("window.violations"))

        yield ask


def with_ours(fields: Fields) -> tuple[list[tuple[str, str]], bytes]:
    """The policies and the page as they leave the proxy."""
    headers = Headers([(name.encode(), value.encode()) for name, value in fields])
    nonce = allow_own(headers, OWN)
    injection = Injection(OWN + "guard.js", "{}", nonce)
    document = Document(oracle.Nobody(), "http://csp.example/", content_type="text/html", injection=injection)
    page = b"".join([*document.feed(PAGE.encode()), *document.close()])
    return [(name.decode(), value.decode()) for name, value in headers.fields], page


_SOURCES = (
    "'none'",
    "",
    "'self'",
    "*",
    "'unsafe-inline'",
    "'self' 'unsafe-inline' 'unsafe-eval'",
    f"'nonce-{NONCE}'",
    f"'unsafe-inline' 'nonce-{NONCE}'",
    f"'sha256-{SHA}'",
    f"'unsafe-inline' 'sha256-{SHA}'",
    f"'strict-dynamic' 'nonce-{NONCE}' 'unsafe-inline' http:",
    f"'strict-dynamic' 'sha256-{SHA}'",
    "'strict-dynamic'",
    "'strict-dynamic' 'unsafe-inline'",
    "http://other.example data:",
    "'self' 'unsafe-hashes'",
    f"'NONCE-{NONCE}' 'SELF'",
    # Not one of these is a nonce or a hash to a browser, so 'unsafe-inline' still counts.
    "'unsafe-inline' 'nonce-'",
    "'unsafe-inline' 'sha256-'",
    "'unsafe-inline' 'nonce-a b'",
    "'unsafe-inline' 'sha1-AAAA'",
)
_ONE = [[(ENFORCED, f"{name} {sources}".strip())] for name in ("script-src", "default-src") for sources in _SOURCES]
_TWO_DIRECTIVES = [
    [(ENFORCED, f"{first} {one}; {second} {two}")]
    for first, second in (
        ("script-src", "script-src-elem"),
        ("default-src", "script-src"),
        ("default-src", "script-src-elem"),
    )
    for one, two in itertools.permutations(("'none'", "'self'", "'unsafe-inline' *", f"'nonce-{NONCE}'"), 2)
]
_SEVERAL: list[list[tuple[str, str]]] = [
    [(ENFORCED, "script-src 'self', default-src 'unsafe-inline' *")],
    [(ENFORCED, f"script-src 'nonce-{NONCE}', script-src 'self' 'nonce-{NONCE}'")],
    [(ENFORCED, f"script-src 'nonce-{NONCE}', script-src 'self'")],
    [(ENFORCED, f"script-src 'nonce-{NONCE}'"), (ENFORCED, "default-src 'none'; style-src 'unsafe-inline'")],
    [(ENFORCED, "script-src 'unsafe-inline' *"), (ENFORCED, "img-src 'none'")],
    [(ENFORCED, f"script-src 'sha256-{SHA}'"), (ENFORCED, "default-src *")],
    [(ENFORCED, ",,script-src 'self';;,")],
    [(ENFORCED, "script-src 'self'; script-src 'unsafe-inline' *")],
    [(ENFORCED, "script-src 'self' 'unsafe-inline'; SCRIPT-SRC 'none'")],
    [(ENFORCED, "default-src 'self'; script-src-attr 'unsafe-inline'")],
    [(ENFORCED, "default-src 'unsafe-inline' *; script-src-attr 'none'")],
    [(ENFORCED, "img-src 'none'; base-uri 'none'; object-src 'none'")],
    [(ENFORCED, "default-src 'self'; worker-src 'none'; require-trusted-types-for 'script'")],
    [(ENFORCED, "trusted-types 'none'; require-trusted-types-for 'script'")],
    [(ENFORCED, "trusted-types default dompurify; require-trusted-types-for 'script'; script-src 'self'")],
    [(ENFORCED, "sandbox allow-scripts allow-same-origin; script-src 'self'")],
    [(ENFORCED, "")],
    [(REPORTED, "script-src 'self'")],
    [(REPORTED, "default-src 'none'")],
    [(REPORTED, f"script-src 'nonce-{NONCE}'"), (ENFORCED, "script-src 'self'")],
    [(REPORTED, "script-src 'none'"), (ENFORCED, "script-src 'unsafe-inline' *")],
    [],
]
every_policy = pytest.mark.parametrize(
    "fields",
    [*_ONE, *_TWO_DIRECTIVES, *_SEVERAL],
    ids=lambda fields: " + ".join(value for _, value in fields) or "none",
)


@every_policy
def test_our_script_runs_and_all_else_runs_as_before(fields: Fields, runs: Runs) -> None:
    before, violations = runs(fields, PAGE.encode())
    after, violations_after = runs(*with_ours(fields))
    assert after - OURS == before - OURS
    assert after >= OURS
    assert violations_after <= violations
