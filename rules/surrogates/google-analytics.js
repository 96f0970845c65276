// Stands in for analytics.js, ga.js, dc.js and urchin.js.
(() => {
  'use strict';
  const w = window;
  const later = (callback, ...told) => {
    if (typeof callback === 'function') setTimeout(callback, 0, ...told);
  };
  const nothing = () => {};

  // analytics.js
  const name = w.GoogleAnalyticsObject || 'ga';
  const before = w[name];
  // `loaded` means that the real library is here.
  if (!(before && before.loaded)) {
    const trackers = new Map();
    const hitCallbackOf = (fields) => fields.forEach((each) => each && later(each.hitCallback));
    const tracker = (given) => {
      const fields = { clientId: '', linkerParam: '', ...given };
      return {
        get: (field) => fields[field],
        set: (field, value) => {
          Object.assign(fields, typeof field === 'string' ? { [field]: value } : field);
        },
        send: (...call) => hitCallbackOf([...call, fields]),
      };
    };
    // create(id, domain, name, fields): each may be left out, and an object ends the list.
    const create = (...given) => {
      const texts = given.filter((each) => typeof each === 'string');
      const fields = { trackingId: texts[0], cookieDomain: texts[1], name: texts[2] || 't0' };
      Object.assign(fields, ...given.filter((each) => each instanceof Object));
      const made = tracker(fields);
      trackers.set(fields.name, made);
      return made;
    };
    const run = (command, ...call) => {
      if (typeof command === 'function') {
        later(command, trackers.get('t0') || [...trackers.values()][0]);
        return;
      }
      if (typeof command !== 'string') return;
      const [, prefix, method] = /^(?:(.*)\.)?(.*)$/.exec(command);
      if (method === 'create') create(...call);
      else if (method === 'remove') trackers.delete(prefix || 't0');
      else if (method === 'set' && trackers.has(prefix || 't0')) trackers.get(prefix || 't0').set(...call);
      else if (method === 'send') hitCallbackOf(call);
    };
    w[name] = Object.assign((...call) => run(...call), {
      create,
      remove: (each) => trackers.delete(each),
      getAll: () => [...trackers.values()],
      getByName: (each) => trackers.get(each),
      answer: 42,
      l: Number(new Date()),
      q: [],
    });
    w.gaplugins = w.gaplugins || {};
    w.gaplugins.Linker =
      w.gaplugins.Linker ||
      class Linker {
        autoLink() {}
        decorate(target) {
          return target;
        }
        passthrough() {}
      };
    w.google_tag_data = w.google_tag_data || {};
    for (const call of (before && before.q) || []) run(...call);
    // The anti-flicker snippet of Optimize hides the page until its container is there.
    const hide = w.dataLayer && w.dataLayer.hide;
    if (hide && typeof hide.end === 'function') hide.end();
  }

  // ga.js: methods that return something, and for all others nothing.
  const answers = { _getLinkerUrl: (url) => url, _getName: () => '', _getAccount: () => '', _getVersion: () => '' };
  const classic = new Proxy({}, { get: (_, method) => answers[method] || nothing });
  const queue = w._gaq;
  if (!queue || Array.isArray(queue)) {
    w._gat = w._gat || {
      _getTracker: () => classic,
      _getTrackerByName: () => classic,
      _createTracker: () => classic,
      _anonymizeIp: nothing,
    };
    const push = (...calls) => {
      for (const call of calls) {
        if (typeof call === 'function') later(call);
        else if (!Array.isArray(call)) continue;
        // ga.js itself follows a link that is handed over to it.
        else if (/(?:^|\.)_link$/.test(call[0]) && call[1]) w.location.assign(call[1]);
        else if (/(?:^|\.)_set$/.test(call[0]) && call[1] === 'hitCallback') later(call[2]);
      }
      return 0;
    };
    w._gaq = { push, _getAsyncTracker: () => classic, _createAsyncTracker: () => classic };
    push(...(queue || []));
  }

  w.urchinTracker = w.urchinTracker || nothing;
})();
