// Behaves as matomo.js does: replays the queue, the settings first, sets the visitor's cookies, and sends what is
// tracked.
(() => {
  'use strict';
  const visitor = '0123456789abcdef';
  const now = Math.floor(Date.now() / 1000);
  const settings = {};
  const send = (values) => {
    const all = {idsite: settings.site, rec: '1', _id: visitor, url: location.href, ...values};
    navigator.sendBeacon(`${settings.url}?${new URLSearchParams(all)}`);
  };
  const keep = () => {
    document.cookie = `_pk_id.${settings.site}.1fff=${visitor}.${now}.; path=/; max-age=33955200; samesite=lax`;
    document.cookie = `_pk_ses.${settings.site}.1fff=1; path=/; max-age=1800; samesite=lax`;
  };
  const tracker = {
    setTrackerUrl: (url) => { settings.url = url; },
    setSiteId: (site) => { settings.site = site; },
    getVisitorId: () => visitor,
    enableLinkTracking: () => {},
    trackPageView: () => { keep(); send({action_name: document.title}); },
    trackEvent: (category, action, name, value) => { keep(); send({e_c: category, e_a: action, e_n: name || '', e_v: value || ''}); },
  };
  const run = ([name, ...values]) => (typeof name === 'function' ? name.apply(tracker, values) : tracker[name](...values));
  const first = ([name]) => name === 'setTrackerUrl' || name === 'setSiteId';
  const waiting = window._paq || [];
  window._paq = {push: run};
  waiting.filter(first).forEach(run);
  waiting.filter((call) => !first(call)).forEach(run);
})();
