"""Shops with a real consent platform, and with what is wrong on them planted and known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proxy_addon.audit import model
from tests.kit.cases import Serve
from tests.kit.messages import Request, Response
from tests.kit.network import Network
from tests.kit.npm import package_file
from tests.kit.site import Site

SHOP = "https://shop.example/"
_JAVASCRIPT = "text/javascript; charset=utf-8"
GA, META, SEGMENT = "google-analytics", "meta-pixel", "segment"
GTAG = "https://www.googletagmanager.com/gtag/js?id=G-ABCDE12345"
FBEVENTS = "https://connect.facebook.net/en_US/fbevents.js"

# Each does once what the real one does: keep a cookie, send an event, and say what it was told of consent.
SERVES = (
    Serve(
        "https://www.googletagmanager.com/gtag/js**",
        _JAVASCRIPT,
        text="""(() => {
  const said = type => (window.dataLayer || []).reduce(
    (found, each) => each[0] === 'consent' && type in each[2] ? each[2][type] : found, undefined);
  const sign = type => ({granted: '1', denied: '0'})[said(type)];
  if (said('analytics_storage') !== 'denied') document.cookie = '_ga=GA1.1.1.1; path=/; max-age=63072000';
  const told = sign('analytics_storage') ? `&gcs=G1${sign('ad_storage')}${sign('analytics_storage')}` : '';
  fetch(`https://www.google-analytics.com/g/collect?v=2&tid=G-ABCDE12345${told}`, {method: 'POST', mode: 'no-cors'});
})();""",
    ),
    Serve(
        "https://connect.facebook.net/**",
        _JAVASCRIPT,
        text="""(() => {
  document.cookie = '_fbp=fb.1.1.1; path=/; max-age=7776000';
  new Image().src = 'https://www.facebook.com/tr/?id=1&ev=PageView';
})();""",
    ),
)

# (kind, vendor, state) of a finding.
Truth = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Planted:
    """A site and what an audit must find on it: exactly this."""

    name: str
    page: str
    states: str = "nothing,reject,accept"
    truth: frozenset[Truth] = frozenset()
    options: tuple[str, ...] = ()
    paths: Mapping[str, Callable[[Request], Response]] = field(default_factory=dict)
    # Further hosts of the site's own making, each with its page.
    hosts: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()

    def build(self) -> Site:
        """The site as a server answers for it."""
        site = Site()
        site.page("/", document(self.page), headers=self.headers)
        for path, (package, version, file) in FILES.items():
            kind = "text/css" if path.endswith(".css") else _JAVASCRIPT
            site.page(path, package_file(package, version, file), kind)
        for path, handler in self.paths.items():
            site.route(path, handler)
        return site

    def stand(self, network: Network) -> None:
        """Let the network answer for the site, and for whose tags it carries."""
        network.host("shop.example", self.build())
        network.serve(SERVES)
        for host, body in self.hosts.items():
            network.host(host, _served(body))


_TARTEAUCITRON = ("tarteaucitronjs", "1.34.0")
FILES: Mapping[str, tuple[str, str, str]] = {
    "/klaro.js": ("klaro", "0.7.22", "dist/klaro.js"),
    "/cookieconsent.js": ("vanilla-cookieconsent", "3.1.0", "dist/cookieconsent.umd.js"),
    "/cookieconsent.css": ("vanilla-cookieconsent", "3.1.0", "dist/cookieconsent.css"),
    "/tac/tarteaucitron.js": (*_TARTEAUCITRON, "tarteaucitron.js"),
    "/tac/tarteaucitron.services.js": (*_TARTEAUCITRON, "tarteaucitron.services.js"),
    "/tac/lang/tarteaucitron.en.js": (*_TARTEAUCITRON, "lang/tarteaucitron.en.js"),
    "/tac/css/tarteaucitron.css": (*_TARTEAUCITRON, "css/tarteaucitron.css"),
}


def document(body: str) -> bytes:
    """A page of the shop."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">'
        f"</head><body><h1>Shop</h1>{body}</body></html>"
    ).encode()


def _served(body: str) -> Callable[[Request], Response]:
    return lambda _: Response(document(body), [("content-type", "text/html; charset=utf-8")])


def klaro(*, clears: bool = True) -> str:
    """Klaro, with a service for each category; it takes the tags' cookies away unless it was forgotten."""
    cookies = "{analytics: ['_ga'], marketing: ['_fbp']}" if clears else "{}"
    return f"""<script>
  var klaroConfig = {{
    elementID: 'klaro', groupByPurpose: false, acceptAll: true, lang: 'en',
    services: ['functional', 'analytics', 'marketing'].map(name => (
      {{name, title: name, purposes: [name], cookies: {cookies}[name] || []}}))
  }};
</script><script src="/klaro.js"></script>"""


