"""Response headers: hints and cookies of held vendors are withheld, and nothing else is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitmproxy.http import Headers

from proxy_addon.catalogue.urls import resolve
from proxy_addon.rewrite.headers import allow_own, cookie_name, hold_cookies, hold_links

T = "https://tracker.example/x"


def tracked(reference: str) -> bool:
    url = resolve("https://www.example.com/dir/page", reference)
    return url is not None and url.startswith("https://tracker.example")


def links(*values: str) -> list[str]:
    headers = Headers()
    headers.set_all("link", values)
    hold_links(headers, tracked)
    return list(headers.get_all("link"))


def cookies(*values: str) -> list[str]:
    headers = Headers()
    headers.set_all("set-cookie", values)
    hold_cookies(headers, lambda name: name.startswith("_ga"))
    return list(headers.get_all("set-cookie"))


# --- Link ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rel",
    [
        *("preconnect", "dns-prefetch", "preload", "prefetch", "modulepreload", "prerender", "stylesheet", "icon"),
        *("compression-dictionary", '"preload"', '"next preload"', "PreLoad"),
    ],
)
def test_a_hint_to_a_tracked_address_is_withheld(rel: str) -> None:
    assert links(f"<{T}>; rel={rel}") == []


@pytest.mark.parametrize(
    "value",
    [
        f"<{T}>;rel=preload",
        f"  <{T}>  ;  rel  =  preload  ",
        f"<{T}>; as=script; crossorigin; rel=preload",
        f"< {T} >; rel=preload",
        "<//tracker.example/x>; rel=preload",
        f'<{T}>; title="a, b; <c>"; rel=preload',
        f'<{T}>; title="; rel=next"; rel=preload',
        f'<{T}>; title="\\"; rel=next; \\""; rel=preload',
        f"<{T}>; rel=preload; rel=next",
        f"<{T}>; rel=preload; title=a<b",
        f", <{T}>; rel=preload",
        f"<{T}>; rel=preload,",
        f"<{T}>; rel=preload;",
        f'</own.png>; rel=preload; as=image; imagesrcset="{T} 2x"',
        f'</own.png>; rel=preload; as=image; imagesrcset="/own 1x, {T} 2x"; imagesizes="50vw"',
    ],
)
def test_a_hint_is_withheld_however_it_is_written(value: str) -> None:
    assert "tracker.example" not in ", ".join(links(value))


@pytest.mark.parametrize(
    "value",
    [
        "</own.css>; rel=preload; as=style",
        f"<{T}>; rel=canonical",
        f"<{T}>; rel=next",
        f'<{T}>; rel="license"',
        f"<{T}>",
        f'</own>; rel=preload; title="<{T}>; rel=preload"',
        f'</own>; rel=preload; title="a, <{T}>; rel=preload, b"',
        "</a>; rel=preload, </b>;rel=preload ,</c>; rel=next",
        "</?a,b;c>; rel=preload",
        "not a link at all",
        "<https://own.example/a>;rel=preload;as=font;crossorigin",
    ],
)
def test_a_link_that_tracks_nothing_keeps_every_byte(value: str) -> None:
    assert links(value) == [value]


def test_of_several_links_in_one_field_the_others_stay() -> None:
    value = (
        f'</a,b.css>; rel=preload; title="x, y", <{T}>; rel=preload,<//tracker.example>;rel=preconnect, </c>; rel=next'
    )
    assert links(value) == ['</a,b.css>; rel=preload; title="x, y", </c>; rel=next']


def test_of_several_fields_the_others_stay() -> None:
    assert links("</a>; rel=preload", f"<{T}>; rel=preload", "</b>; rel=preload") == [
        "</a>; rel=preload",
        "</b>; rel=preload",
    ]


def test_of_a_field_that_is_partly_unreadable_no_hint_is_left() -> None:
    assert "tracker.example" not in ", ".join(links(f"junk, <{T}>; rel=preload"))
    assert "tracker.example" not in ", ".join(links(f"</a>; rel=preload, junk, <{T}>; rel=preload, </b>; rel=preload"))


_LINK_PARTS = (
    *(
        "<",
        ">",
        ",",
        ";",
        '"',
        "\\",
        "=",
        " ",
        "rel=preload",
        "rel=next",
        "title=",
        "/own",
        f"<{T}>",
        "</own>",
        "; ",
        ", ",
    ),
)


@given(parts=st.lists(st.sampled_from(_LINK_PARTS), max_size=15))
@settings(max_examples=500, deadline=None)
def test_any_link_field_is_read_without_fail_and_only_loses(parts: list[str]) -> None:
    value = "".join(parts)
    kept = ", ".join(links(value))
    if "tracker" not in value:
        assert kept == value
    assert len(kept) <= len(value) + 2 * value.count(",")


@given(
    items=st.lists(
        st.tuples(
            st.sampled_from(["/own.css", "/a,b", T, "//tracker.example/y", "https://own.example/?a=<"]),
            st.sampled_from(["preload", '"preload"', "next", '"next preconnect"', "stylesheet", "author"]),
            st.sampled_from(
                ["", '; title="a, b"', '; title="<c>; rel=x"', "; as=script", "; crossorigin", '; t="\\""']
            ),
        ),
        min_size=1,
        max_size=5,
    ),
    separator=st.sampled_from([", ", ",", " , "]),
)
@settings(max_examples=500, deadline=None)
def test_exactly_the_tracked_hints_are_taken_out(items: list[tuple[str, str, str]], separator: str) -> None:
    def fetches(rel: str) -> bool:
        return any(word in rel for word in ("preload", "preconnect", "stylesheet"))

    written = [f"<{address}>{more}; rel={rel}" for address, rel, more in items]
    kept = [
        each
        for each, (address, rel, _) in zip(written, items, strict=True)
        if not ("tracker" in address and fetches(rel))
    ]
    if len(kept) == len(written):
        assert links(separator.join(written)) == [separator.join(written)]
    else:
        assert links(separator.join(written)) == ([", ".join(kept)] if kept else [])


@pytest.mark.parametrize(
    "value", ["<" * 30_000, '<a>;"' * 8_000, "<a>" * 10_000 + '"', "<a>; rel=" * 4_000 + "<", "," * 30_000]
)
def test_a_hostile_link_field_takes_little_work(value: str) -> None:
    start = time.process_time()
    links(value)
    assert time.process_time() - start < 1


# --- Set-Cookie ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "_ga=GA1.2.3; Path=/; Max-Age=63072000",
        "_ga=1",
        " _ga = 1 ; Path=/",
        "_ga=; Path=/",
        "_ga_X=1; Domain=.example.com; Expires=Wed, 21 Oct 2037 07:28:00 GMT",
        "_ga=max-age=0; Path=/",
        "_ga=1; Path=/max-age=0",
        # Max-Age counts more than Expires, and the last of several counts (RFC 6265 §5.2 and §5.3).
        "_ga=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=3600",
        "_ga=1; Max-Age=0; Max-Age=3600",
        "_ga=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=Fri, 01 Jan 2038 00:00:00 GMT",
        # What is no date is ignored: a cookie for the session.
        "_ga=1; Expires=0",
        "_ga=1; Expires=never before 1970",
        "_ga=1; Expires=Thu, 31 Dec 2037 19:70:00 GMT",
    ],
)
def test_a_cookie_of_a_held_vendor_is_withheld(value: str) -> None:
    assert cookies(value) == []


@pytest.mark.parametrize(
    "value",
    [
        "_ga=; Max-Age=0",
        "_ga=deleted; max-age=-1; Path=/",
        "_ga=; Max-Age = 0 ; Path=/",
        "_ga=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "_ga=; expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/",
        "_ga=; Expires=Thu, 01-Jan-70 00:00:00 GMT",
        "_ga=; Expires=Mon, 01 Jan 1990 00:00:00 GMT",
        "_ga=; Expires=Wed, 31 Dec 1969 23:59:59 GMT",
        "_ga=; Expires=Sat, 01 Jan 2000 00:00:00 GMT; Path=/",
        "_ga=; Expires=Wed, 21 Oct 2015 07:28:00 GMT",
        "_ga=; Max-Age=0; Expires=Fri, 01 Jan 2038 00:00:00 GMT",
    ],
)
def test_a_cookie_that_deletes_passes(value: str) -> None:
    assert cookies(value) == [value]


def test_other_cookies_pass_in_order_and_to_the_byte() -> None:
    values = ["session=1; HttpOnly;Secure", "x_ga=1", "_ga=1", "a=_ga=1", "B=2; Expires=Wed, 21 Oct 2037 07:28:00 GMT"]
    assert cookies(*values) == [value for value in values if value != "_ga=1"]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("a=b", "a"),
        ("a=b=c; d=e", "a"),
        (" a = b", "a"),
        ("a", "a"),
        ("", ""),
        ("=b", ""),
        ("a;b=c", "a"),
        ("__Host-a=1", "__Host-a"),
    ],
)
def test_a_cookie_has_a_name(value: str, name: str) -> None:
    assert cookie_name(value) == name


# --- Content-Security-Policy (what browsers make of it is tested in test_csp.py) -----------------------------

OWN = "https://www.example.com/__consentry/"


def policies(*values: str, name: str = "content-security-policy") -> list[str]:
    headers = Headers()
    headers.set_all(name, values)
    nonce = allow_own(headers, OWN)
    return [value.replace(nonce, "N0") if nonce else value for value in headers.get_all(name)]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "img-src 'self'",
        "frame-ancestors 'none'; object-src 'none'; base-uri 'none'",
        "default-src  'self'  'unsafe-inline' ;img-src *;",
        "script-src *; connect-src *",
        "SCRIPT-SRC 'SELF'; worker-src 'self'",
        "style-src 'nonce-abc'",
        "script-src-attr 'none'",
    ],
)
def test_a_policy_that_lets_our_script_run_keeps_every_byte(value: str) -> None:
    assert policies(value) == [value]


@pytest.mark.parametrize(
    ("value", "extended"),
    [
        ("script-src 'none'; worker-src 'self'", f"script-src {OWN}; worker-src 'self'"),
        ("connect-src 'none'", f"connect-src {OWN}"),
        ("connect-src a.example", f"connect-src a.example {OWN}"),
        ("script-src 'unsafe-inline', img-src  *", f"script-src 'unsafe-inline' {OWN}, img-src  *"),
        ("script-src 'self'; script-src-elem a.example", f"script-src 'self'; script-src-elem a.example {OWN}"),
        ("trusted-types 'none'; script-src 'self'", "trusted-types consentry; script-src 'self'"),
        ("script-src 'strict-dynamic'; worker-src *", "script-src 'strict-dynamic' 'nonce-N0'; worker-src *"),
    ],
)
def test_a_policy_is_extended_by_what_our_script_needs_alone(value: str, extended: str) -> None:
    assert policies(value) == [extended]
    assert policies(value, name="content-security-policy-report-only") == [extended]


def test_what_default_src_stood_for_is_spelt_out() -> None:
    [extended] = policies("default-src a.example; img-src *")
    directives = {words[0]: words[1:] for words in (each.split() for each in extended.split(";"))}
    assert directives == {
        "default-src": ["a.example"],
        "img-src": ["*"],
        "script-src": ["a.example", OWN],
        "connect-src": ["a.example", OWN],
        "worker-src": ["a.example", OWN],
    }


def test_a_nonce_that_every_strict_policy_names_is_used() -> None:
    headers = Headers()
    values = ["script-src 'strict-dynamic' 'nonce-abc'", "script-src 'nonce-xyz' 'nonce-abc' 'strict-dynamic'"]
    headers.set_all("content-security-policy", [f"{value}; worker-src 'self'" for value in values])
    assert allow_own(headers, OWN) == "abc"
    assert headers.get_all("content-security-policy") == [f"{value}; worker-src 'self'" for value in values]


def test_a_nonce_of_only_one_strict_policy_is_not_lent_to_the_other() -> None:
    rest = "; worker-src 'self'"
    assert policies(f"script-src 'strict-dynamic' 'nonce-abc'{rest}", f"script-src 'strict-dynamic'{rest}") == [
        f"script-src 'strict-dynamic' 'nonce-abc' 'nonce-N0'{rest}",
        f"script-src 'strict-dynamic' 'nonce-N0'{rest}",
    ]


@given(value=st.text(st.sampled_from("script-src defaul'ne;, \t*nonce-=\"unsafe"), max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_policy_is_extended_without_fail_and_once(value: str) -> None:
    once = policies(value)
    assert policies(*once) == once or "strict-dynamic" in value
