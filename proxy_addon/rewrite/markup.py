"""HTML's lexical grammar as byte patterns (WHATWG HTML §13.2.5), for any ASCII-compatible charset.

Every pattern is possessive, so that matching stays linear on hostile input, and none matches a construct
whose end has not been seen yet.
"""

from __future__ import annotations

import html
import re
import string
from collections.abc import Iterable
from html.entities import html5
from typing import NamedTuple

_SPACE = rb"[\t\n\f\r ]"
_VALUE = rb"(?:\"[^\"]*+\"|'[^']*+'|(?![\"'])[^\t\n\f\r >]*+)"
_ATTRIBUTE = (
    rb"[^\t\n\f\r />][^\t\n\f\r />=]*+(?:" + _SPACE + rb"*+=" + _SPACE + rb"*+" + _VALUE + rb"|(?!" + _SPACE + rb"*+=))"
)
_REST = rb"(?:[\t\n\f\r /]++|" + _ATTRIBUTE + rb")*+>"
_NAME_END = rb"(?=[\t\n\f\r />])"

# The rest of a tag as nearly all are written: each attribute after a blank or '/', and its value directly after '=', in
# double quotes or in none. What it matches, the full grammar ends at the same byte; it is tried first because it takes
# one step an attribute, and looks neither ahead nor back.
_USUAL = rb"%(name)s*+(?:>|(?:[\t\n\f\r /]++%(name)s++(?:=(?:%(quoted)s|%(bare)s)|))*+[\t\n\f\r /]*+>)"
_NAME = rb"[^\t\n\f\r />\"'=]"
_USUAL_REST = _USUAL % {b"name": _NAME, b"quoted": rb"\"[^\"]*+\"", b"bare": rb"[^\t\n\f\r >\"'=]++"}
# The same where no value can name another host: no '//' in any spelling, no scheme, no entity for either.
_HARMLESS = rb"(?<![pPsS\t\n\r]):|:(?= )|&(?:amp|nbsp|quot|lt|gt|euro);"
_LOCAL_REST = _USUAL % {
    b"name": _NAME,
    b"quoted": rb"\"(?:[^\"/\\&:]*+\"|(?:[^\"/\\&:]++|"
    + _HARMLESS
    + rb")*+(?:/(?:[^\"/\\&:\t\n\r]++|"
    + _HARMLESS
    + rb")++)*+/?+\")",
    b"bare": rb"[^\t\n\f\r >\"'=/\\&:]++",
}

# A whole start or end tag.
TAG = re.compile(rb"<(?P<end>/?)(?P<name>[a-zA-Z][^\t\n\f\r />]*+)" + _REST)
# Everything between '<!' or '<?' or '</' and its '>', where it is no tag.
COMMENT = re.compile(rb"<!--(?:-?>|.*?--!?>)", re.DOTALL)
BOGUS = re.compile(rb"<(?:[!?]|/(?![a-zA-Z]))[^>]*+>")
CDATA = re.compile(rb"<!\[CDATA\[.*?\]\]>", re.DOTALL)
# What may stand before a document's head without beginning it.
PROLOGUE = re.compile(
    _SPACE + rb"++|<!--(?:-?>|.*?--!?>)|<(?:!(?!--)|\?)[^>]*+>|<html" + _NAME_END + _REST, re.IGNORECASE | re.DOTALL
)

_CAPTURE = re.compile(
    rb"([^\t\n\f\r />][^\t\n\f\r />=]*+)(?:"
    + _SPACE
    + rb"*+="
    + _SPACE
    + rb"*+(\"[^\"]*+\"|'[^']*+'|[^\t\n\f\r >]*+))?"
)
_SCRIPT_TEXT = re.compile(rb"<!--|-->|<(/?)script" + _NAME_END, re.IGNORECASE)
# The same where nothing is escaped: of what begins with '<' alone, which is found by one look at each byte.
_PLAIN_SCRIPT_TEXT = re.compile(rb"<(?:!--|(/)script" + _NAME_END + rb")", re.IGNORECASE)
_RAW_ENDS = {
    name: re.compile(rb"</" + name + _NAME_END, re.IGNORECASE)
    for name in (b"style", b"title", b"textarea", b"iframe", b"noembed", b"noframes", b"xmp", b"noscript")
}
_ENTITY = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[a-zA-Z][a-zA-Z0-9]*;?)(?P<next>[=a-zA-Z0-9]?)")


