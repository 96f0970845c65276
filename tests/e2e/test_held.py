"""What a page's own code sees of what is held, and what a page tells of what is not."""

from __future__ import annotations

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
