"""The adapter: an external processor that leads what Envoy hands over through the engine.

Envoy asks for a whole exchange where the request itself has to be judged (a page, what is ours, what the catalogue may
know), and else only for a response that has something to judge; which is which is said in bootstrap.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import chain

import grpc
from envoy.service.ext_proc.v3.external_processor_pb2 import HttpBody, ProcessingRequest, ProcessingResponse

from ..answer import Answer
from ..engine import Engine
from ..exchange import DIGESTS, MOST_EVENTS, SMALL, Exchange, Fields, Gather, Refuse, is_long
from ..faults import Faults
from ..own import TICKET
from ..rewrite.coding import Body
from ..rewrite.mount import Mount
from ..watch import Live, Who
from . import messages
from .messages import Headers

# The site that Envoy asks about, and how browsers reach it: in the metadata of each call.
UPSTREAM, SCHEME = "consentry-upstream", "consentry-scheme"
# The authority that the browser asked, as Envoy keeps it while a request goes by another to the site.
AUTHORITY = "filter_state['consentry.authority']"
_TOO_LONG = Answer(413, (("content-type", "text/plain"), ("connection", "close")), b"This is too long.\n")

Warn = Callable[[str], None]
Context = grpc.aio.ServicerContext[ProcessingRequest, ProcessingResponse]


class Processor:
    """Answers Envoy's calls, each of which is one exchange."""

    def __init__(self, engine: Engine, warn: Warn, live: Live | None = None) -> None:
        """`warn` is told, in one line, what goes wrong in a call.

        `live` serves the channels of pages that listen; Envoy leads them there.
        """
        self._engine = engine
        self._faults = Faults(warn)
        self._live = live

    async def process(self, _: object, context: Context) -> None:
        """Answer one call. It ends with the last answer: Envoy would have to break it off, which costs both more."""
        metadata = {name: str(value) for name, value in context.invocation_metadata() or ()}
        call = _Call(self._engine, self._live, metadata.get(UPSTREAM, ""), metadata.get(SCHEME, "http"))
        try:
            while not call.done and (message := await context.read()) is not grpc.aio.EOF:
                for response in call.take(message):
                    await context.write(response)
        except Exception as error:
            # Without an answer Envoy lets nothing through: what it cannot ask about stays where it is.
            self._faults.tell("An exchange was given up and its browser answered 503", error)
            await context.abort(grpc.StatusCode.INTERNAL, "Consentry could not go through this exchange.")


