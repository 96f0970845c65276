(() => {
  'use strict';
  if (typeof window.Matomo === 'object') return;
  const later = (callback, self) => {
    if (typeof callback === 'function') setTimeout(() => callback.call(self));
  };
  const answers = {getVisitorId: '', getUserId: '', getVisitorInfo: [], getAttributionInfo: [], getCustomVariable: false,
    getCurrentUrl: location.href, getSiteId: '', getTrackerUrl: '', hasRememberedConsent: false, hasRememberedCookieConsent: false,
    isConsentRequired: false, isUserOptedOut: true, hasCookies: false, areCookiesEnabled: false, getRememberedConsent: null};
  // Any method, also of a plug-in, may be called; the tracking ones take a callback that pages wait for.
  const method = (name) => new Proxy(() => {}, {
    get: (_, below) => (below === 'then' ? undefined : method(below)),
    apply: (_, __, values) => {
      values.forEach((value) => later(value));
      return answers[name];
    },
  });
  const tracker = new Proxy({}, {get: (_, name) => (name === 'then' ? undefined : method(name))});
  const run = (call) => {
    if (!Array.isArray(call)) return;
    if (typeof call[0] === 'function') later(call[0], tracker);
    else call.slice(1).forEach((value) => later(value));
  };
  const waiting = window._paq;
  window._paq = {push: (...calls) => calls.forEach(run)};
  window._mtm = window._mtm || [];
  const matomo = {initialized: true, getTracker: () => tracker, getAsyncTracker: () => tracker, getAsyncTrackers: () => [tracker],
    addTracker: () => tracker, addPlugin: () => {}, on: () => {}, off: () => {}, trigger: () => {}};
  window.Matomo = window.Piwik = matomo;
  if (Array.isArray(waiting)) waiting.forEach(run);
  later(window.matomoAsyncInit);
  later(window.piwikAsyncInit);
})();
