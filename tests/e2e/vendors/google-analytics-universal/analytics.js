// A minimal analytics.js: it takes over the queue of the snippet, keeps its cookies and sends hits.
(function () {
  'use strict';
  const name = window.GoogleAnalyticsObject || 'ga';
  const queue = (window[name] && window[name].q) || [];
  const trackers = [];
  const keep = (key, value, seconds) => {
    document.cookie = `${key}=${value}; path=/; max-age=${seconds}`;
  };

  function create(id) {
    const client = `${Math.floor(Math.random() * 2 ** 31)}.${Math.floor(Date.now() / 1000)}`;
    keep('_ga', `GA1.1.${client}`, 2 * 365 * 24 * 60 * 60);
    keep('_gid', `GA1.1.${client}`, 24 * 60 * 60);
    const fields = { trackingId: id, clientId: client, name: 't0' };
    trackers.push({ get: (field) => fields[field], set: (field, value) => (fields[field] = value) });
  }

  function send(type, ...rest) {
    const tracker = trackers[0];
    if (!tracker) return;
    const given = typeof type === 'object' ? type : rest.find((each) => each && typeof each === 'object') || {};
    const query = new URLSearchParams({
      v: '1',
      t: given.hitType || type,
      tid: tracker.get('trackingId'),
      cid: tracker.get('clientId'),
      dl: location.href,
    });
    if (type === 'event') {
      query.set('ec', rest[0]);
      query.set('ea', rest[1]);
    }
    fetch(`https://www.google-analytics.com/j/collect?${query}`, { method: 'POST', mode: 'no-cors', keepalive: true });
    if (typeof given.hitCallback === 'function') setTimeout(given.hitCallback, 0);
  }

  function ga(command, ...call) {
    if (typeof command === 'function') command(trackers[0]);
    else if (command === 'create') create(call[0]);
    else if (command === 'send') send(...call);
  }
  ga.getAll = () => trackers.slice();
  ga.loaded = true;
  ga.l = window[name] && window[name].l;
  window[name] = ga;
  for (const call of queue) ga(...call);
})();
