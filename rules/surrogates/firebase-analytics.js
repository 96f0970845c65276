// Stands in for firebase-analytics.js, an ES module: whoever imports it from here goes on, without measurement.
// Names that the module exports, as of Firebase 9 to 13.
const nothing = () => {};
const analyticsOf = (app) => ({ app });

export const getAnalytics = analyticsOf;
export const initializeAnalytics = analyticsOf;
export const isSupported = async () => false;
export const getGoogleAnalyticsClientId = async () => '';
export const logEvent = (analytics, name, parameters) => {
  const callback = parameters && parameters.event_callback;
  if (typeof callback === 'function') setTimeout(callback, 0);
};
export const setAnalyticsCollectionEnabled = nothing;
export const setConsent = nothing;
export const setCurrentScreen = nothing;
export const setDefaultEventParameters = nothing;
export const setUserId = nothing;
export const setUserProperties = nothing;
export const settings = nothing;
