"""What is fuzzed: everything that reads what anybody may send as a consent.

Each target takes any bytes. It fails by an exception, by an answer that cannot be, or, where steps are counted, by
more steps than the length of what it read allows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import Any
from urllib.parse import parse_qsl

from proxy_addon.browser.assets import consent_state
from proxy_addon.config import read_rules
from proxy_addon.consent.additional import decode_additional
from proxy_addon.consent.bits import Unreadable
from proxy_addon.consent.cookie import PlainCookie, format_cookie, parse_cookie
from proxy_addon.consent.googlemode import consent_mode, contradictions
from proxy_addon.consent.gpp import decode_gpp, decode_gpp_sid
from proxy_addon.consent.model import CATEGORIES, Consent, Listing
from proxy_addon.consent.platforms import Deferred, compile_platforms
from proxy_addon.consent.signals import Reader, Told
from proxy_addon.consent.standards import consents_of_strings
from proxy_addon.consent.tcf import decode_tcf, decode_tcf_canada
from proxy_addon.consent.told import clarity_mode, preference_contradictions
from proxy_addon.consent.usprivacy import decode_usprivacy
from proxy_addon.decode import decode
from proxy_addon.listed import listings
from proxy_addon.own import parse_json, reported_consent, reported_rows, reported_told, reported_violations
from proxy_addon.show import decoded_words

_RULES = read_rules(())[0]
PLATFORMS = compile_platforms(_RULES.platforms)
LISTED: tuple[Listing, ...] = listings(_RULES.catalogue.vendors.values())
_VENDORS = frozenset(_RULES.catalogue.vendors)
_PLAIN = PlainCookie("choice", {"all": frozenset(CATEGORIES)}, {"a": "analytics", "m": "marketing"}, ",")
_READER = Reader(_PLAIN, PLATFORMS, listed=LISTED, dnt_denies=True)
_CHOSEN = Consent({"analytics": False, "marketing": True})
# Calls of functions, those of C included: the least that is allowed, and what each byte may add.
_STEPS, _STEPS_A_BYTE = 20_000, 12


def header(data: bytes) -> None:
    """A Cookie header, as the proxy reads it."""
    text = _text(data)
    _check(_READER.read(text, "1", "1"))
    _check(_READER.read_told(text, None, Told({}, {})))


def page(data: bytes) -> None:
    """What a page tells and reports, whatever it posts."""
    plain = parse_json(data)
    if plain is None:
        return
    told = reported_told(plain)
    _check(_READER.read_told("", None, told))
    said = reported_consent(plain)
    if said is not None:
        _check(said)
    for row in reported_rows(plain, _VENDORS.__contains__):
        assert not row.vendor or row.vendor in _VENDORS
    reported_violations(plain)


def storage(data: bytes) -> None:
    """One value under every storage key that a platform watches, and under every call's name."""
    text = _text(data)
    keys = {key.replace("*", "x") for each in PLATFORMS for key in each.browser.get("storage", ())}
    try:
        answer: object = json.loads(data)
    except (ValueError, RecursionError):
        answer = text
    pages = dict.fromkeys((each.platform for each in PLATFORMS), answer)
    _check(_READER.read_told("", None, Told(dict.fromkeys(keys, text), pages)))


def strings(data: bytes) -> None:
    """A string of each standard."""
    text = _text(data)
    for decoder in (decode_tcf, decode_tcf_canada, decode_gpp, decode_usprivacy, decode_additional):
        decoded = decoder(text)
        assert not isinstance(decoded, Unreadable) or decoded.problem
    decode_gpp_sid(text)
    # Beside a string that can be read, so that an Additional Consent string counts too.
    beside = Deferred("tcf", "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", "there")
    found = [Deferred(standard, text, "here") for standard in ("tcf", "gpp", "usp", "ac")]
    for consents in consents_of_strings([*found, beside], {"__gpp_sid": [text]}, LISTED):
        for said in consents:
            _check(said)
            assert not any(said.vendors.values())


def cookie(data: bytes) -> None:
    """The value of our own cookies and of a plain one."""
    text = _text(data)
    for name in ("consentry", "consentry-told"):
        said = parse_cookie(text, name)
        _check(said)
        again = parse_cookie(format_cookie(said), name)
        if len(format_cookie(said)) <= 4096:
            assert (again.categories, again.vendors, again.refused) == (said.categories, said.vendors, said.refused)
    _check(_PLAIN.parse(text))


def command(data: bytes) -> None:
    """The text that `consentry consent decode` takes apart."""
    decoded = decode(_text(data), _READER, gpc=True)
    json.dumps(decoded.plain())
    assert not set(decoded_words(decoded)) & {"\x1b", "\x07", "\x08", "\r"}
    for each in decoded.found:
        _check(each.consent)
    _check(decoded.consent)


def told(data: bytes) -> None:
    """A query, an event and a payload that say what a tag was told."""
    mode = consent_mode(parse_qsl(_text(data)))
    if mode is not None:
        contradictions(mode, _CHOSEN)
    mode = clarity_mode(data)
    if mode is not None:
        contradictions(mode, _CHOSEN)
    try:
        preferences: object = json.loads(data)
    except (ValueError, RecursionError):
        return
    preference_contradictions("acme", preferences, _CHOSEN)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (header, page, storage, strings, cookie, command, told)
}


def counted(target: Callable[[bytes], None], data: bytes) -> int:
    """Run a target, and fail if it takes more steps than it may; returns the steps."""
    steps = 0

    def step(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal steps
        steps += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(step)
    try:
        target(data)
    finally:
        sys.setprofile(before)
    assert steps <= _STEPS + _STEPS_A_BYTE * len(data), f"{steps} steps for {len(data)} bytes"
    return steps


def _text(data: bytes) -> str:
    """As header fields are read: bytes that are no UTF-8 stay as lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def _check(said: Consent) -> None:
    """What holds of every consent, wherever it was read."""
    assert set(said.categories) <= set(CATEGORIES), said
    assert set(said.implied) <= set(CATEGORIES), said
    assert all(names <= set(CATEGORIES) for names in said.refused.values()), said
    assert all(isinstance(each, bool) for each in _answers(said)), said
    assert said.signal
    assert said.note
    # Nothing of a value may fill the evidence.
    assert len(said.note) < 4000, len(said.note)
    assert len(said.signal) < 2000, len(said.signal)
    said.words()
    json.dumps(consent_state(said))


def _answers(said: Consent) -> Iterable[object]:
    return (*said.categories.values(), *said.vendors.values(), *said.implied.values(), said.gpc, said.dnt)