# CookieConsent looks for its tags when it is run: they stand before it.
def vanilla(*, buttons: str = "acceptNecessaryBtn: 'None', showPreferencesBtn: 'Choose',", mode: str = "opt-in") -> str:
    """CookieConsent, with these buttons beside the one that accepts."""
    return f"""<link rel="stylesheet" href="/cookieconsent.css"><script src="/cookieconsent.js"></script><script>
  const on = {str(mode == "opt-out").lower()};
  CookieConsent.run({{
    mode: '{mode}',
    categories: {{necessary: {{enabled: true, readOnly: true}}, functional: {{enabled: on}},
      analytics: {{enabled: on, autoClear: {{cookies: [{{name: '_ga'}}]}}}},
      marketing: {{enabled: on, autoClear: {{cookies: [{{name: '_fbp'}}]}}}}}},
    language: {{default: 'en', translations: {{en: {{
      consentModal: {{title: 'Cookies', description: 'May we?', acceptAllBtn: 'All', {buttons}}},
      preferencesModal: {{title: 'Choose', acceptAllBtn: 'All', acceptNecessaryBtn: 'None', savePreferencesBtn: 'Save',
        sections: ['functional', 'analytics', 'marketing'].map(name => ({{title: name, linkedCategory: name}}))}}
    }}}}}}
  }});
</script>"""


TARTEAUCITRON = """<script src="/tac/tarteaucitron.js"></script><script>
  tarteaucitron.init({privacyUrl: '', bodyPosition: 'bottom', hashtag: '#tarteaucitron', cookieName: 'tarteaucitron',
    orientation: 'middle', showAlertSmall: false, cookieslist: false, showIcon: true, iconPosition: 'BottomRight',
    DenyAllCta: true, AcceptAllCta: true, highPrivacy: true, handleBrowserDNTRequest: false, removeCredit: true,
    useExternalCss: false, useExternalJs: false, mandatory: true, googleConsentMode: false, bingConsentMode: false});
  tarteaucitron.user.gtagUa = 'G-ABCDE12345';
  tarteaucitron.user.facebookpixelId = '1';
  (tarteaucitron.job = tarteaucitron.job || []).push('gtag', 'facebookpixel');
</script>"""


def klaro_tag(name: str, source: str) -> str:
    """A tag that Klaro starts."""
    return f'<script type="text/plain" data-type="text/javascript" data-name="{name}" data-src="{source}"></script>'


def vanilla_tag(category: str, source: str) -> str:
    """A tag that CookieConsent starts."""
    return f'<script type="text/plain" data-category="{category}" data-src="{source}"></script>'


def loads(source: str, when: str = "true") -> str:
    """A tag that the page itself starts, on a condition."""
    return f"""<script>
  if ({when}) document.head.appendChild(Object.assign(document.createElement('script'), {{src: '{source}'}}));
</script>"""


def _both(tag: Callable[[str, str], str]) -> str:
    return tag("analytics", GTAG) + tag("marketing", FBEVENTS)


def _truth(*each: Truth) -> frozenset[Truth]:
    return frozenset(each)


def _collected(_: Request) -> Response:
    return Response(b'{"success":true}', [("content-type", "application/json")])


_EVERYTHING = "nothing,reject,accept,only,withdraw,gpc,returning"
_UNDECIDED, _DECIDED = "!/klaro=/.test(document.cookie)", "/klaro=/.test(document.cookie)"
_MODE = """<script>
  window.dataLayer = [];
  function gtag() { dataLayer.push(arguments); }
  gtag('consent', 'default', {ad_storage: 'granted', analytics_storage: 'granted'});
  const kept = /klaro=([^;]*)/.exec(document.cookie);
  if (kept) {
    const said = JSON.parse(decodeURIComponent(kept[1]));
    gtag('consent', 'update', {
      ad_storage: said.marketing ? 'granted' : 'denied', analytics_storage: said.analytics ? 'granted' : 'denied'});
  }
</script>"""

