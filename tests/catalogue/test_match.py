"""Which vendor a URL, an inline script or a cookie belongs to."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from proxy_addon.catalogue import match as matching
from proxy_addon.catalogue.index import regex_of, stem
from proxy_addon.catalogue.match import Catalogue, glob
from proxy_addon.catalogue.model import Cookie, Domain, Exemption, RequestRule, Snippet

from ..small import catalogue, vendor


def rule(name: str, host: str, path: str = "/**", kind: str = "script", **more: str) -> RequestRule:
    return RequestRule(name, kind, host, path, name, **more)


def domain(name: str, label: str = "analytics", scope: str = "host") -> Domain:
    return Domain(name, label, scope)


def found(known: Catalogue, url: str, **more: object) -> str | None:
    """The rule that matches, with '-' before it where it exempts."""
    match = known.match(url, **more)  # type: ignore[arg-type]
    return None if match is None else f"-{match.rule}" if match.exempt else match.rule


# Path globs


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/a.js", "/a.js", True),
        ("/a.js", "/axjs", False),
        ("/a.js", "/a.js/", False),
        ("/a.js", "/A.js", False),
        ("/*.js", "/a.js", True),
        ("/*.js", "/a/b.js", False),
        ("/**.js", "/a/b.js", True),
        ("/**/a.js", "/a.js", False),
        ("/**/a.js", "/x/y/a.js", True),
        ("/a/**", "/a/", True),
        ("/a/**", "/a", False),
        ("/a/*/b", "/a/x/b", True),
        ("/a/*/b", "/a//b", True),
        ("/[a]", "/[a]", True),
        ("/a", "/a\n", False),
        ("/**", "/a\nb", True),
    ],
)
def test_one_star_stops_at_a_slash_and_two_do_not(pattern: str, path: str, fits: bool) -> None:
    assert (glob(pattern).match(path) is not None) is fits


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20).map(lambda text: "/" + text.replace("*", "")))
def test_a_path_without_stars_fits_itself_alone(path: str) -> None:
    assert glob(path).match(path)
    assert not glob(path).match(path + "x")


STARS = ("*", "**")


@settings(deadline=None)
@given(st.lists(st.sampled_from(["/", "a", "b.js", *STARS]), max_size=6), st.text("/ab.js", max_size=10))
def test_globs_agree_with_a_plain_reading_of_them(parts: list[str], path: str) -> None:
    def fits(parts: list[str], path: str) -> bool:
        if not parts:
            return not path
        head, *rest = parts
        if head not in STARS:
            return path.startswith(head) and fits(rest, path[len(head) :])
        return any(fits(rest, path[end:]) for end in range(len(path) + 1) if head == "**" or "/" not in path[:end])

    assume(not any(one in STARS and two in STARS for one, two in pairwise(parts)))
    assert (glob("".join(parts)).match(path) is not None) is fits(parts, path)


def test_a_name_is_indexed_up_to_its_first_dot() -> None:
    assert [stem(path) for path in ("/a/matomo.min.js", "/matomo", "/a/", "/.x")] == ["matomo", "matomo", "", ""]


def test_a_signature_between_slashes_is_a_regular_expression() -> None:
    assert regex_of("/a+/") == "a+"
    assert [regex_of(text) for text in ("a+", "/", "//", "/a", "a/")] == [None] * 5


# Hosts

ACME = catalogue(
    vendor(
        "acme",
        domains=(domain("acme.test", "marketing"),),
        requests=(
            rule("exact", "cdn.acme.test", "/*.js"),
            rule("suffix", "*.acme.test", "/**.js"),
            rule("longer", "*.acme.test", "/v1/**.js"),
            rule("asked", "cdn.acme.test", "/ask", query=r"(^|&)id=\d"),
        ),
        exempt=(Exemption("help.acme.test", "/**", "a handbook"), Exemption("*.acme.test", "/v1/fonts/**", "fonts")),
    )
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://acme.test/", "acme.test"),
        ("https://any.where.acme.test/x", "acme.test"),
        ("https://notacme.test/x", None),
        ("https://acme.test.evil.test/x", None),
        ("https://cdn.acme.test/a.js", "exact"),
        ("https://cdn.acme.test/x/a.js", "suffix"),
        ("https://acme.test/a.js", "suffix"),
        ("https://cdn.acme.test/v1/a.js", "longer"),
        ("https://www.acme.test/v1/a.js", "longer"),
        ("https://cdn.acme.test/ask?id=1", "asked"),
        ("https://cdn.acme.test/ask?x=1&id=2#id", "asked"),
        ("https://cdn.acme.test/ask", "acme.test"),
        ("https://cdn.acme.test/ask#id=1", "acme.test"),
        ("https://help.acme.test/a.js", "-exempt"),
        ("https://sub.help.acme.test/a.js", "suffix"),
        ("https://www.acme.test/v1/fonts/a.js", "-exempt"),
    ],
)
def test_the_most_specific_host_wins_and_then_the_longest_pattern(url: str, expected: str | None) -> None:
    assert found(ACME, url) == expected


def test_an_exemption_wins_over_a_longer_rule_of_the_same_host() -> None:
    known = catalogue(
        vendor(
            "acme",
            domains=(domain("acme.test"),),
            requests=(rule("long", "acme.test", "/files/a/very/long/path/**"),),
            exempt=(Exemption("acme.test", "/files/**", "files"),),
        )
    )
    assert found(known, "https://acme.test/files/a/very/long/path/x") == "-exempt"


def test_a_domain_of_scope_paths_matches_only_what_a_rule_names() -> None:
    known = catalogue(
        vendor(
            "acme",
            domains=(domain("acme.test", "marketing", "paths"),),
            requests=(rule("pixel", "www.acme.test", "/tr"),),
        )
    )
    assert found(known, "https://www.acme.test/tr") == "pixel"
    assert found(known, "https://www.acme.test/") is None
    match = known.match("https://www.acme.test/tr")
    assert match is not None
    assert match.label == "marketing"


def test_a_subdomain_of_another_vendor_is_that_vendors() -> None:
    known = catalogue(
        vendor("cloud", "functional", domains=(domain("cloud.test"),), requests=(rule("all", "*.cloud.test"),)),
        vendor("tenant", domains=(domain("tenant.cloud.test"),)),
    )
    for url, owner in (("https://a.tenant.cloud.test/", "tenant"), ("https://a.cloud.test/", "cloud")):
        match = known.match(url)
        assert match is not None
        assert match.vendor == owner


def test_a_match_says_vendor_categories_label_and_what() -> None:
    match = ACME.match("https://cdn.acme.test/a.js")
    assert match is not None
    assert (match.vendor, match.kind, match.categories, match.label, match.what) == (
        "acme",
        "script",
        ("analytics",),
        "marketing",
        "exact",
    )


def test_a_rule_may_need_another_category_than_its_vendor() -> None:
    known = catalogue(vendor("acme", requests=(rule("forms", "forms.acme.test", category="functional"),)))
    match = known.match("https://forms.acme.test/")
    assert match is not None
    assert (match.categories, match.label) == (("functional",), "functional")


# Hosts of the site's own

SELF_HOSTED = catalogue(
    vendor(
        "meter",
        domains=(domain("meter.test"),),
        requests=(
            rule("stats", "stats.*", "/collect"),
            rule("script", "*", "/**/meter.js"),
            rule("tagged", "*", "/**/script.js", attribute="data-meter"),
            rule("sender", "*", "/**/meter.php", query="idsite="),
        ),
    )
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://stats.shop.test/collect", "stats"),
        ("https://stats/collect", "stats"),
        ("https://my.stats.shop.test/collect", None),
        ("https://mystats.shop.test/collect", None),
        ("https://stats.shop.test/other", None),
        ("https://shop.test/x/meter.js", "script"),
        ("https://shop.test/x/meter.js?v=1", "script"),
        ("https://shop.test/x/y/meter.js", "script"),
        ("https://shop.test/x/meter.min.js", None),
        ("https://shop.test/x/Meter.js", None),
        ("https://shop.test/x/meter.js/more", None),
        ("https://stats.shop.test/x/meter.js", "script"),
        ("https://shop.test/x/meter.php?idsite=1", "sender"),
        ("https://shop.test/x/meter.php?other", None),
        ("https://shop.test/?u=/x/meter.js", None),
        ("http://127.0.0.1:9/x/meter.js", "script"),
        ("https://meter.test/x/meter.js", "meter.test"),
    ],
)
def test_a_self_hosted_vendor_is_found_on_any_host(url: str, expected: str | None) -> None:
    assert found(SELF_HOSTED, url) == expected


def test_a_rule_on_an_attribute_counts_only_where_the_tag_carries_it() -> None:
    url = "https://shop.test/js/script.js"
    assert found(SELF_HOSTED, url) is None
    assert found(SELF_HOSTED, url, attributes=("src", "defer")) is None
    assert found(SELF_HOSTED, url, attributes=("src", "data-meter")) == "tagged"


def test_a_first_label_does_not_reach_into_another_vendors_domain() -> None:
    known = catalogue(
        vendor("meter", requests=(rule("stats", "stats.*"),)),
        vendor("acme", domains=(domain("acme.test"),)),
    )
    match = known.match("https://stats.acme.test/x")
    assert match is not None
    assert match.vendor == "acme"


ODD = [
    "https://shop.test/x/meter.js",
    "HTTPS://SHOP.TEST/x/meter.js",
    "https://shop.test:443/x/meter.js",
    "https://user@shop.test/x/meter.js",
    "https://shop.test./x/meter.js",
    "https://shop%2Etest/x/meter.js",
    "https://shop.test/x\\meter.js",
    "https:\\\\shop.test/x/meter.js",
    "https://shop.test/x/me\tter.js",
    "https://shop.test/x/meter.js\n",
    "https://shop.test/y/../x/meter.js",
    "https://shop.test/y/%2e%2e/x/meter.js",
    "https://shop.test/x/z/%2e%2e/meter.js",
    "https://shop.test/x/meter.js#/x/other.js",
    "https://shop.test/x/meter.js?/x/other.js",
    "https:/shop.test/x/meter.js",
    "https:/shop.test/x/meter.js?u=://other.test/",
]


@pytest.mark.parametrize("url", ODD)
def test_an_odd_spelling_of_a_url_matches_as_the_plain_one_does(url: str) -> None:
    assert found(Catalogue(SELF_HOSTED.vendors.values()), url) == "script"


@pytest.mark.parametrize("url", ODD)
def test_an_odd_spelling_matches_on_a_host_that_was_seen_before(url: str) -> None:
    known = Catalogue(SELF_HOSTED.vendors.values())
    for seen in ("https://shop.test/", "https://other.test/"):
        assert found(known, seen) is None
    assert found(known, url) == "script"


@pytest.mark.parametrize(
    "url", ["https:/cdn.acme.test/shop.test/a.js", "https:cdn.acme.test//shop.test/a.js", "/https://shop.test/a.js"]
)
def test_a_host_that_was_seen_before_counts_only_where_the_host_stands(url: str) -> None:
    known = Catalogue(ACME.vendors.values())
    expected = found(known, url)
    assert found(known, "https://shop.test/") is None
    assert found(known, url) == expected


def test_a_dot_segment_in_disguise_is_no_way_into_an_exemption() -> None:
    assert found(ACME, "https://help.acme.test/%2e%2e/a") == "-exempt"
    assert found(ACME, "https://www.acme.test/v1/fonts/%2E%2e/a.js") == "longer"


_KNOWING = catalogue(
    vendor(
        "acme",
        domains=(domain("acme.test"),),
        requests=(
            rule("collect", "acme.test", "/collect", query="id="),
            rule("tagged", "acme.test", "/*.js", attribute="data-acme"),
            rule("below", "*.acme.test", "/p/**"),
        ),
        exempt=(Exemption("www.acme.test", "/help/**", "a page of help"),),
    ),
    vendor("rules-only", requests=(rule("pixel", "cdn.test", "/t"), rule("mine", "*", "/own.js", query="v="))),
)
_URLS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["https://", "http://", "wss://", "HTTPS://", " https://", "https:/", "//"]),
        st.sampled_from("acme.test www.acme.test cdn.test shop.test ACME.test acme.test:8443 u@acme.test".split()),
        st.sampled_from(["", *r"/ /collect /a.js /p/x /help/x /t /own.js /p/../t /%2e/t /t\x".split(), "/t\n"]),
        st.sampled_from(
            ["", *"? ?id=1 ?v=2 ?a?id=1 #?id=1 ?#id= ?/collect ?id=é".split(), "?x\tid=", "?id=1 ", "? id="]
        ),
    ),
)


@given(st.lists(st.tuples(_URLS, st.sampled_from([None, "acme.test", "shop.test"]), st.booleans()), max_size=12))
def test_what_was_asked_before_changes_no_answer(asked: list[tuple[str, str | None, bool]]) -> None:
    for url, site, tagged in asked:
        attributes = ["src", "data-acme"] if tagged else []
        remembered = _KNOWING.match(url, site=site, attributes=attributes)
        fresh = copy(_KNOWING)
        fresh._hosts, fresh._paths = {}, {}
        assert fresh.match(url, site=site, attributes=attributes) == remembered


def test_addresses_that_are_remembered_are_bounded() -> None:
    known = catalogue(vendor("acme", domains=(domain("acme.test"),)))
    for number in range(10_000):
        assert found(known, f"https://acme.test/{number}?x") == "acme.test"
    known.match(f"https://acme.test/{'x' * 1000}")
    assert len(known._paths) <= 4096
    assert max(map(len, known._paths)) <= 512


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["", "https://", "https://shop.test/", "https://acme.test/"]))
def test_any_text_is_matched_without_an_error_and_the_same_twice(text: str, start: str) -> None:
    known = Catalogue([*SELF_HOSTED.vendors.values(), *ACME.vendors.values()])
    first = known.match(start + text)
    known.match("https://shop.test/")
    assert known.match(start + text) == first


def test_what_is_no_web_url_matches_nothing() -> None:
    for url in ("", "data:,x", "blob:https://acme.test/1", "acme.test/x.js", "//acme.test/x.js"):
        assert found(ACME, url) is None


# The vendor's own site


def test_on_the_vendors_own_site_it_does_not_track_for_others() -> None:
    assert found(ACME, "https://cdn.acme.test/a.js", site="acme.test") == "-exact"
    assert found(ACME, "https://cdn.acme.test/a.js", site="shop.test") == "exact"
    match = ACME.match("https://cdn.acme.test/a.js", site="acme.test")
    assert match is not None
    assert "own site" in match.exempt


def test_the_own_site_of_one_vendor_is_not_that_of_another() -> None:
    known = catalogue(vendor("one", domains=(domain("one.test"),)), vendor("two", domains=(domain("two.test"),)))
    assert found(known, "https://two.test/x", site="one.test") == "two.test"


def test_a_vendor_owns_the_registrable_domains_it_names() -> None:
    known = catalogue(vendor("one", domains=(domain("cdn.one.test", scope="paths"),)))
    assert known.owns("one", "one.test")
    assert not known.owns("one", "cdn.one.test")


# Snippets

SNIPPETS = catalogue(
    vendor(
        "acme",
        snippets=(
            Snippet("loader", ("acme.load", "cdn.acme"), "the loader"),
            Snippet("minified", (r"/acme\.track\(['\"]/",), "a call", category="marketing"),
        ),
    ),
    vendor("other", snippets=(Snippet("loader", ("other.load",), "the loader"),)),
)


def test_every_string_of_a_signature_must_be_found() -> None:
    assert SNIPPETS.match_snippet("acme.load('x')") is None
    match = SNIPPETS.match_snippet("acme.load('//cdn.acme.test')")
    assert match is not None
    assert (match.vendor, match.rule, match.kind, match.categories) == ("acme", "loader", "snippet", ("analytics",))


def test_a_signature_may_be_a_regular_expression_and_need_a_category_of_its_own() -> None:
    match = SNIPPETS.match_snippet('acme.track("x")')
    assert match is not None
    assert (match.rule, match.categories) == ("minified", ("marketing",))
    assert SNIPPETS.match_snippet("acme.track(x)") is None


def test_a_script_may_hold_the_snippets_of_several_vendors() -> None:
    matches = SNIPPETS.match_snippets("other.load(); acme.load('//cdn.acme.test'); acme.track('x')")
    assert {(match.vendor, match.rule) for match in matches} == {
        ("acme", "loader"),
        ("acme", "minified"),
        ("other", "loader"),
    }


def test_a_script_is_known_again_whatever_is_in_it() -> None:
    for code in ("acme.track('x')", "acme.track('x') \ud800", "acme.track('x')" + " " * 100_000):
        first = SNIPPETS.match_snippets(code)
        assert [match.rule for match in first] == ["minified"]
        assert SNIPPETS.match_snippets(code) == first


def test_what_is_remembered_does_not_grow_with_the_scripts() -> None:
    known = Catalogue(SNIPPETS.vendors.values())
    tracemalloc.start()
    try:
        for number in range(400):
            known.match_snippets(f"{number:>15000}")
            known.match_snippets(f"\U0001f600{number:>15000}")
        assert tracemalloc.get_traced_memory()[0] < 6_000_000
    finally:
        tracemalloc.stop()


def test_many_threads_may_match_at_once() -> None:
    known = Catalogue(SNIPPETS.vendors.values())
    codes = [f"acme.track('{number % 500}')" + " " * 15_000 for number in range(2000)]
    with ThreadPoolExecutor(4) as pool:
        assert {match.rule for matches in pool.map(known.match_snippets, codes) for match in matches} == {"minified"}


# Cookies

COOKIES = catalogue(
    vendor(
        "acme",
        domains=(domain("acme.test"),),
        cookies=(
            Cookie("_acme", "first", "a year", "id"),
            Cookie("_acme_*", "first", "a year", "id", category="marketing"),
            Cookie("*_acme.sid", "first", "a year", "id"),
            Cookie("uid", "third", "a year", "id"),
        ),
    )
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_acme", "_acme"),
        ("_acme_", "_acme_*"),
        ("_acme_x", "_acme_*"),
        ("_acmeX", None),
        ("_ACME", None),
        ("x_acme", None),
        ("a_acme.sid", "*_acme.sid"),
        ("a_acmeXsid", None),
        ("_acme_\n", "_acme_*"),
        ("uid", "uid"),
    ],
)
def test_a_cookie_is_known_by_its_whole_name(name: str, expected: str | None) -> None:
    match = COOKIES.match_cookie(name)
    assert (match and match.rule) == expected


def test_a_third_party_cookie_counts_only_where_the_vendor_sets_it() -> None:
    assert COOKIES.match_cookie("uid", host="shop.test") is None
    assert COOKIES.match_cookie("uid", host="notacme.test") is None
    assert COOKIES.match_cookie("uid", host="px.acme.test") is not None
    assert COOKIES.match_cookie("_acme", host="shop.test") is not None


def test_a_cookie_may_need_a_category_of_its_own() -> None:
    match = COOKIES.match_cookie("_acme_x")
    assert match is not None
    assert match.categories == ("marketing",)


# Names and surrogates


@pytest.mark.parametrize("name", ["acme", "ACME", "Acme Counter", "acme counter", "the counter"])
def test_a_vendor_is_found_by_id_name_or_alias_in_any_case(name: str) -> None:
    known = catalogue(vendor("acme", name="Acme Counter", aliases=("The Counter",)))
    assert known.vendor_named(name) is known.vendors["acme"]


def test_an_id_wins_over_the_alias_of_another_vendor() -> None:
    known = catalogue(vendor("acme", aliases=("meter",)), vendor("meter"))
    assert known.vendor_named("meter") is known.vendors["meter"]


@pytest.mark.parametrize("name", ["", "acm", "acme ", "none"])
def test_a_vendor_is_not_guessed(name: str) -> None:
    assert catalogue(vendor("acme")).vendor_named(name) is None


def test_the_surrogate_of_a_rule_comes_before_that_of_its_vendor() -> None:
    known = catalogue(
        vendor(
            "acme",
            domains=(domain("acme.test"),),
            surrogate="acme.js",
            requests=(
                rule("script", "acme.test", "/a.js"),
                rule("forms", "acme.test", "/forms.js", surrogate="forms.js"),
                rule("pixel", "acme.test", "/pixel", kind="pixel"),
            ),
        ),
        acme="/* acme */",
        forms="/* forms */",
    )
    bodies = {}
    for path in ("/a.js", "/forms.js", "/pixel", "/other"):
        match = known.match(f"https://acme.test{path}")
        assert match is not None
        bodies[path] = known.surrogate_for(match)
    assert bodies["/a.js"] == "/* acme */"
    assert bodies["/forms.js"] == "/* forms */"
    assert bodies["/pixel"] == bodies["/other"] == "/* held by Consentry */"


def test_all_that_can_be_held_is_listed_and_exemptions_are_not() -> None:
    rules = {match.rule for match in ACME.matches}
    assert rules == {"acme.test", "exact", "suffix", "longer", "asked"}
    assert {match.rule for match in SELF_HOSTED.matches} == {"meter.test", "stats", "script", "tagged", "sender"}
    assert {match.rule for match in SNIPPETS.matches} == {"loader", "minified"}


def test_of_very_many_records_only_some_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "_MADE", 10)
    names = [f"acme{number}.test" for number in range(50)]
    known = catalogue(vendor("acme", domains=tuple(map(domain, names))))
    for name in (*names, *names):
        assert found(known, f"https://www.{name}/x") == name
        assert len(known._domains._made) <= 10
