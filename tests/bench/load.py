"""Load: as many requests as some connections can make, by wrk or by a generator of our own."""

from __future__ import annotations

import asyncio
import itertools
import math
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from .loop import run
from .payloads import Payload
from .processes import BenchError

CONNECTIONS = 32

_COOKIE = "session=b1946ac92492d2347c6235b4d2611184; basket=HS-4012.1; currency=EUR"

_LONGEST = 30.0
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_TOTAL = re.compile(r"(\d+) requests in ([\d.]+)(us|ms|s|m)")
_P99 = re.compile(r"^\s+99%\s+([\d.]+)(us|ms|s|m)", re.MULTILINE)
_FAILED = re.compile(r"(?:Socket errors|Non-2xx).*")


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of a generator saw."""

    requests: int
    seconds: float
    p99: float

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def headers(destination: str, cookie: str = _COOKIE) -> dict[str, str]:
    """What a browser sends with a navigation ('document') or a script's request ('empty') within a shop."""
    page = destination == "document"
    return {
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" if page else "*/*",
        "Accept-Language": "en-GB,en;q=0.7",
        "Accept-Encoding": "gzip, deflate, br, zstd",
        "Cookie": cookie,
        "Sec-Fetch-Dest": destination,
        "Sec-Fetch-Mode": "navigate" if page else "cors",
        "Sec-Fetch-Site": "same-origin",
    }


def with_wrk() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def wrk(url: str, destination: str, seconds: float) -> Load:
    """Load a URL with wrk; longer, if each connection has not been answered once. Raises BenchError."""
    return _wrk(
        url, [part for name, value in headers(destination).items() for part in ("-H", f"{name}: {value}")], seconds
    )


def _wrk(url: str, options: Sequence[str], seconds: float) -> Load:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{math.ceil(seconds)}s", "--timeout", "60s", "--latency", *options]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=False).stdout
    total, p99, failed = _TOTAL.search(said), _P99.search(said), _FAILED.search(said)
    if total is None or p99 is None or failed is not None:
        raise BenchError(f"The load on {url} failed: {failed[0] if failed else said or 'wrk said nothing'}")
    if int(total[1]) < CONNECTIONS and seconds < _LONGEST:
        return _wrk(url, options, seconds * 2)
    return Load(int(total[1]), float(total[2]) * _UNITS[total[3]], float(p99[1]) * _UNITS[p99[2]])


def asynchronous(url: str, destination: str, seconds: float) -> Load:
    """Load a URL with the generator of our own. Raises BenchError if a request fails."""
    request = _request(url, headers(destination))
    end = time.perf_counter() + seconds

    def requests() -> Iterator[bytes]:
        while time.perf_counter() < end:
            yield request

    return _generate(url, requests())


def mixed(site: str, page: Payload, asset: Payload, assets: int, seconds: float) -> Load:
    """Load a site as browsers do: for each page so many assets; with the generator of our own."""
    wanted = [page, *([asset] * assets)]
    made = [_request(site + each.path, headers(each.destination if each is page else "image")) for each in wanted]
    end = time.perf_counter() + seconds

    def requests() -> Iterator[bytes]:
        for request in itertools.cycle(made):
            if time.perf_counter() >= end:
                return
            yield request

    return _generate(site, requests())


def mixed_by_wrk(site: str, page: Payload, asset: Payload, assets: int, seconds: float) -> Load:
    """The same with wrk. Raises BenchError."""
    script = f"""
      local number, page, asset = 0, nil, nil
      function init()
        page = wrk.format("GET", "{page.path}", {_lua(headers(page.destination))})
        asset = wrk.format("GET", "{asset.path}", {_lua(headers("image"))})
      end
      function request()
        number = number + 1
        return number % {assets + 1} == 1 and page or asset
      end
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua", encoding="utf-8") as file:
        file.write(script)
        file.flush()
        return _wrk(site, ("-s", file.name), seconds)


def _lua(fields: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'["{name}"] = "{value}"' for name, value in fields.items()) + "}"


def different(site: str, payloads: Sequence[Payload], count: int, start: int = 0) -> Load:
    """Make `count` requests, no two alike: each with an address and a session of its own."""

    def requests() -> Iterator[bytes]:
        for number in range(start, start + count):
            payload = payloads[number % len(payloads)]
            cookie = f"session={number:032x}; basket=HS-{number % 97}.1"
            yield _request(f"{site}{payload.path}?visit={number}", headers(payload.destination, cookie))

    return _generate(site, requests())


def _generate(url: str, requests: Iterator[bytes]) -> Load:
    latencies: list[float] = []

    async def all_connections() -> None:
        await asyncio.gather(*(_connection(url, requests, latencies.append) for _ in range(CONNECTIONS)))

    start = time.perf_counter()
    try:
        run(all_connections())
    except (OSError, EOFError) as error:
        raise BenchError(f"The load on {url} failed: {error}") from None
    seconds = time.perf_counter() - start
    return Load(len(latencies), seconds, sorted(latencies)[int(len(latencies) * 0.99)])


async def _connection(url: str, requests: Iterator[bytes], took: Callable[[float], None]) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        for request in requests:
            start = time.perf_counter()
            writer.write(request)
            await _read_answer(reader)
            took(time.perf_counter() - start)
    finally:
        writer.close()


async def _read_answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200 "):
        raise BenchError(f"An answer began {head[:60]!r}.")
    length = re.search(rb"\r\ncontent-length:\s*(\d+)", head)
    if length is not None:
        await _skip(reader, int(length[1]))
        return
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        await _skip(reader, size + 2)
    await reader.readuntil(b"\r\n")


async def _skip(reader: asyncio.StreamReader, count: int) -> None:
    while count:
        piece = await reader.read(min(count, 1 << 16))
        if not piece:
            raise EOFError("a connection closed in the middle of an answer")
        count -= len(piece)


def _request(url: str, fields: dict[str, str]) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": parts.netloc, **fields}.items())
    return f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode()
