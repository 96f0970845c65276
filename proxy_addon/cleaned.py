"""Strangers' words, made fit to be shown: addresses, titles and errors come from whoever wrote a page."""

from __future__ import annotations

import re

# What a terminal, or an XML document, would not take as text.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text for a line of a terminal, with all that is not printed made visible as an escape."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def plain_text(text: str) -> str:
    """The text for a document, without what steers terminals, is no character of XML or turns the way of writing."""
    return _DIRECTION.sub("", _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))


def one_line(text: str) -> str:
    """The text for a document, on one line."""
    return " ".join(plain_text(text).split())
