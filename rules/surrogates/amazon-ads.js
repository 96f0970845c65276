(() => {
  'use strict';
  // A page's auction waits for Amazon's answer: it gets one without bids, so that the other bidders' ads still show.
  const known = window.apstag || {};
  const answer = (callback) => {
    if (typeof callback === 'function') setTimeout(callback, 0, []);
  };
  const waiting = Array.isArray(known._Q) ? known._Q.splice(0) : [];
  window.apstag = {
    init: (settings, callback) => {
      if (typeof callback === 'function') setTimeout(callback);
    },
    fetchBids: (asked, callback) => answer(callback),
    setDisplayBids: () => {},
    targetingKeys: () => [],
    _Q: [],
  };
  waiting.forEach(([name, values]) => name === 'f' && answer(values[1]));
})();