def run_before(stops: Iterable[bytes], unless_local: Iterable[bytes] = ()) -> re.Pattern[bytes]:
    """A pattern for the longest run of text and whole tags that stops before a start tag named so.

    Tags named in `unless_local` stop it only if one of their attributes could hold the address of another
    host. It also stops before comments and other constructs that begin with '<!', '<?' or '</' and no letter.
    """
    local = list(unless_local)
    named = [*stops, *local]
    initials = {name[:1].decode() for name in named}
    free = "".join(letter for letter in string.ascii_lowercase if letter not in initials)
    taken = "".join(sorted(initials))
    alone = "".join(letter for letter in taken if letter.encode() not in named)
    # The full check is made only for tags whose first letter is that of a stop, and which have more letters.
    unstopped = b"[" + _cased(alone) + b"]" + _NAME_END + b"|[" + _cased(free) + b"]|/[a-zA-Z]|"
    unstopped += b"(?!(?:" + _any_of(named) + b")" + _NAME_END + b")[" + _cased(taken) + b"]"
    tag = b"/[a-zA-Z][a-zA-Z0-9]*+>|(?:" + unstopped + b")(?:" + _USUAL_REST + rb"|[^\t\n\f\r />]*+" + _REST + b")"
    if local:
        tag += b"|(?:" + _any_of(local) + b")" + _NAME_END + _LOCAL_REST
    return re.compile(rb"(?:[^<]*+<(?:" + tag + rb"|(?=[^a-zA-Z/!?])))*+[^<]*+")


def stop(names: Iterable[bytes]) -> re.Pattern[bytes]:
    """A pattern for the beginning of what stops every run before start tags named so, whatever follows it."""
    return re.compile(rb"<(?:[!?]|(?:" + _any_of(names) + rb")[\t\n\f\r />])")


def _any_of(names: Iterable[bytes]) -> bytes:
    """Alternatives for names in any case, grouped by first letter: what `re` decides fastest."""
    groups: dict[bytes, list[bytes]] = {}
    for name in sorted(names):
        groups.setdefault(name[:1], []).append(b"".join(_either_case(letter) for letter in name[1:].decode()))
    return b"|".join(_either_case(first.decode()) + b"(?:" + b"|".join(rest) + b")" for first, rest in groups.items())


def _cased(letters: str) -> bytes:
    return (letters + letters.upper()).encode()


def _either_case(letter: str) -> bytes:
    return f"[{letter}{letter.upper()}]".encode() if letter.isalpha() else letter.encode()


class Attribute(NamedTuple):
    """One attribute of a tag: its name in lower case, where the name starts, and its value's span."""

    name: bytes
    start: int
    value_start: int
    value_end: int


def attributes(source: bytes, start: int, end: int) -> list[Attribute]:
    """The attributes between a tag's name and its '>'; duplicates included, in order."""
    found = []
    for each in _CAPTURE.finditer(source, start, end):
        value_start, value_end = each.span(2)
        if value_start < 0:
            value_start = value_end = each.end()
        elif source[value_start : value_start + 1] in (b'"', b"'"):
            value_start, value_end = value_start + 1, value_end - 1
        found.append(Attribute(each[1].lower(), each.start(), value_start, value_end))
    return found


def text_of(value: bytes) -> str:
    """An attribute's value as the page's scripts would read it. Bytes that are not UTF-8 survive as they are."""
    text = value.decode("utf-8", "surrogateescape")
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    """A character reference in an attribute (§13.2.5.73): a name counts as a whole, and without ';' only at its end."""
    follows = found["next"]
    reference = found[0][: len(found[0]) - len(follows)]
    if reference[1] != "#" and (reference[1:] not in html5 or (follows and reference[-1] != ";")):
        return found[0]
    # The library drops references to control characters, which a browser keeps.
    return (html.unescape(reference) or _control(reference)) + follows


def _control(reference: str) -> str:
    digits = reference[2:].rstrip(";")
    return chr(int(digits[1:], 16) if digits[0] in "xX" else int(digits))


def end_of_raw(name: bytes, source: bytes, start: int) -> int:
    """Where a raw-text element's end tag begins, or -1 if it is not there."""
    found = _RAW_ENDS[name].search(source, start)
    return found.start() if found else -1


class ScriptText:
    """Finds the end of a script's text, through its escaped states, over any number of pieces."""

    def __init__(self) -> None:
        self._escape = 0

    def find_end(self, source: bytes, start: int) -> tuple[bool, int]:
        """(True, where `</script` begins), or (False, how far the text certainly goes)."""
        position = start
        while (found := (_SCRIPT_TEXT if self._escape else _PLAIN_SCRIPT_TEXT).search(source, position)) is not None:
            word, closing = found[0], found[1]
            if word == b"<!--":
                if self._escape == 0:
                    self._escape = 1
                # The dashes count again: '<!-->' opens and closes at once.
                position = found.start() + 2
                continue
            if word == b"-->":
                self._escape = 0
            elif closing == b"":
                self._escape = 2 if self._escape else 0
            elif self._escape == 2:
                self._escape = 1
            else:
                return True, found.start()
            position = found.end()
        # A word may have begun in the last bytes: '</script' and the byte after it are nine.
        return False, max(position, len(source) - 9)
