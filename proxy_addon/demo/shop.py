"""The sample shop: a few first-party pages that carry the tags of many vendors, on a free port of this machine."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

_HERE = Path(__file__).parent
_HTML = "text/html; charset=utf-8"
_STATIC = {
    "icon.svg": "image/svg+xml",
    "shop.css": "text/css; charset=utf-8",
    "shop.js": "text/javascript; charset=utf-8",
    "consent.js": "text/javascript; charset=utf-8",
    "status.js": "text/javascript; charset=utf-8",
}
_LONGEST_FORM = 4096
_MOST_OF_ONE = 99
_POSTAGE = 490
_SLOT = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class Product:
    """Something the shop sells; the price is in cents."""

    slug: str
    name: str
    price: int
    short: str
    story: str
    size: str
    glaze: str


PRODUCTS = {
    product.slug: product
    for product in (
        Product(
            "mug",
            "Harbour mug",
            2400,
            "A third of a litre, and a handle for four fingers.",
            "Thrown in one go and left bare at the foot, so that it stands warm in the hand and never slips on a tray.",
            "9 cm high, 330 ml",
            "Slate blue over bare clay",
        ),
        Product(
            "bowl",
            "Meadow bowl",
            3200,
            "Wide enough for noodles, deep enough for soup.",
            "The rim is turned outwards a little, which keeps a spoon where you put it.",
            "18 cm across, 700 ml",
            "Moss green with a darker band",
        ),
        Product(
            "vase",
            "Ridge vase",
            5800,
            "A narrow neck that holds three stems upright.",
            "Each ring is pressed with the edge of a wooden rib while the pot still turns.",
            "26 cm high",
            "None outside, clear inside",
        ),
        Product(
            "teapot",
            "Sunday teapot",
            7900,
            "Four cups, one hand, no drip.",
            "The spout is cut until it pours without a drop on the cloth; those that do drip stay with us.",
            "15 cm high, 900 ml",
            "Cream over sand",
        ),
        Product(
            "plate",
            "Speckled plate",
            2800,
            "For breakfast, or for cake at four.",
            "Iron in the clay comes through the glaze as it fires. No two have the same freckles.",
            "22 cm across",
            "Oatmeal with a dark rim",
        ),
        Product(
            "jug",
            "Mustard jug",
            4600,
            "For milk, for custard, or for tulips.",
            "Dipped by hand to just below the belly, which is why the line is never quite straight.",
            "19 cm high, 1 litre",
            "Mustard over white",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer of the shop."""

    body: bytes = b""
    kind: str = _HTML
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[tuple[str, str], ...] = ()


class Shop:
    """The shop, open from `with Shop() as shop:` to the end of the block; `url` is its origin."""

    def __init__(self) -> None:
        """Take a free port of 127.0.0.1."""
        self._server = _Server()
        self._thread = threading.Thread(target=self._server.serve_forever, name="sample shop", daemon=True)

    @property
    def url(self) -> str:
        """The shop's origin."""
        return self._server.origin

    def __enter__(self) -> Shop:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    """Listens for the shop."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.pages = _Pages(self.origin)


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "SampleShop"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:
        """Answer with a page or a file."""
        path = self.path.partition("?")[0]
        self._reply(self.server.pages.get(path, _basket_of(self.headers.get_all("cookie", []))))

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """Answer a form."""
        length = self.headers.get("content-length", "")
        if not length.isascii() or not length.isdigit() or int(length) > _LONGEST_FORM:
            # What was sent stays unread, so this connection cannot be used again.
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if length else HTTPStatus.LENGTH_REQUIRED
            self._reply(_Reply(status=status, headers=(("connection", "close"),)))
            return
        fields = parse_qs(self.rfile.read(int(length)).decode("latin-1"))
        form = {name: values[0] for name, values in fields.items()}
        path = self.path.partition("?")[0]
        self._reply(self.server.pages.post(path, form, _basket_of(self.headers.get_all("cookie", []))))

    def log_message(self, *_: object) -> None:
        """Say nothing; the proxy in front does the talking."""

    def handle(self) -> None:
        """Answer until the other side has had enough; browsers and proxies hang up when it suits them."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def _reply(self, reply: _Reply) -> None:
        self.send_response(reply.status)
        self.send_header("content-type", reply.kind)
        self.send_header("content-length", str(len(reply.body)))
        self.send_header("cache-control", "no-cache")
        self.send_header("x-content-type-options", "nosniff")
        for name, value in reply.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)


