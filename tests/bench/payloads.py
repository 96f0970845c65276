"""What the benchmarks ask for: a shop's page, a small JSON answer and a long file, the same bytes each time.

And the page as a site sends it that writes something new into each.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

# How many elements of the page belong to vendors: Google Tag Manager (2), gtag.js, Segment, Meta (2), Clarity,
# Hotjar, HubSpot, LinkedIn (2) and TikTok.
VENDOR_TAGS = 12

# In its place stands something else in each answer.
TOKEN = "7d0f1c5e9a3b48c2a6e4f0b1d2c39587"

_TEMPLATE = Path(__file__).parent / "shop.html"
_PRODUCTS = 59
_MATERIALS = ["brass", "oak", "linen", "glass", "paper", "copper", "clay", "steel"]
_FORMS = ["table lamp", "floor lamp", "lantern", "reading light", "pendant", "night light", "candle holder"]
_NAMES = ["Ferry", "Orchard", "Meadow", "Signal", "Winter", "Harbour", "North", "Letter", "Ladder", "Kettle"]
_DEPARTMENTS = ["Lamps", "Chairs", "Tables", "Textiles", "Kitchen", "Garden", "Paper goods", "Gifts"]


@dataclass(frozen=True, slots=True)
class Payload:
    """One resource: its path, what a browser would fetch it as (a word of Sec-Fetch-Dest), and its bytes."""

    name: str
    path: str
    destination: str
    content: bytes


def payloads() -> tuple[Payload, Payload, Payload, Payload]:
    """The resources, the page first."""
    content = page()
    signed = content.replace(b"</title>", b'</title>\n<meta name="csrf-token" content="%b">' % TOKEN.encode(), 1)
    return (
        Payload("60 KB page, 12 vendor tags", "/page.html", "document", content),
        Payload("1 KB JSON", "/data.json", "empty", data()),
        Payload("5 MB file", "/file.bin", "document", random.Random(5).randbytes(5_000_000)),
        Payload("the page with a new token in each", "/new.html", "document", signed),
    )


def page() -> bytes:
    """A listing of a shop with all that such pages carry, vendors included."""
    chance = random.Random(60)
    products = [_product(chance, number) for number in range(_PRODUCTS)]
    filled = {
        "style": _style(),
        "linked_data": json.dumps({"@context": "https://schema.org", "@type": "ItemList", "numberOfItems": _PRODUCTS}),
        "menu": "\n".join(_department(chance, name) for name in _DEPARTMENTS),
        "facets": "\n".join(_facet("material", name) for name in _MATERIALS)
        + "\n"
        + "\n".join(_facet("form", name) for name in _FORMS),
        "grid": "\n".join(map(_tile, products)),
        "footer": "\n".join(_column(chance, title) for title in ("Help", "About", "Visit us")),
        "state": json.dumps({"locale": "en-GB", "currency": "EUR", "products": products}, separators=(",", ":")),
    }
    text = _TEMPLATE.read_text("utf-8")
    for name, value in filled.items():
        text = text.replace("{{" + name + "}}", value)
    return text.encode()


def data() -> bytes:
    """A basket as an API answers it."""
    lines = [
        {
            "sku": f"HS-{4000 + number}",
            "title": f"{name} {_FORMS[number % 7]}",
            "quantity": 1 + number % 3,
            "price": 3900,
            "stock": "plenty",
        }
        for number, name in enumerate(_NAMES)
    ]
    return json.dumps({"basket": "b1946ac92492", "currency": "EUR", "lines": lines, "total": 3900 * 19}).encode()


def _product(chance: random.Random, number: int) -> dict[str, object]:
    material, form = chance.choice(_MATERIALS), chance.choice(_FORMS)
    return {
        "sku": f"HS-{4000 + number}",
        "title": f"{chance.choice(_NAMES)} {form} in {material}",
        "slug": f"{form}-{material}-{number}".replace(" ", "-"),
        "price": chance.randrange(1900, 29900, 100),
        "stock": chance.randrange(0, 40),
        "sale": chance.random() < 0.2,
        "stars": chance.randrange(30, 51) / 10,
    }


def _tile(product: dict[str, object]) -> str:
    sku, title, slug = product["sku"], product["title"], product["slug"]
    image = f"/static/img/{slug}"
    badge = '<strong class="badge">Sale</strong>' if product["sale"] else ""
    note = "<!-- sold out -->" if product["stock"] == 0 else ""
    return f"""<li class="tile" data-sku="{sku}">{note}
  <a class="photo" href="/p/{slug}"><img loading="lazy" width="320" height="400" alt="{title}" src="{image}-320.jpg"
    srcset="{image}-320.jpg 320w, {image}-640.jpg 640w" sizes="(min-width: 60em) 25vw, 50vw"></a>{badge}
  <h3><a href="/p/{slug}">{title}</a></h3>
  <p class="price">&euro;&nbsp;{product["price"]}</p>
  <p class="stars" title="{product["stars"]} of 5"><span style="width: {product["stars"]}em"></span></p>
  <button type="button" class="add" data-action="add" data-sku="{sku}">Add to basket</button>
</li>"""


def _department(chance: random.Random, name: str) -> str:
    path = name.lower().replace(" ", "-")
    links = "".join(
        f'<li><a href="/{path}/{form.replace(" ", "-")}">{form.capitalize()}s</a></li>'
        for form in chance.sample(_FORMS, 5)
    )
    return f'<div class="department"><a href="/{path}">{name}</a><ul>{links}</ul></div>'


def _facet(name: str, value: str) -> str:
    return f'<label><input type="checkbox" name="{name}" value="{value}"> {value.capitalize()}</label>'


def _column(chance: random.Random, title: str) -> str:
    links = "".join(f'<li><a href="/page/{name.lower()}">{name}</a></li>' for name in chance.sample(_NAMES, 5))
    return f"<section><h2>{title}</h2><ul>{links}</ul></section>"


def _style() -> str:
    rules = [
        "*,*::before{box-sizing:border-box}",
        "body{margin:0;font:1rem/1.5 'Text',serif;color:#222}",
        ".top{display:flex;gap:1rem;padding:1rem;background:#fff url(/static/img/linen.png) repeat-x}",
        ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(16rem,1fr));gap:1.5rem;padding:0}",
        "@media (prefers-reduced-motion){*{transition:none!important}}",
    ]
    rules += [f".w-{size}{{width:{size}rem}}.m-{size}{{margin:{size / 4}rem}}" for size in range(1, 41)]
    return "\n".join(rules)
