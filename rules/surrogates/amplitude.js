(() => {
  'use strict';

  const later = (callback, ...told) => {
    if (typeof callback === 'function') setTimeout(callback, 0, ...told);
  };
  const nothing = () => {};
  const unknown = () => undefined;
  // The 2.x methods return a promise of a result, the 8.x ones take callbacks; both hear that nothing was sent.
  const told = (...call) => {
    later(call.find((argument) => typeof argument === 'function'), 0, 'held');
    return { promise: Promise.resolve({ event: { event_type: call[0] }, code: 0, message: 'held' }) };
  };
  const chain = (names) => {
    const made = function () {
      this._q = [];
    };
    for (const name of names.split(' ')) {
      made.prototype[name] = function () {
        return name.startsWith('get') ? {} : this;
      };
    }
    return made;
  };
  const each = (names, method) => Object.fromEntries(names.split(' ').map((name) => [name, method]));

  const instances = {};
  const prepare = (target) => {
    const queued = target._q || [];
    Object.assign(
      target,
      each('track logEvent identify groupIdentify setGroup revenue flush add remove', told),
      each('logEventWithTimestamp logEventWithGroups logRevenue logRevenueV2 sendEvents', told),
      each('setDeviceId setSessionId setUserId setIdentity setOptOut setTransport reset extendSession', nothing),
      each('setUserProperties setVersionName setDomain enableTracking setGlobalUserProperties', nothing),
      each('clearUserProperties regenerateDeviceId onNewSessionStart resetSessionId setLibrary', nothing),
      each('setMinTimeBetweenSessionsMillis setEventUploadThreshold setUseDynamicConfig', nothing),
      each('setServerZone setServerUrl', nothing),
      each('getDeviceId getSessionId getUserId', unknown),
      {
        _q: [],
        getIdentity: () => ({}),
        getOptOut: () => true,
        isNewSession: () => false,
        onInit: (callback) => later(callback, target),
        init: (...call) => {
          later(call.find((argument) => typeof argument === 'function'), target);
          return { promise: Promise.resolve() };
        },
      },
    );
    // Both queue forms: {name, args, resolve} and [name, ...args].
    for (const call of queued) {
      const [name, args] = Array.isArray(call) ? [call[0], call.slice(1)] : [call.name, call.args || []];
      const result = typeof target[name] === 'function' ? target[name](...args) : undefined;
      if (typeof call.resolve === 'function') call.resolve(result && result.promise);
    }
    return target;
  };

  for (const global of ['amplitude', 'amplitudeGTM']) {
    const before = window[global];
    // The real library knows how to run what the snippet queued.
    if ((!before && global !== 'amplitude') || (before && before.runQueuedFunctions)) continue;
    const amplitude = (window[global] = before || {});
    const instance = (name) => (instances[name] = instances[name] || prepare((amplitude._iq || {})[name] || {}));
    Object.assign(amplitude, {
      runQueuedFunctions: nothing,
      createInstance: instance,
      getInstance: (name) => instance((name || '$default_instance').toLowerCase()),
      trackVideo: () => nothing,
      Identify: chain('set setOnce add append prepend preInsert postInsert remove unset clearAll getUserProperties'),
      Revenue: chain(
        'setProductId setQuantity setPrice setRevenue setRevenueType setReceipt setReceiptSig setCurrency ' +
          'setEventProperties getEventProperties',
      ),
      Types: {},
    });
    prepare(amplitude);
    Object.keys(amplitude._iq || {}).forEach(instance);
  }

  if (!window.sessionReplay) {
    const plugin = () => ({
      type: 'enrichment',
      name: '@amplitude/plugin-session-replay-browser',
      setup: async () => {},
      execute: async (event) => event,
      teardown: async () => {},
    });
    const held = { promise: Promise.resolve() };
    window.sessionReplay = {
      plugin,
      init: () => held,
      setSessionId: () => held,
      getSessionId: unknown,
      getSessionReplayProperties: () => ({}),
      evaluateTargetingAndCapture: async () => {},
      flush: async () => {},
      shutdown: nothing,
    };
  }
})();
