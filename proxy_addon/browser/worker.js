// The service worker: what the page cannot see itself asking for. It answers for vendors that are held and
// touches nothing else. Where the site has a worker of its own, this stands before it in the same file: what that
// asks for itself is judged too, and what is allowed is its to answer.
(function () {
  'use strict';
  // A module and what it imports each come with this; the first of them is in charge.
  if (self.__consentryArmed) return;
  Object.defineProperty(self, '__consentryArmed', { value: true });
  const at = { site: STATE.site, consent: STATE.consent, law: STATE.law, strict: STATE.strict, plain: STATE.plain, routing: STATE.routing };
  const core = consentryDecide(TABLE, at);
  const send = self.fetch, theirs = new Set();
  // Whether the visitor's choice has been read since the worker was started.
  let known = false;

  self.addEventListener('install', (event) => {
    // The site's own worker does not wait for ours to go: without us there would be none.
    const active = self.registration.active;
    if (ALONE || active && active.scriptURL.includes(STATE.base)) self.skipWaiting();
    if (!ALONE || !event.addRoutes) return;
    // What the site itself answers passes the proxy: no page of it has to wait for this worker to start.
    const { protocol, hostname, port } = self.location;
    event.waitUntil(Promise.resolve(event.addRoutes({ condition: { urlPattern: { protocol: protocol.slice(0, -1), hostname, port } }, source: 'network' })).catch(() => {}));
  });
  self.addEventListener('activate', (event) => { if (ALONE) event.waitUntil(self.clients.claim()); });
  self.addEventListener('message', (event) => {
    if (event.data && event.data.consentry) {
      learn(event.data.consentry);
      event.stopImmediatePropagation();
    }
  });
  if (typeof BroadcastChannel === 'function') {
    new BroadcastChannel('consentry').onmessage = (event) => { if (event.data && event.data.consent) learn(event.data.consent); };
  }

  // What the table cannot say is asked before anything is answered.
  const parse = (address) => { try { return new URL(address, self.location.href); } catch (error) { return null; } };
  async function certain(address) {
    const url = parse(address), wanted = url ? core.wants(url) : [];
    if (!wanted.length) return;
    try {
      const answer = await send.call(self, STATE.base + 'table?v=' + STATE.version + core.query(wanted), { credentials: 'omit' });
      if (answer.ok) core.learn(await answer.json(), wanted);
    } catch (error) { /* then what cannot be ruled out is held */ }
  }
  const doubtful = (address) => { const url = parse(address); return !!url && core.wants(url).length > 0; };

  function learn(consent) { at.consent = consent; known = true; }
  // What the worker itself remembers may be old (it is stopped and started at will): the cookie is not.
  let asked = null, answering;
  async function ask() {
    const answer = await send.call(self, STATE.base + 'consent', { method: 'POST', body: '{"ask":true}', credentials: 'same-origin' });
    if (!answer.ok) throw new Error(String(answer.status));
    learn(await answer.json());
  }
  async function consent() {
    if (!self.cookieStore) return;
    const cookies = await self.cookieStore.getAll();
    const text = cookies.map(({ name, value }) => name + '=' + value).join('; ');
    const said = core.read(text);
    if (said.signal !== 'none') { learn(said); return; }
    // A consent platform's cookies are read by the proxy, once for each state that they are in: requests that come
    // meanwhile wait for the same answer.
    if (text !== asked) {
      asked = text;
      answering = ask().catch(() => { asked = null; });
    }
    await answering;
  }

  let rows = [];
  function report(vendor, url, type) {
    if (rows.length < 100) rows.push({ outcome: 'held', vendor: vendor, url: url.slice(0, 2000), type: type || 'empty', layer: 'worker' });
    if (rows.length === 1) setTimeout(() => {
      const body = JSON.stringify({ page: '', rows: rows.splice(0) });
      send.call(self, STATE.base + 'report', { method: 'POST', body, keepalive: true }).catch(() => {});
    }, 100);
  }

  const tracked = (address) => {
    const url = parse(address), found = url && core.match(url);
    return found && !found.exempt ? found : null;
  };
  // (The bodies of a router's events are filtered where scripts send them, in pages and workers; the site's own service
  // worker sends only `whole` ones.)
  async function held(address, whole) {
    try { await consent(); } catch (error) { /* what is remembered counts */ }
    const url = new URL(address, self.location.href), found = core.match(url);
    return !!core.held(url) || whole && at.routing && found && found.part === 3 && core.holds(found.vendor, 7);
  }
  function nothing(found, url, kind) {
    report(found.vendor, url, kind);
    // A 204 must have a null body: with any other the answer fails, and the browser asks the network.
    const headers = { 'x-consentry': 'held; vendor=' + found.vendor, 'cache-control': 'no-store' };
    if (kind === 'script' || kind === 'worker' || kind === 'sharedworker') return new Response('', { headers: { ...headers, 'content-type': 'text/javascript' } });
    if (kind === 'style') return new Response('', { headers: { ...headers, 'content-type': 'text/css' } });
    if (kind === 'iframe' || kind === 'frame' || kind === 'embed' || kind === 'object') return new Response('', { headers: { ...headers, 'content-type': 'text/html' } });
    return new Response(null, { status: 204, headers });
  }

  self.addEventListener('fetch', (event) => {
    const { url, mode, destination } = event.request, found = tracked(url);
    // What is ours no worker of the site's answers.
    if (url.startsWith(self.location.origin + STATE.base)) return void event.stopImmediatePropagation();
    const worker = !ALONE && /^(?:shared)?worker$/.test(destination) && url.startsWith(self.location.origin + '/');
    if (!worker && (!found || mode === 'navigate' && destination === 'document')) return;
    // A report cannot be made again as it was: where nothing is held it is left alone.
    if (!worker && destination === 'report' && !core.holds(found.vendor, found.needs, found.label)) return;
    event.stopImmediatePropagation();
    event.respondWith(worker ? guarded(event) : judged(event));
  });
  async function judged(event) {
    const { url, destination } = event.request;
    await certain(url);
    const found = tracked(url);
    return found && await held(url) ? nothing(found, url, destination) : pass(event);
  }
  // What the site's worker answers or passes on the proxy does not know for a worker's script.
  async function guarded(event) {
    const response = await pass(event);
    if (!response || !response.ok) return response;
    const head = await send.call(self, STATE.base + 'scope.js?v=' + STATE.version).then((said) => said.text()).catch(() => '');
    return new Response(head + await response.text(), { headers: response.headers });
  }
  async function again(request) {
    if (request.destination !== 'report') return send.call(self, request);
    return send.call(self, request.url, { method: 'POST', mode: 'no-cors', body: await request.text() });
  }
  // What consent allows is the site's worker's to answer, and else the network's.
  function pass(event) {
    let answer;
    const view = new Proxy(event, {
      get(target, name) {
        if (name === 'respondWith') return (given) => { answer = given; };
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    for (const each of [...theirs, self.onfetch]) {
      if (!each || answer !== undefined) continue;
      try { if (typeof each === 'function') each.call(self, view); else each.handleEvent(view); } catch (error) { console.error(error); }
    }
    return answer === undefined ? again(event.request) : answer;
  }

  if (ALONE) return;

  // ---- What the site's worker does itself.
  for (const [name, take] of [['addEventListener', 'add'], ['removeEventListener', 'delete']]) {
    const original = self[name];
    replace(self, name, { [name](type, listener) { if (type === 'fetch') theirs[take](listener); return original.apply(self, arguments); } });
  }
  function replace(object, name, holder) { Object.defineProperty(object, name, { value: holder[name], writable: true, configurable: true }); }

  // A page that it fetches to keep it is asked for as one, so that the guard comes with it. (A header of our own would
  // make browsers ask for permission where the answer leads to another origin.)
  const PAGE = /(?:\/[^./]*|\.(?:x?html?|php|aspx?|jsp))$/i;
  function asPage(request) {
    const url = new URL(request.url);
    const own = request.method === 'GET' && request.mode !== 'navigate' && request.referrer === 'about:client';
    if (!own || url.origin !== self.location.origin || !PAGE.test(url.pathname)) return request;
    const headers = new Headers(request.headers);
    headers.set('accept', (headers.get('accept') || '*/*') + ', application/x-consentry');
    return new Request(request, { headers });
  }
  replace(self, 'fetch', {
    fetch(input) {
      const init = arguments[1], plain = !(input instanceof Request), address = plain ? String(input) : input.url;
      const found = tracked(address), given = plain ? address : input;
      if (found) return certain(address).then(() => held(address, true)).then((refused) => (refused ? nothing(tracked(address), address, '') : send.call(self, given, init)));
      if (!PAGE.test(address.split(/[?#]/)[0]) || !plain && input.mode === 'navigate') return send.call(self, given, init);
      try { return send.call(self, asPage(new Request(given, init))); } catch (error) { return send.call(self, given, init); }
    },
  });

  const caching = self.Cache && Cache.prototype, put = caching && caching.put, addAll = caching && caching.addAll;
  async function addEach(cache, wanted) {
    const requests = wanted.map((each) => new Request(each)), kept = [];
    for (const each of requests) {
      await certain(each.url);
      const found = tracked(each.url);
      if (found && await held(each.url)) report(found.vendor, each.url, '');
      else kept.push(asPage(each));
    }
    return addAll.call(cache, kept);
  }
  if (caching) {
    replace(caching, 'add', { async add(wanted) { return addEach(this, [wanted]); } });
    replace(caching, 'addAll', { async addAll(wanted) { return addEach(this, [...wanted]); } });
    // An answer of ours is not kept for the vendor's.
    replace(caching, 'put', { async put(request, response) {
      return /^held;/.test(response && response.headers && response.headers.get('x-consentry')) ? undefined : put.apply(this, arguments);
    } });
  }

  // Scripts can be added only while the worker is being installed, and must be there at once: the proxy says in a
  // script of its own what the visitor chose. When that changes, the browser takes the worker for a new version.
  const load = self.importScripts;
  replace(self, 'importScripts', { importScripts(...wanted) {
    const urls = wanted.map(String), now = at.consent;
    const open = urls.filter(doubtful).flatMap((url) => core.wants(parse(url)));
    try {
      if (open.length) load.call(self, STATE.base + 'table.js?v=' + STATE.version + core.query(open));
      if (self.__consentryTable) core.learn(self.__consentryTable, open);
      delete self.__consentryTable;
    } catch (error) { /* then what cannot be ruled out is held */ }
    if (!urls.some(tracked)) return load.apply(self, urls);
    try {
      load.call(self, STATE.base + 'told.js');
      at.consent = self.__consentryTold;
      delete self.__consentryTold;
    } catch (error) { /* then nothing was said */ }
    const kept = urls.filter((url) => {
      const found = tracked(url), refused = found && core.holds(found.vendor, found.needs, found.label);
      if (refused) report(found.vendor, new URL(url, self.location.href).href, 'script');
      return !refused;
    });
    at.consent = now;
    return kept.length ? load.apply(self, kept) : undefined;
  } });

  // What must be decided at once is refused until the choice is known.
  for (const name of ['WebSocket', 'EventSource', 'WebTransport']) {
    if (!self[name]) continue;
    self[name] = new Proxy(self[name], {
      construct(target, given) {
        const found = tracked(String(given[0]));
        if (doubtful(String(given[0]))) certain(String(given[0]));
        if (found && (!known || core.holds(found.vendor, found.needs, found.label))) {
          report(found.vendor, String(given[0]), name.toLowerCase());
          throw new DOMException('Held by Consentry', 'NetworkError');
        }
        return Reflect.construct(target, given);
      },
    });
  }
})();
