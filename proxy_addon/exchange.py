"""One exchange between a browser and a site, as every adapter goes through it: what it asks of the engine, and when.

An adapter reads a message into `Fields`, does what each step says, and knows nothing of visits or mounts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .answer import Answer
from .catalogue.payloads import SHORT
from .engine import Engine, Visit
from .meter import BODY, REQUEST, RESPONSE
from .own import CSP_PATH, MOST_BYTES, is_own
from .rewrite.coding import Body
from .rewrite.mount import Mount
from .watch import Who

# Bodies up to this many bytes are passed in one piece, which is faster; longer ones stream.
SMALL = SHORT
# Nobody's events take more.
MOST_EVENTS = 8 * 1024 * 1024
# What says of a body that it is the one that was sent.
DIGESTS = ("content-md5", "digest", "content-digest", "repr-digest")
# Seconds after which a browser's report is held against what the layers said.
SETTLE = 2.0

Later = Callable[..., Any]


class Fields:
    """A message's header fields, names in lower case; see rewrite.headers.Headers."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        """`pairs` are names in lower case with their values, in order."""
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def get_all(self, name: str) -> list[str]:
        """See rewrite.headers.Headers."""
        return self._values.get(name, [])

    def set_all(self, name: str, values: Iterable[str]) -> None:
        """See rewrite.headers.Headers."""
        self._values[name] = list(values)

    def plain(self) -> dict[str, str]:
        """Each name with one value: several are joined as HTTP joins them."""
        # HTTP/2 may split Cookie into one field a cookie (RFC 9113 §8.2.3).
        return {
            name: ("; " if name == "cookie" else ", ").join(values) for name, values in self._values.items() if values
        }


@dataclass(frozen=True, slots=True)
class Gather:
    """The request goes no further before its whole body is there, and `body` was asked."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The request is dropped: it has more of a body than what is ours would ever take."""


@dataclass(slots=True)
class Exchange:
    """A request that was read, and what becomes of it. `fields` are the site's own words, as is `url`."""

    engine: Engine
    visit: Visit
    method: str
    url: str
    path: str
    fields: Mapping[str, str]
    address: str
    mount: Mount | None = None

    @classmethod
    def reverse(
        cls, engine: Engine, mount: Mount, method: str, path: str, headers: Fields, *, address: str, moved: bool = False
    ) -> Exchange:
        """A request to a site that Consentry stands in front of; its headers are translated, unless they are `moved`.

        `address` is the client's, '' if it is not known.
        """
        url = mount.upstream + path
        if not moved:
            mount.to_upstream(headers)
        fields = headers.plain()
        visit = engine.visit_reverse(mount.upstream, mount.public, url, fields, address=address)
        return cls(engine, visit, method, url, path, fields, address, mount)

    @classmethod
    def forward(
        cls, engine: Engine, method: str, url: str, host: str, headers: Fields, *, path: str, address: str
    ) -> Exchange:
        """Any request of a browser that has Consentry for its proxy."""
        fields = headers.plain()
        return cls(engine, engine.visit_forward(address, url, host, fields), method, url, path, fields, address)

    @property
    def own(self) -> bool:
        """Whether it is ours to answer; nothing of it goes on to the site."""
        return is_own(self.path)

    @property
    def has_body(self) -> bool:
        """Whether the request may have a body, as far as its headers tell."""
        return "transfer-encoding" in self.fields or self.method not in ("GET", "HEAD", "OPTIONS", "DELETE")

    def is_long(self, most: int = SMALL) -> bool:
        """Whether the request's body may be longer than `most` bytes."""
        return is_long(self.fields.get("content-length", ""), self.has_body, most)

    def _is_too_long(self) -> bool:
        """Whether the request is known to be longer than what is kept back to be looked at."""
        return is_long(self.fields.get("content-length", ""), has_body=False, most=MOST_EVENTS)

    def listener(self) -> Who | None:
        """Who wants to listen for what the dashboard sets, if that is what it asks."""
        return self.engine.listener(self.visit, self.method, self.path, self.fields) if self.own else None

    def hides(self) -> str:
        """The host whose other names must be known to judge the request, or ''."""
        return "" if self.own else self.engine.may_hide(self.visit, self.url, self.fields)

    def request(self, headers: Fields, names: tuple[str, ...] = ()) -> Answer | Gather | Refuse | None:
        """Judge it before its body is read; None lets it pass, with its headers prepared.

        `names` are other names of its host, where these are known.
        """
        with self.engine.meter.step(REQUEST, self.fields):
            return self._judged(headers, names)

    def _judged(self, headers: Fields, names: tuple[str, ...]) -> Answer | Gather | Refuse | None:
        engine, visit = self.engine, self.visit
        if self.own:
            return Refuse() if self.is_long(MOST_BYTES) else Gather()
        answer = engine.request(visit, self.method, self.url, self.path, self.fields, names=names)
        answer = answer or engine.cleaned(visit, self.method, self.url, self.fields)
        answer = answer or engine.bootstrap(visit, self.method, self.fields)
        if answer is not None:
            return answer
        engine.prepare_request(visit, self.method, self.url, headers, self.fields)
        if not self.has_body:
            return None
        short = not self.is_long()
        if not self._is_too_long() and engine.may_carry_hidden(visit, self.method, self.url, self.fields, short=short):
            return Gather()
        if engine.carries_events(visit, self.method, self.url):
            if not self.is_long(MOST_EVENTS):
                # Judged when the body is there; it waits for that, however long it is.
                return Gather()
            judged = engine.events(visit, self.method, self.url, self.fields, None)
            if isinstance(judged, Answer):
                return judged
        return None

    def body(self, content: bytes, later: Later) -> Answer | bytes | None:
        """What becomes of a request that was gathered: an answer, another body, or None for the same.

        `later` takes seconds, a function and its arguments, and calls it then.
        """
        with self.engine.meter.step(BODY, self.fields):
            return self._answered(content, later)

    def _answered(self, content: bytes, later: Later) -> Answer | bytes | None:
        if not self.own:
            return self.engine.events(self.visit, self.method, self.url, self.fields, content)
        answer = self.engine.own(self.visit, self.method, self.path, self.fields, content)
        if self.path == CSP_PATH and answer.status == 204:
            # The layers that held something report it at their own pace.
            later(SETTLE, self.engine.judge_reports, self.visit, content)
        return answer

    def response(self, status: int, headers: Fields) -> Body | None:
        """Rewrite a response's headers; what rewrites its body, None if that passes as it is."""
        with self.engine.meter.step(RESPONSE, self.fields):
            return self._prepared(status, headers)

    def untouched(self, headers: Fields) -> None:
        """Make a response's headers, as they came, fit for the browser where rewriting them failed."""
        if self.mount is not None:
            self.mount.to_public(headers)

    def _prepared(self, status: int, headers: Fields) -> Body | None:
        if self.mount is not None:
            self.mount.to_public(headers)
        return self.engine.response(
            self.visit,
            self.method,
            self.url,
            status,
            request=self.fields,
            headers=headers,
            recode=not _is_loopback(self.address),
        )


def is_long(length: str, has_body: bool, most: int = SMALL) -> bool:
    """Whether a body may be longer than `most` bytes, by its Content-Length or, without one, by there being any."""
    return int(length) > most if length.isdigit() else has_body


@lru_cache(maxsize=1024)
def _is_loopback(address: str) -> bool:
    """Whether the browser runs on this machine, where a content coding saves nothing."""
    try:
        return not address or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
