(() => {
  'use strict';

  const tag = document.querySelector('script[data-global-segment-analytics-key]');
  const key = (tag && tag.dataset.globalSegmentAnalyticsKey) || 'analytics';
  const before = window[key];
  // The real library is here, or this one is already.
  if (before && before.initialized) return;

  const analytics = Array.isArray(before) ? before : before || {};
  const queued = Array.isArray(before) ? before.splice(0) : [];
  const later = (callback, ...told) => {
    if (typeof callback === 'function') setTimeout(callback, 0, ...told);
  };
  const entity = () => ({
    id: () => null,
    anonymousId: () => null,
    traits: () => ({}),
    properties: () => ({}),
    reset() {},
    logout() {},
  });

  // One argument may be a callback; the promise gives a context, as Analytics.js 2 does.
  const event = (type) => (...call) => {
    const context = { event: { type }, attempts: 0, isCancelled: true };
    later(call.find((argument) => typeof argument === 'function'), context);
    return Promise.resolve(context);
  };
  const listen = (name, callback) => {
    if (name === 'ready' || name === 'initialize') later(callback);
    return analytics;
  };
  const chained = () => analytics;
  const settled = () => Promise.resolve(analytics);

  const methods = {
    track: event('track'),
    page: event('page'),
    identify: event('identify'),
    alias: event('alias'),
    screen: event('screen'),
    group: (...call) => (call.length ? event('group')(...call) : entity()),
    pageview: event('page'),
    ready: (callback) => {
      later(callback);
      return Promise.resolve([]);
    },
    on: listen,
    once: listen,
    off: chained,
    emit: chained,
    debug: chained,
    timeout() {},
    reset() {},
    load() {},
    use: chained,
    user: entity,
    setAnonymousId: () => null,
    // Links and forms are left as they are, so that they go where they lead.
    trackLink: settled,
    trackClick: settled,
    trackForm: settled,
    trackSubmit: settled,
    addSourceMiddleware: settled,
    addIntegrationMiddleware: settled,
    addDestinationMiddleware: settled,
    register: settled,
    deregister: settled,
    initialized: true,
  };
  Object.assign(analytics, methods);
  // What was queued before, and what a page still pushes, runs at once.
  analytics.push = (...calls) => {
    for (const [method, ...call] of calls.filter(Array.isArray)) {
      if (typeof methods[method] === 'function') methods[method](...call);
    }
    return 0;
  };
  window[key] = analytics;
  analytics.push(...queued);

  // The npm package's browser build has a name of its own; awaiting its AnalyticsBrowser gives [analytics, context].
  if (!window.AnalyticsNext) {
    const then = (...handlers) => Promise.resolve([analytics, {}]).then(...handlers);
    const browser = { ...methods, then, catch: settled, finally: settled };
    const AnalyticsBrowser = function () {
      return browser;
    };
    AnalyticsBrowser.load = () => browser;
    AnalyticsBrowser.standalone = settled;
    window.AnalyticsNext = { AnalyticsBrowser };
  }
})();
