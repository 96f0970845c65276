// A minimal container: it takes over the array of the page, and one tag in it reports to Google Analytics 4.
(function () {
  'use strict';
  const { searchParams } = new URL(document.currentScript.src);
  const list = (window[searchParams.get('l') || 'dataLayer'] = window[searchParams.get('l') || 'dataLayer'] || []);
  const id = searchParams.get('id');
  window.google_tag_manager = { ...window.google_tag_manager, [id]: {} };

  function tag(event) {
    let client = (/(?:^|; )_ga=GA1\.1\.([^;]*)/.exec(document.cookie) || [])[1];
    if (!client) {
      client = `${Math.floor(Math.random() * 2 ** 31)}.${Math.floor(Date.now() / 1000)}`;
      document.cookie = `_ga=GA1.1.${client}; path=/; max-age=${2 * 365 * 24 * 60 * 60}`;
    }
    const query = new URLSearchParams({ v: '2', tid: 'G-ABCDE12345', cid: client, dl: location.href, en: event });
    fetch(`https://www.google-analytics.com/g/collect?${query}`, { method: 'POST', mode: 'no-cors', keepalive: true });
  }

  function handle(item) {
    if (!item || typeof item.event !== 'string') return;
    tag(item.event === 'gtm.js' ? 'page_view' : item.event);
    if (typeof item.eventCallback === 'function') setTimeout(item.eventCallback, 0, id);
  }

  const push = list.push;
  list.push = function (...items) {
    const length = push.apply(list, items);
    items.forEach(handle);
    return length;
  };
  list.forEach(handle);
})();
