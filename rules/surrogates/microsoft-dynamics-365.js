(function () {
  'use strict';
  const w = window;
  const none = function () {};
  // The tracking snippet brings its own object; pages that load the script another way still call these.
  w.MSCI = w.MSCI || {
    consentry: true,
    initialize: none,
    trackEvent: none,
    trackView: none,
    trackAction: none,
    setConfig: none,
    setProperty: none,
    setUser: none,
    teardown: none,
  };
  w.MsCrmMkt = w.MsCrmMkt || {};
  w.MsCrmMkt.reconfigureTracking = w.MsCrmMkt.reconfigureTracking || none;
  w.MsCrmMkt.MsCrmFormLoader = w.MsCrmMkt.MsCrmFormLoader || { on: none };
  // A form of the site's own stays as it was: the page's code that would take it over never gets it.
  w.d365mktformcapture = w.d365mktformcapture || {
    waitForElement: () => new Promise(none),
    serializeForm: () => ({ SerializedForm: { build: () => ({}) } }),
    // Refused, not forgotten: the page must not tell the visitor that the form was sent.
    submitForm: () => Promise.reject(new Error('The form needs consent to functional services.')),
  };
})();
