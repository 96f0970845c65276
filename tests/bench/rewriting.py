"""How fast the rewriter alone is: bytes through HtmlRewriter, judged by the real catalogue."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, repeat

from proxy_addon.catalogue.match import Catalogue
from proxy_addon.consent.model import NOTHING_SAID, Regime
from proxy_addon.judge import PageJudge
from proxy_addon.ledger import HTML
from proxy_addon.policy import Verdict, decide
from proxy_addon.rewrite.html import HtmlRewriter
from proxy_addon.rewrite.segments import Segments

# What the proxy gets from a socket at once.
_PIECE = 65536
_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Megabytes a second of processor time; `tokenizer` is turbohtml's alone, None where it is not installed.

    `rewriter` passes the same documents again and again, whose segments it knows; `fresh` documents that are new.
    """

    name: str
    rewriter: float
    fresh: float
    tokenizer: float | None


def measure(name: str, documents: Sequence[bytes], catalogue: Catalogue, regime: Regime, seconds: float) -> Rewriting:
    """Pass the documents through, again and again for so long."""
    judged = partial(decide, consent=NOTHING_SAID, regime=regime)
    segments = Segments()

    def rewrite(document: bytes) -> None:
        judge = PageJudge(catalogue, judged, _nowhere, site="shop.example", layer=HTML, enforce=True, passes=False)
        rewriter = HtmlRewriter(judge, "https://shop.example/lamps", segments=segments)
        for start in range(0, len(document), _PIECE):
            rewriter.feed(document[start : start + _PIECE])
        rewriter.close()

    tokenize = _tokenizer()
    return Rewriting(
        name,
        _speed(rewrite, repeat(documents), seconds),
        _speed(rewrite, _varied(documents), seconds),
        _speed(tokenize, repeat(documents), seconds) if tokenize is not None else None,
    )


def _varied(documents: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """The documents, nearly all of whose runs are others each time."""
    for number in count():
        sign = b"%06d" % number
        yield [
            document.replace(b"<p", b"<p data-%b" % sign).replace(b"<a ", b"<a id=%b " % sign) for document in documents
        ]


def _tokenizer() -> Callable[[bytes], None] | None:
    try:
        from turbohtml import Tokenizer
    except ImportError:
        return None

    def tokenize(document: bytes) -> None:
        tokenizer = Tokenizer(capture_source=True)
        for start in range(0, len(document), _PIECE):
            deque(tokenizer.feed(document[start : start + _PIECE].decode("latin-1")), maxlen=0)
        tokenizer.close()
        deque(tokenizer, maxlen=0)

    return tokenize


def _speed(pass_through: Callable[[bytes], None], passes: Iterable[Sequence[bytes]], seconds: float) -> float:
    speeds: list[float] = []
    end = time.process_time() + seconds
    for documents in passes:
        if time.process_time() >= end and speeds:
            break
        size = sum(map(len, documents))
        start = time.process_time()
        for document in documents:
            pass_through(document)
        speeds.append(size / _MEGABYTE / (time.process_time() - start))
    return statistics.median(speeds)


def _nowhere(layer: str, outcome: str, verdict: Verdict, url: str, kind: str) -> None:
    """Takes the evidence, and keeps none."""
