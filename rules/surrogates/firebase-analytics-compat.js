// Stands in for firebase-analytics.js of the namespaced API: firebase.analytics() and app.analytics().
(() => {
  'use strict';
  const firebase = window.firebase;
  // Without firebase-app there is nothing to add to; the real script would say so.
  if (!firebase || firebase.analytics) return;
  const nothing = () => {};
  const service = (app) => ({
    app,
    logEvent: (name, parameters) => {
      const callback = parameters && parameters.event_callback;
      if (typeof callback === 'function') setTimeout(callback, 0);
    },
    setAnalyticsCollectionEnabled: nothing,
    setCurrentScreen: nothing,
    setUserId: nothing,
    setUserProperties: nothing,
  });
  const appOf = (app) => app || (firebase.apps && firebase.apps[0]);
  firebase.analytics = Object.assign((app) => service(appOf(app)), {
    Analytics: class Analytics {},
    // ADD_TO_CART is 'add_to_cart', and so on.
    EventName: new Proxy({}, { get: (_, name) => String(name).toLowerCase() }),
    isSupported: async () => false,
    settings: nothing,
  });
  const App = firebase.app && firebase.app.App;
  if (App) {
    App.prototype.analytics = function () {
      return service(this);
    };
  }
})();
