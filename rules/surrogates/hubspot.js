(() => {
  'use strict';
  // HubSpot's scripts take calls from these arrays; nothing a page does waits for an answer.
  window._hsq = window._hsq || [];
  window._hsp = window._hsp || [];
})();
