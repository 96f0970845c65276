// Stands in for firebase-performance.js, an ES module: traces can be made, and nothing is measured.
// Names that the module exports, as of Firebase 9 to 13.
const performanceOf = (app, settings) => ({
  app,
  instrumentationEnabled: false,
  dataCollectionEnabled: false,
  ...settings,
});

export const getPerformance = (app) => performanceOf(app);
export const initializePerformance = performanceOf;
export const trace = () => {
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