class _Pages:
    """What stands at which address. Everything is read once, so no address can lead to another file."""

    def __init__(self, origin: str) -> None:
        self._templates = {path.stem: path.read_text("utf-8") for path in (_HERE / "pages").glob("*.html")}
        self._pictures = {path.stem: path.read_text("utf-8").strip() for path in (_HERE / "pictures").glob("*.svg")}
        self._files = {
            f"/static/{name}": ((_HERE / "static" / name).read_bytes(), kind) for name, kind in _STATIC.items()
        }
        self._origin = origin

    def get(self, path: str, basket: Mapping[str, int]) -> _Reply:
        """The answer to GET."""
        if path in self._files:
            return _Reply(*self._files[path])
        product = PRODUCTS.get(path.removeprefix("/pots/")) if path.startswith("/pots/") else None
        if product is not None:
            return self._page(product.name, self._product(product), basket)
        match path:
            case "/":
                return self._page("Pots for the everyday table", self._home(), basket, here="home")
            case "/basket":
                return self._page("Basket", self._basket(basket), basket, here="basket")
            case "/privacy":
                return self._page("Privacy", self._templates["privacy"], basket, here="privacy")
            case "/thanks":
                return self._page("Thank you", self._templates["thanks"], basket)
        return self._page("No such page", self._templates["not-found"], basket, status=HTTPStatus.NOT_FOUND)

    def post(self, path: str, form: Mapping[str, str], basket: Mapping[str, int]) -> _Reply:
        """The answer to POST: a form does its work and leads on."""
        if path == "/basket":
            return _see_other("/basket", _changed(basket, form))
        if path == "/order":
            total = _total(basket)
            return _see_other(f"/thanks?total={total / 100:.2f}" if total else "/basket", {})
        return self._page("No such page", self._templates["not-found"], basket, status=HTTPStatus.NOT_FOUND)

    def _page(
        self, title: str, content: str, basket: Mapping[str, int], *, here: str = "", status: HTTPStatus = HTTPStatus.OK
    ) -> _Reply:
        current = {
            f"here_{name}": ' aria-current="page"' if name == here else "" for name in ("home", "privacy", "basket")
        }
        page = self._fill(
            "layout",
            origin=self._origin,
            title=html.escape(title),
            content=content.rstrip("\n"),
            count=str(sum(basket.values())),
            tags_head=self._templates["tags-head"],
            tags_body_start=self._templates["tags-body-start"],
            tags_body_end=self._templates["tags-body-end"],
            **current,
        )
        return _Reply(page.encode(), status=status)

    def _home(self) -> str:
        cards = "".join(map(self._card, PRODUCTS.values()))
        return self._fill("home", shelf=self._pictures["shelf"], cards=cards.rstrip("\n"))

    def _product(self, product: Product) -> str:
        order = list(PRODUCTS.values())
        place = order.index(product)
        others = [order[(place + step) % len(order)] for step in (1, 2, 3)]
        cards = "".join(map(self._card, others)).rstrip("\n")
        return self._fill(
            "product",
            **self._words(product),
            story=html.escape(product.story),
            size=product.size,
            glaze=product.glaze,
            cards=cards,
        )

    def _basket(self, basket: Mapping[str, int]) -> str:
        if not basket:
            return self._templates["basket-empty"]
        lines = "".join(
            self._fill("line", **self._words(PRODUCTS[slug]), quantity=str(quantity))
            for slug, quantity in basket.items()
        )
        pots = _total(basket) - _POSTAGE
        return self._fill(
            "basket",
            lines=lines.rstrip("\n"),
            pots=_money(pots),
            postage=_money(_POSTAGE),
            total=_money(pots + _POSTAGE),
        )

    def _card(self, product: Product) -> str:
        return self._fill("card", **self._words(product))

    def _words(self, product: Product) -> dict[str, str]:
        return {
            "slug": product.slug,
            "name": html.escape(product.name),
            "short": html.escape(product.short),
            "price": f"{product.price / 100:.2f}",
            "money": _money(product.price),
            "picture": self._pictures[product.slug],
        }

    def _fill(self, template: str, **values: str) -> str:
        return _SLOT.sub(lambda slot: values[slot[1]], self._templates[template])


def _see_other(where: str, basket: Mapping[str, int]) -> _Reply:
    value = "_".join(f"{slug}.{quantity}" for slug, quantity in basket.items())
    lifetime = "" if value else "; Max-Age=0"
    cookie = f"basket={value}; Path=/; SameSite=Lax{lifetime}"
    return _Reply(status=HTTPStatus.SEE_OTHER, headers=(("location", where), ("set-cookie", cookie)))


def _changed(basket: Mapping[str, int], form: Mapping[str, str]) -> dict[str, int]:
    """The basket after a form; what cannot be understood changes nothing."""
    after = dict(basket)
    after.pop(form.get("remove", ""), None)
    added, quantity = form.get("add", ""), _quantity(form.get("quantity", "1"))
    if added in PRODUCTS and quantity:
        after[added] = min(after.get(added, 0) + quantity, _MOST_OF_ONE)
    return after


def _basket_of(headers: list[str]) -> dict[str, int]:
    """The basket that a request's Cookie headers hold: products that there are, and how many of each."""
    pairs = (pair.strip().partition("=") for header in headers for pair in header.split(";"))
    value = next((value for name, _, value in pairs if name == "basket"), "")
    lines = (line.partition(".") for line in value.split("_"))
    return {slug: count for slug, _, text in lines if slug in PRODUCTS and (count := _quantity(text))}


def _quantity(text: str) -> int:
    """A number from 1 to 99, or 0 where the text says none."""
    return int(text) if re.fullmatch(r"[1-9][0-9]?", text) else 0


def _total(basket: Mapping[str, int]) -> int:
    """What is to pay, in cents; 0 for an empty basket."""
    pots = sum(PRODUCTS[slug].price * quantity for slug, quantity in basket.items())
    return pots + _POSTAGE if pots else 0


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d} €"
