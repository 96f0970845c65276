// Behaves as the account's loader does: adds the script of each part, here of analytics alone.
(() => {
  'use strict';
  if (document.getElementById('hs-analytics')) return;
  const script = document.createElement('script');
  script.id = 'hs-analytics';
  script.src = 'https://js.hs-analytics.net/analytics/1713978600000/1234567.js';
  document.head.append(script);
})();
