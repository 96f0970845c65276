"""Google's Additional Consent string (cookie `addtl_consent`), which goes with a TC string.

Follows "Google's Additional Consent technical specification", versions 1 (`1~ids`) and 2 (`2~ids~dv.ids`): the ids of
Google's ad technology providers that are not in the IAB's vendor list. It says nothing about categories.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .bits import Unreadable, too_long

_IDS = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})*)?\Z")


@dataclass(frozen=True, slots=True)
class AdditionalConsent:
    """The providers consented to, and those only shown to the visitor (None in version 1, which does not say)."""

    version: int
    consented: frozenset[int]
    disclosed: frozenset[int] | None = None


def decode_additional(text: str) -> AdditionalConsent | Unreadable:
    """Decode an Additional Consent string. Version 2 without its `dv.` part is taken to disclose nobody."""
    long = too_long(text)
    if long:
        return long
    version, *parts = text.split("~")
    if version == "1" and len(parts) == 1 and _IDS.match(parts[0]):
        return AdditionalConsent(1, _numbers(parts[0]))
    if version == "2" and len(parts) in (1, 2) and _IDS.match(parts[0]):
        disclosed = parts[1] if len(parts) == 2 else "dv."
        if disclosed.startswith("dv.") and _IDS.match(disclosed[3:]):
            return AdditionalConsent(2, _numbers(parts[0]), _numbers(disclosed[3:]))
    return Unreadable("not an Additional Consent string: it is neither 1~ids nor 2~ids~dv.ids")


def _numbers(listed: str) -> frozenset[int]:
    return frozenset(int(number) for number in listed.split(".")) if listed else frozenset()
