"""Banners of platforms that come from their vendors' servers only: small pages after the markup that is known.

What is to be found says so itself: `data-is` is accept, reject, settings or reject_all.
"""

from __future__ import annotations

from collections.abc import Mapping


def _buttons(**attributes: str) -> str:
    return "".join(f'<button data-is="{name}" {each}>{name}</button>' for name, each in attributes.items())


SAMPLES: Mapping[str, str] = {
    "axeptio": '<div id="axeptio_overlay"><div class="axeptio_mount"><div class="needsclick">'
    '<template shadowrootmode="open"><div class="axeptio_widget">'
    + _buttons(
        accept='id="axeptio_btn_acceptAll"', reject='id="axeptio_btn_dismiss"', settings='id="axeptio_btn_configure"'
    )
    + "</div></template></div></div></div>",
    "borlabs": '<div class="brlbs-cmpnt-dialog">'
    + _buttons(accept='class="brlbs-btn-accept-all"', reject='class="brlbs-btn-accept-only-essential"')
    + "</div>",
    "civic": '<div id="ccc"><div id="ccc-module">'
    + _buttons(accept='id="ccc-recommended-settings"', reject='class="ccc-reject-button"')
    + "</div></div>",
    "complianz": '<div class="cmplz-cookiebanner">'
    + _buttons(
        accept='class="cmplz-btn cmplz-accept"',
        reject='class="cmplz-btn cmplz-deny"',
        settings='class="cmplz-btn cmplz-view-preferences"',
    )
    + '<input type="checkbox" class="cmplz-consent-checkbox" data-category="cmplz_statistics"></div>',
    "consentmanager": '<div id="cmpbox">'
    + _buttons(accept='class="cmpboxbtnyes"', reject='class="cmpboxbtnno"', settings='class="cmpboxbtncustom"')
    + "</div>",
    "cookiebot": '<div id="CybotCookiebotDialog">'
    + _buttons(
        accept='id="CybotCookiebotDialogBodyLevelButtonLevelOptinAllowAll"',
        reject='id="CybotCookiebotDialogBodyButtonDecline"',
        settings='id="CybotCookiebotDialogBodyLevelButtonCustomize"',
    )
    + "</div>",
    "cookiefirst": '<div class="cookiefirst-root">'
    + _buttons(
        accept='data-cookiefirst-action="accept"',
        reject='data-cookiefirst-action="reject"',
        settings='data-cookiefirst-action="adjust"',
    )
    + "</div>",
    "cookiehub": '<div class="ch2-dialog">'
    + _buttons(
        accept='class="ch2-allow-all-btn"', reject='class="ch2-deny-all-btn"', settings='class="ch2-open-settings-btn"'
    )
    + "</div>",
    "cookiescript": '<div id="cookiescript_injected">'
    + _buttons(
        accept='id="cookiescript_accept"', reject='id="cookiescript_reject"', settings='id="cookiescript_manage"'
    )
    + "</div>",
    "cookieyes": '<div class="cky-consent-container">'
    + _buttons(
        accept='data-cky-tag="accept-button"',
        reject='data-cky-tag="reject-button"',
        settings='data-cky-tag="settings-button"',
    )
    + "</div>",
    "didomi": '<div id="didomi-host"><div id="didomi-notice">'
    + _buttons(
        accept='id="didomi-notice-agree-button"',
        reject='id="didomi-notice-disagree-button"',
        settings='id="didomi-notice-learn-more-button"',
    )
    + "</div></div>",
    "google-messages": '<div class="fc-consent-root"><div class="fc-dialog-container">'
    + _buttons(
        accept='class="fc-button fc-cta-consent"',
        reject='class="fc-button fc-cta-do-not-consent"',
        settings='class="fc-button fc-cta-manage-options"',
    )
    + "</div></div>",
    "hubspot": '<div id="hs-eu-cookie-confirmation">'
    + _buttons(accept='id="hs-eu-confirmation-button"', reject='id="hs-eu-decline-button"')
    + "</div>",
    "inmobi-choice": '<div id="qc-cmp2-container"><div id="qc-cmp2-ui"><div class="qc-cmp2-summary-buttons">'
    + _buttons(
        settings='id="more-options-btn" mode="secondary"',
        reject='id="disagree-btn" mode="secondary"',
        accept='id="accept-btn" mode="primary"',
    )
    + "</div></div></div>",
    "iubenda": '<div id="iubenda-cs-banner">'
    + _buttons(
        accept='class="iubenda-cs-accept-btn"',
        reject='class="iubenda-cs-reject-btn"',
        settings='class="iubenda-cs-customize-btn"',
    )
    + "</div>",
    "moove": '<aside id="moove_gdpr_cookie_info_bar">'
    + _buttons(
        accept='class="mgbutton moove-gdpr-infobar-allow-all"',
        reject='class="mgbutton moove-gdpr-infobar-reject-btn"',
        settings='class="mgbutton change-settings-button"',
    )
    + "</aside>",
    "onetrust": '<div id="onetrust-consent-sdk"><div id="onetrust-banner-sdk">'
    + _buttons(
        accept='id="onetrust-accept-btn-handler"',
        reject='id="onetrust-reject-all-handler"',
        settings='id="onetrust-pc-btn-handler"',
    )
    + "</div></div>",
    "osano": '<div class="osano-cm-window"><div class="osano-cm-dialog">'
    + _buttons(accept='class="osano-cm-accept-all"', reject='class="osano-cm-denyAll"')
    + "</div></div>",
    "osano-cookieconsent": '<div class="cc-window">'
    + _buttons(reject='class="cc-btn cc-deny"', accept='class="cc-btn cc-allow"')
    + "</div>",
    "pandectes": '<div id="pandectes-banner"><div class="cc-window">'
    + _buttons(accept='class="cc-btn cc-allow"', reject='class="cc-btn cc-deny"', settings='class="cc-btn cc-settings"')
    + "</div></div>",
    "piwik-pro": '<div class="ppms_cm_popup_overlay">'
    + _buttons(accept='id="ppms_cm_agree-to-all"', reject='id="ppms_cm_reject-all"')
    + "</div>",
    "shopify": '<div id="shopify-pc__banner">'
    + _buttons(
        accept='id="shopify-pc__banner__btn-accept"',
        reject='id="shopify-pc__banner__btn-decline"',
        settings='id="shopify-pc__banner__btn-manage-prefs"',
    )
    + "</div>",
    "termly": '<div id="termly-code-snippet-support">'
    + _buttons(
        accept='data-tid="banner-accept"', reject='data-tid="banner-decline"', settings='class="t-preference-button"'
    )
    + "</div>",
    "trustarc": '<div id="truste-consent-track">'
    + _buttons(
        accept='id="truste-consent-button"', reject='id="truste-consent-required"', settings='id="truste-show-consent"'
    )
    + "</div>",
    "usercentrics": '<div id="usercentrics-root"><template shadowrootmode="open"><div data-testid="uc-container">'
    + _buttons(accept='data-testid="uc-accept-all-button"', reject='data-testid="uc-deny-all-button"')
    + "</div></template></div>",
    "wix": '<div data-hook="ccsu-banner-wrapper">'
    + _buttons(accept='data-hook="ccsu-banner-accept"', reject='data-hook="ccsu-banner-decline-all"')
    + "</div>",
}
# Further forms of the same platforms.
VARIANTS: Mapping[str, tuple[str, str]] = {
    "the third version of Usercentrics": (
        "usercentrics",
        '<aside id="usercentrics-cmp-ui"><template shadowrootmode="open">'
        + _buttons(
            settings='data-action-type="more"', reject='data-action-type="deny"', accept='data-action-type="accept"'
        )
        + "</template></aside>",
    ),
    "the second version of Borlabs": (
        "borlabs",
        (
            '<div id="BorlabsCookieBox"><a href="#" data-is="accept" data-cookie-accept-all>All</a>'
            '<a href="#" data-is="reject" data-cookie-refuse>No</a>'
            '<a href="#" data-is="settings" data-cookie-individual>More</a></div>'
        ),
    ),
}
# How single categories are chosen: the page, with a switch for each of the platform's names, and what saves it.
SETTINGS: Mapping[str, str] = {
    "onetrust": '<div id="onetrust-banner-sdk"><button id="onetrust-accept-btn-handler">All</button>'
    '<button id="onetrust-pc-btn-handler">More</button></div><div id="onetrust-pc-sdk">'
    + "".join(
        f'<input type="checkbox" class="category-switch-handler" id="ot-group-id-{name}"{state}>'
        for name, state in (("C0001", " checked disabled"), ("C0002", ""), ("C0003", ""), ("C0004", " checked"))
    )
    + '<button data-is="save" class="save-preference-btn-handler">Save</button></div>',
    "cookiebot": '<div id="CybotCookiebotDialog"><button id="CybotCookiebotDialogBodyLevelButtonLevelOptinAllowAll">All'
    '</button><button id="CybotCookiebotDialogBodyLevelButtonCustomize">More</button>'
    + "".join(
        f'<input type="checkbox" class="CybotCookiebotDialogBodyLevelButton" '
        f'id="CybotCookiebotDialogBodyLevelButton{name}"{state}>'
        for name, state in (
            ("Necessary", " checked disabled"),
            ("Preferences", ""),
            ("Statistics", ""),
            ("StatisticsInline", ""),
            ("Marketing", " checked"),
        )
    )
    + '<button data-is="save" id="CybotCookiebotDialogBodyLevelButtonLevelOptinAllowallSelection">Save</button></div>',
    "complianz": '<div class="cmplz-cookiebanner"><button class="cmplz-accept">All</button>'
    '<button class="cmplz-view-preferences">More</button>'
    + "".join(
        f'<input type="checkbox" class="cmplz-consent-checkbox" data-category="cmplz_{name}"{state}>'
        for name, state in (("functional", " checked"), ("statistics", ""), ("marketing", " checked"))
    )
    + '<button data-is="save" class="cmplz-save-preferences">Save</button></div>',
}
