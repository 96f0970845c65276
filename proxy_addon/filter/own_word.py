"""The user's own word on sites: it comes before whatever a site's banner was told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from ..catalogue.match import Catalogue
from ..config import UsageError
from ..consent.model import CATEGORIES, Consent

_SIGNAL = "the user's own settings"


def own_word(said: Mapping[str, str], catalogue: Catalogue) -> Consent | None:
    """What the configuration says of categories and vendors, as consent; None if it says nothing.

    Raises UsageError for a name that is neither.
    """
    for name in said:
        if name not in CATEGORIES and name not in catalogue.vendors:
            raise UsageError(
                f"'consent:' names '{name}', which is neither a category nor a vendor; "
                "`consentry vendors` lists the vendors."
            )
    if not said:
        return None
    granted = {name: answer == "granted" for name, answer in said.items()}
    return Consent(
        categories={name: answer for name, answer in granted.items() if name in CATEGORIES},
        vendors={name: answer for name, answer in granted.items() if name not in CATEGORIES},
        signal=_SIGNAL,
        note="the configuration says so",
    )


def overruled(consent: Consent, own: Consent) -> Consent:
    """A visitor's consent on a site, with the user's own word before it."""
    if not consent.decided:
        return replace(own, gpc=consent.gpc, dnt=consent.dnt, implied=consent.implied)
    names: Collection[str] = (*own.categories, *own.vendors)
    granted = {name for name, answer in own.categories.items() if answer}
    return replace(
        consent,
        categories={**consent.categories, **own.categories},
        vendors={**consent.vendors, **own.vendors},
        refused={vendor: refused - granted for vendor, refused in consent.refused.items()},
        sources={**consent.sources, **dict.fromkeys(names, own.signal)},
    )
