"""What is asked for and what an upstream answers, told by the address alone, so that both sides know it."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

SITES = tuple(f"shop{number}.example" for number in range(40))
PARTIES = tuple(f"cdn{number}.files.example" for number in range(20))
# Under these a certificate that nobody vouches for is shown.
BAD_CERTIFICATE = "bad-certificate.example"
TRACKERS = (
    "www.google-analytics.com/g/collect?v=2&tid=G-ABCDE12345&cid=1.{n}",
    "connect.facebook.net/en_US/fbevents.js?n={n}",
    "api.segment.io/v1/t?n={n}",
    "static.hotjar.com/c/hotjar-{n}.js",
    "px.ads.linkedin.com/collect/?pid={n}",
    "counter{m}.listed.example/c.js?n={n}",
)
# Trackers that only a filter of a list names.
FILTERED = "cdn1.files.example/listed-pixel.gif?id={n}"
LISTED = "".join(f"||counter{number}.listed.example^\n" for number in range(5000)) + "/listed-pixel.gif?id=$image\n"
MARK = b'<p id="mark">'
BOMB = 10 * 1024 * 1024
STALL = 3.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of traffic: how often it comes, what it is fetched as, and what becomes of it at the upstream.

    `fault` is '' for what is answered as it should be.
    """

    name: str
    share: float
    wanted: str
    fault: str = ""
    method: str = "GET"


KINDS = (
    Kind("page", 10, "document"),
    Kind("packed", 8, "document"),
    Kind("json", 22, "empty"),
    Kind("script", 14, "script"),
    Kind("style", 5, "style"),
    Kind("image", 14, "image"),
    Kind("big", 0.4, "image"),
    Kind("chunked", 3, "empty"),
    Kind("echo", 4, "empty", method="POST"),
    Kind("missing", 1, "image"),
    Kind("moved", 1, "image"),
    Kind("empty", 1, "empty"),
    Kind("wide", 0.3, "empty"),
    Kind("bomb", 0.05, "document"),
    Kind("reset", 0.4, "script", "broken"),
    Kind("cut", 0.4, "image", "broken"),
    Kind("chopped", 0.4, "empty", "broken"),
    Kind("garbage", 0.3, "empty", "broken"),
    Kind("stall", 0.1, "image", "stalled"),
)
BY_NAME = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `tracker` must be held; `kind` says what is expected else."""

    url: str
    kind: Kind
    number: int
    page: str
    tracker: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """What an upstream answers: status, fields, and the body as it is sent."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes


def asks(count: int, seed: int = 1) -> Iterator[Ask]:
    """So many requests, no two alike, in the order in which they are begun."""
    chance = random.Random(seed)
    weights = [kind.share for kind in KINDS]
    for number in range(count):
        site = chance.choice(SITES)
        scheme = "https" if chance.random() < 0.2 else "http"
        page = f"{scheme}://{site}/"
        drawn = chance.random()
        if drawn < 0.13:
            host, _, path = chance.choice((*TRACKERS, FILTERED)).format(n=number, m=number % 5000).partition("/")
            kind = BY_NAME["image" if "pixel" in path else "script"]
            yield Ask(f"{scheme}://{host}/{path}", kind, number, page, tracker=True)
            continue
        if drawn < 0.1305:
            yield Ask(f"https://{BAD_CERTIFICATE}/json/{number}", Kind("json", 0, "empty", "refused"), number, page)
            continue
        (kind,) = chance.choices(KINDS, weights)
        host = chance.choice(PARTIES) if kind.wanted in ("script", "image") and chance.random() < 0.4 else site
        yield Ask(f"{scheme}://{host}/{kind.name}/{number}", kind, number, page)


@cache
def _noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def page(number: int) -> bytes:
    """A page with a tag that must not run, and a mark after which nothing of ours may stand."""
    tag = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-ABCDE12345"></script>'
    rows = "".join(f"<li class=item><a href=/p/{number}-{row}>Pot {row} of {number}</a></li>" for row in range(60))
    return f"<!doctype html><html><head><title>{number}</title>{tag}</head><body>".encode() + tail(number, rows)


def tail(number: int, rows: str = "") -> bytes:
    """The page from its mark on."""
    return MARK + f"{number}</p><ul>{rows}</ul></body></html>".encode()


def made(name: str, number: int, body: bytes = b"") -> Made:
    """What is answered for a kind of a number; `body` is the request's."""
    plain = (("content-type", "application/octet-stream"),)
    match name:
        case "page":
            return Made(200, (("content-type", "text/html; charset=utf-8"),), page(number))
        case "packed":
            packed = gzip.compress(page(number), 1, mtime=0)
            return Made(200, (("content-type", "text/html"), ("content-encoding", "gzip")), packed)
        case "bomb":
            return Made(200, (("content-type", "text/html"), ("content-encoding", "gzip")), _bomb())
        case "script":
            return Made(200, (("content-type", "text/javascript"),), f"window.n = {number};\n".encode() * 100)
        case "style":
            return Made(200, (("content-type", "text/css"),), f".n{number} {{ color: #123456 }}\n".encode() * 100)
        case "big":
            return Made(200, plain, _noise(700_000) + str(number).encode())
        case "wide":
            fields = tuple((f"x-wide-{each}", "w" * 4000) for each in range(16))
            return Made(200, (*plain, *fields), str(number).encode())
        case "echo":
            return Made(201, plain, body)
        case "missing":
            return Made(404, (("content-type", "text/plain"),), b"no such thing")
        case "moved":
            return Made(302, (("location", f"/image/{number}"),), b"")
        case "empty":
            return Made(204, (), b"")
        case "json" | "chunked":
            return Made(200, (("content-type", "application/json"),), b'{"n": %d, "items": [1, 2, 3]}' % number)
        case _:
            return Made(200, plain, _noise(4000) + str(number).encode())


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * 65_536
    head = b"<!doctype html><html><head></head><body>"
    pieces = [packer.compress(head), *(packer.compress(blanks) for _ in range(BOMB // len(blanks)))]
    return b"".join([*pieces, packer.compress(tail(0)), packer.flush()])
