// The guard of a worker: what it asks for is decided as in the page. Stands before the worker's own script.
(function () {
  'use strict';
  if (self.__consentryArmed) return;
  Object.defineProperty(self, '__consentryArmed', { value: true });
  const state = self.__consentryState ? JSON.parse(self.__consentryState) : STATE;
  const at = { site: state.site, consent: state.consent, law: state.law, strict: state.strict, plain: state.plain };
  const core = consentryDecide(TABLE, at);
  const base = self.location.protocol === 'blob:' || self.location.protocol === 'data:' ? state.origin + '/' : self.location.href;
  const held = (reference) => { try { return core.held(new URL(String(reference), base)); } catch (error) { return ''; } };

  const wrapped = (object, name, make) => {
    const original = object && object[name];
    if (typeof original === 'function') Object.defineProperty(object, name, { value: make(original), writable: true, configurable: true });
  };
  wrapped(self, 'fetch', (original) => function fetch(input, init) {
    return held(input instanceof Request ? input.url : input) ? Promise.resolve(new Response(null, { status: 204 })) : original.apply(self, arguments);
  });
  if (self.XMLHttpRequest) wrapped(XMLHttpRequest.prototype, 'open', (original) => function open(method, url, ...rest) {
    return held(url) ? original.call(this, 'GET', 'data:,', ...rest.slice(0, 1)) : original.apply(this, arguments);
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
