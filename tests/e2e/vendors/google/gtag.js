// A minimal gtag.js of Google Ads: it takes over the array of the page, keeps its cookie, and reports visits and conversions.
(function () {
  'use strict';
  const name = new URL(document.currentScript.src).searchParams.get('l') || 'dataLayer';
  const list = (window[name] = window[name] || []);
  const tags = (window.google_tag_manager = window.google_tag_manager || {});

  function report(url, parameters) {
    const query = new URLSearchParams({ random: String(Date.now()), url: location.href, ...parameters });
    new Image().src = `${url}?${query}`;
  }

  function config(id) {
    if (!/^AW-/.test(id)) return;
    if (!/(?:^|; )_gcl_au=/.test(document.cookie)) {
      const value = `1.1.${Math.floor(Math.random() * 2 ** 31)}.${Math.floor(Date.now() / 1000)}`;
      document.cookie = `_gcl_au=${value}; path=/; max-age=${90 * 24 * 60 * 60}`;
    }
    tags[id] = {};
    report(`https://googleads.g.doubleclick.net/pagead/viewthroughconversion/${id.slice(3)}/`, { en: 'gtag.config' });
  }

  function handle(item) {
    const [command, ...call] = Array.from(item || []);
    if (command === 'config') config(call[0]);
    if (command === 'event') {
      const { send_to: to = '', event_callback: done } = call[1] || {};
      const [, id, label] = /^AW-(\d+)\/(.*)/.exec(to) || [];
      if (id) report(`https://www.googleadservices.com/pagead/conversion/${id}/`, { label, en: call[0] });
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
