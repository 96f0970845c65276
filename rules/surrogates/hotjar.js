(() => {
  'use strict';
  // Hotjar's own function carries its settings; the tracking code's queue does not.
  if (window.hj && window.hj.settings) return;
  window.hj = () => {};
})();
