// Behaves as Hotjar's script does: replays the tracking code's queue, sets the visitor's and the session's cookie,
// and sends what happens.
(() => {
  'use strict';
  const site = window._hjSettings.hjid;
  const value = btoa(JSON.stringify({id: '00000000-0000-5000-8000-000000000000', created: Date.now()}));
  document.cookie = `_hjSessionUser_${site}=${value}; path=/; max-age=${60 * 60 * 24 * 365}; samesite=lax`;
  document.cookie = `_hjSession_${site}=${value}; path=/; max-age=1800; samesite=lax`;
  localStorage.setItem('hjActiveViewportIds', JSON.stringify([{id: 'a', lastBeat: Date.now()}]));
  sessionStorage.setItem('hjViewportId', 'a');
  const send = (what) => navigator.sendBeacon(`https://content.hotjar.io/?site_id=${site}`, JSON.stringify(what));
  const waiting = window.hj.q || [];
  window.hj = (...values) => send(values);
  send(['page', location.pathname]);
  for (const values of waiting) window.hj(...values);
})();
