// A minimal gtag.js of Google Analytics 4: it takes over the array of the page, keeps its cookies and sends events.
(function () {
  'use strict';
  const name = new URL(document.currentScript.src).searchParams.get('l') || 'dataLayer';
  const list = (window[name] = window[name] || []);
  const tags = (window.google_tag_manager = window.google_tag_manager || {});
  const properties = new Map();
  const cookie = (key) => (document.cookie.match(new RegExp(`(?:^|; )${key}=([^;]*)`)) || [])[1];
  const keep = (key, value) => {
    document.cookie = `${key}=${value}; path=/; max-age=${2 * 365 * 24 * 60 * 60}`;
  };
  const now = () => Math.floor(Date.now() / 1000);

  function send(id, event, parameters) {
    const query = new URLSearchParams({
      v: '2',
      tid: id,
      cid: cookie('_ga').split('.').slice(2).join('.'),
      dl: location.href,
      en: event,
    });
    for (const [key, value] of Object.entries(parameters || {})) {
      if (typeof value === 'string') query.set(`ep.${key}`, value);
      if (typeof value === 'number') query.set(`epn.${key}`, String(value));
    }
    fetch(`https://www.google-analytics.com/g/collect?${query}`, { method: 'POST', mode: 'no-cors', keepalive: true });
  }

  function config(id, parameters) {
    if (!/^G-/.test(id)) return;
    if (!cookie('_ga')) keep('_ga', `GA1.1.${Math.floor(Math.random() * 2 ** 31)}.${now()}`);
    keep(`_ga_${id.slice(2)}`, `GS1.1.${now()}.1.0.${now()}.0.0.0`);
    tags[id] = {};
    properties.set(id, parameters || {});
    const { send_page_view: wanted, update } = parameters || {};
    if (wanted !== false && !update) send(id, 'page_view', parameters);
  }

  function handle(item) {
    const [command, ...call] = Array.from(item || []);
    if (command === 'config') config(call[0], call[1]);
    if (command === 'get' && typeof call[2] === 'function') setTimeout(call[2], 0, '1.2');
    if (command === 'event') {
      const { send_to: to, event_callback: done, ...parameters } = call[1] || {};
      for (const id of to ? [].concat(to) : properties.keys()) if (properties.has(id)) send(id, call[0], parameters);
      if (typeof done === 'function') setTimeout(done, 0);
    }
  }

  const push = list.push;
  list.push = function (...items) {
    const length = push.apply(list, items);
    items.forEach(handle);
    return length;
  };
  list.forEach(handle);
})();
