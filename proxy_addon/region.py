"""Which regime applies to a request, by where its visitor is.

The place is read from a header that a server in front sets, or looked up in a database by the visitor's address.
Nothing is believed that was not configured: a browser can send any header, and with it a law that suits it. Where
the place is not known, or not known closely enough, the strictest of the laws applies that it may have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import islice
from pathlib import Path
from typing import Protocol

from .config import UsageError
from .consent.model import Regime
from .consent.regimes import strictest

_COUNTRY = re.compile(r"[A-Z]{2}")
_SUBDIVISION = re.compile(r"[A-Z0-9]{1,3}")
# Codes that stand for no country: unknown to those who send headers, and continents of older databases.
_NO_COUNTRY = frozenset({"XX", "ZZ", "AP", "EU"})
# A database of another kind has no country in any record; one with countries may lack them in some.
_RECORDS_TO_TRY = 1000
_LONGEST_ADDRESS = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where a visitor is, in ISO 3166 codes: 'US' and 'CA' for US-CA. What is not known is ''."""

    country: str = ""
    subdivision: str = ""


NOWHERE = Place()


def parse_place(country: str, subdivision: str = "") -> Place:
    """The place that two codes name, in any case; what makes no sense is not known.

    Either may be the whole code, as in US-CA, for that is how some servers send it.
    """
    country, _, within = country[:16].strip().upper().partition("-")
    if not _COUNTRY.fullmatch(country) or country in _NO_COUNTRY:
        return NOWHERE
    within = subdivision[:16].strip().upper().removeprefix(f"{country}-") or within
    return Place(country, within if _SUBDIVISION.fullmatch(within) else "")


class Atlas:
    """The regimes by the regions they name."""

    def __init__(self, known: Iterable[Regime]) -> None:
        self._known = tuple(known)
        self._anywhere = strictest(self._known)
        self.regime = lru_cache(maxsize=1024)(self._regime)

    def _regime(self, place: Place) -> Regime:
        """The regime of a place.

        A subdivision's own comes before its country's. In a country whose subdivision is not known the strictest
        counts that the country has anywhere, and where no regime names the country, the strictest there is.
        """
        if place.subdivision and (own := self._naming(f"{place.country}-{place.subdivision}")):
            return strictest(own)
        country = self._naming(place.country)
        if not country:
            return self._anywhere
        return strictest(country if place.subdivision else (*country, *self._within(place.country)))

    def _naming(self, code: str) -> tuple[Regime, ...]:
        return tuple(each for each in self._known if code in each.regions)

    def _within(self, country: str) -> tuple[Regime, ...]:
        return tuple(each for each in self._known if any(code.startswith(f"{country}-") for code in each.regions))


def regime_at(code: str, known: Mapping[str, Regime]) -> Regime:
    """The regime of the place that a code names, as DE or US-CA. Raises UsageError."""
    place = parse_place(code)
    if not place.country or (place.subdivision == "") == ("-" in code):
        raise UsageError(f"'{code}' is no code of a region; write a country as DE, or a part of one as US-CA.")
    return Atlas(known.values()).regime(place)


class Database(Protocol):
    """Says where addresses are."""

    def place(self, address: str) -> Place:
        """The place of an IP address; NOWHERE if it is not known, or no address."""


class Regions:
    """Chooses the regime of each request."""

    def __init__(
        self,
        atlas: Atlas,
        *,
        country_header: str = "",
        subdivision_header: str = "",
        database: Database | None = None,
        proxies: int = 0,
    ) -> None:
        """The headers are those that the server in front sets; '' if none does.

        `proxies` is how many servers in front add to X-Forwarded-For, each the address that it was asked from.
        """
        self._atlas = atlas
        self._country_header = country_header.lower()
        self._subdivision_header = subdivision_header.lower()
        self._database = database
        self._proxies = proxies

    def regime(self, fields: Mapping[str, str], address: str, *, direct: bool) -> Regime:
        """The regime of a request with these fields (names in lower case), from a client at `address`.

        `direct` says that the browser itself asks, with no server in front: then its headers say nothing of where
        it is, for any page can set them.
        """
        return self._atlas.regime(self._place(fields, address, direct))

    def visitor(self, fields: Mapping[str, str], address: str) -> str:
        """The visitor's address for a request that came from `address`, a trusted server in front if there is one."""
        return forwarded(fields.get("x-forwarded-for", ""), self._proxies) if self._proxies else address

    def _place(self, fields: Mapping[str, str], address: str, direct: bool) -> Place:
        if not direct and self._country_header:
            place = parse_place(fields.get(self._country_header, ""), fields.get(self._subdivision_header, ""))
            if place.country:
                return place
        if self._database is None:
            return NOWHERE
        return self._database.place(address if direct else self.visitor(fields, address))


def forwarded(field: str, proxies: int) -> str:
    """The address that the outermost of so many trusted proxies was asked from, or '' if the field does not say it.

    Each proxy adds at the end, so what a browser made up stands before.
    """
    entries = field.rsplit(",", proxies)
    if len(entries) > proxies:
        return entries[1].strip()
    return entries[0].strip() if len(entries) == proxies else ""


class MaxMind:
    """A database in MaxMind's format (MaxMind DB file format specification 2.0), as several publishers ship it."""

    def __init__(self, path: Path) -> None:
        """Open a database file. Raises UsageError if it is not there, cannot be read, or says nothing of countries."""
        if not path.is_file():
            raise UsageError(f"There is no file {path}; check the path given to --geoip.")
        try:
            import maxminddb  # noqa: PLC0415 - only who has a database needs it
        except ImportError:
            raise UsageError(
                "--geoip needs the package maxminddb; install it with: pip install 'consentry[geoip]'."
            ) from None
        try:
            self._reader = maxminddb.open_database(path)
            kind = self._reader.metadata().database_type
            useful = any(_place_in(record).country for record in islice(_records(self._reader), _RECORDS_TO_TRY))
        except (maxminddb.InvalidDatabaseError, OSError, ValueError, TypeError, LookupError, RecursionError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise UsageError(
                f"{path} cannot be read ({reason}); --geoip takes a file in MaxMind's format, as GeoLite2-City.mmdb."
            ) from None
        if not useful:
            raise UsageError(
                f"{path} is a database of the kind '{kind}', which names no countries; "
                "--geoip takes one that does, as GeoLite2-City.mmdb."
            )
        self._looked_up = lru_cache(maxsize=4096)(self._look_up)

    def place(self, address: str) -> Place:
        """See Database."""
        found = parse_address(address)
        return NOWHERE if found is None else self._looked_up(found)

    def _look_up(self, address: IPv4Address | IPv6Address) -> Place:
        try:
            return _place_in(self._reader.get(address))
        except Exception:
            # A damaged part of the file, or an IPv6 address in a database of IPv4: the request goes on all the same.
            return NOWHERE


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address as sockets and X-Forwarded-For write it, with or without a port; None if it is none."""
    if len(text) > _LONGEST_ADDRESS:
        return None
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _records(reader: Iterable[tuple[object, object]]) -> Iterator[object]:
    return (record for _, record in reader)


def _place_in(record: object) -> Place:
    """The place in a record: MaxMind's own form (and DB-IP's, IP2Location's), or a flat one as IPinfo's."""
    if not isinstance(record, Mapping):
        return NOWHERE
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, Mapping) else record.get("country_code") or country
    parts = record.get("subdivisions")
    first = parts[0] if isinstance(parts, list) and parts else None
    within = first.get("iso_code") if isinstance(first, Mapping) else record.get("region_code")
    return parse_place(code if isinstance(code, str) else "", within if isinstance(within, str) else "")
