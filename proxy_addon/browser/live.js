// The page's end of the dashboard: it does what the dashboard sets, names the hosts that the page asks, and brings the
// badge. Put into the guard by assets.py only while the dashboard runs; WATCHED and BADGE are filled in there.
function consentryLive(page) {
  'use strict';
  const { home, state, core, at, N, api, change, ask, expire, cookies } = page;
  const Source = window.EventSource, locks = navigator.locks, path = home + 'live';
  const wanted = state.live || {};
  const post = (body) => N.fetch.call(window, path, { method: 'POST', body: JSON.stringify({ page: location.href, ...body }), keepalive: true, credentials: 'same-origin' });

  // ---- A browser that passes for one which sends Global Privacy Control says so to scripts, too.
  const own = Object.getOwnPropertyDescriptor(Navigator.prototype, 'globalPrivacyControl');
  const natural = navigator.globalPrivacyControl === true;
  function pretend(on) {
    if (on === (navigator.globalPrivacyControl === true)) return;
    if (on) Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get() { return true; }, configurable: true, enumerable: true });
    else if (own) Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', own);
    else delete Navigator.prototype.globalPrivacyControl;
  }
  if (wanted.pretends) pretend(true);

  // ---- What is set takes effect here at once, and in the site's other tabs through the guard.
  const said = (value) => (value ? 'granted' : 'denied');
  const cookieOf = ({ categories, vendors }) => ['v=1', ...TABLE.categories.filter((name) => name in categories).map((name) => name + '=' + said(categories[name])),
    ...Object.keys(vendors).sort().map((name) => 'vendor.' + name + '=' + said(vendors[name]))].join('&');
  // What the browser says by itself stays, whatever is chosen.
  const ofBrowser = () => ({ gpc: at.consent.gpc, dnt: at.consent.dnt, implied: at.consent.dnt ? at.consent.implied : {} });
  function apply({ cookie, consent, forget, restore }) {
    if (cookie) N.cookie.set.call(document, 'consentry=' + cookie + '; path=/; max-age=15552000; samesite=lax' + (location.protocol === 'https:' ? '; secure' : ''));
    else if (forget || restore) expire('consentry');
    if (forget) forgetChoices();
    pretend(consent.gpc || natural);
    const gpc = !!consent.gpc || natural;
    change(restore ? { ...core.read(cookies()), ...ofBrowser(), gpc, order: consent.order } : { ...consent, gpc }, true);
    if (restore) ask();
  }
  // Every choice that a page can reach: ours, the site's own cookie, and what consent platforms keep.
  function forgetChoices() {
    for (const pair of cookies().split('; ')) {
      const name = pair.split('=')[0];
      if (name && (name === 'consentry-told' || state.cookies.includes(name) || core.named(WATCHED.cookies, name))) expire(name);
    }
    try { for (const key of Object.keys(localStorage)) if (core.named(WATCHED.storage, key)) localStorage.removeItem(key); } catch (error) { /* no storage here */ }
  }

  // ---- One channel for all tabs of the site, where tabs can agree on it: a browser opens few connections to a host.
  let source = null, over = null, asking = null;
  function listen() {
    if (source || !Source) return;
    source = new Source(path);
    source.addEventListener('set', (event) => {
      let message;
      try { apply(message = JSON.parse(event.data)); } catch (error) { return; }
      // What is not answered is sent once more, to the page that comes next.
      post({ done: message.consent.order }).catch(() => {});
    });
  }
  function begin() {
    if (!locks) { listen(); return; }
    asking = new AbortController();
    locks.request('consentry-live', { signal: asking.signal }, () => new Promise((done) => { over = done; listen(); })).catch(() => {});
  }
  function end() {
    if (source) source.close();
    if (over) over();
    if (asking) asking.abort();
    source = over = asking = null;
  }
  addEventListener('pagehide', end);
  addEventListener('pageshow', (event) => { if (event.persisted) begin(); });
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', begin, { once: true });
  else begin();

  // ---- Hosts that nobody has catalogued: in reverse mode only the browser knows which the page asks.
  const known = new Set();
  let named = [], timer = 0;
  function see(entries) {
    for (const entry of entries) {
      let url;
      try { url = new N.URL(entry.name); } catch (error) { continue; }
      if (!/^(?:https?|wss?):$/.test(url.protocol) || url.hostname === location.hostname || known.has(url.hostname) || known.size > 300) continue;
      if (core.match(url)) continue;
      known.add(url.hostname);
      named.push([url.hostname, entry.initiatorType || '']);
    }
    if (named.length && !timer) timer = setTimeout(() => { timer = 0; post({ hosts: named.splice(0, 50) }).catch(() => {}); }, 500);
  }
  if (wanted.hosts && window.PerformanceObserver) try { new PerformanceObserver((list) => see(list.getEntries())).observe({ type: 'resource', buffered: true }); } catch (error) { /* an older browser */ }

  // ---- The badge.
  if (!BADGE) return;
  const badge = {
    get: api.get,
    on: api.on,
    choose: (categories, vendors) => apply({ cookie: cookieOf({ categories, vendors }), consent: { ...ofBrowser(), categories, vendors, signal: 'cookie consentry' } }),
    forget: () => apply({ cookie: '', forget: true, consent: { ...ofBrowser(), categories: {}, vendors: {}, signal: 'none' } }),
    gpc: (on) => post({ pretend: on }).then(() => apply({ cookie: '', consent: { ...at.consent, gpc: on } })),
    counts: () => post({ counts: true }).then((answer) => (answer.ok ? answer.json() : null)),
  };
  addEventListener('load', () => import(home + 'badge.js?v=' + state.version).then((module) => module.show(badge)).catch(() => {}), { once: true });
}
