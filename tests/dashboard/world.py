"""A dashboard that really listens, over a small catalogue and a scene that tests fill."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from proxy_addon.catalogue.match import Catalogue
from proxy_addon.catalogue.model import Category, Domain, Question, RequestRule, Vendor
from proxy_addon.catalogue.model import Cookie as CookieEntry
from proxy_addon.consent.model import Consent
from proxy_addon.dashboard.app import History, Subject
from proxy_addon.dashboard.server import Address, Server
from proxy_addon.filter.pause import Pause
from proxy_addon.ledger import Evidence
from proxy_addon.visitors import Client
from proxy_addon.watch import Who
from tests.kit.client import Answer, fetch, opened
from tests.ledger.rows import row
from tests.small import CCPA, GDPR, vendor

SITE = "shop.test"
PAGE = "https://shop.test/basket"
START = 1_767_261_600.0
SAID = {"functional": False, "analytics": True, "marketing": False}
WHO = Who(
    "00112233445566ff",
    SITE,
    "http://localhost:8080",
    ("10.0.0.1", "Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0"),
    "gdpr",
    "enforce",
    forward=False,
)
VENDORS: tuple[Vendor, ...] = (
    vendor(
        "acme",
        aliases=("the counter",),
        industries=("Pots",),
        script="Counts.",
        block_without_consent="Yes.",
        law={"gdpr": "Ask.", "ccpa": "Offer a way out.", "eprivacy": "Ask."},
        domains=(Domain("acme.test", "analytics"),),
        requests=(RequestRule("acme-script", "script", "cdn.acme.test", "/*.js", "The script."),),
        cookies=(CookieEntry("_acme_*", "first", "2 years", "Tells visitors apart."),),
        questions=(Question("Why?", "Because."),),
        related=("ads", "gone"),
    ),
    vendor("ads", "marketing", domains=(Domain("ads.test", "marketing"),)),
)
CATEGORIES = tuple(Category(name, name.title(), f"What is {name}.") for name in ("necessary", *SAID))


def catalogue() -> Catalogue:
    """The vendors, and what the categories are called."""
    return Catalogue(VENDORS, CATEGORIES, {})


def seen(number: int, **differs: Any) -> Evidence:
    """A row of acme on the page, `number` seconds after the start."""
    usual = {"time": START + number, "page": PAGE, "categories": ("analytics",)}
    return row(number, **{**usual, **differs})


class World:
    """The dashboard, its scene, and which browsers it let pass for others."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.scene = server.scene
        self.pretended: list[tuple[Client, str, bool]] = []
        self.warnings: list[str] = []

    @property
    def url(self) -> str:
        """The origin, without a slash."""
        return self.server.url.partition("?")[0].rstrip("/")

    @property
    def host(self) -> str:
        """The origin's host and port."""
        return self.url.partition("://")[2]

    def visit(self, consent: Consent | None = None, **differs: Any) -> Who:
        """Let a visitor load the page."""
        who = replace(WHO, **differs)
        self.scene.page(who, PAGE, consent or Consent(), START)
        return who

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET a path."""
        return fetch(self.url + path, headers)

    def csrf(self, cookie: str = "") -> str:
        """What the pages know and nobody else."""
        page = self.get("/consent", {"Cookie": cookie} if cookie else None)
        found = re.search(r'name="csrf" content="([^"]+)"', page.text)
        assert found is not None
        return found[1]

    def post(self, plain: object, headers: Mapping[str, str] | None = None, path: str = "/api/consent") -> Answer:
        """POST JSON as the dashboard's own page does, with some headers changed; '' leaves one out."""
        usual = {
            "Origin": self.url,
            "Content-Type": "application/json",
            "x-consentry-csrf": self.csrf((headers or {}).get("Cookie", "")),
        }
        given = {name: value for name, value in {**usual, **(headers or {})}.items() if value}
        return fetch(self.url + path, given, method="POST", body=json.dumps(plain).encode())

    def json(self, path: str) -> Any:
        """What the API answers."""
        answer = self.get(path)
        assert answer.status == 200, answer.text
        return json.loads(answer.text)

    def rows(self, **asked: str) -> Any:
        """What the API answers about rows."""
        return self.json(f"/api/rows?{urlencode(asked)}")

    def wait_for_listeners(self, *wanted: Who) -> None:
        """Wait until pages of these visitors listen, and of no others."""
        names = {who.visitor for who in wanted}
        with self.stream() as events:
            listening = {each["visitor"] for each in next(events)[1]["visitors"] if each["pages"]}
            while listening != names:
                for what, plain in next(events)[1]:
                    if what == "visitor":
                        (listening.add if plain["pages"] else listening.discard)(plain["visitor"])

    @contextmanager
    def stream(self, path: str = "/api/events") -> Iterator[Iterator[tuple[str, Any]]]:
        """The events of a stream, as they come."""
        with opened(self.url + path) as response:
            assert response.status == 200
            yield events(response)

    @contextmanager
    def page_channel(self, who: Who = WHO) -> Iterator[Iterator[tuple[str, Any]]]:
        """What a page of a visitor hears, through the door of the proxy."""
        host, port = self.server.inside
        with opened(f"http://{host}:{port}/inside/live", {"x-consentry-ticket": self.server.ticket(who)}) as response:
            assert response.status == 200
            # The first line says that the channel is open.
            assert response.readline() == b"retry: 2000\n"
            yield events(response)


def events(lines: Any) -> Iterator[tuple[str, Any]]:
    """The events of a stream (HTML §9.2.6), each with its data as JSON."""
    name = ""
    for line in lines:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


@contextmanager
def world(
    token: str = "", history: History | None = None, host: str = "127.0.0.1", pause: Pause | None = None
) -> Iterator[World]:
    """A dashboard on a free port."""
    warnings: list[str] = []
    server = Server(Address(host, 0, chosen=True), token, warnings.append)
    made = World(server)
    made.warnings = warnings

    def pretend(client: Client, site: str, gpc: bool) -> None:
        made.pretended.append((client, site, gpc))

    regimes = {each.regime: each for each in (GDPR, CCPA)}
    server.start(Subject(server.scene, catalogue(), regimes, (), pretend, history, pause))
    try:
        yield made
    finally:
        server.stop()
    assert not warnings, warnings
