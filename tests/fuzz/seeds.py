"""What fuzzing starts from: real-looking values of every kind, and ways to change them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from proxy_addon.catalogue.load import load_rules

_VECTORS = Path(__file__).parents[1] / "consent" / "vectors.json"
_STRINGS = (
    # The examples of the specifications, and strings made with the IAB's own libraries.
    "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA",
    "CQuMEMAQuMEMAAKABBENAREgAPIAAAAAAAYgF5wAQF5gAAAA.IAAA.YAAAAAAAAAAA",
    "CQraFkAQraFkAAKABBENCyFgAPPAAAAAAAYgIzQBAAAgLzAZIBGYAAAAAAAA.IIzQBAAAgLzAZIBGYAAA",
    "CP9AEggP9AEggAfSDBRUAwEgAAAAAEPAAAYgAABBQgJgA4AM-AjwBKoDfAHbAO5AgoBIgCSgEowJaATHAmSBNICfYFBAKDhBQAAA",
    "DBACNYA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN",
    "DBABLA~CAAqAAAAAACA.YA",
    "DBACBmA~BAUAAABA.QA~BAoAAEA.QA",
    "1YNN",
    "1YYY",
    "1~43.89.1",
    "2~43.46~dv.9.21.89",
    "7,8",
)
_HEADERS = (
    "consentry=v=1&analytics=granted&marketing=denied&vendor.hotjar=denied",
    "consentry-told=v=1&analytics=granted&vendor.google.marketing=denied",
    'choice="a,m"',
)
_BODIES = (
    {"page": "https://shop.test/", "rows": [{"outcome": "asked", "vendor": "google", "url": "u", "type": "ping"}]},
    {
        "consent": {
            "categories": {"analytics": True},
            "vendors": {"google": False},
            "refused": {"google": ["marketing"]},
        }
    },
    {"csp-report": {"blocked-uri": "https://x.test/", "effective-directive": "img-src"}},
    {"Advertising": True, "Analytics": False},
    {"e": ["0.8.70", 1], "a": [[5, 47, 5, 0, 1]]},
)
_QUERIES = ("v=2&gcs=G111&gcd=13r3r3q3t5&en=page_view", "ti=1&evt=pageLoad&asc=D")
_TOKENS = (
    b"=", b";", b"; ", b"%", b"%25", b"%7B%22", b"&", b"~", b".", b",", b"|", b":", b'"', b"{", b"}", b"[", b"]", b"\\",
    b"\\u0000", b"null", b"true", b"1e999", b"-1", b"99999999999999999999", b"\x00", b"\xff", b"\xc3\xa9", b"A", b"_",
    b"*", b"granted", b"denied", b"consentry=", b"euconsent-v2=", b"__gpp=", b"usprivacy=", b"addtl_consent=", b"v=1",
)  # fmt: skip
_LONGEST = 80_000


def seeds() -> Mapping[str, tuple[bytes, ...]]:
    """The seeds of every target, by its name."""
    vectors = json.loads(_VECTORS.read_text("utf-8"))
    headers = [each["cookie_header"] for each in vectors]
    values: list[str] = []
    bodies = [json.dumps(each) for each in _BODIES]
    for platform in load_rules().platforms["platforms"]:
        for example in platform["examples"]:
            headers += [example["cookies"]] if "cookies" in example else []
            if "storage" in example:
                values += example["storage"].values()
                bodies.append(json.dumps({"ask": True, "storage": example["storage"], "pages": {}}))
            if "page" in example:
                values.append(json.dumps(example["page"]))
                bodies.append(
                    json.dumps({"ask": True, "storage": {}, "pages": {platform["platform"]: example["page"]}})
                )
    headers += [*_HEADERS, *(f"euconsent-v2={each}; __gpp={each}; __gpp_sid=7; usprivacy=1YNN" for each in _STRINGS)]
    cookies = [pair.partition("=")[2] for each in headers for pair in each.split("; ")]
    found: dict[str, list[str]] = {
        "header": headers,
        "page": bodies,
        "storage": [*values, *cookies],
        "strings": [*_STRINGS, *cookies],
        "cookie": [*cookies, *(each.partition("=")[2] for each in _HEADERS)],
        "command": [*headers, *_STRINGS],
        "told": [*_QUERIES, *bodies],
    }
    return {name: tuple(dict.fromkeys(text.encode() for text in texts)) for name, texts in found.items()}


def mutated(data: bytes, others: tuple[bytes, ...], chance: random.Random) -> bytes:
    """A change of one seed, or several: the same chance makes the same change."""
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        data = chance.choice(_CHANGES)(data, others, chance)[:_LONGEST]
    return data


_Change = Callable[[bytes, tuple[bytes, ...], random.Random], bytes]


def _place(data: bytes, chance: random.Random) -> int:
    return chance.randint(0, len(data))


def _flip(data: bytes, _others: tuple[bytes, ...], chance: random.Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + bytes([(data[at : at + 1] or b"\x00")[0] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _insert(data: bytes, _others: tuple[bytes, ...], chance: random.Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + chance.choice(_TOKENS) + data[at:]


def _replace(data: bytes, _others: tuple[bytes, ...], chance: random.Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + chance.choice(_TOKENS) + data[at + chance.randint(0, 8) :]


def _cut(data: bytes, _others: tuple[bytes, ...], chance: random.Random) -> bytes:
    first, last = sorted((_place(data, chance), _place(data, chance)))
    return data[:first] + data[last:] if chance.random() < 0.5 else data[:last]


def _splice(data: bytes, others: tuple[bytes, ...], chance: random.Random) -> bytes:
    other = chance.choice(others)
    at, where = _place(data, chance), _place(other, chance)
    return data[:at] + other[where:] + (data[at:] if chance.random() < 0.3 else b"")


def _repeat(data: bytes, _others: tuple[bytes, ...], chance: random.Random) -> bytes:
    first, last = sorted((_place(data, chance), _place(data, chance)))
    part = data[first : min(last, first + 200)] or chance.choice(_TOKENS)
    return data[:first] + part * chance.choice((2, 10, 300, _LONGEST // len(part))) + data[first:]


def _code(data: bytes, _others: tuple[bytes, ...], chance: random.Random) -> bytes:
    return quote(data, safe="").encode() if chance.random() < 0.5 else unquote_to_bytes(data)


def _join(data: bytes, others: tuple[bytes, ...], chance: random.Random) -> bytes:
    return data + chance.choice((b"; ", b"&", b".", b"~", b"")) + chance.choice(others)


_CHANGES: tuple[_Change, ...] = (_flip, _insert, _replace, _cut, _splice, _repeat, _code, _join)
