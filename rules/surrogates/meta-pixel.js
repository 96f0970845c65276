(function () {
  'use strict';
  // The base code's own queue stays as it is; a page that loads the script without it gets the same queue.
  if (typeof window.fbq === 'function') return;
  const fbq = function () {
    fbq.queue.push(arguments);
  };
  fbq.push = fbq;
  fbq.loaded = true;
  fbq.version = '2.0';
  fbq.queue = [];
  fbq.consentry = true;
  window.fbq = fbq;
})();
