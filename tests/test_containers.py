"""Containers of a tag manager, as text."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.containers import LONGEST, Carried, read_container

LOADER = (
    "<script>!function(s,n){n=s.createElement('script');n.src='https://static.hotjar.com/c/hotjar-1.js?sv=6';"
    "s.head.appendChild(n)}(document)</script>"
)


def container(*tags: dict[str, Any], **more: Any) -> str:
    """A container's script as the tag manager writes it."""
    resource = {"version": "7", "macros": [{"function": "__e"}], "tags": tags, "predicates": [], "rules": []}
    data = json.dumps({"resource": resource, "runtime": [], **more}).replace("<", "\\u003C").replace("/", "\\/")
    return f"// Copyright\n(function(){{\n\nvar data = {data};\n\nvar productSettings = {{}};var id='GTM-SHOP123';}})()"


def carried(*tags: dict[str, Any], **more: Any) -> tuple[Carried, ...]:
    found = read_container(container(*tags, **more))
    assert found is not None
    return found.tags


def test_a_container_names_itself_and_what_it_carries() -> None:
    found = read_container(container({"function": "__html", "vtp_html": LOADER, "tag_id": 9}))
    assert found is not None
    assert (found.key, found.tags) == ("GTM-SHOP123", (Carried(9, "html", LOADER),))


def test_what_variables_give_leaves_a_gap() -> None:
    html = ["template", "<script>ask(", ["escape", ["macro", 3], 8, 16], ")</script>"]
    assert carried({"function": "__html", "vtp_html": html, "tag_id": 1})[0].html == "<script>ask()</script>"


def test_an_image_and_a_google_tag_are_addresses() -> None:
    found = carried(
        {"function": "__img", "vtp_url": "https://px.example/p?x=1", "tag_id": 2},
        {"function": "__googtag", "vtp_tagId": "G-ABCDE12345", "tag_id": 3},
    )
    assert [each.addresses for each in found] == [
        (("https://px.example/p?x=1", "image"),),
        (("https://www.googletagmanager.com/gtag/js?id=G-ABCDE12345", "script"),),
    ]


def test_a_template_of_others_may_fetch_what_its_permissions_say() -> None:
    permissions = {
        "__cvt_1_2": {
            "inject_script": {"urls": ["https://cdn.vendor.example/lib.js*"]},
            "send_pixel": {"allowedUrls": "specific", "urls": ["https://*.pixel.example/*"]},
        }
    }
    tag = {"function": "__cvt_1_2", "vtp_host": "https://in.vendor.example/x", "tag_id": 4}
    assert carried(tag, permissions=permissions)[0].addresses == (
        ("https://cdn.vendor.example/lib.js", "script"),
        ("https://www.pixel.example/", "image"),
        ("https://in.vendor.example/x", ""),
    )


def test_what_listens_or_is_paused_carries_nothing() -> None:
    text = container(
        {"function": "__lcl"}, {"function": "__paused", "vtp_originalTagType": "html"}, {"function": "__tl"}
    )
    found = read_container(text)
    assert found is not None
    assert (found.tags, found.paused) == ((), 1)


def test_a_configuration_that_is_cut_off_is_none() -> None:
    whole = container({"function": "__img", "vtp_url": "https://px.example/"})
    assert read_container(whole[: whole.index("predicates")]) is None
    assert read_container("var data = 1;") is None
    assert read_container(whole + " " * LONGEST) is None


def test_what_cannot_be_read_behind_the_tags_takes_nothing_from_them() -> None:
    text = container({"function": "__img", "vtp_url": "https://px.example/"}, runtime=["deep"])
    broken = text.replace('["deep"]', "[" * 5000 + "]" * 5000)
    found = read_container(broken)
    assert found is not None
    assert len(found.tags) == 1


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=8)
        | st.sampled_from(["template", "escape", "list"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["urls", "vtp_url", "x"]), inner),
        max_leaves=12,
    )
)
def test_whatever_stands_in_a_container_is_no_error(value: Any) -> None:
    for tags in (
        value,
        [value],
        [{"function": f, "vtp_html": value, "vtp_url": value} for f in ("__html", "__img", "__x")],
    ):
        text = f'{{"resource": {json.dumps({"tags": tags})}, "permissions": {json.dumps({"__x": value})}}}'
        read_container(text)


@given(st.text(max_size=200))
def test_no_text_is_an_error(text: str) -> None:
    read_container(text)
    read_container('{"resource":{' + text)
