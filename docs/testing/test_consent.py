"""What a site must do about consent: put this into tests/consent/ and set SHOP_URL."""

import os

import pytest

from proxy_addon.testing import assert_only, assert_ran, assert_silent

SHOP = os.environ["SHOP_URL"]


def test_nothing_runs_before_the_visitor_chooses(consentry_page):
    consentry_page.goto(SHOP)
    assert_silent(consentry_page)


def test_a_refusal_stays_a_refusal_on_the_next_page(consentry_page, consent):
    consentry_page.goto(SHOP)
    consent.reject()
    consentry_page.goto(SHOP)
    assert_silent(consentry_page)


def test_analytics_alone_is_analytics_alone(consentry_page, consent):
    consentry_page.goto(SHOP)
    consent.accept("analytics")
    assert_ran(consentry_page, "google-analytics")
    assert_only(consentry_page, {"analytics"})


@pytest.mark.consentry(regime="ccpa", gpc=True)
def test_global_privacy_control_keeps_marketing_away(consentry_page):
    consentry_page.goto(SHOP)
    assert_only(consentry_page, {"functional", "analytics"})
