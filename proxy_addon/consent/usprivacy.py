"""The IAB's US Privacy string (cookie `usprivacy`, `__uspapi`): `1YNN`.

Follows "US Privacy String", version 1.0: the version, then notice given, opted out of sale, covered by the Limited
Service Provider Agreement, each `Y`, `N` or `-` for not applicable. The IAB retired it in favour of the GPP, which
still carries it as section 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .bits import Unreadable, too_long
from .model import Consent

_FORM = re.compile(r"1[YN-]{3}\Z")
_ANSWERS = {"Y": True, "N": False, "-": None}


@dataclass(frozen=True, slots=True)
class UsPrivacy:
    """What a US Privacy string says; None is its `-`, not applicable."""

    version: int
    notice: bool | None
    opted_out: bool | None
    lspa: bool | None


def decode_usprivacy(text: str) -> UsPrivacy | Unreadable:
    """Decode a US Privacy string. Lower case is taken too: an opt-out so written is one all the same."""
    long = too_long(text)
    if long:
        return long
    upper = text.upper()
    # Upper-casing may lengthen a text of other scripts; the form then refuses it.
    if not _FORM.match(upper):
        return Unreadable("not a US Privacy string: it is not 1 and three of Y, N and -")
    notice, opted_out, lspa = (_ANSWERS[letter] for letter in upper[1:])
    return UsPrivacy(1, notice, opted_out, lspa)


def consent_of_usprivacy(said: UsPrivacy, signal: str = "usprivacy") -> Consent:
    """What a US Privacy string says per category: an opt-out denies marketing, 'not opted out' grants it.

    Not having opted out is no consent in an opt-in regime: the note says so for whoever weighs signals.
    """
    if said.opted_out is None:
        return Consent(signal=signal, note=f"read from {signal}: the opt-out does not apply")
    words = "opted out of sale" if said.opted_out else "did not opt out of sale, which is no opt-in"
    return Consent({"marketing": not said.opted_out}, signal=signal, note=f"read from {signal}: {words}")
