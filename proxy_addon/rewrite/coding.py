"""Content codings (RFC 9110 §8.4.1) decoded and encoded as a body streams by, in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import brotli
import zstandard

# One piece of input can inflate a thousandfold: what it yields is handed on in steps of this size.
_STEP = 256 * 1024
CODINGS = ("gzip", "deflate", "br", "zstd")
_GZIP = b"\x1f\x8b"
_LIMITED_BROTLI = {"output_buffer_limit": _STEP} if hasattr(brotli.Decompressor, "can_accept_more_data") else {}


class CodingError(Exception):
    """The body is not in the coding that its header names."""


class Decoder(Protocol):
    """Decodes one body."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes decode to. Raises CodingError."""


class Encoder(Protocol):
    """Encodes one body; each piece can be decoded as soon as it arrives."""

    def feed(self, data: bytes) -> bytes:
        """The next bytes, encoded and flushed."""

    def close(self) -> bytes:
        """The end of the body."""


def codings(header: str | None) -> tuple[str, ...] | None:
    """The codings that a Content-Encoding header names, in the order applied; None if one is not known."""
    names = [name.strip().lower() for name in (header or "").split(",")]
    names = [{"x-gzip": "gzip"}.get(name, name) for name in names if name not in ("", "identity")]
    return tuple(names) if all(name in CODINGS for name in names) else None


def accept_encoding(header: str | None) -> str | None:
    """An Accept-Encoding header without what we could not decode; None if there was none."""
    if header is None:
        return None
    offers = [offer.strip() for offer in header.split(",")]
    return ", ".join(offer for offer in offers if offer.partition(";")[0].strip().lower() in (*CODINGS, "identity"))


class Body(Protocol):
    """A response body on its way through."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What can be sent on after the next bytes."""

    def close(self) -> Iterator[bytes]:
        """The rest, at the end."""


