"""XHTML and SVG documents are held as a browser would read them, and otherwise stay as they are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from proxy_addon.rewrite.injection import Injection
from proxy_addon.rewrite.xml import SVG, XHTML, hold_xml

from . import oracle

BASE = "https://www.example.com/dir/page"
T = "https://tracker.example/x"
STRICT = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n'
)


def hold(document: str | bytes, injection: Injection | None = None) -> str:
    content = document.encode() if isinstance(document, str) else document
    return hold_xml(content, oracle.Vendors(), BASE, injection).decode("utf-8", "surrogateescape")


def xhtml(body: str = "", head: str = "", *, before: str = "") -> str:
    return f'{before}<html xmlns="{XHTML}"><head>{head}</head><body>{body}</body></html>'


def svg(inside: str) -> str:
    return f'<svg xmlns="{SVG}" xmlns:xlink="http://www.w3.org/1999/xlink">{inside}</svg>'


def is_held(document: str) -> bool:
    """Whether the tracked address stands in no place any more from which a browser would fetch it."""
    left = hold(document).replace("about:invalid#consentry:" + T, "")
    root = etree.fromstring(left.encode(), etree.XMLParser(resolve_entities=False))
    for element in root.iter(etree.Element):
        for name, value in element.attrib.items():
            # A framed document has tags of its own.
            if T in str(value).replace(f'data-consentry-src="{T}', "") and not str(name).startswith("data-consentry"):
                return False
        if str(element.tag).endswith("}style") and T in "".join(map(str, element.itertext())):
            return False
        if T in (element.text or "") and element.get("type") != "text/x-consentry":
            return False
    instructions = root.xpath("/processing-instruction()")
    assert isinstance(instructions, list)
    return not any(T in str(each) for each in instructions)


HELD = {
    "script": xhtml(head=f'<script src="{T}"></script>'),
    "empty script": xhtml(head=f'<script src="{T}" type="text/javascript" defer="defer"/>'),
    "module": xhtml(head=f'<script type="module" src="{T}"/>'),
    "image": xhtml(f'<img src="{T}" alt=""/>'),
    "candidates": xhtml(f'<img src="/a.png" srcset="/a 1x, {T} 2x" alt=""/>'),
    "picture": xhtml(f'<picture><source srcset="{T}"/><img src="/a" alt=""/></picture>'),
    "frame": xhtml(f'<iframe src="{T}"/>'),
    "paint": svg(f'<rect mask="url({T})"/>'),
    "paint in a page": xhtml(f'<svg xmlns="{SVG}"><rect fill="url({T})"/></svg>'),
    "object": xhtml(f'<object data="{T}"/>'),
    "link": xhtml(head=f'<link rel="stylesheet" href="{T}"/>'),
    "preload": xhtml(head=f'<link rel="preload" as="image" imagesrcset="{T} 1x"/>'),
    "video": xhtml(f'<video poster="{T}"/>'),
    "ping": xhtml(f'<a href="/" ping="{T}">x</a>'),
    "background": f'<html xmlns="{XHTML}"><head/><body background="{T}"/></html>',
    "noscript": xhtml(f'<noscript><img src="{T}"/></noscript>'),
    "style": xhtml(head=f"<style>a {{ background: url({T}) }}</style>"),
    "style in CDATA": xhtml(head=f"<style><![CDATA[ a > b {{ background: url({T}) }} ]]></style>"),
    "style after a comment": xhtml(head=f"<style>a{{}}<!-- c -->b{{background:url({T})}}</style>"),
    "style attribute": xhtml(f"<p style=\"background:url('{T}')\"/>"),
    "framed document": xhtml(f'<iframe srcdoc="&lt;img src=&quot;{T}&quot;&gt;"/>'),
    "import map": xhtml(head=f'<script type="importmap">{{"imports":{{"a":"{T}"}}}}</script>'),
    "style sheet by instruction": f'<?xml-stylesheet type="text/css" href="{T}"?>{xhtml()}',
    "prefixed names": f'<h:html xmlns:h="{XHTML}"><h:head><h:script src="{T}"/></h:head></h:html>',
    "doctype": xhtml(f'<img src="{T}" alt=""/>', before=STRICT),
    "declaration": xhtml(f'<img src="{T}" alt=""/>', before="<?xml version='1.0' encoding='utf-8'?>\n" + STRICT),
    "an entity of HTML": xhtml(f'<p>&nbsp;&eacute;</p><img src="{T}" alt=""/>', before=STRICT),
    "an entity of its own as address": xhtml('<img src="&t;"/>', before=f'<!DOCTYPE html [<!ENTITY t "{T}">]>'),
    "svg script": svg(f'<script href="{T}"/>'),
    "svg script by xlink": svg(f'<script xlink:href="{T}"/>'),
    "svg image": svg(f'<image href="{T}"/>'),
    "svg image by xlink": svg(f'<image xlink:href="{T}"/>'),
    "svg use": svg(f'<use xlink:href="{T}#icon"/>'),
    "svg filter image": svg(f'<filter id="f"><feImage href="{T}"/></filter>'),
    "svg style": svg(f"<style>rect {{ fill: url({T}#g) }}</style>"),
    "html in svg": svg(f'<foreignObject><img xmlns="{XHTML}" src="{T}"/></foreignObject>'),
    "svg in html": xhtml(f'<svg xmlns="{SVG}"><image href="{T}"/></svg>'),
    "prefixed svg": f'<s:svg xmlns:s="{SVG}"><s:image href="{T}"/></s:svg>',
}


@pytest.mark.parametrize("document", HELD.values(), ids=HELD.keys())
def test_what_a_browser_would_fetch_is_held(document: str) -> None:
    assert is_held(document)


UNTOUCHED = {
    "nothing tracked": xhtml("<p>text</p>", before="<?xml version='1.0'?>\n" + STRICT),
    "odd spelling": f"<?xml version='1.0' ?>\r\n<html  xmlns='{XHTML}'\t><head\n/><body a = 'b'>&#65;</body></html >\n",
    "a link to follow": xhtml(f'<a href="{T}">x</a>'),
    "text": xhtml(f"<p>{T}</p>"),
    "comment": xhtml(f'<!-- <img src="{T}"/> -->'),
    "CDATA": xhtml(f'<p><![CDATA[<img src="{T}"/>]]></p>'),
    "data script": xhtml(f'<script type="application/json">{{"a":"{T}"}}</script>'),
    "another vocabulary": f'<feed xmlns="http://www.w3.org/2005/Atom"><img src="{T}"/></feed>',
    "no vocabulary": f'<html><img src="{T}"/></html>',
    "rss": f'<rss version="2.0"><channel><image><url>{T}</url></image></channel></rss>',
    "empty": "",
    "no xml": "<!doctype html><p>text",
}


@pytest.mark.parametrize("document", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_a_document_in_which_nothing_is_held_keeps_every_byte(document: str) -> None:
    assert hold(document) == document


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "iso-8859-1", "shift_jis"])
def test_an_untouched_document_in_any_encoding_keeps_every_byte(codec: str) -> None:
    name = "utf-8" if codec == "utf-8-sig" else codec
    content = f"<?xml version='1.0' encoding='{name}'?>{xhtml('<p>£ text</p>')}".replace("£", "¢").encode(
        codec, "replace"
    )
    assert hold_xml(content, oracle.Vendors(), BASE) == content


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "iso-8859-1", "shift_jis", "euc-jp"])
def test_a_held_document_stays_in_its_encoding(codec: str) -> None:
    word = "é" if codec == "iso-8859-1" else "日本"
    page = xhtml(f'<p>{word}</p><img src="{T}"/>')
    content = f"<?xml version='1.0' encoding='{codec}'?>{page}".encode(codec)
    held = hold_xml(content, oracle.Vendors(), BASE)
    assert f"<p>{word}</p><img data-consentry=" in held.decode(codec)
    assert etree.fromstring(held).findtext(f".//{{{XHTML}}}p") == word


def names(document: str) -> list[str]:
    root = etree.fromstring(document.encode(), etree.XMLParser(resolve_entities=False))
    return [
        str(each.tag) if isinstance(each.tag, str) else repr(each.tag) for each in root.getroottree().getroot().iter()
    ]


@pytest.mark.parametrize("document", HELD.values(), ids=HELD.keys())
def test_no_element_is_added_or_lost(document: str) -> None:
    assert names(hold(document)) == names(document)


def test_what_surrounds_the_root_is_kept() -> None:
    document = (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        + STRICT
        + "<!-- before --><?x y?>"
        + xhtml(f'<img src="{T}"/>')
        + "<!-- after -->"
    )
    held = hold(document)
    for part in (
        "<?xml version='1.0' encoding='UTF-8'?>",
        STRICT.strip(),
        "<!-- before -->",
        "<?x y?>",
        "<!-- after -->",
    ):
        assert part in held


def test_cdata_sections_and_entities_elsewhere_are_kept() -> None:
    held = hold(
        xhtml(
            f'<p><![CDATA[a < b]]>&nbsp;&lt;&own;</p><img src="{T}"/>',
            before=STRICT.replace('.dtd">', '.dtd" [<!ENTITY own "x">]>'),
        )
    )
    assert "<![CDATA[a < b]]>&nbsp;&lt;&own;" in held


def test_a_held_inline_script_keeps_its_code() -> None:
    held = hold(xhtml(head="<script>if (a &lt; b &amp;&amp; c) trackerQueue.push(1)</script>"))
    assert "if (a &lt; b &amp;&amp; c) trackerQueue.push(1)</script>" in held
    assert '<script data-consentry="tracker" type="text/x-consentry">' in held


def test_a_held_script_remembers_its_type() -> None:
    held = hold(xhtml(head=f'<script type="module" src="{T}"/>'))
    assert 'data-consentry-type="module"' in held
    assert 'type="text/x-consentry"' in held


def test_a_base_counts_for_what_follows_it() -> None:
    assert "data-consentry-src" in hold(xhtml('<img src="x"/>', head='<base href="https://tracker.example/"/>'))


def test_an_address_of_another_vocabulary_is_no_address() -> None:
    document = f'<m:math xmlns:m="http://www.w3.org/1998/Math/MathML"><m:mi src="{T}"/></m:math>'
    assert hold(document) == document


# --- The injected script -------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [xhtml("<p/>", head="<title>t</title>"), svg("<rect/>"), HELD["prefixed names"]])
def test_the_injected_script_is_the_first_element_that_can_run(document: str) -> None:
    root = etree.fromstring(hold(document, Injection("/guard.js?a&b", "<{}>", "n0")).encode())
    parent = root if root.tag == f"{{{SVG}}}svg" else root[0]
    first = parent[0]
    assert str(first.tag).endswith("}script")
    assert etree.QName(first).namespace == etree.QName(root).namespace
    assert first.get("href" if root is parent else "src") == "/guard.js?a&b"
    assert first.get("data-consentry-state") == "<{}>"
    assert first.get("nonce") == "n0"


@pytest.mark.parametrize(
    "document", [UNTOUCHED["another vocabulary"], UNTOUCHED["no vocabulary"], UNTOUCHED["rss"], "<not xml"]
)
def test_nothing_is_injected_into_what_is_no_page(document: str) -> None:
    assert hold(document, Injection("/guard.js", "{}")) == document


def test_a_page_without_a_head_gets_the_injected_script_too() -> None:
    document = f'<html xmlns="{XHTML}"><body><p/></body></html>'
    assert "data-consentry-runtime" in hold(document, Injection("/guard.js", "{}"))


# --- Hostile documents ---------------------------------------------------------------------------------------


def laughs(end: str) -> str:
    entities = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 12))
    return f'<!DOCTYPE html [<!ENTITY e0 "{"ha" * 50}">{entities}]>' + xhtml(end)


@pytest.mark.parametrize(
    "end", ["<p>&e11;</p>", '<p title="&e11;"/>', f'<img src="{T}"/><p>&e11;</p>', '<img src="&e11;"/>']
)
def test_a_billion_laughs_come_back_unexpanded(end: str) -> None:
    assert len(hold(laughs(end))) < len(laughs(end)) + 300


def test_no_file_is_read_for_an_entity() -> None:
    document = xhtml(
        f'<p>&file;</p><img src="{T}"/>', before='<!DOCTYPE html [<!ENTITY file SYSTEM "file:///etc/hostname">]>'
    )
    held = hold(document)
    assert "<p>&file;</p>" in held


def test_no_external_dtd_is_loaded() -> None:
    document = xhtml(
        f'<img src="{T}"/>',
        before='<!DOCTYPE html SYSTEM "file:///no/such/file.dtd" [<!ENTITY % e SYSTEM "file:///no/such"> %e;]>',
    )
    assert "data-consentry-src" in hold(document) or hold(document) == document


def test_deep_nesting_comes_back_whole() -> None:
    document = xhtml("<b>" * 20_000 + "</b>" * 20_000)
    assert hold(document) == document


@pytest.mark.parametrize("end", ["&t;", "&outer;", "<p>&nbsp;&t;</p>"])
def test_markup_that_an_entity_stands_for_is_held(end: str) -> None:
    entities = f"""<!ENTITY t "<img src='{T}'/>"><!ENTITY outer "<b>&t;</b>">"""
    held = hold(xhtml(end, before=STRICT.replace('.dtd">', f'.dtd" [{entities}]>')))
    assert f'data-consentry-src="{T}"' in held
    assert held.count(T) == 2


def test_the_identifiers_of_a_document_type_are_kept_where_a_script_is_injected() -> None:
    held = hold(xhtml(before=STRICT), Injection("/guard.js", "{}"))
    assert held.startswith(STRICT)
    assert "http-equiv" not in held


def test_the_charset_that_a_header_names_counts_unless_there_is_a_mark() -> None:
    page = xhtml(f'<p>é</p><img src="{T}"/>')
    for content, label in ((page.encode("latin-1"), "iso-8859-1"), (page.encode("utf-8-sig"), "utf-16le")):
        held = hold_xml(content, oracle.Vendors(), BASE, None, label)
        assert etree.fromstring(held).findtext(f".//{{{XHTML}}}p") == "é"
        assert b"data-consentry-src" in held


def test_a_charset_that_no_one_knows_is_ignored() -> None:
    held = hold_xml(xhtml(f'<img src="{T}"/>').encode(), oracle.Vendors(), BASE, None, "x-no-such")
    assert b"data-consentry-src" in held


# A browser shows and runs all that stands before the place where a document stops being well formed.
@pytest.mark.parametrize(
    "document",
    [
        xhtml(f'<script src="{T}"></script></p>'),
        xhtml(f'<img src="{T}"/>&nosuchentity;'),
        xhtml(f'<img src="{T}"/>')[:-10],
        svg(f'<image href="{T}"/></p>'),
    ],
)
def test_a_document_that_is_not_well_formed_is_held_as_far_as_a_browser_reads_it(document: str) -> None:
    held = hold(document)
    assert f' src="{T}"' not in held
    assert f' href="{T}"' not in held


def is_well_formed(document: str) -> bool:
    try:
        etree.fromstring(document.encode(), etree.XMLParser(resolve_entities=False))
    except etree.XMLSyntaxError:
        return False
    return True


_PARTS = (
    *(
        "<p>",
        "</p>",
        "<br/>",
        "<svg xmlns='http://www.w3.org/2000/svg'>",
        "</svg>",
        f"<img src='{T}'/>",
        "<img src='/own'/>",
    ),
    *(
        "text",
        "&amp;",
        "&nbsp;",
        "&x;",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?pi x?>",
        "\n",
        "<",
        ">",
        "&",
        "é",
        "\x0b",
    ),
    *(f"<style>a{{b:url({T})}}</style>", "<script>trackerQueue</script>", "<x:y/>", f"<p style='a:url({T})'/>"),
)


@given(
    parts=st.lists(st.sampled_from(_PARTS), max_size=12),
    injection=st.sampled_from([None, Injection("/guard.js", "{}")]),
)
@settings(max_examples=500, deadline=None)
def test_any_document_is_held_or_comes_back_as_it_was(parts: list[str], injection: Injection | None) -> None:
    document = xhtml("".join(parts))
    held = hold(document, injection)
    if held != document and is_well_formed(document):
        assert is_well_formed(held)