SITES: tuple[Planted, ...] = (
    Planted("correct on klaro", klaro() + _both(klaro_tag), _EVERYTHING),
    Planted("correct on vanilla-cookieconsent", _both(vanilla_tag) + vanilla(), _EVERYTHING),
    Planted("correct on tarteaucitron", TARTEAUCITRON, _EVERYTHING),
    Planted(
        "a tag fires before any choice",
        klaro() + klaro_tag("analytics", GTAG) + loads(GTAG, _UNDECIDED),
        "nothing,reject,accept,gpc",
        _truth((model.RAN, GA, "nothing"), (model.COOKIE, GA, "nothing")),
    ),
    Planted(
        "a tag fires after refusal",
        klaro() + loads(FBEVENTS, _DECIDED),
        "nothing,reject,accept,only,returning",
        _truth(
            *((kind, META, state) for kind in (model.RAN, model.COOKIE) for state in ("reject", "returning")),
            *((model.RAN, META, f"only:{name}") for name in ("functional", "analytics")),
            *((model.COOKIE, META, f"only:{name}") for name in ("functional", "analytics")),
        ),
    ),
    Planted(
        "a cookie is kept after withdrawal",
        klaro(clears=False) + klaro_tag("analytics", GTAG),
        "nothing,accept,withdraw",
        _truth((model.KEPT, GA, "withdraw")),
    ),
    Planted(
        "a tag goes on after withdrawal",
        klaro()
        + klaro_tag("analytics", GTAG)
        + """<script>if (/%22marketing%22%3Atrue/.test(document.cookie)) localStorage.agreed = 1;</script>"""
        + loads(FBEVENTS, "localStorage.agreed"),
        "nothing,reject,accept,withdraw",
        _truth((model.AFTER_WITHDRAWAL, META, "withdraw"), (model.KEPT, META, "withdraw")),
    ),
    Planted(
        "consent mode defaults to granted",
        _MODE + klaro() + loads(GTAG),
        "nothing,reject,accept",
        _truth(
            (model.RAN, GA, "nothing"),
            (model.COOKIE, GA, "nothing"),
            (model.WRONG_SIGNAL, GA, "nothing"),
            (model.RAN, GA, "reject"),
        ),
    ),
    Planted(
        "global privacy control is ignored",
        vanilla_tag("marketing", FBEVENTS) + vanilla(mode="opt-out"),
        "nothing,reject,accept,gpc",
        _truth((model.GPC, META, "gpc"), (model.COOKIE, META, "gpc")),
        ("--regime", "ccpa"),
    ),
    Planted(
        "the banner has no way to refuse",
        _both(vanilla_tag) + vanilla(buttons=""),
        "nothing,reject,accept,only",
        _truth((model.HARDER, "", "reject"), (model.UNREACHED, "", "only:functional")),
    ),
    Planted(
        "refusing takes more clicks than accepting",
        _both(vanilla_tag) + vanilla(buttons="showPreferencesBtn: 'Choose',"),
        truth=_truth((model.HARDER, "", "reject")),
    ),
    Planted(
        "a tag comes late, when the visitor scrolls",
        klaro()
        + klaro_tag("analytics", GTAG)
        + f"""<p style="height: 5000px"></p><footer>End</footer><script>
          new IntersectionObserver((seen, observer) => {{
            if (!seen.some(each => each.isIntersecting) || {_DECIDED}) return;
            observer.disconnect();
            document.head.appendChild(Object.assign(document.createElement('script'), {{src: '{FBEVENTS}'}}));
          }}).observe(document.querySelector('footer'));
        </script>""",
        truth=_truth((model.RAN, META, "nothing"), (model.COOKIE, META, "nothing")),
    ),
    Planted(
        "a tag runs in a frame of somebody else",
        klaro() + klaro_tag("analytics", GTAG) + '<iframe src="https://widgets.example/"></iframe>',
        truth=_truth(
            (model.RAN, META, "nothing"),
            (model.RAN, META, "reject"),
            (model.UNCATALOGUED, "", "nothing"),
        ),
        hosts={"widgets.example": loads(FBEVENTS)},
    ),
    Planted(
        "segment runs by way of the site's own address",
        klaro()
        + """<script>
          fetch('/e/v1/t', {method: 'POST', headers: {'content-type': 'text/plain'}, body: JSON.stringify(
            {writeKey: 'KEY', type: 'track', event: 'Seen', anonymousId: '1', messageId: '1'})});
        </script>""",
        truth=_truth((model.RAN, SEGMENT, "nothing"), (model.RAN, SEGMENT, "reject")),
        paths={"/e/v1/t": _collected},
    ),
    Planted(
        "the server sets a cookie",
        klaro() + klaro_tag("analytics", GTAG),
        truth=_truth((model.COOKIE, GA, "nothing")),
        headers=(("set-cookie", "FPID=FPID2.2.abc; Path=/; Max-Age=63072000; Secure; HttpOnly"),),
    ),
    Planted(
        "the site breaks where a tag is held",
        klaro()
        + """<script type="text/plain" data-type="text/javascript" data-name="marketing">
          window.fbq = (...all) => (fbq.queue = fbq.queue || []).push(all);
        </script>"""
        + klaro_tag("marketing", FBEVENTS)
        + """<script>
          addEventListener('load', () => fbq('track', 'ViewContent'));
        </script>""",
        "nothing,reject,accept",
        _truth((model.BROKEN, "", "nothing")),
    ),
    Planted(
        "a tag waits for a category that nobody can grant",
        klaro() + klaro_tag("statistics", GTAG) + klaro_tag("marketing", FBEVENTS),
        "nothing,accept",
        _truth((model.NEVER_RAN, GA, "accept")),
    ),
    Planted(
        "a tag that should wait, with Consentry in force",
        klaro() + loads(GTAG) + loads(FBEVENTS),
        "nothing,reject,accept,withdraw",
        options=("--mode", "enforce"),
    ),
)