class Recoded:
    """A body that was decoded, in its codings again."""

    def __init__(self, body: Body, names: Sequence[str]) -> None:
        """`names` are the codings in the order applied."""
        self._body = body
        self._encoders = [encoder(name) for name in names]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See Body."""
        for piece in self._body.feed(data):
            if piece:
                yield self._encoded(piece)

    def close(self) -> Iterator[bytes]:
        """See Body."""
        for piece in self._body.close():
            if piece:
                yield self._encoded(piece)
        end = b""
        for each in self._encoders:
            end = (each.feed(end) if end else b"") + each.close()
        if end:
            yield end

    def _encoded(self, data: bytes) -> bytes:
        for each in self._encoders:
            data = each.feed(data)
        return data


class Decoding:
    """Takes a body out of all its codings. `encodings` are in the order applied."""

    def __init__(self, encodings: Sequence[str]) -> None:
        self._decoders = [decoder(name) for name in reversed(encodings)]

    def feed(self, data: bytes, depth: int = 0) -> Iterator[bytes]:
        """What the next bytes decode to. Raises CodingError."""
        if depth == len(self._decoders):
            yield data
            return
        for piece in self._decoders[depth].feed(data):
            yield from self.feed(piece, depth + 1)


def beginning(data: bytes, encodings: Sequence[str], most: int) -> bytes | None:
    """The first `most` bytes of a body, out of its codings, gzip without a word among them; None if it is in others."""
    names = tuple(encodings) or (("gzip",) if data.startswith(_GZIP) else ())
    if not names:
        return data[:most]
    found = b""
    try:
        for piece in Decoding(names).feed(data):
            found += piece
            if len(found) >= most:
                break
    except CodingError:
        # What came before the fault tells as much as it would without it; a plain body may begin like gzip.
        return found[:most] or (None if encodings else data[:most])
    return found[:most]


def decoder(name: str) -> Decoder:
    """A decoder for one coding."""
    if name in ("gzip", "deflate"):
        return _Inflate()
    return _Brotli() if name == "br" else _Zstandard()


def encoder(name: str) -> Encoder:
    """An encoder for one coding, set for speed: it works while someone waits."""
    if name in ("gzip", "deflate"):
        return _Deflate(31 if name == "gzip" else 15)
    return _BrotliEncoder() if name == "br" else _ZstandardEncoder()


class _Steps:
    """Feeds a decoder little by little: a little can inflate a lot, and what comes before an error is not lost."""

    step = 1024

    def feed(self, data: bytes) -> Iterator[bytes]:
        # Handed on in few pieces: each may be rewritten and encoded by itself.
        gathered: list[bytes] = []
        length = 0
        try:
            for start in range(0, len(data), self.step):
                for piece in self._decode(data[start : start + self.step]):
                    if gathered and length + len(piece) > _STEP:
                        yield b"".join(gathered)
                        gathered, length = [], 0
                    gathered.append(piece)
                    length += len(piece)
                    if length >= _STEP:
                        yield b"".join(gathered)
                        gathered, length = [], 0
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            if gathered:
                yield b"".join(gathered)
            raise CodingError(str(error)) from None
        if gathered:
            yield b"".join(gathered)

    def _decode(self, data: bytes) -> Iterator[bytes]:
        raise NotImplementedError


class _Inflate(_Steps):
    def __init__(self) -> None:
        self._object: Any = None
        self._follows = b""
        self._padding = False

    def _decode(self, data: bytes) -> Iterator[bytes]:
        while data and not self._padding:
            if self._object is None:
                # 'deflate' should have a zlib header and often has none (RFC 9110 §8.4.1.2).
                wrapped = data[:2] == _GZIP[: len(data)] or (data[0] & 0x0F == 8 and data[0] >> 4 <= 7)
                self._object = zlib.decompressobj(47 if wrapped else -15)
            elif self._object.eof:
                # gzip members may follow one another (RFC 1952 §2.2); anything else after the end is padding.
                self._follows += data
                if len(self._follows) < len(_GZIP):
                    return
                data, self._follows = self._follows, b""
                self._padding = not data.startswith(_GZIP)
                self._object = zlib.decompressobj(47)
                continue
            piece = self._object.decompress(data, _STEP)
            while piece:
                yield piece
                # A full piece may leave output behind even where no input is left.
                more = self._object.unconsumed_tail or len(piece) == _STEP
                piece = self._object.decompress(self._object.unconsumed_tail, _STEP) if more else b""
            data = self._object.unused_data


class _Brotli(_Steps):
    # So little can inflate to some 25 MB; only from 1.2 on can the output be limited.
    step = 1024 if _LIMITED_BROTLI else 32

    def __init__(self) -> None:
        self._object = brotli.Decompressor()

    def _decode(self, data: bytes) -> Iterator[bytes]:
        while piece := self._object.process(data, **_LIMITED_BROTLI):
            yield piece
            data = b""


class _Zstandard(_Steps):
    # Blocks of 128 KB take as little as four bytes.
    step = 256

    def __init__(self) -> None:
        # Browsers refuse larger windows than 8 MiB (RFC 9659), and so do we.
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 23)
        self._object: Any = None

    def _decode(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._object is None or self._object.eof:
                self._object = self._decompressor.decompressobj()
            if piece := self._object.decompress(data):
                yield piece
            data = self._object.unused_data


class _Deflate:
    def __init__(self, bits: int) -> None:
        self._object = zlib.compressobj(1, zlib.DEFLATED, bits)

    def feed(self, data: bytes) -> bytes:
        return self._object.compress(data) + self._object.flush(zlib.Z_SYNC_FLUSH)

    def close(self) -> bytes:
        return self._object.flush()


class _BrotliEncoder:
    def __init__(self) -> None:
        self._object = brotli.Compressor(quality=1)

    def feed(self, data: bytes) -> bytes:
        return bytes(self._object.process(data) + self._object.flush())

    def close(self) -> bytes:
        return bytes(self._object.finish())


class _ZstandardEncoder:
    def __init__(self) -> None:
        self._object = zstandard.ZstdCompressor(level=1).compressobj()

    def feed(self, data: bytes) -> bytes:
        return self._object.compress(data) + self._object.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def close(self) -> bytes:
        return self._object.flush()
