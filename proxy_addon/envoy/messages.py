"""Messages of Envoy's external processing, read into plain values and written from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    CommonResponse,
    HeaderMutation,
    HttpHeaders,
    ProcessingRequest,
    ProcessingResponse,
)

from ..answer import Answer
from ..exchange import Fields

# Envoy takes pieces of this size well; a larger one would only wait longer for room.
_LARGEST_PIECE = 64 * 1024
_ATTRIBUTES = "envoy.filters.http.ext_proc"
# Set by an attribute's name, since Envoy lists no request fields by themselves when a response has come.
_FIELD = "request.headers['"


class Headers(Fields):
    """A message's header fields, which remember what was changed. Pseudo-headers are kept apart."""

    def __init__(self, message: HttpHeaders) -> None:
        self.pseudo: dict[str, str] = {}
        pairs: list[tuple[str, str]] = []
        for each in message.headers.headers:
            name, value = each.key, each.raw_value.decode("utf-8", "surrogateescape")
            if name.startswith(":"):
                self.pseudo[name] = value
            else:
                pairs.append((name, value))
        super().__init__(pairs)
        self._before = {name for name, _ in pairs}
        self._changed: dict[str, None] = {}

    def set_all(self, name: str, values: Iterable[str]) -> None:
        """See rewrite.headers.Headers."""
        super().set_all(name, values)
        self._changed[name] = None

    def write(self, mutation: HeaderMutation) -> None:
        """Tell Envoy what was changed."""
        for name in self._changed:
            values = self.get_all(name)
            if not values and name in self._before:
                mutation.remove_headers.append(name)
            for index, value in enumerate(values):
                _set(mutation, name, value, appends=index > 0)


def _set(mutation: HeaderMutation, name: str, value: str, *, appends: bool) -> None:
    option = mutation.set_headers.add()
    option.header.key = name
    option.header.raw_value = value.encode("utf-8", "surrogateescape")
    # The older word for it: external processing takes an appending action without it for an overwriting one.
    option.append.value = appends


def attributes(request: ProcessingRequest) -> Mapping[str, str]:
    """The attributes that came with a message, by name."""
    found = request.attributes.get(_ATTRIBUTES)
    return {name: value.string_value for name, value in found.fields.items()} if found is not None else {}


def attribute_of(field: str) -> str:
    """The name of the attribute that holds a request's field."""
    return f"{_FIELD}{field}']"


def fields_in(found: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The request's fields among the attributes."""
    for name, value in found.items():
        if name.startswith(_FIELD):
            yield name[len(_FIELD) : -2], value


def address_in(found: Mapping[str, str]) -> str:
    """The client's address among the attributes, without its port."""
    return found.get("source.address", "").rpartition(":")[0].strip("[]")


def passed(kind: str, headers: Headers) -> ProcessingResponse:
    """Let headers pass as they are now. `kind` is request_headers or response_headers."""
    response = ProcessingResponse()
    common: CommonResponse = getattr(response, kind).response
    common.SetInParent()
    headers.write(common.header_mutation)
    return response


def answered(answer: Answer) -> ProcessingResponse:
    """Answer in place of the site."""
    response = ProcessingResponse()
    immediate = response.immediate_response
    immediate.status.code = answer.status
    seen: set[str] = set()
    for name, value in answer.headers:
        _set(immediate.headers, name, value, appends=name in seen)
        seen.add(name)
    immediate.body = answer.body
    immediate.details = "consentry"
    return response


def alone(response: ProcessingResponse) -> ProcessingResponse:
    """Let Envoy do the rest of the exchange by itself."""
    response.mode_override.response_header_mode = ProcessingMode.SKIP
    return response


def wants_body(response: ProcessingResponse, side: str, *, whole: bool) -> ProcessingResponse:
    """Let Envoy hand over a body: as a whole, or piece by piece. `side` is request or response."""
    mode = response.mode_override
    mode.response_header_mode = ProcessingMode.SEND
    if whole:
        setattr(mode, f"{side}_body_mode", ProcessingMode.BUFFERED)
    else:
        setattr(mode, f"{side}_body_mode", ProcessingMode.FULL_DUPLEX_STREAMED)
        # How a body with trailers ends is said by them.
        setattr(mode, f"{side}_trailer_mode", ProcessingMode.SEND)
    return response


def replaced(kind: str, body: bytes) -> ProcessingResponse:
    """The body that was handed over as a whole, changed. `kind` is request_body or response_body."""
    response = ProcessingResponse()
    common: CommonResponse = getattr(response, kind).response
    common.body_mutation.body = body
    return response


def unchanged(kind: str) -> ProcessingResponse:
    """Let a body, or trailers, pass as they are."""
    response = ProcessingResponse()
    getattr(response, kind).SetInParent()
    return response


def pieces(kind: str, body: Iterable[bytes], *, ends: bool) -> Iterator[ProcessingResponse]:
    """A streamed body's next pieces; `ends` says that they are its last. `kind` is request_body or response_body."""
    waiting: bytes | None = None
    for each in body:
        for start in range(0, len(each), _LARGEST_PIECE):
            if waiting is not None:
                yield _piece(kind, waiting, ends=False)
            waiting = each[start : start + _LARGEST_PIECE]
    if waiting is not None or ends:
        yield _piece(kind, waiting or b"", ends=ends)


def _piece(kind: str, data: bytes, *, ends: bool) -> ProcessingResponse:
    response = ProcessingResponse()
    common: CommonResponse = getattr(response, kind).response
    streamed = common.body_mutation.streamed_response
    streamed.body = data
    streamed.end_of_stream = ends
    return response
