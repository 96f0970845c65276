// Behaves as the analytics script does: sets the visitor's cookies, reports the page view, and takes its calls from
// the array that the page made.
(() => {
  'use strict';
  const now = Date.now();
  const visitor = '0123456789abcdef0123456789abcdef';
  const keep = (name, value, life) => {
    document.cookie = `${name}=${value}; path=/; samesite=lax${life ? `; max-age=${life}` : ''}`;
  };
  const months = 60 * 60 * 24 * 180;
  keep('hubspotutk', visitor, months);
  keep('__hstc', `1.${visitor}.${now}.${now}.${now}.1`, months);
  keep('__hssc', `1.1.${now}`, 1800);
  keep('__hssrc', '1');
  let path = location.pathname;
  const send = (kind, values) => {
    new Image().src = `https://track.hubspot.com/${kind}?${new URLSearchParams({a: '1234567', vi: visitor, ...values})}`;
  };
  const calls = {
    setPath: (to) => { path = to; },
    identify: ({email}) => send('__ptq.gif', {k: '15', i: email}),
    trackPageView: () => send('__ptq.gif', {k: '1', pu: location.origin + path}),
    trackCustomBehavioralEvent: ({name}) => send('__ptbe.gif', {n: name}),
    addPrivacyConsentListener: (listener) => listener({allowed: true}),
  };
  const run = ([name, ...values]) => calls[name] && calls[name](...values);
  const waiting = window._hsq || [];
  window._hsq = {push: run};
  waiting.forEach(run);
  calls.trackPageView();
})();
