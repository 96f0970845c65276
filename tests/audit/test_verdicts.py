"""What findings are made of what was seen, where sites on the web do not show it easily."""

from __future__ import annotations

from dataclasses import replace

from proxy_addon.audit import model
from proxy_addon.audit.collect import Collected
from proxy_addon.audit.model import ConsoleError, PageMissed, RequestSeen, StateRun
from proxy_addon.audit.states import State, states_named
from proxy_addon.audit.verdicts import Judge, Seen
from proxy_addon.config import read_rules

RULES, REGIMES = read_rules(())
PAGE = "https://shop.example/"


def judge(regime: str = "gdpr") -> Judge:
    return Judge(RULES.catalogue.vendors, REGIMES[regime], lambda host: not host.endswith("shop.example"))


def request(phase: str, verdict: str, vendor: str = "meta-pixel", host: str = "connect.facebook.net") -> RequestSeen:
    categories = ("marketing",) if vendor else ()
    return RequestSeen(
        1, 0.1, phase, "GET", f"https://{host}/a.js", host, "script", PAGE, "", vendor, "", categories, verdict,
        "passed", "because", 200,
    )  # fmt: skip


def seen(name: str, *requests: RequestSeen, error: str = "", clicks: int | None = 1, **more: object) -> Seen:
    state: State = states_named([name])[0]
    run = StateRun(
        name, state.title, state.expected(), "platform", clicks or 0, "", "", error, 0.0, 1.0, (PAGE,), requests
    )
    vendors = frozenset(each.vendor for each in requests if each.vendor)
    collected = Collected(run, vendors, frozenset(), False, False, clicks, "klaro")
    return Seen(state, replace(collected, **more))  # type: ignore[arg-type]


def found(*states: Seen, regime: str = "gdpr") -> list[tuple[str, str, str]]:
    return [(each.kind, each.severity, each.state) for each in judge(regime).findings(states)]


def test_what_happens_before_any_choice_is_told_once() -> None:
    before = request(model.BEFORE, "block")
    assert found(seen("nothing", before), seen("reject", before), seen("gpc", before)) == [
        (model.RAN, model.VIOLATION, "nothing")
    ]


def test_without_the_state_of_silence_it_is_told_of_the_first_that_shows_it() -> None:
    before = request(model.BEFORE, "block")
    assert found(seen("reject", before), seen("withdraw", before)) == [(model.RAN, model.VIOLATION, "reject")]


def test_privacy_control_is_ignored_only_where_it_makes_the_difference() -> None:
    silent, sent = seen("nothing", request(model.BEFORE, "allow")), seen("gpc", request(model.BEFORE, "block"))
    assert found(silent, sent, regime="ccpa") == [(model.GPC, model.VIOLATION, "gpc")]
    assert found(sent) == [(model.RAN, model.VIOLATION, "gpc")]


def test_a_law_that_does_not_bind_privacy_control_makes_it_a_warning() -> None:
    unbound = next(
        name for name, each in sorted(REGIMES.items()) if each.unset.get("marketing") and not each.gpc_denies
    )
    (finding,) = judge(unbound).findings([seen("gpc", request(model.BEFORE, "allow"))])
    assert (finding.kind, finding.severity, finding.law) == (model.GPC, model.WARNING, "")


def test_as_many_clicks_either_way_are_fair() -> None:
    assert found(seen("accept", clicks=2), seen("reject", clicks=2)) == []
    assert found(seen("accept", clicks=1), seen("reject", clicks=3)) == [(model.HARDER, model.VIOLATION, "reject")]
    assert found(seen("accept", clicks=None), seen("reject", clicks=3)) == []


def test_a_choice_that_cannot_be_made_is_told_once_with_its_states() -> None:
    states = [seen(f"only:{name}", error="no way", clicks=None) for name in ("functional", "analytics")]
    (finding,) = judge().findings(states)
    assert (finding.kind, finding.evidence) == (model.UNREACHED, ("no way",))
    assert "only:functional, only:analytics" in finding.title
    assert found(seen("only:functional", error="none offered", needless=True)) == []


def test_a_page_that_cannot_be_opened_is_told_once_with_its_states() -> None:
    missed = PageMissed(2.0, f"{PAGE}gone", f"{PAGE}gone cannot be looked at: the answer is 404")

    def missing(name: str) -> Seen:
        each = seen(name)
        return replace(each, collected=replace(each.collected, run=replace(each.run, missed=(missed,))))

    (finding,) = judge().findings([missing("nothing"), missing("reject")])
    assert (finding.key, finding.severity, finding.page) == (
        f"page-not-opened {PAGE}gone",
        model.WARNING,
        f"{PAGE}gone",
    )
    assert finding.evidence == (missed.why, "In the states: nothing, reject")


def test_an_error_that_the_page_throws_anyway_is_not_for_want_of_consent() -> None:
    error = ConsoleError(0.1, model.AFTER, "exception", "TypeError: x", PAGE)

    def throwing(name: str) -> Seen:
        each = seen(name)
        return replace(each, collected=replace(each.collected, run=replace(each.run, console=(error,))))

    assert found(throwing("reject"), throwing("accept")) == []
    assert found(throwing("reject"), seen("accept")) == [(model.BROKEN, model.WARNING, "reject")]


def test_a_host_of_the_sites_own_needs_no_file() -> None:
    own, strange = (request(model.BEFORE, "allow", "", host) for host in ("cdn.shop.example", "cdn.else.example"))
    assert found(seen("nothing", own, strange)) == [(model.UNCATALOGUED, model.WARNING, "nothing")]
    assert [each.host for each in judge().hosts([seen("nothing", own, strange)])] == ["cdn.else.example"]


def test_a_cell_says_what_a_vendor_did_at_the_end_of_its_state() -> None:
    states = [
        seen("nothing", request(model.BEFORE, "block")),
        seen("reject", request(model.BEFORE, "block")),
        seen("accept", request(model.AFTER, "allow")),
        seen("only:marketing"),
        seen("withdraw", error="no way"),
        seen("returning", held=frozenset({"meta-pixel"})),
    ]
    (row,) = judge().matrix(states)
    assert {name: cell.what for name, cell in row.cells.items()} == {
        "nothing": model.CELL_VIOLATION,
        "reject": model.CELL_SILENT,
        "accept": model.CELL_RAN,
        "only:marketing": model.CELL_MISSING,
        "withdraw": model.CELL_UNKNOWN,
        "returning": model.CELL_HELD,
    }


def test_a_key_stays_whatever_the_addresses_hold() -> None:
    first = request(model.AFTER, "block")
    keys = [
        {each.key for each in judge().findings([seen("reject", one)])}
        for one in (first, replace(first, url="https://connect.facebook.net/b.js?id=…", time=9.0))
    ]
    assert keys[0] == keys[1] == {"ran-without-consent meta-pixel reject"}
