// Stands in for firebase-performance.js of the namespaced API, and for its standalone form, which brings firebase along.
(() => {
  'use strict';
  const own = document.currentScript && document.currentScript.src;
  const standalone = own && own.includes('standalone');
  if (!window.firebase && standalone) {
    const apps = [];
    const appOf = (name = '[DEFAULT]') => apps.find((each) => each.name === name);
    window.firebase = {
      apps,
      SDK_VERSION: '',
      app: appOf,
      initializeApp: (options, name = '[DEFAULT]') => {
        const app = { name, options, delete: async () => {}, performance: () => window.firebase.performance(app) };
        apps.push(app);
        return app;
      },
      registerVersion: () => {},
      setLogLevel: () => {},
    };
  }
  const firebase = window.firebase;
  // Without firebase-app there is nothing to add to; the real script would say so.
  if (!firebase || firebase.performance) return;

  const trace = () => {
    const metrics = new Map();
    const attributes = new Map();
    return {
      start() {},
      stop() {},
      record() {},
      putMetric: (name, value) => void metrics.set(name, Math.floor(value) || 0),
      incrementMetric: (name, by = 1) => void metrics.set(name, (metrics.get(name) || 0) + by),
      getMetric: (name) => metrics.get(name) || 0,
      putAttribute: (name, value) => void attributes.set(name, value),
      getAttribute: (name) => attributes.get(name),
      removeAttribute: (name) => void attributes.delete(name),
      getAttributes: () => Object.fromEntries(attributes),
    };
  };
  const service = (app) => ({ app, trace, instrumentationEnabled: false, dataCollectionEnabled: false });
  firebase.performance = (app) => service(app || firebase.apps[0]);
  const App = firebase.app.App;
  if (App) {
    App.prototype.performance = function () {
      return service(this);
    };
  }
})();
