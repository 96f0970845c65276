// Behaves as the pixel's uwt.js does: takes over the queue of the base code, keeps the click's id in the site's
// cookie, and sends every call as an image.
(() => {
  'use strict';
  document.cookie = `_twclid=23opevjt88psuo13lu8d020qkn; path=/; max-age=${60 * 60 * 24 * 90}; samesite=lax`;
  const pixels = [];
  const send = (name) => {
    new Image().src = `https://t.co/i/adsct?txn_id=${pixels[0]}&events=${encodeURIComponent(name)}`;
  };
  const run = (method, value) => {
    if (method === 'config') {
      pixels.push(value);
      send('pageview');
    }
    if (method === 'event') send(value);
  };
  window.twq.exe = run;
  window.twq.queue.splice(0).forEach((call) => run(...call));
})();
