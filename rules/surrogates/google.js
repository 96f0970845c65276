// Stands in for gtm.js, gtag.js, conversion.js and adsbygoogle.js.
(() => {
  'use strict';
  const w = window;
  const own = document.currentScript && document.currentScript.src;
  const name = (own && new URL(own).searchParams.get('l')) || 'dataLayer';
  const once = (go) => {
    const call = (...told) => {
      const open = go;
      go = null;
      if (open) open(...told);
    };
    setTimeout(call, 0);
    return call;
  };
  // Copies where a callback waits: the page may use its own object again.
  const prepare = (item) => {
    if (!item) return item;
    if (typeof item.eventCallback === 'function') return { ...item, eventCallback: once(item.eventCallback) };
    const options = item[2];
    if (options && typeof options.event_callback === 'function') {
      item[2] = { ...options, event_callback: once(options.event_callback) };
    }
    if (item[0] === 'get' && typeof item[3] === 'function') item[3] = once(item[3]);
    return item;
  };

  const list = (w[name] = w[name] || []);
  // The anti-flicker snippet hides the page until the container is there.
  if (list.hide && typeof list.hide.end === 'function') list.hide.end();
  // Where a real tag runs for another id, it answers the page.
  if (Array.isArray(list) && !list.consentry && !w.google_tag_manager) {
    list.consentry = true;
    list.forEach((item, index) => {
      list[index] = prepare(item);
    });
    const push = list.push;
    list.push = function (...items) {
      return push.apply(this, w.google_tag_manager ? items : items.map(prepare));
    };
  }
  w.gtag =
    w.gtag ||
    function () {
      w[name].push(arguments);
    };

  w.adsbygoogle = w.adsbygoogle || [];
  w.google_trackConversion =
    w.google_trackConversion ||
    ((given) => {
      if (given && typeof given.onload_callback === 'function') setTimeout(given.onload_callback, 0);
      return true;
    });
})();
