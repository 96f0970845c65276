"""A site behind another address: what it says of itself is translated for the browser, and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitmproxy.http import Headers

from proxy_addon.rewrite.headers import hold_cookies
from proxy_addon.rewrite.mount import Mount

PLAIN = Mount("https://staging.example.com", "http://localhost:8080")
SECURE = Mount("https://staging.example.com", "https://localhost:8443")
PORT = Mount("http://10.0.0.7:3000", "http://localhost:8080")


def response(mount: Mount, name: str, *values: str) -> list[str]:
    headers = Headers()
    headers.set_all(name, values)
    mount.to_public(headers)
    return list(headers.get_all(name))


def request(mount: Mount, name: str, *values: str) -> list[str]:
    headers = Headers()
    headers.set_all(name, values)
    mount.to_upstream(headers)
    return list(headers.get_all(name))


# --- Addresses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["location", "content-location"])
@pytest.mark.parametrize(
    ("value", "translated"),
    [
        ("https://staging.example.com/", "http://localhost:8080/"),
        ("https://staging.example.com", "http://localhost:8080"),
        ("https://staging.example.com?q", "http://localhost:8080?q"),
        ("https://staging.example.com#f", "http://localhost:8080#f"),
        ("HTTPS://Staging.Example.com/Path", "http://localhost:8080/Path"),
        ("https://staging.example.com:443/login", "http://localhost:8080/login"),
        ("//staging.example.com/login", "//localhost:8080/login"),
        ("/login", "/login"),
        ("login?next=/", "login?next=/"),
        ("https://staging.example.com.evil.example/", "https://staging.example.com.evil.example/"),
        ("https://staging.example.community/", "https://staging.example.community/"),
        ("https://staging.example.com@evil.example/", "https://staging.example.com@evil.example/"),
        ("https://staging.example.com-evil.example/", "https://staging.example.com-evil.example/"),
        ("https://staging.example.com:8443/", "https://staging.example.com:8443/"),
        ("https://www.staging.example.com/", "https://www.staging.example.com/"),
        ("https://sso.example/login", "https://sso.example/login"),
    ],
)
def test_a_redirect_to_the_site_leads_to_the_public_address(name: str, value: str, translated: str) -> None:
    assert response(PLAIN, name, value) == [translated]


def test_a_redirect_from_http_to_https_on_the_site_stays_at_the_public_address() -> None:
    mount = Mount("http://staging.example.com", "http://localhost:8080")
    assert response(mount, "location", "http://staging.example.com/") == ["http://localhost:8080/"]
    assert response(PLAIN, "location", "http://staging.example.com/after") == ["http://localhost:8080/after"]


def test_a_redirect_of_a_site_with_a_port_counts_the_whole_port() -> None:
    assert response(PORT, "location", "http://10.0.0.7:3000/x") == ["http://localhost:8080/x"]
    assert response(PORT, "location", "http://10.0.0.7:30001/x") == ["http://10.0.0.7:30001/x"]
    assert response(PORT, "location", "http://10.0.0.7/x") == ["http://10.0.0.7/x"]


@pytest.mark.parametrize(
    ("value", "translated"),
    [
        ("5", "5"),
        ("0; url=/next", "0; url=/next"),
        ("0;URL=https://staging.example.com/next", "0;URL=http://localhost:8080/next"),
        ("0; url='https://staging.example.com/next'", "0; url='http://localhost:8080/next'"),
        ('0; url="https://staging.example.com"', '0; url="http://localhost:8080"'),
        ("0; url=https://other.example/", "0; url=https://other.example/"),
    ],
)
def test_a_refresh_leads_to_the_public_address(value: str, translated: str) -> None:
    assert response(PLAIN, "refresh", value) == [translated]


@pytest.mark.parametrize(
    ("value", "translated"),
    [
        ("https://staging.example.com", "http://localhost:8080"),
        ("*", "*"),
        ("null", "null"),
        ("https://app.example", "https://app.example"),
    ],
)
def test_an_allowed_origin_is_the_public_one(value: str, translated: str) -> None:
    assert response(PLAIN, "access-control-allow-origin", value) == [translated]


@pytest.mark.parametrize(
    ("value", "translated"),
    [
        ("http://localhost:8080", "https://staging.example.com"),
        ("http://localhost:80801", "http://localhost:80801"),
        ("null", "null"),
        ("https://other.example", "https://other.example"),
    ],
)
def test_the_site_sees_its_own_origin(value: str, translated: str) -> None:
    assert request(PLAIN, "origin", value) == [translated]


def test_the_site_sees_its_own_referer() -> None:
    assert request(PLAIN, "referer", "http://localhost:8080/a?b") == ["https://staging.example.com/a?b"]
    assert request(PLAIN, "referer", "https://other.example/") == ["https://other.example/"]


@given(path=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30))
@settings(deadline=None)
def test_a_redirect_followed_is_the_address_that_was_meant(path: str) -> None:
    [public] = response(PLAIN, "location", "https://staging.example.com/" + path)
    assert request(PLAIN, "referer", public) == ["https://staging.example.com/" + path]


@pytest.mark.parametrize("mount", [PLAIN, SECURE])
@pytest.mark.parametrize("name", ["strict-transport-security", "alt-svc"])
def test_promises_for_the_sites_own_address_are_taken_back(mount: Mount, name: str) -> None:
    headers = Headers([(name.encode(), b"x"), (b"x-other", b"y")])
    mount.to_public(headers)
    assert headers.fields == ((b"x-other", b"y"),)


def test_other_headers_keep_every_byte() -> None:
    fields = (
        (b"Content-Type", b"text/html"),
        (b"X-Powered-By", b"https://staging.example.com"),
        (b"Set-Cookie", b"a=1; Path=/"),
        (b"set-cookie", b"b=2"),
        (b"Content-Security-Policy", b"default-src 'self';"),
    )
    headers = Headers(fields)
    PLAIN.to_public(headers)
    assert [value for _, value in headers.fields] == [value for _, value in fields]


# --- Cookies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "plain", "secure"),
    [
        ("a=1", "a=1", "a=1"),
        ("a=1; Path=/; HttpOnly", "a=1; Path=/; HttpOnly", "a=1; Path=/; HttpOnly"),
        ("a=1; Domain=staging.example.com; Path=/", "a=1; Path=/", "a=1; Path=/"),
        ("a=1; domain=.example.com", "a=1", "a=1"),
        ("a=1;DOMAIN = Example.COM ;Path=/", "a=1;Path=/", "a=1;Path=/"),
        ("a=1; Domain=other.example", "a=1; Domain=other.example", "a=1; Domain=other.example"),
        ("a=1; Domain=ging.example.com", "a=1; Domain=ging.example.com", "a=1; Domain=ging.example.com"),
        ("a=1; Secure", "a=1", "a=1; Secure"),
        ("a=1; secure; Path=/", "a=1; Path=/", "a=1; secure; Path=/"),
        ("a=1;Secure;HttpOnly", "a=1;HttpOnly", "a=1;Secure;HttpOnly"),
        ("a=1; SameSite=None; Secure", "a=1", "a=1; SameSite=None; Secure"),
        ("a=1; Secure; SameSite=none", "a=1", "a=1; Secure; SameSite=none"),
        ("a=1; SameSite=Strict; Secure", "a=1; SameSite=Strict", "a=1; SameSite=Strict; Secure"),
        ("a=1; SameSite=Lax", "a=1; SameSite=Lax", "a=1; SameSite=Lax"),
        ("a=1; Secure; Partitioned; SameSite=None", "a=1", "a=1; Secure; Partitioned; SameSite=None"),
        ("__Host-s=1; Secure; Path=/", "consentry-Host-s=1; Path=/", "__Host-s=1; Secure; Path=/"),
        ("__Secure-s=1; Secure; Domain=example.com", "consentry-Secure-s=1", "__Secure-s=1; Secure"),
        ("__host-s=1; Secure; Path=/", "consentry-host-s=1; Path=/", "__host-s=1; Secure; Path=/"),
        ("a=__Host-s; Path=/", "a=__Host-s; Path=/", "a=__Host-s; Path=/"),
        ("x__Host-s=1", "x__Host-s=1", "x__Host-s=1"),
        ("secure=1; Path=/secure", "secure=1; Path=/secure", "secure=1; Path=/secure"),
        ("domain=1; Path=/; securely=2", "domain=1; Path=/; securely=2", "domain=1; Path=/; securely=2"),
        ("a=b=c==; Path=/", "a=b=c==; Path=/", "a=b=c==; Path=/"),
        ("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", None),
    ],
)
def test_a_cookie_is_one_that_the_public_address_may_keep(value: str, plain: str, secure: str | None) -> None:
    assert response(PLAIN, "set-cookie", value) == [plain]
    assert response(SECURE, "set-cookie", value) == [plain if secure is None else secure]


def test_each_cookie_of_a_response_stays_a_header_of_its_own() -> None:
    assert response(PLAIN, "set-cookie", "a=1; Secure", "b=2", "__Host-c=3; Path=/; Secure") == [
        "a=1",
        "b=2",
        "consentry-Host-c=3; Path=/",
    ]


_names = st.text(st.sampled_from("abcHost_-Secure.1"), min_size=1, max_size=12)
_values = st.text(st.sampled_from("abc=_-%20.consentry-Host-"), max_size=12)


@given(
    prefix=st.sampled_from(["", "__Host-", "__Secure-", "__host-", "__SECURE-", "_Host-", "__Http-"]),
    name=_names,
    value=_values,
    others=st.lists(st.tuples(_names, _values), max_size=3),
)
@settings(deadline=None)
def test_a_cookie_comes_back_to_the_site_under_its_own_name(
    prefix: str, name: str, value: str, others: list[tuple[str, str]]
) -> None:
    [kept] = response(PLAIN, "set-cookie", f"{prefix}{name}={value}; Path=/; Secure")
    pairs = [*(f"{each}={text}" for each, text in others), kept.partition(";")[0]]
    sent = [*pairs[:-1], f"{prefix}{name}={value}"]
    assert request(PLAIN, "cookie", "; ".join(pairs)) == ["; ".join(sent)]
    assert request(PLAIN, "cookie", *pairs) == sent


@given(cookie=st.text(st.sampled_from("abc=;, \tDomainSecureSameSite=None__Host-.example.com"), max_size=60))
@settings(deadline=None)
def test_any_cookie_passes_the_secure_public_address_unless_it_names_a_domain(cookie: str) -> None:
    if "domain" not in cookie.lower():
        assert response(SECURE, "set-cookie", cookie) == [cookie]


# --- Content-Security-Policy ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["content-security-policy", "content-security-policy-report-only"])
@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (["upgrade-insecure-requests"], []),
        (["Upgrade-Insecure-Requests;"], []),
        (["default-src 'self'; upgrade-insecure-requests"], ["default-src 'self'"]),
        (["upgrade-insecure-requests; default-src 'self'; block-all-mixed-content"], ["default-src 'self'"]),
        (["default-src 'self'", "upgrade-insecure-requests"], ["default-src 'self'"]),
        (["default-src 'self';  img-src *;"], ["default-src 'self';  img-src *;"]),
        (["report-uri /upgrade-insecure-requests"], ["report-uri /upgrade-insecure-requests"]),
    ],
)
def test_a_page_over_plain_http_is_not_told_to_upgrade(name: str, values: list[str], kept: list[str]) -> None:
    assert response(PLAIN, name, *values) == kept
    assert response(SECURE, name, *values) == values


@pytest.mark.parametrize("name", ["content-security-policy", "content-security-policy-report-only"])
@pytest.mark.parametrize(
    ("policy", "translated"),
    [
        ("script-src https://staging.example.com", "script-src https://staging.example.com http://localhost:8080"),
        ("img-src staging.example.com:443/a/", "img-src staging.example.com:443/a/ http://localhost:8080/a/"),
        ("img-src *.example.com cdn.example", "img-src *.example.com cdn.example http://localhost:8080"),
        ("connect-src wss://staging.example.com", "connect-src wss://staging.example.com ws://localhost:8080"),
        ("img-src https:; font-src https://*", "img-src https: http://localhost:8080; font-src https://* http://localhost:8080"),
        ("default-src 'self'  https://cdn.example", "default-src 'self'  https://cdn.example"),
        ("img-src https://staging.example.com:8443 data: *", "img-src https://staging.example.com:8443 data: *"),
        ("img-src *.staging.example.com  example.com", "img-src *.staging.example.com  example.com"),
        ("report-uri  https://staging.example.com/csp", "report-uri  https://staging.example.com/csp"),
    ],
)  # fmt: skip
def test_a_policy_that_allows_the_site_allows_the_public_address_too(name: str, policy: str, translated: str) -> None:
    assert response(PLAIN, name, policy) == [translated]


def test_a_policy_is_extended_once_for_each_of_several() -> None:
    values = ["img-src https://staging.example.com, font-src  'self'", "script-src https:"]
    assert response(SECURE, "content-security-policy", *values) == [
        "img-src https://staging.example.com https://localhost:8443, font-src  'self'",
        "script-src https:",
    ]


@pytest.mark.parametrize("name", ["location", "content-location"])
def test_the_sites_address_inside_another_address_stays(name: str) -> None:
    value = "https://sso.example/login?next=https://staging.example.com/"
    assert response(PLAIN, name, value) == [value]
    back = "https://staging.example.com/login?next=https://staging.example.com/"
    assert response(PLAIN, name, back) == ["http://localhost:8080/login?next=https://staging.example.com/"]
    assert request(PLAIN, "referer", value) == [value]


def test_a_site_over_http_may_send_the_browser_to_https() -> None:
    mount = Mount("http://staging.example.com", "http://localhost:8080")
    assert response(mount, "location", "https://staging.example.com/") == ["https://staging.example.com/"]


def test_a_renamed_cookie_is_held_by_the_name_that_the_site_gave_it() -> None:
    headers = Headers()
    headers.set_all("set-cookie", ["__Secure-t=1; Secure", "__Secure-own=1; Secure"])
    PLAIN.to_public(headers)
    hold_cookies(headers, lambda name: name == "__Secure-t")
    assert headers.get_all("set-cookie") == ["consentry-Secure-own=1"]
