// The guard of a worker: what it asks for is decided as in the page. Stands before the worker's own script.
(function () {
  'use strict';
  if (self.__consentryArmed) return;
  Object.defineProperty(self, '__consentryArmed', { value: true });
  const state = self.__consentryState ? JSON.parse(self.__consentryState) : STATE;
  const at = { site: state.site, consent: state.consent, law: state.law, strict: state.strict, plain: state.plain, routing: state.routing };
  const home = state.origin + state.base;
  // What the table cannot say is asked at once, as in the page.
  const { open, send } = self.XMLHttpRequest ? XMLHttpRequest.prototype : {};
  const core = consentryDecide(TABLE, at, (query) => {
    try {
      const request = new XMLHttpRequest();
      open.call(request, 'GET', home + 'table?v=' + state.version + query, false);
      send.call(request);
      return request.status === 200 ? JSON.parse(request.responseText) : null;
    } catch (error) { return null; }
  });
  const base = self.location.protocol === 'blob:' || self.location.protocol === 'data:' ? state.origin + '/' : self.location.href;
  const held = (reference) => { try { return core.held(new URL(String(reference), base)); } catch (error) { return ''; } };

  const wrapped = (object, name, make) => {
    const original = object && object[name];
    if (typeof original === 'function') Object.defineProperty(object, name, { value: make(original), writable: true, configurable: true });
  };
  // Routers, as in the page.
  const ways = new WeakMap();
  let router = null, coming = null;
  const routed = (reference, method) => { try { return core.way(new URL(String(reference), base), String(method).toUpperCase()); } catch (error) { return null; } };
  const nothing = () => new Response(null, { status: 204 });
  const ask = self.fetch;
  const host = {
    nothing,
    blob: () => undefined,
    note(way, events) {
      const row = { outcome: 'filtered', vendor: way.router, url: way.url.href.slice(0, 2000), type: 'empty', layer: 'guard' };
      const rows = events ? events.map((event) => ({ ...row, event })) : [{ ...row, outcome: 'held' }];
      ask(home + 'report', { method: 'POST', body: JSON.stringify({ page: '', rows: rows.slice(0, 100) }), keepalive: true }).catch(() => {});
    },
  };
  const bring = self.importScripts;
  function comes() {
    coming = coming || new Promise((resolve, reject) => {
      const url = home + 'routers.js?v=' + state.version, came = () => (router ? resolve(router) : reject(new Error('routers.js')));
      self.addEventListener('consentry', (event) => { router = event.detail(core, at, host); }, { once: true });
      // A module has no importScripts().
      try { bring.call(self, url); came(); } catch (error) { import(url).then(came, reject); }
    });
    return coming;
  }
  wrapped(self, 'fetch', (original) => function fetch(input, init) {
    if (!(input instanceof Request)) input = String(input);
    const way = routed(input instanceof Request ? input.url : input, (init && init.method) || (input instanceof Request ? input.method : 'GET'));
    if (way) return comes().then(() => router.fetch(way, original, self, [input, init]), () => (core.whole() ? original.call(self, input, init) : nothing()));
    return held(input instanceof Request ? input.url : input) ? Promise.resolve(new Response(null, { status: 204 })) : original.apply(self, arguments);
  });
  if (self.XMLHttpRequest) wrapped(XMLHttpRequest.prototype, 'open', (original) => function open(method, url, ...rest) {
    const way = routed(url, method);
    ways.set(this, way && { ...way, sync: rest[0] === false });
    if (way) return original.apply(this, arguments);
    return held(url) ? original.call(this, 'GET', 'data:,', ...rest.slice(0, 1)) : original.apply(this, arguments);
  });
  if (self.XMLHttpRequest) wrapped(XMLHttpRequest.prototype, 'send', (original) => function send(body) {
    const way = ways.get(this);
    if (!way) return original.apply(this, arguments);
    const refuse = () => { this.open('GET', 'data:,', !way.sync); original.call(this); };
    const go = () => router.send(way, this, body, (fresh) => original.call(this, fresh), refuse);
    const otherwise = () => (core.whole() ? original.call(this, body) : refuse());
    comes().catch(() => {});
    return router ? go() : way.sync ? otherwise() : void comes().then(go, otherwise);
  });
  wrapped(self, 'importScripts', (original) => function importScripts(...urls) {
    const kept = urls.filter((url) => !held(url));
    return kept.length ? original.apply(self, kept) : undefined;
  });
  if (self.Cache) {
    const wanted = (each) => (each instanceof Request ? each.url : each);
    wrapped(Cache.prototype, 'add', (original) => function add(each) { return held(wanted(each)) ? Promise.resolve() : original.call(this, each); });
    wrapped(Cache.prototype, 'addAll', (original) => function addAll(all) { return original.call(this, [...all].filter((each) => !held(wanted(each)))); });
  }
  if (self.FontFace) {
    self.FontFace = new Proxy(self.FontFace, {
      construct(target, given) {
        const address = typeof given[1] === 'string' ? (/url\(\s*["']?([^"')]+)/i.exec(given[1]) || [])[1] : '';
        if (address && held(address)) given[1] = 'url(about:invalid)';
        return Reflect.construct(target, given);
      },
    });
  }
  // A worker's worker whose script does not pass the proxy starts with this guard too.
  if (self.Worker) {
    self.Worker = new Proxy(self.Worker, {
      construct(target, given) {
        const url = String(given[0]);
        if (/^(?:blob|data):/i.test(url) && !(given[1] && given[1].type === 'module')) {
          const code = consentryWorker({ ...state, consent: at.consent }, state.origin + state.base, url, false);
          given[0] = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
        }
        return Reflect.construct(target, given);
      },
    });
  }
  for (const name of ['WebSocket', 'EventSource', 'WebTransport', 'Worker']) {
    if (!self[name]) continue;
    self[name] = new Proxy(self[name], {
      construct(target, given) {
        if (held(given[0])) throw new DOMException('Held by Consentry', 'NetworkError');
        return Reflect.construct(target, given);
      },
    });
  }
  // Consent that changes in the page changes here.
  if (typeof BroadcastChannel === 'function') {
    new BroadcastChannel('consentry').addEventListener('message', (event) => { if (event.data && event.data.consent) at.consent = event.data.consent; });
  }
})();