class _Call:
    """What is known of one exchange from message to message."""

    def __init__(self, engine: Engine, live: Live | None, upstream: str, scheme: str) -> None:
        self._engine = engine
        self._live = live
        self._upstream = upstream
        self._scheme = scheme
        self._exchange: Exchange | None = None
        self._body: Body | None = None
        self._whole = False
        # What there is so far of a request's body that does not say how long it is, while it is kept back.
        self._kept: bytearray | None = None
        self._streams = False
        # Whether all is said once the last answers are out.
        self.done = False

    def take(self, message: ProcessingRequest) -> Iterator[ProcessingResponse]:
        """The answers to one message."""
        kind = message.WhichOneof("request")
        if kind == "request_headers":
            yield self._request(message)
        elif kind == "request_body":
            yield from self._request_body(message.request_body)
        elif kind == "request_trailers":
            if self._kept is not None:
                yield from self._gathered(self._kept, ends=False)
            if not self.done:
                yield messages.unchanged("request_trailers")
        elif kind == "response_headers":
            yield self._response(message)
        elif kind == "response_body":
            yield from self._response_body(message.response_body)
        elif kind == "response_trailers":
            if self._body is not None and not self._whole:
                yield from messages.pieces("response_body", self._body.close(), ends=False)
            self.done = True
            yield messages.unchanged("response_trailers")
        elif kind is not None:
            yield messages.unchanged(kind)

    def _request(self, message: ProcessingRequest) -> ProcessingResponse:
        headers = Headers(message.request_headers)
        pseudo, found = headers.pseudo, messages.attributes(message)
        exchange = Exchange.reverse(
            self._engine,
            Mount(self._upstream, f"{self._scheme}://{pseudo.get(':authority', '')}"),
            pseudo.get(":method", ""),
            pseudo.get(":path", ""),
            headers,
            address=messages.address_in(found),
        )
        self._exchange = exchange
        who = exchange.listener() if self._live is not None else None
        if who is not None:
            return self._lead(headers, who)
        step = exchange.request(headers)
        if isinstance(step, Refuse):
            return self._answered(_TOO_LONG)
        if isinstance(step, Answer):
            return self._answered(step)
        if isinstance(step, Gather):
            if not message.request_headers.end_of_stream:
                self._streams = "content-length" not in exchange.fields
                # No one's events are changed that do not say how long they are: see Exchange.request().
                self._kept = bytearray() if self._streams else None
                passed = messages.passed("request_headers", headers)
                return messages.wants_body(passed, "request", whole=not self._streams)
            judged = exchange.body(b"", _later)
            if isinstance(judged, Answer):
                return self._answered(judged)
        return messages.passed("request_headers", headers)

    def _lead(self, headers: Headers, who: Who) -> ProcessingResponse:
        """Let a page that listens go where it is told: nothing of its request goes there but a ticket."""
        assert self._live is not None
        for name in headers.plain():
            headers.set_all(name, [])
        headers.set_all(TICKET, [self._live.ticket(who)])
        self.done = True
        return messages.alone(messages.passed("request_headers", headers))

    def _request_body(self, part: HttpBody) -> Iterator[ProcessingResponse]:
        if not self._streams:
            yield self._judged(part.body)
        elif self._kept is None:
            yield from messages.pieces("request_body", [part.body], ends=part.end_of_stream)
        else:
            self._kept += part.body
            if len(self._kept) > MOST_EVENTS:
                # It has grown longer than anyone's events, and is on its way.
                kept, self._kept = bytes(self._kept), None
                yield from messages.pieces("request_body", [kept], ends=part.end_of_stream)
            elif part.end_of_stream:
                yield from self._gathered(self._kept, ends=True)

    def _gathered(self, kept: bytearray, *, ends: bool) -> Iterator[ProcessingResponse]:
        """What becomes of a body that came piece by piece; `ends` says that no trailers follow."""
        assert self._exchange is not None
        content, self._kept = bytes(kept), None
        judged = self._exchange.body(content, _later)
        if isinstance(judged, Answer):
            yield self._answered(judged)
        else:
            yield from messages.pieces("request_body", [content if judged is None else judged], ends=ends)

    def _judged(self, content: bytes) -> ProcessingResponse:
        assert self._exchange is not None
        judged = self._exchange.body(content, _later)
        if isinstance(judged, Answer):
            return self._answered(judged)
        if judged is None:
            return messages.unchanged("request_body")
        response = messages.replaced("request_body", judged)
        # Envoy counts the new body itself.
        response.request_body.response.header_mutation.remove_headers.extend(("content-length", *DIGESTS))
        return response

    def _response(self, message: ProcessingRequest) -> ProcessingResponse:
        headers = Headers(message.response_headers)
        exchange = self._exchange or self._unasked(message)
        length = ", ".join(headers.get_all("content-length"))
        body = exchange.response(int(headers.pseudo[":status"]), headers)
        response = messages.passed("response_headers", headers)
        if body is None:
            self.done = True
            return response
        if message.response_headers.end_of_stream:
            self.done = True
            # An empty page still gets its guard.
            if content := b"".join(body.close()):
                common = response.response_headers.response
                common.status = common.CONTINUE_AND_REPLACE
                common.body_mutation.body = content
            return response
        self._body, self._whole = body, not is_long(length, True, SMALL)
        return messages.wants_body(response, "response", whole=self._whole)

    def _response_body(self, part: HttpBody) -> Iterator[ProcessingResponse]:
        if self._body is None:
            yield messages.unchanged("response_body")
            return
        fed = self._body.feed(part.body) if part.body else iter(())
        # Lazily, for little can decode to a lot.
        made = chain(fed, self._body.close()) if part.end_of_stream else fed
        if self._whole:
            self.done = True
            yield messages.replaced("response_body", b"".join(made))
        else:
            yield from messages.pieces("response_body", made, ends=part.end_of_stream)
            self.done = part.end_of_stream

    def _answered(self, answer: Answer) -> ProcessingResponse:
        self.done = True
        return messages.answered(answer)

    def _unasked(self, message: ProcessingRequest) -> Exchange:
        """The exchange of a request that passed without being judged: what is known of it came along."""
        found = messages.attributes(message)
        return Exchange.reverse(
            self._engine,
            Mount(self._upstream, f"{self._scheme}://{found.get(AUTHORITY, '')}"),
            found.get("request.method", ""),
            found.get("request.path", ""),
            Fields(messages.fields_in(found)),
            address=messages.address_in(found),
            moved=True,
        )


def _later(seconds: float, call: Callable[..., object], *arguments: object) -> None:
    asyncio.get_running_loop().call_later(seconds, call, *arguments)
