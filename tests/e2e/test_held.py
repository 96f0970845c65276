"""What a page's own code sees of what is held, and what a page tells of what is not."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tests.kit.browser import Browser
from tests.kit.network import Network
from tests.kit.proxy import ENVOY, MITMPROXY, Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e
ADAPTERS = (MITMPROXY, ENVOY)

HIT = "https://www.google-analytics.com/g/collect?v=2&tid=G-1&cid=555.777&gcs=G111"
PIXEL = "https://www.facebook.com/tr?id=1&ev=PageView"
# A link that is followed once the click is counted, as outbound links often are.
COUNTING = f"""<!doctype html><title>counting</title><a id="out" href="/there">out</a><script>
  document.getElementById('out').onclick = (event) => {{
    event.preventDefault();
    const pixel = new Image();
    pixel.onload = pixel.onerror = () => {{ location.href = '/there'; }};
    pixel.src = '{PIXEL}';
  }};
</script>"""
# Two vendors' code in one script, which stands in the page in a form that only the page itself reads.
TWO = b"""
for (const address of ['https://static.hotjar.com/c/hotjar-1.js', 'https://connect.facebook.net/en_US/fbevents.js']) {
  window._hjSettings = {hjid: 1};
  document.head.append(Object.assign(document.createElement('script'), {src: address}));
}
"""
MAKING = f"""<!doctype html><title>making</title><body><script>
  document.body.append(Object.assign(document.createElement('script'), {{text: atob('{b64encode(TWO).decode()}')}}));
</script>"""


def test_a_link_that_counts_first_is_followed_though_its_pixel_is_held(
    site: tuple[Site, Server], proxy: Proxy, browser: Browser, network: Network
) -> None:
    site[0].page("/counting", COUNTING.encode(), "text/html")
    site[0].page("/there", b"<!doctype html><title>there</title>", "text/html")
    with browser.visitor() as visit:
        visit.open(f"{proxy.url}/counting")
        visit.page.click("#out")
        visit.page.wait_for_url("**/there")
    assert not [request.url for request in network.requests() if "facebook" in request.host]


def test_a_tag_that_was_told_more_than_the_visitor_allowed_is_told_of_from_the_page(
    site: tuple[Site, Server], proxy: Proxy, browser: Browser
) -> None:
    site[0].page("/hit", f"<!doctype html><title>hit</title><script>fetch('{HIT}')</script>".encode(), "text/html")
    since = proxy.mark()
    with browser.visitor() as visit:
        visit.consent(proxy.url, ["analytics"])
        visit.open(f"{proxy.url}/hit")
        found = proxy.wait_for_verdict(lambda verdict: verdict.outcome == "mismatch", since)
    assert found.layer == "guard"
    assert found.vendor == "google-analytics"
    assert "555" not in found.url


def test_code_of_two_vendors_in_one_script_has_a_row_for_each(
    site: tuple[Site, Server], proxy: Proxy, browser: Browser
) -> None:
    site[0].page("/making", MAKING.encode(), "text/html")
    since = proxy.mark()

    def rows(outcome: str) -> list[str]:
        found = [each for each in proxy.verdicts(since) if (each.outcome, each.url) == (outcome, "inline script")]
        assert {each.layer for each in found} <= {"guard"}
        return sorted(each.vendor for each in found)

    with browser.visitor() as visit:
        visit.open(f"{proxy.url}/making")
        proxy.wait_until(lambda _: rows("held") == ["hotjar", "meta-pixel"], since)
        visit.page.evaluate("consentry.set({functional: true, analytics: true, marketing: true})")
        proxy.wait_until(lambda _: rows("released") == ["hotjar", "meta-pixel"], since)
