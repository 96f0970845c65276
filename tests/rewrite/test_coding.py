"""Content codings: what is decoded is what was encoded, however it is cut, and however bad it is."""

from __future__ import annotations

import gzip
import itertools
import os
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_addon.rewrite import coding

STEP = 256 * 1024
MEGABYTE = 1 << 20


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


def stored_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(0, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


# Encoders that are none of ours, each beside the coding's name.
FOREIGN: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip stored": ("gzip", partial(gzip.compress, compresslevel=0)),
    "deflate": ("deflate", zlib.compress),
    "deflate without a header": ("deflate", raw_deflate),
    "deflate stored without a header": ("deflate", stored_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstandard.ZstdCompressor().compress),
    "zstd of unknown length": ("zstd", lambda data: zstandard.ZstdCompressor(write_content_size=False).compress(data)),
    "zstd with a checksum": ("zstd", lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data)),
}
every_foreign_encoder = pytest.mark.parametrize(("name", "encode"), FOREIGN.values(), ids=FOREIGN.keys())
every_coding = pytest.mark.parametrize("name", coding.CODINGS)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


def decoded(name: str, pieces: Iterable[bytes]) -> bytes:
    decoder = coding.decoder(name)
    return b"".join(piece for data in pieces for piece in decoder.feed(data))


def encoded(name: str, pieces: Iterable[bytes]) -> bytes:
    encoder = coding.encoder(name)
    return b"".join([*[encoder.feed(piece) for piece in pieces], encoder.close()])


bodies = st.one_of(
    st.binary(max_size=4000),
    st.text(max_size=2000).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.tuples(st.binary(min_size=1, max_size=20), st.integers(0, 2000)).map(lambda each: each[0] * each[1]),
)
places = st.lists(st.integers(0, 10_000), max_size=10)


@every_foreign_encoder
@given(body=bodies, places=places)
@settings(max_examples=100, deadline=None)
def test_what_others_encode_is_decoded_however_it_is_cut(
    name: str, encode: Callable[[bytes], bytes], body: bytes, places: list[int]
) -> None:
    assert decoded(name, cut(encode(body), places)) == body


@every_foreign_encoder
@given(body=bodies)
@settings(max_examples=30, deadline=None)
def test_what_others_encode_is_decoded_byte_by_byte(name: str, encode: Callable[[bytes], bytes], body: bytes) -> None:
    data = encode(body[:600])
    assert decoded(name, [data[index : index + 1] for index in range(len(data))]) == body[:600]


@every_coding
@given(pieces=st.lists(bodies, max_size=6), places=places)
@settings(max_examples=100, deadline=None)
def test_what_is_encoded_in_pieces_is_decoded_in_other_pieces(
    name: str, pieces: list[bytes], places: list[int]
) -> None:
    assert decoded(name, cut(encoded(name, pieces), places)) == b"".join(pieces)


@given(body=bodies, names=st.lists(st.sampled_from(coding.CODINGS), max_size=3), places=places)
@settings(max_examples=100, deadline=None)
def test_codings_over_codings_come_off_in_reverse(body: bytes, names: list[str], places: list[int]) -> None:
    data = body
    for name in names:
        data = encoded(name, [data])
    for name in reversed(names):
        data = decoded(name, cut(data, places))
    assert data == body


OTHERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


@every_coding
@given(pieces=st.lists(bodies, max_size=5))
@settings(max_examples=50, deadline=None)
def test_others_decode_what_is_encoded(name: str, pieces: list[bytes]) -> None:
    assert OTHERS[name](encoded(name, pieces)) == b"".join(pieces)


def partial_decoder(name: str) -> Callable[[bytes], bytes]:
    """A decoder that is none of ours, for as much as has arrived."""
    if name == "br":
        # One call may leave output behind.
        process = brotli.Decompressor().process
        return lambda data: b"".join([process(data), *iter(lambda: process(b""), b"")])
    if name == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress
    return zlib.decompressobj(31 if name == "gzip" else 15).decompress


