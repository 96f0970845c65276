// The service worker: what the page cannot see itself asking for. It answers for vendors that are held and
// touches nothing else. Where the site has a worker of its own, this stands before it in the same file.
(function () {
  'use strict';
  const at = { site: STATE.site, consent: STATE.consent, law: STATE.law, strict: STATE.strict, plain: STATE.plain, routing: STATE.routing };
  const core = consentryDecide(TABLE, at);

  self.addEventListener('install', () => { if (ALONE) self.skipWaiting(); });
  self.addEventListener('activate', (event) => { if (ALONE) event.waitUntil(self.clients.claim()); });
  self.addEventListener('message', (event) => {
    if (event.data && event.data.consentry) {
      at.consent = event.data.consentry;
      event.stopImmediatePropagation();
    }
  });
  if (typeof BroadcastChannel === 'function') {
    new BroadcastChannel('consentry').onmessage = (event) => { if (event.data && event.data.consent) at.consent = event.data.consent; };
  }

  // What the worker itself remembers may be old (it is stopped and started at will): the cookie is not.
  let asked = null, answering;
  async function ask() {
    const answer = await fetch(STATE.base + 'consent', { method: 'POST', body: '{"ask":true}', credentials: 'same-origin' });
    if (!answer.ok) throw new Error(String(answer.status));
    at.consent = await answer.json();
  }
  async function consent() {
    if (!self.cookieStore) return;
    const cookies = await self.cookieStore.getAll();
    const text = cookies.map(({ name, value }) => name + '=' + value).join('; ');
    const said = core.read(text);
    if (said.signal !== 'none') { at.consent = said; return; }
    // A consent platform's cookies are read by the proxy, once for each state that they are in: requests that come
    // meanwhile wait for the same answer.
    if (text !== asked) {
      asked = text;
      answering = ask().catch(() => { asked = null; });
    }
    await answering;
  }

  let rows = [];
  function report(vendor, request) {
    if (rows.length < 100) rows.push({ outcome: 'held', vendor: core.name(vendor), url: request.url.slice(0, 2000), type: request.destination || 'empty', layer: 'worker' });
    if (rows.length === 1) setTimeout(() => {
      const body = JSON.stringify({ page: '', rows: rows.splice(0) });
      fetch(STATE.base + 'report', { method: 'POST', body, keepalive: true }).catch(() => {});
    }, 100);
  }

  self.addEventListener('fetch', (event) => {
    const url = new URL(event.request.url);
    const found = core.match(url);
    if (!found || found.exempt || event.request.mode === 'navigate' && event.request.destination === 'document') return;
    event.stopImmediatePropagation();
    event.respondWith((async () => {
      try { await consent(); } catch (error) { /* what is remembered counts */ }
      // (The bodies of a router's events are filtered where scripts send them, in pages and workers.)
      if (!core.held(url)) return fetch(event.request);
      report(found.vendor, event.request);
      // A 204 must have a null body: with any other the answer fails, and the browser asks the network.
      const kind = event.request.destination;
      const headers = { 'x-consentry': 'held; vendor=' + core.name(found.vendor), 'cache-control': 'no-store' };
      if (kind === 'script' || kind === 'worker' || kind === 'sharedworker') return new Response('', { headers: { ...headers, 'content-type': 'text/javascript' } });
      if (kind === 'style') return new Response('', { headers: { ...headers, 'content-type': 'text/css' } });
      if (kind === 'iframe' || kind === 'frame' || kind === 'embed' || kind === 'object') return new Response('', { headers: { ...headers, 'content-type': 'text/html' } });
      return new Response(null, { status: 204, headers });
    })());
  });
})();
