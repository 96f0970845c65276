"""Where a visitor is, and which law that means."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.catalogue.load import shipped_rules
from proxy_addon.config import UsageError
from proxy_addon.consent.regimes import regimes
from proxy_addon.region import NOWHERE, Atlas, MaxMind, Place, Regions, forwarded, parse_address, parse_place, regime_at

KNOWN = regimes(yaml.safe_load((shipped_rules() / "regimes.yaml").read_text("utf-8")))
ATLAS = Atlas(KNOWN.values())

GERMANY = {"country": {"iso_code": "DE", "geoname_id": 2921044}}
CALIFORNIA = {"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "CA"}, {"iso_code": "XY"}]}
RECORDS = {"192.0.2.0/25": GERMANY, "192.0.2.128/25": CALIFORNIA, "2001:db8::/32": GERMANY}


def database(path: Path, records: dict[str, Any], kind: str = "Test-City", ip_version: int = 6) -> Path:
    mmdb_writer = pytest.importorskip("mmdb_writer")
    netaddr = pytest.importorskip("netaddr")
    writer = mmdb_writer.MMDBWriter(ip_version=ip_version, database_type=kind, ipv4_compatible=ip_version == 6)
    for network, record in records.items():
        writer.insert_network(netaddr.IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


@pytest.fixture
def shipped(tmp_path: Path) -> MaxMind:
    pytest.importorskip("maxminddb")
    return MaxMind(database(tmp_path / "test.mmdb", RECORDS))


@pytest.mark.parametrize(
    ("code", "regime"),
    [
        ("DE", "gdpr"),
        ("NO", "gdpr"),
        ("RE", "gdpr"),
        ("DE-BY", "gdpr"),
        ("GB", "uk"),
        ("GB-SCT", "uk"),
        ("CH", "ch"),
        ("US-CA", "ccpa"),
        ("US-CO", "us-gpc"),
        ("US-VA", "us-opt-out"),
        ("US-WY", "none"),
        ("CA-ON", "pipeda"),
        ("CA-QC", "quebec25"),
        ("BR", "lgpd"),
        ("ZA-GP", "popia"),
        ("JP", "appi"),
    ],
)
def test_a_place_has_the_law_of_its_part_or_else_of_its_country(code: str, regime: str) -> None:
    assert regime_at(code, KNOWN).regime == regime


def test_where_only_the_country_is_known_the_strictest_counts_that_it_has_anywhere() -> None:
    assert regime_at("CA", KNOWN).regime == "quebec25"
    america = regime_at("US", KNOWN)
    assert all(america.unset.values())
    assert america.gpc_denies == {"marketing"}


def test_where_no_law_is_known_the_strictest_of_all_counts() -> None:
    for place in (NOWHERE, Place("KP"), Place("KP", "01"), Place("", "CA")):
        law = ATLAS.regime(place)
        assert not any(law.unset.values())
        assert law.gpc_denies == {"marketing"}


def test_a_country_that_only_parts_of_are_named_of_is_not_known_elsewhere() -> None:
    atlas = Atlas([KNOWN["ccpa"], KNOWN["gdpr"]])
    assert atlas.regime(Place("US", "CA")).regime == "ccpa"
    assert atlas.regime(Place("US", "TX")) == atlas.regime(Place("US")) == atlas.regime(NOWHERE)


@pytest.mark.parametrize("code", ["", "Germany", "D", "US-", "US-CALIFORNIA", "-CA", "XX", "T1", "EU"])
def test_what_is_no_code_of_a_region_is_refused(code: str) -> None:
    with pytest.raises(UsageError, match="is no code of a region"):
        regime_at(code, KNOWN)


@pytest.mark.parametrize(
    ("country", "subdivision", "place"),
    [
        ("US", "CA", Place("US", "CA")),
        ("us", "ca", Place("US", "CA")),
        (" US ", "US-CA", Place("US", "CA")),
        ("US-CA", "", Place("US", "CA")),
        ("DE", "", Place("DE")),
        ("DE", "bavaria", Place("DE")),
        ("XX", "CA", NOWHERE),
        ("T1", "", NOWHERE),
        ("US, DE", "CA", NOWHERE),
        ("", "CA", NOWHERE),
        ("\u0130T", "", NOWHERE),
        ("\uff24\uff25", "", NOWHERE),
    ],
)
def test_codes_are_read_as_servers_write_them(country: str, subdivision: str, place: Place) -> None:
    assert parse_place(country, subdivision) == place


@given(st.text(), st.text())
def test_no_code_is_too_odd_to_be_read(country: str, subdivision: str) -> None:
    place = parse_place(country, subdivision)
    assert place == NOWHERE or len(place.country) == 2
    assert ATLAS.regime(place).regime


@pytest.mark.parametrize(
    ("field", "proxies", "address"),
    [
        ("192.0.2.1", 1, "192.0.2.1"),
        ("10.9.9.9, 192.0.2.1", 1, "192.0.2.1"),
        ("10.9.9.9, 192.0.2.1, 198.51.100.7", 2, "192.0.2.1"),
        ("192.0.2.1, 198.51.100.7", 2, "192.0.2.1"),
        ("192.0.2.1", 2, ""),
        ("", 1, ""),
        (",", 1, ""),
    ],
)
def test_of_forwarded_addresses_only_those_count_that_trusted_servers_added(
    field: str, proxies: int, address: str
) -> None:
    assert forwarded(field, proxies) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("unknown", None),
        ("_hidden", None),
        ("", None),
        ("1" * 70_000, None),
        ("192.0.2.1" + " " * 100, None),
    ],
)
def test_addresses_are_read_as_sockets_and_proxies_write_them(text: str, address: str | None) -> None:
    found = parse_address(text)
    assert (None if found is None else str(found)) == address


@given(st.text())
def test_no_address_is_too_odd_to_be_read(text: str) -> None:
    parse_address(text)
    parse_address(forwarded(text, 1))


def test_a_database_says_where_an_address_is(shipped: MaxMind) -> None:
    assert shipped.place("192.0.2.1") == Place("DE")
    assert shipped.place("192.0.2.200") == Place("US", "CA")
    assert shipped.place("::ffff:192.0.2.200") == Place("US", "CA")
    assert shipped.place("2001:db8::1") == Place("DE")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "198.51.100.1", "2001:db9::1", "", "nonsense"])
def test_an_address_that_a_database_does_not_know_is_nowhere(shipped: MaxMind, address: str) -> None:
    assert shipped.place(address) == NOWHERE


def test_a_flat_database_is_read_too(tmp_path: Path) -> None:
    pytest.importorskip("maxminddb")
    records = {"192.0.2.0/25": {"country": "DE"}, "192.0.2.128/25": {"country": "Chile", "country_code": "CL"}}
    flat = MaxMind(database(tmp_path / "flat.mmdb", records, "some country", ip_version=4))
    assert (flat.place("192.0.2.1"), flat.place("192.0.2.200")) == (Place("DE"), Place("CL"))
    assert flat.place("2001:db8::1") == NOWHERE, "it has no IPv6"


def refusal(path: Path) -> str:
    pytest.importorskip("maxminddb")
    with pytest.raises(UsageError) as caught:
        MaxMind(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.mmdb") == f"There is no file {tmp_path}/no.mmdb; check the path given to --geoip."
    assert "There is no file" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no database", b"\xab\xcd\xefMaxMind.com"])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.mmdb"
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path} cannot be read (")
    assert refusal(path).endswith("; --geoip takes a file in MaxMind's format, as GeoLite2-City.mmdb.")


def test_a_database_without_countries_is_refused(tmp_path: Path) -> None:
    records = {"192.0.2.0/24": {"autonomous_system_number": 64496, "autonomous_system_organization": "Example"}}
    said = refusal(database(tmp_path / "asn.mmdb", records, "Test-ASN"))
    assert "a database of the kind 'Test-ASN', which names no countries" in said


def test_a_damaged_database_is_refused_or_answers_and_never_raises_otherwise(tmp_path: Path) -> None:
    pytest.importorskip("maxminddb")
    whole = database(tmp_path / "whole.mmdb", RECORDS).read_bytes()
    chance = random.Random(7)
    for number in range(100):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 40)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path = tmp_path / f"{number}.mmdb"
        path.write_bytes(damaged)
        try:
            opened = MaxMind(path)
        except UsageError:
            continue
        for address in ("192.0.2.1", "192.0.2.200", "2001:db8::1", "127.0.0.1"):
            assert isinstance(opened.place(address), Place)


class Known:
    """A database of two addresses."""

    def place(self, address: str) -> Place:
        return {"192.0.2.1": Place("DE"), "192.0.2.200": Place("US", "CA")}.get(address, NOWHERE)


def chosen(regions: Regions, address: str = "", *, direct: bool = False, **fields: str) -> str:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return regions.regime(named, address, direct=direct).regime


def test_the_header_comes_before_the_database_and_the_database_where_the_header_says_nothing() -> None:
    regions = Regions(ATLAS, country_header="CF-IPCountry", subdivision_header="CF-Region-Code", database=Known())
    assert chosen(regions, "192.0.2.1", cf_ipcountry="US", cf_region_code="TX") == "us-gpc"
    assert chosen(regions, "192.0.2.1", cf_ipcountry="XX") == "gdpr"
    assert chosen(regions, "192.0.2.200") == "ccpa"
    assert chosen(regions, "203.0.113.9") == "strictest"


def test_without_configuration_no_header_is_believed() -> None:
    regions = Regions(ATLAS, database=Known())
    assert chosen(regions, "192.0.2.1", cf_ipcountry="US", x_forwarded_for="192.0.2.200") == "gdpr"


def test_behind_servers_that_are_trusted_the_address_is_the_one_they_forward() -> None:
    regions = Regions(ATLAS, database=Known(), proxies=1)
    assert chosen(regions, "10.0.0.1", x_forwarded_for="192.0.2.1, 192.0.2.200") == "ccpa"
    assert chosen(regions, "192.0.2.1") == "strictest", "without the field it is the server's own address, not asked"


def test_a_browser_that_asks_directly_is_where_its_address_is_whatever_its_headers_say() -> None:
    regions = Regions(ATLAS, country_header="CF-IPCountry", database=Known(), proxies=1)
    said = {"cf_ipcountry": "US", "x_forwarded_for": "192.0.2.200"}
    assert chosen(regions, "192.0.2.1", direct=True, **said) == "gdpr"
    assert chosen(Regions(ATLAS, country_header="CF-IPCountry"), "192.0.2.1", direct=True, **said) == "strictest"