@every_coding
@given(pieces=st.lists(bodies.filter(bool), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_each_piece_can_be_decoded_as_soon_as_it_is_fed(name: str, pieces: list[bytes]) -> None:
    encoder = coding.encoder(name)
    decode = partial_decoder(name)
    for piece in pieces:
        assert decode(encoder.feed(piece)) == piece


@every_coding
def test_a_long_body_is_decodable_piece_by_piece(name: str) -> None:
    encoder = coding.encoder(name)
    decoder = coding.decoder(name)
    for piece in (os.urandom(3 * STEP), b"a" * (2 * STEP), b"<p>" * STEP):
        assert b"".join(decoder.feed(encoder.feed(piece))) == piece


@every_coding
def test_the_end_of_a_body_is_marked(name: str) -> None:
    encoder = coding.encoder(name)
    encoder.feed(b"a page")
    assert encoder.close() != b""


# --- Bodies that are longer than one step ---------------------------------------------------------------------


@every_foreign_encoder
@pytest.mark.parametrize("length", [STEP - 1, STEP, STEP + 1, 2 * STEP, 3 * STEP + 7])
def test_bodies_about_as_long_as_a_step_are_decoded_whole(
    name: str, encode: Callable[[bytes], bytes], length: int
) -> None:
    body = bytes(index * index & 0xFF for index in range(1024)) * (length // 1024 + 1)
    assert decoded(name, [encode(body[:length])]) == body[:length]


def test_a_deflate_body_without_a_header_loses_nothing_that_was_due_when_a_step_was_full() -> None:
    short = {
        length: len(decoded("deflate", [raw_deflate(b"\0" * length)])) for length in range(2 * STEP - 5, 2 * STEP + 270)
    }
    assert {length: got for length, got in short.items() if got != length} == {}


@every_coding
def test_an_empty_body_of_no_bytes_decodes_to_nothing(name: str) -> None:
    assert decoded(name, [b""]) == b""


# --- Several members and what follows them -------------------------------------------------------------------


@given(bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=4), places=places)
@settings(max_examples=100, deadline=None)
def test_gzip_members_follow_one_another(bodies: list[bytes], places: list[int]) -> None:
    data = b"".join(gzip.compress(body) for body in bodies)
    assert decoded("gzip", cut(data, places)) == b"".join(bodies)


@given(bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=4), places=places)
@settings(max_examples=100, deadline=None)
def test_zstd_frames_follow_one_another(bodies: list[bytes], places: list[int]) -> None:
    data = b"".join(zstandard.ZstdCompressor().compress(body) for body in bodies)
    assert decoded("zstd", cut(data, places)) == b"".join(bodies)


@pytest.mark.parametrize("padding", [b"\0", b"\0" * 600, b"\r\n", b"<!-- served by -->"])
@given(places=places)
@settings(max_examples=20, deadline=None)
def test_padding_after_gzip_is_ignored(padding: bytes, places: list[int]) -> None:
    assert decoded("gzip", cut(gzip.compress(b"a page") + padding, places)) == b"a page"


# --- Bad bodies ----------------------------------------------------------------------------------------------


@every_foreign_encoder
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_a_truncated_body_gives_what_there_is(name: str, encode: Callable[[bytes], bytes], data: st.DataObject) -> None:
    body = b"<p>a page of some length</p>" * 40
    whole = encode(body)
    kept = data.draw(st.integers(0, len(whole)))
    assert body.startswith(decoded(name, [whole[:kept]]))


@every_coding
@given(body=st.binary(max_size=500), places=places)
@settings(max_examples=200, deadline=None)
def test_any_bytes_at_all_decode_or_are_refused(name: str, body: bytes, places: list[int]) -> None:
    with suppress(coding.CodingError):
        decoded(name, cut(body, places))


@every_foreign_encoder
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_corrupt_body_decodes_or_is_refused(name: str, encode: Callable[[bytes], bytes], data: st.DataObject) -> None:
    whole = bytearray(encode(bytes(range(256)) * 8))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(coding.CodingError):
        decoded(name, [bytes(whole)])


@every_coding
def test_a_page_that_was_never_encoded_is_refused(name: str) -> None:
    with pytest.raises(coding.CodingError):
        decoded(name, [b"<!doctype html><title>plain</title>" * 100])


def test_a_zstd_window_larger_than_browsers_allow_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=24, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    streamed = compressor.compress(os.urandom(64)) + compressor.flush()
    with pytest.raises(coding.CodingError):
        decoded("zstd", [streamed])


# --- Bombs ---------------------------------------------------------------------------------------------------


def bomb(name: str, megabytes: int) -> bytes:
    zeros = bytes(MEGABYTE)
    if name in ("gzip", "deflate"):
        deflate = zlib.compressobj(9, zlib.DEFLATED, 31 if name == "gzip" else 15)
        return b"".join([*[deflate.compress(zeros) for _ in range(megabytes)], deflate.flush()])
    if name == "br":
        compressor = brotli.Compressor(quality=5)
        return b"".join([*[compressor.process(zeros) for _ in range(megabytes)], compressor.finish()])
    frame = zstandard.ZstdCompressor(level=3, write_content_size=False).compressobj()
    return b"".join([*[frame.compress(zeros) for _ in range(megabytes)], frame.flush()])


@every_coding
def test_a_bomb_is_decoded_in_bounded_memory(name: str) -> None:
    data = bomb(name, 192)
    decoder = coding.decoder(name)
    length = 0
    tracemalloc.start()
    try:
        for piece in decoder.feed(data):
            length += len(piece)
            assert len(piece) <= 48 * MEGABYTE
        assert tracemalloc.get_traced_memory()[1] < 96 * MEGABYTE
    finally:
        tracemalloc.stop()
    assert length == 192 * MEGABYTE


def test_a_bomb_in_a_bomb_yields_small_pieces() -> None:
    inner = bomb("gzip", 64)
    outer = encoded("gzip", [inner])
    first, second = coding.decoder("gzip"), coding.decoder("gzip")
    lengths = [len(piece) for data in first.feed(outer) for piece in second.feed(data)]
    assert sum(lengths) == 64 * MEGABYTE
    assert max(lengths) <= STEP


def test_endless_padding_after_gzip_takes_no_memory() -> None:
    decoder = coding.decoder("gzip")
    assert b"".join(decoder.feed(gzip.compress(b"a page"))) == b"a page"
    padding = b"\0" * 4096
    tracemalloc.start()
    try:
        for _ in range(1024):
            assert list(decoder.feed(padding)) == []
        assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    finally:
        tracemalloc.stop()


# --- Headers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (None, ()),
        ("", ()),
        ("identity", ()),
        ("gzip", ("gzip",)),
        ("GZip", ("gzip",)),
        ("x-gzip", ("gzip",)),
        (" gzip ,\tbr ", ("gzip", "br")),
        ("deflate, identity, zstd", ("deflate", "zstd")),
        ("gzip,,br", ("gzip", "br")),
        ("compress", None),
        ("gzip, dcb", None),
        ("aes128gcm", None),
    ],
)
def test_a_content_encoding_header_names_its_codings_in_order(
    header: str | None, names: tuple[str, ...] | None
) -> None:
    assert coding.codings(header) == names


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (None, None),
        ("", ""),
        ("gzip, deflate, br, zstd", "gzip, deflate, br, zstd"),
        ("gzip, dcb, dcz, br;q=0.5", "gzip, br;q=0.5"),
        ("GZIP;q=1.0, identity;q=0", "GZIP;q=1.0, identity;q=0"),
        ("compress", ""),
        ("*", ""),
    ],
)
def test_an_accept_encoding_header_keeps_what_can_be_decoded(header: str | None, kept: str | None) -> None:
    assert coding.accept_encoding(header) == kept


@given(names=st.permutations(coding.CODINGS), count=st.integers(0, len(coding.CODINGS)))
def test_every_combination_of_codings_is_known(names: list[str], count: int) -> None:
    chosen = list(itertools.islice(names, count))
    assert coding.codings(", ".join(chosen)) == tuple(chosen)


class Upper:
    """A body in capitals, which keeps its last word for the end."""

    def __init__(self) -> None:
        self._words: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._words += data.upper().split()
        yield b" ".join(self._words[:-1])
        del self._words[:-1]

    def close(self) -> Iterator[bytes]:
        yield from self._words


@pytest.mark.parametrize("names", [("gzip",), ("deflate", "br"), ("zstd",)], ids="+".join)
def test_a_rewritten_body_goes_on_in_its_codings(names: tuple[str, ...]) -> None:
    body = coding.Recoded(Upper(), names)
    sent = [*body.feed(b"one two three"), *body.feed(b"four"), *body.close()]
    decoding = coding.Decoding(names)
    assert b"".join(piece for each in sent for piece in decoding.feed(each)) == b"ONE TWOTHREEFOUR"
    assert all(sent)
