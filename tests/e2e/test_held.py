"""What a page's own code sees of what is held: it goes on."""

from __future__ import annotations

import pytest

from tests.kit.browser import Browser
from tests.kit.network import Network
from tests.kit.proxy import Proxy
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.e2e

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
