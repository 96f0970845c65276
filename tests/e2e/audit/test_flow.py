"""How an audit reaches the states of sites whose banner no platform file describes, and what it tells of them."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from proxy_addon.audit import model
from proxy_addon.audit.model import AuditResult, StateRun
from tests.kit.messages import Request, Response
from tests.kit.network import Network
from tests.kit.npm import package_file, package_tarball
from tests.test_containers import LOADER, container

from .conftest import Audit, Command
from .sites import FBEVENTS, GA, GTAG, META, SHOP, Planted, document, klaro, klaro_tag, loads

pytestmark = [pytest.mark.e2e, pytest.mark.long]

# A banner of the site's own, which keeps what it was told in a cookie, and loads the page anew.
_OWN = f"""<nav id="banner"><button id="all">All</button><button id="more">More</button>
<form id="choices" hidden><input id="analytics" type="checkbox"><input id="name">
<button id="save" type="button">Save</button></form>
</nav><a id="again" href="#">Change</a><script>
  const choose = said => {{ document.cookie = `mine=${{said}}; path=/; max-age=1000`; location.reload(); }};
  const at = id => document.getElementById(id);
  const said = (/mine=([a-z]*)/.exec(document.cookie) || [])[1];
  at('banner').hidden = said !== undefined;
  at('all').onclick = () => choose('all');
  at('more').onclick = () => {{ at('choices').hidden = false; }};
  at('again').onclick = () => {{ at('banner').hidden = false; }};
  at('save').onclick = () => choose(at('analytics').checked ? 'analytics' : 'none');
  const start = src => document.head.append(Object.assign(document.createElement('script'), {{src}}));
  if (/all|analytics/.test(said)) start('{GTAG}');
  if (said === 'all') start('{FBEVENTS}');
  if (said === 'none' || said === 'analytics') {{
    for (const name of ['_fbp', said === 'none' ? '_ga' : '']) document.cookie = name + '=; path=/; max-age=0';
  }}
</script>"""
_STEPS = """steps:
  before: [{wait: h1}]
  accept: [{click: "#all"}]
  reject: [{click: "#more"}, {wait: "#choices"}, {scroll: bottom}, {click: "#save"}]
  choose:
    analytics: [{click: "#more"}, {click: "#analytics"}, {fill: "#name", with: Anna}, {click: "#save"}]
  withdraw: [{goto: /}, {scroll: "#again"}, {click: "#again"}, {click: "#more"}, {click: "#save"}]
"""
_SECOND_VERSION = """<script src="/two.js"></script><script>
  initCookieConsent().run({page_scripts: true, hide_from_bots: false, current_lang: 'en', languages: {en: {
    consent_modal: {title: 'Cookies', description: 'May we?', primary_btn: {text: 'All', role: 'accept_all'},
      secondary_btn: {text: 'None', role: 'accept_necessary'}},
    settings_modal: {title: 'Cookies', save_settings_btn: 'Save', accept_all_btn: 'All', reject_all_btn: 'None',
      blocks: [{title: 'Analytics', toggle: {value: 'analytics', enabled: false, readonly: false}}]}}}});
