"""Style sheets and worker scripts on their way through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from . import coding, css

# A style sheet longer than this passes as it is: no browser waits for one.
_LONGEST = 8 * 1024 * 1024


class _Decoded:
    """A body without its content codings. It ends where it is not in them."""

    def __init__(self, encodings: Sequence[str], on_trouble: Callable[[str], None]) -> None:
        self._decoding = coding.Decoding(encodings)
        self._on_trouble = on_trouble
        self._ended = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._ended:
            return
        try:
            yield from self._decoding.feed(data)
        except coding.CodingError as error:
            self._ended = True
            self._on_trouble(f"the body is not in the coding its header names ({error})")


class Sheet:
    """A style sheet: held addresses get their prefix when it has arrived as a whole."""

    def __init__(self, decide: css.Decide, encodings: Sequence[str], on_trouble: Callable[[str], None]) -> None:
        """`decide` says of an address in the sheet whether it is held."""
        self._decide = decide
        self._decoded = _Decoded(encodings, on_trouble)
        self._on_trouble = on_trouble
        self._pieces: list[bytes] | None = []
        self._length = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What can be sent on after the next bytes."""
        for piece in self._decoded.decode(data):
            if self._pieces is None:
                yield piece
                continue
            self._pieces.append(piece)
            self._length += len(piece)
            if self._length > _LONGEST:
                self._on_trouble(f"the style sheet is longer than {_LONGEST} bytes")
                whole, self._pieces = b"".join(self._pieces), None
                yield whole

    def close(self) -> Iterator[bytes]:
        """The rest, at the end."""
        if self._pieces is None:
            return
        whole = b"".join(self._pieces)
        self._pieces = None
        try:
            yield css.hold_addresses(whole, self._decide)
        except Exception as error:
            self._on_trouble(f"an error while rewriting ({type(error).__name__}: {error})")
            yield whole


class Gathered:
    """A text that is changed as a whole when it has arrived. What is longer than `most` bytes is not changed."""

    def __init__(
        self,
        change: Callable[[bytes | None], bytes],
        encodings: Sequence[str],
        on_trouble: Callable[[str], None],
        *,
        most: int,
        lenient: bool,
    ) -> None:
        """`change` gets the whole, or None where it is too long or in no coding that is known.

        With `lenient` what is too long passes as it is instead.
        """
        self._change = change
        self._decoded = _Decoded(encodings, self._trouble)
        self._on_trouble = on_trouble
        self._most, self._lenient = most, lenient
        self._pieces: list[bytes] = []
        self._length = 0
        self._state = "gathers"

    def _trouble(self, what: str) -> None:
        self._on_trouble(what)
        self._state = "lost"

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What can be sent on after the next bytes."""
        for piece in self._decoded.decode(data):
            if self._state == "passes":
                yield piece
            elif self._state == "gathers":
                self._pieces.append(piece)
                self._length += len(piece)
                if self._length > self._most:
                    self._state = "passes" if self._lenient else "lost"
                    whole, self._pieces = b"".join(self._pieces), []
                    if self._lenient:
                        yield whole

    def close(self) -> Iterator[bytes]:
        """The rest, at the end."""
        if self._state == "passes":
            return
        whole = b"".join(self._pieces)
        if self._state == "lost" and self._lenient:
            yield whole
            return
        yield self._change(whole if self._state == "gathers" else None)


class Overheard:
    """A text that passes as it is, and is read on the side when it has arrived as a whole."""

    def __init__(self, hear: Callable[[bytes], None], encodings: Sequence[str], *, most: int) -> None:
        """`hear` gets the whole, if it is no longer than `most` bytes and in its coding."""
        self._hear = hear
        self._decoded = _Decoded(encodings, self._stop)
        self._most = most
        self._pieces: list[bytes] | None = []
        self._length = 0

    def _stop(self, _: str) -> None:
        self._pieces = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The next bytes."""
        if self._pieces is not None:
            for piece in self._decoded.decode(data):
                self._length += len(piece)
                if self._pieces is not None:
                    self._pieces.append(piece)
                if self._length > self._most:
                    self._pieces = None
                    break
        yield data

    def close(self) -> Iterator[bytes]:
        """Nothing more."""
        if self._pieces is not None:
            self._hear(b"".join(self._pieces))
        yield from ()


class Prefixed:
    """A script with something before it."""

    def __init__(self, prefix: bytes, encodings: Sequence[str], on_trouble: Callable[[str], None]) -> None:
        self._prefix = prefix
        self._decoded = _Decoded(encodings, on_trouble)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What can be sent on after the next bytes."""
        if self._prefix:
            prefix, self._prefix = self._prefix, b""
            yield prefix
        yield from self._decoded.decode(data)

    def close(self) -> Iterator[bytes]:
        """The rest, at the end."""
        if self._prefix:
            yield self._prefix
