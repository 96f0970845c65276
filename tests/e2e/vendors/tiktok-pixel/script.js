// Behaves as the pixel's events.js does: takes over the queue of the base code, sets the visitor's cookies, and
// posts every event to the pixel's endpoint.
(() => {
  'use strict';
  const ttq = window[window.TiktokAnalyticsObject];
  const lifetime = 60 * 60 * 24 * 395;
  const keep = (name, value) => {
    document.cookie = `${name}=${value}; path=/; max-age=${lifetime}; samesite=lax`;
  };
  keep('_tt_enable_cookie', '1');
  keep('_ttp', `01ABCDEFGHIJKLMNOPQRSTUVWX_.tt.0`);
  keep('ttcsid', `${Date.now()}::1`);
  Object.keys(ttq._i).forEach((id) => keep(`ttcsid_${id}`, `${Date.now()}::1`));
  const send = (pixel, event, properties) => {
    const body = {pixel_code: pixel, event, properties, context: {page: {url: location.href, referrer: document.referrer}}};
    navigator.sendBeacon('https://analytics.tiktok.com/api/v2/pixel', JSON.stringify(body));
  };
  const run = (pixels, [method, ...values]) => {
    if (method === 'page') pixels.forEach((pixel) => send(pixel, 'Pageview'));
    if (method === 'track') pixels.forEach((pixel) => send(pixel, values[0], values[1]));
    if (method === 'ready') values[0]();
  };
  const take = (queue, pixels) => {
    queue.splice(0).forEach((call) => run(pixels, call));
    ttq.methods.forEach((method) => {
      queue[method] = (...values) => run(pixels, [method, ...values]);
    });
  };
  take(ttq, Object.keys(ttq._i));
  Object.entries(ttq._i).forEach(([pixel, queue]) => take(queue, [pixel]));
})();
