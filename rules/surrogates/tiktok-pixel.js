(() => {
  'use strict';
  const name = window.TiktokAnalyticsObject || 'ttq';
  const methods = ['page', 'track', 'identify', 'instances', 'debug', 'on', 'off', 'once', 'ready', 'alias', 'group',
    'enableCookie', 'disableCookie', 'holdConsent', 'revokeConsent', 'grantConsent'];
  const queue = window[name] || [];
  // Only the base code's queue is an array; anything else is not ours to change.
  if (!Array.isArray(queue)) return;
  const ready = (callback) => {
    if (typeof callback === 'function') setTimeout(callback);
  };
  // Pages put work into ready() that must go on without the pixel.
  queue.splice(0).forEach(([method, ...values]) => method === 'ready' && ready(values[0]));
  const silence = (target) => {
    methods.forEach((method) => {
      target[method] = () => {};
    });
    target.instances = () => [];
    target.ready = ready;
    return target;
  };
  window[name] = silence(queue);
  queue.push = () => 0;
  queue.load = () => {};
  queue.instance = () => silence([]);
})();
