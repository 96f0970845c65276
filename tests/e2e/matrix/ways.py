"""The ways for a page to make a request (ways.yaml), and the site whose pages take them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from tests.kit.messages import Request, Response
from tests.kit.site import Site

HERE = Path(__file__).parent
# Each way is taken twice: first to a host of a catalogued vendor, then to one that nobody lists.
TRACKED, FREE = "segment.com", "neighbour.example"
DOMAINS = (TRACKED, FREE)
HTML = "text/html; charset=utf-8"
# What would disturb others has a page of its own. Chromium prefetches nothing more once /script has posted a form.
# Chromium 156 loses its network service to the failed call, and what else is under way with it: a page of its own.
_PAGES = {"windows": "/windows", "rules": "/rules", "calls": "/calls"}
JAVASCRIPT = "text/javascript; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way; ways.yaml says what its fields mean."""

    name: str
    kind: str
    what: str
    html: str = ""
    page: str = ""
    sheet: str = ""
    js: str = ""
    then: str = ""
    head: bool = False
    type: str = HTML
    headers: dict[str, str] = field(default_factory=dict)
    when: str = ""
    by: str = ""
    first: str = ""
    leaks: str = ""
    after: str = ""
    absent: str = ""

    @property
    def path(self) -> str:
        """The page of the site that takes it."""
        if not self.js:
            return "/markup"
        return _PAGES.get(self.kind.partition(" ")[0], "/script")

    def host(self, domain: str) -> str:
        """The host it is aimed at; where only a connection tells, that host is its own."""
        return f"{self.name if self.by == 'connection' else 'cdn'}.{domain}"

    def aimed(self, text: str, domain: str) -> str:
        """Markup, a style sheet or a header of this way, aimed at a domain."""
        host = self.host(domain)
        for word, value in {
            "%URL%": f"https://{host}/way/{self.name}",
            "%HOST-CAPITALS%": host.upper(),
            "%HOST%": host,
            "%DOMAIN%": domain,
            "%ID%": f"{self.name}-{DOMAINS.index(domain)}",
        }.items():
            text = text.replace(word, value)
        return text

    def markup(self, domain: str) -> str:
        """What stands for it in the page."""
        link = f'<link rel="stylesheet" href="/sheet/{self.name}/{domain}">' if self.sheet else ""
        own = f'<iframe src="/page/{self.name}/{domain}"></iframe>' if self.page and not self.html else ""
        return link + own + self.aimed(self.html, domain)

    def call(self, code: str) -> str:
        """The call of harness.js that runs code of this way for each domain."""
        hosts = json.dumps([self.host(domain) for domain in DOMAINS])
        return f"way({json.dumps(self.name)}, function (url, host, id) {{ {_returned(code)}; }}, {hosts});"


def read() -> list[Way]:
    """Every way, in the order of ways.yaml."""
    kinds: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "ways.yaml").read_text("utf-8"))
    return [Way(name=name, kind=kind, **plain) for kind, ways in kinds.items() for name, plain in ways.items()]


def build(ways: Iterable[Way]) -> Site:
    """The site: /markup has the ways of the markup, /script and /windows run those of scripts, /start has none."""
    ways = [way for way in ways if not way.absent]
    site = Site()
    head = "".join(_both(way) for way in ways if way.head)
    body = "".join(_both(way) for way in ways if not way.js and not way.head)
    site.page("/start", _page("start", "", "<p>start"), HTML)
    site.page("/markup", _page("markup", head, f'{body}<script src="/then.js"></script>'), HTML)
    for path in ("/script", *_PAGES.values()):
        site.page(path, _page(path, "", f'<p>{path}<script src="{path}.js"></script>'), HTML)
        site.page(f"{path}.js", _code(way.call(way.js) for way in ways if way.js and way.path == path), JAVASCRIPT)
    site.page("/then.js", _code(way.call(way.then) for way in ways if way.then), JAVASCRIPT)
    site.page("/silence", b"", "audio/wav")
    site.route("/redirect", lambda request: Response(b"", [("location", request.query)], 302))
    site.route("/code.js", lambda request: _echo(request, JAVASCRIPT))
    site.route("/doc", lambda request: _echo(request, HTML))
    for way in ways:
        for domain in DOMAINS:
            if way.page:
                headers = [(name, way.aimed(value, domain)) for name, value in way.headers.items()]
                site.page(f"/page/{way.name}/{domain}", way.aimed(way.page, domain).encode(), way.type, headers)
            if way.sheet:
                site.page(f"/sheet/{way.name}/{domain}", way.aimed(way.sheet, domain).encode(), "text/css")
    return site


def _both(way: Way) -> str:
    return "".join(f"{way.markup(domain)}\n" for domain in DOMAINS)


def _page(title: str, head: str, body: str) -> bytes:
    return (
        f"<!doctype html><html><head><meta charset=utf-8><title>{title}</title>\n{head}</head>"
        f"<body>\n{body}</body></html>"
    ).encode()


def _code(calls: Iterable[str]) -> bytes:
    harness = (HERE / "harness.js").read_text("utf-8")
    return "\n".join([harness, *calls, "document.documentElement.dataset.done = '';\n"]).encode()


def _returned(code: str) -> str:
    """The code, returning what its only expression gives, so that a promise's failure is seen."""
    return code if ";" in code or code.startswith("const ") else f"return {code}"


def _echo(request: Request, kind: str) -> Response:
    return Response(unquote(request.query).encode(), [("content-type", kind)])
