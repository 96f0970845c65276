// Stands in for gpt.js: slots are defined and stay empty.
(() => {
  'use strict';
  const w = window;
  const tag = (w.googletag = w.googletag || {});
  // `apiReady` means that the real library is here.
  if (tag.apiReady) return;

  const nothing = () => {};
  const slots = [];
  const listeners = new Map();
  const keyValues = () => {
    const values = new Map();
    return {
      getTargeting: (key) => [].concat(values.has(key) ? values.get(key) : []),
      getTargetingKeys: () => [...values.keys()],
      put: (key, value) => values.set(key, value),
      drop: (key) => (key === undefined ? values.clear() : values.delete(key)),
    };
  };
  // Adds methods that return the object itself, so that calls can be chained.
  const chain = (target, names) => {
    for (const name of names.split(' ')) target[name] = () => target;
    return target;
  };
  const targeted = (target) => {
    const { getTargeting, getTargetingKeys, put, drop } = keyValues();
    return Object.assign(target, {
      getTargeting,
      getTargetingKeys,
      setTargeting: (key, value) => (put(key, value), target),
      clearTargeting: (key) => (drop(key), target),
      get: () => null,
      getAttributeKeys: () => [],
      getConfig: () => ({}),
    });
  };
  const tell = (type, event) => {
    for (const listener of listeners.get(type) || []) setTimeout(listener, 0, event);
  };
  // Pages collapse a place, or show something else there, once they hear that it stays empty.
  const render = (slot) => {
    const event = { isEmpty: true, serviceName: 'publisher_ads', size: null, slot };
    tell('slotRequested', event);
    tell('slotResponseReceived', event);
    tell('slotRenderEnded', event);
  };

  const service = (name) => ({
    addEventListener: (type, listener) => {
      listeners.set(type, [...(listeners.get(type) || []), listener]);
      return tag;
    },
    removeEventListener: (type, listener) => {
      listeners.set(
        type,
        (listeners.get(type) || []).filter((each) => each !== listener),
      );
    },
    getSlots: () => [...slots],
    getName: () => name,
  });
  const pubads = targeted(
    Object.assign(
      chain(
        service('publisher_ads'),
        'set setCategoryExclusion clearCategoryExclusions setLocation setPublisherProvidedId setForceSafeFrame ' +
          'setSafeFrameConfig setPrivacySettings setCookieOptions setRequestNonPersonalizedAds setTagForChildDirectedTreatment ' +
          'clearTagForChildDirectedTreatment updateCorrelator',
      ),
      {
        clear: () => true,
        collapseEmptyDivs: () => true,
        disableInitialLoad: nothing,
        display: nothing,
        enableAsyncRendering: () => true,
        enableLazyLoad: nothing,
        enableSingleRequest: () => true,
        enableSyncRendering: () => false,
        enableVideoAds: nothing,
        isInitialLoadDisabled: () => false,
        refresh: (given) => (given || slots).forEach(render),
        setCentering: nothing,
        setVideoContent: nothing,
      },
    ),
  );
  const companions = Object.assign(service('companion_ads'), { enableSyncLoading: nothing, setRefreshUnfilledSlots: nothing });

  const define = (path, id) => {
    const slot = targeted(
      chain(
        {},
        'addService defineSizeMapping setClickUrl setCategoryExclusion clearCategoryExclusions setCollapseEmptyDiv ' +
          'setForceSafeFrame setSafeFrameConfig set setConfig updateTargetingFromMap',
      ),
    );
    Object.assign(slot, {
      getAdUnitPath: () => path,
      getCategoryExclusions: () => [],
      getResponseInformation: () => null,
      getSlotElementId: () => id,
      getSlotId: () => ({ getAdUnitPath: () => path, getDomId: () => id, getId: () => id, getName: () => path }),
      getSizes: () => [],
      getServices: () => [pubads],
    });
    slots.push(slot);
    return slot;
  };
  const idOf = (place) => {
    if (typeof place === 'string') return place;
    if (place && typeof place.getSlotElementId === 'function') return place.getSlotElementId();
    return place && place.id;
  };

  const numbered = (names) => Object.fromEntries(names.split(' ').map((name, index) => [name, index + 1]));

  const waiting = Array.isArray(tag.cmd) ? tag.cmd : [];
  Object.assign(tag, {
    apiReady: true,
    pubadsReady: true,
    companionAds: () => companions,
    content: () => Object.assign(service('content'), { setContent: nothing }),
    // null says that a format (interstitial, anchor, rewarded …) cannot be shown here.
    defineOutOfPageSlot: (path, place) => (typeof place === 'number' ? null : define(path, place || path)),
    defineSlot: (path, _, place) => define(path, place || path),
    destroySlots: (given) => {
      const gone = given || [...slots];
      const found = gone.filter((each) => slots.includes(each));
      for (const each of found) slots.splice(slots.indexOf(each), 1);
      return found.length > 0;
    },
    disablePublisherConsole: nothing,
    display: (place) => slots.filter((each) => each.getSlotElementId() === idOf(place)).forEach(render),
    enableServices: nothing,
    getConfig: () => ({}),
    getVersion: () => '0',
    openConsole: nothing,
    pubads: () => pubads,
    setAdIframeTitle: nothing,
    setConfig: nothing,
    sizeMapping: () => {
      const sizes = [];
      const builder = { addSize: (...size) => (sizes.push(size), builder), build: () => sizes };
      return builder;
    },
    // Only the names are public; their values are handed back to us.
    enums: tag.enums || {
      OutOfPageFormat: numbered(
        'TOP_ANCHOR BOTTOM_ANCHOR INTERSTITIAL REWARDED LEFT_SIDE_RAIL RIGHT_SIDE_RAIL GAME_MANUAL_INTERSTITIAL AD_INTENTS',
      ),
      TrafficSource: numbered('PURCHASED ORGANIC'),
      TagForAgeTreatment: numbered('UNSPECIFIED CHILD TEEN'),
    },
    secureSignalProviders: { push: () => 0, clearAllCache: nothing },
    cmd: {
      push: (...commands) => {
        for (const command of commands) {
          try {
            command.call(w);
          } catch (error) {
            console.error(error);
          }
        }
        return 0;
      },
    },
  });
  tag.cmd.push(...waiting);
})();
