import json
import re

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.cli import cli
from proxy_addon.config import read_rules
from proxy_addon.consent.platforms import compile_platforms
from proxy_addon.consent.signals import Reader
from proxy_addon.decode import decode
from proxy_addon.listed import listings

READER = Reader(platforms=compile_platforms(read_rules(())[0].platforms))
ONETRUST = "OptanonConsent=groups=C0001%3A1%2CC0002%3A1%2CC0003%3A0%2CC0004%3A0; OptanonAlertBoxClosed=2026-01-01"
# Purposes 1 to 10 refused, as in the vectors of the facts.
TCF = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"


def test_a_platforms_cookie_is_named_with_what_it_says() -> None:
    decoded = decode(ONETRUST, READER)
    assert decoded.found[0].what == "onetrust"
    assert decoded.found[0].details["C0002"] == "granted"
    assert dict(decoded.consent.categories) == {"analytics": True, "functional": False, "marketing": False}


def test_a_header_may_carry_its_name() -> None:
    assert decode(f"Cookie: {ONETRUST}", READER) == decode(ONETRUST, READER)


def test_our_own_cookie_comes_first_and_the_platforms_is_still_shown() -> None:
    decoded = decode(f"consentry=v=1&analytics=denied; {ONETRUST}", READER)
    assert decoded.consent.categories == {"analytics": False}
    assert [each.what for each in decoded.found] == ["cookie consentry", "onetrust"]


@pytest.mark.parametrize(
    ("text", "what"), [("1YYN", "US Privacy"), (TCF, "IAB TCF"), ("1~1.2.3", "Google Additional Consent")]
)
def test_a_string_of_a_standard_is_recognised_by_itself(text: str, what: str) -> None:
    assert [each.what for each in decode(text, READER).found] == [what]


def test_each_tcf_purpose_is_told() -> None:
    details = decode(TCF, READER).found[0].details
    assert sum(name.startswith("purpose ") for name in details) >= 10


# The purposes of both categories, and consent to the vendors 1 and 755, or to 1 alone. Made with @iabtechlabtcf/core
# 1.5.21.
ONLY_GOOGLE = "CQraFkAQraFkAAKABBENCyFgAPPAAAAAAAYgF5wAgAAgLzAAAAAA"
NOBODY = "CQraFkAQraFkAAKABBENCyFgAPPAAAAAAAYgAAoAAAAA"


def test_each_listed_vendor_is_told() -> None:
    reader = Reader(listed=listings(read_rules(())[0].catalogue.vendors.values()))
    decoded = decode(f"euconsent-v2={ONLY_GOOGLE}; addtl_consent=2~1~dv.89", reader)
    details = {name: said for each in decoded.found for name, said in each.details.items()}
    assert details["vendor 755, google"] == "consent"
    assert details["vendor 804, linkedin-insight-tag"] == "no consent"
    assert details["provider 89, meta-pixel"] == "no consent"
    named = {"linkedin-insight-tag", "meta-pixel", "microsoft"}
    assert {name: decoded.consent.vendors.get(name) for name in named} == dict.fromkeys(named, False)
    assert "google" not in decoded.consent.vendors
    alone = decode("2~1~dv.89", reader)
    assert (alone.consent.vendors, alone.found[0].details["provider 89, meta-pixel"]) == ({}, "no consent")


def test_a_vendor_refused_in_a_category_is_told_in_words_and_as_data() -> None:
    text = f"euconsent-v2={NOBODY}"
    said = CliRunner().invoke(cli, ["consent", "decode", text]).output
    assert re.search(r"google +denied for marketing", said)
    plain = json.loads(CliRunner().invoke(cli, ["consent", "decode", "--json", text]).output)
    assert plain["consent"]["refused"] == {"google": ["marketing"]}
    assert plain["consent"]["categories"]["marketing"] is True


def test_a_string_that_cannot_be_read_says_why() -> None:
    decoded = decode("euconsent-v2=CPXx", READER)
    assert decoded.consent.categories == {}
    assert "unreadable" in decoded.found[0].details


def test_nothing_that_is_printed_steers_a_terminal() -> None:
    printed = CliRunner().invoke(cli, ["consent", "decode", "klaro=%7B%22\x1b[31manalytics%22%3Atrue%7D"]).output
    assert "\x1b" not in printed
    assert "analytics" in printed


def test_it_reads_from_standard_input_as_json() -> None:
    said = CliRunner().invoke(cli, ["consent", "decode", "-", "--json", "--gpc"], input=ONETRUST)
    assert said.exit_code == 0
    plain = json.loads(said.output)
    assert plain["consent"]["gpc"] is True
    assert plain["recognised"][0]["categories"] == {"functional": False, "analytics": True, "marketing": False}


def test_what_is_nothing_leaves_all_unset() -> None:
    said = CliRunner().invoke(cli, ["consent", "decode", "hello"])
    assert said.exit_code == 0
    assert "unset" in said.output


@given(st.text(max_size=300))
def test_no_text_makes_it_fail(text: str) -> None:
    decode(text, READER)