</script>"""


def state(result: AuditResult, name: str) -> StateRun:
    return next(each for each in result.states if each.state == name)


def test_steps_lead_through_a_banner_of_the_sites_own(audit: Audit, tmp_path: Path) -> None:
    (tmp_path / "steps.yaml").write_text(_STEPS)
    planted = Planted("own", _OWN, "reject,accept,only:analytics,withdraw,returning")
    result = audit(planted, "--steps", "steps.yaml")
    assert {(each.kind, each.vendor) for each in result.findings} == {(model.HARDER, "")}
    assert (result.clicks.accept, result.clicks.reject) == (1, 2)
    assert {each.how for each in result.states} == {"steps"}
    rows = {row.vendor: {name: cell.what for name, cell in row.cells.items()} for row in result.vendors}
    assert rows[GA] == {
        "reject": "silent", "accept": "ran", "only:analytics": "ran", "withdraw": "silent", "returning": "silent"
    }  # fmt: skip
    assert rows[META]["only:analytics"] == "silent"


def test_a_step_that_cannot_be_done_is_told_with_its_line(audit: Audit, tmp_path: Path) -> None:
    (tmp_path / "steps.yaml").write_text('steps:\n  reject:\n    - click: "#more"\n    - click: "#nowhere"\n')
    result = audit(Planted("own", _OWN, "reject"), "--steps", "steps.yaml")
    assert [each.kind for each in result.findings] == [model.UNREACHED]
    assert result.findings[0].evidence[0].startswith("steps.yaml, line 4: 'click: #nowhere' could not be done")
    assert result.errors


def test_autoconsent_makes_the_choice_where_nothing_else_can(audit: Audit, tmp_path: Path) -> None:
    package = package_tarball("@duckduckgo/autoconsent", "16.23.0")
    subprocess.run(["tar", "-xzf", str(package), "-C", str(tmp_path)], check=True)
    two = package_file("vanilla-cookieconsent", "2.9.2", "dist/cookieconsent.js")
    planted = Planted(
        "second version",
        f'<script type="text/plain" data-cookiecategory="analytics" data-src="{GTAG}"></script>' + _SECOND_VERSION,
        "reject,accept",
        paths={"/two.js": lambda _: Response(two, [("content-type", "text/javascript")])},
    )
    result = audit(planted, "--autoconsent", str(tmp_path / "package"))
    assert result.findings == ()
    assert {each.how for each in result.states} == {"autoconsent"}
    assert result.clicks == model.Clicks(None, None)
    assert {name: cell.what for name, cell in result.vendors[0].cells.items()} == {"reject": "silent", "accept": "ran"}


def test_what_a_platform_keeps_is_written_where_it_shows_no_banner(audit: Audit) -> None:
    reads = loads(GTAG, "/C0002%3A1|C0002:1/.test(document.cookie)") + loads(
        FBEVENTS, "/C0004%3A1|C0004:1/.test(document.cookie)"
    )
    result = audit(Planted("kept", reads, "reject,accept,only:analytics"), "--platform", "onetrust")
    assert result.findings == ()
    assert result.platform == "onetrust"
    assert {each.how for each in result.states} == {"cookie"}
    rows = {
        row.vendor: [row.cells[name].what for name in ("reject", "accept", "only:analytics")] for row in result.vendors
    }
    assert rows == {GA: ["silent", "ran", "ran"], META: ["silent", "ran", "silent"]}


def test_linked_pages_are_looked_at_too(audit: Audit) -> None:
    second = Response(f"<!doctype html>{loads(FBEVENTS)}".encode(), [("content-type", "text/html")])
    asked: list[str] = []

    def page(request: Request) -> Response:
        asked.append(request.path)
        return second

    links = '<a href="/logout">Out</a><a href="https://elsewhere.example/">Else</a><a href="/second#part">Second</a>'
    planted = Planted("linked", klaro() + links, "nothing", paths={"/second": page, "/logout": page})
    result = audit(planted, "--links", "3")
    assert [(each.kind, each.page) for each in result.findings] == [
        (model.RAN, SHOP + "second"),
        (model.COOKIE, SHOP),
    ]
    assert state(result, "nothing").pages == (SHOP, SHOP + "second")
    assert asked == ["/second"]


def test_a_page_that_cannot_be_opened_is_a_finding_and_the_others_are_looked_at(audit: Audit) -> None:
    planted = Planted(
        "holes",
        klaro() + klaro_tag("analytics", GTAG),
        "nothing,accept",
        paths={
            "/gone": lambda _: Response(b"gone", [("content-type", "text/html")], 410),
            "/second": lambda _: Response(b"<!doctype html><h1>Second</h1>", [("content-type", "text/html")]),
        },
    )
    # (Chromium itself refuses this port.)
    unreachable = "https://shop.example:1/?token=secret"
    result = audit(planted, f"{SHOP}gone", unreachable, f"{SHOP}second")
    assert [(each.kind, each.severity, each.page) for each in result.findings] == [
        (model.UNOPENED, model.WARNING, f"{SHOP}gone"),
        (model.UNOPENED, model.WARNING, "https://shop.example:1/?token=…"),
    ]
    assert result.findings[0].evidence[0] == f"{SHOP}gone cannot be looked at: the answer is 410"
    assert [each.pages[-1] for each in result.states] == [f"{SHOP}second"] * 2
    assert "secret" not in result.to_json()
    assert result.errors == ()


def test_the_pages_of_an_index_of_sitemaps_are_looked_at(audit: Audit) -> None:
    def page(_: Request) -> Response:
        return Response(b"<!doctype html><h1>Page</h1>", [("content-type", "text/html")])

    def sitemap(root: str, entry: str, *locations: str) -> bytes:
        inside = "".join(f"<{entry}><loc>{each}</loc></{entry}>" for each in locations)
        return f'<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inside}</{root}>'.encode()

    xml = [("content-type", "application/xml")]
    index = sitemap("sitemapindex", "sitemap", f"{SHOP}one.xml", f"{SHOP}two.xml.gz")
    two = gzip.compress(sitemap("urlset", "url", "https://elsewhere.example/", f"{SHOP}b", f"{SHOP}c"))
    planted = Planted(
        "mapped",
        klaro(),
        "nothing",
        paths={
            **dict.fromkeys(("/a", "/b", "/c"), page),
            "/sitemap.xml": lambda _: Response(index, xml),
            "/one.xml": lambda _: Response(sitemap("urlset", "url", SHOP, f"{SHOP}a"), xml),
            "/two.xml.gz": lambda _: Response(two, [("content-type", "application/gzip")]),
        },
    )
    result = audit(planted, "--sitemap", "--links", "2")
    assert result.states[0].pages == (SHOP, f"{SHOP}a", f"{SHOP}b")
    assert result.findings == ()


def test_a_site_that_goes_away_later_is_a_state_that_was_not_reached(audit: Audit, network: Network) -> None:
    asked = count()
    home = Response(document(klaro()), [("content-type", "text/html; charset=utf-8")])

    def once(_: Request) -> Response:
        return home if next(asked) == 0 else Response(b"later", [("content-type", "text/html")], 503)

    result = audit(Planted("away", "", "nothing,gpc", paths={"/": once}))
    assert [each.kind for each in result.findings] == [model.UNREACHED]
    assert result.errors == (f"gpc: {SHOP} cannot be looked at: the answer is 503",)


def test_a_login_is_brought_along_to_every_state(audit: Audit, tmp_path: Path) -> None:
    cookie = (
        '{"name": "session", "value": "anna", "domain": "shop.example", "path": "/", "expires": 4102444800, '
        '"httpOnly": true, "secure": true, "sameSite": "Lax"}'
    )
    (tmp_path / "login.json").write_text(f'{{"cookies": [{cookie}], "origins": []}}')
    known: list[str] = []

    def account(request: Request) -> Response:
        known.append(request.header("cookie"))
        return Response(b"<!doctype html><title>Account</title>", [("content-type", "text/html")])

    planted = Planted("login", klaro() + '<a href="/account">Account</a>', "nothing,gpc", paths={"/account": account})
    audit(planted, "--storage-state", "login.json", "--links", "1")
    assert known == ["session=anna"] * 2


def test_pictures_are_taken_and_no_value_is_kept(audit: Audit) -> None:
    result = audit(Planted("secret", klaro() + klaro_tag("analytics", GTAG), "accept"), "--screenshots")
    assert [each.png[:4] for each in result.states[0].screenshots] == [b"\x89PNG"]
    assert "ABCDE12345" not in result.to_json()
    assert "GA1.1" not in result.to_json()


def test_a_site_that_is_not_there_is_one_sentence(command: Command, network: Network) -> None:
    network.host("shop.example", lambda _: Response(b"gone", [("content-type", "text/html")], 503))
    done = command(SHOP, "--states", "nothing")
    assert done.returncode == 2
    assert done.stderr == f"Error: {SHOP} cannot be looked at: the answer is 503.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((SHOP, "--states", "asleep"), "There is no state 'asleep'"),
        ((SHOP, "--regime", "moon"), "There is no regime 'moon'"),
        ((SHOP, "--platform", "none"), "There is no platform 'none'"),
        ((SHOP, "https://another.example/"), "One audit is of one site"),
        (("ftp://shop.example/",), "is no address of a site"),
        ((SHOP, "--steps", "none.yaml"), "none.yaml: cannot be read"),
        ((SHOP, "--storage-state", "none.json"), "There is no file none.json"),
        ((SHOP, "--autoconsent", "none"), "does not hold the package"),
    ],
    ids=["state", "regime", "platform", "sites", "scheme", "steps", "storage-state", "autoconsent"],
)
def test_wrong_usage_is_one_sentence(command: Command, arguments: tuple[str, ...], said: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1


def test_what_scripts_carry_is_told_though_none_of_it_ran(audit: Audit) -> None:
    library = package_file("countly-sdk-web", "26.1.1", "lib/countly.min.js")
    carrying = container({"function": "__html", "vtp_html": LOADER, "tag_id": 3}, {"function": "__bzi", "tag_id": 4})

    def script(body: bytes) -> Callable[[Request], Response]:
        return lambda _: Response(body, [("content-type", "text/javascript")])

    page = '<script src="/app.js"></script><script src="/gtm.js?id=GTM-SHOP123"></script>'
    paths = {"/app.js": script(library), "/gtm.js": script(carrying.encode())}
    found = state(audit(Planted("carrying", page, "nothing", paths=paths)), "nothing")
    assert {(each.vendor, each.what, each.script) for each in found.carried} == {
        ("countly", "bundled SDK", "https://shop.example/app.js"),
        ("countly", "global", ""),
        ("hotjar", "inline script", "https://shop.example/gtm.js?id=…"),
        ("linkedin-insight-tag", "tag", "https://shop.example/gtm.js?id=…"),
    }
    assert [each.where for each in found.carried if each.what == "tag"] == ["GTM-SHOP123, tag 4 (bzi)"]
